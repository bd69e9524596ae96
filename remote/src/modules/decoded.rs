//! A call whose result is a `Value`, as the caller wants to have it.

use super::Exception;
use crate::call::{Call, CallError};
use crate::error::Error;
use crate::value::{Value, from_value};
use serde::de::DeserializeOwned;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// A call that gives a value, decoded as a `T`: what `dict.get::<i64>("k")` is.
///
/// # Errors
/// Those of the method; [`Error::BadResult`] if the value is no `T`.
#[must_use = "a call does nothing until it is awaited"]
#[derive(Debug)]
pub struct Decoded<T> {
    call: Call<Value, CallError<Exception>>,
    result: PhantomData<fn() -> T>,
}

impl<T> Decoded<T> {
    pub(crate) fn new(call: Call<Value, CallError<Exception>>) -> Self {
        Decoded { call, result: PhantomData }
    }

    /// As [`Call::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        Decoded::new(self.call.timeout(timeout))
    }

    /// As [`Call::no_timeout`].
    pub fn no_timeout(self) -> Self {
        Decoded::new(self.call.no_timeout())
    }

    /// As [`Call::send`].
    pub async fn send(self) -> Self {
        Decoded::new(self.call.send().await)
    }
}

impl<T: DeserializeOwned> Future for Decoded<T> {
    type Output = Result<T, CallError<Exception>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.call).poll(cx).map(|result| {
            from_value(result?).map_err(|error| {
                let what = std::any::type_name::<T>();
                CallError::Failed(Error::BadResult { what: format!("the call as {what}"), reason: error.to_string() })
            })
        })
    }
}
