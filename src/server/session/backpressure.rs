//! Backpressure: no call begins while its client has too many results to receive.
//!
//! A client says with each batch and each poll what it has received, and always has a poll waiting. So for a client
//! that reads its results, a call only waits until it has read them, or the call's time is up; for a client that does
//! not read, the service does no more work.

use super::ServerSession;
use super::delivery::size;
use super::position::Carrier;
use crate::server::state::deadline::Deadline;
use crate::wire::batch::{Preamble, Submission};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tokio::sync::{Notify, futures::Notified};

/// The calls of a session that wait until their client has room for results.
#[derive(Default)]
pub(super) struct ResultRoom {
    /// How many calls wait. In most sessions none does, and no lock is needed to see that.
    starved: AtomicUsize,
    /// Waiting calls go on one after the other, in order of arrival.
    line: tokio::sync::Mutex<()>,
    /// Notified when there may be room.
    freed: Notify,
    /// Calls that were given up before they began, and how many they are.
    given_up: Mutex<BTreeSet<u64>>,
    forsaken: AtomicUsize,
}

/// The turn of a call that has waited for room. The next one gets its turn when this is dropped.
pub(crate) struct RoomTurn<'a> {
    room: &'a ResultRoom,
    _line: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for RoomTurn<'_> {
    fn drop(&mut self) {
        self.room.starved.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts a waiting call, and uncounts it even if its future is dropped.
struct Starved<'a>(Option<&'a ResultRoom>);

impl Drop for Starved<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.0 {
            room.starved.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl ResultRoom {
    /// Whether any call waits for room.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.starved.load(Ordering::Relaxed) > 0
    }

    /// Makes the waiting calls look again: results were received, or something else has changed.
    pub(super) fn look(&self) {
        if self.is_wanted() {
            self.freed.notify_waiters();
        }
    }

    /// Whether the call, which has not begun, was given up. Forgets it, so the next answer is false.
    #[inline]
    pub(super) fn was_given_up(&self, sequence: u64) -> bool {
        if self.forsaken.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut given_up = self.given_up.lock();
        // Calls begin in the order of their numbers, so nobody asks for an earlier one any more.
        let later = given_up.split_off(&(sequence + 1));
        let was = std::mem::replace(&mut *given_up, later).contains(&sequence);
        self.forsaken.store(given_up.len(), Ordering::Relaxed);
        was
    }
}

impl ServerSession {
    /// Whether the client's unreceived results permit another call to begin.
    fn has_room(&self) -> bool {
        let limits = &self.state.limits;
        let calls = self.calls.lock();
        calls.finished_bytes + calls.delivery.bytes() < limits.uncollected_bytes
            && calls.delivery.batches() < limits.uncollected_batches
    }

    /// Like [`has_room`](Self::has_room), for a call that has not waited: those that wait go first.
    pub(crate) fn has_room_at_once(&self) -> bool {
        !self.room.is_wanted() && self.has_room()
    }

    /// Whether calls wait for room. Then their connection is read from, since that is where the client says what it has
    /// received.
    pub(crate) fn is_starved(&self) -> bool {
        self.room.is_wanted()
    }

    /// Whether the call, which has not begun, was given up. Forgets it, so the next answer is false.
    #[inline]
    pub(crate) fn was_given_up(&self, sequence: u64) -> bool {
        self.room.was_given_up(sequence)
    }

    /// Waits for room, after those who came before.
    pub(crate) async fn room(&self) -> RoomTurn<'_> {
        self.room_unless(|| false, Deadline::NEVER).await
    }

    /// Like [`room`](Self::room), for a call in a batch. Also returns when the call's time is up, when it is given up,
    /// or when its connection is replaced: the caller has to check which.
    pub(crate) async fn room_for(&self, sequence: u64, carrier: Carrier, deadline: Deadline) -> RoomTurn<'_> {
        let over = || {
            !self.lease.position.is_carried_by(carrier)
                || self.state.is_closing()
                || self.room.given_up.lock().contains(&sequence)
        };
        self.room_unless(over, deadline).await
    }

    async fn room_unless(&self, over: impl Fn() -> bool, deadline: Deadline) -> RoomTurn<'_> {
        let room = &self.room;
        room.starved.fetch_add(1, Ordering::AcqRel);
        let mut starved = Starved(Some(room));
        let line = room.line.lock().await;
        let roomy = async {
            loop {
                let mut freed = std::pin::pin!(room.freed.notified());
                // Registers for the next notification before it looks, so that none is missed.
                Notified::enable(freed.as_mut());
                if self.has_room() || self.lease.position.is_over() || over() {
                    return;
                }
                freed.await;
            }
        };
        tokio::select! {
            biased;
            () = roomy => {}
            () = deadline.passed() => {}
        }
        starved.0 = None;
        RoomTurn { room, _line: line }
    }

    /// Notes which calls a waiting batch cancels: those that have not begun never will.
    pub(super) fn heed(&self, batch: &Bytes) {
        if !self.room.is_wanted() {
            return;
        }
        let Ok((_, mut rest)) = Preamble::take(batch) else { return };
        let begun = self.lease.position.last();
        let mut found = false;
        for _ in 0..self.state.limits.batch_operations {
            let Ok((submission, more)) = Submission::take(rest) else { break };
            rest = more;
            if let Ok(Operation::Cancel { sequence }) = Operation::decode(submission.operation)
                && sequence > begun
                && sequence < submission.sequence
            {
                let mut given_up = self.room.given_up.lock();
                given_up.insert(sequence);
                self.room.forsaken.store(given_up.len(), Ordering::Relaxed);
                found = true;
            }
        }
        if found {
            self.room.look();
        }
    }

    /// The reply of a call that finished later, unless its session keeps more unreceived results than permitted. Calls
    /// that began when there was room keep their results until they are received, however many they are; but together
    /// they may take no more than a quarter of what the service holds for all sessions.
    pub(super) fn within_bounds(&self, sequence: u64, reply: Reply) -> Reply {
        let limits = &self.state.limits;
        let (waiting, kept) = {
            let calls = self.calls.lock();
            (calls.finished_bytes, calls.delivery.bytes())
        };
        let (bytes, limit) = (waiting + kept + size(&reply), limits.uncollected_bytes.max(limits.held_bytes / 4));
        // One result may always wait: it has its own limit.
        if waiting == 0 || bytes <= limit {
            return reply;
        }
        let what = if self.is_provisional(sequence) { "what it took was put back" } else { "the call was made" };
        self.undo(sequence);
        let remedy = format!("receive results as they come, or have fewer calls wait at one time; {what}");
        Reply::failed(Error::limit("bytes of results not received", bytes as u64, limit as u64, remedy))
    }
}
