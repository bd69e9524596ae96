//! How str, bytes and bytearray are formatted.

/// Makes `__format__` and `__repr__`.
macro_rules! shown_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Formats it by `format_spec`, such as `>10` or `.3`. `TypeError` if the class takes no format.
            #[remote(name = "__format__")]
            pub fn formatted(&self, format_spec: String) -> Result<String, Exception> {
                $crate::python::format(&self.plain(), &format_spec)
            }

            /// Returns it as Python's `repr` shows it.
            #[remote(name = "__repr__", scales)]
            pub fn repr(&self) -> String {
                $crate::python::repr(&self.plain())
            }
        }
    };
}

pub(crate) use shown_methods;
