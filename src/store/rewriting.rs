//! Large states that are written anew while their objects go on.
//!
//! Once there are many calls since the last state of a large object, its state is made of what is on disk: of the last
//! state and the calls. So nobody waits for it, neither who uses the object nor who waits for a commit. The pieces of
//! the new state are noted one after the other, under a version of their own. In the end, in one batch, the head of
//! the new state takes the place of the old one and of the calls that are in it; later calls stay.
//!
//! That only holds as long as the object's log is the one for which it was begun. As soon as a change is *noted* that
//! is kept by the object's state (it is encoded later), the log is outdated; when the object is dropped, or nothing is
//! noted any more, it is forgotten. From then on nothing of the rewriting may count, and its pieces are removed. This
//! is found out under the lock of the log, within the open batch, in which the new head is noted. So, with the batch of
//! the head being N:
//!
//! - A change by state that was noted before, in N or in an earlier batch, has outdated the log: there is no head. Its
//!   state may be written before or after the last pieces. It has no version, and removes all pieces there are then;
//!   those that come later are removed by the rewriting.
//! - A change by state that is noted afterwards, in N or in a later batch, is written after the head (what is noted as
//!   an [`Entry`] is put behind all rows of its batch), and removes it, its pieces, and all calls.
//! - Calls that were noted in any batch before or after the head have numbers from that on up to which the state goes:
//!   those below are in the snapshot, so their batches were committed before.

use super::calls::{Current, Taken};
use super::keeping::Keeping;
use crate::faults::PlantedFault;
use crate::journal::rows;
use crate::journal::rows::pieces::{self, Head};
use crate::journal::{Entry, Room};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tarmem_remote::registry::ClassInfo;
use tarmem_storage::Batch;

/// A state that is to be written anew.
pub(crate) struct Rewriting {
    pub(crate) object: u64,
    /// The key that the object was made for; empty if there was none.
    pub(crate) key: String,
    pub(crate) class: Arc<ClassInfo>,
    /// That of the pieces.
    version: u64,
    log: Current,
    has_pieces: bool,
}

/// A new state, and what it stands for.
pub(crate) struct NewState<'a> {
    pub(crate) state: &'a [u8],
    /// The number of the first call that is not in it.
    pub(crate) next_call: u64,
    /// How many bytes the rows of the calls take that are in it.
    pub(crate) call_bytes: usize,
}

/// What becomes of an object whose state was not written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// It is written with the change with which there are too many calls.
    WhenFull,
    /// It is written with the next change: the calls cannot be made again.
    Next,
}

/// Waits until something is committed.
pub(crate) struct Committed(mpsc::Receiver<()>);

impl Committed {
    /// Returns false if it never will be.
    pub(crate) fn wait(self) -> bool {
        self.0.recv().is_ok()
    }
}

/// Tells when its batch is committed, or dropped.
struct Tells(mpsc::Sender<()>);

impl Entry for Tells {
    fn write(&self, _: &mut Batch) {}

    fn committed(&self) {
        let _ = self.0.send(());
    }
}

impl Keeping {
    /// From now on somebody writes states anew, or not any more.
    pub(crate) fn rewrites(&self, does: bool) {
        self.changed.logs.asked.is_served(does);
    }

    /// Waits for the next state that is to be written anew. `None` if none are any more.
    pub(crate) fn next_rewriting(&self) -> Option<Rewriting> {
        loop {
            let object = self.changed.logs.asked.next()?;
            if let Some(log) = self.changed.logs.begin(object)
                && let Some(cell) = log.cell.upgrade()
            {
                let (key, class) = (cell.name().to_owned(), Arc::clone(cell.class()));
                // No earlier one had that number: something was committed since.
                let version = self.journal.open();
                return Some(Rewriting { object, key, class, version, log, has_pieces: false });
            }
        }
    }

    /// Waits for so long. Returns false, earlier, if nothing is to be written anew any more.
    pub(crate) fn pause_rewriting(&self, time: Duration) -> bool {
        self.changed.logs.asked.pause(time)
    }

    /// Whether the new state is still of use, and somebody is to write it.
    pub(crate) fn is_wanted(&self, rewriting: &Rewriting) -> bool {
        let logs = &self.changed.logs;
        let is_current = logs.is_current(rewriting.object, &rewriting.log);
        (is_current || self.faults.has(PlantedFault::MissesStates)) && logs.asked.has_server()
    }

    /// How many bytes a piece has.
    pub(crate) fn piece_bytes(&self) -> usize {
        self.changed.in_pieces.sizes.piece
    }

    /// The room on the disk.
    pub(crate) fn room(&self) -> &Room {
        self.journal.room()
    }

    /// Notes some pieces of a new state. `None` if it is of no use any more.
    pub(crate) fn note_pieces(&self, rewriting: &mut Rewriting, some: &[(u32, &[u8])]) -> Option<Committed> {
        // What is noted from here on comes after everything that was noted before it was of no use.
        let _entered = self.journal.enter();
        if self.journal.is_over() || !self.is_wanted(rewriting) {
            return None;
        }
        rewriting.has_pieces = true;
        self.changed.in_pieces.add(rewriting.object);
        self.journal.note(|batch| {
            for (index, bytes) in some {
                pieces::put(batch, rewriting.object, rewriting.version, *index, bytes);
            }
        });
        Some(self.tells())
    }

    /// Puts a new state, whose pieces are noted, in the place of the old one and of calls. `None` if it is of no use
    /// any more.
    pub(crate) fn finish_rewriting(&self, rewriting: &Rewriting, new: &NewState<'_>) -> Option<Committed> {
        let _entered = self.journal.enter();
        if self.journal.is_over() {
            return None;
        }
        let Rewriting { object, version, .. } = *rewriting;
        let head = Head::of(new.state, version, new.next_call, self.piece_bytes());
        let note = || {
            self.journal.note(|batch| {
                head.put(batch, object);
                pieces::remove_others(batch, object, version);
                rows::calls::remove_below(batch, object, new.next_call);
            });
        };
        let taken = Taken { state: new.state.len(), next_call: new.next_call, call_bytes: new.call_bytes };
        let anyway = self.faults.has(PlantedFault::MissesStates);
        let has_replaced = self.changed.logs.replace(object, &rewriting.log, taken, anyway, note);
        has_replaced.then(|| self.tells())
    }

    /// Removes what was noted of a new state.
    pub(crate) fn abandon_rewriting(&self, rewriting: &Rewriting, instead: Instead) {
        self.changed.logs.give_up(rewriting.object, &rewriting.log, instead == Instead::Next);
        if rewriting.has_pieces {
            let Rewriting { object, version, .. } = *rewriting;
            self.journal.note(|batch| pieces::remove_version(batch, object, version));
            if !rewriting.log.cell.is_alive() {
                self.changed.in_pieces.take(object);
            }
        }
    }

    /// Tells when what was noted in the open batch is committed.
    fn tells(&self) -> Committed {
        let (sender, committed) = mpsc::channel();
        self.journal.note_entry(Arc::new(Tells(sender)));
        Committed(committed)
    }
}

#[cfg(all(test, feature = "modules"))]
mod tests;
