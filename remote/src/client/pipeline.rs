//! Explicit pipelining: many calls on their way at one time, from one task.

use crate::call::{Call, Failure};
use serde::de::DeserializeOwned;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A call that [`ClientApi::pipeline`](crate::ClientApi::pipeline) takes: every future of one operation on its way,
/// such as [`Call`], `Decoded` of tarmem's own modules, [`Obtain`](crate::client_api::Obtain) and
/// [`Import`](crate::client_api::Import).
pub trait PipelinedCall: Future + Unpin {
    /// Sees to it that the call is on its way; ready once it is. Its result comes when it is awaited.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

impl<T: DeserializeOwned, E: Failure> PipelinedCall for Call<T, E> {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Call::poll_send(self, cx)
    }
}

/// Sends all of them, then awaits their results, in order.
pub(crate) async fn run<C: PipelinedCall>(calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
    // All of them stay where they are: a call is too large to be moved about for nothing.
    let mut calls: Vec<C> = calls.into_iter().collect();
    let mut sent = 0;
    poll_fn(|cx| {
        // Nobody is woken by a reply that is not being waited for: one of them is at a time, by the loop below.
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
