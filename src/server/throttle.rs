//! Back-pressure: a client that does not read its replies is not read from.

use futures::task::AtomicWaker;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The replies of one connection that its client has not taken yet.
#[derive(Clone)]
pub(crate) struct Unsent(Arc<Shared>);

struct Shared {
    bytes: AtomicUsize,
    limit: usize,
    /// Who reads, and who has read more than may be answered: the one task of the connection, by two ways.
    reader: AtomicWaker,
    holder: AtomicWaker,
}

impl Unsent {
    /// With over `limit` bytes waiting, nothing more is read.
    pub(crate) fn new(limit: usize) -> Self {
        Unsent(Arc::new(Shared {
            bytes: AtomicUsize::new(0),
            limit,
            reader: AtomicWaker::new(),
            holder: AtomicWaker::new(),
        }))
    }

    /// A reply has been made.
    pub(crate) fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// A reply is being written: the socket has taken those before it.
    pub(crate) fn remove(&self, bytes: usize) {
        let remove = |before: usize| Some(before.saturating_sub(bytes));
        let _ = self.0.bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, remove);
        if !self.is_too_much() {
            self.0.reader.wake();
            self.0.holder.wake();
        }
    }

    pub(crate) fn is_too_much(&self) -> bool {
        self.0.bytes.load(Ordering::Acquire) > self.0.limit
    }

    /// Ready once it is not too much.
    pub(crate) async fn is_taken(&self) {
        poll_fn(|cx| self.poll_taken(&self.0.holder, cx)).await;
    }

    fn poll_taken(&self, waker: &AtomicWaker, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_too_much() {
            return Poll::Ready(());
        }
        waker.register(cx.waker());
        // It may have become less just before.
        if self.is_too_much() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// A stream that is not read from while too much is unsent.
pub(crate) struct Throttled<S> {
    pub(crate) stream: S,
    pub(crate) unsent: Unsent,
}

impl<S: AsyncRead + Unpin> AsyncRead for Throttled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unsent.poll_taken(&self.unsent.0.reader, cx).is_pending() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Throttled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
