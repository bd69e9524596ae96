//! The errors of calls that time out, and timeouts as they are sent to the service.

use std::time::Duration;
use tarmem_remote::operation::ReplyError;

/// The reply of a call that timed out.
pub(super) fn timed_out(timeout: Option<Duration>) -> ReplyError {
    ReplyError::Late { after: timeout.unwrap_or_default() }
}

/// Puts the client's own timeout into an error of the service, which knows only how many milliseconds were left.
pub(super) fn with_own_timeout(error: Box<ReplyError>, timeout: Option<Duration>) -> Box<ReplyError> {
    match *error {
        // For a call without a timeout, the error would say that the call did not run.
        ReplyError::Late { .. } if timeout.is_some() => Box::new(timed_out(timeout)),
        _ => error,
    }
}

/// A time in milliseconds, rounded up, so that half a millisecond does not become zero.
pub(super) fn in_ms(time: Duration) -> u64 {
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(rest))
}
