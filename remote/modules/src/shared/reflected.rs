//! The operators whose right operand is the object, such as `other + object`; and `str(…)`.

/// The operators of numbers. Their results are plain numbers.
macro_rules! reflected_number_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// `other + number`
            #[remote(name = "__radd__")]
            pub fn radd(&self, other: Value) -> Result<Value, Exception> {
                number::add(&other, &self.number())
            }

            /// `other - number`
            #[remote(name = "__rsub__")]
            pub fn rsub(&self, other: Value) -> Result<Value, Exception> {
                number::subtract(&other, &self.number())
            }

            /// `other * number`
            #[remote(name = "__rmul__")]
            pub fn rmul(&self, other: Value) -> Result<Value, Exception> {
                number::multiply(&other, &self.number())
            }

            /// `other / number`, always a float.
            #[remote(name = "__rtruediv__")]
            pub fn rtruediv(&self, other: Value) -> Result<Value, Exception> {
                number::divide(&other, &self.number())
            }

            /// `other // number`: the quotient, rounded down.
            #[remote(name = "__rfloordiv__")]
            pub fn rfloordiv(&self, other: Value) -> Result<Value, Exception> {
                number::floor_divide(&other, &self.number())
            }

            /// `other % number`: the remainder, with the sign of the number.
            #[remote(name = "__rmod__")]
            pub fn rmodulo(&self, other: Value) -> Result<Value, Exception> {
                number::modulo(&other, &self.number())
            }

            /// `other // number` and `other % number`, as a tuple of two.
            #[remote(name = "__rdivmod__")]
            pub fn rdivmod(&self, other: Value) -> Result<Value, Exception> {
                number::divmod(&other, &self.number()).map(Value::from)
            }

            /// `other ** number`
            #[remote(name = "__rpow__")]
            pub fn rpow(&self, other: Value) -> Result<Value, Exception> {
                number::power(&other, &self.number())
            }
        }
    };
}

/// The operators on the bits of whole numbers.
macro_rules! reflected_bit_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// `other & number`
            #[remote(name = "__rand__")]
            pub fn rand(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&other, &self.number(), "&", Integer::bit_and)
            }

            /// `other | number`
            #[remote(name = "__ror__")]
            pub fn ror(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&other, &self.number(), "|", Integer::bit_or)
            }

            /// `other ^ number`
            #[remote(name = "__rxor__")]
            pub fn rxor(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&other, &self.number(), "^", Integer::bit_xor)
            }

            /// `other << number`
            #[remote(name = "__rlshift__")]
            pub fn rlshift(&self, other: Value) -> Result<Value, Exception> {
                number::shift_left(&other, &self.number())
            }

            /// `other >> number`
            #[remote(name = "__rrshift__")]
            pub fn rrshift(&self, other: Value) -> Result<Value, Exception> {
                number::shift_right(&other, &self.number())
            }
        }
    };
}

/// `count * sequence`.
macro_rules! reflected_sequence_methods {
    ($class:ident, $result:ty) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the elements repeated `count` times.
            #[remote(name = "__rmul__", scales)]
            pub fn rmul(&self, count: Value) -> Result<$result, Exception> {
                self.mul(count)
            }
        }
    };
}

/// `str(object)`, which is the same as Python's `repr` for most classes.
macro_rules! text_of_repr {
    (looking $class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the text that Python's `str` gives.
            #[remote(name = "__str__", scales)]
            pub fn text(&self) -> Result<String, Exception> {
                self.repr()
            }
        }
    };
    ($($class:ident),+) => {$(
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the text that Python's `str` gives.
            #[remote(name = "__str__", scales)]
            pub fn text(&self) -> String {
                self.repr()
            }
        }
    )+};
}

pub(crate) use {reflected_bit_methods, reflected_number_methods, reflected_sequence_methods, text_of_repr};
