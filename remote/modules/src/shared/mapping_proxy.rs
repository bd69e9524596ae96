//! The methods of the proxies of all kinds of dicts that take and return plain Rust values.

/// These methods, for the proxy of the class whose path is `$path`.
macro_rules! mapping_proxy {
    ($proxy:ident, $path:literal) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Returns the value under `key`, or `None` if there is none.
            pub fn get<T>(&self, key: impl tarmem_remote::value::IntoValue) -> Decoded<Option<T>> {
                Decoded::new($crate::given(key, |key| self.get_value(key, None)))
            }

            /// Returns the value under `key`. `KeyError` if there is none.
            pub fn item<T>(&self, key: impl tarmem_remote::value::IntoValue) -> Decoded<T> {
                Decoded::new($crate::given(key, |key| self.getitem(key)))
            }

            /// Puts `value` under `key`.
            pub fn set(
                &self,
                key: impl tarmem_remote::value::IntoValue,
                value: impl tarmem_remote::value::IntoValue,
            ) -> Fallible<()> {
                let mut given = $crate::Given::default();
                let call = self.setitem(given.value(key), given.value(value));
                given.checked(call)
            }

            /// Puts `value` under `key`, as [`set`](Self::set).
            pub fn insert(
                &self,
                key: impl tarmem_remote::value::IntoValue,
                value: impl tarmem_remote::value::IntoValue,
            ) -> Fallible<()> {
                self.set(key, value)
            }

            /// Removes `key` and returns its value, or `None` if there is none, as [`pop`](Self::pop).
            pub fn remove<T>(&self, key: impl tarmem_remote::value::IntoValue) -> Decoded<Option<T>> {
                self.pop(key)
            }

            /// Removes `key`. `KeyError` if it is not there.
            pub fn delete(&self, key: impl tarmem_remote::value::IntoValue) -> Fallible<()> {
                $crate::given(key, |key| self.delitem(key))
            }

            /// Returns the value under `key`. If there is none, puts `default` under `key` and returns `default`.
            pub fn setdefault<T>(
                &self,
                key: impl tarmem_remote::value::IntoValue,
                default: impl tarmem_remote::value::IntoValue,
            ) -> Decoded<T> {
                let mut given = $crate::Given::default();
                let call = self.setdefault_value(given.value(key), Some(given.value(default)));
                Decoded::new(given.checked(call))
            }

            /// Removes `key` and returns its value, or `None` if there is none.
            pub fn pop<T>(&self, key: impl tarmem_remote::value::IntoValue) -> Decoded<Option<T>> {
                Decoded::new($crate::given(key, |key| self.pop_or_value(key, Value::Null)))
            }

            /// Adds all of `items`.
            pub fn update<K: tarmem_remote::value::IntoValue, V: tarmem_remote::value::IntoValue>(
                &self,
                items: impl IntoIterator<Item = (K, V)>,
            ) -> Fallible<()> {
                let mut given = $crate::Given::default();
                let call = self.update_values(vec![given.map(items)], tarmem_remote::args::Kwargs::new());
                given.checked(call)
            }

            /// Returns whether `key` is there.
            pub fn contains_key(&self, key: impl tarmem_remote::value::IntoValue) -> Fallible<bool> {
                $crate::given(key, |key| self.contains_key_value(key))
            }

            /// Adds `by` to the number under `key`, atomically, and returns the sum. A missing key counts as 0.
            pub fn incr<T>(
                &self,
                key: impl tarmem_remote::value::IntoValue,
                by: impl tarmem_remote::value::IntoValue,
            ) -> Decoded<T> {
                let mut given = $crate::Given::default();
                let call = self.incr_value(given.value(key), Some(given.value(by)));
                Decoded::new(given.checked(call))
            }

            /// Puts `new` under `key` if the value there is equal to `expected`, atomically. Returns whether it was. A
            /// missing key counts as null.
            pub fn compare_and_set(
                &self,
                key: impl tarmem_remote::value::IntoValue,
                expected: impl tarmem_remote::value::IntoValue,
                new: impl tarmem_remote::value::IntoValue,
            ) -> Fallible<bool> {
                let mut given = $crate::Given::default();
                let call = self.compare_and_set_value(given.value(key), given.value(expected), given.value(new));
                given.checked(call)
            }

            /// Returns the keys, in their order.
            pub fn keys<T>(&self) -> Decoded<Vec<T>, Vec<Value>, Error> {
                Decoded::new(self.keys_value())
            }

            /// Returns the values, in the order of their keys.
            pub fn values<T>(&self) -> Decoded<Vec<T>, Vec<Value>, Error> {
                Decoded::new(self.values_value())
            }

            /// Returns the keys with their values, in their order.
            pub fn items<K, V>(&self) -> DecodedPairs<K, V, Error> {
                Decoded::new(self.items_value())
            }

            /// Returns a stream of the keys, which it fetches in chunks.
            pub fn iter<K>(&self) -> Elements<K> {
                Elements::of(self, Self::iter_chunk)
            }

            /// Returns a stream of the values, in the order of their keys, which it fetches in chunks.
            pub fn values_iter<V>(&self) -> Elements<V> {
                Elements::of(self, Self::values_chunk)
            }

            /// Returns a stream of the keys with their values, which it fetches in chunks.
            pub fn items_iter<K, V>(&self) -> Elements<(K, V)> {
                Elements::of(self, Self::items_chunk)
            }
        }
    };
}

pub(crate) use mapping_proxy;
