//! What a typed caller gives a proxy, as values.

use tarmem_remote::call::Call;
use tarmem_remote::value::{IntoValue, ObjectRef, Value, ValueError, shown_type};

/// Makes values of what a caller gives; if something cannot be one, the call is never made, and says so.
#[derive(Default)]
pub(crate) struct Given {
    /// Why the first of them cannot be a value that cannot.
    unfit: Option<String>,
    /// What they refer to.
    references: Vec<ObjectRef>,
}

impl Given {
    /// As a value.
    pub(crate) fn value<T: IntoValue>(&mut self, given: T) -> Value {
        self.converted::<T>(given.into_value())
    }

    fn converted<T>(&mut self, converted: Result<Value, ValueError>) -> Value {
        let value = converted.unwrap_or_else(|error| {
            let what = shown_type::<T>();
            let remedy =
                "pass what can be one, or a `Value` made of it by hand (`to_value` tells what any type becomes)";
            self.unfit.get_or_insert_with(|| format!("{what} cannot be a value: {error}; {remedy}"));
            Value::Null
        });
        self.note_references(&value);
        value
    }

    fn note_references(&mut self, value: &Value) {
        match value {
            Value::Ref(reference) => self.references.push(reference.clone()),
            // No deeper than values are.
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
                items.iter().for_each(|item| self.note_references(item));
            }
            Value::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.note_references(key);
                self.note_references(value);
            }),
            _ => {}
        }
    }

    /// As a list.
    pub(crate) fn list<T: IntoValue>(&mut self, items: impl IntoIterator<Item = T>) -> Value {
        Value::List(items.into_iter().map(|item| self.value(item)).collect())
    }

    /// As a map.
    pub(crate) fn map<K: IntoValue, V: IntoValue>(&mut self, items: impl IntoIterator<Item = (K, V)>) -> Value {
        Value::Map(items.into_iter().map(|(key, value)| (self.value(key), self.value(value))).collect())
    }

    /// Returns the call of these values, if they are some.
    pub(crate) fn checked<R, E>(self, call: Call<R, E>) -> Call<R, E> {
        match self.unfit {
            None => call.keeping(self.references),
            Some(reason) => call.refused(reason),
        }
    }
}

/// Returns whether there is nothing in it that could be a reference.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Ref(_) | Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_))
}

/// Returns the call of one value.
pub(crate) fn given<T: IntoValue, R, E>(given: T, call: impl FnOnce(Value) -> Call<R, E>) -> Call<R, E> {
    match given.into_value() {
        // As most do, it refers to nothing.
        Ok(value) if is_scalar(&value) => call(value),
        converted => {
            let mut values = Given::default();
            let call = call(values.converted::<T>(converted));
            values.checked(call)
        }
    }
}
