//! `builtins.complex`.

use crate::Exception;
use crate::python::complex::{self, Pair, format_complex, write_complex};
use crate::python::live::{Holds, Seen, plain, plain_and_class};
use crate::python::number::{Number, unsupported};
use crate::python::{Comparison, equal, type_name};
use crate::shared::text_of_repr;
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// A complex number, as Python's `complex`. It never changes; its methods return new numbers.
///
/// As a value it is the map of its parts, `{"real": 1.0, "imag": 2.0}`. Operators return such maps, and accept them as
/// well as plain numbers and live ones. In Rust, that map is a `Complex`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::{Complex, ComplexProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let number = session.memoize("z", ComplexProxy::new(Some("1+2j".into()), None)).await?;
/// assert_eq!(number.conjugate().await?, Complex { real: 1.0, imag: -2.0 });
/// assert_eq!(number.mul(2.into()).await?, Complex { real: 2.0, imag: 4.0 });
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "complex")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename = "complex")]
pub struct Complex {
    /// The real part.
    pub real: f64,
    /// The imaginary part.
    pub imag: f64,
}

#[remote]
impl Complex {
    /// Makes `real + imag * 1j`, where both may be complex themselves, or the number that the text `real` spells, such
    /// as `"1+2j"`. Without arguments, the number is 0.
    #[remote(inline)]
    pub fn new(
        #[remote(default = 0)] real: Arg<Value>,
        #[remote(default = 0)] imag: Arg<Value>,
    ) -> Result<Self, Exception> {
        let held = |value: Arg<Value>| value.given().map(plain).transpose().map(Arg::from);
        let (real, imag) = (held(real)?, held(imag)?);
        if let Arg::Given(Value::Text(text)) = &real {
            if !imag.is_absent() {
                return Err(Exception::of_type("complex() can't take second arg if first is a string"));
            }
            return complex::parse(text).map(Complex::of);
        }
        if let Arg::Given(Value::Text(_)) = imag {
            return Err(Exception::of_type("complex() second arg can't be a string"));
        }
        let part = |value: Arg<Value>, refused: &dyn Fn(&str) -> String| match value.given() {
            None => Ok(None),
            Some(value) => match operand(&value)? {
                Some(found) => Ok(Some(found)),
                None => Err(Exception::TypeError(refused(type_name(&value)))),
            },
        };
        let first =
            part(real, &|found| format!("complex() first argument must be a string or a number, not '{found}'"))?;
        let second = part(imag, &|found| format!("complex() second argument must be a number, not '{found}'"))?;
        let ((mut x, is_complex), second) = (first.unwrap_or(((0.0, 0.0), false)), second);
        match second {
            None => Ok(Complex::of(x)),
            Some((y, other_is_complex)) => {
                let mut imag = y.0;
                if other_is_complex {
                    x.0 -= y.1;
                }
                if is_complex {
                    imag += x.1;
                }
                Ok(Complex { real: x.0, imag })
            }
        }
    }

    /// Returns the real part.
    #[remote(name = "real")]
    pub fn real_part(&self) -> f64 {
        self.real
    }

    /// Returns the imaginary part.
    #[remote(name = "imag")]
    pub fn imag_part(&self) -> f64 {
        self.imag
    }

    /// Returns the complex conjugate: the number with the sign of its imaginary part changed.
    pub fn conjugate(&self) -> Complex {
        Complex { real: self.real, imag: -self.imag }
    }

    /// Returns it as a plain value, the map of its parts.
    #[remote(name = "value")]
    pub fn plain(&self) -> Value {
        (*self).into()
    }

    /// Returns the number itself.
    #[remote(name = "__complex__")]
    pub fn same(&self) -> Complex {
        *self
    }

    /// `+number`
    #[remote(name = "__pos__")]
    pub fn pos(&self) -> Complex {
        *self
    }

    /// `-number`
    #[remote(name = "__neg__")]
    pub fn neg(&self) -> Complex {
        Complex { real: -self.real, imag: -self.imag }
    }

    /// Returns the absolute value. `OverflowError` if it is too large for a float.
    #[remote(name = "__abs__")]
    pub fn abs(&self) -> Result<f64, Exception> {
        complex::magnitude(self.pair())
    }

    /// Returns whether it is anything but zero.
    #[remote(name = "__bool__")]
    pub fn truth(&self) -> bool {
        self.real != 0.0 || self.imag != 0.0
    }

    /// `number + other`
    #[remote(name = "__add__")]
    pub fn add(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "+", false, |a, b| Ok((a.0 + b.0, a.1 + b.1)))
    }

    /// `other + number`
    #[remote(name = "__radd__")]
    pub fn radd(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "+", true, |a, b| Ok((a.0 + b.0, a.1 + b.1)))
    }

    /// `number - other`
    #[remote(name = "__sub__")]
    pub fn sub(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "-", false, |a, b| Ok((a.0 - b.0, a.1 - b.1)))
    }

    /// `other - number`
    #[remote(name = "__rsub__")]
    pub fn rsub(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "-", true, |a, b| Ok((a.0 - b.0, a.1 - b.1)))
    }

    /// `number * other`
    #[remote(name = "__mul__")]
    pub fn mul(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "*", false, |a, b| Ok(complex::product(a, b)))
    }

    /// `other * number`
    #[remote(name = "__rmul__")]
    pub fn rmul(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "*", true, |a, b| Ok(complex::product(a, b)))
    }

    /// `number / other`
    #[remote(name = "__truediv__")]
    pub fn truediv(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "/", false, complex::quotient)
    }

    /// `other / number`
    #[remote(name = "__rtruediv__")]
    pub fn rtruediv(&self, other: Value) -> Result<Complex, Exception> {
        self.with(other, "/", true, complex::quotient)
    }

    /// `number ** exponent`. A third argument must be null.
    #[remote(name = "__pow__")]
    pub fn pow(&self, exponent: Value, modulo: Option<Value>) -> Result<Complex, Exception> {
        if modulo.is_some() {
            return Err(Exception::value("complex modulo"));
        }
        self.with(exponent, "** or pow()", false, complex::power)
    }

    /// `base ** number`
    #[remote(name = "__rpow__")]
    pub fn rpow(&self, base: Value) -> Result<Complex, Exception> {
        self.with(base, "** or pow()", true, complex::power)
    }

    /// Returns whether it is the same number as `other`.
    #[remote(name = "__eq__")]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        let other = plain(other)?;
        Ok(match Complex::of_parts(&other) {
            Some(other) => *self == other,
            None => self.imag == 0.0 && equal(&self.real.into(), &other),
        })
    }

    /// Returns whether it is not the same number as `other`.
    #[remote(name = "__ne__")]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        Ok(!self.equals(other)?)
    }

    /// Fails with `TypeError`: complex numbers have no order.
    #[remote(name = "__lt__")]
    pub fn less(&self, other: Value) -> Result<bool, Exception> {
        Err(Comparison::Less.unsupported("complex", type_name(&other)))
    }

    /// Fails with `TypeError`: complex numbers have no order.
    #[remote(name = "__le__")]
    pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
        Err(Comparison::LessOrEqual.unsupported("complex", type_name(&other)))
    }

    /// Fails with `TypeError`: complex numbers have no order.
    #[remote(name = "__gt__")]
    pub fn greater(&self, other: Value) -> Result<bool, Exception> {
        Err(Comparison::Greater.unsupported("complex", type_name(&other)))
    }

    /// Fails with `TypeError`: complex numbers have no order.
    #[remote(name = "__ge__")]
    pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
        Err(Comparison::GreaterOrEqual.unsupported("complex", type_name(&other)))
    }

    /// Formats the number by `format_spec`, such as `.2f` or `>20`. `ValueError` if the format is not valid.
    #[remote(name = "__format__")]
    pub fn format(&self, format_spec: String) -> Result<String, Exception> {
        format_complex(self.pair(), &format_spec)
    }

    /// Returns the number as Python's `repr` shows it: `(1+2j)`.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        write_complex(self.pair())
    }
}

text_of_repr!(Complex);

impl Complex {
    fn of((real, imag): Pair) -> Self {
        Complex { real, imag }
    }

    fn pair(&self) -> Pair {
        (self.real, self.imag)
    }

    /// Returns the number whose parts the map holds.
    fn of_parts(value: &Value) -> Option<Self> {
        let part = |name: &str| match value.get(name).and_then(Number::of) {
            Some(Number::Float(x)) => Some(x),
            Some(Number::Whole(n)) => n.to_f64(),
            None => None,
        };
        let is_map_of_two = value.as_map().is_some_and(|entries| entries.len() == 2);
        if is_map_of_two { Some(Complex { real: part("real")?, imag: part("imag")? }) } else { None }
    }

    fn with(
        &self,
        other: Value,
        sign: &str,
        reflected: bool,
        operate: impl Fn(Pair, Pair) -> Result<Pair, Exception>,
    ) -> Result<Complex, Exception> {
        let (other, class) = plain_and_class(other)?;
        let found = class.as_deref().unwrap_or(type_name(&other));
        match (operand(&other)?, reflected) {
            (Some((other, _)), false) => operate(self.pair(), other),
            (Some((other, _)), true) => operate(other, self.pair()),
            (None, false) => Err(unsupported(sign, "complex", found)),
            (None, true) => Err(unsupported(sign, found, "complex")),
        }
        .map(Complex::of)
    }
}

/// Returns the number that a value stands for, and whether it is complex; `None` if it is not a number.
///
/// # Errors
/// `OverflowError` if an integer is too large for a float.
fn operand(value: &Value) -> Result<Option<(Pair, bool)>, Exception> {
    match Number::of(value) {
        Some(number) => Ok(Some(((number.float()?, 0.0), false))),
        None => Ok(Complex::of_parts(value).map(|number| (number.pair(), true))),
    }
}

impl Holds for Complex {
    fn seen(&self) -> Seen<'_> {
        Seen::Number(self.plain())
    }

    fn written(&self) -> Option<String> {
        Some(self.repr())
    }
}

/// Converts to the map of its parts.
impl From<Complex> for Value {
    fn from(Complex { real, imag }: Complex) -> Self {
        Value::Map(vec![("real".into(), real.into()), ("imag".into(), imag.into())])
    }
}
