//! `==` and `<` for classes like lists, which have `as_list`, which returns their elements as a slice.

/// The comparisons of a sequence, which Python calls `$name`, with another one of its kind: a live object or, if there
/// is such a value, a `Value::$kind`.
macro_rules! sequence_comparisons {
    ($class:ident, $name:literal $(, $kind:ident)?) => {
        #[tarmem_remote::remote]
        impl $class {
            #[doc = concat!("Returns whether `other` is a ", $name, " of equal elements.")]
            #[remote(name = "__eq__", scales)]
            pub fn equals(&self, other: Value) -> Result<bool, Exception> {
                $(if let Value::$kind(items) = &other {
                    return $crate::python::Comparing::default().items_equal(&self.as_list(), items);
                })?
                $crate::python::Comparing::default().equals(self, &other)
            }

            #[doc = concat!("Returns whether `other` is not a ", $name, " of equal elements.")]
            #[remote(name = "__ne__", scales)]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }

            /// Returns whether the first elements that differ are in ascending order. If none differ, returns whether
            /// this one is shorter.
            #[remote(name = "__lt__", scales)]
            pub fn less(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::Less, &other)
            }

            /// `<=`, decided by the first elements that differ.
            #[remote(name = "__le__", scales)]
            pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::LessOrEqual, &other)
            }

            /// `>`, decided by the first elements that differ.
            #[remote(name = "__gt__", scales)]
            pub fn greater(&self, other: Value) -> Result<bool, Exception> {
                self.compare(Comparison::Greater, &other)
            }

            /// `>=`, decided by the first elements that differ.
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
