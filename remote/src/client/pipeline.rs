//! Explicit pipelining: many calls in flight at a time, from one task.

use crate::call::{Call, Failure};
use serde::de::DeserializeOwned;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A call that [`ClientApi::pipeline`](crate::ClientApi::pipeline) takes: every future of one operation, such as
/// [`Call`], `Decoded` of tarmem's own modules, [`Obtain`](crate::client_api::Obtain) and
/// [`Import`](crate::client_api::Import).
///
/// ```
/// use tarmem_remote::pipeline::PipelinedCall;
/// use tarmem_remote::{Call, Error};
///
/// /// Sends both calls before it waits for either.
/// async fn both<C: PipelinedCall<Output = Result<i64, Error>>>(
///     session: &tarmem_remote::ClientApi,
///     calls: [C; 2],
/// ) -> Result<i64, Error> {
///     session.pipeline(calls).await.into_iter().sum()
/// }
/// # fn _takes_calls(session: &tarmem_remote::ClientApi, calls: [Call<i64>; 2]) {
/// #     let _ = both(session, calls);
/// # }
/// ```
pub trait PipelinedCall: Future + Unpin {
    /// Sends the call; ready once it is in flight. Its result arrives when it is awaited.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

impl<T: DeserializeOwned, E: Failure> PipelinedCall for Call<T, E> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Call::poll_send(self, cx)
    }
}

/// Sends all of them, then awaits their results, in order.
pub(crate) async fn run<C: PipelinedCall>(calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
    // The calls are not moved, because they are large.
    let mut calls: Vec<C> = calls.into_iter().collect();
    let mut sent = 0;
    poll_fn(|cx| {
        // Replies wake only the call that is awaited, by the loop below.
        let mut quiet = Context::from_waker(Waker::noop());
        while let Some(call) = calls.get_mut(sent) {
            if call.poll_send(&mut quiet).is_pending() {
                ready!(call.poll_send(cx));
            }
            sent += 1;
        }
        Poll::Ready(())
    })
    .await;
    let mut results = Vec::with_capacity(calls.len());
    poll_fn(|cx| {
        while let Some(call) = calls.get_mut(results.len()) {
            results.push(ready!(Pin::new(call).poll(cx)));
        }
        Poll::Ready(())
    })
    .await;
    results
}
