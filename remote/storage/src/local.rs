//! Storage in a directory: the log, to which batches are appended, and the states, into which it is folded.
//!
//! A commit appends its batch to the last segment of the log and syncs that file: one write and one sync. When a
//! segment is full, the next one, which was made before, takes its place. What else there is to do is done by
//! [`Keeper`](crate::keeper::Keeper): it makes the next segment, and folds full ones into the states, after which they
//! become spares for later segments.
//!
//! After a failed write or sync nothing more is written: what the system has kept of it is known only when the
//! directory is opened again.

use crate::batch::Batch;
use crate::directory::{self, Files, Found, RESERVE, STATES, segment_name, spare_name};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::keeper::{Keeper, Work};
use crate::log::{self, Active, Fresh};
use crate::options::{LocalOptions, segment_bytes as segment_bytes_on};
use crate::overlay::Overlay;
use crate::priority::yield_to_others;
use crate::segment::record_bytes;
use crate::snapshot::Taken;
use crate::states::States;
use crate::{Storage, Usage, Visit};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use uuid::Uuid;

/// Storage in a directory.
#[derive(Debug)]
pub struct LocalStorage {
    keeper: Arc<Keeper>,
    active: Active,
    last: u64,
    synced: u64,
    /// What was found in the log and is not in the states, until it is loaded.
    unfolded: Option<Overlay>,
    torn: bool,
    thread: Option<JoinHandle<()>>,
}

impl LocalStorage {
    /// Opens a directory, or makes one if the disk is empty.
    ///
    /// # Errors
    /// If the disk holds something else, if what is there is damaged, or incomplete, or of a newer version.
    pub fn open(disk: Arc<dyn Disk>, options: LocalOptions) -> Result<Self, StorageError> {
        let place = disk.place();
        Self::find(disk, options, &Batch::default()).map_err(|error| error.within(&place))
    }

    /// Makes a directory, where none must be, which has the changes of `first` from the beginning.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); [`StorageError::Refused`] if the disk holds a directory already.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tarmem_storage::{Batch, LocalOptions, LocalStorage, RealDisk, StorageError};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let disk = || Arc::new(RealDisk::new(directory.path()));
    /// let mut first = Batch::default();
    /// first.put(1, b"key", b"value");
    /// drop(LocalStorage::create(disk(), LocalOptions::default(), &first)?);
    /// let again = LocalStorage::create(disk(), LocalOptions::default(), &first);
    /// assert!(matches!(again, Err(StorageError::Refused(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(disk: Arc<dyn Disk>, options: LocalOptions, first: &Batch) -> Result<Self, StorageError> {
        if matches!(directory::find(&*disk)?, Found::Directory(..)) {
            let place = disk.place();
            let why = format!("{place} is a data directory already; name an empty or a new directory");
            return Err(StorageError::Refused(why));
        }
        let place = disk.place();
        Self::find(disk, options, first).map_err(|error| error.within(&place))
    }

    fn find(disk: Arc<dyn Disk>, options: LocalOptions, first: &Batch) -> Result<Self, StorageError> {
        match directory::find(&*disk)? {
            Found::Directory(id, files) => Self::recover(disk, options, id, &files),
            Found::Nothing(files) => {
                let id = Uuid::new_v4();
                directory::begin(&*disk, &files, id)?;
                let made = disk.create(STATES).map_err(StorageError::io(format!("making {STATES}")))?;
                let states = States::open(made, STATES)?;
                let mut rows = Overlay::default();
                rows.precede(first.as_bytes())
                    .map_err(|_| StorageError::Refused("the first batch is malformed".into()))?;
                for fold in rows.into_folds(usize::MAX, 0, (0, 1)) {
                    states.fold(&fold)?;
                }
                Fresh::make(&*disk, id, 1, segment_bytes_on(&*disk, &options, 0), None)?;
                drop(states);
                directory::finish(&*disk)?;
                let files = Files::of(&*disk)?;
                Self::recover(disk, options, id, &files)
            }
        }
    }

    fn recover(disk: Arc<dyn Disk>, options: LocalOptions, id: Uuid, files: &Files) -> Result<Self, StorageError> {
        let file = files.states(&*disk)?;
        let states = States::open(Arc::clone(&file), STATES)?;
        let mark = states.mark()?;
        let recovered = log::recover(&*disk, id, &files.segments, mark)?;
        // A process that was killed may have written without syncing. What was read is on disk before anybody acts on
        // it, and before anything is removed for it.
        file.sync().map_err(StorageError::io(format!("syncing {STATES}")))?;
        for (sealed, ..) in &recovered.segments {
            let name = segment_name(sealed.number);
            let synced = disk.open(&name).and_then(|segment| segment.sync());
            synced.map_err(StorageError::io(format!("syncing {name}")))?;
        }
        let mut unfolded = Overlay::default();
        let mut work = Work { next: recovered.next, reserved: files.reserve, ..Work::default() };
        for (sealed, bytes, records) in recovered.segments.iter().rev() {
            log::backwards(sealed.number, bytes, records, mark.0, |batch| unfolded.precede(batch))?;
        }
        recovered.segments.into_iter().for_each(|(sealed, ..)| work.seal(sealed));
        for spare in &files.spares {
            disk.remove(&spare_name(*spare)).map_err(StorageError::io(format!("removing {}", spare_name(*spare))))?;
        }
        // Whatever is left if this is cut off has no gap: first those go that are in the states, from the first on;
        // then those that do not count, from the last on. In place of the first of these the log goes on, in a new
        // segment, behind which no unfinished end can be.
        let useless = recovered.empty.iter().rev().filter(|empty| **empty != recovered.next);
        for &gone in recovered.folded.iter().chain(useless) {
            let removed = disk.remove(&segment_name(gone)).and_then(|()| disk.sync_names());
            removed.map_err(StorageError::io(format!("removing {}", segment_name(gone))))?;
        }
        // It is taken again when there is plenty.
        if work.reserved {
            disk.remove(RESERVE).map_err(StorageError::io("giving back what was in reserve"))?;
            work.reserved = false;
        }
        let bytes = segment_bytes_on(&*disk, &options, 0);
        let fresh = Fresh::make(&*disk, id, work.next, bytes, None)?;
        work.next += 1;
        let active = fresh.activate();
        work.active = active.number();
        let in_background = options.in_background;
        let (short_lived, work, changed) = (Mutex::new(states.short_lived()?), Mutex::new(work), Condvar::new());
        let keeper = Arc::new(Keeper { disk, id, options, states, short_lived, work, changed });
        let mut storage = LocalStorage {
            keeper,
            active,
            last: recovered.last,
            synced: recovered.last,
            unfolded: Some(unfolded),
            torn: recovered.torn,
            thread: None,
        };
        if in_background {
            let keeper = Arc::clone(&storage.keeper);
            let thread = thread::Builder::new().name("tarmem-fold".to_owned()).spawn(move || {
                yield_to_others();
                keeper.run();
            });
            storage.thread = Some(thread.map_err(StorageError::io("starting the thread that folds the log"))?);
        }
        Ok(storage)
    }

    /// Whether the log had an end that was never finished, and that was dropped.
    pub fn was_torn(&self) -> bool {
        self.torn
    }

    /// Does one piece of the work of the background, if there is any: for a storage that has no thread for it.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn keep(&self) -> Result<bool, StorageError> {
        let worked = self.keeper.guarded(|| self.keeper.step());
        self.keeper.reserve();
        worked
    }

    fn append(&mut self, batch: &[u8]) -> Result<u64, StorageError> {
        if record_bytes(batch.len()) as u64 > u64::from(u32::MAX) {
            return Err(StorageError::Refused(format!(
                "a batch of {} bytes is longer than a log can hold",
                batch.len()
            )));
        }
        if !self.active.has_room(batch.len()) {
            self.rotate(batch.len())?;
        }
        let number = self.last + 1;
        self.active.append(number, self.synced, batch)?;
        self.last = number;
        if self.keeper.options.sync_each {
            self.sync_active()?;
        }
        Ok(number)
    }

    fn sync_active(&mut self) -> Result<(), StorageError> {
        self.active.sync()?;
        self.synced = self.last;
        Ok(())
    }

    /// Goes on in the next segment, if there is anything in this one.
    fn seal(&mut self) -> Result<(), StorageError> {
        if self.active.seal().is_none() {
            return Ok(());
        }
        let keeper = Arc::clone(&self.keeper);
        keeper.guarded(|| self.rotate(0))
    }

    /// Goes on in the next segment.
    fn rotate(&mut self, batch: usize) -> Result<(), StorageError> {
        if self.synced < self.last {
            self.sync_active()?;
        }
        let fresh = self.keeper.next_segment(self.active.seal(), batch)?;
        self.active = fresh.activate();
        Ok(())
    }
}

impl Storage for LocalStorage {
    fn id(&self) -> Uuid {
        self.keeper.id
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        let unfolded = self.unfolded.take();
        let unfolded = unfolded.ok_or_else(|| StorageError::Refused("it was loaded before".to_owned()))?;
        let mut merge = unfolded.merge(each);
        let read = self.keeper.states.each(|table, key, value| merge.below(table, key, value));
        read.and_then(|()| merge.finish()).map_err(|error| error.within(&self.keeper.disk.place()))
    }

    fn commit(&mut self, _epoch: u64, batch: &Batch) -> Result<u64, StorageError> {
        let keeper = Arc::clone(&self.keeper);
        keeper.guarded(|| self.append(batch.as_bytes()))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        let keeper = Arc::clone(&self.keeper);
        keeper.guarded(|| if self.synced < self.last { self.sync_active() } else { Ok(()) })
    }

    /// Goes on in the next segment of the log, so that this one is folded, and ends snapshots.
    fn settle(&mut self) -> Result<(), StorageError> {
        self.keeper.end_snapshots();
        let keeper = Arc::clone(&self.keeper);
        let seals = keeper.guarded(|| keeper.can_settle())?;
        if seals {
            self.seal()?;
        }
        keeper.hurry();
        Ok(())
    }

    fn snapshot(&mut self, taken: Taken) -> Result<(), StorageError> {
        self.seal()?;
        let mut work = self.keeper.work();
        if let Some(first) = &work.failed {
            return Err(StorageError::Failed { first: first.clone() });
        }
        match work.sealed.back().map(|sealed| sealed.last) {
            Some(last) => {
                work.snapshots.wait(last, taken);
                drop(work);
                self.keeper.changed.notify_all();
                Ok(())
            }
            // Everything is folded, and nothing else is before this thread seals it.
            None => {
                drop(work);
                self.keeper.freeze(taken)
            }
        }
    }

    fn usage(&self) -> Usage {
        let work = self.keeper.work();
        let reserve_bytes = if work.reserved { self.keeper.options.reserve_bytes } else { 0 };
        let (log_bytes, log_file_bytes) = (work.usage.log_bytes, work.sealed_bytes);
        drop(work);
        Usage {
            log_bytes: log_bytes + self.active.length(),
            log_file_bytes: log_file_bytes + self.active.bytes(),
            value_bytes: self.keeper.states.value_bytes(),
            state_bytes: self.keeper.states.bytes(),
            reserve_bytes,
            free_bytes: self.keeper.disk.free_bytes().unwrap_or(None),
        }
    }
}

impl Drop for LocalStorage {
    fn drop(&mut self) {
        self.keeper.work().closing = true;
        self.keeper.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
