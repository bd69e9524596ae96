//! Storage in a directory: the log, to which batches are appended, and the states, into which it is folded.
//!
//! A commit appends its batch to the last segment of the log and syncs that file: one write and one sync. When a
//! segment is full, the next one, which was made before, takes its place. What else there is to do is done by
//! [`Keeper`]: it makes the next segment, and folds full ones into the states, after which they become spares for later
//! segments.
//!
//! After a failed write or sync nothing more is written: what the system has kept of it is known only when the
//! directory is opened again.

use crate::batch::Batch;
use crate::directory::{self, Files, Found, STATES, segment_name, spare_name};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::{self, Active, Fresh, Sealed};
use crate::overlay::{self, Overlay, ShortLived};
use crate::segment::{HEADER_BYTES, record_bytes};
use crate::states::{Fold, States};
use crate::{Storage, Usage, Visit};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How a directory is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The size of a segment of the log, in bytes.
    pub segment_bytes: u64,
    /// How much of the log may wait to be folded into the states, in bytes. When there is more, commits wait.
    pub log_bytes: u64,
    /// Whether a batch is synced when `commit` returns. Otherwise it is when [`Storage::sync`] returns.
    pub sync_each: bool,
    /// How many bytes are folded into the states at once.
    pub fold_bytes: usize,
    /// How many bytes are folded per second, at most. None: as many as the disk takes.
    pub fold_rate: Option<u64>,
    /// Whether a thread of its own makes segments and folds them. Otherwise commits do.
    pub in_background: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        LocalOptions {
            segment_bytes: 16 << 20,
            log_bytes: 256 << 20,
            sync_each: true,
            fold_bytes: 1 << 20,
            fold_rate: Some(64 << 20),
            in_background: true,
        }
    }
}

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

/// Makes segments, and folds them into the states.
#[derive(Debug)]
struct Keeper {
    disk: Arc<dyn Disk>,
    id: Uuid,
    options: LocalOptions,
    states: States,
    /// The rows of short-lived tables that are in the states.
    short_lived: Mutex<ShortLived>,
    work: Mutex<Work>,
    /// Notified when there is work, and when some was done.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    /// Full segments, which are to be folded.
    sealed: VecDeque<Sealed>,
    /// The next segment.
    fresh: Option<Fresh>,
    /// It is being made.
    making: bool,
    spares: Vec<u64>,
    /// The number of the next segment to be made.
    next: u64,
    /// The segment that is appended to.
    active: u64,
    failed: Option<String>,
    closing: bool,
    usage: Usage,
}

impl LocalStorage {
    /// Opens a directory, or makes one if the disk is empty.
    ///
    /// # Errors
    /// If the disk holds something else, if what is there is damaged, or incomplete, or of a newer version.
    pub fn open(disk: Arc<dyn Disk>, options: LocalOptions) -> Result<Self, StorageError> {
        let place = disk.place();
        Self::find(disk, options).map_err(|error| error.within(&place))
    }

    /// Makes a directory, where none must be.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); [`StorageError::Refused`] if the disk holds a directory already.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tarmem_storage::{LocalOptions, LocalStorage, RealDisk, StorageError};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let create = || LocalStorage::create(Arc::new(RealDisk::new(directory.path())), LocalOptions::default());
    /// drop(create()?);
    /// assert!(matches!(create(), Err(StorageError::Refused(_))));
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(disk: Arc<dyn Disk>, options: LocalOptions) -> Result<Self, StorageError> {
        if matches!(directory::find(&*disk)?, Found::Directory(..)) {
            let place = disk.place();
            let why = format!("{place} is a data directory already; name an empty or a new directory");
            return Err(StorageError::Refused(why));
        }
        Self::open(disk, options)
    }

    fn find(disk: Arc<dyn Disk>, options: LocalOptions) -> Result<Self, StorageError> {
        match directory::find(&*disk)? {
            Found::Directory(id, files) => Self::recover(disk, options, id, &files),
            Found::Nothing(files) => {
                let id = Uuid::new_v4();
                directory::begin(&*disk, &files, id)?;
                let made = disk.create(STATES).map_err(StorageError::io(format!("making {STATES}")))?;
                let states = States::open(made, STATES)?;
                states.fold(&Fold { mark: Some((0, 1)), ..Fold::default() })?;
                Fresh::make(&*disk, id, 1, options.segment_bytes, None)?;
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
        let mut work = Work { next: recovered.next, ..Work::default() };
        for (sealed, bytes, records) in recovered.segments {
            log::apply(sealed.number, &bytes, &records, mark.0, |batch| unfolded.apply(batch))?;
            work.usage.log_bytes += sealed.bytes;
            work.sealed.push_back(sealed);
        }
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
        let fresh = Fresh::make(&*disk, id, work.next, options.segment_bytes, None)?;
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
            let thread = thread::Builder::new().name("tarmem-fold".to_owned()).spawn(move || keeper.run());
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
        self.keeper.guarded(|| self.keeper.step())
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

    fn usage(&self) -> Usage {
        let sealed = self.keeper.work().usage;
        Usage {
            log_bytes: sealed.log_bytes + self.active.length(),
            value_bytes: self.keeper.states.value_bytes(),
            state_bytes: self.keeper.states.bytes(),
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

impl Keeper {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that writes, unless an earlier write has failed.
    fn guarded<T>(&self, write: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        if let Some(first) = &self.work().failed {
            return Err(StorageError::Failed { first: first.clone() });
        }
        let written = write();
        if let Err(error) = &written
            && !matches!(error, StorageError::Refused(_) | StorageError::Failed { .. })
        {
            self.work().failed.get_or_insert_with(|| error.to_string());
            self.changed.notify_all();
        }
        written
    }

    /// The segment after one that is full, with room for a batch of this many bytes.
    fn next_segment(&self, full: Option<Sealed>, batch: usize) -> Result<Fresh, StorageError> {
        let mut work = self.work();
        let full_bytes = full.map_or(0, |full| full.bytes);
        loop {
            if let Some(first) = &work.failed {
                return Err(StorageError::Failed { first: first.clone() });
            }
            let log_is_full = work.usage.log_bytes + full_bytes > self.options.log_bytes && !work.sealed.is_empty();
            if log_is_full && !self.options.in_background {
                drop(work);
                self.step()?;
                work = self.work();
            } else if log_is_full || work.making {
                // The one that is being made has its number already, and segments are used in the order of their
                // numbers.
                work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
            } else {
                break;
            }
        }
        let ready = work.fresh.take();
        let bytes = (HEADER_BYTES + record_bytes(batch)) as u64;
        let fresh = match ready {
            Some(fresh) if fresh.has_room(batch) => fresh,
            unfit => {
                // One that is too small for this batch is replaced, so that no number is left out.
                let number = unfit.map_or(work.next, |unfit| unfit.number());
                work.next = number + 1;
                Fresh::make(&*self.disk, self.id, number, bytes.max(self.options.segment_bytes), None)?
            }
        };
        work.active = fresh.number();
        // Not before: it is removed once it is folded, and the log has to go on somewhere.
        if let Some(full) = full {
            work.usage.log_bytes += full.bytes;
            work.sealed.push_back(full);
        }
        drop(work);
        self.changed.notify_all();
        Ok(fresh)
    }

    /// Works until the storage is closed, or something fails.
    fn run(&self) {
        loop {
            {
                let mut work = self.work();
                while !work.closing && work.failed.is_none() && !work.is_waiting() {
                    work = self.changed.wait(work).unwrap_or_else(PoisonError::into_inner);
                }
                if work.closing || work.failed.is_some() {
                    return;
                }
            }
            if self.guarded(|| self.step()).is_err() {
                return;
            }
        }
    }

    /// Does one piece of work. Returns whether there was any.
    fn step(&self) -> Result<bool, StorageError> {
        let (next, spare) = {
            let mut work = self.work();
            if work.fresh.is_some() {
                drop(work);
                return self.fold_one();
            }
            work.next += 1;
            work.making = true;
            (work.next - 1, work.spares.pop())
        };
        let made = Fresh::make(&*self.disk, self.id, next, self.options.segment_bytes, spare);
        let mut work = self.work();
        work.making = false;
        work.fresh = Some(made?);
        drop(work);
        self.changed.notify_all();
        Ok(true)
    }

    /// Folds the oldest full segment into the states. Returns whether there was one.
    fn fold_one(&self) -> Result<bool, StorageError> {
        let (sealed, after) = {
            let work = self.work();
            let Some(sealed) = work.sealed.front().copied() else { return Ok(false) };
            (sealed, work.sealed.get(1).map_or(work.active, |next| next.number))
        };
        let name = segment_name(sealed.number);
        let bytes = log::read(&*self.disk, &name)?;
        let contents = crate::segment::read(&bytes, sealed.number);
        if contents.records.last().map(|record| record.number) != Some(sealed.last) {
            let what = format!("batch {} was written to it, and is not readable", sealed.last);
            return Err(StorageError::damaged(&name, contents.end as u64, what));
        }
        let folded = self.states.mark()?.0;
        let mut short_lived = self.short_lived.lock().unwrap_or_else(PoisonError::into_inner);
        let mut overlay = Overlay::default();
        log::apply(sealed.number, &bytes, &contents.records, folded, |batch| overlay.apply_over(&short_lived, batch))?;
        drop(bytes);
        for fold in overlay.into_folds(self.options.fold_bytes, (sealed.last, after)) {
            let begun = Instant::now();
            let size: usize =
                fold.values.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
            self.states.fold(&fold)?;
            overlay::note_short_lived(&mut short_lived, fold);
            self.pause(size, begun);
        }
        drop(short_lived);
        // Only now may the segment go: the states have all of it.
        let is_standard = sealed.bytes == self.options.segment_bytes;
        let mut work = self.work();
        let keeps = is_standard && work.spares.len() < 2;
        drop(work);
        let gone = match keeps {
            true => self.disk.rename(&name, &spare_name(sealed.number)),
            false => self.disk.remove(&name),
        };
        // Synced, since the file may get another number and contents next.
        gone.and_then(|()| self.disk.sync_names()).map_err(StorageError::io(format!("removing {name}")))?;
        work = self.work();
        work.sealed.pop_front();
        work.usage.log_bytes -= sealed.bytes;
        if keeps {
            work.spares.push(sealed.number);
        }
        drop(work);
        self.changed.notify_all();
        Ok(true)
    }

    /// Keeps the rate at which is folded.
    fn pause(&self, bytes: usize, begun: Instant) {
        let Some(rate) = self.options.fold_rate.filter(|_| self.options.in_background) else { return };
        let least = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let until = begun + least;
        let mut work = self.work();
        while !work.closing && work.usage.log_bytes <= self.options.log_bytes {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return;
            };
            work = self.changed.wait_timeout(work, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Work {
    fn is_waiting(&self) -> bool {
        self.fresh.is_none() || !self.sealed.is_empty()
    }
}
