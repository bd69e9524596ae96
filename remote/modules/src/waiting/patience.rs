//! How long a caller is prepared to wait.

use crate::Exception;
use crate::python::{truthy, type_name};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// The longest timeout, in seconds: as in CPython.
#[remote(module = "threading")]
pub const TIMEOUT_MAX: f64 = 9_223_372_036.0;

/// The longest time for a timer: tokio's cannot be set to more than about two years.
const LONGEST_TIMER: Duration = Duration::from_secs(2 * 365 * 24 * 3600);

/// How long a caller is prepared to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// For this long.
    For(Duration),
    /// As long as necessary.
    Forever,
}

impl Patience {
    /// Converts the arguments of `acquire(blocking, timeout)`, where a timeout of -1 means none.
    ///
    /// # Errors
    /// `ValueError` if the timeout is negative otherwise, or is given without blocking.
    pub(crate) fn to_acquire(blocking: Arg<bool>, timeout: Arg<f64>) -> Result<Self, Exception> {
        let timeout = timeout.given().filter(|timeout| *timeout != -1.0);
        match (blocking.or_else(|| true), timeout) {
            (true, None) => Ok(Patience::Forever),
            (true, Some(timeout)) if timeout < 0.0 => {
                Err(Exception::value("timeout value must be a non-negative number"))
            }
            (true, Some(timeout)) => Patience::seconds(timeout),
            (false, None) => Ok(Patience::None),
            (false, Some(_)) => Err(Exception::value("can't specify a timeout for a non-blocking call")),
        }
    }

    /// Converts the arguments of a semaphore's `acquire(blocking, timeout)`, where a timeout may be null.
    ///
    /// # Errors
    /// As [`to_acquire`](Self::to_acquire).
    pub(crate) fn to_acquire_permit(blocking: Arg<Value>, timeout: Option<f64>) -> Result<Self, Exception> {
        Patience::to_acquire(is_true(blocking)?.into(), timeout.into())
    }

    /// Converts the argument of `wait(timeout)`, where a negative timeout means 0.
    ///
    /// # Errors
    /// `ValueError` if it is NaN, `OverflowError` if it is more than [`TIMEOUT_MAX`].
    pub(crate) fn to_wait(timeout: Option<f64>) -> Result<Self, Exception> {
        // Not `max`, which would hide NaN.
        let timeout = timeout.map(|timeout| if timeout < 0.0 { 0.0 } else { timeout });
        timeout.map_or(Ok(Patience::Forever), Patience::seconds)
    }

    /// Converts the arguments of a queue's `get(block, timeout)`. Without `block`, the timeout is ignored.
    ///
    /// # Errors
    /// `ValueError` if the timeout is negative.
    pub(crate) fn to_queue(block: Arg<Value>, timeout: Option<f64>) -> Result<Self, Exception> {
        match (is_true(block)?, timeout) {
            (false, _) => Ok(Patience::None),
            (true, None) => Ok(Patience::Forever),
            (true, Some(timeout)) if timeout < 0.0 => Err(Exception::value("'timeout' must be a non-negative number")),
            (true, Some(timeout)) => Patience::seconds(timeout),
        }
    }

    /// Converts the same arguments of a queue of `multiprocessing`, where a negative timeout means 0.
    ///
    /// # Errors
    /// As [`to_wait`](Self::to_wait).
    pub(crate) fn to_process_queue(block: Arg<Value>, timeout: Option<f64>) -> Result<Self, Exception> {
        if is_true(block)? { Patience::to_wait(timeout) } else { Ok(Patience::None) }
    }

    /// What is left of it for a caller that has waited for this long.
    pub(crate) fn after(self, waited: Duration) -> Self {
        match self {
            Patience::For(time) => Patience::For(time.saturating_sub(waited)),
            other => other,
        }
    }

    fn seconds(timeout: f64) -> Result<Self, Exception> {
        if timeout.is_nan() {
            return Err(Exception::value("Invalid value NaN (not a number)"));
        }
        if timeout > TIMEOUT_MAX {
            return Err(Exception::overflow("timeout value is too large"));
        }
        let time = Duration::try_from_secs_f64(timeout).unwrap_or_default().min(LONGEST_TIMER);
        Ok(if time.is_zero() { Patience::None } else { Patience::For(time) })
    }
}

/// Returns the truth of an argument, which is true if left out.
///
/// # Errors
/// `TypeError` if it is a reference, since a call that waits cannot look into other objects.
fn is_true(wanted: Arg<Value>) -> Result<bool, Exception> {
    match wanted.given() {
        None => Ok(true),
        Some(wanted @ Value::Ref(_)) => {
            let found = type_name(&wanted);
            Err(Exception::TypeError(format!("whether to wait must be a plain value, not a live '{found}'")))
        }
        Some(wanted) => Ok(truthy(&wanted)),
    }
}

/// Converts the timeout of a typed caller to the form in which it is sent.
pub(crate) fn seconds(timeout: Duration) -> Option<f64> {
    Some(timeout.as_secs_f64().min(TIMEOUT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acquire_takes_what_pythons_takes() {
        let of = |blocking: Option<bool>, timeout: Option<f64>| Patience::to_acquire(blocking.into(), timeout.into());
        assert_eq!(of(None, None), Ok(Patience::Forever));
        assert_eq!(of(Some(true), Some(-1.0)), Ok(Patience::Forever));
        assert_eq!(of(Some(false), Some(-1.0)), Ok(Patience::None));
        assert_eq!(of(None, Some(0.0)), Ok(Patience::None));
        assert_eq!(of(None, Some(0.5)), Ok(Patience::For(Duration::from_millis(500))));
        assert_eq!(of(None, Some(TIMEOUT_MAX)), Ok(Patience::For(LONGEST_TIMER)));
        for bad in [-2.0, -0.5, f64::NEG_INFINITY, f64::NAN] {
            assert!(matches!(of(None, Some(bad)), Err(Exception::ValueError(_))), "{bad}");
        }
        assert!(matches!(of(Some(false), Some(5.0)), Err(Exception::ValueError(_))));
        for bad in [TIMEOUT_MAX * 2.0, f64::INFINITY, f64::MAX] {
            assert!(matches!(of(None, Some(bad)), Err(Exception::OverflowError(_))), "{bad}");
        }
    }

    #[test]
    fn the_others_take_what_theirs_take() {
        assert_eq!(Patience::to_wait(Some(-3.0)), Ok(Patience::None));
        assert!(matches!(Patience::to_wait(Some(f64::NAN)), Err(Exception::ValueError(_))));
        assert_eq!(Patience::to_queue(Arg::Given(Value::Null), Some(-3.0)), Ok(Patience::None));
        assert!(matches!(Patience::to_queue(Arg::Absent, Some(-3.0)), Err(Exception::ValueError(_))));
    }
}
