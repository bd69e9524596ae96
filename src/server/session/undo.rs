//! What is undone if its caller never gets the result, and who is told when a session ends.

use super::ServerSession;
use crate::journal::rows;
use hashbrown::HashMap;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use tarmem_remote::context::{SessionEnded, Undo};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::value::Value;

/// The undos of a session's calls, and the watchers of its end.
#[derive(Default)]
pub(super) struct Undos {
    /// The undos of results that their callers have not acknowledged yet, by sequence number.
    pub(super) by_call: HashMap<u64, Vec<Undo>>,
    /// Those that are in the journal, too: by sequence number, which object is to undo what.
    pub(super) kept: HashMap<u64, Vec<(u64, Value)>>,
    pub(super) watchers: Vec<Weak<dyn SessionEnded>>,
    /// How many watchers were left the last time the dead ones were removed.
    pub(super) watchers_swept: usize,
    pub(super) ended: bool,
}

impl ServerSession {
    /// The caller has received the result of a provisional call.
    pub(crate) fn acknowledge(&self, sequence: u64) {
        let settled = self.take_undos(sequence);
        drop(settled);
    }

    pub(crate) fn undo_unless_received(&self, sequence: u64, undo: Undo) {
        let mut undos = self.undos.lock();
        if undos.ended {
            // The session has ended, so the result will not be received.
            drop(undos);
            undo();
        } else {
            undos.by_call.entry(sequence).or_default().push(undo);
            self.provisional.fetch_add(1, Ordering::Release);
        }
    }

    /// As [`undo_unless_received`](Self::undo_unless_received); after a restart of the service, object number `object`
    /// is asked to undo `what`.
    pub(crate) fn undo_unless_received_as(&self, sequence: u64, object: u64, what: &Value, undo: Undo) {
        if let (Some(number), Some(journal)) = (self.kept_as(), self.state.journal()) {
            let mut undos = self.undos.lock();
            if !undos.ended {
                let kept = undos.kept.entry(sequence).or_default();
                kept.push((object, what.clone()));
                match rmp_serde::to_vec_named(&*kept) {
                    Ok(bytes) => journal.note(|batch| rows::put_undos(batch, number, sequence, &bytes)),
                    Err(error) => tracing::error!("how call {sequence} is undone cannot be kept: {error}"),
                }
            }
        }
        self.undo_unless_received(sequence, undo);
    }

    /// Goes on from what an earlier run has left.
    pub(in crate::server) fn restore_undo(&self, sequence: u64, object: u64, what: Value, undo: Undo) {
        self.undos.lock().kept.entry(sequence).or_default().push((object, what));
        self.undo_unless_received(sequence, undo);
    }

    pub(crate) fn undo(&self, sequence: u64) {
        // That it is undone, and what that changes, is in one batch.
        let _entered = self.state.enter();

        for undo in self.take_undos(sequence).into_iter().flatten() {
            undo();
        }
    }

    fn take_undos(&self, sequence: u64) -> Option<Vec<Undo>> {
        if self.provisional.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut undos = self.undos.lock();
        let taken = undos.by_call.remove(&sequence)?;
        self.provisional.fetch_sub(taken.len(), Ordering::Release);
        let kept = undos.kept.remove(&sequence);
        drop(undos);
        if kept.is_some()
            && let (Some(number), Some(journal)) = (self.kept_as(), self.state.journal())
        {
            journal.note_with_next(|batch| rows::remove_undos(batch, number, sequence));
        }
        Some(taken)
    }

    pub(crate) fn is_provisional(&self, sequence: u64) -> bool {
        self.provisional.load(Ordering::Acquire) > 0 && self.undos.lock().by_call.contains_key(&sequence)
    }

    /// Marks a result that can be undone as provisional; if the call failed, undoes it at once.
    pub(crate) fn settle(&self, sequence: u64, reply: Reply) -> Reply {
        let reply = match reply {
            // Only the service's own shutdown can have stopped the call.
            reply if reply.error() == Some(&Error::Cancelled) && self.state.is_closing() => {
                Reply::failed(Error::ShuttingDown)
            }
            reply => reply,
        };
        if !self.is_provisional(sequence) {
            return reply;
        }
        match reply {
            Reply::Done(body) => Reply::Provisional(body),
            other => {
                self.undo(sequence);
                other
            }
        }
    }

    /// Tells `watcher` when the session ends. Returns false if it has ended.
    pub(crate) fn watch(&self, watcher: Weak<dyn SessionEnded>) -> bool {
        let mut undos = self.undos.lock();
        if undos.ended {
            return false;
        }
        if !undos.watchers.iter().any(|known| known.ptr_eq(&watcher)) {
            if undos.watchers.len() > 2 * undos.watchers_swept + 16 {
                undos.watchers.retain(|known| known.strong_count() > 0);
                undos.watchers_swept = undos.watchers.len();
            }
            undos.watchers.push(watcher);
        }
        true
    }
}
