//! Module `itertools`: `count`, which gives each number to one caller only.

use super::python::live::operand;
use super::python::number::{self, Number};
use super::python::{repr, whole};
use super::shared::text_of_repr;
use super::{Decoded, Exception};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Numbers without end, as Python's `itertools.count`. Each number is given once, to one caller.
///
/// If a caller is gone before its number arrives, the number is not given again.
///
/// # Examples
///
/// ```
/// use tarmem_modules::itertools::CountProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let ids = session.memoize("ids", CountProxy::new(Some(10.into()), None)).await?;
/// assert_eq!(ids.next::<i64>().await?, 10);
/// assert_eq!(ids.next::<i64>().await?, 11);
/// # Ok(())
/// # }
/// ```
#[remote(module = "itertools", name = "count")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    next: Value,
    step: Value,
}

#[remote(replay)]
impl Count {
    /// Starts at `start` (0 if left out) and counts by `step` (1 if left out). `TypeError` if one of them is not a
    /// number.
    #[remote(inline)]
    pub fn new(
        #[remote(default = 0)] start: Arg<Value>,
        #[remote(default = 1)] step: Arg<Value>,
    ) -> Result<Self, Exception> {
        let (start, step) = (start.or_else(|| 0.into()), step.or_else(|| 1.into()));
        let (start, step) = (operand(&start)?.into_owned(), operand(&step)?.into_owned());
        if Number::of(&start).is_none() || Number::of(&step).is_none() {
            return Err(Exception::of_type("a number is required"));
        }
        // CPython counts such numbers as C integers, and no longer by the objects it was given.
        match (whole(&start)?, whole(&step)?) {
            (Some(n), Some(1)) if i64::try_from(n).is_ok() => Ok(Count { next: n.into(), step: 1.into() }),
            _ => Ok(Count { next: start, step }),
        }
    }

    /// Returns the next number. `OverflowError` if the one after it would have more than
    /// [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT) bits.
    #[remote(name = "next")]
    pub fn next_value(&mut self) -> Result<Value, Exception> {
        let after = number::add(&self.next, &self.step)?;
        Ok(std::mem::replace(&mut self.next, after))
    }

    /// As `next`.
    #[remote(name = "__next__")]
    pub fn dunder_next(&mut self) -> Result<Value, Exception> {
        self.next_value()
    }

    /// Returns it as Python's `repr` shows it: a call that makes a counter with the same next number.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        match whole(&self.step) {
            Ok(Some(1)) => format!("count({})", repr(&self.next)),
            _ => format!("count({}, {})", repr(&self.next), repr(&self.step)),
        }
    }
}

text_of_repr!(Count);

impl CountProxy {
    /// Returns the next number.
    pub fn next<T>(&self) -> Decoded<T> {
        Decoded::new(self.next_value())
    }
}
