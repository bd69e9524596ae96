//! The calls that are kept in place of an object's state.
//!
//! A call of a deterministic method can be made again. So after a large object has changed by such a call, it is enough
//! to keep the call. Once the calls since the last state would take more than that state, the state is kept again, and
//! the calls are removed: so an object takes at most about twice its state. A large state is written
//! [in the background](super::rewriting) then, before there are so many calls.
//!
//! Only objects without references are kept in this way. What an object refers to may be dropped when a call removes
//! the reference; the state from before that call could not be read any more.

use super::asked::Asked;
use super::cell::{Cell, WeakCell};
use super::sizes::Sizes;
use crate::journal::rows::calls::{CallRow, KEY_BYTES, ResultSum, RowOfCalls};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tarmem_remote::codec::Encoding;
use tarmem_remote::describe::Method;
use tarmem_storage::Batch;

/// A state of up to this many bytes is kept rather than a call: it is written once for all calls of a batch.
pub(crate) const SMALL_STATE: usize = 1 << 10;

/// More parts than there will be threads that look for changed objects at one time.
pub(super) const PARTS: usize = 64;

/// A call that can be made again.
pub(crate) struct LoggedCall<'a> {
    pub(crate) method: &'static Method,
    /// The method's version.
    pub(crate) version: u32,
    pub(crate) encoding: Encoding,
    pub(crate) args: &'a [u8],
    /// The encoded result or error.
    pub(crate) body: &'a [u8],
    /// The message of the error, if the method returned one.
    pub(crate) raised: Option<&'a str>,
    /// The number of the session that made it, if anything is kept of that, and the call's number in it.
    pub(crate) by: (u32, u64),
}

impl LoggedCall<'_> {
    fn row(&self) -> CallRow<'static> {
        CallRow {
            method: self.method.name,
            signature: (self.method.signature)().logged_id().to_le_bytes(),
            version: self.version,
            is_dynamic: self.encoding == Encoding::Dynamic,
            result: ResultSum::of(self.body, self.raised),
            by: self.by,
        }
    }
}

/// The calls of an object in one batch.
#[derive(Default)]
pub(super) struct Calls {
    /// The number of the first, if there is one.
    first: Option<u64>,
    row: RowOfCalls,
}

impl Calls {
    pub(super) fn put(&self, batch: &mut Batch, object: u64) {
        if let Some(first) = self.first {
            self.row.put(batch, object, first);
        }
    }
}

/// The calls of all objects that may be kept by calls.
pub(super) struct Logs {
    parts: [Mutex<HashMap<u64, Log>>; PARTS],
    /// How many there have been.
    count: AtomicU64,
    sizes: Sizes,
    /// Those that are to be.
    pub(super) asked: Asked,
}

/// The calls of one object since its last state, which is noted, and not small.
struct Log {
    cell: WeakCell,
    /// No other one has the same.
    id: u64,
    /// How many bytes the state takes.
    state: usize,
    /// How many bytes the calls take.
    calls: usize,
    /// The number of the first call since the state.
    first: u64,
    /// The number of the next call.
    next: u64,
    /// A change was noted that is kept by the state, or is to be: there are no more calls.
    is_outdated: bool,
    rewriting: Stage,
}

/// Whether the state is written anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotYet,
    Asked,
    Begun,
    /// It could not be.
    GivenUp,
}

/// The log for which a state is written anew.
pub(super) struct Current {
    pub(super) cell: WeakCell,
    id: u64,
}

/// What a new state takes the place of.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    /// How many bytes the new state takes.
    pub(super) state: usize,
    /// The number of the first call that stays.
    pub(super) next_call: u64,
    /// How many bytes the others take.
    pub(super) call_bytes: usize,
}

impl Log {
    /// Whether it is this one, and there may be more calls.
    fn is(&self, current: &Current) -> bool {
        self.id == current.id && !self.is_outdated
    }

    fn has_calls(&self) -> bool {
        self.next > self.first
    }

    /// Whether there is room for one more call before the state is to be kept instead. A state takes a while to be
    /// written anew, in which there is room for more: for `meanwhile` bytes at least.
    fn has_room(&self, call: &LoggedCall<'_>, meanwhile: usize) -> bool {
        let most = match self.rewriting {
            Stage::NotYet | Stage::GivenUp => self.state,
            Stage::Asked | Stage::Begun => 2 * self.state + meanwhile,
        };
        self.calls + RowOfCalls::most_bytes(call.method.name, call.args) <= most
    }
}

impl Logs {
    pub(super) fn new(sizes: Sizes) -> Self {
        let (count, asked) = (AtomicU64::new(0), Asked::default());
        Logs { parts: std::array::from_fn(|_| Mutex::default()), count, sizes, asked }
    }

    fn part(&self, object: u64) -> &Mutex<HashMap<u64, Log>> {
        &self.parts[object as usize % PARTS]
    }

    /// A log without calls.
    fn log(&self, cell: &Cell, state: usize) -> Log {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let (first, is_outdated, rewriting) = (0, false, Stage::NotYet);
        Log { cell: cell.downgrade(), id, state, calls: 0, first, next: first, is_outdated, rewriting }
    }

    /// Adds a call of the object to those of a batch. Returns false if its state has to be kept instead.
    pub(super) fn add(&self, object: u64, call: &LoggedCall<'_>, calls: &mut Calls) -> bool {
        let mut part = self.part(object).lock();
        let Some(log) = part.get_mut(&object) else { return false };
        let is_due = log.rewriting == Stage::NotYet && log.state > self.sizes.rewritten && !log.has_room(call, 0);
        if is_due && !log.is_outdated && self.asked.ask(object) {
            log.rewriting = Stage::Asked;
        }
        if log.is_outdated || !log.has_room(call, self.sizes.meanwhile) {
            log.is_outdated = true;
            return false;
        }
        let row = call.row();
        calls.first.get_or_insert(log.next);
        log.calls += calls.row.add(&row, call.args);
        log.next += 1;
        true
    }

    /// A change of the object was noted that is kept by its state.
    pub(super) fn outdate(&self, object: u64) {
        if let Some(log) = self.part(object).lock().get_mut(&object) {
            log.is_outdated = true;
        }
    }

    /// The state of the object was encoded, which takes the place of its calls. Returns whether there are any.
    /// `may_log`: calls may follow it.
    pub(super) fn encoded(&self, cell: &Cell, bytes: usize, may_log: bool) -> bool {
        let object = cell.count();
        let mut part = self.part(object).lock();
        let last = match may_log && bytes > SMALL_STATE {
            true => part.insert(object, self.log(cell, bytes)),
            false => part.remove(&object),
        };
        last.is_some_and(|log| log.has_calls())
    }

    /// The object goes on with the state and the calls of an earlier run, the first of which has the number `first`.
    pub(super) fn restored(&self, cell: &Cell, state: usize, first: u64, calls: &[(u64, Vec<u8>)]) {
        if state > SMALL_STATE || !calls.is_empty() {
            let bytes = calls.iter().map(|(_, value)| value.len()).sum::<usize>();
            let log =
                Log { calls: KEY_BYTES + bytes, first, next: first + calls.len() as u64, ..self.log(cell, state) };
            self.part(cell.count()).lock().insert(cell.count(), log);
        }
    }

    /// Nothing more is kept of the object. Returns whether it has calls.
    pub(super) fn forget(&self, object: u64) -> bool {
        self.part(object).lock().remove(&object).is_some_and(|log| log.has_calls())
    }

    /// Whether the object has calls since its last state.
    pub(super) fn has_calls(&self, object: u64) -> bool {
        self.part(object).lock().get(&object).is_some_and(|log| log.has_calls())
    }

    /// The objects that have calls since their last states.
    pub(super) fn with_calls(&self) -> Vec<Cell> {
        let cells = |part: &Mutex<HashMap<u64, Log>>| {
            let part = part.lock();
            part.values().filter(|log| log.has_calls()).filter_map(|log| log.cell.upgrade()).collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(cells).collect()
    }

    /// The object's state begins to be written anew, if that was asked for and is still of use.
    pub(super) fn begin(&self, object: u64) -> Option<Current> {
        let mut part = self.part(object).lock();
        let log = part.get_mut(&object).filter(|log| log.rewriting == Stage::Asked && !log.is_outdated)?;
        log.rewriting = Stage::Begun;
        Some(Current { cell: log.cell.clone(), id: log.id })
    }

    /// Whether a new state of the object is still of use, which was begun for this log.
    pub(super) fn is_current(&self, object: u64, current: &Current) -> bool {
        self.part(object).lock().get(&object).is_some_and(|log| log.is(current))
    }

    /// Calls `note` to note a new state, which was begun for this log, if it is still of use. Returns whether it is.
    /// `anyway`: whether it is or not.
    pub(super) fn replace(
        &self,
        object: u64,
        current: &Current,
        taken: Taken,
        anyway: bool,
        note: impl FnOnce(),
    ) -> bool {
        let mut part = self.part(object).lock();
        let Some(log) = part.get_mut(&object).filter(|log| anyway || log.is(current)) else { return false };
        note();
        (log.state, log.first, log.rewriting) = (taken.state, taken.next_call, Stage::NotYet);
        log.calls = log.calls.saturating_sub(taken.call_bytes);
        true
    }

    /// The state for this log will not be written anew. `next`: it is to be kept with the next change.
    pub(super) fn give_up(&self, object: u64, current: &Current, next: bool) {
        if let Some(log) = self.part(object).lock().get_mut(&object).filter(|log| log.is(current)) {
            log.rewriting = Stage::GivenUp;
            log.is_outdated = next;
        }
    }
}
