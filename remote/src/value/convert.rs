//! Conversion of ordinary Rust values into values with `From`, without serde.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{Integer, ObjectRef, Value};

macro_rules! from_ints {
    ($($int:ty)*) => {$(
        impl From<$int> for Value {
            fn from(n: $int) -> Self {
                Value::Int(n.into())
            }
        }
    )*};
}

from_ints!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl From<Integer> for Value {
    fn from(n: Integer) -> Self {
        Value::Int(n)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Value::Null
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}

impl From<f32> for Value {
    fn from(x: f32) -> Self {
        Value::Float(x.into())
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Self {
        Value::Float(x)
    }
}

impl From<char> for Value {
    fn from(c: char) -> Self {
        Value::Text(c.into())
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::Text(s.to_owned())
    }
}

impl From<&String> for Value {
    fn from(s: &String) -> Self {
        Value::Text(s.clone())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::Text(s)
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(s: Cow<'_, str>) -> Self {
        Value::Text(s.into_owned())
    }
}

impl From<Box<str>> for Value {
    fn from(s: Box<str>) -> Self {
        Value::Text(s.into())
    }
}

impl From<ObjectRef> for Value {
    fn from(reference: ObjectRef) -> Self {
        Value::Ref(reference)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Value::Null, Into::into)
    }
}

/// Makes a list, also from a `Vec<u8>`; use [`Value::Bytes`] to make bytes.
impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> From<VecDeque<T>> for Value {
    fn from(items: VecDeque<T>) -> Self {
        items.into_iter().collect()
    }
}

/// Makes a list. ([`Value::map`] collects pairs, and [`Value::set`] the elements of a set.)
///
/// ```
/// use tarmem_remote::value::Value;
///
/// let squares: Value = (1..4).map(|n| n * n).collect();
/// assert_eq!(squares, Value::from([1, 4, 9]));
/// ```
impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Self {
        Value::List(items.iter().cloned().map(Into::into).collect())
    }
}

impl<K: Into<Value>, V: Into<Value>> From<BTreeMap<K, V>> for Value {
    fn from(map: BTreeMap<K, V>) -> Self {
        Value::Map(map.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl<K: Into<Value>, V: Into<Value>, S> From<HashMap<K, V, S>> for Value {
    fn from(map: HashMap<K, V, S>) -> Self {
        Value::Map(map.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

macro_rules! from_tuples {
    ($(($($name:ident)+))*) => {$(
        /// Makes a tuple.
        impl<$($name: Into<Value>),+> From<($($name,)+)> for Value {
            #[allow(non_snake_case, reason = "the type parameters name the fields")]
            fn from(($($name,)+): ($($name,)+)) -> Self {
                Value::Tuple(vec![$($name.into()),+])
            }
        }
    )*};
}

from_tuples!((A)(A B)(A B C)(A B C D)(A B C D E)(A B C D E F)(A B C D E F G)(A B C D E F G H));
