//! The calls that are kept in place of an object's state.
//!
//! A call of a deterministic method can be made again. So after a large object has changed by such a call, it is enough
//! to keep the call. Once the calls since the last state would take more than that state, the state is kept again, and
//! the calls are removed: so an object takes at most about twice its state.
//!
//! Only objects without references are kept in this way. What an object refers to may be dropped when a call removes
//! the reference; the state from before that call could not be read any more.

use super::cell::{Cell, WeakCell};
use crate::journal::rows::calls::{self, CallRow, KEY_BYTES, ResultSum};
use hashbrown::HashMap;
use parking_lot::Mutex;
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
    fn encode(&self) -> Vec<u8> {
        let row = CallRow {
            method: self.method.name,
            signature: (self.method.signature)().logged_id().to_le_bytes(),
            version: self.version,
            is_dynamic: self.encoding == Encoding::Dynamic,
            result: ResultSum::of(self.body, self.raised),
            by: self.by,
        };
        row.encode(self.args)
    }
}

/// The calls of all objects that may be kept by calls.
pub(super) struct Logs {
    parts: [Mutex<HashMap<u64, Log>>; PARTS],
}

/// The calls of one object since its last state, which is noted, and not small.
struct Log {
    cell: WeakCell,
    /// How many bytes the state takes.
    state: usize,
    /// How many bytes the calls take.
    calls: usize,
    /// The number of the next call.
    next: u64,
}

impl Logs {
    pub(super) fn new() -> Self {
        Logs { parts: std::array::from_fn(|_| Mutex::default()) }
    }

    fn part(&self, object: u64) -> &Mutex<HashMap<u64, Log>> {
        &self.parts[object as usize % PARTS]
    }

    /// Adds a call of the object to `rows`. Returns false if its state has to be kept instead.
    pub(super) fn add(&self, object: u64, call: &LoggedCall<'_>, rows: &mut Batch) -> bool {
        let mut part = self.part(object).lock();
        let Some(log) = part.get_mut(&object) else { return false };
        if log.calls + call.args.len() > log.state {
            return false;
        }
        let value = call.encode();
        let bytes = KEY_BYTES + value.len();
        if log.calls + bytes > log.state {
            return false;
        }
        calls::put(rows, object, log.next, &value);
        log.next += 1;
        log.calls += bytes;
        true
    }

    /// The state of the object was encoded, which takes the place of its calls. Returns whether there are any.
    /// `may_log`: calls may follow it.
    pub(super) fn encoded(&self, cell: &Cell, bytes: usize, may_log: bool) -> bool {
        let object = cell.count();
        let mut part = self.part(object).lock();
        if may_log && bytes > SMALL_STATE {
            let log = Log { cell: cell.downgrade(), state: bytes, calls: 0, next: 0 };
            return part.insert(object, log).is_some_and(|log| log.next > 0);
        }
        part.remove(&object).is_some_and(|log| log.next > 0)
    }

    /// The object goes on with the state and the calls of an earlier run.
    pub(super) fn restored(&self, cell: &Cell, state: usize, calls: &[(u64, Vec<u8>)]) {
        if state > SMALL_STATE || !calls.is_empty() {
            let bytes = calls.iter().map(|(_, value)| KEY_BYTES + value.len()).sum();
            let log = Log { cell: cell.downgrade(), state, calls: bytes, next: calls.len() as u64 };
            self.part(cell.count()).lock().insert(cell.count(), log);
        }
    }

    /// Nothing more is kept of the object. Returns whether it has calls.
    pub(super) fn forget(&self, object: u64) -> bool {
        self.part(object).lock().remove(&object).is_some_and(|log| log.next > 0)
    }

    /// Whether the object has calls since its last state.
    pub(super) fn has_calls(&self, object: u64) -> bool {
        self.part(object).lock().get(&object).is_some_and(|log| log.next > 0)
    }

    /// The objects that have calls since their last states.
    pub(super) fn with_calls(&self) -> Vec<Cell> {
        let cells = |part: &Mutex<HashMap<u64, Log>>| {
            let part = part.lock();
            part.values().filter(|log| log.next > 0).filter_map(|log| log.cell.upgrade()).collect::<Vec<_>>()
        };
        self.parts.iter().flat_map(cells).collect()
    }
}
