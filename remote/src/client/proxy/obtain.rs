//! [`Obtain`]: an operation whose result is a proxy.

use super::{Proxy, ProxyCore};
use crate::call::{Call, CallError, Failure, Name};
use crate::caller::Caller;
use crate::codec::Encoding;
use crate::error::Error;
use crate::operation::Operation;
use crate::payload::Payload;
use crate::pipeline::PipelinedCall;
use crate::results::ObjectInfo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// An operation as a future of a proxy. With a generator it may take 10 minutes, unless [`timeout`](Self::timeout) says
/// otherwise; without one, as long as any call.
///
/// ```
/// use std::time::Duration;
/// use tarmem_remote::client_api::Obtain;
/// use tarmem_remote::{ClientApi, DynamicProxy, Error};
///
/// async fn generation(service: &ClientApi) -> Result<u64, Error> {
///     let obtain: Obtain<DynamicProxy> = service.get_dynamic("alice").timeout(Duration::from_secs(1));
///     let (_proxy, info) = obtain.with_info().await?;
///     Ok(info.generation)
/// }
/// ```
///
/// # Cancellation
/// As for a [`Call`]: an operation that has not started is not started. A generator that other callers wait for goes
/// on.
#[must_use = "it does nothing until it is awaited"]
pub struct Obtain<P, E = Error> {
    caller: Arc<dyn Caller>,
    call: Call<ObjectInfo, E>,
    /// `None` for a proxy by id.
    key: Option<Box<str>>,
    proxy: PhantomData<fn() -> P>,
}

impl<P, E> Obtain<P, E> {
    pub(crate) fn new(
        caller: &Arc<dyn Caller>,
        name: &'static Name,
        operation: Result<Payload, Error>,
        key: Option<&str>,
    ) -> Self {
        let call = Call::new(Arc::clone(caller), operation, name, Encoding::Typed);
        Obtain { caller: Arc::clone(caller), call, key: key.map(Box::from), proxy: PhantomData }
    }

    pub(crate) fn map_call(self, change: impl FnOnce(Call<ObjectInfo, E>) -> Call<ObjectInfo, E>) -> Self {
        Obtain { call: change(self.call), ..self }
    }

    pub(crate) fn by_id(caller: &Arc<dyn Caller>, operation: Operation<'_>) -> Self {
        Self::new(caller, operation.method(), operation.encode(), None)
    }

    /// Like [`Call::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call = self.call.timeout(timeout);
        self
    }

    /// Like [`Call::no_timeout`].
    pub fn no_timeout(mut self) -> Self {
        self.call = self.call.no_timeout();
        self
    }
}

impl<P, E: fmt::Display + Serialize + DeserializeOwned> Obtain<P, CallError<E>> {
    /// Like [`Call::erase_error`]: an error that the generator returned names the generator.
    pub fn erase_error(self) -> Obtain<P> {
        Obtain { caller: self.caller, call: self.call.erase_error(), key: self.key, proxy: PhantomData }
    }
}

impl<P: Proxy, E: Failure> Obtain<P, E> {
    /// Returns, besides the proxy, the id, class and generation of the object.
    ///
    /// # Errors
    /// Those of awaiting it.
    pub async fn with_info(mut self) -> Result<(P, ObjectInfo), E> {
        let info = (&mut self.call).await?;
        Ok((self.proxy(&info), info))
    }

    fn proxy(&self, info: &ObjectInfo) -> P {
        let caller = Arc::clone(&self.caller);
        P::from_core(match &self.key {
            Some(key) => ProxyCore::by_key(caller, key),
            None => ProxyCore::by_id(caller, info.id),
        })
    }
}

impl<P: Proxy, E: Failure> Future for Obtain<P, E> {
    type Output = Result<P, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.call).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(info)) => Poll::Ready(Ok(self.proxy(&info))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }
}

// Nothing in it is ever pinned.
impl<P, E> Unpin for Obtain<P, E> {}

impl<P: Proxy, E: Failure> PipelinedCall for Obtain<P, E> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.call.poll_send(cx)
    }
}
