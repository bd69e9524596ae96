//! The operations of a batch, and their replies.

use super::delivery::Replies;
use super::position::{Carrier, check_sequence};
use super::{Calls, ServerSession};
use crate::config::Limits;
use crate::server::exec::deadline::Deadline;
use crate::server::exec::request::Request;
use crate::server::exec::step::{Later, Step, Written, drive};
use crate::wire::batch::{ANSWERED_OVERHEAD, OpenReply, Outcome, Preamble, Submission};
use bytes::Bytes;
use futures::FutureExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tarmem_remote::context::{Context, Owner};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tarmem_remote::value::take_decoded_weight;
use tokio::sync::oneshot;
use tokio::task::{unconstrained, yield_now};

/// How long a batch holds its thread before those of other connections have a turn.
pub(crate) const TURN: Duration = Duration::from_millis(5);

/// Operations between two looks at the clock, which takes a twentieth of what one of them does.
const LOOK: usize = 8;

/// One of so many bytes counts for another one.
const LOOK_BYTES: usize = 8 << 10;

/// An operation of so many bytes, which may be as many elements to be decoded, does not run on its connection's thread.
const LARGE: usize = 256 << 10;

/// How far a batch has come, and what its operations have in common.
struct Progress {
    arrived: Instant,
    /// When its turn began; what was late by then is not begun any more.
    turn: Instant,
    /// The highest sequence number seen.
    last: u64,
    /// Calls that are pending or not sent.
    in_flight: usize,
    /// Results that the client has not said it has.
    kept_bytes: usize,
    /// Those that were sent to it since it last said that it has some, when there were as many as may be already.
    beyond_bytes: usize,
    kept_batches: usize,
    /// Arguments of pending calls.
    waiting_bytes: usize,
    /// For the operation that runs now.
    context: Context,
}

impl Progress {
    /// What is under way now. It only becomes less meanwhile, but for what the batch itself adds.
    fn note(&mut self, calls: &Calls) {
        self.in_flight = calls.pending.len() - calls.cancelled + calls.finished.len();
        self.kept_bytes = calls.finished_bytes + calls.delivery.bytes();
        self.beyond_bytes = calls.delivery.beyond();
        self.kept_batches = calls.delivery.batches();
        self.waiting_bytes = calls.waiting_bytes;
    }

    /// The client has so much to receive that no other call may begin.
    fn is_full(&self, limits: &Limits) -> bool {
        self.kept_bytes >= limits.uncollected_bytes || self.kept_batches >= limits.uncollected_batches
    }
}

impl ServerSession {
    /// Runs a batch of operations and answers a batch of replies.
    ///
    /// # Errors
    /// If the batch cannot be read as one: then the connection has lost its way, and ends. Or if another connection has taken
    /// its place. What was done before that is kept for the next one.
    ///
    /// # Cancellation
    /// What was done by then is kept for the next connection, too.
    pub(crate) async fn submit(self: &Arc<Self>, carrier: Carrier, batch: &Bytes) -> Result<Bytes, Error> {
        // The batch after it is not begun while this one lets others go first.
        let mut turn = match self.submitting.try_lock() {
            Ok(turn) if turn.is_none() => turn,
            taken => {
                drop(taken);
                self.heed(batch);
                self.submitting.lock().await
            }
        };
        let_ahead(&mut turn).await;
        let (preamble, mut rest) = Preamble::take(batch)?;
        let limits = &self.engine.limits;
        let mut replies = Replies::new(batch.len());
        // How many there were, and how many since the last look at the clock.
        let (mut operations, mut unseen) = (0, 0);
        // What is the same for all of them, or changes little, is looked up once: the clock alone is a twentieth of what a
        // call costs.
        let mut progress = self.progress(carrier, preamble);
        self.is_received(&progress)?;
        let read = loop {
            if rest.is_empty() {
                break Ok(());
            }
            let submission = match Submission::take(rest) {
                Ok((submission, more)) => {
                    rest = more;
                    submission
                }
                Err(error) => break Err(error),
            };
            operations += 1;
            if operations > limits.batch_operations {
                // The client was told how many it may send: this is none of ours, and an error for each of millions would cost
                // more than the batch did.
                let remedy = "send the rest in another batch";
                let limit = limits.batch_operations as u64;
                break Err(Error::limit("operations in one batch", operations as u64, limit, remedy));
            }
            if let Err(error) = check_sequence(submission.sequence) {
                break Err(error);
            }
            let sent_before = submission.sequence <= progress.last;
            #[cfg(test)]
            let sent_before = sent_before && !self.engine.store.has(crate::store::Planted::Twice);
            if sent_before {
                // It was sent twice, and is made once: its reply is on its way, or was received.
                replies.put(submission.sequence, Outcome::Pending)?;
                continue;
            }
            // Before it has begun: over a connection that breaks meanwhile, it never has.
            let wants_room = progress.is_full(&self.engine.limits) || self.room.is_wanted();
            let _room = match wants_room && !settles(submission.operation) {
                false => None,
                true => {
                    // What is done already goes to the client now: it makes room by receiving it.
                    self.put_by(carrier, std::mem::replace(&mut replies, Replies::new(rest.len())));
                    let deadline = Deadline::after_ms(progress.arrived, submission.timeout_ms);
                    let room = self.room_for(submission.sequence, carrier, deadline).await;
                    progress.turn = Instant::now();
                    progress.note(&self.calls.lock());
                    Some(room)
                }
            };
            if !self.lease.position.advance(carrier, progress.last, submission.sequence) {
                break Err(Error::malformed("connection", "its session has ended, or another one carries it now"));
            }
            progress.last = submission.sequence;
            if self.room.was_given_up(submission.sequence) {
                replies.put(submission.sequence, Outcome::Failed(Error::Cancelled.into()))?;
                continue;
            }
            let open = replies.begin(submission.sequence);
            let mut step = self.start(&submission, &mut progress, replies.buffer());
            if let Ok(Step::Later(later)) = &mut step {
                *turn = later.ahead.take();
            }
            match self.answer(submission, step, open, &mut replies) {
                Ok(true) => {}
                Ok(false) => progress.note(&self.calls.lock()),
                Err(error) => break Err(error),
            }
            if turn.is_some() {
                self.put_by(carrier, std::mem::replace(&mut replies, Replies::new(rest.len())));
                let_ahead(&mut turn).await;
                progress.turn = Instant::now();
                progress.note(&self.calls.lock());
            }
            unseen += 1 + submission.operation.len() / LOOK_BYTES;
            if unseen < LOOK {
                continue;
            }
            unseen = 0;
            if progress.turn.elapsed() > TURN {
                self.put_by(carrier, std::mem::replace(&mut replies, Replies::new(rest.len())));
                yield_now().await;
                progress.turn = Instant::now();
                progress.note(&self.calls.lock());
            }
        };
        let replies = self.deliver(carrier, replies);
        read.map(|()| replies)
    }

    fn progress(&self, carrier: Carrier, preamble: Preamble) -> Progress {
        let arrived = Instant::now();
        self.hear();
        let mut calls = self.calls.lock();
        self.received(carrier, &mut calls, preamble.received_below);
        let context = Context::new(Owner { session: self.id, task: 0 }, 0, None, Arc::clone(&self.host));
        let last = self.lease.position.last();
        let mut progress = Progress {
            arrived,
            turn: arrived,
            last,
            in_flight: 0,
            kept_bytes: 0,
            beyond_bytes: 0,
            kept_batches: 0,
            waiting_bytes: 0,
            context,
        };
        progress.note(&calls);
        progress
    }

    fn start(
        self: &Arc<Self>,
        submission: &Submission<'_>,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let operation = Operation::decode(submission.operation)?;
        if !is_settling(&operation) {
            self.admit(progress)?;
        }
        let deadline = Deadline::after_ms(progress.arrived, submission.timeout_ms);
        if deadline.at.is_some_and(|at| at < progress.turn) {
            return Err(deadline.error().into());
        }
        progress.context.renew(submission.task, submission.sequence, deadline.at);
        let request = Request {
            session: self,
            context: &progress.context,
            within: None,
            holding: None,
            deadline,
            result_bytes: self.result_bytes(),
            // (Its client looks at the clock, too.)
            elsewhere: submission.operation.len() >= LARGE,
        };
        // What this thread has decoded for others is none of it.
        take_decoded_weight();
        let gives_up = matches!(operation, Operation::Cancel { .. });
        let step = self.engine.execute(&request, operation, out);
        if gives_up {
            // The client has room again for another one, which may be the next operation.
            progress.note(&self.calls.lock());
        }
        step
    }

    /// Whether the client says that it has its replies. Of one that does not, calls do not begin, but what always may (to cancel,
    /// to release, to acknowledge) is replied to. So at some point nothing is heard any more. Nobody comes to that who reads: the
    /// answer to a poll is all that may be on its way to it beyond the limit.
    ///
    /// # Errors
    /// If it does not: the connection ends.
    fn is_received(&self, progress: &Progress) -> Result<(), Error> {
        let limits = &self.engine.limits;
        let bytes = limits.uncollected_bytes.saturating_add(limits.frame_bytes);
        let batches = limits.uncollected_batches.saturating_mul(2);
        let kept = [
            ("bytes of replies not acknowledged", progress.beyond_bytes, bytes),
            ("batches of replies not acknowledged", progress.kept_batches, batches),
        ];
        for (what, found, limit) in kept {
            if found > limit {
                let remedy = "say with each batch which replies have been received";
                return Err(Error::limit(what, found as u64, limit as u64, remedy));
            }
        }
        Ok(())
    }

    /// Whether another call may begin.
    fn admit(&self, progress: &Progress) -> Result<(), Error> {
        if self.engine.is_closing() {
            return Err(Error::ShuttingDown);
        }
        let limits = &self.engine.limits;
        let in_flight = progress.in_flight;
        if in_flight >= limits.calls_in_flight {
            let (found, limit) = (in_flight as u64 + 1, limits.calls_in_flight as u64);
            return Err(Error::limit("calls in flight in this session", found, limit, "await some first"));
        }
        if progress.waiting_bytes >= limits.waiting_bytes {
            let (found, limit) = (progress.waiting_bytes as u64, limits.waiting_bytes as u64);
            let what = "bytes of arguments of calls that wait in this session";
            return Err(Error::limit(what, found, limit, "await some first"));
        }
        let (found, limit) = (self.provisional.load(Ordering::Relaxed), limits.unacknowledged);
        if found >= limit {
            let remedy = "acknowledge those that have arrived first";
            return Err(Error::limit("results not acknowledged", found as u64 + 1, limit as u64, remedy));
        }
        let (found, limit) = (self.engine.held_bytes.load(Ordering::Relaxed), limits.held_bytes);
        if found >= limit {
            let what = "bytes that the service holds for all sessions";
            return Err(Error::limit(
                what,
                found as u64,
                limit as u64,
                "try again later, or raise the service's limit",
            ));
        }
        Ok(())
    }

    /// The largest result that fits a frame of its own.
    pub(crate) fn result_bytes(&self) -> usize {
        self.frame_bytes.load(Ordering::Relaxed).saturating_sub(1024)
    }

    /// Closes the reply to one operation, or puts down that there will be one: then false.
    fn answer(
        self: &Arc<Self>,
        submission: Submission<'_>,
        step: Result<Step, Box<Error>>,
        open: OpenReply,
        replies: &mut Replies,
    ) -> Result<bool, Error> {
        let sequence = submission.sequence;
        let room = self.result_bytes().saturating_sub(replies.len() - replies.body(&open).len());
        let length = replies.body(&open).len();
        match step {
            Ok(Step::Over(Written::Result)) if length <= room => {
                let provisional = self.is_provisional(sequence);
                replies.done(open, provisional)?;
                Ok(true)
            }
            Ok(Step::Over(Written::Raised(message))) if length + message.len() <= room => {
                self.undo(sequence);
                replies.raised(open, &message)?;
                Ok(true)
            }
            // The frame is full: this one goes with the next poll.
            Ok(Step::Over(written)) => {
                let reply = written.into_reply(replies.body(&open));
                replies.withdraw(open);
                self.finish(sequence, reply);
                replies.put(sequence, Outcome::Pending)?;
                Ok(false)
            }
            Ok(Step::Later(later)) => {
                replies.withdraw(open);
                self.answer_later(submission, later, room, replies)
            }
            Err(error) => {
                self.undo(sequence);
                replies.withdraw(open);
                replies.put(sequence, Outcome::Failed(error))?;
                Ok(true)
            }
        }
    }

    /// As [`answer`](Self::answer), for an operation that did not come to its end at once.
    fn answer_later(
        self: &Arc<Self>,
        submission: Submission<'_>,
        mut later: Later,
        room: usize,
        replies: &mut Replies,
    ) -> Result<bool, Error> {
        let sequence = submission.sequence;
        // Many async methods need no waiting, and what is contended may be free by now. Without tokio's budget, which would
        // have it wait for its turn, after what comes later.
        match unconstrained(&mut later.run).now_or_never() {
            Some(finished) if size(&finished) <= room => {
                self.calls.lock().waiting.remove(&sequence);
                let reply = self.settle(sequence, finished);
                replies.put(sequence, Outcome::of(&reply))?;
                return Ok(true);
            }
            Some(finished) => self.finish(sequence, finished),
            // What it has decoded by now it keeps as long as it waits.
            None => self.finish_later(submission, later, take_decoded_weight()),
        }
        replies.put(sequence, Outcome::Pending)?;
        Ok(false)
    }

    fn finish_later(self: &Arc<Self>, submission: Submission<'_>, later: Later, decoded: usize) {
        let sequence = submission.sequence;
        self.pending(sequence, &later.cancellation, submission.operation.len() + decoded);
        let deadline = Deadline::after_ms(Instant::now(), submission.timeout_ms);
        let session = Arc::clone(self);
        let (late, given_up) = (Arc::clone(self), sequence);
        let finish = drive(later, deadline, move |reply| session.finish(sequence, reply), move || late.undo(given_up));
        // On the connection's own thread: what is woken there needs no other thread to be woken.
        tokio::spawn(self.engine.running.track_future(finish));
    }

    /// A call that was answered *pending* has finished.
    fn finish(&self, sequence: u64, reply: Reply) {
        let reply = self.settle(sequence, reply);
        let reply = self.within_bounds(sequence, reply);
        let mut calls = self.calls.lock();
        calls.waiting.remove(&sequence);
        if self.lease.position.is_over() {
            // Nobody will ever ask for it.
            drop(calls);
            return self.undo(sequence);
        }
        let cancelled = calls.pending.get(&sequence).is_some_and(|pending| pending.cancelled);
        let cancellation = self.no_longer_pending(&mut calls, sequence);
        if cancelled {
            // Nobody waits for it, and it counts as none.
            drop(calls);
            return self.undo(sequence);
        }
        let bytes = size(&reply);
        calls.finished_bytes += bytes;
        self.engine.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        calls.finished.push_back((sequence, reply));
        drop(calls);
        self.finished.notify_one();
        // It finished and was stopped in the same moment: see `cancel`.
        if cancellation.is_some_and(|cancellation| cancellation.is_stopped()) {
            self.undo(sequence);
        }
    }
}

/// Waits until the operation is in line that goes ahead.
async fn let_ahead(turn: &mut Option<oneshot::Receiver<()>>) {
    if let Some(ahead) = turn {
        // Whoever drops the sender says no more than that.
        let _ = ahead.await;
        *turn = None;
    }
}

/// It gives something up, or says that something has arrived: it makes room, and needs none.
fn is_settling(operation: &Operation<'_>) -> bool {
    matches!(
        operation,
        Operation::Cancel { .. } | Operation::Release { .. } | Operation::Acknowledge { .. } | Operation::Goodbye
    )
}

fn settles(operation: &[u8]) -> bool {
    Operation::decode(operation).is_ok_and(|operation| is_settling(&operation))
}

pub(super) fn size(reply: &Reply) -> usize {
    ANSWERED_OVERHEAD
        + match reply {
            Reply::Done(body) | Reply::Provisional(body) => body.len(),
            Reply::Raised(raised) => raised.message.len() + raised.body.len(),
            Reply::Failed(error) => error.to_string().len() * 2,
        }
}
