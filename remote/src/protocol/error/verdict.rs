//! What an error means for whoever made the call: that its time was up, that it may be made again, that it did nothing.

use super::Error;

/// What is known of a call that failed in some way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Verdict {
    timeout: bool,
    retryable: bool,
    not_applied: bool,
}

const TIMEOUT: Verdict = Verdict { timeout: true, retryable: false, not_applied: false };
/// With no time to begin with.
const NOT_TRIED: Verdict = Verdict { timeout: true, retryable: false, not_applied: true };
const RETRYABLE: Verdict = Verdict { timeout: false, retryable: true, not_applied: false };
const NOT_MADE: Verdict = Verdict { timeout: false, retryable: true, not_applied: true };
const NOT_APPLIED: Verdict = Verdict { timeout: false, retryable: false, not_applied: true };
const UNKNOWN: Verdict = Verdict { timeout: false, retryable: false, not_applied: false };

impl Error {
    /// Whether the time was up: that of the call ([`DeadlineExceeded`](Error::DeadlineExceeded)), or the one that the
    /// service gives a generator ([`GeneratorLate`](Error::GeneratorLate)). What was begun may have been done in part,
    /// or whole; a call that was given no time at all was not made, and is [not applied](Self::is_not_applied).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tarmem_remote::Error;
    ///
    /// let late = Error::DeadlineExceeded { what: "bank.audit".into(), after: Duration::from_millis(50) };
    /// assert!(late.is_timeout() && !late.is_retryable() && !late.is_not_applied());
    /// ```
    pub fn is_timeout(&self) -> bool {
        self.verdict().timeout
    }

    /// Whether the same call may well succeed later, as it is, and making it again cannot apply it twice: it was not
    /// made, or it is one that may be made twice.
    ///
    /// | error | what has to come first |
    /// | --- | --- |
    /// | [`Unreachable`](Error::Unreachable), [`ShuttingDown`](Error::ShuttingDown) | the service has to be there again |
    /// | [`Closed`](Error::Closed), [`SessionExpired`](Error::SessionExpired) | the session has to be connected again; handles and locks have to be got anew |
    /// | [`Cancelled`](Error::Cancelled) | nothing |
    ///
    /// Where the caller knows that a call may be made twice, it may make it again after
    /// [`OutcomeUnknown`](Error::OutcomeUnknown) and [`DeadlineExceeded`](Error::DeadlineExceeded), too, for which this
    /// is false.
    pub fn is_retryable(&self) -> bool {
        self.verdict().retryable
    }

    /// Whether it is certain that the call changed nothing: it was refused, or cancelled, before its method or
    /// generator began, or was undone. False says that this is not certain, and not that the call was applied.
    ///
    /// False, too, for those with which a session ends ([`Closed`](Error::Closed), [`Unreachable`](Error::Unreachable)
    /// and others), although most calls that get them were never sent: one that may be made twice gets them whether or
    /// not it was applied. For such as [`LimitExceeded`](Error::LimitExceeded), as the limit may be one of what a call
    /// made.
    pub fn is_not_applied(&self) -> bool {
        self.verdict().not_applied
    }

    /// Each variant is decided here, and none by default.
    fn verdict(&self) -> Verdict {
        match self {
            // Refused before anything ran.
            Error::NoSuchKey { .. }
            | Error::NoSuchObject { .. }
            | Error::NoSuchClass { .. }
            | Error::NoSuchMethod { .. }
            | Error::AmbiguousMethod { .. }
            | Error::NoSuchModule { .. }
            | Error::NoSuchMember { .. }
            | Error::NotAModule { .. }
            | Error::NoConstructor { .. }
            | Error::BadImport { .. }
            | Error::NotAGenerator { .. }
            | Error::WrongClass { .. }
            | Error::WrongGeneration { .. }
            | Error::BadArguments { .. }
            | Error::BadValue { .. }
            | Error::BadKey { .. }
            | Error::Poisoned { .. }
            | Error::Cycle { .. }
            | Error::HeldByCaller { .. }
            | Error::NotPermitted { .. }
            | Error::SignatureUnknown { .. } => NOT_APPLIED,
            // It was made, and its effect put back.
            Error::UnexpectedResult { undone: true, .. } => NOT_APPLIED,
            Error::Cancelled | Error::ShuttingDown => NOT_MADE,
            Error::DeadlineExceeded { after, .. } if after.is_zero() => NOT_TRIED,
            Error::DeadlineExceeded { .. } | Error::GeneratorLate { .. } => TIMEOUT,
            // Not sent, or such that it may be made twice.
            Error::Unreachable { .. } | Error::Closed { .. } | Error::SessionExpired { .. } => RETRYABLE,
            // It ran, or may have run.
            Error::BadResult { .. }
            | Error::UnexpectedResult { .. }
            | Error::Panicked { .. }
            | Error::Raised { .. }
            | Error::OutcomeUnknown { .. }
            | Error::SignatureChanged { .. }
            | Error::LimitExceeded { .. }
            | Error::Malformed { .. } => UNKNOWN,
            // The session has ended so, and will again until somebody changes something.
            Error::ProtocolMismatch { .. }
            | Error::Refused { .. }
            | Error::NotAService { .. }
            | Error::Insecure { .. }
            | Error::Forked { .. } => UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use uuid::Uuid;

    /// An error of each variant, in a row with what it means. A variant that has no row does not compile.
    macro_rules! table {
        ($($verdict:ident: $($variant:ident $({ $($field:ident: $value:expr),* })?),*;)*) => {
            fn table() -> Vec<(Error, &'static str)> {
                vec![$($((Error::$variant $({ $($field: $value),* })?, stringify!($verdict))),*),*]
            }

            #[allow(dead_code)]
            fn has_a_row(error: &Error) {
                match error {
                    $($(Error::$variant { .. } => {})*)*
                }
            }
        };
    }

    fn text() -> String {
        "x".to_owned()
    }

    const SECOND: Duration = Duration::from_secs(1);

    table! {
        refused:
            NoSuchKey { key: text() }, NoSuchObject { id: Uuid::nil() },
            NoSuchClass { class: text(), near: vec![] }, NoSuchMethod { class: text(), method: text(), near: vec![] },
            AmbiguousMethod { class: text(), method: text(), candidates: vec![] },
            NoSuchModule { module: text(), near: vec![] }, NoSuchMember { module: text(), name: text(), near: vec![] },
            NotAModule { name: text(), kind: text() }, NoConstructor { class: text(), constructors: vec![] },
            BadImport { name: text(), reason: text() }, NotAGenerator { function: text(), returns: text() },
            WrongClass { target: text(), expected: text(), found: text() },
            WrongGeneration { key: text(), expected: 1, found: 2 }, BadArguments { signature: text(), reason: text() },
            BadValue { class: text(), reason: text() }, BadKey { reason: text() }, Poisoned { target: text() },
            Cycle { chain: vec![] }, HeldByCaller { target: text() }, NotPermitted { what: text(), reason: text() },
            SignatureUnknown { class: text() };
        not_made: Cancelled, ShuttingDown;
        late: DeadlineExceeded { what: text(), after: SECOND }, GeneratorLate { what: text(), limit: SECOND };
        again:
            Unreachable { address: text(), attempts: 1, cause: text() }, Closed { address: text(), cause: text() },
            SessionExpired { address: text() };
        unknown:
            BadResult { what: text(), reason: text() },
            UnexpectedResult { what: text(), reason: text(), value: None, undone: false }, Panicked { what: text(), message: text() },
            Raised { what: text(), message: text(), error: None }, OutcomeUnknown { address: text(), cause: text() },
            LimitExceeded { what: text(), limit: 1, found: 2, remedy: text() }, Malformed { what: text(), reason: text() },
            SignatureChanged { client: text(), service: text(), differences: vec![], reason: text() },
            ProtocolMismatch { client: 1, service: 2 }, Refused { reason: text() }, NotAService { address: text(), seen: text() },
            Insecure { address: text(), reason: text() }, Forked { address: text() };
    }

    #[test]
    fn a_call_without_time_did_nothing() {
        let error = Error::DeadlineExceeded { what: text(), after: Duration::ZERO };
        assert!(error.is_timeout() && error.is_not_applied() && !error.is_retryable());
        assert_eq!(error.to_string(), "x was given no time, and was not made; give it a timeout above zero");
    }

    #[test]
    fn what_was_put_back_was_not_applied() {
        let error = Error::UnexpectedResult { what: text(), reason: text(), value: None, undone: true };
        assert!(error.is_not_applied() && !error.is_retryable() && !error.is_timeout());
    }

    #[test]
    fn each_error_says_whether_it_was_late_may_be_tried_again_and_did_nothing() {
        for (error, row) in table() {
            let expected = match row {
                "refused" => (false, false, true),
                "not_made" => (false, true, true),
                "late" => (true, false, false),
                "again" => (false, true, false),
                "unknown" => (false, false, false),
                other => panic!("there is no row {other}"),
            };
            let found = (error.is_timeout(), error.is_retryable(), error.is_not_applied());
            assert_eq!(found, expected, "{error:?}");
        }
    }
}
