//! The proxies of dicts of all kinds, for plain Rust values.

/// The methods of the proxy that take plain Rust values; the class's path is `$path`.
macro_rules! mapping_proxy {
    ($proxy:ident, $path:literal) => {
        /// With plain Rust values. The methods that these stand for say what they do.
        impl $proxy {
            /// The value under `key`, `None` if there is none.
            pub fn get<T>(&self, key: impl Into<Value>) -> Decoded<Option<T>> {
                Decoded::new(self.get_value(key.into(), None))
            }

            /// The value under `key`. `KeyError` if there is none.
            pub fn item<T>(&self, key: impl Into<Value>) -> Decoded<T> {
                Decoded::new(self.getitem(key.into()))
            }

            /// Puts `value` under `key`.
            pub fn set(&self, key: impl Into<Value>, value: impl Into<Value>) -> Fallible<()> {
                self.setitem(key.into(), value.into())
            }

            /// Takes out `key`. `KeyError` if it is not there.
            pub fn delete(&self, key: impl Into<Value>) -> Fallible<()> {
                self.delitem(key.into())
            }

            /// The value under `key`; if there is none, puts `default` there and gives that.
            pub fn setdefault<T>(&self, key: impl Into<Value>, default: impl Into<Value>) -> Decoded<T> {
                Decoded::new(self.setdefault_value(key.into(), Some(default.into())))
            }

            /// Takes out `key`; gives its value, `None` if there is none.
            pub fn pop<T>(&self, key: impl Into<Value>) -> Decoded<Option<T>> {
                Decoded::new(self.pop_or_value(key.into(), Value::Null))
            }

            /// Puts in all of `items`.
            pub fn update<K: Into<Value>, V: Into<Value>>(
                &self,
                items: impl IntoIterator<Item = (K, V)>,
            ) -> Fallible<()> {
                let items = items.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
                self.update_values(Some(Value::Map(items)))
            }

            /// Whether there is such a key.
            pub fn contains_key(&self, key: impl Into<Value>) -> Fallible<bool> {
                self.contains_key_value(key.into())
            }

            /// Adds `by` to the number under `key`, at once; gives the sum. A missing key counts as 0.
            pub fn incr<T>(&self, key: impl Into<Value>, by: impl Into<Value>) -> Decoded<T> {
                Decoded::new(self.incr_value(key.into(), Some(by.into())))
            }

            /// Puts `new` under `key` if what is there is equal to `expected`; whether it was. A missing key counts as
            /// null.
            pub fn compare_and_set(
                &self,
                key: impl Into<Value>,
                expected: impl Into<Value>,
                new: impl Into<Value>,
            ) -> Fallible<bool> {
                self.compare_and_set_value(key.into(), expected.into(), new.into())
            }

            /// The keys, in their order.
            pub fn keys<T>(&self) -> Decoded<Vec<T>, Vec<Value>, Error> {
                Decoded::new(self.keys_value())
            }

            /// The values, in the order of their keys.
            pub fn values<T>(&self) -> Decoded<Vec<T>, Vec<Value>, Error> {
                Decoded::new(self.values_value())
            }

            /// The keys with their values, in their order.
            pub fn items<K, V>(&self) -> DecodedPairs<K, V, Error> {
                Decoded::new(self.items_value())
            }

            /// The keys, chunk after chunk, as a stream.
            pub fn iter<K>(&self) -> Elements<K> {
                Elements::of(self, Self::iter_chunk)
            }

            /// The values, chunk after chunk, in the order of their keys, as a stream.
            pub fn values_iter<V>(&self) -> Elements<V> {
                Elements::of(self, Self::values_chunk)
            }

            /// The keys with their values, chunk after chunk, as a stream.
            pub fn items_iter<K, V>(&self) -> Elements<(K, V)> {
                Elements::of(self, Self::items_chunk)
            }
        }
    };
}

pub(crate) use mapping_proxy;
