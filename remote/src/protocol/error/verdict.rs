//! What an error means for the caller: whether the time was up, whether the call may be made again, and whether it did
//! nothing.

use super::Error;

/// What is known about a call that failed with a certain error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Verdict {
    timeout: bool,
    retryable: bool,
    not_applied: bool,
}

const TIMEOUT: Verdict = Verdict { timeout: true, retryable: false, not_applied: false };
/// The call had no time to begin with.
const NOT_TRIED: Verdict = Verdict { timeout: true, retryable: false, not_applied: true };
const RETRYABLE: Verdict = Verdict { timeout: false, retryable: true, not_applied: false };
const NOT_MADE: Verdict = Verdict { timeout: false, retryable: true, not_applied: true };
const NOT_APPLIED: Verdict = Verdict { timeout: false, retryable: false, not_applied: true };
const UNKNOWN: Verdict = Verdict { timeout: false, retryable: false, not_applied: false };

impl Error {
    /// Whether the time was up: that of the call ([`DeadlineExceeded`](Error::DeadlineExceeded)), or the time that the
    /// service allows a generator ([`GeneratorLate`](Error::GeneratorLate)). A call that had started may have been done
    /// in part or completely; a call that had no time at all was not made, and is [not applied](Self::is_not_applied).
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

    /// Whether the same call may succeed later, unchanged, and cannot be applied twice if it is made again: it was not
    /// made, or it is idempotent.
    ///
    /// | error | what has to happen first |
    /// | --- | --- |
    /// | [`Unreachable`](Error::Unreachable), [`ShuttingDown`](Error::ShuttingDown) | the service has to be available again |
    /// | [`StillLoading`](Error::StillLoading) | the service has to be ready, and the session to reconnect |
    /// | [`Closed`](Error::Closed), [`SessionExpired`](Error::SessionExpired) | the session has to reconnect; new handles and locks are needed |
    /// | [`Cancelled`](Error::Cancelled) | nothing |
    ///
    /// A caller that knows that a call is idempotent may also make it again after
    /// [`OutcomeUnknown`](Error::OutcomeUnknown) and [`DeadlineExceeded`](Error::DeadlineExceeded), for which this
    /// returns false.
    pub fn is_retryable(&self) -> bool {
        self.verdict().retryable
    }

    /// Whether it is certain that the call changed nothing: it was refused or cancelled before its method or generator
    /// started, or it was undone. False means that this is not certain, not that the call was applied.
    ///
    /// This is also false for the errors with which a session ends ([`Closed`](Error::Closed),
    /// [`Unreachable`](Error::Unreachable) and others), although most calls that get them were never sent: an
    /// idempotent call gets them whether or not it was applied. It is false for errors like
    /// [`LimitExceeded`](Error::LimitExceeded), too, because the limit may concern what the call itself made.
    pub fn is_not_applied(&self) -> bool {
        self.verdict().not_applied
    }

    /// Every variant is listed here, without a default.
    fn verdict(&self) -> Verdict {
        match self {
            // The call was refused before anything ran.
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
            | Error::NoBackup { .. }
            | Error::SignatureUnknown { .. } => NOT_APPLIED,
            // The call was made, and its effect was undone.
            Error::UnexpectedResult { undone: true, .. } => NOT_APPLIED,
            Error::Cancelled | Error::ShuttingDown => NOT_MADE,
            Error::DeadlineExceeded { after, .. } if after.is_zero() => NOT_TRIED,
            Error::DeadlineExceeded { .. } | Error::GeneratorLate { .. } => TIMEOUT,
            // The call was not sent, or it is idempotent.
            Error::Unreachable { .. }
            | Error::StillLoading { .. }
            | Error::Closed { .. }
            | Error::SessionExpired { .. } => RETRYABLE,
            // The call ran, or may have run.
            Error::BadResult { .. }
            | Error::UnexpectedResult { .. }
            | Error::Panicked { .. }
            | Error::Raised { .. }
            | Error::OutcomeUnknown { .. }
            | Error::SignatureChanged { .. }
            | Error::LimitExceeded { .. }
            | Error::StorageFailed { .. }
            | Error::Malformed { .. } => UNKNOWN,
            // The session ended with this error, and a new one may find other objects.
            Error::OtherHistory { .. } | Error::HistoryLost { .. } => UNKNOWN,
            // The session ended with this error, and will again until somebody changes something.
            Error::ProtocolMismatch { .. }
            | Error::Refused { .. }
            | Error::NotAService { .. }
            | Error::Insecure { .. }
            | Error::Forked { .. } => UNKNOWN,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::protocol::results::LoadingProgress;
    use std::time::Duration;
    use uuid::Uuid;

    /// An error of each variant, with its verdict. A variant without a row does not compile.
    macro_rules! table {
        ($($verdict:ident: $($variant:ident $({ $($field:ident: $value:expr),* })?),*;)*) => {
            pub(in crate::protocol::error) fn table() -> Vec<(Error, &'static str)> {
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
            SignatureUnknown { class: text() }, NoBackup { reason: text() };
        not_made: Cancelled, ShuttingDown;
        late: DeadlineExceeded { what: text(), after: SECOND }, GeneratorLate { what: text(), limit: SECOND };
        again:
            Unreachable { address: text(), attempts: 1, cause: text() }, Closed { address: text(), cause: text() },
            SessionExpired { address: text() },
            StillLoading { address: text(), progress: LoadingProgress::new(1, (0, 0), SECOND) };
        unknown:
            BadResult { what: text(), reason: text() },
            UnexpectedResult { what: text(), reason: text(), value: None, undone: false },
            Panicked { what: text(), message: text() },
            Raised { what: text(), message: text(), error: None }, OutcomeUnknown { address: text(), cause: text() },
            LimitExceeded { what: text(), limit: 1, found: 2, remedy: text() },
            Malformed { what: text(), reason: text() },
            SignatureChanged { client: text(), service: text(), differences: vec![], reason: text() },
            ProtocolMismatch { client: 1, service: 2 }, Refused { reason: text() },
            NotAService { address: text(), seen: text() },
            Insecure { address: text(), reason: text() }, Forked { address: text() },
            StorageFailed { reason: text() },
            OtherHistory { address: text(), expected: Uuid::nil(), found: None },
            HistoryLost { address: text(), directory: Uuid::nil(), seen: 2, recovered: 1 };
    }

    #[test]
    fn a_call_without_time_is_not_applied() {
        let error = Error::DeadlineExceeded { what: text(), after: Duration::ZERO };
        assert!(error.is_timeout() && error.is_not_applied() && !error.is_retryable());
        assert_eq!(error.to_string(), "x was not attempted, because its timeout is zero; give it a longer one");
    }

    #[test]
    fn an_undone_call_is_not_applied() {
        let error = Error::UnexpectedResult { what: text(), reason: text(), value: None, undone: true };
        assert!(error.is_not_applied() && !error.is_retryable() && !error.is_timeout());
    }

    #[test]
    fn each_error_has_its_verdict() {
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
