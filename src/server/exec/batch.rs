//! Runs the operations of a batch, one after the other, each at most once, and collects their replies.

use super::engine::Engine;
use super::request::Request;
use super::step::{Later, Step, Written, drive, entering};
use crate::faults::PlantedFault;
use crate::journal::Entered;
use crate::server::session::admission::Underway;
use crate::server::session::batch_turn::BatchTurn;
use crate::server::session::delivery::{Replies, size};
use crate::server::session::{Carrier, ServerSession, check_sequence};
use crate::server::state::deadline::Deadline;
use crate::wire::batch::{OpenReply, Outcome, Preamble, Submission};
use bytes::Bytes;
use futures::FutureExt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarmem_remote::context::{Context, Owner};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, ReplyError};
use tarmem_remote::value::take_decoded_weight;
use tokio::task::{unconstrained, yield_now};

/// How long a batch runs on its thread before those of other connections have a turn.
pub(crate) const TURN: Duration = Duration::from_millis(5);

/// How many operations run between two looks at the clock. A look takes a twentieth of what an operation does.
const LOOK: usize = 8;

/// An operation of this many bytes counts as one more.
const LOOK_BYTES: usize = 8 << 10;

/// An operation of this many bytes, which may have as many elements to decode, does not run on its connection's thread.
const LARGE: usize = 256 << 10;

/// The progress of a batch, and what its operations have in common.
struct Progress {
    arrived: Instant,
    /// When the batch's turn began. Operations that were late by then no longer begin.
    turn: Instant,
    /// The highest sequence number so far.
    last: u64,
    /// What the session has under way.
    underway: Underway,
    /// For the operation that is running now.
    context: Context,
}

/// A batch, and where it comes from.
#[derive(Clone, Copy)]
struct Batch<'a> {
    engine: &'a Arc<Engine>,
    session: &'a Arc<ServerSession>,
    /// The connection that brought it.
    carrier: Carrier,
}

impl Engine {
    /// Runs a batch of a session's operations and returns a batch of replies.
    ///
    /// # Errors
    /// If the batch is malformed: then the connection has lost its place in the stream, and ends. Or if another
    /// connection has taken its place. The replies made before that are kept for the next connection.
    ///
    /// # Cancellation
    /// The replies made before that are kept for the next connection, too.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        session: &Arc<ServerSession>,
        carrier: Carrier,
        bytes: &Bytes,
    ) -> Result<Bytes, Error> {
        let (replies, gate) = {
            // The next batch does not begin while this one lets others go first.
            let mut turn = session.batch_turn(bytes).await;
            Batch { engine: self, session, carrier }.run(&mut turn, bytes).await?
        };
        self.state.committed(gate).await;
        Ok(replies)
    }
}

impl Batch<'_> {
    /// Returns a batch of replies, and the batch of the journal that has to be on disk before they leave.
    async fn run(self, turn: &mut BatchTurn<'_>, bytes: &Bytes) -> Result<(Bytes, u64), Error> {
        let Batch { session, carrier, .. } = self;
        let (preamble, mut rest) = Preamble::take(bytes)?;
        let limits = &session.state().limits;
        let mut replies = session.replies(bytes.len());
        // How many there were, and how many since the last look at the clock.
        let (mut operations, mut unseen) = (0, 0);
        // Values that are the same for all operations, or change little, are looked up once: the clock alone is a
        // twentieth of the cost of a call.
        let mut progress = self.progress(preamble);
        session.check_received(&progress.underway)?;
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
                // The client was told how many it may send, so this is not one of ours, and an error for each of
                // millions of operations would cost more than the batch did.
                let remedy = "send the rest in another batch";
                let limit = limits.batch_operations as u64;
                break Err(Error::limit("operations in one batch", operations as u64, limit, remedy));
            }
            if let Err(error) = check_sequence(submission.sequence) {
                break Err(error);
            }
            if submission.sequence <= progress.last && !session.state().faults.has(PlantedFault::Twice) {
                // It was sent twice and runs once: its reply is on its way, or was received.
                replies.put(submission.sequence, Outcome::Pending)?;
                continue;
            }
            // Checked before the operation begins: if the connection breaks while it waits, it has never begun.
            let wants_room = progress.underway.is_full(limits) || session.is_starved();
            let _room = match wants_room && !settles(submission.operation) {
                false => None,
                true => {
                    // The replies so far go to the client now, which makes room by receiving them.
                    session.put_by(carrier, std::mem::replace(&mut replies, session.replies(rest.len())));
                    let deadline = Deadline::after_ms(progress.arrived, submission.timeout_ms);
                    let room = session.room_for(submission.sequence, carrier, deadline).await;
                    progress.turn = Instant::now();
                    progress.underway = session.underway();
                    Some(room)
                }
            };
            if !session.advance(carrier, progress.last, submission.sequence) {
                break Err(Error::malformed("connection", "its session has ended, or another one carries it now"));
            }
            progress.last = submission.sequence;
            if let Some(answered) = session.earlier_outcome(submission.sequence) {
                replies.put_answered(submission.sequence, &answered);
                continue;
            }
            if session.was_given_up(submission.sequence) {
                replies.put(submission.sequence, Outcome::Failed(Box::new(Error::Cancelled.into())))?;
                continue;
            }
            let answered = {
                let (entered, begin) = (session.state().enter(), replies.len());
                let open = replies.begin(submission.sequence);
                let mut step = self.start(&submission, &mut progress, replies.buffer());
                if let Ok(Step::Later(later)) = &mut step {
                    turn.goes_ahead(later.ahead.take());
                }
                let answered = self.answer(submission, step, open, &mut replies);
                match entered {
                    Some(entered) => self.leave(entered, submission, answered, begin, &mut replies),
                    None => answered,
                }
            };
            match answered {
                Ok(true) => {}
                Ok(false) => progress.underway = session.underway(),
                Err(error) => break Err(error),
            }
            if turn.is_taken() {
                session.put_by(carrier, std::mem::replace(&mut replies, session.replies(rest.len())));
                turn.let_ahead().await;
                progress.turn = Instant::now();
                progress.underway = session.underway();
            }
            unseen += 1 + submission.operation.len() / LOOK_BYTES;
            if unseen < LOOK {
                continue;
            }
            unseen = 0;
            if progress.turn.elapsed() > TURN {
                session.put_by(carrier, std::mem::replace(&mut replies, session.replies(rest.len())));
                yield_now().await;
                progress.turn = Instant::now();
                progress.underway = session.underway();
            }
        };
        let replies = session.deliver(carrier, replies);
        read.map(|()| replies)
    }

    fn progress(&self, preamble: Preamble) -> Progress {
        let arrived = Instant::now();
        let Batch { session, carrier, .. } = *self;
        let underway = session.begin_batch(carrier, preamble.received_below);
        let context = Context::new(Owner { session: session.id(), task: 0 }, 0, None, Arc::clone(session.host()));
        Progress { arrived, turn: arrived, last: session.last(), underway, context }
    }

    /// Ends what [`Journal::enter`] has begun for an operation: notes its reply, if it has changed anything.
    /// `answered`: the reply is there, from `begin` on.
    #[cold]
    fn leave(
        self,
        entered: Entered<'_>,
        of: Submission<'_>,
        answered: Result<bool, Error>,
        begin: usize,
        replies: &mut Replies,
    ) -> Result<bool, Error> {
        let is_answered = matches!(answered, Ok(true));
        if !is_answered || !matches!(Operation::decode(of.operation), Ok(Operation::Call { .. })) {
            // (A call says which objects it has seen.)
            entered.saw_anything();
        }
        let state = self.session.state();
        if let (true, Some(refusal)) = (is_answered, state.refusal(entered.gate())) {
            replies.replace(begin, of.sequence, Outcome::Failed(Box::new(refusal.into())))?;
            return answered;
        }
        if entered.notes() > 0 && is_answered {
            if state.faults.has(PlantedFault::OutcomeLater) {
                let gate = entered.gate();
                drop(entered);
                self.note_later(gate, of.sequence, begin, replies);
                return answered;
            }
            self.session.note_answered(of.sequence, replies.since(begin));
            replies.noted(of.sequence);
        }
        replies.wait_for(entered.gate());
        answered
    }

    /// What a service does with a planted fault: it notes an outcome in a batch of the journal after `gate`.
    #[cold]
    fn note_later(self, gate: u64, sequence: u64, begin: usize, replies: &mut Replies) {
        let state = self.session.state();
        let until = Instant::now() + TURN;
        while state.journal().is_some_and(|journal| journal.open() <= gate) && Instant::now() < until {
            std::thread::yield_now();
        }
        let entered = state.enter();
        self.session.note_answered(sequence, replies.since(begin));
        replies.noted(sequence);
        replies.wait_for(entered.map_or(0, |entered| entered.gate()));
    }

    fn start(
        self,
        submission: &Submission<'_>,
        progress: &mut Progress,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<ReplyError>> {
        let failed = |error: Error| Box::new(ReplyError::from(error));
        let operation = Operation::decode(submission.operation).map_err(failed)?;
        if !is_settling(&operation) {
            self.session.admit(&progress.underway).map_err(failed)?;
        }
        let deadline = Deadline::after_ms(progress.arrived, submission.timeout_ms);
        if deadline.at.is_some_and(|at| at < progress.turn) {
            return Err(Box::new(deadline.late()));
        }
        progress.context.renew(submission.task, submission.sequence, deadline.at);
        let request = Request {
            session: self.session,
            context: &progress.context,
            within: None,
            holding: None,
            deadline,
            result_bytes: self.session.result_bytes(),
            // (The client looks at the clock, too.)
            elsewhere: submission.operation.len() >= LARGE,
        };
        // What this thread has decoded for other calls does not count.
        take_decoded_weight();
        let gives_up = matches!(operation, Operation::Cancel { .. });
        let step = self.engine.execute(&request, operation, out);
        if gives_up {
            // The client has room for another call again, which may be the next operation.
            progress.underway = self.session.underway();
        }
        step.map_err(|error| failed(*error))
    }

    /// Ends the reply to one operation. Returns false after noting that the reply will come later.
    fn answer(
        self,
        submission: Submission<'_>,
        step: Result<Step, Box<ReplyError>>,
        open: OpenReply,
        replies: &mut Replies,
    ) -> Result<bool, Error> {
        let sequence = submission.sequence;
        let room = self.session.result_bytes().saturating_sub(replies.len() - replies.body(&open).len());
        let length = replies.body(&open).len();
        match step {
            Ok(Step::Over(Written::Result)) if length <= room => {
                let provisional = self.session.is_provisional(sequence);
                replies.done(open, provisional)?;
                Ok(true)
            }
            Ok(Step::Over(Written::Raised(message))) if length + message.len() <= room => {
                self.session.undo(sequence);
                replies.raised(open, &message)?;
                Ok(true)
            }
            // The frame is full, so this reply goes with the next poll.
            Ok(Step::Over(written)) => {
                let reply = written.into_reply(replies.body(&open));
                replies.withdraw(open);
                self.session.finish(sequence, reply);
                replies.put(sequence, Outcome::Pending)?;
                Ok(false)
            }
            Ok(Step::Later(later)) => {
                replies.withdraw(open);
                self.answer_later(submission, later, room, replies)
            }
            Err(error) => {
                // What was refused by a service that shuts down comes to the next one. The place in line that it has
                // from an earlier one stays.
                if !matches!(*error, ReplyError::Complete(Error::ShuttingDown)) {
                    self.session.undo(sequence);
                }
                replies.withdraw(open);
                replies.put(sequence, Outcome::Failed(error))?;
                Ok(true)
            }
        }
    }

    /// Like [`answer`](Self::answer), for an operation that did not finish at once.
    fn answer_later(
        self,
        submission: Submission<'_>,
        mut later: Later,
        room: usize,
        replies: &mut Replies,
    ) -> Result<bool, Error> {
        let sequence = submission.sequence;
        // Many async methods need not wait, and a contended object may be free by now. Without tokio's budget, which
        // would let the operation wait for its turn, after those that come later.
        let finished = unconstrained(&mut later.run).now_or_never();
        if let Some(journal) = self.session.state().journal() {
            journal.saw_anything();
        }
        match finished {
            Some(finished) if size(&finished) <= room => {
                self.session.waits_no_more(sequence);
                let reply = self.session.settle(sequence, finished);
                replies.put(sequence, Outcome::of(&reply))?;
                return Ok(true);
            }
            Some(finished) => self.session.finish(sequence, finished),
            // What it has decoded so far counts for as long as it waits.
            None => self.finish_later(submission, later, take_decoded_weight()),
        }
        replies.put(sequence, Outcome::Pending)?;
        Ok(false)
    }

    fn finish_later(self, submission: Submission<'_>, later: Later, decoded: usize) {
        let (sequence, cancellation) = (submission.sequence, Arc::clone(&later.cancellation));
        let deadline = Deadline::after_ms(Instant::now(), submission.timeout_ms);
        let session = Arc::clone(self.session);
        let (late, given_up) = (Arc::clone(self.session), sequence);
        let finish = drive(later, deadline, move |reply| session.finish(sequence, reply), move || late.undo(given_up));
        let finish = entering(Arc::clone(&self.engine.state), finish);
        // Counted as running before it is pending: a shutdown compares the two.
        let finish = self.engine.state.running.track_future(finish);
        self.session.pending(sequence, &cancellation, submission.operation.len() + decoded);
        // On the connection's own thread, so that no other thread has to be woken.
        tokio::spawn(finish);
    }
}

/// Whether it gives something up, or says that something has arrived: it makes room, and needs none.
fn is_settling(operation: &Operation<'_>) -> bool {
    matches!(
        operation,
        Operation::Cancel { .. } | Operation::Release { .. } | Operation::Acknowledge { .. } | Operation::Goodbye
    )
}

fn settles(operation: &[u8]) -> bool {
    Operation::decode(operation).is_ok_and(|operation| is_settling(&operation))
}
