//! A session's calls in flight: those that are pending, and those that have finished and whose replies are not sent
//! yet.

use super::ServerSession;
use super::delivery::{Delivery, size};
use super::position::check_sequence;
use crate::server::state::cancellation::Cancellation;
use crate::store::Seeded;
use hashbrown::{HashMap, HashSet};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tarmem_remote::operation::Reply;

#[derive(Default)]
pub(super) struct Calls {
    /// Calls that were answered *pending*.
    pub(super) pending: HashMap<u64, Pending, Seeded>,
    /// How many of the pending calls were cancelled and still run to their end. The client no longer counts them.
    pub(super) cancelled: usize,
    /// The bytes of the arguments of pending calls.
    pub(super) waiting_bytes: usize,
    /// The pending calls that wait for other clients, for as long as it takes.
    pub(super) waiting: HashSet<u64>,
    /// Calls that have finished and whose replies are not sent yet.
    pub(super) finished: VecDeque<Finished>,
    pub(super) finished_bytes: usize,
    /// Replies that were sent and perhaps not received.
    pub(super) delivery: Delivery,
}

/// A call that has finished and whose reply is not sent yet.
pub(super) struct Finished {
    pub(super) sequence: u64,
    pub(super) reply: Reply,
    /// The batch of the journal that has to be on disk before the reply leaves.
    pub(super) gate: u64,
    /// Its outcome is in the journal.
    pub(super) noted: bool,
}

/// A call that was answered *pending*.
pub(super) struct Pending {
    pub(super) cancellation: Arc<Cancellation>,
    /// The bytes of its arguments.
    pub(super) bytes: usize,
    pub(super) cancelled: bool,
}

impl ServerSession {
    /// Cancels a call that nobody waits for any more: stops it if it has not begun, and undoes it if it is provisional.
    pub(crate) fn cancel(&self, sequence: u64) {
        // Stopped under no lock, since that wakes the call's task.
        let cancellation = self.calls.lock().pending.get(&sequence).map(|pending| Arc::clone(&pending.cancellation));
        if !cancellation.is_some_and(|cancellation| cancellation.stop()) {
            return self.undo(sequence);
        }
        // The call ends now, and makes room at once.
        let mut calls = self.calls.lock();
        if let Some(pending) = calls.pending.get_mut(&sequence) {
            let before = std::mem::replace(&mut pending.cancelled, true);
            calls.cancelled += usize::from(!before);
        }
    }

    /// Notes that a call is pending, with this many bytes of arguments.
    pub(crate) fn pending(&self, sequence: u64, cancellation: &Arc<Cancellation>, bytes: usize) {
        {
            let mut calls = self.calls.lock();
            if self.lease.position.is_over() {
                drop(calls);
                cancellation.stop();
                return;
            }
            calls.pending.insert(sequence, Pending { cancellation: Arc::clone(cancellation), bytes, cancelled: false });
            calls.waiting_bytes += bytes;
        }
        self.state.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        // The call may have begun to wait just before it was pending, with a `stop_waiting` in between.
        if self.state.is_closing() {
            self.stop_waiting();
        }
    }

    /// Notes that a call from within the process has finished.
    pub(crate) fn finished(&self, sequence: u64) {
        let mut calls = self.calls.lock();
        calls.waiting.remove(&sequence);
        self.no_longer_pending(&mut calls, sequence);
    }

    fn no_longer_pending(&self, calls: &mut Calls, sequence: u64) -> Option<Arc<Cancellation>> {
        let Pending { cancellation, bytes, cancelled } = calls.pending.remove(&sequence)?;
        calls.cancelled -= usize::from(cancelled);
        calls.waiting_bytes -= bytes;
        self.state.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(cancellation)
    }

    /// Notes that a call now waits for other clients, perhaps for ever.
    pub(crate) fn waits(&self, sequence: u64) {
        // What it waits for may keep its place in line, as that of this session.
        self.kept_as();
        self.calls.lock().waiting.insert(sequence);
        if self.state.is_closing() {
            self.stop_waiting();
        }
    }

    /// Notes that a call that waited has ended before it was pending.
    pub(crate) fn waits_no_more(&self, sequence: u64) {
        self.calls.lock().waiting.remove(&sequence);
    }

    /// Ends the calls that wait for other clients: a shutdown waits for running calls, and not for these. Those that go
    /// on to wait in the next run stay.
    pub(crate) fn stop_waiting(&self) {
        let waiting: Vec<_> = {
            let calls = self.calls.lock();
            let ending = calls.waiting.iter().filter(|sequence| !self.outlives_service(**sequence));
            let pending = ending.filter_map(|sequence| calls.pending.get(sequence));
            pending.map(|pending| Arc::clone(&pending.cancellation)).collect()
        };
        for cancellation in waiting {
            cancellation.stop();
        }
    }

    /// Whether a call that waits keeps its place in line when the service ends: its client sends it again to the next
    /// one.
    fn outlives_service(&self, sequence: u64) -> bool {
        let is_sent = check_sequence(sequence).is_ok() && self.credential.is_some();
        is_sent && self.comes_back.load(Ordering::Relaxed) && self.state.journal().is_some()
    }

    /// How many calls wait for other clients that go on to wait in the next run.
    pub(crate) fn count_parked(&self) -> usize {
        let calls = self.calls.lock();
        let parked = calls.waiting.iter().filter(|sequence| self.outlives_service(**sequence));
        let pending = parked.filter_map(|sequence| calls.pending.get(sequence));
        pending.filter(|pending| !pending.cancellation.has_begun()).count()
    }

    /// Notes that a call that was answered *pending* has finished, with its reply.
    pub(crate) fn finish(&self, sequence: u64, reply: Reply) {
        let reply = self.settle(sequence, reply);
        let reply = self.within_bounds(sequence, reply);
        let mut calls = self.calls.lock();
        calls.waiting.remove(&sequence);
        if self.lease.position.is_over() {
            // The session has ended, and nobody will ask for the reply.
            drop(calls);
            return self.undo(sequence);
        }
        let cancelled = calls.pending.get(&sequence).is_some_and(|pending| pending.cancelled);
        let cancellation = self.no_longer_pending(&mut calls, sequence);
        if cancelled {
            // The call was cancelled, and needs no reply.
            drop(calls);
            self.forget_outcomes(&[sequence]);
            return self.undo(sequence);
        }
        let noted = self.note_reply(sequence, &reply);
        let gate = self.state.gate();
        let (reply, gate, noted) = match self.state.refusal(gate) {
            Some(refusal) => (Reply::failed(refusal), 0, false),
            None => (reply, gate, noted),
        };
        let bytes = size(&reply);
        calls.finished_bytes += bytes;
        self.state.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        calls.finished.push_back(Finished { sequence, reply, gate, noted });
        drop(calls);
        self.finished.notify_one();
        // The call finished and was stopped at the same moment: see `cancel`.
        if cancellation.is_some_and(|cancellation| cancellation.is_stopped()) {
            self.undo(sequence);
        }
    }
}
