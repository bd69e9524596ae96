//! What list, tuple and deque share: the number of elements, and which of them are equal to a value.

/// Makes these methods for a class whose elements are in `self.$items`. `$missing` makes the message for a value that
/// is not there. `$stop` is the attribute of the parameter before which `index` stops.
macro_rules! sequence_methods {
    ($class:ident, $items:tt, missing: $missing:expr, stop: $(#[$stop:meta])?) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the number of elements that are equal to `value`.
            #[remote(proxy = "count_value", scales)]
            pub fn count(&self, value: Value) -> Result<usize, Exception> {
                Comparing::default().count(&self.$items, &value)
            }

            /// Returns the index of the first element that is equal to `value`, searching from `start` to before
            /// `stop`. `ValueError` if there is none.
            #[remote(proxy = "index_value", scales)]
            pub fn index(
                &self,
                value: Value,
                #[remote(default = 0)] start: Arg<Value>,
                $(#[$stop])? stop: Arg<Value>,
            ) -> Result<usize, Exception> {
                let (start, stop) = searched(start, stop, self.$items.len())?;
                let found = Comparing::default().position(self.$items.iter().take(stop).skip(start), &value)?;
                let missing: fn(&Value) -> String = $missing;
                found.map(|at| start + at).ok_or_else(|| Exception::ValueError(missing(&value)))
            }

            /// Returns the number of elements.
            pub fn len(&self) -> usize {
                self.$items.len()
            }

            /// Returns whether there are no elements.
            #[remote(skip)]
            pub fn is_empty(&self) -> bool {
                self.$items.is_empty()
            }

            /// Returns the number of elements.
            #[remote(name = "__len__")]
            pub fn length(&self) -> usize {
                self.$items.len()
            }

            /// Returns whether an element is equal to `value`.
            #[remote(name = "__contains__", scales)]
            pub fn contains_value(&self, value: Value) -> Result<bool, Exception> {
                Ok(Comparing::default().position(&self.$items, &value)?.is_some())
            }
        }
    };
}

pub(crate) use sequence_methods;
