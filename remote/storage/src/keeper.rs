//! What there is to do besides commits: segments are made, and full ones folded into the states.

use crate::Usage;
use crate::directory::{segment_name, spare_name};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log::{self, Fresh, Sealed};
use crate::options::{LocalOptions, segment_bytes};
use crate::overlay::{self, Overlay};
use crate::segment::{HEADER_BYTES, record_bytes};
use crate::snapshot::Taken;
use crate::snapshots::{self, Snapshots};
use crate::states::{PAGE, ShortLived, States};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long is waited for room on the disk before it is looked for again.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// What is used of `sealed`.
    pub(crate) usage: Usage,
    /// What the files of `sealed` take.
    pub(crate) sealed_bytes: u64,
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
            let log_is_full = work.sealed_bytes + full_bytes > self.options.log_bytes && !work.sealed.is_empty();
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
        let least = (HEADER_BYTES + record_bytes(batch)) as u64;
        let fresh = match ready {
            Some(fresh) if fresh.has_room(batch) => fresh,
            unfit => {
                // One that is too small for this batch is replaced, so that no number is left out.
                let number = unfit.map_or(work.next, |unfit| unfit.number());
                work.next = number + 1;
                drop(work);
                let made = Fresh::make(&*self.disk, self.id, number, self.bytes_of_next(least)?, None)?;
                work = self.work();
                made
            }
        };
        work.active = fresh.number();
        // Not before: it is removed once it is folded, and the log has to go on somewhere.
        if let Some(full) = full {
            work.seal(full);
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
                if !work.is_over() && (work.postponed || !work.is_waiting()) {
                    // There may be room again although nothing has happened here.
                    let looks_again = work.postponed || (self.options.reserve_bytes > 0 && !work.reserved);
                    work = match looks_again {
                        true => self.changed.wait_timeout(work, PATIENCE).unwrap_or_else(PoisonError::into_inner).0,
                        false => self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
                    };
                }
                work.postponed = false;
                if work.is_over() {
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
        if self.is_short() {
            self.drop_spares()?;
            // Together, if need be: what an earlier segment has put and a later one removed needs no room then.
            let has_folded = self.fold(1)? || self.fold(usize::MAX)?;
            self.work().postponed = !has_folded;
            return Ok(has_folded);
        }
        let (next, spare) = {
            let mut work = self.work();
            if work.fresh.is_some() {
                drop(work);
                return self.fold(1);
            }
            work.next += 1;
            work.making = true;
            (work.next - 1, work.spares.pop())
        };
        let bytes = segment_bytes(&*self.disk, &self.options, 0);
        let made = Fresh::make(&*self.disk, self.id, next, bytes, spare);
        let mut work = self.work();
        work.making = false;
        work.fresh = Some(made?);
        drop(work);
        self.changed.notify_all();
        Ok(true)
    }

    /// Folds the oldest full segments, at most so many, into the states. Returns whether there was one, and room to
    /// fold it.
    fn fold(&self, most: usize) -> Result<bool, StorageError> {
        let (sealed, after) = {
            let work = self.work();
            let sealed: Vec<_> = work.sealed.iter().take(most).copied().collect();
            let after = work.sealed.get(sealed.len()).map_or(work.active, |next| next.number);
            (sealed, after)
        };
        let Some(last) = sealed.last().map(|sealed| sealed.last) else { return Ok(false) };
        let mut short_lived = self.short_lived.lock().unwrap_or_else(PoisonError::into_inner);
        let overlay = self.overlay_of(&sealed, &short_lived)?;
        let in_states = self.states.bytes() + overlay.value_bytes();
        // A page may be half empty, and each change may need a copy of the page that it is in.
        let needs = 2 * overlay.value_bytes() + in_states.min(overlay.pages_bytes());
        let in_pieces = !self.has_plenty_for(needs);
        let mut has_room = !in_pieces;
        let weight = if in_pieces { PAGE } else { 0 };
        for fold in overlay.into_folds(self.options.fold_bytes, weight, (last, after)) {
            // What is removed only gains room. What is put is begun if there is room for all of it: in the end, the
            // segments go.
            if fold.puts() && !has_room {
                has_room = self.make_room_to_fold(needs)?;
            }
            let removes_or_fits = has_room || !fold.puts();
            if in_pieces && !(removes_or_fits && self.make_room_to_fold(2 * fold.bytes(PAGE) as u64)?) {
                self.work().postponed = true;
                return Ok(false);
            }
            let (begun, size) = (Instant::now(), fold.bytes(0));
            self.states.fold(&fold)?;
            overlay::note_short_lived(&mut short_lived, fold);
            if !in_pieces {
                self.pause(size, begun);
            }
        }
        drop(short_lived);
        // Only now may the segments go: the states have all of them.
        for segment in sealed {
            self.let_go(segment)?;
        }
        Ok(true)
    }

    /// What the batches of these segments come to.
    fn overlay_of(&self, sealed: &[Sealed], short_lived: &ShortLived) -> Result<Overlay, StorageError> {
        let folded = self.states.mark()?.0;
        let mut overlay = Overlay::default();
        for segment in sealed {
            let name = segment_name(segment.number);
            let bytes = log::read(&*self.disk, &name)?;
            let contents = crate::segment::read(&bytes);
            if contents.records.last().map(|record| record.number) != Some(segment.last) {
                let what = format!("batch {} was written to it, and is not readable", segment.last);
                return Err(StorageError::damaged(&name, contents.end as u64, what));
            }
            let change = |batch: &[u8]| overlay.apply_over(short_lived, batch);
            log::apply(segment.number, &bytes, &contents.records, folded, change)?;
        }
        Ok(overlay)
    }

    /// Removes the oldest full segment, or keeps it to be used again.
    fn let_go(&self, sealed: Sealed) -> Result<(), StorageError> {
        let name = segment_name(sealed.number);
        let is_standard = sealed.bytes == self.options.segment_bytes;
        let keeps = is_standard && !self.is_short() && self.work().spares.len() < 2;
        let gone = match keeps {
            true => self.disk.rename(&name, &spare_name(sealed.number)),
            false => self.disk.remove(&name),
        };
        // Synced, since the file may get another number and contents next.
        gone.and_then(|()| self.disk.sync_names()).map_err(StorageError::io(format!("removing {name}")))?;
        let mut work = self.work();
        work.sealed.pop_front();
        work.usage.log_bytes -= sealed.used;
        work.sealed_bytes -= sealed.bytes;
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
        Ok(())
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

    /// Keeps the rate at which is folded.
    fn pause(&self, bytes: usize, begun: Instant) {
        let Some(rate) = self.options.fold_rate.filter(|_| self.options.in_background) else { return };
        let least = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let until = begun + least;
        let mut work = self.work();
        while !work.closing && work.sealed_bytes <= self.options.log_bytes {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return;
            };
            work = self.changed.wait_timeout(work, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Work {
    /// Another segment is full.
    pub(crate) fn seal(&mut self, full: Sealed) {
        self.usage.log_bytes += full.used;
        self.sealed_bytes += full.bytes;
        self.sealed.push_back(full);
    }

    fn is_waiting(&self) -> bool {
        self.fresh.is_none() || !self.sealed.is_empty()
    }

    fn is_over(&self) -> bool {
        self.closing || self.failed.is_some()
    }
}
