//! `==` and `<` for what is like a list. The class has `as_list`, which gives its elements as a slice.

/// The comparisons of a sequence, which Python calls `$name`, with another one of its kind: a `Value::$kind`, if there
/// is such a kind of value, or a live object.
macro_rules! sequence_comparisons {
    ($class:ident, $name:literal $(, $kind:ident)?) => {
        #[tarmem_remote::remote]
        impl $class {
            #[doc = concat!("Whether `other` is a ", $name, " of equal elements.")]
            #[remote(name = "__eq__", scales)]
            pub fn equals(&self, other: Value) -> Result<bool, Exception> {
                $(if let Value::$kind(items) = &other {
                    return $crate::python::Comparing::default().items_equal(&self.as_list(), items);
                })?
                $crate::python::Comparing::default().equals(self, &other)
            }

            #[doc = concat!("Whether `other` is anything but a ", $name, " of equal elements.")]
            #[remote(name = "__ne__", scales)]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }

            /// Returns whether the first elements that differ are in ascending order; if there are none, whether this
            /// one is shorter.
            #[remote(name = "__lt__", scales)]
            pub fn less(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::Less, &other)
            }

            /// `<=`, by the first elements that differ.
            #[remote(name = "__le__", scales)]
            pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::LessOrEqual, &other)
            }

            /// `>`, by the first elements that differ.
            #[remote(name = "__gt__", scales)]
            pub fn greater(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::Greater, &other)
            }

            /// `>=`, by the first elements that differ.
            #[remote(name = "__ge__", scales)]
            pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::GreaterOrEqual, &other)
            }
        }

        impl $class {
            fn compare(&self, comparison: Comparison, other: &Value) -> Result<bool, Exception> {
                $(if let Value::$kind(items) = other {
                    return $crate::python::Comparing::default().items_hold(comparison, &self.as_list(), items);
                })?
                $crate::python::Comparing::default().object_holds(comparison, self, $name, other)
            }
        }
    };
}

pub(crate) use sequence_comparisons;
