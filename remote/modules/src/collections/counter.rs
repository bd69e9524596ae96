//! `collections.Counter`.

mod arithmetic;

use crate::python::live::{Holds, Mapping, Seen, operand, plain};
use crate::python::{
    Chunk, Comparison, Cursor, Key, Table, at_most_one, check_depth, check_result, index_of, iterate, merge_sort,
    number, slice_bound_of, type_name, weight, word,
};
use crate::python::{Comparing, lending, repr_of};
use crate::shared::{dict_changed, mapping_methods, mapping_proxy, popitem_method, text_of_repr};
use crate::{Decoded, DecodedPairs, Elements, Exception, Fallible, Given};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::error::Error;
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::{Integer, IntoValue, Value};

/// A dict that counts, as Python's `Counter`: each key has a number, and the count of a missing key is 0.
///
/// In operators and comparisons, a map stands for another counter.
///
/// # Examples
///
/// ```
/// use tarmem_modules::collections::CounterProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let words = session.memoize("words", CounterProxy::default()).await?;
/// words.count(["tea", "milk", "tea"]).await?;
/// assert_eq!(words.get::<i64>("tea").await?, Some(2));
/// assert_eq!(words.most_common::<String, i64>(1).await?, [("tea".to_owned(), 2)]);
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counter(Table<Value>);

const ZERO: Value = Value::Int(Integer::ZERO);

#[remote(replay)]
impl Counter {
    /// Counts the elements of the argument, if there is one. The values of a map are taken as counts, and so are the
    /// arguments by name.
    #[remote(inline, name = "new")]
    pub fn from_args(#[remote(args)] args: Vec<Value>, #[remote(kwargs)] kwargs: Kwargs) -> Result<Self, Exception> {
        let mut counter = Counter::default();
        counter.apply("Counter", args, kwargs, Counter::count_in)?;
        Ok(counter)
    }

    /// Fails with `NotImplementedError`, as in Python: `Counter(iterable)` counts, and no other number would make sense
    /// for every key.
    #[remote(inline)]
    pub fn fromkeys(iterable: Value, v: Option<Value>) -> Result<Self, Exception> {
        let (_, _) = (iterable, v);
        let message = "Counter.fromkeys() is undefined.  Use Counter(iterable) instead.";
        Err(Exception::NotImplementedError(message.to_owned()))
    }

    /// Returns the count of `key`, or 0 if it is missing. A missing key is not added.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        Ok(self.count(&Key::new(key)?).clone())
    }

    /// Returns the count of a missing key: 0.
    #[remote(name = "__missing__")]
    pub fn missing(&self, key: Value) -> i64 {
        let _ = key;
        0
    }

    /// Removes `key`, if it is there.
    #[remote(name = "__delitem__")]
    pub fn delitem(&mut self, key: Value) -> Result<(), Exception> {
        self.0.remove(&Key::new(key)?);
        Ok(())
    }

    /// Adds the counts of the elements of the argument, if there is one. The values of a map are taken as counts, and
    /// so are the arguments by name.
    #[remote(proxy = "update_values", scales)]
    pub fn update(
        &mut self,
        #[remote(args)] args: Vec<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<(), Exception> {
        self.apply("Counter.update", args, kwargs, Counter::count_in)
    }

    /// Subtracts the counts of the elements of the argument, if there is one. The values of a map are taken as counts,
    /// and so are the arguments by name. Counts may become negative.
    #[remote(proxy = "subtract_values", scales)]
    pub fn subtract(
        &mut self,
        #[remote(args)] args: Vec<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<(), Exception> {
        self.apply("Counter.subtract", args, kwargs, |counter, items| counter.combine(items, number::subtract))
    }

    /// Returns the keys with their counts, as tuples, from the highest count to the lowest; of equal counts, the key
    /// that came first. With `n`, only the first `n` of them.
    #[remote(proxy = "most_common_values", scales)]
    pub fn most_common(&self, n: Option<Value>) -> Result<Vec<Value>, Exception> {
        let pairs = self.ordered(n)?.into_iter().map(|(key, count)| (key.value().clone(), count.clone()).into());
        Ok(pairs.collect())
    }

    /// Returns each key as many times as its count, as a plain list. Keys with a count below one are left out.
    #[remote(scales)]
    pub fn elements(&self) -> Result<Vec<Value>, Exception> {
        let mut bytes = 0usize;
        let mut elements = Vec::new();
        for (key, count) in self.0.iter() {
            let count = usize::try_from(word(count)?.max(0)).unwrap_or(usize::MAX);
            bytes = bytes.saturating_add(weight(key.value()).saturating_mul(count));
            check_result(bytes, 1)?;
            elements.extend(std::iter::repeat_n(key.value(), count).cloned());
        }
        Ok(elements)
    }

    /// Returns the sum of the counts.
    #[remote(proxy = "total_value", scales)]
    pub fn total(&self) -> Result<Value, Exception> {
        self.0.values().try_fold(Value::from(0), |sum, count| number::add(&sum, count))
    }

    /// Returns the counter as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

text_of_repr!(looking Counter);
popitem_method!(Counter, CounterProxy);
mapping_methods!(Counter, dict_changed);
mapping_proxy!(CounterProxy, "collections.Counter");

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl CounterProxy {
    /// Counts the elements of `items`; the values of a map are taken as counts. Without `items`, the counter is empty.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new(items: Option<Value>) -> FunctionCall<Counter, CallError<Exception>> {
        Self::from_args(items.into_iter().collect(), Kwargs::new())
    }

    /// Adds the counts of the elements of `items`.
    pub fn count<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.update_values(vec![given.list(items)], Kwargs::new());
        given.checked(call)
    }

    /// Returns the `n` keys with the highest counts, with these counts, the highest first.
    pub fn most_common<K, N>(&self, n: usize) -> DecodedPairs<K, N> {
        Decoded::new(self.most_common_values(Some(n.into())))
    }

    /// Returns the sum of the counts.
    pub fn total<N>(&self) -> Decoded<N> {
        Decoded::new(self.total_value())
    }
}

impl Counter {
    /// Counts the elements of `items`; the values of a map are taken as counts. Without `items`, the counter is empty.
    ///
    /// # Errors
    /// `TypeError` if `items` has no elements.
    pub fn new(items: Option<Value>) -> Result<Self, Exception> {
        Self::from_args(items.into_iter().collect(), Kwargs::new())
    }

    /// Returns the keys and counts.
    pub fn table(&self) -> &Table<Value> {
        &self.0
    }

    /// Returns the keys and counts, to be changed.
    pub fn table_mut(&mut self) -> &mut Table<Value> {
        &mut self.0
    }

    /// Returns the keys and counts.
    pub fn into_table(self) -> Table<Value> {
        self.0
    }

    /// Returns the keys with their counts, from the highest count to the lowest; of equal counts, the key that came
    /// first. With `n`, only the first `n` of them.
    fn ordered(&self, n: Option<Value>) -> Result<Vec<(&Key, &Value)>, Exception> {
        let n = n.as_ref().map(how_many).transpose()?;
        if n.is_some_and(|n| n <= 0) {
            return Ok(Vec::new());
        }
        let counts: Vec<(&Key, &Value)> = self.0.iter().collect();
        let mut comparing = Comparing::default();
        let order = merge_sort(counts.len(), |a, b| comparing.holds(Comparison::Greater, counts[a].1, counts[b].1))?;
        let n = n.map_or(counts.len(), |n| usize::try_from(n).unwrap_or(usize::MAX));
        Ok(order.into_iter().take(n).filter_map(|at| counts.get(at).copied()).collect())
    }

    fn count(&self, key: &Key) -> &Value {
        self.0.get(key).unwrap_or(&ZERO)
    }

    /// Calls `with` for the only positional argument, if there is one, and for the arguments by name. Applies both or
    /// neither.
    fn apply(
        &mut self,
        function: &str,
        args: Vec<Value>,
        kwargs: Kwargs,
        with: fn(&mut Self, Value) -> Result<(), Exception>,
    ) -> Result<(), Exception> {
        let items = at_most_one(function, args)?.filter(|items| !items.is_null());
        let items = items.map(|items| lending(self, || plain(items))).transpose()?;
        match (items, kwargs.is_empty()) {
            (None, true) => Ok(()),
            (Some(items), true) => with(self, items),
            (None, false) => with(self, kwargs.into()),
            (Some(items), false) => {
                let mut both = self.clone();
                with(&mut both, items)?;
                with(&mut both, kwargs.into())?;
                self.0.assign(both.0);
                Ok(())
            }
        }
    }

    fn count_in(&mut self, items: Value) -> Result<(), Exception> {
        match items {
            // The first counts may be of any type, since nothing is added to them.
            items @ Value::Map(_) if self.0.is_empty() => {
                self.0.extend(counts(items)?);
                Ok(())
            }
            items => self.combine(items, |count, other| number::add(other, count)),
        }
    }

    /// Combines each count in `items` with the one here. Changes all of them, or none.
    fn combine(
        &mut self,
        items: Value,
        combine: impl Fn(&Value, &Value) -> Result<Value, Exception>,
    ) -> Result<(), Exception> {
        let mut changed: Table<Value> = Table::new();
        for (key, other) in counts(items)? {
            let combined = combine(changed.get(&key).unwrap_or_else(|| self.count(&key)), &other)?;
            changed.insert(key, combined);
        }
        self.0.extend(changed.into_entries());
        Ok(())
    }
}

impl Holds for Counter {
    fn seen(&self) -> Seen<'_> {
        Seen::Dict(&self.0, Mapping::Counter)
    }
}

/// Converts the number of counts that `most_common` should return. The errors are CPython's, which first compares the
/// number with how many counts there are.
fn how_many(n: &Value) -> Result<i128, Exception> {
    match &*operand(n)? {
        n @ (Value::Int(_) | Value::Bool(_)) => index_of(n),
        Value::Float(_) => slice_bound_of(n),
        _ => Err(Comparison::GreaterOrEqual.unsupported(type_name(n), "int")),
    }
}

/// Returns the entries of a map, or each element with a count of 1.
fn counts(items: Value) -> Result<Vec<(Key, Value)>, Exception> {
    let entries = match plain(items)? {
        Value::Map(entries) => entries,
        items => iterate(items)?.into_iter().map(|item| (item, Value::from(1))).collect(),
    };
    let entry = |(key, count)| {
        check_depth(&count)?;
        Ok((Key::new(key)?, count))
    };
    entries.into_iter().map(entry).collect()
}
