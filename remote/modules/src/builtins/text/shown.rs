//! How str, bytes and bytearray are shown.

/// Makes `__format__` and `__repr__`.
macro_rules! shown_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// It as `format_spec` says: `>10`, `.3`. `TypeError` for what takes no such thing.
            #[remote(name = "__format__")]
            pub fn formatted(&self, format_spec: String) -> Result<String, Exception> {
                $crate::python::format(&self.plain(), &format_spec)
            }

            /// It as Python writes it.
            #[remote(name = "__repr__", scales)]
            pub fn repr(&self) -> String {
                $crate::python::repr(&self.plain())
            }
        }
    };
}

pub(crate) use shown_methods;
