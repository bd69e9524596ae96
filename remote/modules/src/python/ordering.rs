//! `<`, `<=`, `>` and `>=`.

use super::live::operand;
use super::number::Number;
use super::{Table, equal, type_name};
use crate::Exception;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use tarmem_remote::value::Value;

/// One of Python's four comparisons of order.
///
/// # Examples
///
/// ```
/// use tarmem_modules::python::Comparison;
///
/// assert_eq!(Comparison::LessOrEqual.holds(&"a".into(), &"b".into()), Ok(true));
/// assert!(Comparison::Greater.holds(&1.into(), &"1".into()).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Returns whether the comparison holds between two values: numbers, texts, bytes, and lists and tuples of these,
    /// each among their own kind; and between sets, whether one is part of the other.
    ///
    /// # Errors
    /// `TypeError` if the values cannot be ordered.
    ///
    /// ```
    /// use tarmem_modules::python::Comparison;
    ///
    /// assert_eq!(Comparison::Less.holds(&1.into(), &1.5.into()), Ok(true));
    /// let error = Comparison::Less.holds(&1.into(), &"1".into()).unwrap_err();
    /// assert_eq!(error.to_string(), "TypeError: '<' not supported between instances of 'int' and 'str'");
    /// ```
    pub fn holds(self, a: &Value, b: &Value) -> Result<bool, Exception> {
        let order = match (a, b) {
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => return self.lists(a, b),
            (Value::Set(a), Value::Set(b)) => {
                return Ok(
                    matches!((Table::of_elements(a), Table::of_elements(b)), (Ok(a), Ok(b)) if self.sets(&a, &b)),
                );
            }
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            _ => match (Number::of(a), Number::of(b)) {
                (Some(Number::Whole(a)), Some(Number::Whole(b))) => Some(a.cmp(&b)),
                (Some(Number::Whole(a)), Some(Number::Float(b))) => a.compare_to_f64(b),
                (Some(Number::Float(a)), Some(Number::Whole(b))) => b.compare_to_f64(a).map(Ordering::reverse),
                _ => return self.held(a, b),
            },
        };
        Ok(order.is_some_and(|order| self.accepts(order)))
    }

    /// As [`holds`](Self::holds), of values that cannot be ordered themselves, but may refer to objects that can.
    #[cold]
    fn held(self, a: &Value, b: &Value) -> Result<bool, Exception> {
        match (operand(a)?, operand(b)?) {
            (Cow::Borrowed(a), Cow::Borrowed(b)) => Err(self.unsupported(type_name(a), type_name(b))),
            (x, y) => self.holds(&x, &y).map_err(|error| match error {
                Exception::TypeError(_) => self.unsupported(type_name(a), type_name(b)),
                error => error,
            }),
        }
    }

    /// Returns whether the comparison holds between two lists, decided by the first elements that differ.
    ///
    /// # Errors
    /// `TypeError` if those cannot be ordered.
    pub fn lists(self, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        match a.iter().zip(b).find(|(a, b)| !equal(a, b)) {
            Some((a, b)) => self.holds(a, b),
            None => Ok(self.accepts(a.len().cmp(&b.len()))),
        }
    }

    /// Returns whether the comparison holds between two sets, where less means to be part of the other.
    pub(crate) fn sets(self, a: &Table<()>, b: &Table<()>) -> bool {
        match self {
            Comparison::Less => a.len() < b.len() && a.is_subset(b),
            Comparison::LessOrEqual => a.is_subset(b),
            Comparison::Greater => b.len() < a.len() && b.is_subset(a),
            Comparison::GreaterOrEqual => b.is_subset(a),
        }
    }

    /// Returns whether the comparison holds between two things in this order.
    pub fn accepts(self, order: Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The error for types that cannot be ordered.
    pub fn unsupported(self, a: &str, b: &str) -> Exception {
        Exception::TypeError(format!("'{self}' not supported between instances of '{a}' and '{b}'"))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        })
    }
}
