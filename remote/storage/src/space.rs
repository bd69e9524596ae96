//! What the keeper does so that the disk does not get full: after a write that fails nothing more can be written.

use crate::directory::{RESERVE, spare_name};
use crate::error::StorageError;
use crate::keeper::Keeper;
use crate::options::{SMALL_SEGMENT, free_bytes, segment_bytes};

/// What the disk should have left after what is known to be written: for what the states write besides.
const MARGIN: u64 = 2 << 20;

/// How many segments may wait to be folded when another one is closed before it is full. Small ones of that number take
/// a quarter of what is kept in reserve by default.
const FEW: usize = 128;

impl Keeper {
    /// Whether the disk has so little left that nothing is made ahead, and nothing is kept to be used again.
    pub(crate) fn is_short(&self) -> bool {
        let missing = if self.work().reserved { 0 } else { self.options.reserve_bytes };
        let wanted = segment_bytes(&*self.disk, &self.options, 0) + 2 * self.options.reserve_bytes + missing;
        free_bytes(&*self.disk).is_some_and(|free| free < wanted)
    }

    /// How large a segment is that has to be made now, with at least `least` bytes.
    pub(crate) fn bytes_of_next(&self, least: u64) -> Result<u64, StorageError> {
        let bytes = segment_bytes(&*self.disk, &self.options, least);
        // If there is no room at all, what is needed may just fit.
        Ok(if self.give_back_for(bytes + SMALL_SEGMENT, 0)? { bytes } else { least })
    }

    /// Whether the active segment can be closed before it is full, so that it is folded.
    pub(crate) fn can_settle(&self) -> Result<bool, StorageError> {
        let work = self.work();
        if work.sealed.len() >= FEW || work.sealed_bytes > self.options.log_bytes {
            return Ok(false);
        }
        let has_next = work.fresh.is_some() || work.making;
        drop(work);
        Ok(has_next || self.give_back_for(2 * SMALL_SEGMENT, 0)?)
    }

    /// Whether there is so much room that changes of the states that write at most this much can be made in large
    /// pieces, without looking for room before each one.
    pub(crate) fn has_plenty_for(&self, bytes: u64) -> bool {
        free_bytes(&*self.disk).is_none_or(|free| free >= bytes + 2 * self.options.reserve_bytes + MARGIN)
    }

    /// Sees to it that a change of the states that writes at most this much does not fail. Returns whether it can be
    /// made.
    pub(crate) fn make_room_to_fold(&self, bytes: u64) -> Result<bool, StorageError> {
        // What was removed is free inside the file. Its pages are half full at least, and the free ones may be in
        // places where not every value fits.
        let inside = self.states.bytes().saturating_sub(2 * self.states.value_bytes()) / 2;
        self.give_back_for(bytes + MARGIN, inside)
    }

    /// Gives the reserve back if the disk, with what is free `inside` a file, has not so many bytes left. Returns
    /// whether it has then.
    fn give_back_for(&self, bytes: u64, inside: u64) -> Result<bool, StorageError> {
        let has_room = || free_bytes(&*self.disk).is_none_or(|free| free + inside >= bytes);
        if has_room() {
            return Ok(true);
        }
        // What they read is free only when they are over.
        self.end_snapshots();
        let mut work = self.work();
        if !has_room() && work.reserved {
            let removed = self.disk.remove(RESERVE).and_then(|()| self.disk.sync_names());
            removed.map_err(StorageError::io("giving back what was in reserve"))?;
            work.reserved = false;
        }
        Ok(has_room())
    }

    /// Takes a part of the disk into reserve, if as much is left besides.
    pub(crate) fn reserve(&self) {
        let bytes = self.options.reserve_bytes;
        let has_room = free_bytes(&*self.disk).is_some_and(|free| free >= 2 * bytes + MARGIN);
        let mut work = self.work();
        if bytes == 0 || !has_room || work.reserved || work.closing {
            return;
        }
        // Nothing depends on it.
        match self.disk.create(RESERVE).and_then(|file| file.allocate(bytes)) {
            Ok(()) => work.reserved = true,
            Err(_) => drop(self.disk.remove(RESERVE)),
        }
    }

    /// Removes the segments that were to be used again.
    pub(crate) fn drop_spares(&self) -> Result<(), StorageError> {
        let spares = std::mem::take(&mut self.work().spares);
        for spare in &spares {
            let name = spare_name(*spare);
            self.disk.remove(&name).map_err(StorageError::io(format!("removing {name}")))?;
        }
        if spares.is_empty() { Ok(()) } else { self.disk.sync_names().map_err(StorageError::io("removing segments")) }
    }
}
