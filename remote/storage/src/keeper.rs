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

/// Full segments are folded when they are this part of what may wait for that: most of what is in them was replaced or
/// removed by then, and costs nothing. So many are folded together, too.
const PART: u64 = 4;

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
    /// It is being made, by the thread of the background or by a commit that cannot wait.
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
    /// What is sealed is to be folded soon.
    pub(crate) hurries: bool,
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
                // The one after it is not made before it is there: no number may be left out, whenever the power fails.
                work.making = true;
                drop(work);
                let bytes = self.bytes_of_next(least);
                let made = bytes.and_then(|bytes| Fresh::make(&*self.disk, self.id, number, bytes, None));
                work = self.work();
                work.making = false;
                made?
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
            let is_short = self.is_short();
            let mut work = self.work();
            let is_due = work.is_due(is_short, &self.options);
            if !work.is_over() && (work.postponed || !is_due) {
                // There may be room again although nothing has happened here.
                let looks_again = work.postponed || (self.options.reserve_bytes > 0 && !work.reserved);
                work = match looks_again {
                    true => self.changed.wait_timeout(work, PATIENCE).unwrap_or_else(PoisonError::into_inner).0,
                    false => self.changed.wait(work).unwrap_or_else(PoisonError::into_inner),
                };
            }
            if work.is_over() {
                return;
            }
            let is_due = std::mem::take(&mut work.postponed) || work.is_due(is_short, &self.options);
            drop(work);
            if is_due && self.guarded(|| self.step()).is_err() {
                return;
            }
            self.reserve();
        }
    }

    /// What is sealed is folded soon.
    pub(crate) fn hurry(&self) {
        let mut work = self.work();
        work.hurries = !work.sealed.is_empty();
        drop(work);
        self.changed.notify_all();
    }

    /// Does one piece of work. Returns whether there was any.
    pub(crate) fn step(&self) -> Result<bool, StorageError> {
        if self.is_short() {
            self.drop_spares()?;
            // Together, if need be: what an earlier segment has put and a later one removed needs no room then.
            let has_folded = self.fold(0)? || self.fold(u64::MAX)?;
            self.work().postponed = !has_folded;
            return Ok(has_folded);
        }
        let (next, spare) = {
            let mut work = self.work();
            if work.fresh.is_some() || work.making {
                drop(work);
                return self.fold(self.options.log_bytes / PART);
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

    /// Folds the oldest full segments into the states: one, and as many more as are at most `most` bytes together.
    /// Returns whether there was one, and room to fold it.
    fn fold(&self, most: u64) -> Result<bool, StorageError> {
        let (sealed, after) = {
            let mut work = self.work();
            let mut bytes = 0;
            let fits = |(n, sealed): &(usize, &Sealed)| {
                bytes += sealed.bytes;
                *n == 0 || bytes <= most
            };
            let sealed: Vec<_> = work.sealed.iter().enumerate().take_while(fits).map(|(_, sealed)| *sealed).collect();
            let next = work.sealed.get(sealed.len()).map(|next| next.number);
            work.hurries &= next.is_some();
            (sealed, next.unwrap_or(work.active))
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
        for segment in sealed.iter().rev() {
            let name = segment_name(segment.number);
            let bytes = log::read(&*self.disk, &name)?;
            let contents = crate::segment::read(&bytes);
            if contents.records.last().map(|record| record.number) != Some(segment.last) {
                let what = format!("batch {} was written to it, and is not readable", segment.last);
                return Err(StorageError::damaged(&name, contents.end as u64, what));
            }
            let precede = |batch: &[u8]| overlay.precede(batch);
            log::backwards(segment.number, &bytes, &contents.records, folded, precede)?;
        }
        Ok(overlay.over(short_lived))
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

    /// Whether there is something to do now. `is_short`: the disk has little left.
    fn is_due(&self, is_short: bool, options: &LocalOptions) -> bool {
        let folds = self.hurries || is_short || self.snapshots.are_awaited() || !options.in_background;
        (self.fresh.is_none() && !self.making)
            || !self.sealed.is_empty() && (folds || self.sealed_bytes.saturating_mul(PART) >= options.log_bytes)
    }

    fn is_over(&self) -> bool {
        self.closing || self.failed.is_some()
    }
}
