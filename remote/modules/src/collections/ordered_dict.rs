//! `collections.OrderedDict`.

use crate::builtins::dict::{entries, entries_of, fromkeys};
use crate::extents::looks_at;
use crate::python::live::{Holds, Mapping, Seen};
use crate::python::live::{plain_and_class, truth};
use crate::python::{Chunk, Cursor, Key, Table, check_depth, number, type_name};
use crate::python::{Comparing, lending, repr_of};
use crate::shared::{dict_methods, mapping_methods, mapping_proxy, ordered_dict_changed, text_of_repr};
use crate::{Decoded, DecodedPairs, Elements, Exception, Fallible, given};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::error::Error;
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::{IntoValue, Value};

/// A dict whose keys can be moved to either end, as Python's `OrderedDict`.
///
/// The other operand of a comparison is a map, which stands for a plain dict; so `==` ignores the order.
///
/// # Examples
///
/// ```
/// use tarmem_modules::collections::OrderedDictProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let cache = session.memoize("cache", OrderedDictProxy::default()).await?;
/// cache.update([("a", 1), ("b", 2)]).await?;
/// cache.move_to_end("a", true).await?;
/// assert_eq!(cache.popitem::<String, i64>(false).await?, ("b".to_owned(), 2)); // the one that was used least recently
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderedDict(Table<Value>);

impl Holds for OrderedDict {
    fn seen(&self) -> Seen<'_> {
        Seen::Dict(&self.0, Mapping::Ordered)
    }
}

#[remote(replay)]
impl OrderedDict {
    /// Makes a dict of the argument, a map or a list of pairs, if there is one, and of the arguments by name, under
    /// their names.
    #[remote(inline, name = "new")]
    pub fn from_args(#[remote(args)] args: Vec<Value>, #[remote(kwargs)] kwargs: Kwargs) -> Result<Self, Exception> {
        Ok(OrderedDict(entries_of("OrderedDict", args, kwargs)?.into_iter().collect()))
    }

    /// Makes a dict whose keys are the elements of `iterable`, all with the same value: `value`, or null without it.
    #[remote(inline)]
    pub fn fromkeys(iterable: Value, value: Option<Value>) -> Result<Self, Exception> {
        fromkeys(iterable, value).map(OrderedDict)
    }

    /// Returns the value under `key`. `KeyError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.0.get(&key).cloned().ok_or_else(|| Exception::no_key(key.value()))
    }

    /// Removes the last key, or the first if `last` is false, and returns it with its value as a tuple of two.
    /// `KeyError` if there is none.
    #[remote(proxy = "popitem_value")]
    pub fn popitem(&mut self, #[remote(default = true)] last: Arg<Value>) -> Result<Value, Exception> {
        let taken = if is_last(last)? { self.0.pop_last() } else { self.0.pop_first() };
        let taken = taken.map(|(key, value)| (key.into_value(), value).into());
        taken.ok_or_else(|| Exception::KeyError("dictionary is empty".into()))
    }

    /// Moves `key` to the end, or to the front if `last` is false. `KeyError` if it is not there.
    ///
    /// Moving to the front takes time proportional to the size of the dict.
    #[remote(proxy = "move_to_end_value")]
    pub fn move_to_end(&mut self, key: Value, #[remote(default = true)] last: Arg<Value>) -> Result<(), Exception> {
        let key = Key::new(key)?;
        let last = is_last(last)?;
        // Moves the key to the end first, and then all others behind it.
        if !last && self.0.keys().next() != Some(&key) {
            looks_at(self.0.len())?;
        }
        if self.0.move_to_end(&key, last) { Ok(()) } else { Err(Exception::no_key(key.value())) }
    }

    /// Returns the dict as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

text_of_repr!(looking OrderedDict);
mapping_methods!(OrderedDict, ordered_dict_changed);
dict_methods!(OrderedDict, "collections.OrderedDict");
mapping_proxy!(OrderedDictProxy, "collections.OrderedDict");

impl OrderedDictProxy {
    /// Makes a dict of `items`, which is a map or a list of pairs. Without `items`, the dict is empty.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new(items: impl Into<Arg<Value>>) -> FunctionCall<OrderedDict, CallError<Exception>> {
        Self::from_args(items.into().given().into_iter().collect(), Kwargs::new())
    }

    /// Moves `key` to the end, or to the front if `last` is false. `KeyError` if it is not there.
    pub fn move_to_end(&self, key: impl IntoValue, last: bool) -> Fallible<()> {
        given(key, |key| self.move_to_end_value(key, last))
    }

    /// Removes the last key, or the first if `last` is false, and returns it with its value. `KeyError` if there is
    /// none.
    pub fn popitem<K, V>(&self, last: bool) -> Decoded<(K, V)> {
        Decoded::new(self.popitem_value(Value::from(last)))
    }
}

impl OrderedDict {
    /// Makes a dict of `items`, which is a map or a list of pairs. Without `items`, the dict is empty.
    ///
    /// # Errors
    /// `TypeError` or `ValueError` if `items` is neither.
    pub fn new(items: Arg<Value>) -> Result<Self, Exception> {
        Self::from_args(items.given().into_iter().collect(), Kwargs::new())
    }

    /// Returns the keys and values.
    pub fn table(&self) -> &Table<Value> {
        &self.0
    }

    /// Returns the keys and values, to be changed.
    pub fn table_mut(&mut self) -> &mut Table<Value> {
        &mut self.0
    }

    /// Returns the keys and values.
    pub fn into_table(self) -> Table<Value> {
        self.0
    }
}

/// Returns whether `last` means the last key, which it does if it is left out.
fn is_last(last: Arg<Value>) -> Result<bool, Exception> {
    last.given().as_ref().map_or(Ok(true), truth)
}
