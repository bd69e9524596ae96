//! A call's time: what it is told when that is up, and how much of it the service is told.

use std::time::Duration;
use tarmem_remote::operation::ReplyError;

/// That a call's time is up.
pub(super) fn timed_out(timeout: Option<Duration>) -> ReplyError {
    ReplyError::Late { after: timeout.unwrap_or_default() }
}

/// The service knows a call's time as milliseconds, and as what was left of it.
pub(super) fn with_own_timeout(error: Box<ReplyError>, timeout: Option<Duration>) -> Box<ReplyError> {
    match *error {
        // That of a call without time would say that it was not made.
        ReplyError::Late { .. } if timeout.is_some() => Box::new(timed_out(timeout)),
        _ => error,
    }
}

/// In milliseconds, rounded up: a timeout of half a one is not none.
pub(super) fn in_ms(time: Duration) -> u64 {
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(rest))
}
