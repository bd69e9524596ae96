//! What of a session outlives the service: that it is there, the outcomes of calls that its client may not have
//! received, and its handles.
//!
//! The outcome of a call is noted in the same batch of the journal as what the call changed. After a restart the client
//! sends all calls again that it has no reply to. Those with an outcome are answered with it; the others were not done,
//! and run.

use super::ServerSession;
use crate::journal::rows::{self, SessionRow};
use crate::wire::batch::{Answered, Outcome};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_storage::Batch;

/// What is kept of a session, and what an earlier run has left of it.
#[derive(Default)]
pub(super) struct Keeping {
    /// The session's number in the journal, once anything is noted there.
    number: OnceLock<u32>,
    /// The outcomes of calls of an earlier run, as they are in a batch of replies, by sequence number.
    outcomes: Mutex<BTreeMap<u64, Box<[u8]>>>,
    has_outcomes: AtomicBool,
    /// An earlier run has begun calls of which nothing is known any more.
    is_restored: AtomicBool,
    /// Nothing of it is kept any more, whatever its last calls still do. Changed and read under the journal's lock.
    is_forgotten: AtomicBool,
}

impl ServerSession {
    /// The session's number in the journal; `None` if nothing of it is kept.
    pub(crate) fn kept_as(&self) -> Option<u32> {
        let journal = self.state.journal()?;
        // A session within the process ends with it.
        let credential = self.credential.as_ref()?;
        let number = self.keeping.number.get_or_init(|| {
            let number = self.state.session_numbers.fetch_add(1, Ordering::Relaxed);
            let row = SessionRow { id: self.id, secret: self.secret(), credential: &credential.name };
            journal.note_with_next(|batch| {
                if !self.is_forgotten() {
                    rows::put_session(batch, number, &row);
                }
            });
            number
        });
        Some(*number)
    }

    /// Notes a row of the session, unless it has ended: there is no part of a session that is not there.
    fn note_of_session(&self, write: impl FnOnce(&mut Batch, u32)) {
        if let (Some(number), Some(journal)) = (self.kept_as(), self.state.journal()) {
            journal.note(|batch| {
                if !self.is_forgotten() {
                    write(batch, number);
                }
            });
        }
    }

    fn is_forgotten(&self) -> bool {
        self.keeping.is_forgotten.load(Ordering::Relaxed)
    }

    /// Notes the outcome of a call, as it is in a batch of replies.
    pub(crate) fn note_answered(&self, sequence: u64, answered: &[u8]) {
        self.note_of_session(|batch, number| rows::put_outcome(batch, number, sequence, answered));
    }

    /// Notes the outcome of a call that has finished later. Returns whether it did.
    pub(crate) fn note_reply(&self, sequence: u64, reply: &Reply) -> bool {
        if self.state.journal().is_none() || self.credential.is_none() {
            return false;
        }
        let mut answered = Vec::new();
        let put = Answered { sequence, outcome: Outcome::of(reply) }.put(&mut answered);
        if put.is_ok() {
            self.note_answered(sequence, &answered);
        }
        put.is_ok()
    }

    /// Notes the outcome of a call that is over, in the same batch as what it has changed; its reply comes later.
    pub(crate) fn note_outcome(&self, sequence: u64, outcome: &Result<Reply, Error>) {
        if self.state.journal().is_none() || self.credential.is_none() {
            return;
        }
        match outcome {
            Ok(reply) => self.note_reply(sequence, reply),
            Err(error) => self.note_reply(sequence, &Reply::failed(error.clone())),
        };
    }

    /// The client has received the outcomes of these calls.
    pub(super) fn forget_outcomes(&self, sequences: &[u64]) {
        let (Some(&number), Some(journal)) = (self.keeping.number.get(), self.state.journal()) else { return };
        journal.note_with_next(|batch| {
            for run in sequences.chunk_by(|before, after| before + 1 == *after) {
                match run {
                    [one] => rows::remove_outcome(batch, number, *one),
                    [first, .., last] => rows::remove_outcomes(batch, number, *first, last + 1),
                    [] => {}
                }
            }
        });
    }

    /// Notes how many handles the client has to an object.
    pub(super) fn note_handles(&self, object: u64, count: u32) {
        self.note_of_session(|batch, number| rows::put_handles(batch, number, object, count));
    }

    /// The session has ended, and nothing of it is kept any more.
    pub(super) fn forget_session(&self) {
        let Some(journal) = self.state.journal() else { return };
        let forget = |batch: &mut Batch| {
            self.keeping.is_forgotten.store(true, Ordering::Relaxed);
            if let Some(&number) = self.keeping.number.get() {
                rows::remove_session(batch, number);
            }
        };
        match self.keeping.number.get() {
            Some(_) => journal.note(forget),
            None => journal.note_with_next(forget),
        }
    }

    /// The session has expired: its client may still come back, and is not to believe then that nothing was done.
    /// Returns the session's number in the journal.
    pub(super) fn note_expired(&self) -> Option<u32> {
        let (&number, journal) = (self.keeping.number.get()?, self.state.journal()?);
        let row = SessionRow { id: self.id, secret: self.secret(), credential: "" };
        journal.note(|batch| rows::put_expired(batch, number, &row));
        Some(number)
    }

    /// Goes on from what an earlier run has left.
    pub(in crate::server) fn restore(&self, number: u32, outcomes: BTreeMap<u64, Box<[u8]>>) {
        let _ = self.keeping.number.set(number);
        self.keeping.has_outcomes.store(!outcomes.is_empty(), Ordering::Relaxed);
        *self.keeping.outcomes.lock() = outcomes;
        self.keeping.is_restored.store(true, Ordering::Relaxed);
    }

    /// Whether calls may have been begun of which only the client knows.
    pub(super) fn is_restored(&self) -> bool {
        self.keeping.is_restored.load(Ordering::Relaxed)
    }

    /// The outcome that call `sequence` had in an earlier run, if it had any.
    ///
    /// Calls are sent again in order: earlier ones that are not sent again have been received.
    #[inline]
    pub(crate) fn earlier_outcome(&self, sequence: u64) -> Option<Box<[u8]>> {
        if !self.keeping.has_outcomes.load(Ordering::Relaxed) {
            return None;
        }
        self.take_earlier(sequence)
    }

    #[cold]
    fn take_earlier(&self, sequence: u64) -> Option<Box<[u8]>> {
        let mut outcomes = self.keeping.outcomes.lock();
        let later = outcomes.split_off(&sequence);
        let received: Vec<u64> = std::mem::replace(&mut *outcomes, later).into_keys().collect();
        let outcome = outcomes.remove(&sequence);
        self.keeping.has_outcomes.store(!outcomes.is_empty(), Ordering::Relaxed);
        drop(outcomes);
        self.forget_outcomes(&received);
        outcome
    }
}
