//! Room for results: a call does not begin while its client has more results to receive than it may.
//!
//! What a client has received it says with its next batch or poll, and it always has a poll out. So one that reads its
//! results only waits, for as long as that takes or until the call's time is up; for one that does not read, nothing
//! more is done.

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

/// Who waits for room.
#[derive(Default)]
pub(super) struct ResultRoom {
    /// How many do: most sessions have none, and need no lock to see it.
    starved: AtomicUsize,
    /// They go on one after the other, in the order in which they came.
    line: tokio::sync::Mutex<()>,
    /// There may be room.
    freed: Notify,
    /// Calls that nobody waits for any more, before they came to begin; and how many these are.
    given_up: Mutex<BTreeSet<u64>>,
    forsaken: AtomicUsize,
}

/// The turn of one who has waited for room: the next one has it when this is dropped.
pub(crate) struct RoomTurn<'a> {
    room: &'a ResultRoom,
    _line: tokio::sync::MutexGuard<'a, ()>,
}

impl Drop for RoomTurn<'_> {
    fn drop(&mut self) {
        self.room.starved.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts one who waits, even if it gives up.
struct Starved<'a>(Option<&'a ResultRoom>);

impl Drop for Starved<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.0 {
            room.starved.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl ResultRoom {
    /// Somebody waits for room.
    #[inline]
    pub(super) fn is_wanted(&self) -> bool {
        self.starved.load(Ordering::Relaxed) > 0
    }

    /// Results were received, or there is something else that those who wait have to see.
    pub(super) fn look(&self) {
        if self.is_wanted() {
            self.freed.notify_waiters();
        }
    }

    /// Nobody waits for this call any more, which has not begun; once.
    #[inline]
    pub(super) fn was_given_up(&self, sequence: u64) -> bool {
        if self.forsaken.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut given_up = self.given_up.lock();
        // Calls begin in the order of their numbers: of those before it none is awaited any more.
        let later = given_up.split_off(&(sequence + 1));
        let was = std::mem::replace(&mut *given_up, later).contains(&sequence);
        self.forsaken.store(given_up.len(), Ordering::Relaxed);
        was
    }
}

impl ServerSession {
    /// Whether a call may begin, as far as the results of others go that its client has not received.
    fn has_room(&self) -> bool {
        let limits = &self.state.limits;
        let calls = self.calls.lock();
        calls.finished_bytes + calls.delivery.bytes() < limits.uncollected_bytes
            && calls.delivery.batches() < limits.uncollected_batches
    }

    /// As [`has_room`](Self::has_room), for one who has not waited: those who have go first.
    pub(crate) fn has_room_at_once(&self) -> bool {
        !self.room.is_wanted() && self.has_room()
    }

    /// Somebody waits for room: then its connection is read from, since what makes room is said there.
    pub(crate) fn is_starved(&self) -> bool {
        self.room.is_wanted()
    }

    /// Nobody waits for this call any more, which has not begun; once.
    #[inline]
    pub(crate) fn was_given_up(&self, sequence: u64) -> bool {
        self.room.was_given_up(sequence)
    }

    /// Waits for room, after those who came before.
    pub(crate) async fn room(&self) -> RoomTurn<'_> {
        self.room_unless(|| false, Deadline::NEVER).await
    }

    /// As [`room`](Self::room), for a call of a batch: until its time is up, nobody waits for it, or its connection is
    /// replaced. Whoever waited has to look what it is.
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
                // In line for the next notification before it looks: none is missed.
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

    /// Looks for what a batch gives up that waits for its turn: of that, what has not begun never will.
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

    /// The reply of a call that came to its end later, unless its session keeps more than any may. What began when
    /// there was room waits to be received, however many others do; but all that wait have a quarter of what the
    /// service holds for all sessions.
    pub(super) fn within_bounds(&self, sequence: u64, reply: Reply) -> Reply {
        let limits = &self.state.limits;
        let (waiting, kept) = {
            let calls = self.calls.lock();
            (calls.finished_bytes, calls.delivery.bytes())
        };
        let (bytes, limit) = (waiting + kept + size(&reply), limits.uncollected_bytes.max(limits.held_bytes / 4));
        // One may always wait: it has its own limit.
        if waiting == 0 || bytes <= limit {
            return reply;
        }
        let what = if self.is_provisional(sequence) { "what it took was put back" } else { "the call was made" };
        self.undo(sequence);
        let remedy = format!("receive results as they come, or have fewer calls wait at one time; {what}");
        Reply::failed(Error::limit("bytes of results not received", bytes as u64, limit as u64, remedy))
    }
}
