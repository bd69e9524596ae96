//! The attributes of Python's classes: `deque.maxlen`, `defaultdict.default_factory`.

use super::{DefaultDict, DefaultDictProxy, Deque, DequeProxy};
use crate::Exception;
use crate::python::type_name;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

const DEQUE: &str = "collections.deque";
const DEFAULT_DICT: &str = "collections.defaultdict";

#[remote]
impl Deque {
    /// Returns the attribute `name`, which can only be `maxlen`. `AttributeError` for any other name; methods are
    /// called, and cannot be read.
    #[remote(name = "__getattr__")]
    pub fn getattr(&self, name: String) -> Result<Value, Exception> {
        match name.as_str() {
            "maxlen" => Ok(self.maxlen().map_or(Value::Null, Value::from)),
            name => Err(no_attribute(DEQUE, name)),
        }
    }

    /// Fails with `AttributeError`, since no attribute of a deque can be set.
    #[remote(name = "__setattr__")]
    pub fn setattr(&self, name: String, value: Value) -> Result<(), Exception> {
        let _ = value;
        Err(match name.as_str() {
            "maxlen" => Exception::AttributeError(format!("attribute 'maxlen' of '{DEQUE}' objects is not writable")),
            name => no_attribute(DEQUE, name),
        })
    }
}

#[remote]
impl DefaultDict {
    /// Returns the attribute `name`, which can only be `default_factory`: the factory's name. `AttributeError` for any
    /// other name; methods are called, and cannot be read.
    #[remote(name = "__getattr__")]
    pub fn getattr(&self, name: String) -> Result<Value, Exception> {
        match name.as_str() {
            "default_factory" => Ok(self.default_factory().map_or(Value::Null, Value::from)),
            name => Err(no_attribute(DEFAULT_DICT, name)),
        }
    }

    /// Sets the attribute `default_factory`, as `set_default_factory` does. `AttributeError` for any other.
    #[remote(name = "__setattr__")]
    pub async fn setattr(&mut self, ctx: &Context, name: String, value: Value) -> Result<(), Exception> {
        if name != "default_factory" {
            return Err(no_attribute(DEFAULT_DICT, &name));
        }
        let factory = match value {
            Value::Null => None,
            Value::Text(factory) => Some(factory),
            other => {
                let found = type_name(&other);
                return Err(Exception::TypeError(format!(
                    "default_factory must be the name of a generator of the service, or null, not {found}"
                )));
            }
        };
        self.set_default_factory(ctx, factory).await
    }
}

fn no_attribute(class: &str, name: &str) -> Exception {
    let short: String = name.chars().take(100).collect();
    Exception::AttributeError(format!("'{class}' object has no attribute '{short}'"))
}
