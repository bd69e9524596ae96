//! How replies get to the client, and are sent again over the next connection.
//!
//! Batches of replies are numbered within their session, and kept until the client says that it has received them. When
//! a connection breaks, the next one sends the kept batches again; the client recognises them by their numbers. (This
//! is RIFL's completion record, Lee et al., SOSP 2015, for batches instead of calls, so that it costs a call nothing.)

use super::calls::Finished;
use super::position::Carrier;
use super::{Calls, ServerSession};
use crate::wire::batch::{ANSWERED_OVERHEAD, Answered, CLOSING, OpenReply, Outcome, ReplyHead};
use crate::wire::handshake::poll_time;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;

/// The batches of replies that the client may not have received.
#[derive(Default)]
pub(super) struct Delivery {
    /// The number of the last batch.
    last: u64,
    /// Batches with their numbers, in order.
    kept: VecDeque<Kept>,
    bytes: usize,
    /// The bytes of those batches that were made since the client last acknowledged any, while the limit was already
    /// reached.
    beyond: usize,
    /// The batches that still have to be sent over the current connection. Each of them is also kept.
    again: VecDeque<Kept>,
}

/// A batch of replies that the client may not have received.
#[derive(Clone)]
pub(super) struct Kept {
    number: u64,
    bytes: Bytes,
    /// The batch of the journal that has to be on disk before it leaves.
    gate: u64,
    /// The calls in it whose outcomes are in the journal; `None` if there are none.
    noted: Option<Arc<[u64]>>,
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
    /// The batch of the journal that has to be on disk before it leaves.
    gate: u64,
    /// The calls in it whose outcomes are in the journal.
    noted: Vec<u64>,
    /// Whether the head tells up to where they tell of changes.
    tells_batch: bool,
}

impl Replies {
    /// A batch with this capacity, in bytes, of a service that keeps its objects (`is_kept`) or not.
    pub(crate) fn new(capacity: usize, is_kept: bool) -> Self {
        let head = ReplyHead::bytes(is_kept);
        let mut bytes = Vec::with_capacity(capacity + head);
        bytes.resize(head, 0);
        Replies { bytes, answers: false, gate: 0, noted: Vec::new(), tells_batch: is_kept }
    }

    /// Adds the outcome that a call had in an earlier run, as it was in a batch of replies.
    pub(crate) fn put_answered(&mut self, sequence: u64, answered: &[u8]) {
        self.answers = true;
        self.bytes.extend_from_slice(answered);
        self.noted(sequence);
    }

    /// The outcome of this call is in the journal until the client has received it.
    pub(crate) fn noted(&mut self, sequence: u64) {
        self.noted.push(sequence);
    }

    /// What was written since it was that long.
    pub(crate) fn since(&self, begin: usize) -> &[u8] {
        self.bytes.get(begin..).unwrap_or_default()
    }

    /// It does not leave before batch `gate` of the journal is on disk.
    pub(crate) fn wait_for(&mut self, gate: u64) {
        self.gate = self.gate.max(gate);
    }

    pub(crate) fn put(&mut self, sequence: u64, outcome: Outcome<'_>) -> Result<(), Error> {
        self.answers |= !matches!(outcome, Outcome::Pending);
        Answered { sequence, outcome }.put(&mut self.bytes)
    }

    /// Puts another outcome in the place of the last reply, which begins at `begin`.
    pub(crate) fn replace(&mut self, begin: usize, sequence: u64, outcome: Outcome<'_>) -> Result<(), Error> {
        self.bytes.truncate(begin);
        self.put(sequence, outcome)
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

    /// `seen`: the last batch of the journal of which the replies may tell.
    fn finish(self, closing: bool, number: u64, seen: u64) -> Bytes {
        let mut bytes = self.bytes;
        let seen = self.tells_batch.then_some(seen);
        ReplyHead { flags: if closing { CLOSING } else { 0 }, number, seen }.put_over(&mut bytes);
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
    /// A batch of replies with this capacity, in bytes.
    pub(crate) fn replies(&self, capacity: usize) -> Replies {
        Replies::new(capacity, self.state.journal().is_some())
    }

    /// Finishes a batch that the caller will send to the client. If there are replies in it, keeps it.
    /// Also returns the batch of the journal that has to be on disk before it leaves.
    pub(crate) fn deliver(&self, carrier: Carrier, replies: Replies) -> (Bytes, u64) {
        let closing = self.state.is_closing();
        if !replies.answers {
            return (replies.finish(closing, 0, 0), 0);
        }
        let seen = self.state.journal().map_or(0, |journal| journal.committed().max(replies.gate));
        let mut calls = self.calls.lock();
        if self.lease.position.is_over() {
            return (replies.finish(closing, 0, 0), u64::MAX);
        }
        let delivery = &mut calls.delivery;
        delivery.last += 1;
        let gate = replies.gate;
        let noted = (!replies.noted.is_empty()).then(|| replies.noted.as_slice().into());
        let batch = replies.finish(closing, delivery.last, seen);
        let kept = Kept { number: delivery.last, bytes: batch.clone(), gate, noted };
        delivery.kept.push_back(kept.clone());
        if delivery.bytes >= self.state.limits.uncollected_bytes {
            delivery.beyond += batch.len();
        }
        delivery.bytes += batch.len();
        self.state.held_bytes.fetch_add(batch.len(), Ordering::Relaxed);
        if !self.lease.position.is_carried_by(carrier) {
            // The connection that it was made for has been replaced.
            delivery.again.push_back(kept);
            self.finished.notify_one();
        }
        (batch, gate)
    }

    /// Like [`deliver`](Self::deliver), but leaves the batch to the client's next poll.
    pub(crate) fn put_by(&self, carrier: Carrier, replies: Replies) {
        if !replies.answers {
            return;
        }
        let (bytes, gate) = self.deliver(carrier, replies);
        let mut calls = self.calls.lock();
        // Otherwise the batch is among those that the new connection sends again.
        if self.lease.position.is_carried_by(carrier)
            && let Ok((ReplyHead { number, .. }, _)) = ReplyHead::take(&bytes)
        {
            calls.delivery.again.push_back(Kept { number, bytes, gate, noted: None });
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
        while delivery.kept.front().is_some_and(|kept| kept.number < below) {
            let Some(Kept { bytes, noted, .. }) = delivery.kept.pop_front() else { break };
            if let Some(noted) = noted {
                self.forget_outcomes(&noted);
            }
            delivery.bytes -= bytes.len();
            self.state.held_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
        while delivery.again.front().is_some_and(|kept| kept.number < below) {
            delivery.again.pop_front();
        }
        if delivery.kept.len() < before {
            delivery.beyond = 0;
            // Waiting calls look once the caller has unlocked `calls`.
            self.room.look();
        }
    }

    /// The client has received all batches of an earlier run below this number: later ones have higher numbers.
    pub(super) fn go_on_from(&self, calls: &mut Calls, below: u64) {
        // No client gets there.
        let below = below.min(u64::MAX / 2);
        calls.delivery.last = calls.delivery.last.max(below.saturating_sub(1));
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
        let (batch, gate) = self.next_batch(carrier).await?;
        self.state.committed(gate).await;
        if ReplyHead::take(&batch).is_ok_and(|(head, _)| head.flags & CLOSING != 0) {
            self.told_of_end.store(true, Ordering::Relaxed);
        }
        Ok(batch)
    }

    /// The next batch of replies, once there is one, or an empty one when the poll has taken as long as it may.
    /// Also returns the batch of the journal that has to be on disk before it leaves.
    async fn next_batch(&self, carrier: Carrier) -> Result<(Bytes, u64), Error> {
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
            return Ok((self.replies(0).finish(self.state.is_closing(), 0, 0), 0));
        }
        let mut replies = self.replies(0);
        {
            let mut calls = self.calls.lock();
            if let Some(Kept { bytes, gate, .. }) = calls.delivery.again.pop_front() {
                return Ok((bytes, gate));
            }
            let limit = self.result_bytes();
            while let Some(Finished { reply, .. }) = calls.finished.front() {
                let bytes = size(reply);
                if replies.answers && replies.len() + bytes > limit {
                    break;
                }
                let Some(Finished { sequence, reply, gate, noted }) = calls.finished.pop_front() else { break };
                calls.finished_bytes -= bytes;
                self.state.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
                replies.put(sequence, Outcome::of(&reply))?;
                replies.wait_for(gate);
                if noted {
                    replies.noted(sequence);
                }
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
            let mut replies = session.replies(64);
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
