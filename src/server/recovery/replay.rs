//! Makes calls again that an earlier run has logged in place of an object's state.

use super::progress::Progress;
use super::unreadable::object_named;
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::rows::calls::{CallRow, ResultSum};
use crate::server::state::panics;
use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{self, Poll};
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms};
use tarmem_remote::codec::Encoding;
use tarmem_remote::context::{Context, Host, Owner, SessionEnded, Undo};
use tarmem_remote::describe::{ExclusiveMethod, Invoke, Method};
use tarmem_remote::dispatch::{Arguments, Output};
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tarmem_remote::registry::ClassInfo;
use tarmem_remote::value::{ObjectRef, RefScope, with_scope};
use uuid::Uuid;

/// Why a call of an earlier run cannot be made again as it was.
///
/// ```
/// use tarmem::ReplayProblem;
///
/// let problem = ReplayProblem::OtherVersion { then: 1, now: Some(2) };
/// assert_eq!(problem.to_string(), "its replay version was 1, and is 2 now");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayProblem {
    /// The class has no such method any more.
    #[error("the class has no such method any more")]
    NoSuchMethod,
    /// The method's parameters, result or error are of other types than then.
    #[error("its signature is another one now: {now}")]
    OtherSignature {
        /// The signature now.
        now: String,
    },
    /// The method's replay version is another one than then: it does something else.
    #[error("its replay version was {then}, and is {} now", .now.map_or("none".to_owned(), |now| now.to_string()))]
    OtherVersion {
        /// The version with which the call was made.
        then: u32,
        /// The version now; `None` if the method may not be made again any more.
        now: Option<u32>,
    },
    /// The call has another result than then: the method does something else, although it has the same version, or it
    /// is not deterministic.
    #[error("its result is another one than then, so the method does something else now, or is not deterministic")]
    OtherResult,
    /// The method panicked.
    #[error("it panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// What was logged cannot be read, or some of it is not there.
    #[error("what was logged of it is damaged: {reason}")]
    Damaged {
        /// Why.
        reason: String,
    },
}

/// A call of an earlier run that cannot be made again as it was.
///
/// ```
/// use tarmem::{NotReplayed, RecoveryError, ReplayProblem, ServeError};
///
/// /// The method whose body has changed, if that is why a service does not start.
/// fn changed(error: &ServeError) -> Option<String> {
///     match error {
///         ServeError::Recovery(RecoveryError::NotReplayed(NotReplayed {
///             class, method, why: ReplayProblem::OtherResult, ..
///         })) => Some(format!("{class}.{method}")),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotReplayed {
    /// The key of the object; empty if it has none.
    pub key: String,
    /// The object's number.
    pub object: u64,
    /// The path of its class.
    pub class: &'static str,
    /// The name of the method; empty if it cannot be read.
    pub method: String,
    /// The call's number, in the order in which they were made.
    pub call: u64,
    /// Why.
    pub why: ReplayProblem,
    /// The directory in which it is, if it is in one. (Thin, since it is in every error of a start.)
    place: Option<Arc<String>>,
}

impl NotReplayed {
    /// The same, saying that it is in `place`.
    pub(super) fn within(self, place: &str) -> Self {
        NotReplayed { place: Some(Arc::new(place.to_owned())), ..self }
    }

    /// Why the object cannot be read.
    pub(super) fn reason(&self) -> String {
        let NotReplayed { class, method, call, why, .. } = self;
        let method = if method.is_empty() { "a method" } else { method };
        format!("call {call} of {class}.{method} since its last state cannot be made again: {why}")
    }
}

impl fmt::Display for NotReplayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}. ", object_named(&self.key, self.object), self.reason())?;
        f.write_str(
            "Start the program that has made the call, and end it in order: then no calls are left. Or start this one \
             with `--skip-unreadable`, which moves the object aside (`Service::skip_unreadable` in code)",
        )
    }
}

/// What calls are made again with.
pub(super) struct Replay<'a> {
    /// That of no call.
    context: Context,
    faults: &'a PlantedFaults,
    /// Says which call is being made.
    progress: &'a Progress,
}

/// A call that cannot be made again.
pub(super) struct Refused {
    class: &'static str,
    method: String,
    call: u64,
    why: ReplayProblem,
}

impl Refused {
    /// The error for this object, which has this key, if that is not empty.
    pub(super) fn of(self, key: &str, object: u64) -> NotReplayed {
        let Refused { class, method, call, why } = self;
        NotReplayed { key: key.to_owned(), object, class, method, call, why, place: None }
    }
}

impl<'a> Replay<'a> {
    pub(super) fn new(faults: &'a PlantedFaults, progress: &'a Progress) -> Self {
        let owner = Owner { session: Uuid::nil(), task: 0 };
        Replay { context: Context::new(owner, 0, None, Arc::new(Nobody)), faults, progress }
    }

    /// In which an object without references is decoded.
    pub(super) fn scope(&self) -> &dyn RefScope {
        &NoReferences
    }

    /// Makes the calls of an object again, in their order, the first of which has the number `first`.
    pub(super) fn make_again(
        &self,
        object: &mut dyn Object,
        class: &ClassInfo,
        first: u64,
        calls: &[(u64, Vec<u8>)],
    ) -> Result<(), Refused> {
        for (expected, (number, value)) in (first..).zip(calls) {
            let refused = |method: &str, why| Refused {
                class: class.entry().path,
                method: method.to_owned(),
                call: expected,
                why,
            };
            if *number != expected {
                let reason = format!("after it comes call {number}");
                return Err(refused("", ReplayProblem::Damaged { reason }));
            }
            let row = CallRow::decode(value);
            let (row, args) = row.map_err(|error| refused("", ReplayProblem::Damaged { reason: error.to_string() }))?;
            self.make_one_again(object, class, expected, &row, args).map_err(|why| refused(row.method, why))?;
        }
        Ok(())
    }

    fn make_one_again(
        &self,
        object: &mut dyn Object,
        class: &ClassInfo,
        number: u64,
        row: &CallRow<'_>,
        args: &[u8],
    ) -> Result<(), ReplayProblem> {
        // (The class's own method: interfaces may have methods of the same name.)
        let own = class.method(&format!("{}.{}", class.entry().path, row.method));
        let method: &'static Method = own.map_err(|_| ReplayProblem::NoSuchMethod)?;
        if method.replay != Some(row.version) {
            return Err(ReplayProblem::OtherVersion { then: row.version, now: method.replay });
        }
        let signature = (method.signature)().logged_id().to_le_bytes();
        let (Invoke::Exclusive(invoke), true) = (method.invoke, signature == row.signature) else {
            return Err(ReplayProblem::OtherSignature { now: method.full_signature() });
        };
        self.progress.makes_again((method.interface, method.name), number);
        let result = self.run(object, method, invoke, row.is_dynamic, args)?;
        if self.faults.has(PlantedFault::OtherBody) {
            // A body that does twice what it did before.
            self.run(object, method, invoke, row.is_dynamic, args)?;
        }
        if result == Some(row.result) { Ok(()) } else { Err(ReplayProblem::OtherResult) }
    }

    /// What comes of a call; `None` if it is none of the results that are logged.
    fn run(
        &self,
        object: &mut dyn Object,
        method: &'static Method,
        invoke: ExclusiveMethod,
        is_dynamic: bool,
        args: &[u8],
    ) -> Result<Option<ResultSum>, ReplayProblem> {
        let encoding = if is_dynamic { Encoding::Dynamic } else { Encoding::Typed };
        let mut body = Vec::new();
        let mut output = Output::new(encoding, &mut body, usize::MAX);
        let ran = panics::catch(|| {
            with_scope(&NoReferences, || {
                let mut args = Arguments::new(encoding, args, method.params).map_err(|_| ())?;
                invoke(object, &self.context, &mut args, &mut output).map_err(|_| ())
            })
        });
        match ran {
            Ok(Ok(())) => {
                let raised = output.into_raised();
                Ok(Some(ResultSum::of(&body, raised.as_deref())))
            }
            Ok(Err(())) => Ok(None),
            Err(panic) => Err(ReplayProblem::Panicked { message: panic.into_message() }),
        }
    }
}

/// The host of the calls: their methods have no context, so nobody asks it for anything.
struct Nobody;

impl Host for Nobody {
    fn watch(&self, _: Weak<dyn SessionEnded>) -> bool {
        false
    }

    fn undo_unless_received(&self, _: u64, _: Undo) {}
}

impl Caller for Nobody {
    fn poll_submit(&self, _: &mut task::Context<'_>, _: &mut Payload, _: Terms) -> Poll<Submitted> {
        Poll::Ready(Submitted::Answered(Reply::failed(Error::Cancelled)))
    }

    fn poll_reply(&self, _: &mut task::Context<'_>, _: u64, _: &mut Option<Box<Payload>>) -> Poll<Reply> {
        Poll::Ready(Reply::failed(Error::Cancelled))
    }

    fn settle(&self, _: u64, _: bool) {}

    fn cancel(&self, _: u64) {}

    fn forget(&self, _: u64) {}

    fn release(&self, _: Uuid) {}

    fn send(&self, _: Payload, _: Option<OwnerId>) {}
}

/// Calls with references are not logged.
struct NoReferences;

impl RefScope for NoReferences {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        Err(format!("{reference} was not there when the call was made"))
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.resolve(reference.clone()).map(|_| ())
    }
}

#[cfg(all(test, feature = "client", feature = "modules"))]
mod tests;
