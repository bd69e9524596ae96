//! What there is to do besides commits: segments are made, and full ones folded into the states.

use crate::Usage;
use crate::directory::{RESERVE, segment_name, spare_name};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::{self, Fresh, Sealed};
use crate::options::LocalOptions;
use crate::overlay::{self, Overlay};
use crate::segment::{HEADER_BYTES, record_bytes};
use crate::snapshot::Taken;
use crate::snapshots::{self, Snapshots};
use crate::states::{ShortLived, States};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long is waited for room on the disk before it is looked for again.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the disk should have left after what is known to be written: for what the states write besides.
const MARGIN: u64 = 2 << 20;

/// Makes segments, and folds them into the states.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) id: Uuid,
    pub(crate) options: LocalOptions,
    pub(crate) states: States,
    /// The rows of short-lived tables that are in the states.
    pub(crate) short_lived: Mutex<ShortLived>,
    pub(crate) work: Mutex<Work>,
    /// Notified when there is work, and when some was done.
    pub(crate) changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Full segments, which are to be folded.
    pub(crate) sealed: VecDeque<Sealed>,
    /// The next segment.
    pub(crate) fresh: Option<Fresh>,
    /// It is being made.
    pub(crate) making: bool,
    pub(crate) spares: Vec<u64>,
    /// Whether the reserve is there.
    pub(crate) reserved: bool,
    /// There was no room on the disk for what is to be done.
    pub(crate) postponed: bool,
    /// The number of the next segment to be made.
    pub(crate) next: u64,
    /// The segment that is appended to.
    pub(crate) active: u64,
    pub(crate) failed: Option<String>,
    pub(crate) closing: bool,
    pub(crate) snapshots: Snapshots,
    pub(crate) usage: Usage,
}

impl Keeper {
    pub(crate) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that writes, unless an earlier write has failed.
    pub(crate) fn guarded<T>(&self, write: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
        if let Some(first) = &self.work().failed {
            return Err(StorageError::Failed { first: first.clone() });
        }
        let written = write();
        if let Err(error) = &written
            && !matches!(error, StorageError::Refused(_) | StorageError::Failed { .. })
        {
            let mut work = self.work();
            work.failed.get_or_insert_with(|| error.to_string());
            // They would wait for what is not done any more.
            let waiting = work.snapshots.no_longer_wait();
            drop(work);
            drop(waiting);
            self.changed.notify_all();
        }
        written
    }

    /// The segment after one that is full, with room for a batch of this many bytes.
    pub(crate) fn next_segment(&self, full: Option<Sealed>, batch: usize) -> Result<Fresh, StorageError> {
        let mut work = self.work();
        let full_bytes = full.map_or(0, |full| full.bytes);
        loop {
            if let Some(first) = &work.failed {
                return Err(StorageError::Failed { first: first.clone() });
            }
            let log_is_full = work.usage.log_bytes + full_bytes > self.options.log_bytes && !work.sealed.is_empty();
            if log_is_full && !self.options.in_background {
                drop(work);
                if !self.step()? {
                    return Err(StorageError::io("folding the log")(io::ErrorKind::StorageFull.into()));
                }
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
                drop(work);
                self.make_room(bytes.max(self.options.segment_bytes))?;
                work = self.work();
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
    pub(crate) fn run(&self) {
        loop {
            {
                let mut work = self.work();
                if std::mem::take(&mut work.postponed) && !work.closing {
                    work = self.changed.wait_timeout(work, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
                }
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
            self.reserve();
        }
    }

    /// Does one piece of work. Returns whether there was any.
    pub(crate) fn step(&self) -> Result<bool, StorageError> {
        let (next, spare) = {
            let mut work = self.work();
            if work.fresh.is_some() {
                drop(work);
                return self.fold_one();
            }
            if work.spares.is_empty() {
                drop(work);
                if !self.make_room(self.options.segment_bytes)? {
                    // What is full can be folded, which may leave a spare one.
                    return self.fold_one();
                }
                work = self.work();
                if work.fresh.is_some() {
                    return Ok(true);
                }
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
        // A page may be half empty, and what is replaced is freed later.
        if !self.make_room(2 * overlay.value_bytes())? {
            return Ok(false);
        }
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
        let waiting = work.snapshots.waiting_for(sealed.last);
        drop(work);
        // Now the states are what was there after that batch, and no more.
        for taken in waiting {
            self.freeze(taken)?;
        }
        self.changed.notify_all();
        Ok(true)
    }

    /// Gives the reserve back if the disk has not so many bytes left. Returns whether it has then: without that,
    /// nothing is tried, since after a write that fails nothing more can be written.
    fn make_room(&self, bytes: u64) -> Result<bool, StorageError> {
        let is_short = || self.free_bytes().is_some_and(|free| free < bytes + MARGIN);
        if !is_short() {
            return Ok(true);
        }
        self.end_snapshots();
        let mut work = self.work();
        if work.reserved {
            let removed = self.disk.remove(RESERVE).and_then(|()| self.disk.sync_names());
            removed.map_err(StorageError::io("giving back what was in reserve"))?;
            work.reserved = false;
        }
        work.postponed = is_short();
        Ok(!work.postponed)
    }

    /// Passes a snapshot of the states, in which there is everything that is sealed, to `taken`.
    pub(crate) fn freeze(&self, taken: Taken) -> Result<(), StorageError> {
        let (last, _) = self.states.mark()?;
        let frozen = self.states.freeze()?;
        let snapshot = self.work().snapshots.begin(self.id, last, frozen);
        taken(Ok(Box::new(snapshot)));
        Ok(())
    }

    /// Ends all snapshots, since the disk has little room.
    pub(crate) fn end_snapshots(&self) {
        let (waiting, there) = {
            let mut work = self.work();
            (work.snapshots.no_longer_wait(), work.snapshots.take_there())
        };
        for taken in waiting {
            taken(Err(snapshots::no_room()));
        }
        there.iter().for_each(Snapshots::end);
    }

    /// Takes a part of the disk into reserve, if there is plenty of it.
    fn reserve(&self) {
        let bytes = self.options.reserve_bytes;
        let plenty = self.free_bytes().is_some_and(|free| free / 8 > bytes);
        if bytes == 0 || !plenty || self.work().reserved {
            return;
        }
        // Nothing depends on it.
        match self.disk.create(RESERVE).and_then(|file| file.allocate(bytes)) {
            Ok(()) => self.work().reserved = true,
            Err(_) => drop(self.disk.remove(RESERVE)),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        self.disk.free_bytes().ok().flatten()
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
