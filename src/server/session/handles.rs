//! The objects that a session holds: a counted handle for each time that its client was told of one.

use super::ServerSession;
use crate::store::Cell;
use hashbrown::HashMap;
use std::sync::Arc;
use tarmem_remote::error::Error;
use uuid::Uuid;

pub(super) type Handles = HashMap<Uuid, Handle>;

pub(super) struct Handle {
    cell: Cell,
    count: u32,
}

impl ServerSession {
    /// Counts a handle to `cell` for this session, which is released if the result of call `sequence` never arrives.
    pub(crate) fn hold_for(self: &Arc<Self>, sequence: u64, cell: &Cell) -> Result<(), Error> {
        self.hold(cell)?;
        let (session, id) = (Arc::downgrade(self), cell.id());
        let release = move || {
            if let Some(session) = session.upgrade() {
                let _ = session.release(id, 1);
            }
        };
        self.undo_unless_received(sequence, Box::new(release));
        Ok(())
    }

    fn hold(&self, cell: &Cell) -> Result<(), Error> {
        let mut handles = self.handles.lock();
        let held = handles.len();
        let limit = self.state.limits.handles;
        match handles.get_mut(&cell.id()) {
            Some(held) => {
                held.count = held.count.checked_add(1).ok_or_else(|| {
                    Error::limit("handles to one object", u64::from(held.count), u64::from(u32::MAX), "release some")
                })?;
                self.note_handles(cell.count(), held.count);
            }
            None if held >= limit => {
                let remedy = "drop proxies of unnamed objects, or raise the service's limit";
                return Err(Error::limit("handles of this session", held as u64 + 1, limit as u64, remedy));
            }
            None => {
                handles.insert(cell.id(), Handle { cell: cell.clone(), count: 1 });
                self.note_handles(cell.count(), 1);
            }
        }
        Ok(())
    }

    /// Holds an object as an earlier run did.
    pub(in crate::server) fn restore_handles(&self, cell: &Cell, count: u32) {
        self.handles.lock().insert(cell.id(), Handle { cell: cell.clone(), count });
    }

    pub(crate) fn held(&self, id: Uuid) -> Result<Cell, Error> {
        let handles = self.handles.lock();
        handles.get(&id).map(|held| held.cell.clone()).ok_or(Error::NoSuchObject { id })
    }

    pub(crate) fn release(&self, id: Uuid, count: u32) -> Result<(), Error> {
        // The object may be dropped here, which runs user code: not under the lock.
        let _last;
        let mut handles = self.handles.lock();
        let held = handles.get_mut(&id).ok_or(Error::NoSuchObject { id })?;
        held.count = held.count.saturating_sub(count);
        self.note_handles(held.cell.count(), held.count);
        if held.count == 0 {
            _last = handles.remove(&id);
        }
        drop(handles);
        self.state.suspects.loosen();
        Ok(())
    }
}
