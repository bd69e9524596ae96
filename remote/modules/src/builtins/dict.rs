//! `builtins.dict`.

use crate::python::live::{Holds, Mapping, Seen, plain_and_class};
use crate::python::{
    Chunk, Cursor, Key, Table, at_most_one, check_depth, check_result, iterate, number, pairs, type_name, weight,
};
use crate::python::{Comparing, lending, repr_of};
use crate::shared::{dict_changed, dict_methods, mapping_methods, mapping_proxy, popitem_method, text_of_repr};
use crate::{Decoded, DecodedPairs, Elements, Exception, Fallible};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::error::Error;
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::Value;

/// A dict, as Python's: values under keys, in the order in which the keys were added.
///
/// A key can be anything but a list or a map; `1`, `1.0` and `true` are the same key.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::DictProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let hits = session.memoize("hits", DictProxy::default()).await?;
/// hits.set("/index.html", 5).await?;
/// assert_eq!(hits.incr::<i64>("/index.html", 2).await?, 7);
/// assert_eq!(hits.get::<i64>("/missing.html").await?, None);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "dict")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dict(Table<Value>);

#[remote]
impl Dict {
    /// Makes a dict of the argument, a map or a list of pairs, if there is one, and of the arguments by name, under
    /// their names.
    #[remote(inline, name = "new")]
    pub fn from_args(#[remote(args)] args: Vec<Value>, #[remote(kwargs)] kwargs: Kwargs) -> Result<Self, Exception> {
        Ok(Dict(entries_of("dict", args, kwargs)?.into_iter().collect()))
    }

    /// Makes a dict whose keys are the elements of `iterable`, all with the same value: `value`, or null without it.
    #[remote(inline)]
    pub fn fromkeys(iterable: Value, value: Option<Value>) -> Result<Self, Exception> {
        fromkeys(iterable, value).map(Dict)
    }
}

#[remote]
impl Dict {
    /// Returns the value under `key`. `KeyError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.0.get(&key).cloned().ok_or_else(|| Exception::no_key(key.value()))
    }

    /// Returns the dict as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

text_of_repr!(looking Dict);
popitem_method!(Dict, DictProxy);
mapping_methods!(Dict, dict_changed);
dict_methods!(Dict, "dict");
mapping_proxy!(DictProxy, "builtins.dict");

impl DictProxy {
    /// Makes a dict of `items`, which is a map or a list of pairs. Without `items`, the dict is empty.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new(items: impl Into<Arg<Value>>) -> FunctionCall<Dict, CallError<Exception>> {
        Self::from_args(items.into().given().into_iter().collect(), Kwargs::new())
    }
}

impl Dict {
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

impl Holds for Dict {
    fn seen(&self) -> Seen<'_> {
        Seen::Dict(&self.0, Mapping::Plain)
    }
}

/// Makes a table whose keys are the elements of `keys`, all with the same value.
pub(crate) fn fromkeys(keys: Value, value: Option<Value>) -> Result<Table<Value>, Exception> {
    let value = value.unwrap_or_default();
    check_depth(&value)?;
    let keys = iterate(keys)?;
    check_result(weight(&value), keys.len())?;
    keys.into_iter().map(|key| Ok((Key::new(key)?, value.clone()))).collect()
}

/// Converts a value to entries of a dict.
pub(crate) fn entries(value: Value) -> Result<Vec<(Key, Value)>, Exception> {
    let entry = |(key, value)| {
        check_depth(&value)?;
        Ok((Key::new(key)?, value))
    };
    pairs(value)?.into_iter().map(entry).collect()
}

/// As [`entries`], of the only positional argument of what CPython calls `function`, followed by the arguments by name.
pub(crate) fn entries_of(function: &str, args: Vec<Value>, kwargs: Kwargs) -> Result<Vec<(Key, Value)>, Exception> {
    let mut all = at_most_one(function, args)?.map_or(Ok(Vec::new()), entries)?;
    all.append(&mut entries(kwargs.into())?);
    Ok(all)
}

impl From<Table<Value>> for Dict {
    fn from(table: Table<Value>) -> Self {
        Dict(table)
    }
}
