//! One client's standing with the service: its handles, its calls in flight, the results it has not collected yet.
//!
//! - [`handles`]: the objects that it holds.
//! - [`undo`]: what is taken back if its caller never hears of it.

mod handles;
mod undo;

use super::engine::{Deadline, Engine, Later, Request, Step};
use super::gate::Gate;
use super::local::LocalCaller;
use crate::store::Flight;
use crate::wire::batch::{ANSWERED_OVERHEAD, Answered, CLOSING, Outcome, Preamble, ReplyHead, Submission};
use bytes::Bytes;
use futures::FutureExt;
use handles::Handles;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tarmem_remote::context::{Context, Host, Owner};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tokio::sync::Notify;
use tokio::task::unconstrained;
use undo::Undos;
use uuid::Uuid;

/// How long `collect` waits for something to answer before it answers nothing.
const LONGEST_POLL: Duration = Duration::from_secs(30);

/// A session, as the service sees it.
pub(crate) struct ServerSession {
    id: Uuid,
    engine: Arc<Engine>,
    host: Arc<dyn Host>,
    handles: Mutex<Handles>,
    calls: Mutex<Calls>,
    undos: Mutex<Undos>,
    /// Calls that have something to be undone: most have not, and need no lock to see it.
    provisional: AtomicUsize,
    /// Wakes `collect`.
    finished: Notify,
}

#[derive(Default)]
struct Calls {
    /// The highest sequence number seen; the next must be higher.
    last: u64,
    /// Answered *pending*.
    pending: HashMap<u64, Arc<Gate>>,
    /// Those among them that wait for others, for as long as it takes.
    waiting: HashSet<u64>,
    /// Finished, and not collected.
    finished: VecDeque<(u64, Reply)>,
    finished_bytes: usize,
}

/// How far a batch has come, and what its operations have in common.
struct Progress {
    arrived: Instant,
    /// The highest sequence number seen.
    last: u64,
    /// Calls that are pending or not collected.
    in_flight: usize,
    finished_bytes: usize,
    /// For the operation that runs now.
    context: Context,
}

impl Progress {
    /// What is under way now. It can only become less meanwhile, but for what the batch itself adds.
    fn note(&mut self, calls: &Calls) {
        self.in_flight = calls.pending.len() + calls.finished.len();
        self.finished_bytes = calls.finished_bytes;
    }
}

impl ServerSession {
    pub(crate) fn new(engine: &Arc<Engine>) -> Arc<Self> {
        let session = Arc::new_cyclic(|this| ServerSession {
            id: Uuid::new_v4(),
            engine: Arc::clone(engine),
            host: Arc::new(LocalCaller::of_methods(engine, this.clone())),
            handles: Mutex::default(),
            calls: Mutex::default(),
            undos: Mutex::default(),
            provisional: AtomicUsize::new(0),
            finished: Notify::new(),
        });
        engine.add_session(&session);
        session
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What the service is to a method that runs for this session.
    pub(crate) fn host(self: &Arc<Self>, within: Option<&Arc<Flight>>) -> Arc<dyn Host> {
        match within {
            None => Arc::clone(&self.host),
            Some(flight) => Arc::new(LocalCaller::of_generator(self, flight)),
        }
    }

    /// Runs a batch of operations and answers a batch of replies.
    ///
    /// # Errors
    /// If the batch cannot be read as one: then the connection has lost its way, and ends.
    pub(crate) fn submit(self: &Arc<Self>, batch: &Bytes) -> Result<Bytes, Error> {
        let (_preamble, mut rest) = Preamble::take(batch)?;
        let limits = &self.engine.limits;
        let mut replies = Vec::with_capacity(batch.len());
        self.reply_head().put(&mut replies);
        let mut scratch = Vec::new();
        let mut operations = 0;
        // What is the same for all of them, or changes little, is looked up once: the clock alone is a twentieth of what a
        // call costs.
        let mut progress = self.progress();
        let answered = loop {
            if rest.is_empty() {
                break Ok(replies.into());
            }
            let submission = match Submission::take(rest) {
                Ok((submission, more)) => {
                    rest = more;
                    submission
                }
                Err(error) => break Err(error),
            };
            operations += 1;
            scratch.clear();
            let step = if operations > limits.batch_operations {
                let remedy = "send the rest in another batch";
                let limit = limits.batch_operations as u64;
                Err(Error::limit("operations in one batch", operations as u64, limit, remedy))
            } else {
                self.start(&submission, &mut progress, &mut scratch)
            };
            match self.answer(submission, step, &scratch, &mut replies) {
                Ok(true) => {}
                Ok(false) => progress.note(&self.calls.lock()),
                Err(error) => break Err(error),
            }
        };
        self.calls.lock().last = progress.last;
        answered
    }

    fn reply_head(&self) -> ReplyHead {
        ReplyHead { flags: if self.engine.is_closing() { CLOSING } else { 0 }, number: 0 }
    }

    fn progress(&self) -> Progress {
        let calls = self.calls.lock();
        let context = Context::new(Owner { session: self.id, task: 0 }, 0, None, Arc::clone(&self.host));
        let mut progress =
            Progress { arrived: Instant::now(), last: calls.last, in_flight: 0, finished_bytes: 0, context };
        progress.note(&calls);
        progress
    }

    fn start(
        self: &Arc<Self>,
        submission: &Submission<'_>,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        // The upper half is for calls from within the process.
        if submission.sequence <= progress.last || submission.sequence >= 1 << 63 {
            let reason = format!("{} came after {}; each must be higher", submission.sequence, progress.last);
            return Err(Error::malformed("sequence number", reason));
        }
        progress.last = submission.sequence;
        let operation = Operation::decode(submission.operation)?;
        let settles =
            matches!(operation, Operation::Cancel { .. } | Operation::Release { .. } | Operation::Acknowledge { .. });
        if !settles {
            self.admit(progress)?;
        }
        let deadline = Deadline::after_ms(progress.arrived, submission.timeout_ms);
        progress.context.renew(submission.task, submission.sequence, deadline.at);
        let request = Request {
            session: self,
            context: &progress.context,
            within: None,
            deadline,
            result_bytes: self.result_bytes(),
        };
        self.engine.execute(&request, operation, out)
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
        if progress.finished_bytes >= limits.uncollected_bytes {
            let (found, limit) = (progress.finished_bytes as u64, limits.uncollected_bytes as u64);
            return Err(Error::limit("bytes of results not collected", found, limit, "collect them first"));
        }
        Ok(())
    }

    /// The largest result that fits a frame of its own.
    pub(crate) fn result_bytes(&self) -> usize {
        self.engine.limits.frame_bytes.saturating_sub(1024)
    }

    /// Puts down the reply to one operation, or that there will be one: then false.
    fn answer(
        self: &Arc<Self>,
        submission: Submission<'_>,
        step: Result<Step, Error>,
        body: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let sequence = submission.sequence;
        let room = self.result_bytes().saturating_sub(replies.len());
        let reply;
        let outcome = match step {
            // Many async methods need no waiting, and what is contended may be free by now. Without tokio's budget, which
            // would have it wait for its turn, after what comes later.
            Ok(Step::Later(mut later)) => match unconstrained(&mut later.run).now_or_never() {
                Some(finished) if size(&finished) <= room => {
                    self.calls.lock().waiting.remove(&sequence);
                    reply = self.settle(sequence, finished);
                    Outcome::of(&reply)
                }
                Some(finished) => {
                    self.finish(sequence, finished);
                    Outcome::Pending
                }
                None => {
                    self.finish_later(submission, later);
                    Outcome::Pending
                }
            },
            Ok(Step::Done) if body.len() <= room && self.is_provisional(sequence) => Outcome::Provisional(body),
            Ok(Step::Done) if body.len() <= room => Outcome::Done(body),
            Ok(Step::Raised(ref message)) if body.len() + message.len() <= room => {
                self.undo(sequence);
                Outcome::Raised { message, body }
            }
            // The frame is full: this one goes with the next poll.
            Ok(Step::Done) => {
                self.finish(sequence, Reply::Done(Bytes::copy_from_slice(body)));
                Outcome::Pending
            }
            Ok(Step::Raised(message)) => {
                self.finish(sequence, Reply::Raised { message, body: Bytes::copy_from_slice(body) });
                Outcome::Pending
            }
            Err(error) => {
                self.undo(sequence);
                Outcome::Failed(error)
            }
        };
        let answered = !matches!(outcome, Outcome::Pending);
        Answered { sequence, outcome }.put(replies)?;
        Ok(answered)
    }

    fn finish_later(self: &Arc<Self>, submission: Submission<'_>, later: Later) {
        let sequence = submission.sequence;
        self.pending(sequence, &later.gate);
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
        let gate = calls.pending.remove(&sequence);
        calls.finished_bytes += size(&reply);
        calls.finished.push_back((sequence, reply));
        drop(calls);
        self.finished.notify_one();
        // It finished and was stopped in the same moment: see `cancel`.
        if gate.is_some_and(|gate| gate.is_stopped()) {
            self.undo(sequence);
        }
    }

    /// The reply, unless the session has more results waiting than it may: then that it has.
    fn within_bounds(&self, sequence: u64, reply: Reply) -> Reply {
        let (waiting, limit) = (self.calls.lock().finished_bytes, self.engine.limits.uncollected_bytes);
        let bytes = waiting + size(&reply);
        // One may always wait: it has its own limit.
        if waiting == 0 || bytes <= limit {
            return reply;
        }
        self.undo(sequence);
        let remedy = "collect results as they come, or ask for less at one time; the call was made";
        Reply::Failed(Error::limit("bytes of results not collected", bytes as u64, limit as u64, remedy))
    }

    /// Nobody waits for a call any more: stops it if it has not begun, and takes it back if it is provisional.
    pub(crate) fn cancel(&self, sequence: u64) {
        // Under no lock: stopping wakes the call's task.
        let gate = self.calls.lock().pending.get(&sequence).map(Arc::clone);
        if gate.is_none_or(|gate| !gate.stop()) {
            self.undo(sequence);
        }
    }

    /// The call is pending.
    pub(crate) fn pending(&self, sequence: u64, gate: &Arc<Gate>) {
        self.calls.lock().pending.insert(sequence, Arc::clone(gate));
        // It may have come to wait just before it was pending, and `stop_waiting` in between.
        if self.engine.is_closing() {
            self.stop_waiting();
        }
    }

    /// A call from within the process has finished.
    pub(crate) fn finished(&self, sequence: u64) {
        let mut calls = self.calls.lock();
        calls.waiting.remove(&sequence);
        calls.pending.remove(&sequence);
    }

    /// The call waits from now on until others do something, which may never happen.
    pub(crate) fn waits(&self, sequence: u64) {
        self.calls.lock().waiting.insert(sequence);
        if self.engine.is_closing() {
            self.stop_waiting();
        }
    }

    /// Ends the calls that wait for others: a shutdown waits for what is done, and not for that.
    pub(crate) fn stop_waiting(&self) {
        let waiting: Vec<_> = {
            let calls = self.calls.lock();
            calls.waiting.iter().filter_map(|sequence| calls.pending.get(sequence)).map(Arc::clone).collect()
        };
        for gate in waiting {
            gate.stop();
        }
    }

    /// The session is gone: what has not begun never will, and what it held is given up.
    pub(crate) fn end(&self) {
        let pending: Vec<_> = self.calls.lock().pending.drain().map(|(_, gate)| gate).collect();
        for gate in pending {
            gate.stop();
        }
        let (watchers, by_call) = {
            let mut undos = self.undos.lock();
            undos.ended = true;
            (std::mem::take(&mut undos.watchers), std::mem::take(&mut undos.by_call))
        };
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            watcher.session_ended(self.id);
        }
        // What has not been acknowledged may never have been received: an item that was taken out of a queue, say. The
        // last call first, so that items come back in the order in which they were.
        let mut by_call: Vec<_> = by_call.into_iter().collect();
        by_call.sort_unstable_by_key(|(sequence, _)| Reverse(*sequence));
        for undo in by_call.into_iter().flat_map(|(_, undos)| undos) {
            undo();
        }
        let handles = std::mem::take(&mut *self.handles.lock());
        drop(handles);
        self.engine.loosen();
        self.wake();
    }

    /// What has finished since the last poll; waits until there is something.
    pub(crate) async fn collect(&self) -> Result<Bytes, Error> {
        let ready = async {
            loop {
                // `notify_one` keeps a permit, so nothing that finishes between the look and the wait is missed.
                if !self.calls.lock().finished.is_empty() || self.engine.is_closing() || self.undos.lock().ended {
                    return;
                }
                self.finished.notified().await;
            }
        };
        let _ = tokio::time::timeout(LONGEST_POLL, ready).await;
        let mut replies = Vec::new();
        self.reply_head().put(&mut replies);
        let head = replies.len();
        let limit = self.result_bytes();
        let mut calls = self.calls.lock();
        while let Some((_, reply)) = calls.finished.front() {
            let bytes = size(reply);
            if replies.len() > head && replies.len() + bytes > limit {
                break;
            }
            let Some((sequence, reply)) = calls.finished.pop_front() else { break };
            calls.finished_bytes -= bytes;
            Answered { sequence, outcome: Outcome::of(&reply) }.put(&mut replies)?;
        }
        Ok(replies.into())
    }

    /// Nothing is left to collect.
    pub(crate) fn is_collected(&self) -> bool {
        self.calls.lock().finished.is_empty()
    }

    /// The service is shutting down, or the session has ended: polls are answered at once.
    pub(crate) fn wake(&self) {
        self.finished.notify_one();
    }
}

fn size(reply: &Reply) -> usize {
    ANSWERED_OVERHEAD
        + match reply {
            Reply::Done(body) | Reply::Provisional(body) => body.len(),
            Reply::Raised { message, body } => message.len() + body.len(),
            Reply::Failed(error) => error.to_string().len() * 2,
        }
}

/// Sees an operation to its end, or to its deadline, or until it is stopped; `deliver` is called once. `undo` is called when
/// it came to its end after its deadline, so that nobody will have its result.
pub(crate) async fn drive(later: Later, deadline: Deadline, deliver: impl FnOnce(Reply), undo: impl FnOnce()) {
    let Later { mut run, gate } = later;
    tokio::select! {
        biased;
        // First: whoever has stopped it relies on it that nothing comes of it any more.
        () = gate.when_stopped() => deliver(Reply::Failed(Error::Cancelled)),
        reply = &mut run => deliver(reply),
        () = deadline.passed() => {
            let stopped = gate.stop();
            deliver(Reply::Failed(deadline.error()));
            if !stopped {
                // An exclusive method that has begun runs to its end, or its object would be left half changed.
                run.await;
                undo();
            }
        }
    }
}
