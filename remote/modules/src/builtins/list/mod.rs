//! `builtins.list`.

mod items;
mod methods;
mod operators;
mod proxy;

pub(crate) use items::{checked, get};
pub(crate) use operators::repeated;

use crate::Exception;
use crate::python::live::{Holds, Seen};
use crate::python::{Stamp, check_depth, iterate};
use serde::{Deserialize, Serialize, Serializer};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{Counted, Value};

/// A list, as Python's: any values, in order, accessed by index and by slice.
///
/// Where a method takes an index, a slice `[start:stop:step]` is `{"slice": [start, stop, step]}`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ListProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let list = session.memoize("numbers", ListProxy::new(vec![3, 1])).await?;
/// list.append(2).await?;
/// list.sort().await?;
/// assert_eq!(list.to_vec::<i64>().await?, [1, 2, 3]);
/// assert_eq!(list.slice::<i64>(-2..).await?, [2, 3]);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "list")]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Counted")]
pub struct List(Vec<Value>, Stamp);

#[remote]
impl List {
    /// Makes a list of the elements of `items`: of a list, the keys of a map, the characters of a text, or the integers
    /// in bytes. Without `items`, the list is empty.
    #[remote(inline)]
    pub fn new(#[remote(default = Value::Tuple(Vec::new()))] items: Arg<Value>) -> Result<Self, Exception> {
        List::try_from(items.given().map_or(Ok(Vec::new()), iterate)?)
    }
}

impl List {
    /// Returns the elements.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// Returns the elements, to be changed. The caller checks that what it adds is not nested too deeply.
    pub(crate) fn values_mut(&mut self) -> &mut Vec<Value> {
        &mut self.0
    }

    fn as_list(&self) -> &[Value] {
        &self.0
    }

    /// Returns the elements.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }
}

impl Holds for List {
    fn seen(&self) -> Seen<'_> {
        Seen::List(&self.0)
    }
}

/// Fails with `ValueError` if an element is nested too deeply.
impl TryFrom<Vec<Value>> for List {
    type Error = Exception;

    fn try_from(items: Vec<Value>) -> Result<Self, Exception> {
        items.iter().try_for_each(check_depth)?;
        Ok(List(items, Stamp::default()))
    }
}

impl TryFrom<Counted> for List {
    type Error = Exception;

    fn try_from(items: Counted) -> Result<Self, Exception> {
        List::try_from(items.0)
    }
}

/// Converts a value to elements of a list.
fn elements(value: Value) -> Result<Vec<Value>, Exception> {
    List::try_from(iterate(value)?).map(List::into_values)
}

impl<T: Into<Value>> FromIterator<T> for List {
    /// The service checks how deeply the elements are nested when they arrive there.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        List(items.into_iter().map(Into::into).collect(), Stamp::default())
    }
}

impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Value::List(list.0)
    }
}
