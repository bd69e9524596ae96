//! The parts of a number, and rounding. The class has `number`, which gives what it is as a `Value`.

/// Those that all numbers have.
macro_rules! part_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the nearest whole number, the even one of two; with `ndigits`, the nearest number with so many
            /// after the point (or that many zeros before it, if negative).
            #[remote(name = "__round__")]
            pub fn round(&self, ndigits: Option<Value>) -> Result<Value, Exception> {
                $crate::python::round(&self.number(), ndigits.as_ref())
            }

            /// Returns the number as `format_spec` says: `,`, `08.3f`, `#x`. `ValueError` if the format is not valid.
            #[remote(name = "__format__")]
            pub fn format(&self, format_spec: String) -> Result<String, Exception> {
                $crate::python::format(&self.number(), &format_spec)
            }

            /// Returns the nearest whole number towards zero.
            #[remote(name = "__trunc__")]
            pub fn trunc(&self) -> Result<Value, Exception> {
                to_int(&self.number(), None).map(Value::Int)
            }

            /// Returns the nearest whole number that is not above it.
            #[remote(name = "__floor__")]
            pub fn floor(&self) -> Result<Value, Exception> {
                $crate::python::to_side(&self.number(), false)
            }

            /// Returns the nearest whole number that is not below it.
            #[remote(name = "__ceil__")]
            pub fn ceil(&self) -> Result<Value, Exception> {
                $crate::python::to_side(&self.number(), true)
            }

            /// Returns the number itself, for there is no imaginary part.
            pub fn conjugate(&self) -> Result<Value, Exception> {
                self.pos()
            }

            /// Returns the number itself.
            pub fn real(&self) -> Result<Value, Exception> {
                self.pos()
            }

            /// Zero.
            pub fn imag(&self) -> Result<Value, Exception> {
                number::multiply(&self.number(), &Value::from(0)).map(|zero| match zero {
                    Value::Float(_) => Value::Float(0.0),
                    zero => zero,
                })
            }
        }
    };
}

/// Those of whole numbers.
macro_rules! whole_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the number, as an index.
            #[remote(name = "__index__")]
            pub fn index(&self) -> Integer {
                self.whole()
            }

            /// Returns the number itself, as the upper part of a fraction.
            pub fn numerator(&self) -> Integer {
                self.whole()
            }

            /// True, as for a float that is a whole number.
            pub fn is_integer(&self) -> bool {
                true
            }

            /// One, as the lower part of a fraction.
            pub fn denominator(&self) -> i64 {
                1
            }

            /// Returns the number in `length` bytes (1 if left out); the first byte counts most if `byteorder` is `big`
            /// or left out, least if it is `little`. `OverflowError` if it does not fit.
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
