//! The methods of the proxies of list and deque that take and return plain Rust values.

/// The methods that both proxies have. `$end` names the end at which `append` adds; `$full` and `$missing` are further
/// sentences in the docs of `insert`, and of methods that search.
macro_rules! sequence_proxy {
    ($proxy:ident, $end:literal, $full:literal, $missing:literal) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            #[doc = concat!("Puts `value` at the ", $end, ".")]
            pub fn append(&self, value: impl IntoValue) -> Fallible<()> {
                given(value, |value| self.append_value(value))
            }

            #[doc = concat!("Adds the elements of `items` at the ", $end, ".")]
            pub fn extend<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
                let mut given = Given::default();
                let call = self.extend_values(given.list(items));
                given.checked(call)
            }

            #[doc = concat!("Puts `value` before `index`.", $full)]
            pub fn insert(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
                given(value, |value| self.insert_value(index.into(), value))
            }

            #[doc = concat!("Removes the first element that is equal to `value`.", $missing)]
            pub fn remove(&self, value: impl IntoValue) -> Fallible<()> {
                given(value, |value| self.remove_value(value))
            }

            /// Returns the number of elements that are equal to `value`.
            pub fn count(&self, value: impl IntoValue) -> Fallible<usize> {
                given(value, |value| self.count_value(value))
            }

            #[doc = concat!("Returns the index of the first element that is equal to `value`.", $missing)]
            pub fn index(&self, value: impl IntoValue) -> Fallible<usize> {
                given(value, |value| self.index_value(value, None, None))
            }

            /// Returns whether an element is equal to `value`.
            pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
                given(value, |value| self.contains_value(value))
            }

            /// Returns the element at `index`.
            pub fn get<T>(&self, index: i64) -> Decoded<T> {
                Decoded::new(self.getitem(index.into()))
            }

            /// Replaces the element at `index` with `value`.
            pub fn set(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
                given(value, |value| self.setitem(index.into(), value))
            }

            /// Removes the element at `index`.
            pub fn delete(&self, index: i64) -> Fallible<()> {
                self.delitem(index.into())
            }
        }
    };
}

pub(crate) use sequence_proxy;
