//! Sends and receives frames over a stream, in one task.
//!
//! tarpc's own channels need a queue, a timer, a span, a map entry and a wake-up between two tasks for each request,
//! which took more time than the call itself. Here, a frame is read and answered by the task that receives it. See
//! docs/performance.md.

use super::frame::{FrameLimit, HEADER, header, take_frame};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

/// A body of this size or more, in bytes, is not copied into the buffer with the others, but written from where it is.
const LARGE: usize = 8 * 1024;

/// How many pieces are written by one system call.
const PIECES: usize = 16;

/// How much is read at a time, in bytes, unless a frame is known to be larger.
const READ: usize = 16 * 1024;

/// Sends and receives frames over a stream.
pub(crate) struct Channel<S> {
    stream: S,
    limit: FrameLimit,
    incoming: BytesMut,
    /// How much to read at a time, in bytes. It grows when that is too little.
    room: usize,
    /// When the frame that is partly received began to arrive.
    partial_since: Option<Instant>,
    /// Whether the peer has closed its side.
    hung_up: bool,
    /// What is to be written: these pieces, and then `small` from `taken` on.
    outgoing: VecDeque<Bytes>,
    small: Vec<u8>,
    taken: usize,
    unsent: usize,
    /// Whether the stream has been flushed since the last write.
    flushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Creates a channel for frames of at most `limit`. `room` is the initial size of the read buffer, in bytes.
    pub(crate) fn new(stream: S, limit: FrameLimit, room: usize) -> Self {
        Channel {
            stream,
            limit,
            incoming: BytesMut::new(),
            room,
            partial_since: None,
            hung_up: false,
            outgoing: VecDeque::new(),
            small: Vec::new(),
            taken: 0,
            unsent: 0,
            flushed: true,
        }
    }

    /// Receives the next frame, without its header; `None` if the peer has closed its side. A frame that is cut off by
    /// that is dropped.
    ///
    /// # Errors
    /// If the stream fails, or a frame is over the limit.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            if let Some(frame) = take_frame(&mut self.incoming, &self.limit)? {
                self.partial_since = None;
                return Poll::Ready(Ok(Some(frame)));
            }
            if self.hung_up {
                return Poll::Ready(Ok(None));
            }
            if self.incoming.capacity() - self.incoming.len() < self.room / 2 {
                self.incoming.reserve(self.room);
            }
            let Poll::Ready(read) = poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.incoming) else {
                if self.incoming.is_empty() {
                    self.partial_since = None;
                } else if self.partial_since.is_none() {
                    self.partial_since = Some(Instant::now());
                }
                return Poll::Pending;
            };
            self.hung_up = read? == 0;
            if self.incoming.len() == self.incoming.capacity() {
                self.room = (self.room * 2).min(READ);
            }
        }
    }

    /// The bytes of the incomplete frame that has arrived.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.incoming
    }

    /// The stream itself. Using it directly bypasses the frames that are being read and written.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// When the incomplete frame began to arrive; `None` if there is none.
    pub(crate) fn partial_since(&self) -> Option<Instant> {
        self.partial_since
    }

    /// Restarts the time of the incomplete frame, because this side did not read meanwhile.
    pub(crate) fn excuse_partial(&mut self) {
        self.partial_since = self.partial_since.map(|_| Instant::now());
    }

    /// Queues a frame of `head` and `body`.
    ///
    /// # Errors
    /// If it has 4 GiB or more.
    pub(crate) fn put(&mut self, head: &[u8], body: Bytes) -> io::Result<()> {
        if body.len() < LARGE {
            return self.put_with(head, |small| small.extend_from_slice(&body));
        }
        self.small.extend_from_slice(&header(head.len() + body.len())?);
        self.small.extend_from_slice(head);
        self.flushed = false;
        self.unsent += HEADER + head.len() + body.len();
        let mut before = Bytes::from(std::mem::take(&mut self.small));
        before.advance(std::mem::take(&mut self.taken));
        self.outgoing.push_back(before);
        self.outgoing.push_back(body);
        Ok(())
    }

    /// As [`put`](Self::put), with a body that `write` appends.
    ///
    /// # Errors
    /// As [`put`](Self::put); nothing is queued then.
    pub(crate) fn put_with(&mut self, head: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let start = self.small.len();
        self.small.extend_from_slice(&[0; HEADER]);
        self.small.extend_from_slice(head);
        write(&mut self.small);
        let length = self.small.len() - start - HEADER;
        match header(length) {
            Ok(header) => self.small[start..start + HEADER].copy_from_slice(&header),
            Err(error) => {
                self.small.truncate(start);
                return Err(error);
            }
        }
        self.flushed = false;
        self.unsent += HEADER + length;
        Ok(())
    }

    /// The number of queued bytes that the stream has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Whether everything that was queued has been written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.flushed
    }

    /// Writes what is queued.
    ///
    /// # Errors
    /// If the stream fails.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent > 0 {
            let stream = Pin::new(&mut self.stream);
            let written = if self.outgoing.is_empty() {
                ready!(stream.poll_write(cx, &self.small[self.taken..]))?
            } else {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                let waiting = self.outgoing.iter().map(|piece| &piece[..]).chain([&self.small[self.taken..]]);
                let mut used = 0;
                for (slot, piece) in pieces.iter_mut().zip(waiting) {
                    *slot = IoSlice::new(piece);
                    used += 1;
                }
                ready!(stream.poll_write_vectored(cx, &pieces[..used]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut written: usize) {
        self.unsent -= written;
        while let Some(piece) = self.outgoing.front_mut() {
            if written < piece.len() {
                return piece.advance(written);
            }
            written -= piece.len();
            self.outgoing.pop_front();
        }
        self.taken += written;
        if self.taken == self.small.len() {
            self.taken = 0;
            self.small.clear();
            // Memory that was needed once for much data is not kept.
            self.small.shrink_to(READ);
        }
    }

    /// Writes what is queued, and closes this side of the stream.
    ///
    /// # Errors
    /// If the stream fails.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::future::poll_fn;
    use tokio::io::AsyncWriteExt;

    fn channel<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Channel<S> {
        Channel::new(stream, FrameLimit::new(1 << 20), 64)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Frames of any size arrive unchanged, in however small pieces the stream takes them.
        #[test]
        fn frames_arrive_in_order(sizes in prop::collection::vec(0_usize..3 * LARGE, 0..24), pipe in 1_usize..20_000) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let (one, other) = tokio::io::duplex(pipe);
                let (mut one, mut other) = (channel(one), channel(other));
                let bodies: Vec<Bytes> = sizes.iter().map(|&size| vec![size as u8; size].into()).collect();
                let mut whole = 0;
                for body in &bodies {
                    one.put(b"head", body.clone()).expect("it fits");
                    whole += 8 + body.len();
                }
                prop_assert_eq!(one.unsent(), whole);
                let send = poll_fn(|cx| one.poll_close(cx));
                let receive = async {
                    let mut frames = Vec::new();
                    while let Some(frame) = poll_fn(|cx| other.poll_frame(cx)).await.expect("the pipe holds") {
                        frames.push(frame);
                    }
                    frames
                };
                let (sent, frames) = tokio::join!(send, receive);
                sent.expect("the pipe holds");
                let expected: Vec<Bytes> = bodies.iter().map(|body| [b"head", &body[..]].concat().into()).collect();
                prop_assert_eq!(frames, expected);
                prop_assert!(one.unsent() == 0 && one.is_flushed());
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn the_time_of_an_incomplete_frame_is_measured() {
        let (mut peer, stream) = tokio::io::duplex(64);
        let mut channel = channel(stream);
        assert!(futures::poll!(poll_fn(|cx| channel.poll_frame(cx))).is_pending());
        assert_eq!(channel.partial_since(), None);
        peer.write_all(&[0, 0, 0, 2, 7]).await.expect("there is room");
        assert!(futures::poll!(poll_fn(|cx| channel.poll_frame(cx))).is_pending());
        let since = channel.partial_since().expect("it has begun");
        assert!(futures::poll!(poll_fn(|cx| channel.poll_frame(cx))).is_pending());
        assert_eq!(channel.partial_since(), Some(since), "polling again does not restart its time");
        peer.write_all(&[8]).await.expect("there is room");
        let frame = poll_fn(|cx| channel.poll_frame(cx)).await.expect("the pipe holds");
        assert_eq!(frame, Some(Bytes::from_static(&[7, 8])));
        assert_eq!(channel.partial_since(), None);
        drop(peer);
        assert_eq!(poll_fn(|cx| channel.poll_frame(cx)).await.expect("in order"), None);
    }
}
