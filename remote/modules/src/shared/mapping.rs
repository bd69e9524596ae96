//! The methods of all kinds of dicts, for classes that have `table` and `table_mut`.

use crate::Exception;

/// The methods that dict, OrderedDict, defaultdict and Counter share.
///
/// `$changed` makes the error of an iteration from the length at its beginning and the current one.
macro_rules! mapping_methods {
    ($class:ident, $changed:path) => {
        #[tarmem_remote::remote(replay)]
        impl $class {
            /// Returns the value under `key`. If there is none, returns `default`, or null without a `default`.
            #[remote(proxy = "get_value")]
            pub fn get(&self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
                Ok(self.table().get(&Key::new(key)?).cloned().or(default).unwrap_or_default())
            }

            /// Returns the value under `key`. If there is none, puts `default` under `key` and returns `default`.
            #[remote(proxy = "setdefault_value")]
            pub fn setdefault(&mut self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
                let key = Key::new(key)?;
                if let Some(value) = self.table().get(&key) {
                    return Ok(value.clone());
                }
                let default = default.unwrap_or_default();
                check_depth(&default)?;
                self.table_mut().insert(key, default.clone());
                Ok(default)
            }

            /// Removes `key` and returns its value. If there is none, returns `default`, or fails with `KeyError`
            /// without a `default`.
            #[remote(proxy = "pop_value")]
            pub fn pop(&mut self, key: Value, default: Arg<Value>) -> Result<Value, Exception> {
                let key = Key::new(key)?;
                match self.table_mut().remove(&key) {
                    Some((_, value)) => Ok(value),
                    None => default.given().ok_or_else(|| Exception::no_key(key.value())),
                }
            }

            /// Removes `key` and returns its value, or `default`, which may be null, if there is none.
            #[remote(proxy = "pop_or_value")]
            pub fn pop_or(&mut self, key: Value, default: Value) -> Result<Value, Exception> {
                Ok(self.table_mut().remove(&Key::new(key)?).map_or(default, |(_, value)| value))
            }

            /// Removes all keys.
            #[remote(scales)]
            pub fn clear(&mut self) {
                self.table_mut().clear();
            }

            /// Returns a copy, as a plain map.
            #[remote(proxy = "copy_value", scales)]
            pub fn copy(&self) -> Value {
                self.table().clone().into_value()
            }

            /// Returns the keys, as a plain list.
            #[remote(proxy = "keys_value", scales)]
            pub fn keys(&self) -> Vec<Value> {
                self.table().keys().map(|key| key.value().clone()).collect()
            }

            /// Returns the values, as a plain list.
            #[remote(proxy = "values_value", scales)]
            pub fn values(&self) -> Vec<Value> {
                self.table().values().cloned().collect()
            }

            /// Returns the keys with their values, as a plain list of tuples of two.
            #[remote(proxy = "items_value", scales)]
            pub fn items(&self) -> Vec<Value> {
                self.table().iter().map(|(key, value)| (key.value().clone(), value.clone()).into()).collect()
            }

            /// Adds `by` (1 if left out) to the number under `key`, atomically, and returns the sum. A missing key
            /// counts as 0.
            #[remote(proxy = "incr_value")]
            pub fn incr(&mut self, key: Value, #[remote(default = 1)] by: Arg<Value>) -> Result<Value, Exception> {
                let key = Key::new(key)?;
                let by = by.or_else(|| 1.into());
                let sum = number::add(
                    self.table().get(&key).unwrap_or(&Value::Int(tarmem_remote::value::Integer::ZERO)),
                    &by,
                )?;
                self.table_mut().insert(key, sum.clone());
                Ok(sum)
            }

            /// Puts `new` under `key` if the value there is equal to `expected`, atomically. Returns whether it was. A
            /// missing key counts as null.
            #[remote(proxy = "compare_and_set_value")]
            pub fn compare_and_set(&mut self, key: Value, expected: Value, new: Value) -> Result<bool, Exception> {
                check_depth(&new)?;
                let key = Key::new(key)?;
                let same = lending(self, || {
                    Comparing::default().equal(self.table().get(&key).unwrap_or(&Value::Null), &expected)
                })?;
                if same {
                    self.table_mut().insert(key, new);
                }
                Ok(same)
            }

            /// Puts `value` under `key`.
            #[remote(name = "__setitem__")]
            pub fn setitem(&mut self, key: Value, value: Value) -> Result<(), Exception> {
                check_depth(&value)?;
                self.table_mut().insert(Key::new(key)?, value);
                Ok(())
            }

            /// Returns whether `key` is there.
            #[remote(name = "__contains__")]
            pub fn contains_key_value(&self, key: Value) -> Result<bool, Exception> {
                Ok(self.table().contains(&Key::new(key)?))
            }

            /// Returns the number of keys.
            pub fn len(&self) -> usize {
                self.table().len()
            }

            /// Returns whether there are no keys.
            #[remote(skip)]
            pub fn is_empty(&self) -> bool {
                self.table().is_empty()
            }

            /// Returns the number of keys.
            #[remote(name = "__len__")]
            pub fn length(&self) -> usize {
                self.table().len()
            }

            /// Returns a chunk of the keys: up to `limit` of them (1024 if left out), from `cursor`, which came with
            /// the previous chunk. `RuntimeError` if keys were added, removed or moved since then.
            pub fn iter_chunk(
                &self,
                ctx: &Context,
                cursor: Option<Cursor>,
                limit: Option<u32>,
            ) -> Result<Chunk, Exception> {
                let chunk = self.table().chunk(ctx, cursor, limit, |key, _| key.value().clone());
                chunk.map_err(|before| $changed(before, self.table().len()))
            }

            /// As `iter_chunk`, but returns values.
            pub fn values_chunk(
                &self,
                ctx: &Context,
                cursor: Option<Cursor>,
                limit: Option<u32>,
            ) -> Result<Chunk, Exception> {
                let chunk = self.table().chunk(ctx, cursor, limit, |_, value| value.clone());
                chunk.map_err(|before| $changed(before, self.table().len()))
            }

            /// As `iter_chunk`, but returns keys with their values, as pairs.
            pub fn items_chunk(
                &self,
                ctx: &Context,
                cursor: Option<Cursor>,
                limit: Option<u32>,
            ) -> Result<Chunk, Exception> {
                let pair = |key: &Key, value: &Value| (key.value().clone(), value.clone()).into();
                let chunk = self.table().chunk(ctx, cursor, limit, pair);
                chunk.map_err(|before| $changed(before, self.table().len()))
            }

            /// Returns the keys from last to first, as a plain list.
            #[remote(name = "__reversed__", scales)]
            pub fn reversed(&self) -> Vec<Value> {
                self.table().keys().rev().map(|key| key.value().clone()).collect()
            }
        }

        impl From<$class> for Value {
            fn from(dict: $class) -> Self {
                dict.into_table().into_value()
            }
        }
    };
}

/// The methods of dict that differ in Counter. Python calls the class `$name`.
macro_rules! dict_methods {
    ($class:ident, $name:literal) => {
        #[tarmem_remote::remote(replay)]
        impl $class {
            /// Adds all entries of the argument, a map or a list of pairs, if there is one, and then the arguments by
            /// name, under their names.
            #[remote(proxy = "update_values", scales)]
            pub fn update(
                &mut self,
                #[remote(args)] args: Vec<Value>,
                #[remote(kwargs)] kwargs: Kwargs,
            ) -> Result<(), Exception> {
                let items = lending(self, || entries_of("update", args, kwargs))?;
                self.table_mut().extend(items);
                Ok(())
            }

            /// Removes `key`. `KeyError` if it is not there.
            #[remote(name = "__delitem__")]
            pub fn delitem(&mut self, key: Value) -> Result<(), Exception> {
                let key = Key::new(key)?;
                self.table_mut().remove(&key).map(|_| ()).ok_or_else(|| Exception::no_key(key.value()))
            }

            /// `dict | other`, as a plain map. If a key is in both, the value is that of `other`, which must be a map.
            #[remote(name = "__or__", scales)]
            pub fn or(&self, other: Value) -> Result<Value, Exception> {
                let (other, class) = plain_and_class(other)?;
                if !matches!(other, Value::Map(_)) {
                    return Err(number::unsupported("|", $name, class.as_deref().unwrap_or(type_name(&other))));
                }
                let mut both = self.table().clone();
                both.extend(entries(other)?);
                Ok(both.into_value())
            }

            /// `other | dict`, as a plain map. If a key is in both, the value is that of the dict. `other` must be a
            /// map.
            #[remote(name = "__ror__", scales)]
            pub fn ror(&self, other: Value) -> Result<Value, Exception> {
                let (other, class) = plain_and_class(other)?;
                if !matches!(other, Value::Map(_)) {
                    return Err(number::unsupported("|", class.as_deref().unwrap_or(type_name(&other)), $name));
                }
                let mut both: Table<Value> = entries(other)?.into_iter().collect();
                both.extend(self.table().clone().into_entries());
                Ok(both.into_value())
            }

            /// `dict |= items`: adds all of `items`, a map or a list of pairs.
            #[remote(name = "__ior__", scales)]
            pub fn ior(&mut self, items: Value) -> Result<(), Exception> {
                let items = lending(self, || entries(items))?;
                self.table_mut().extend(items);
                Ok(())
            }

            /// Returns whether `other` is a map of equal keys and values, in any order.
            #[remote(name = "__eq__", scales)]
            pub fn equals(&self, other: Value) -> Result<bool, Exception> {
                Comparing::default().equals(self, &other)
            }

            /// Returns whether `other` is not a map of equal keys and values.
            #[remote(name = "__ne__", scales)]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }
        }
    };
}

/// `popitem` of the classes whose `popitem` takes no argument, and of their proxies.
macro_rules! popitem_method {
    ($class:ident, $proxy:ident) => {
        #[tarmem_remote::remote(replay)]
        impl $class {
            /// Removes the key that came last and returns it with its value as a tuple of two. `KeyError` if there is
            /// none.
            #[remote(proxy = "popitem_value")]
            pub fn popitem(&mut self) -> Result<Value, Exception> {
                let last = self.table_mut().pop_last().map(|(key, value)| (key.into_value(), value).into());
                last.ok_or_else(|| Exception::KeyError("popitem(): dictionary is empty".into()))
            }
        }

        impl $proxy {
            /// Removes the key that came last and returns it with its value. `KeyError` if there is none.
            pub fn popitem<K, V>(&self) -> Decoded<(K, V)> {
                Decoded::new(self.popitem_value())
            }
        }
    };
}

/// Python's error for a dict that was changed during an iteration.
pub(crate) fn dict_changed(before: usize, now: usize) -> Exception {
    let what = if before == now { "keys changed" } else { "changed size" };
    Exception::RuntimeError(format!("dictionary {what} during iteration"))
}

/// Python's error for an `OrderedDict` that was changed during an iteration.
pub(crate) fn ordered_dict_changed(_: usize, _: usize) -> Exception {
    Exception::RuntimeError("OrderedDict mutated during iteration".to_owned())
}

pub(crate) use {dict_methods, mapping_methods, popitem_method};
