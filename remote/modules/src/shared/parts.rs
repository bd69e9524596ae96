//! The parts of numbers, and rounding, for classes that have `number`, which returns the number as a `Value`.

/// The methods that all numbers have.
macro_rules! part_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Rounds to the nearest whole number, and to the even one of two. With `ndigits`, rounds to that many
            /// digits after the point, or before it if negative.
            #[remote(name = "__round__")]
            pub fn round(&self, ndigits: Option<Value>) -> Result<Value, Exception> {
                $crate::python::round(&self.number(), ndigits.as_ref())
            }

            /// Formats the number by `format_spec`, such as `,`, `08.3f` or `#x`. `ValueError` if the format is not
            /// valid.
            #[remote(name = "__format__")]
            pub fn format(&self, format_spec: String) -> Result<String, Exception> {
                $crate::python::format(&self.number(), &format_spec)
            }

            /// Rounds towards zero, to a whole number.
            #[remote(name = "__trunc__")]
            pub fn trunc(&self) -> Result<Value, Exception> {
                to_int(&self.number(), None).map(Value::Int)
            }

            /// Rounds down to a whole number.
            #[remote(name = "__floor__")]
            pub fn floor(&self) -> Result<Value, Exception> {
                $crate::python::to_side(&self.number(), false)
            }

            /// Rounds up to a whole number.
            #[remote(name = "__ceil__")]
            pub fn ceil(&self) -> Result<Value, Exception> {
                $crate::python::to_side(&self.number(), true)
            }

            /// Returns the number itself, since it has no imaginary part.
            pub fn conjugate(&self) -> Result<Value, Exception> {
                self.pos()
            }

            /// Returns the number itself.
            pub fn real(&self) -> Result<Value, Exception> {
                self.pos()
            }

            /// Returns zero.
            pub fn imag(&self) -> Result<Value, Exception> {
                number::multiply(&self.number(), &Value::from(0)).map(|zero| match zero {
                    Value::Float(_) => Value::Float(0.0),
                    zero => zero,
                })
            }
        }
    };
}

/// The methods that all whole numbers have.
macro_rules! whole_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the number, as an index.
            #[remote(name = "__index__")]
            pub fn index(&self) -> Integer {
                self.whole()
            }

            /// Returns the number itself, as the numerator of a fraction.
            pub fn numerator(&self) -> Integer {
                self.whole()
            }

            /// Returns true; a float has this method too.
            pub fn is_integer(&self) -> bool {
                true
            }

            /// Returns 1, as the denominator of a fraction.
            pub fn denominator(&self) -> i64 {
                1
            }

            /// Returns the number in `length` bytes (1 if left out). If `byteorder` is `big` or left out, the first
            /// byte is the most significant; if it is `little`, the first is the least significant. `OverflowError` if
            /// it does not fit.
            pub fn to_bytes(
                &self,
                #[remote(default = 1)] length: Arg<Value>,
                #[remote(default = "big")] byteorder: Arg<Value>,
                #[remote(default = false)] signed: Arg<Value>,
            ) -> Result<Value, Exception> {
                to_bytes(&self.whole(), length, byteorder, signed)
            }
        }
    };
}

pub(crate) use {part_methods, whole_methods};
