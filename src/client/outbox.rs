//! What waits to be sent, and what waits for a reply.

use crate::wire::batch::{self, Preamble, Submission};
use bytes::Bytes;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};
use tarmem_remote::call::current_task;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How much longer a call waits for the service to say that its time is up, before the client says so itself.
const GRACE: Duration = Duration::from_millis(50);

/// The limits that the service told, or that the client set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) frame_bytes: usize,
    pub(super) batch: usize,
    pub(super) in_flight: usize,
}

/// The calls of a session: those that wait to be sent, encoded, and all that wait for a reply.
pub(super) struct Outbox {
    bounds: Bounds,
    /// `Some` once the session has ended.
    ended: Option<Error>,
    last: u64,
    /// Submissions, one after the other.
    encoded: Vec<u8>,
    queued: VecDeque<Queued>,
    /// When the first of those came.
    gathering_since: Instant,
    in_flight: HashMap<u64, InFlight>,
    /// No call is overdue before this.
    next_deadline: Option<Instant>,
    /// Handles to give up, with their counts.
    releases: HashMap<Uuid, u32>,
    /// What the service is to know about earlier calls.
    settled: Vec<Operation<'static>>,
    /// Calls that found too many in flight.
    crowded: Vec<Waker>,
    /// What is still to be sent when the session ends here: locks to release, results to acknowledge.
    farewell: Option<Bytes>,
}

struct Queued {
    sequence: u64,
    bytes: usize,
    /// Sent on the client's own account: nobody waits for the reply.
    housekeeping: bool,
}

struct InFlight {
    reply: oneshot::Sender<Reply>,
    deadline: Option<(Instant, Duration)>,
    sent: bool,
}

/// What became of a call that was handed over.
pub(super) enum Pushed {
    Waiting {
        reply: oneshot::Receiver<Reply>,
        sequence: u64,
        /// Nothing was in line before it.
        first: bool,
    },
    Refused(Error),
    Crowded,
}

impl Outbox {
    pub(super) fn new(bounds: Bounds) -> Self {
        Outbox {
            bounds,
            ended: None,
            last: 0,
            encoded: Vec::new(),
            queued: VecDeque::new(),
            gathering_since: Instant::now(),
            in_flight: HashMap::new(),
            next_deadline: None,
            releases: HashMap::new(),
            settled: Vec::new(),
            crowded: Vec::new(),
            farewell: None,
        }
    }

    /// Puts a call in line.
    pub(super) fn push(&mut self, operation: &[u8], timeout: Option<Duration>, waker: &Waker) -> Pushed {
        if let Some(error) = &self.ended {
            return Pushed::Refused(error.clone());
        }
        let limit = self.largest();
        if operation.len() > limit {
            let remedy = "send less at once, or raise the service's limit";
            return Pushed::Refused(Error::limit(
                "the call's size in bytes",
                operation.len() as u64,
                limit as u64,
                remedy,
            ));
        }
        // Twice the largest frame may wait; after that, callers do.
        if self.in_flight.len() >= self.bounds.in_flight || self.encoded.len() >= 2 * limit {
            if !self.crowded.iter().any(|known| known.will_wake(waker)) {
                self.crowded.push(waker.clone());
            }
            return Pushed::Crowded;
        }
        let sequence = match self.append(operation, current_task(), timeout) {
            Ok(sequence) => sequence,
            Err(error) => return Pushed::Refused(error),
        };
        // One look at the clock for all that gather behind the first: it is a twentieth of what a call costs.
        if self.queued.len() == 1 {
            self.gathering_since = Instant::now();
        }
        let deadline =
            timeout.and_then(|after| Some((self.gathering_since.checked_add(after)?.checked_add(GRACE)?, after)));
        if let Some((at, _)) = deadline {
            self.next_deadline = Some(self.next_deadline.map_or(at, |next| next.min(at)));
        }
        let (sender, reply) = oneshot::channel();
        self.in_flight.insert(sequence, InFlight { reply: sender, deadline, sent: false });
        Pushed::Waiting { reply, sequence, first: self.queued.len() == 1 }
    }

    /// The largest operation that fits a frame, in bytes.
    fn largest(&self) -> usize {
        self.bounds.frame_bytes.saturating_sub(1024)
    }

    fn append(&mut self, operation: &[u8], task: u64, timeout: Option<Duration>) -> Result<u64, Error> {
        let sequence = self.last + 1;
        // Rounded up: a timeout of half a millisecond is not none.
        let timeout_ms = timeout.map(|t| u64::try_from(t.as_micros().div_ceil(1000)).unwrap_or(u64::MAX));
        let before = self.encoded.len();
        batch::put(&mut self.encoded, &Submission { sequence, task, timeout_ms, operation })?;
        self.last = sequence;
        self.queued.push_back(Queued { sequence, bytes: self.encoded.len() - before, housekeeping: false });
        Ok(sequence)
    }

    /// Nobody waits for this call any more.
    pub(super) fn cancel(&mut self, sequence: u64) {
        if self.ended.is_some() {
            return;
        }
        // If it was not sent, it never will be. If it was, the service is told; even if it has answered: the answer may be
        // one that is to be undone.
        if self.in_flight.remove(&sequence).is_none_or(|call| call.sent) {
            self.settled.push(Operation::Cancel { sequence });
        }
        self.uncrowd();
    }

    /// A provisional result has arrived.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        if self.ended.is_some() {
            return;
        }
        self.settled.push(Operation::Acknowledge { sequence });
    }

    /// Gives up a handle.
    pub(super) fn release(&mut self, id: Uuid) {
        if self.ended.is_some() {
            return;
        }
        *self.releases.entry(id).or_default() += 1;
    }

    /// Puts an operation in line of whose outcome nobody will hear.
    pub(super) fn send(&mut self, operation: &[u8]) {
        // What is larger than a frame would end the connection.
        if self.ended.is_some() || operation.len() > self.largest() {
            return;
        }
        // In its turn: what is sent later may rely on it.
        if self.append(operation, current_task(), None).is_ok() {
            self.mark_housekeeping();
        }
    }

    pub(super) fn has_work(&self) -> bool {
        !self.queued.is_empty() || !self.settled.is_empty() || !self.releases.is_empty()
    }

    /// The next batch to send: as much as fits a frame.
    pub(super) fn take_batch(&mut self) -> Result<Option<Bytes>, Error> {
        self.append_housekeeping()?;
        let mut batch = Vec::with_capacity(self.encoded.len().min(self.bounds.frame_bytes) + 16);
        batch::put(&mut batch, &Preamble { acknowledged_below: 0 })?;
        let begun = batch.len();
        let (mut taken, mut operations) = (0, 0);
        while let Some(next) = self.queued.front() {
            if operations > 0
                && (operations >= self.bounds.batch || batch.len() + next.bytes + 512 > self.bounds.frame_bytes)
            {
                break;
            }
            // Housekeeping has no entry, and nobody waits for its reply; a call without one was cancelled.
            let wanted = match self.in_flight.get_mut(&next.sequence) {
                Some(call) => {
                    call.sent = true;
                    true
                }
                None => next.housekeeping,
            };
            if wanted {
                batch.extend_from_slice(&self.encoded[taken..taken + next.bytes]);
                operations += 1;
            }
            taken += next.bytes;
            self.queued.pop_front();
        }
        if self.queued.is_empty() {
            self.encoded.clear();
            // What a burst needed is given back.
            self.encoded.shrink_to(256 * 1024);
        } else {
            self.encoded.drain(..taken);
        }
        self.uncrowd();
        Ok((batch.len() > begun).then(|| batch.into()))
    }

    fn append_housekeeping(&mut self) -> Result<(), Error> {
        // An acknowledged handle may be released at once: in this order.
        for operation in std::mem::take(&mut self.settled) {
            self.append_unwaited(&operation)?;
        }
        for (id, count) in std::mem::take(&mut self.releases) {
            self.append_unwaited(&Operation::Release { id, count })?;
        }
        Ok(())
    }

    fn append_unwaited(&mut self, operation: &Operation<'_>) -> Result<(), Error> {
        self.append(&operation.encode()?, 0, None)?;
        self.mark_housekeeping();
        Ok(())
    }

    fn mark_housekeeping(&mut self) {
        if let Some(last) = self.queued.back_mut() {
            last.housekeeping = true;
        }
    }

    /// A reply has come: who waits for it, if anybody still does.
    pub(super) fn answered(&mut self, sequence: u64) -> Option<oneshot::Sender<Reply>> {
        let call = self.in_flight.remove(&sequence)?;
        self.uncrowd();
        Some(call.reply)
    }

    fn uncrowd(&mut self) {
        // Once for all of them, when there is room worth waking for.
        let roomy =
            self.in_flight.len() <= self.bounds.in_flight * 3 / 4 && self.encoded.len() <= self.bounds.frame_bytes;
        if !self.crowded.is_empty() && roomy {
            self.crowded.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Answers the calls whose time is up although the service has not said so.
    pub(super) fn expire(&mut self, now: Instant) {
        let overdue: Vec<u64> = self
            .in_flight
            .iter()
            .filter(|(_, call)| call.deadline.is_some_and(|(at, _)| at <= now))
            .map(|(sequence, _)| *sequence)
            .collect();
        for sequence in overdue {
            if let Some(InFlight { reply, deadline: Some((_, after)), sent }) = self.in_flight.remove(&sequence) {
                if sent {
                    self.settled.push(Operation::Cancel { sequence });
                }
                let what = "the service".to_owned();
                let _ = reply.send(Reply::Failed(Error::DeadlineExceeded { what, after }));
            }
        }
        self.next_deadline = self.in_flight.values().filter_map(|call| Some(call.deadline?.0)).min();
        self.uncrowd();
    }

    /// What is still to be sent once the session has ended.
    pub(super) fn take_farewell(&mut self) -> Option<Bytes> {
        self.farewell.take()
    }

    pub(super) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// The session has ended: new calls get `closed`, and so do those that were never sent; of the others the outcome is
    /// `unknown`.
    pub(super) fn end(&mut self, closed: Error, unknown: &Error) {
        if self.ended.is_some() {
            return;
        }
        for (_, call) in self.in_flight.drain() {
            let error = if call.sent { unknown } else { &closed };
            let _ = call.reply.send(Reply::Failed(error.clone()));
        }
        // Of what is queued, nobody waits for anything any more: what is left is what nobody was to wait for.
        self.farewell = self.take_batch().ok().flatten();
        self.ended = Some(closed);
        self.encoded = Vec::new();
        self.queued = VecDeque::new();
        self.crowded.drain(..).for_each(Waker::wake);
    }
}
