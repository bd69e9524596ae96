//! What is undone if its caller never gets the result, and who is told when a session ends.

use super::ServerSession;
use hashbrown::HashMap;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use tarmem_remote::context::{SessionEnded, Undo};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;

/// The undos of a session's calls, and the watchers of its end.
#[derive(Default)]
pub(super) struct Undos {
    /// The undos of results that their callers have not acknowledged yet, by sequence number.
    pub(super) by_call: HashMap<u64, Vec<Undo>>,
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

    pub(crate) fn undo(&self, sequence: u64) {
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
