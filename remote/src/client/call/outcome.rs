//! The outcome of a call: its reply as a result.

use super::{Call, Caller, Failure, State};
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::handle::{Handles, holding_back};
use crate::operation::{Reply, ReplyError};
use crate::payload::Payload;
use crate::value::{Value, from_value, shown_type, with_scope};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
/// A result that is undone unless its caller accepts it, even if the caller panics.
struct Undecided<'a> {
    caller: &'a dyn Caller,
    sequence: u64,
    received: bool,
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        self.caller.settle(self.sequence, self.received);
    }
}

/// The error for a result that is not what the caller asked for: see [`Call::poll_as`].
///
/// ```
/// use serde::Deserialize;
/// use tarmem_remote::Value;
/// use tarmem_remote::call::Misfit;
/// use tarmem_remote::value::misfit;
///
/// fn number(result: Value) -> Result<i64, Misfit> {
///     i64::deserialize(&result).map_err(|error| {
///         let reason = misfit::<i64>(&result, &error);
///         Misfit { reason, value: Some(Box::new(result)) }
///     })
/// }
///
/// assert_eq!(number(Value::from(5)).unwrap(), 5);
/// assert_eq!(number(Value::from("five")).unwrap_err().value, Some(Box::new(Value::from("five"))));
/// ```
#[derive(Debug)]
pub struct Misfit {
    /// What came and what was expected, in a form that continues a sentence; [`misfit`](crate::value::misfit) writes
    /// it.
    pub reason: String,
    /// The result itself, for the error that the caller gets. Without it, the service undoes the call, if it can.
    pub value: Option<Box<Value>>,
}

impl<T: DeserializeOwned, E: Failure> Call<T, E> {
    /// Like [`poll`](Future::poll), but converts the result. This is for a future of your own around a call. A result
    /// that does not fit counts as not received, and is undone if possible.
    ///
    /// # Errors
    /// Those of the call; [`Error::UnexpectedResult`] for a [`Misfit`].
    pub fn poll_as<U>(
        &mut self,
        cx: &mut Context<'_>,
        mut convert: impl FnOnce(T) -> Result<U, Misfit>,
    ) -> Poll<Result<U, E>> {
        loop {
            if let State::Sent(sequence) = self.state {
                let mut operation = None;
                let reply = ready!(self.caller.poll_reply(cx, sequence, &mut operation));
                self.state = State::Over;
                // The common case, kept short.
                if let Reply::Done(body) = &reply {
                    return Poll::Ready(self.done(body, convert));
                }
                match self.settled(sequence, reply, operation, convert) {
                    Ok(result) => return Poll::Ready(result),
                    // The call has to ask for a signature.
                    Err(again) => convert = again,
                }
            }
            if let State::Asking(_) = self.state {
                ready!(self.poll_signature(cx));
            }
            ready!(self.poll_send(cx));
            match &self.state {
                // The caller wakes this task once there is a reply.
                State::Sent(_) | State::Over => return Poll::Pending,
                State::Answered(_) => {
                    let State::Answered(reply) = std::mem::replace(&mut self.state, State::Over) else { continue };
                    return Poll::Ready(match reply {
                        Reply::Done(body) => self.done(&body, convert),
                        reply => self.finish(0, reply, &[], convert),
                    });
                }
                // The call has to ask for a signature first.
                _ => {}
            }
        }
    }

    /// Handles a reply that is not a plain result; returns `convert` if the service has to be asked for its signature.
    #[cold]
    fn settled<U, F: FnOnce(T) -> Result<U, Misfit>>(
        &mut self,
        sequence: u64,
        reply: Reply,
        operation: Option<Box<Payload>>,
        convert: F,
    ) -> Result<Result<U, E>, F> {
        if let Some(Error::SignatureUnknown { class }) = reply.error() {
            self.ask(class.clone(), operation.map_or_else(Payload::default, |operation| *operation));
            return Err(convert);
        }
        let operation = operation.as_deref().map_or(&[][..], |operation| operation);
        Ok(self.finish(sequence, reply, operation, convert))
    }

    /// Decodes a plain result.
    #[inline(always)]
    fn done<U>(&self, body: &[u8], convert: impl FnOnce(T) -> Result<U, Misfit>) -> Result<U, E> {
        match self.decode(body) {
            Ok(result) => convert(result).map_err(|misfit| self.unfit(misfit, false)),
            Err(error) => Err(self.unfit(Self::unreadable(error), false)),
        }
    }

    #[cold]
    fn unreadable(error: String) -> Misfit {
        Misfit { reason: format!("cannot be read as {}: {error}", shown_type::<T>()), value: None }
    }

    /// The error for a result that does not fit.
    #[cold]
    fn unfit(&self, Misfit { reason, value }: Misfit, undone: bool) -> E {
        E::failed(match self.change() {
            Some(change) => {
                let done = if undone { "what it took was put back" } else { "the call was made" };
                change.error(format!("{done}; its result {reason}"))
            }
            None => Error::UnexpectedResult { what: self.what(), reason, value, undone },
        })
    }

    /// Finishes the call; `operation` is the operation of a call that failed.
    fn finish<U>(
        &self,
        sequence: u64,
        reply: Reply,
        operation: &[u8],
        convert: impl FnOnce(T) -> Result<U, Misfit>,
    ) -> Result<U, E> {
        match reply {
            Reply::Done(body) => self.done(&body, convert),
            Reply::Provisional(body) => {
                let mut undecided = Undecided { caller: &*self.caller, sequence, received: false };
                // The service itself releases what is not received, including handles.
                let result = holding_back(|| match self.decode(&body) {
                    Ok(result) => match convert(result) {
                        // Only handles would be released, and the error contains them, so the result counts as
                        // received.
                        Err(misfit @ Misfit { value: Some(_), .. }) => Ok(Err(misfit)),
                        Err(misfit) => Err((misfit, true)),
                        Ok(result) => Ok(Ok(result)),
                    },
                    // Perhaps only handles are released. Only the service knows whether the call itself is undone.
                    Err(error) => Err((Self::unreadable(error), false)),
                });
                undecided.received = result.is_ok();
                drop(undecided);
                match result {
                    Ok(result) => result.map_err(|misfit| self.unfit(misfit, false)),
                    Err((misfit, undone)) => Err(self.unfit(misfit, undone)),
                }
            }
            Reply::Raised(raised) => {
                let encoding = if self.change().is_some() || self.is_always_by_names() {
                    Encoding::Dynamic
                } else {
                    self.encoding
                };
                let erase = self.rare.as_ref().and_then(|rare| rare.erase);
                Err(with_scope(&Handles(&self.caller), || match erase {
                    Some(erase) => E::failed(erase(&self.what(), raised.message, &raised.body, encoding)),
                    None => E::raised(&self.what(), raised.message, &raised.body, encoding),
                }))
            }
            Reply::Failed(error) => Err(E::failed(match (self.change(), *error) {
                (
                    Some(change),
                    ReplyError::Complete(Error::BadArguments { reason, .. } | Error::BadValue { reason, .. }),
                ) => change.error(format!("the call was not made: {reason}")),
                (_, error) => self.named(error, operation),
            })),
        }
    }

    /// Whether the call always goes by names.
    fn is_always_by_names(&self) -> bool {
        self.name.signature.is_some_and(|signature| signature().goes_by_names())
    }

    /// Object references in the result become handles of this client, which are released when they are dropped.
    #[inline(always)]
    fn decode(&self, body: &[u8]) -> Result<T, String> {
        if !std::mem::needs_drop::<T>() && self.encoding == Encoding::Typed {
            // A type that needs no drop contains no handles.
            return codec::decode(body).map_err(|e| e.to_string());
        }
        with_scope(&Handles(&self.caller), || match self.encoding {
            Encoding::Typed => codec::decode(body).map_err(|e| e.to_string()),
            // A call without a signature is a call by name, whose result is the value itself.
            Encoding::Dynamic if self.name.signature.is_none() => codec::decode(body).map_err(|e| e.to_string()),
            Encoding::Dynamic => self.decode_values(body),
        })
    }

    #[cold]
    fn decode_values(&self, body: &[u8]) -> Result<T, String> {
        let value: Value = codec::decode(body).map_err(|e| e.to_string())?;
        // A caller that expects nothing accepts any result.
        let ignored = self.change().is_some_and(|change| change.ignores_result);
        let value = if ignored { Value::Null } else { value };
        from_value(value).map_err(|e| e.to_string())
    }
}

impl<T: DeserializeOwned, E: Failure> Future for Call<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_as(cx, Ok)
    }
}
