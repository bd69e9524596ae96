//! Module `types`: `SimpleNamespace`.

use super::python::{Comparing, Key, Table, check_depth, repr_of_parts};
use super::shared::text_of_repr;
use super::{Decoded, Exception, Fallible, given};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::call::CallError;
use tarmem_remote::object::Extent;
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::{IntoValue, Value};

/// An object with any attributes, as Python's `types.SimpleNamespace`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::types::SimpleNamespaceProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let settings = session.memoize("settings", SimpleNamespaceProxy::default()).await?;
/// settings.set("color", "red").await?;
/// assert_eq!(settings.get::<String>("color").await?, "red");
/// # Ok(())
/// # }
/// ```
#[remote(module = "types")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table<Value>")]
pub struct SimpleNamespace(Table<Value>);

#[remote(replay)]
impl SimpleNamespace {
    /// Makes an object whose attributes are those in a map, if there is one, and the arguments by name.
    #[remote(inline, name = "new")]
    pub fn from_args(#[remote(args)] args: Vec<Value>, #[remote(kwargs)] kwargs: Kwargs) -> Result<Self, Exception> {
        let table = super::builtins::dict::entries_of("SimpleNamespace", args, kwargs)?;
        SimpleNamespace::try_from(table.into_iter().collect::<Table<Value>>())
    }

    /// Returns the attribute `name`. `AttributeError` if there is none.
    #[remote(name = "__getattr__")]
    pub fn getattr(&self, name: String) -> Result<Value, Exception> {
        let (name, key) = named(name)?;
        self.0.get(&key).cloned().ok_or_else(|| no_attribute(&name))
    }

    /// Sets the attribute `name`.
    #[remote(name = "__setattr__")]
    pub fn setattr(&mut self, name: String, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        self.0.insert(named(name)?.1, value);
        Ok(())
    }

    /// Removes the attribute `name`. `AttributeError` if there is none.
    #[remote(name = "__delattr__")]
    pub fn delattr(&mut self, name: String) -> Result<(), Exception> {
        let (name, key) = named(name)?;
        self.0.remove(&key).map(|_| ()).ok_or_else(|| no_attribute(&name))
    }

    /// Returns whether there is an attribute `name`.
    pub fn hasattr(&self, name: String) -> Result<bool, Exception> {
        Ok(self.0.contains(&named(name)?.1))
    }

    /// Returns the names of the attributes, in alphabetical order.
    #[remote(name = "__dir__", scales)]
    pub fn dir(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.keys().filter_map(|key| key.value().as_str()).map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    /// Returns the attributes, as a plain map.
    #[remote(name = "__dict__", scales)]
    pub fn attributes(&self) -> Value {
        self.clone().into()
    }

    /// Returns whether `other` is a map of the same attributes.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        Comparing::default().equal(&self.attributes(), &other)
    }

    /// Returns whether `other` is not a map of the same attributes.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        self.equals(other).map(|equal| !equal)
    }

    /// Returns the object as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        let parts = self.0.iter().map(|(key, value)| (key.value().as_str().unwrap_or_default(), value));
        repr_of_parts("namespace", parts)
    }
}

text_of_repr!(looking SimpleNamespace);

impl Extent for SimpleNamespace {
    fn extent(&self) -> usize {
        self.0.len()
    }
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl SimpleNamespaceProxy {
    /// Makes an object whose attributes are those in a map. Without `attributes`, it has none.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new(attributes: impl Into<Arg<Value>>) -> FunctionCall<SimpleNamespace, CallError<Exception>> {
        Self::from_args(attributes.into().given().into_iter().collect(), Kwargs::new())
    }

    /// Returns the attribute `name`. `AttributeError` if there is none.
    pub fn get<T>(&self, name: &str) -> Decoded<T> {
        Decoded::new(self.getattr(name.to_owned()))
    }

    /// Sets the attribute `name`.
    pub fn set(&self, name: &str, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.setattr(name.to_owned(), value))
    }
}

fn named(name: String) -> Result<(String, Key), Exception> {
    Ok((name.clone(), Key::new(name.into())?))
}

fn no_attribute(name: &str) -> Exception {
    let short: String = name.chars().take(100).collect();
    Exception::AttributeError(format!("'types.SimpleNamespace' object has no attribute '{short}'"))
}

/// Fails with `TypeError` if a name is not a text.
impl TryFrom<Table<Value>> for SimpleNamespace {
    type Error = Exception;

    fn try_from(table: Table<Value>) -> Result<Self, Exception> {
        if table.keys().all(|key| key.value().as_str().is_some()) {
            Ok(SimpleNamespace(table))
        } else {
            Err(Exception::of_type("keywords must be strings"))
        }
    }
}

impl From<SimpleNamespace> for Value {
    fn from(namespace: SimpleNamespace) -> Self {
        namespace.0.into_value()
    }
}
