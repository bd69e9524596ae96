//! Converts the arguments that a typed caller passes to a proxy to values.

use tarmem_remote::call::Call;
use tarmem_remote::value::{IntoValue, ObjectRef, Value, ValueError, shown_type};

/// Converts arguments to values. If one of them cannot be converted, the call fails with the reason, and is never made.
#[derive(Default)]
pub(crate) struct Given {
    /// Why the first argument that cannot be converted cannot.
    unfit: Option<String>,
    /// The objects that the values refer to.
    references: Vec<ObjectRef>,
}

impl Given {
    /// Converts to a value.
    pub(crate) fn value<T: IntoValue>(&mut self, given: T) -> Value {
        self.converted::<T>(given.into_value())
    }

    fn converted<T>(&mut self, converted: Result<Value, ValueError>) -> Value {
        let value = converted.unwrap_or_else(|error| {
            let what = shown_type::<T>();
            let remedy = "pass a type that can, or build a `Value` yourself (`to_value` lists what each type becomes)";
            self.unfit.get_or_insert_with(|| format!("{what} cannot be a value: {error}; {remedy}"));
            Value::Null
        });
        self.note_references(&value);
        value
    }

    fn note_references(&mut self, value: &Value) {
        match value {
            Value::Ref(reference) => self.references.push(reference.clone()),
            // This recurses no deeper than values are nested.
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

    /// Converts to a list.
    pub(crate) fn list<T: IntoValue>(&mut self, items: impl IntoIterator<Item = T>) -> Value {
        Value::List(items.into_iter().map(|item| self.value(item)).collect())
    }

    /// Converts to a map.
    pub(crate) fn map<K: IntoValue, V: IntoValue>(&mut self, items: impl IntoIterator<Item = (K, V)>) -> Value {
        Value::Map(items.into_iter().map(|(key, value)| (self.value(key), self.value(value))).collect())
    }

    /// Returns the call, or one that fails if an argument could not be converted.
    pub(crate) fn checked<R, E>(self, call: Call<R, E>) -> Call<R, E> {
        match self.unfit {
            None => call.keeping(self.references),
            Some(reason) => call.refused(reason),
        }
    }
}

/// Returns whether the value cannot contain a reference.
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Ref(_) | Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_))
}

/// Makes the call of one argument.
pub(crate) fn given<T: IntoValue, R, E>(given: T, call: impl FnOnce(Value) -> Call<R, E>) -> Call<R, E> {
    match given.into_value() {
        // Most values refer to nothing.
        Ok(value) if is_scalar(&value) => call(value),
        converted => {
            let mut values = Given::default();
            let call = call(values.converted::<T>(converted));
            values.checked(call)
        }
    }
}
