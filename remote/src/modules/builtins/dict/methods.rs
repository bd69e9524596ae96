//! The methods with names.

use super::{Dict, DictProxy, entries};
use crate::modules::Exception;
use crate::modules::python::{Key, check_depth, equal, number, repr, short};
use crate::remote;
use crate::value::Value;

#[remote]
impl Dict {
    /// The value under `key`; `default` if there is none, null without that.
    #[remote(name = "get")]
    pub fn get_value(&self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        Ok(self.0.get(&Key::new(key)?).cloned().or(default).unwrap_or_default())
    }

    /// The value under `key`; if there is none, puts `default` there and gives that.
    #[remote(name = "setdefault")]
    pub fn setdefault_value(&mut self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        if let Some(value) = self.0.get(&key) {
            return Ok(value.clone());
        }
        let default = default.unwrap_or_default();
        check_depth(&default)?;
        self.0.insert(key, default.clone());
        Ok(default)
    }

    /// Takes out `key`, and gives its value; `default` if there is none, `KeyError` without that.
    ///
    /// A null counts as no default: use `pop_or` for that.
    #[remote(name = "pop")]
    pub fn pop_value(&mut self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        match self.0.remove(&key) {
            Some((_, value)) => Ok(value),
            None => default.ok_or_else(|| missing(key.value())),
        }
    }

    /// Takes out `key`, and gives its value; `default`, which may be null, if there is none.
    #[remote(name = "pop_or")]
    pub fn pop_or_value(&mut self, key: Value, default: Value) -> Result<Value, Exception> {
        Ok(self.0.remove(&Key::new(key)?).map_or(default, |(_, value)| value))
    }

    /// Takes out the key that came last, and gives it with its value as a list of two. `KeyError` if there is none.
    #[remote(name = "popitem")]
    pub fn popitem_value(&mut self) -> Result<(Value, Value), Exception> {
        let last = self.0.pop_last().map(|(key, value)| (key.into_value(), value));
        last.ok_or_else(|| Exception::KeyError("'popitem(): dictionary is empty'".to_owned()))
    }

    /// Puts in all of `items`: a map, or a list of pairs.
    #[remote(name = "update")]
    pub fn update_values(&mut self, items: Option<Value>) -> Result<(), Exception> {
        if let Some(items) = items {
            self.0.extend(entries(items)?);
        }
        Ok(())
    }

    /// Takes out every key.
    #[remote(idempotent)]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The keys and values, as a plain map.
    #[remote(name = "copy")]
    pub fn copy_value(&self) -> Value {
        self.clone().into()
    }

    /// The keys, as a plain list.
    #[remote(name = "keys")]
    pub fn keys_value(&self) -> Vec<Value> {
        self.0.keys().map(|key| key.value().clone()).collect()
    }

    /// The values, as a plain list.
    #[remote(name = "values")]
    pub fn values_value(&self) -> Vec<Value> {
        self.0.values().cloned().collect()
    }

    /// The keys with their values, as a plain list of pairs.
    #[remote(name = "items")]
    pub fn items_value(&self) -> Vec<(Value, Value)> {
        self.0.iter().map(|(key, value)| (key.value().clone(), value.clone())).collect()
    }

    /// Adds `by` (1 if left out) to the number under `key`, at once; gives the sum. A missing key counts as 0.
    #[remote(name = "incr")]
    pub fn incr_value(&mut self, key: Value, by: Option<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        let by = by.unwrap_or(Value::Int(1));
        let sum = number::add(self.0.get(&key).unwrap_or(&Value::Int(0)), &by)?;
        self.0.insert(key, sum.clone());
        Ok(sum)
    }

    /// Puts `new` under `key` if what is there is equal to `expected`; whether it was. A missing key counts as null.
    #[remote(name = "compare_and_set")]
    pub fn compare_and_set_value(&mut self, key: Value, expected: Value, new: Value) -> Result<bool, Exception> {
        check_depth(&new)?;
        let key = Key::new(key)?;
        let same = equal(self.0.get(&key).unwrap_or(&Value::Null), &expected);
        if same {
            self.0.insert(key, new);
        }
        Ok(same)
    }

    /// The value under `key`. `KeyError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.0.get(&key).cloned().ok_or_else(|| missing(key.value()))
    }

    /// Puts `value` under `key`.
    #[remote(name = "__setitem__", idempotent)]
    pub fn setitem(&mut self, key: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        self.0.insert(Key::new(key)?, value);
        Ok(())
    }

    /// Takes out `key`. `KeyError` if it is not there.
    #[remote(name = "__delitem__")]
    pub fn delitem(&mut self, key: Value) -> Result<(), Exception> {
        let key = Key::new(key)?;
        self.0.remove(&key).map(|_| ()).ok_or_else(|| missing(key.value()))
    }

    /// Whether there is such a key.
    #[remote(name = "__contains__")]
    pub fn contains_key_value(&self, key: Value) -> Result<bool, Exception> {
        Ok(self.0.contains(&Key::new(key)?))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[remote(skip)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys there are.
    #[remote(name = "__len__")]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The dict as Python writes it.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        repr(&self.clone().into())
    }
}

/// That there is no such key.
pub(crate) fn missing(key: &Value) -> Exception {
    Exception::KeyError(short(key))
}
