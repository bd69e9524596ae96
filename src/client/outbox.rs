//! What waits to be sent, and what waits for a reply.
//!
//! - [`endings`]: what becomes of that when a connection ends, or a session.

mod endings;

use super::crowd::{Crowd, earlier};
use super::received::Received;
use super::window::{Slot, Waiting, Window};
use crate::wire::batch::{Preamble, SUBMISSION_OVERHEAD, Submission};
use bytes::Bytes;
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tarmem_remote::body::Body;
use tarmem_remote::call::{Terms, current_task};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
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

/// The calls of a session: those that wait to be sent, and those that wait for a reply.
pub(super) struct Outbox {
    bounds: Bounds,
    /// `Some` once the session has ended.
    ended: Option<Error>,
    window: Window,
    /// Calls that were sent over a connection that broke, and did not arrive; the first ones first.
    again: VecDeque<u64>,
    /// Batches of replies that have arrived.
    received: Received,
    /// The first number that was not sent.
    unsent: u64,
    /// What waits to be sent, in bytes.
    unsent_bytes: usize,
    /// When the first of those came.
    gathering_since: Instant,
    /// Calls that wait for a reply.
    in_flight: usize,
    /// No call is overdue before this.
    next_deadline: Option<Instant>,
    /// Handles to give up, with their counts.
    releases: HashMap<Uuid, u32>,
    /// What the service is to know about earlier calls.
    settled: Vec<Operation<'static>>,
    crowd: Crowd,
    /// What is still to be sent when the session ends here: locks to release, results to acknowledge.
    farewell: Option<Bytes>,
}

/// What became of a call that was handed over.
pub(super) enum Pushed {
    Waiting {
        sequence: u64,
        /// Nothing was in line before it.
        first: bool,
    },
    Refused(Error),
    Crowded,
}

impl Outbox {
    pub(super) fn new(bounds: Bounds) -> Self {
        let window = Window::new();
        Outbox {
            bounds,
            ended: None,
            unsent: window.next(),
            window,
            again: VecDeque::new(),
            received: Received::default(),
            unsent_bytes: 0,
            gathering_since: Instant::now(),
            in_flight: 0,
            next_deadline: None,
            releases: HashMap::new(),
            settled: Vec::new(),
            crowd: Crowd::default(),
            farewell: None,
        }
    }

    /// Puts a call in line, which is taken out of `operation`; `waker` is woken when its reply is there.
    pub(super) fn push(
        &mut self,
        operation: &mut Body,
        timeout: Option<Duration>,
        terms: Terms,
        waker: &Waker,
    ) -> Pushed {
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
        if self.in_flight >= self.bounds.in_flight || self.unsent_bytes >= 2 * limit {
            let left = timeout.map(|timeout| timeout.saturating_sub(terms.waited));
            if left.is_some_and(|left| left.is_zero()) {
                // The call knows what was late, and fills it in.
                let after = timeout.unwrap_or_default();
                return Pushed::Refused(Error::DeadlineExceeded { what: String::new(), after });
            }
            let deadline = left.and_then(|left| Instant::now().checked_add(left));
            self.crowd.join(waker, deadline);
            self.next_deadline = earlier(self.next_deadline, deadline);
            return Pushed::Crowded;
        }
        let timeout = timeout.map(|timeout| timeout.saturating_sub(terms.waited));
        let first = self.unsent == self.window.next();
        // One look at the clock for all that gather behind the first: it is a twentieth of what a call costs.
        if first {
            self.gathering_since = Instant::now();
        }
        let deadline = timeout.and_then(|after| self.gathering_since.checked_add(after)?.checked_add(GRACE));
        self.next_deadline = earlier(self.next_deadline, deadline);
        self.in_flight += 1;
        // What was given up before makes room for this one: the service is to know it first. (It is plain data.)
        if !self.settled.is_empty() {
            let _ = self.append_settled();
        }
        let sequence = self.append(Waiting {
            operation: std::mem::take(operation),
            task: current_task(),
            timeout,
            deadline,
            idempotent: terms.idempotent,
            sent: false,
            waker: Some(waker.clone()),
        });
        Pushed::Waiting { sequence, first }
    }

    /// The largest operation that fits a frame, in bytes.
    fn largest(&self) -> usize {
        self.bounds.frame_bytes.saturating_sub(1024)
    }

    fn append(&mut self, call: Waiting) -> u64 {
        self.unsent_bytes += call.operation.len();
        self.window.push(call, self.unsent)
    }

    /// One of whose outcome nobody will hear.
    fn append_unheard(&mut self, operation: Body, task: u64) {
        let (timeout, deadline, waker) = (None, None, None);
        self.append(Waiting { operation, task, timeout, deadline, idempotent: false, sent: false, waker });
    }

    /// The reply to a call, if it has come; otherwise `cx` is woken when it does.
    pub(super) fn poll_reply(
        &mut self,
        cx: &mut Context<'_>,
        sequence: u64,
        operation: &mut Option<Box<Body>>,
    ) -> Poll<Reply> {
        let reply = match self.window.get_mut(sequence) {
            Some(slot @ Slot::Answered(..)) => {
                let Slot::Answered(reply, made) = std::mem::replace(slot, Slot::Over) else { return Poll::Pending };
                *operation = made;
                self.window.is_over(sequence);
                reply
            }
            Some(Slot::Waiting(call)) => {
                match &mut call.waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    none => *none = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            Some(Slot::Over) | None => return Poll::Ready(Reply::failed(Error::Cancelled)),
        };
        if matches!(reply, Reply::Provisional(_)) && self.ended.is_none() {
            self.settled.push(Operation::Acknowledge { sequence });
        }
        Poll::Ready(reply)
    }

    /// Nobody waits for this call any more.
    pub(super) fn cancel(&mut self, sequence: u64) {
        match self.window.remove(sequence) {
            Some(Slot::Waiting(call)) => {
                self.in_flight -= 1;
                // If it was not sent, it never will be.
                if !call.sent {
                    self.unsent_bytes -= call.operation.len();
                    return self.uncrowd();
                }
            }
            // It has answered, but the answer may be one that is to be undone.
            Some(Slot::Answered(Reply::Provisional(_), _)) => {}
            _ => return,
        }
        if self.ended.is_none() {
            self.settled.push(Operation::Cancel { sequence });
        }
        self.uncrowd();
    }

    /// Nobody waits for this call any more, but it is to be made.
    pub(super) fn forget(&mut self, sequence: u64) {
        match self.window.get_mut(sequence) {
            Some(Slot::Waiting(call)) => {
                call.waker = None;
                self.in_flight -= 1;
                self.uncrowd();
            }
            Some(Slot::Answered(..)) => self.cancel(sequence),
            Some(Slot::Over) | None => {}
        }
    }

    /// Gives up a handle.
    pub(super) fn release(&mut self, id: Uuid) {
        if self.ended.is_some() {
            return;
        }
        *self.releases.entry(id).or_default() += 1;
    }

    /// Puts an operation in line of whose outcome nobody will hear.
    pub(super) fn send(&mut self, operation: Body) {
        // What is larger than a frame would end the connection.
        if self.ended.is_none() && operation.len() <= self.largest() {
            // In its turn: what is sent later may rely on it.
            self.append_unheard(operation, current_task());
        }
    }

    pub(super) fn has_work(&self) -> bool {
        self.unsent < self.window.next()
            || !self.again.is_empty()
            || !self.settled.is_empty()
            || !self.releases.is_empty()
    }

    /// What every request begins with.
    pub(super) fn preamble(&self) -> Bytes {
        let mut preamble = Vec::new();
        Preamble { received_below: self.received.below }.put(&mut preamble);
        preamble.into()
    }

    /// Whether there is a batch to send, with what the service is to know first.
    pub(super) fn has_batch(&mut self) -> Result<bool, Error> {
        self.append_housekeeping()?;
        // One that was cancelled before it was sent is over.
        while let Some(sequence) = self.next_to_send()
            && !matches!(self.window.get_mut(sequence), Some(Slot::Waiting(_)))
        {
            self.pass_over();
        }
        Ok(self.next_to_send().is_some())
    }

    /// The first call to send.
    fn next_to_send(&self) -> Option<u64> {
        self.again.front().copied().or_else(|| self.next_unsent())
    }

    /// Goes on to the next call to send.
    fn pass_over(&mut self) {
        if self.again.pop_front().is_none() {
            self.unsent += 1;
        }
    }

    /// Appends the next batch to send: as much as fits a frame.
    pub(super) fn put_batch(&mut self, batch: &mut Vec<u8>) {
        let start = batch.len();
        let operations = usize::try_from(self.window.next() - self.unsent).unwrap_or(usize::MAX);
        let most = self.unsent_bytes + operations.saturating_mul(SUBMISSION_OVERHEAD) + 16;
        batch.reserve(most.min(self.bounds.frame_bytes));
        Preamble { received_below: self.received.below }.put(batch);
        let mut operations = 0;
        while let Some(sequence) = self.next_to_send() {
            if let Some(Slot::Waiting(call)) = self.window.get_mut(sequence) {
                let full = operations >= self.bounds.batch
                    || batch.len() - start + call.operation.len() + SUBMISSION_OVERHEAD > self.bounds.frame_bytes;
                if operations > 0 && full {
                    break;
                }
                let timeout = if self.again.is_empty() { call.timeout } else { call.time_left() };
                Submission { sequence, task: call.task, timeout_ms: timeout.map(in_ms), operation: &call.operation }
                    .put(batch);
                call.sent = true;
                self.unsent_bytes -= call.operation.len();
                operations += 1;
            }
            self.pass_over();
        }
        self.uncrowd();
    }

    fn next_unsent(&self) -> Option<u64> {
        (self.unsent < self.window.next()).then_some(self.unsent)
    }

    fn append_housekeeping(&mut self) -> Result<(), Error> {
        // An acknowledged handle may be released at once: in this order.
        self.append_settled()?;
        for (id, count) in std::mem::take(&mut self.releases) {
            self.append_unheard(Operation::Release { id, count }.encode()?, 0);
        }
        Ok(())
    }

    fn append_settled(&mut self) -> Result<(), Error> {
        for operation in std::mem::take(&mut self.settled) {
            self.append_unheard(operation.encode()?, 0);
        }
        Ok(())
    }

    /// A reply has come; who waits for it, if anybody still does.
    pub(super) fn answered(&mut self, sequence: u64, reply: Reply) -> Option<Waker> {
        if let Some(slot) = self.window.get_mut(sequence)
            && let Slot::Waiting(call) = slot
        {
            if let Some(waker) = call.waker.take() {
                let operation =
                    matches!(reply, Reply::Failed(_)).then(|| Box::new(std::mem::take(&mut call.operation)));
                *slot = Slot::Answered(reply, operation);
                self.in_flight -= 1;
                self.uncrowd();
                return Some(waker);
            }
            self.window.remove(sequence);
        }
        // Given up in the meantime: what it brought is to be undone.
        let given_up = !matches!(self.window.get_mut(sequence), Some(Slot::Answered(..)));
        if given_up && matches!(reply, Reply::Provisional(_)) && self.ended.is_none() {
            self.settled.push(Operation::Cancel { sequence });
        }
        None
    }

    fn uncrowd(&mut self) {
        // Once for all of them, when there is room worth waking for.
        let roomy = self.in_flight <= self.bounds.in_flight * 3 / 4 && self.unsent_bytes <= self.bounds.frame_bytes;
        if !self.crowd.is_empty() && roomy {
            self.crowd.let_in();
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Answers the calls whose time is up although the service has not said so; who waits for them.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Waker> {
        self.next_deadline = self.crowd.expire(now);
        let mut overdue = Vec::new();
        for (sequence, slot) in self.window.waiting() {
            let Slot::Waiting(Waiting { timeout: Some(after), deadline: Some(at), sent, waker, operation, .. }) = slot
            else {
                continue;
            };
            if *at > now {
                self.next_deadline = earlier(self.next_deadline, Some(*at));
                continue;
            }
            let Some(waker) = waker.take() else { continue };
            if *sent {
                self.settled.push(Operation::Cancel { sequence });
            } else {
                self.unsent_bytes -= operation.len();
            }
            self.in_flight -= 1;
            overdue.push(waker);
            // The call knows what was late, and fills it in.
            let error = Error::DeadlineExceeded { what: String::new(), after: *after };
            *slot = Slot::Answered(Reply::failed(error), Some(Box::new(std::mem::take(operation))));
        }
        self.uncrowd();
        overdue
    }

    /// What is still to be sent once the session has ended.
    pub(super) fn take_farewell(&mut self) -> Option<Bytes> {
        self.farewell.take()
    }

    pub(super) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// A batch of replies has arrived; false if it had before.
    pub(super) fn received(&mut self, number: u64) -> bool {
        self.received.add(number)
    }

    /// All batches below this number have arrived.
    pub(super) fn received_below(&self) -> u64 {
        self.received.below
    }

    /// How many batches of replies have arrived over all connections.
    pub(super) fn count_received(&self) -> u64 {
        self.received.count
    }
}

/// In milliseconds, rounded up: a timeout of half a one is not none.
fn in_ms(time: Duration) -> u64 {
    let rest = time.subsec_nanos().div_ceil(1_000_000);
    time.as_secs().saturating_mul(1000).saturating_add(u64::from(rest))
}
