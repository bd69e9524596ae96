//! How replies get to the client, and are sent again over the next connection.
//!
//! Batches of replies are numbered within their session, and kept until the client says that it has received them. When
//! a connection breaks, the next one sends the kept batches again; the client recognises them by their numbers. (This
//! is RIFL's completion record, Lee et al., SOSP 2015, for batches instead of calls, so that it costs a call nothing.)

use super::position::Carrier;
use super::{Calls, ServerSession};
use crate::wire::batch::{ANSWERED_OVERHEAD, Answered, CLOSING, OpenReply, Outcome, ReplyHead};
use crate::wire::handshake::poll_time;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;

/// The batches of replies that the client may not have received.
#[derive(Default)]
pub(super) struct Delivery {
    /// The number of the last batch.
    last: u64,
    /// Batches with their numbers, in order.
    kept: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// The bytes of those batches that were made since the client last acknowledged any, while the limit was already
    /// reached.
    beyond: usize,
    /// The batches that still have to be sent over the current connection. Each of them is also kept.
    again: VecDeque<(u64, Bytes)>,
}

impl Delivery {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn beyond(&self) -> usize {
        self.beyond
    }

    pub(super) fn batches(&self) -> usize {
        self.kept.len()
    }
}

/// A batch of replies that is being written.
pub(crate) struct Replies {
    /// Starts with room for the head.
    bytes: Vec<u8>,
    /// Whether there is a reply in it.
    answers: bool,
}

impl Replies {
    pub(crate) fn new(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + ReplyHead::BYTES);
        ReplyHead { flags: 0, number: 0 }.put(&mut bytes);
        Replies { bytes, answers: false }
    }

    pub(crate) fn put(&mut self, sequence: u64, outcome: Outcome<'_>) -> Result<(), Error> {
        self.answers |= !matches!(outcome, Outcome::Pending);
        Answered { sequence, outcome }.put(&mut self.bytes)
    }

    /// Begins a reply, whose body the caller writes to the [`buffer`](Self::buffer).
    pub(crate) fn begin(&mut self, sequence: u64) -> OpenReply {
        OpenReply::begin(&mut self.bytes, sequence)
    }

    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What has been written after `reply`.
    pub(crate) fn body(&self, reply: &OpenReply) -> &[u8] {
        reply.body(&self.bytes)
    }

    /// Ends a reply with what has been written as its result.
    pub(crate) fn done(&mut self, reply: OpenReply, provisional: bool) -> Result<(), Error> {
        self.answers = true;
        reply.done(&mut self.bytes, provisional)
    }

    /// Ends a reply with what has been written as an error that the method returned.
    pub(crate) fn raised(&mut self, reply: OpenReply, message: &str) -> Result<(), Error> {
        self.answers = true;
        reply.raised(&mut self.bytes, message)
    }

    /// Removes a reply, in whose place another will be written.
    pub(crate) fn withdraw(&mut self, reply: OpenReply) {
        reply.withdraw(&mut self.bytes);
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn finish(self, closing: bool, number: u64) -> Bytes {
        let mut bytes = self.bytes;
        ReplyHead { flags: if closing { CLOSING } else { 0 }, number }.put_over(&mut bytes);
        bytes.into()
    }
}

/// How many bytes a reply takes in a batch.
pub(crate) fn size(reply: &Reply) -> usize {
    ANSWERED_OVERHEAD
        + match reply {
            Reply::Done(body) | Reply::Provisional(body) => body.len(),
            Reply::Raised(raised) => raised.message.len() + raised.body.len(),
            Reply::Failed(error) => error.size(),
        }
}

impl ServerSession {
    /// Finishes a batch that the caller will send to the client. If there are replies in it, keeps it.
    pub(crate) fn deliver(&self, carrier: Carrier, replies: Replies) -> Bytes {
        let closing = self.state.is_closing();
        if !replies.answers {
            return replies.finish(closing, 0);
        }
        let mut calls = self.calls.lock();
        if self.lease.position.is_over() {
            return replies.finish(closing, 0);
        }
        let delivery = &mut calls.delivery;
        delivery.last += 1;
        let batch = replies.finish(closing, delivery.last);
        delivery.kept.push_back((delivery.last, batch.clone()));
        if delivery.bytes >= self.state.limits.uncollected_bytes {
            delivery.beyond += batch.len();
        }
        delivery.bytes += batch.len();
        self.state.held_bytes.fetch_add(batch.len(), Ordering::Relaxed);
        if !self.lease.position.is_carried_by(carrier) {
            // The connection that it was made for has been replaced.
            delivery.again.push_back((delivery.last, batch.clone()));
            self.finished.notify_one();
        }
        batch
    }

    /// Like [`deliver`](Self::deliver), but leaves the batch to the client's next poll.
    pub(crate) fn put_by(&self, carrier: Carrier, replies: Replies) {
        if !replies.answers {
            return;
        }
        let batch = self.deliver(carrier, replies);
        let mut calls = self.calls.lock();
        // Otherwise the batch is among those that the new connection sends again.
        if self.lease.position.is_carried_by(carrier)
            && let Ok((ReplyHead { number, .. }, _)) = ReplyHead::take(&batch)
        {
            calls.delivery.again.push_back((number, batch));
        }
        drop(calls);
        self.finished.notify_one();
    }

    /// The client has received all batches below this number.
    pub(super) fn received(&self, carrier: Carrier, calls: &mut Calls, below: u64) {
        if !self.lease.position.is_carried_by(carrier) {
            return;
        }
        let delivery = &mut calls.delivery;
        let before = delivery.kept.len();
        while let Some((number, _)) = delivery.kept.front()
            && *number < below
        {
            let Some((_, batch)) = delivery.kept.pop_front() else { break };
            delivery.bytes -= batch.len();
            self.state.held_bytes.fetch_sub(batch.len(), Ordering::Relaxed);
        }
        while delivery.again.front().is_some_and(|(number, _)| *number < below) {
            delivery.again.pop_front();
        }
        if delivery.kept.len() < before {
            delivery.beyond = 0;
            // Waiting calls look once the caller has unlocked `calls`.
            self.room.look();
        }
    }

    /// Marks all batches that the client may not have received as to be sent again.
    pub(super) fn repeat(&self, calls: &mut Calls) {
        let delivery = &mut calls.delivery;
        delivery.again = delivery.kept.clone();
    }

    /// The replies that have finished since the last poll. Waits until there are some, for as long as a poll may take.
    pub(crate) async fn collect(&self, carrier: Carrier, received_below: u64) -> Result<Bytes, Error> {
        self.hear();
        self.received(carrier, &mut self.calls.lock(), received_below);
        if self.told_of_end.load(Ordering::Relaxed) {
            // A client has one poll waiting at a time, so it sent this one after it had received that answer.
            self.knows_of_end.store(true, Ordering::Relaxed);
        }
        let batch = self.next_batch(carrier).await?;
        if ReplyHead::take(&batch).is_ok_and(|(head, _)| head.flags & CLOSING != 0) {
            self.told_of_end.store(true, Ordering::Relaxed);
        }
        Ok(batch)
    }

    /// The next batch of replies, once there is one, or an empty one when the poll has taken as long as it may.
    async fn next_batch(&self, carrier: Carrier) -> Result<Bytes, Error> {
        let ready = async {
            loop {
                // `notify_one` stores a permit, so no call that finishes between the look and the wait is missed.
                let idle = {
                    let calls = self.calls.lock();
                    calls.finished.is_empty() && calls.delivery.again.is_empty()
                };
                if !idle || self.state.is_closing() || !self.lease.position.is_carried_by(carrier) {
                    return;
                }
                self.finished.notified().await;
            }
        };
        let _ = tokio::time::timeout(poll_time(self.state.limits.lease), ready).await;
        if !self.lease.position.is_carried_by(carrier) {
            // The notification was meant for the poll of the new connection.
            self.finished.notify_one();
            return Ok(Replies::new(0).finish(self.state.is_closing(), 0));
        }
        let mut replies = Replies::new(0);
        {
            let mut calls = self.calls.lock();
            if let Some((_, batch)) = calls.delivery.again.pop_front() {
                return Ok(batch);
            }
            let limit = self.result_bytes();
            while let Some((_, reply)) = calls.finished.front() {
                let bytes = size(reply);
                if replies.answers && replies.len() + bytes > limit {
                    break;
                }
                let Some((sequence, reply)) = calls.finished.pop_front() else { break };
                calls.finished_bytes -= bytes;
                self.state.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
                replies.put(sequence, Outcome::of(&reply))?;
            }
        }
        Ok(self.deliver(carrier, replies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::server::exec::engine::Engine;
    use crate::server::state::Seams;
    use std::sync::Arc;
    use tarmem_remote::registry::Registry;

    #[tokio::test]
    async fn acknowledged_batches_are_not_sent_with_the_next_poll() {
        let registry = Registry::linked().expect("no names clash");
        let engine = Engine::new(registry, Limits::default(), tokio::runtime::Handle::current(), Seams::default());
        let session = engine.open_session(None);
        let (carrier, _) = session.attach(Arc::default(), &engine.state.heartbeat, 0).expect("it has not ended");
        for sequence in 1..=4 {
            let mut replies = Replies::new(64);
            replies.put(sequence, Outcome::Done(b"large")).expect("encodes");
            session.put_by(carrier, replies);
        }
        for (below, left) in [(0, 4), (3, 2), (u64::MAX, 0)] {
            let mut calls = session.calls.lock();
            session.received(carrier, &mut calls, below);
            assert_eq!((calls.delivery.again.len(), calls.delivery.kept.len()), (left, left), "below {below}");
        }
    }
}
