//! `builtins.float`.

use crate::Exception;
use crate::python::Comparing;
use crate::python::{Comparison, hex_float, number, repr, to_float, to_int, truthy};
use crate::shared::{number_methods, part_methods, reflected_number_methods, text_of_repr};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{Integer, Value};

/// A floating-point number, as Python's `float`. It never changes; for a number that changes, use
/// `multiprocessing.Value`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::FloatProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let number = session.memoize("half", FloatProxy::new(Some("0.5".into()))).await?;
/// assert_eq!(number.hex().await?, "0x1.0000000000000p-1");
/// assert!(!number.is_integer().await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "float")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Float(f64);

#[remote]
impl Float {
    /// Makes the float that is nearest to a number, or that a text spells. Without `value`, it is 0.0.
    #[remote(inline)]
    pub fn new(#[remote(default = 0)] value: Arg<Value>) -> Result<Self, Exception> {
        value.given().map_or(Ok(0.0), |value| to_float(&value)).map(Float)
    }

    /// Makes the float that a hexadecimal text spells, such as `0x1.8p+1`; `hex` returns such texts. `ValueError` if
    /// the text is not valid.
    #[remote(inline)]
    pub fn fromhex(text: String) -> Result<Self, Exception> {
        hex_float::parse(&text).map(Float)
    }

    /// Returns whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        self.0.is_finite() && self.0.fract() == 0.0
    }

    /// Returns two whole numbers whose quotient it is exactly, as a tuple.
    pub fn as_integer_ratio(&self) -> Result<Value, Exception> {
        if self.0.is_nan() {
            return Err(Exception::value("cannot convert NaN to integer ratio"));
        }
        if self.0.is_infinite() {
            return Err(Exception::overflow("cannot convert Infinity to integer ratio"));
        }
        let (mut above, mut doublings) = (self.0, 0);
        // Doubling is exact.
        while above.fract() != 0.0 {
            above *= 2.0;
            doublings += 1;
        }
        let below = Integer::new(1).shift_left(doublings).map_err(number::too_large)?;
        Ok((to_int(&Value::Float(above), None)?, below).into())
    }

    /// Returns the number as hexadecimal text, such as `0x1.8000000000000p+1`, which represents it exactly.
    pub fn hex(&self) -> String {
        hex_float::write(self.0)
    }
}

number_methods!(Float);
reflected_number_methods!(Float);
part_methods!(Float);
text_of_repr!(Float);

impl Float {
    fn number(&self) -> Value {
        Value::Float(self.0)
    }
}
