//! A call whose result consists of `Value`s, decoded as the type that the caller wants.

use super::Exception;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tarmem_remote::call::Misfit;
use tarmem_remote::call::{Call, CallError, Failure};
use tarmem_remote::error::Error;
use tarmem_remote::pipeline::PipelinedCall;
use tarmem_remote::value::{Value, from_value, misfit, to_value};

/// A call whose result `R` consists of values and is decoded as a `T`, such as `dict.get::<i64>("k")`.
///
/// # Errors
/// Those of the call. [`Error::UnexpectedResult`] if the result cannot be decoded as a `T`: an item that the call took
/// from a queue goes back then, and what it removed from a list or a dict is in the error.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::DictProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let dict = session.memoize("ages", DictProxy::default()).await?;
/// dict.set("alice", 30).await?;
/// assert_eq!(dict.item::<u8>("alice").await?, 30);
/// assert!(dict.item::<String>("alice").await.is_err()); // it is a number
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited"]
#[derive(Debug)]
pub struct Decoded<T, R = Value, E = CallError<Exception>> {
    call: Call<R, E>,
    /// Whether the service puts back what the call took if it cannot be decoded, so that it need not be in the error.
    is_put_back: bool,
    result: PhantomData<fn() -> T>,
}

/// A call that returns pairs, such as the items of a dict.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::DictProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let dict = session.memoize("ages", DictProxy::default()).await?;
/// dict.set("alice", 30).await?;
/// assert_eq!(dict.items::<String, u8>().await?, [("alice".to_owned(), 30)]);
/// # Ok(())
/// # }
/// ```
pub type DecodedPairs<K, V, E = CallError<Exception>> = Decoded<Vec<(K, V)>, Vec<Value>, E>;

impl<T, R, E> Decoded<T, R, E> {
    pub(crate) fn new(call: Call<R, E>) -> Self {
        Decoded { call, is_put_back: false, result: PhantomData }
    }

    /// Makes a call that takes something which the service puts back if its caller cannot decode it, such as an item of
    /// a queue.
    pub(crate) fn on_trial(call: Call<R, E>) -> Self {
        Decoded { is_put_back: true, ..Decoded::new(call) }
    }

    fn map<F>(self, change: impl FnOnce(Call<R, E>) -> Call<R, F>) -> Decoded<T, R, F> {
        Decoded { call: change(self.call), is_put_back: self.is_put_back, result: PhantomData }
    }

    /// As [`Call::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        self.map(|call| call.timeout(timeout))
    }

    /// As [`Call::no_timeout`].
    pub fn no_timeout(self) -> Self {
        self.map(|call| call.no_timeout())
    }

    /// As [`Call::owner`].
    pub fn owner(self, id: u64) -> Self {
        self.map(|call| call.owner(id))
    }
}

impl<T, R, E: Display + Serialize + DeserializeOwned> Decoded<T, R, CallError<E>> {
    /// As [`Call::erase_error`].
    pub fn erase_error(self) -> Decoded<T, R, Error> {
        self.map(|call| call.erase_error())
    }
}

impl<T, R, E> Decoded<T, R, E>
where
    R: DeserializeOwned,
    E: Failure,
{
    /// As [`Call::send`].
    pub async fn send(self) -> Self {
        Decoded { call: self.call.send().await, ..self }
    }
}

impl<T, R, E> Future for Decoded<T, R, E>
where
    T: DeserializeOwned,
    R: Serialize + DeserializeOwned,
    E: Failure,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_put_back = self.is_put_back;
        self.call.poll_as(cx, |result| {
            decode::<T>(&result).map_err(|misfit| Misfit { value: misfit.value.filter(|_| !is_put_back), ..misfit })
        })
    }
}

impl<T, R, E> PipelinedCall for Decoded<T, R, E>
where
    T: DeserializeOwned,
    R: Serialize + DeserializeOwned,
    E: Failure,
{
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.call.poll_send(cx)
    }
}

/// Decodes a result as the type that the caller asked for.
fn decode<T: DeserializeOwned>(result: &impl Serialize) -> Result<T, Misfit> {
    let came = to_value(result).map_err(|error| Misfit { reason: format!("cannot be read: {error}"), value: None })?;
    from_value(came).map_err(|error| {
        // Converted again, only for a result that does not fit.
        let came = to_value(result).unwrap_or_default();
        Misfit { reason: misfit::<T>(&came, &error), value: Some(Box::new(came)) }
    })
}
