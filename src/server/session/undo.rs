//! What is taken back if its caller never hears of it, and who is told when a session ends.

use super::ServerSession;
use hashbrown::HashMap;
use std::sync::Weak;
use std::sync::atomic::Ordering;
use tarmem_remote::context::{SessionEnded, Undo};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;

/// What is to be taken back, and who is to be told.
#[derive(Default)]
pub(super) struct Undos {
    /// What takes back the results that their callers have not acknowledged yet, by sequence number.
    pub(super) by_call: HashMap<u64, Vec<Undo>>,
    pub(super) watchers: Vec<Weak<dyn SessionEnded>>,
    /// The watchers that there were when the dead among them were last left out.
    pub(super) watchers_swept: usize,
    pub(super) ended: bool,
}

impl ServerSession {
    /// The result of a provisional call has arrived.
    pub(crate) fn acknowledge(&self, sequence: u64) {
        let settled = self.take_undos(sequence);
        drop(settled);
    }

    pub(crate) fn undo_unless_received(&self, sequence: u64, undo: Undo) {
        let mut undos = self.undos.lock();
        if undos.ended {
            // Nobody will hear of anything any more.
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

    /// A result that can be taken back is provisional; what was done for a call that failed is taken back at once.
    pub(crate) fn settle(&self, sequence: u64, reply: Reply) -> Reply {
        let reply = match reply {
            // Nobody but the service itself has stopped it.
            Reply::Failed(error) if *error == Error::Cancelled && self.state.is_closing() => {
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

    /// Tells `watcher` when the session ends; false if it has.
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
