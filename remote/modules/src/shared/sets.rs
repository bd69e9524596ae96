//! What set and frozenset share: the methods that change nothing, and the functions behind these and others.

use crate::Exception;
use crate::python::live::plain_and_class;
use crate::python::{Comparison, Key, Table, iterate, number, type_name};
use tarmem_remote::value::Value;

/// Makes these methods, and those of the proxy, for a class whose only field is its elements, and which Python calls
/// `$name`.
macro_rules! set_methods {
    ($class:ident, $proxy:ident, $name:literal) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Makes a set of the elements of `items`: of a list, the keys of a map, the characters of a text, or the
            /// integers in bytes. Without `items`, the set is empty.
            #[remote(inline)]
            pub fn new(
                #[remote(default = tarmem_remote::value::Value::Tuple(Vec::new()))] items: Arg<Value>,
            ) -> Result<Self, Exception> {
                items.given().map_or(Ok(Table::new()), sets::elements).map($class)
            }

            /// Returns a copy, as a plain set.
            #[remote(proxy = "copy_value", scales)]
            pub fn copy(&self) -> Value {
                self.clone().into()
            }

            /// Returns the number of elements.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Returns whether there are no elements.
            #[remote(skip)]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Returns the number of elements.
            #[remote(name = "__len__")]
            pub fn length(&self) -> usize {
                self.0.len()
            }

            /// Returns whether `value` is in the set.
            #[remote(name = "__contains__")]
            pub fn contains_value(&self, value: Value) -> Result<bool, Exception> {
                Ok(self.0.contains(&Key::new(value)?))
            }

            /// Returns the elements that are in exactly one of the two, as a plain set.
            #[remote(proxy = "symmetric_difference_values", scales)]
            pub fn symmetric_difference(&self, items: Value) -> Result<Value, Exception> {
                sets::combined(&self.0, [items], sets::symmetric_difference)
            }

            /// Returns whether no element of the set is in `items`.
            #[remote(proxy = "isdisjoint_value", scales)]
            pub fn isdisjoint(&self, items: Value) -> Result<bool, Exception> {
                let items = sets::elements(items)?;
                Ok(!self.0.keys().any(|key| items.contains(key)))
            }

            /// Returns whether every element of the set is in `items`.
            #[remote(proxy = "issubset_value", scales)]
            pub fn issubset(&self, items: Value) -> Result<bool, Exception> {
                Ok(self.0.is_subset(&sets::elements(items)?))
            }

            /// Returns whether every element of `items` is in the set.
            #[remote(proxy = "issuperset_value", scales)]
            pub fn issuperset(&self, items: Value) -> Result<bool, Exception> {
                Ok(sets::elements(items)?.is_subset(&self.0))
            }
        }

        /// The operators, whose other operand must be a set.
        #[tarmem_remote::remote]
        impl $class {
            /// `set | other`, as a plain set.
            #[remote(name = "__or__", scales)]
            pub fn or(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "|", other)?;
                Ok(sets::result(self.0.clone(), other, sets::union))
            }

            /// `set & other`, as a plain set.
            #[remote(name = "__and__", scales)]
            pub fn and(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "&", other)?;
                Ok(sets::result(self.0.clone(), other, sets::intersection))
            }

            /// `set - other`, as a plain set.
            #[remote(name = "__sub__", scales)]
            pub fn sub(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "-", other)?;
                Ok(sets::result(self.0.clone(), other, sets::difference))
            }

            /// `set ^ other`, as a plain set.
            #[remote(name = "__xor__", scales)]
            pub fn xor(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "^", other)?;
                Ok(sets::result(self.0.clone(), other, sets::symmetric_difference))
            }

            /// `other | set`, as a plain set.
            #[remote(name = "__ror__", scales)]
            pub fn ror(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "|", other)?;
                Ok(sets::result(other, self.0.clone(), sets::union))
            }

            /// `other & set`, as a plain set.
            #[remote(name = "__rand__", scales)]
            pub fn rand(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "&", other)?;
                Ok(sets::result(other, self.0.clone(), sets::intersection))
            }

            /// `other - set`, as a plain set.
            #[remote(name = "__rsub__", scales)]
            pub fn rsub(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "-", other)?;
                Ok(sets::result(other, self.0.clone(), sets::difference))
            }

            /// `other ^ set`, as a plain set.
            #[remote(name = "__rxor__", scales)]
            pub fn rxor(&self, other: Value) -> Result<Value, Exception> {
                let other = sets::operand($name, "^", other)?;
                Ok(sets::result(other, self.0.clone(), sets::symmetric_difference))
            }

            /// Returns whether `other` is not a set of the same elements.
            #[remote(name = "__ne__", scales)]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }

            /// Returns whether every element of the set is in `other`, which has more.
            #[remote(name = "__lt__", scales)]
            pub fn less(&self, other: Value) -> Result<bool, Exception> {
                sets::compare(Comparison::Less, &self.0, $name, other)
            }

            /// Returns whether every element of the set is in `other`.
            #[remote(name = "__le__", scales)]
            pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
                sets::compare(Comparison::LessOrEqual, &self.0, $name, other)
            }

            /// Returns whether every element of `other` is in the set, which has more.
            #[remote(name = "__gt__", scales)]
            pub fn greater(&self, other: Value) -> Result<bool, Exception> {
                sets::compare(Comparison::Greater, &self.0, $name, other)
            }

            /// Returns whether every element of `other` is in the set.
            #[remote(name = "__ge__", scales)]
            pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
                sets::compare(Comparison::GreaterOrEqual, &self.0, $name, other)
            }
        }

        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Returns whether `value` is in the set.
            pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
                given(value, |value| self.contains_value(value))
            }

            /// Returns a stream of the elements, which it fetches in chunks.
            pub fn iter<T>(&self) -> Elements<T> {
                Elements::of(self, Self::iter_chunk)
            }

            /// Returns all elements.
            pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Value, tarmem_remote::Error> {
                Decoded::new(self.copy_value())
            }
        }

        impl From<$class> for Value {
            fn from(set: $class) -> Self {
                set.0.into_value()
            }
        }
    };
}

pub(crate) use set_methods;

/// Changes a set according to another one.
type Combine = fn(&mut Table<()>, Table<()>);

/// Converts a value to elements of a set.
pub(crate) fn elements(value: Value) -> Result<Table<()>, Exception> {
    iterate(value)?.into_iter().map(|item| Ok((Key::new(item)?, ()))).collect()
}

/// Converts the other operand of an operator on a set, which Python calls `name`.
pub(crate) fn operand(name: &str, sign: &str, other: Value) -> Result<Table<()>, Exception> {
    match plain_and_class(other)? {
        (other @ Value::Set(_), _) => elements(other),
        (other, class) => Err(number::unsupported(sign, name, class.as_deref().unwrap_or(type_name(&other)))),
    }
}

/// Returns whether `comparison` holds between a set, which Python calls `name`, and another one.
pub(crate) fn compare(comparison: Comparison, one: &Table<()>, name: &str, other: Value) -> Result<bool, Exception> {
    match plain_and_class(other)? {
        (other @ Value::Set(_), _) => Ok(comparison.sets(one, &elements(other)?)),
        (other, class) => Err(comparison.unsupported(name, class.as_deref().unwrap_or(type_name(&other)))),
    }
}

/// Applies `combine` to a copy of a set and the elements of each of `others`, one after another. Returns a plain set.
pub(crate) fn combined(
    one: &Table<()>,
    others: impl IntoIterator<Item = Value>,
    combine: Combine,
) -> Result<Value, Exception> {
    let mut all = one.clone();
    for other in others {
        combine(&mut all, elements(other)?);
    }
    Ok(all.into_value())
}

/// Applies `combine` to two sets. Returns a plain set.
pub(crate) fn result(mut one: Table<()>, other: Table<()>, combine: Combine) -> Value {
    combine(&mut one, other);
    one.into_value()
}

pub(crate) fn union(one: &mut Table<()>, other: Table<()>) {
    one.extend(other.into_entries());
}

pub(crate) fn intersection(one: &mut Table<()>, other: Table<()>) {
    one.retain(|key, ()| other.contains(key));
}

pub(crate) fn difference(one: &mut Table<()>, other: Table<()>) {
    for (key, ()) in other.into_entries() {
        one.remove(&key);
    }
}

pub(crate) fn symmetric_difference(one: &mut Table<()>, other: Table<()>) {
    for (key, ()) in other.into_entries() {
        if one.remove(&key).is_none() {
            one.insert(key, ());
        }
    }
}
