//! The operators of numbers, for classes that have `number`, which returns the number as a `Value`.

/// The operators that all numbers have. Their results are plain numbers; the object never changes.
macro_rules! number_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns it as a plain number.
            #[remote(name = "value")]
            pub fn plain(&self) -> Value {
                self.number()
            }

            /// `number + other`
            #[remote(name = "__add__")]
            pub fn add(&self, other: Value) -> Result<Value, Exception> {
                number::add(&self.number(), &other)
            }

            /// `number - other`
            #[remote(name = "__sub__")]
            pub fn sub(&self, other: Value) -> Result<Value, Exception> {
                number::subtract(&self.number(), &other)
            }

            /// `number * other`
            #[remote(name = "__mul__")]
            pub fn mul(&self, other: Value) -> Result<Value, Exception> {
                number::multiply(&self.number(), &other)
            }

            /// `number / other`, always a float. `ZeroDivisionError` if `other` is zero.
            #[remote(name = "__truediv__")]
            pub fn truediv(&self, other: Value) -> Result<Value, Exception> {
                number::divide(&self.number(), &other)
            }

            /// `number // other`: the quotient, rounded down.
            #[remote(name = "__floordiv__")]
            pub fn floordiv(&self, other: Value) -> Result<Value, Exception> {
                number::floor_divide(&self.number(), &other)
            }

            /// `number % other`: the remainder, with the sign of `other`.
            #[remote(name = "__mod__")]
            pub fn modulo(&self, other: Value) -> Result<Value, Exception> {
                number::modulo(&self.number(), &other)
            }

            /// `number // other` and `number % other`, as a tuple of two.
            #[remote(name = "__divmod__")]
            pub fn divmod(&self, other: Value) -> Result<Value, Exception> {
                number::divmod(&self.number(), &other).map(Value::from)
            }

            /// `number ** exponent`
            #[remote(name = "__pow__")]
            pub fn pow(&self, exponent: Value) -> Result<Value, Exception> {
                number::power(&self.number(), &exponent)
            }

            /// `-number`
            #[remote(name = "__neg__")]
            pub fn neg(&self) -> Result<Value, Exception> {
                number::negate(&self.number())
            }

            /// `+number`
            #[remote(name = "__pos__")]
            pub fn pos(&self) -> Result<Value, Exception> {
                number::multiply(&self.number(), &Value::from(1))
            }

            /// Returns the absolute value.
            #[remote(name = "__abs__")]
            pub fn abs(&self) -> Result<Value, Exception> {
                match self.number() {
                    Value::Float(x) => Ok(Value::Float(x.abs())),
                    negative if Comparison::Less.holds(&negative, &Value::from(0))? => self.neg(),
                    _ => self.pos(),
                }
            }

            /// Returns whether it is equal to `other`, whatever their types.
            #[remote(name = "__eq__")]
            pub fn equals(&self, other: Value) -> Result<bool, Exception> {
                Comparing::default().equals(self, &other)
            }

            /// Returns whether it is not equal to `other`.
            #[remote(name = "__ne__")]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }

            /// `number < other`
            #[remote(name = "__lt__")]
            pub fn less(&self, other: Value) -> Result<bool, Exception> {
                Comparison::Less.holds(&self.number(), &other)
            }

            /// `number <= other`
            #[remote(name = "__le__")]
            pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
                Comparison::LessOrEqual.holds(&self.number(), &other)
            }

            /// `number > other`
            #[remote(name = "__gt__")]
            pub fn greater(&self, other: Value) -> Result<bool, Exception> {
                Comparison::Greater.holds(&self.number(), &other)
            }

            /// `number >= other`
            #[remote(name = "__ge__")]
            pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
                Comparison::GreaterOrEqual.holds(&self.number(), &other)
            }

            /// Returns whether it is not zero.
            #[remote(name = "__bool__")]
            pub fn truth(&self) -> bool {
                truthy(&self.number())
            }

            /// Returns the whole part.
            #[remote(name = "__int__")]
            pub fn to_int(&self) -> Result<Value, Exception> {
                to_int(&self.number(), None).map(Value::Int)
            }

            /// Returns the nearest float.
            #[remote(name = "__float__")]
            pub fn to_float(&self) -> Result<f64, Exception> {
                to_float(&self.number())
            }

            /// Returns the number as Python's `repr` shows it.
            #[remote(name = "__repr__")]
            pub fn repr(&self) -> String {
                repr(&self.number())
            }
        }

        impl From<$class> for Value {
            fn from(number: $class) -> Self {
                number.number()
            }
        }

        impl $crate::python::live::Holds for $class {
            fn seen(&self) -> $crate::python::live::Seen<'_> {
                $crate::python::live::Seen::Number(self.number())
            }
        }
    };
}

/// The operators on the bits of whole numbers, for classes that have `whole`, which returns the number as an `Integer`.
macro_rules! bit_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// `number & other`
            #[remote(name = "__and__")]
            pub fn and(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&self.number(), &other, "&", Integer::bit_and)
            }

            /// `number | other`
            #[remote(name = "__or__")]
            pub fn or(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&self.number(), &other, "|", Integer::bit_or)
            }

            /// `number ^ other`
            #[remote(name = "__xor__")]
            pub fn xor(&self, other: Value) -> Result<Value, Exception> {
                number::bitwise(&self.number(), &other, "^", Integer::bit_xor)
            }

            /// `~number`, which is `-number - 1`
            #[remote(name = "__invert__")]
            pub fn invert(&self) -> Result<Value, Exception> {
                self.whole().invert().map(Value::Int).map_err(number::too_large)
            }

            /// `number << count`
            #[remote(name = "__lshift__")]
            pub fn lshift(&self, count: Value) -> Result<Value, Exception> {
                number::shift_left(&self.number(), &count)
            }

            /// `number >> count`
            #[remote(name = "__rshift__")]
            pub fn rshift(&self, count: Value) -> Result<Value, Exception> {
                number::shift_right(&self.number(), &count)
            }

            /// Returns the number of bits in its absolute value, without leading zeros.
            pub fn bit_length(&self) -> u64 {
                self.whole().bits()
            }

            /// Returns the number of ones in the bits of its absolute value.
            pub fn bit_count(&self) -> u64 {
                self.whole().count_ones()
            }

            /// Returns the number itself and 1, whose quotient it is, as a tuple.
            pub fn as_integer_ratio(&self) -> Value {
                (self.whole(), 1).into()
            }
        }
    };
}

pub(crate) use {bit_methods, number_methods};
