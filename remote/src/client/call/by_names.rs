//! A typed call whose signature the service does not know: it asks for the service's signature, and continues by names.

use super::{Call, State};
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::operation::{FunctionRef, MethodRef, Operation, Reply, SourceRef};
use crate::payload::Payload;
use crate::protocol::object::{NewObject, untagged};
use crate::signature::{Signature, SignatureDescription, SignatureRef};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// The state while the service is being asked.
pub(super) struct Asking {
    call: Call<SignatureDescription>,
    /// The operation to send after that.
    operation: Payload,
    /// The class of the object of the call, for messages.
    class: String,
    since: Instant,
}

impl Asking {
    /// The operation, for a caller that does not wait for the answer.
    pub(super) fn into_operation(self) -> Payload {
        self.operation
    }
}

impl<T, E> Call<T, E> {
    /// Sends the call by names from the start, if it is already known that this is necessary.
    #[inline]
    pub(super) fn use_names(&mut self) {
        if self.caller.changes().is_some_and(|changes| changes.any()) {
            self.use_names_if_changed();
        }
    }

    #[cold]
    fn use_names_if_changed(&mut self) {
        if self.change().is_some() {
            return;
        }
        let State::Made(operation) = &mut self.state else { return };
        let operation = std::mem::take(operation);
        let change = self.signature_of(&operation).and_then(|signature| self.caller.changes()?.get(signature.id()));
        self.state = State::Made(operation);
        if let Some(change) = change {
            self.rare_mut().change = Some(change);
            self.go_by_names(Instant::now());
        }
    }

    /// Asks for the service's signature of what `operation` calls.
    #[cold]
    pub(super) fn ask(&mut self, class: String, operation: Payload) {
        // A call that goes by names does not depend on a signature, so this reply means that the other end is not a
        // tarmem service.
        let signature = if self.change().is_some() { None } else { self.signature_of(&operation) };
        let Some(signature) = signature else {
            // Only a call with a signature gets this reply.
            self.state = State::Answered(Reply::failed(Error::SignatureUnknown { class }));
            return;
        };
        let of = signature.reference();
        let asked = Operation::Signature { of }.encode();
        let mut call = Call::new(Arc::clone(&self.caller), asked, &super::Name::SIGNATURE, Encoding::Typed);
        call.timeout = self.timeout;
        self.state = State::Asking(Box::new(Asking { call, operation, class, since: Instant::now() }));
    }

    /// Ready once the service has answered and the call has been made anew.
    pub(super) fn poll_signature(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Asking(asking) = &mut self.state else { return Poll::Ready(()) };
        let told = ready!(Pin::new(&mut asking.call).poll(cx));
        let State::Asking(asking) = std::mem::replace(&mut self.state, State::Over) else { return Poll::Ready(()) };
        let Asking { operation, class, since, .. } = *asking;
        let signature = self.signature_of(&operation);
        match (told, signature, self.caller.changes()) {
            (Ok(told), Some(signature), Some(changes)) => {
                self.rare_mut().change = Some(changes.insert(signature.id(), signature.compare(told)));
                self.state = State::Made(operation);
                self.go_by_names(since);
            }
            (Err(Error::NoSuchMethod { near, .. }), ..) => {
                let name = self.name.to_string();
                // The full name of a method of an interface says which interface; the class's own needs none.
                let own = name.strip_prefix(&*class).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
                let error = Error::NoSuchMethod { class, method: own.unwrap_or(name), near };
                self.state = State::Answered(Reply::failed(error));
            }
            (Err(error), ..) => self.state = State::Answered(Reply::failed(error)),
            _ => self.state = State::Answered(Reply::failed(Error::SignatureUnknown { class })),
        }
        Poll::Ready(())
    }

    /// Converts the typed operation into one by names. It has waited since `since`.
    fn go_by_names(&mut self, since: Instant) {
        let (State::Made(operation), Some(change)) = (&self.state, self.change().map(Arc::clone)) else { return };
        if !change.idempotent && self.name.idempotent {
            // The client considered the method idempotent, but the service's signature says otherwise.
            self.idempotent = false;
        }
        let by_names = if change.refused {
            Err("the call was not made: what the service returns cannot be what the client expects".to_owned())
        } else {
            converted(operation, self.signature_of(operation))
                .map_err(|reason| format!("the call was not made: {reason}"))
        };
        self.state = match by_names {
            Ok(converted) => {
                if !matches!(
                    Operation::decode(&converted),
                    Ok(Operation::Memoize { .. } | Operation::Update { .. } | Operation::Create { .. })
                ) {
                    self.encoding = Encoding::Dynamic;
                }
                State::Waiting(Box::new((converted, since)))
            }
            Err(reason) => State::Malformed(Box::new(change.error(reason))),
        };
    }

    /// The signature of a typed operation.
    fn signature_of(&self, operation: &[u8]) -> Option<&'static Signature> {
        match Operation::decode(operation).ok()? {
            Operation::Memoize { source: SourceRef::Value { signature, .. }, .. }
            | Operation::Update { source: SourceRef::Value { signature, .. }, .. }
            | Operation::Create { source: SourceRef::Value { signature, .. }, .. } => Signature::by_id(signature),
            _ => Some(self.name.signature?()),
        }
    }
}

/// The same operation by names, for a service that was built with another signature of what it calls; `None` if that is
/// impossible. Runs the types' own serialization.
#[doc(hidden)]
pub fn by_names(operation: &[u8]) -> Option<Payload> {
    let id = match Operation::decode(operation).ok()? {
        Operation::Call { method: MethodRef::Id(id), .. } | Operation::Run { function: FunctionRef::Id(id), .. } => id,
        _ => return None,
    };
    let signature = Signature::by_id(id)?;
    // A panic in the types' own code must not reach the code that carries the call.
    catch_unwind(AssertUnwindSafe(|| converted(operation, Some(signature)).ok())).ok()?
}

/// A typed operation by names.
///
/// # Errors
/// A message, if the arguments cannot be converted.
fn converted(operation: &[u8], signature: Option<&'static Signature>) -> Result<Payload, String> {
    let words = |e: Error| e.to_string();
    let args = |args: &[u8]| {
        let signature = signature.ok_or("it has no signature")?;
        signature.by_names(args)?.encode().map_err(|e| e.to_string())
    };
    let full_name;
    let encoding = Encoding::Dynamic;
    let operation = Operation::decode(operation).map_err(words)?;
    let function = match signature.map(Signature::reference) {
        Some(SignatureRef::Function { module, name }) => FunctionRef::Name { module, name },
        _ => FunctionRef::Id(0),
    };
    let converted_args;
    let class_value;
    let source_of = |source: SourceRef<'_>| -> Result<SourceByNames, String> {
        Ok(match source {
            SourceRef::Generator { args: typed, .. } => SourceByNames::Args(args(typed)?),
            SourceRef::Value { object, .. } => {
                let object: NewObject = codec::decode(object).map_err(|e| e.to_string())?;
                SourceByNames::Value(object.class(), codec::encode(&untagged(&*object)?).map_err(|e| e.to_string())?)
            }
            _ => return Err("it has no signature".to_owned()),
        })
    };
    let operation = match operation {
        Operation::Call { target, args: typed, .. } => {
            converted_args = args(typed)?;
            full_name = signature.map(Signature::full_name).unwrap_or_default();
            Operation::Call { target, method: MethodRef::Name(&full_name), encoding, args: &converted_args }
        }
        Operation::Run { args: typed, .. } => {
            converted_args = args(typed)?;
            Operation::Run { function, encoding, args: &converted_args }
        }
        Operation::Memoize { key, source, expect } => {
            class_value = source_of(source)?;
            Operation::Memoize { key, source: class_value.source(function), expect }
        }
        Operation::Update { key, source, generation, expect } => {
            class_value = source_of(source)?;
            Operation::Update { key, source: class_value.source(function), generation, expect }
        }
        Operation::Create { source, expect } => {
            class_value = source_of(source)?;
            Operation::Create { source: class_value.source(function), expect }
        }
        other => return Err(format!("{} has no signature", other.name())),
    };
    operation.encode().map_err(words)
}

/// A source by names.
enum SourceByNames {
    Args(Vec<u8>),
    Value(&'static str, Vec<u8>),
}

impl SourceByNames {
    fn source<'a>(&'a self, function: FunctionRef<'a>) -> SourceRef<'a> {
        match self {
            SourceByNames::Args(args) => SourceRef::Generator { function, encoding: Encoding::Dynamic, args },
            SourceByNames::Value(class, value) => SourceRef::ValueByNames { class, value },
        }
    }
}
