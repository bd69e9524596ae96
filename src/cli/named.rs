//! Objects among the arguments of a command: `{"$key": "xs"}` is the object under `xs`.

use super::objects::Untyped;
use crate::client::Session;
use std::collections::BTreeMap;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Proxy};
use tarmem_remote::value::Value;

const KEY: &str = "$key";

/// The objects that arguments name by their keys, held for as long as this lives.
pub(super) struct Named(BTreeMap<String, DynamicProxy>);

impl Named {
    /// Holds each object that is named.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], and the session's.
    pub(super) async fn find(session: &Session, args: &[Value]) -> Result<Self, Error> {
        let mut named = BTreeMap::new();
        for key in args.iter().flat_map(keys) {
            if !named.contains_key(key) {
                named.insert(key.to_owned(), session.proxy::<Untyped>(key).hold().await?);
            }
        }
        Ok(Named(named))
    }

    /// The arguments, with references to the objects in the places of their names.
    pub(super) fn put_into(&self, args: Vec<Value>) -> Vec<Value> {
        args.into_iter().map(|arg| self.link(arg)).collect()
    }

    /// No deeper than a value can be.
    fn link(&self, value: Value) -> Value {
        if let Some(reference) = key_of(&value).and_then(|key| self.0.get(key)?.reference()) {
            return Value::Ref(reference);
        }
        match value {
            Value::List(items) => Value::List(self.put_into(items)),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, self.link(value))).collect())
            }
            other => other,
        }
    }
}

/// The keys of the objects that are named in a value.
fn keys(value: &Value) -> Vec<&str> {
    match value {
        value if key_of(value).is_some() => key_of(value).into_iter().collect(),
        Value::List(items) => items.iter().flat_map(keys).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, value)| keys(value)).collect(),
        _ => Vec::new(),
    }
}

/// The key, if the value stands for the object under one.
fn key_of(value: &Value) -> Option<&str> {
    match value.as_map()? {
        [(name, key)] if name.as_str() == Some(KEY) => key.as_str(),
        _ => None,
    }
}
