//! The journal: which changes belong together, when they are on disk, and what may not leave before.
//!
//! Changes are collected in the *open batch*. A thread of its own closes it, commits it to the storage, and closes the
//! next one, in which everything has gathered meanwhile: so one caller waits for one sync, and five hundred share one.
//!
//! Whoever runs operations [enters](Journal::enter) the open batch, and what is noted until it leaves is in one batch:
//! the change of an object and the record of the call that made it, for example. A batch is closed only when nobody is
//! in it, so nobody stays for long: never across an `.await`, and never while a method runs that may take its time.
//!
//! A change is seen as soon as it is made, but what saw it may not leave the service before it is on disk: replies wait
//! for the [gate](Entered::gate) that entering yields.
//!
//! An object's state is not written when it changes, but once for all changes of a batch, after it was closed: see
//! [`Entry`].
//!
//! This room knows no objects and no sessions: they note what is to be kept, in [rows](rows).

mod commit;
mod progress;
mod room;
pub(crate) mod rows;

pub(crate) use commit::Committing;
pub(crate) use room::{DiskRoom, NoRoom, Room};

use crate::config::Durability;
use crate::faults::PlantedFaults;
use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};
use progress::Progress;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tarmem_storage::{Batch, Taken};

/// Something that is written once for a batch, after it was closed.
pub(crate) trait Entry: Send + Sync {
    /// Writes it as it was when the batch was closed.
    fn write(&self, batch: &mut Batch);

    /// The batch is on disk.
    fn committed(&self);
}

/// Something that is written when the journal is over, and everything that was noted is committed.
pub(crate) trait AtEnd: Send + Sync {
    /// Passes what is to be written to `commit`, in batches.
    fn write(&self, commit: &mut dyn FnMut(&Batch) -> Result<(), String>) -> Result<(), String>;
}

/// Collects what is to be kept.
pub(crate) struct Journal {
    /// Held shared by those who are in the open batch, and exclusively while it is closed.
    doors: RwLock<()>,
    /// The number of the open batch.
    open: AtomicU64,
    /// The last batch in which anything was noted.
    noted: AtomicU64,
    batch: Mutex<OpenBatch>,
    /// Notified when something is noted in a batch that was empty.
    work: Condvar,
    durability: Durability,
    /// The faults planted in the service.
    faults: PlantedFaults,
    progress: Progress,
    room: Room,
}

#[derive(Default)]
struct OpenBatch {
    rows: Batch,
    /// Rows that go with it if there is anything else.
    deferred: Batch,
    entries: Vec<Arc<dyn Entry>>,
    /// Who gets a snapshot of what is there after this batch.
    snapshots: Vec<Taken>,
    /// No more batches will be committed.
    over: bool,
}

thread_local! {
    /// What this thread has noted and seen since it entered.
    static RUN: Cell<Run> = const { Cell::new(Run { journal: 0, gate: 0, noted: 0 }) };
}

#[derive(Clone, Copy)]
struct Run {
    /// The address of the journal that it has entered; 0 if it has entered none.
    journal: usize,
    gate: u64,
    noted: u64,
}

/// While this lives, what the thread notes is in one batch.
pub(crate) struct Entered<'a> {
    journal: &'a Journal,
    /// `None` if the thread had entered before.
    _doors: Option<RwLockReadGuard<'a, ()>>,
    /// What the thread did before: nothing, or something for the service of another journal.
    outer: Option<Run>,
    /// It belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Journal {
    /// A journal whose next batch has this number.
    pub(crate) fn new(next: u64, durability: Durability, faults: PlantedFaults) -> Arc<Self> {
        Arc::new(Journal {
            doors: RwLock::new(()),
            open: AtomicU64::new(next),
            noted: AtomicU64::new(next - 1),
            batch: Mutex::default(),
            work: Condvar::new(),
            durability,
            faults,
            progress: Progress::new(next - 1),
            room: Room::default(),
        })
    }

    /// Enters the open batch.
    pub(crate) fn enter(&self) -> Entered<'_> {
        let (outer, journal) = (RUN.get(), std::ptr::from_ref(self).addr());
        if outer.journal == journal {
            return Entered { journal: self, _doors: None, outer: None, _thread: PhantomData };
        }
        // A writer that waits must not keep this out, if the service of the other journal was called by this one's.
        let doors = if outer.journal == 0 { self.doors.read() } else { self.doors.read_recursive() };
        RUN.set(Run { journal, gate: 0, noted: 0 });
        Entered { journal: self, _doors: Some(doors), outer: Some(outer), _thread: PhantomData }
    }

    /// The number of the open batch.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Acquire)
    }

    /// Notes rows in the open batch.
    pub(crate) fn note(&self, write: impl FnOnce(&mut Batch)) {
        self.note_in_batch(|batch| write(&mut batch.rows));
    }

    /// Notes rows that need not be on disk before anything else is: they go with the next batch in which there is
    /// something else.
    pub(crate) fn note_with_next(&self, write: impl FnOnce(&mut Batch)) {
        let mut batch = self.batch.lock();
        if !batch.over {
            let (was_empty, before) = (batch.is_empty(), batch.bytes());
            write(&mut batch.deferred);
            self.room.noted(batch.bytes() - before);
            if was_empty && !batch.is_empty() {
                self.work.notify_one();
            }
        }
    }

    /// Notes something that is written when the open batch has been closed.
    pub(crate) fn note_entry(&self, entry: Arc<dyn Entry>) {
        self.note_in_batch(|batch| batch.entries.push(entry));
    }

    /// Takes a snapshot of the storage, with all that was noted so far and maybe some more batches. `taken` is dropped
    /// if the journal is over, or is so before.
    pub(crate) fn snapshot(&self, taken: Taken) {
        let mut batch = self.batch.lock();
        if batch.over {
            return;
        }
        batch.snapshots.push(taken);
        self.work.notify_one();
    }

    /// Whether nothing more is noted. It does not become so while anyone is in the open batch, unless the disk fails.
    pub(crate) fn is_over(&self) -> bool {
        self.noted() == u64::MAX
    }

    /// The number of the batch in which the next change is noted: higher than any, if it will not be noted any more.
    pub(crate) fn next_noted(&self) -> u64 {
        if self.is_over() { u64::MAX } else { self.open() }
    }

    fn note_in_batch(&self, note: impl FnOnce(&mut OpenBatch)) {
        let open = {
            let mut batch = self.batch.lock();
            if batch.over {
                // This will never be on disk, so nothing leaves that knows of it.
                RUN.set(Run { gate: u64::MAX, ..RUN.get() });
                return;
            }
            let (was_empty, before) = (batch.is_empty(), batch.bytes());
            note(&mut batch);
            self.room.noted(batch.bytes() - before);
            if was_empty {
                self.work.notify_one();
            }
            // Read under the lock under which the batch is closed.
            self.open.load(Ordering::Relaxed)
        };
        self.noted.fetch_max(open, Ordering::Release);
        let run = RUN.get();
        RUN.set(Run { gate: run.gate.max(open), noted: run.noted + 1, ..run });
    }

    /// The running operation has seen what batch `number` has changed.
    pub(crate) fn saw(&self, number: u64) {
        let run = RUN.get();
        RUN.set(Run { gate: run.gate.max(number), ..run });
    }

    /// The running operation may have seen anything that was changed so far.
    pub(crate) fn saw_anything(&self) {
        self.saw(self.noted());
    }

    /// The last batch in which anything was noted.
    pub(crate) fn noted(&self) -> u64 {
        self.noted.load(Ordering::Acquire)
    }

    /// Nothing more is noted. What changes from here on will never be on disk, so nothing leaves that may know of it.
    fn finish(&self) {
        let mut batch = self.batch.lock();
        // Whoever finds that it is over finds this, too.
        self.noted.store(u64::MAX, Ordering::Release);
        batch.over = true;
    }

    /// Whether what tells of batch `gate` may leave: the batch is on disk, or need not be.
    #[inline]
    pub(crate) fn is_open_for(&self, gate: u64) -> bool {
        // What is noted too late has the highest number.
        let goes_ahead = self.durability != Durability::Always && gate != u64::MAX && !self.progress.has_ended();
        goes_ahead || self.progress.committed() >= gate
    }

    /// Waits until what tells of batch `gate` may leave. Returns false if it never may.
    pub(crate) async fn opens_for(&self, gate: u64) -> bool {
        self.progress.wait_for(gate, || self.is_open_for(gate)).await;
        self.is_open_for(gate)
    }

    /// When what was noted is on disk.
    pub(crate) fn durability(&self) -> Durability {
        self.durability
    }

    /// How much more may be noted.
    #[inline]
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// The last batch that is written. Anything that was seen of an object without changes on their way was in it, or
    /// in one before.
    pub(crate) fn committed(&self) -> u64 {
        self.progress.committed()
    }

    /// Why the disk has failed, if it has.
    pub(crate) fn failure(&self) -> Option<Arc<str>> {
        self.progress.failure()
    }

    /// Completes when the disk has failed. Returns why.
    pub(crate) async fn failed(&self) -> Arc<str> {
        self.progress.failed().await
    }
}

/// More rows than these do not wait until there is something else. (The limit of what is not on disk yet is higher.)
const DEFERRED_BYTES: usize = 32 << 10;

/// What an entry counts for.
const ENTRY_BYTES: usize = 128;

impl OpenBatch {
    /// Drops what is in it. Returns how many bytes it took.
    fn take_bytes(&mut self) -> usize {
        let bytes = self.bytes();
        let over = self.over;
        *self = OpenBatch { over, ..OpenBatch::default() };
        bytes
    }

    /// How many bytes it takes in memory, about.
    fn bytes(&self) -> usize {
        self.rows.len() + self.deferred.len() + self.entries.len() * ENTRY_BYTES
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.entries.is_empty()
            && self.snapshots.is_empty()
            && self.deferred.len() < DEFERRED_BYTES
    }
}

impl Entered<'_> {
    /// The running operation may have seen anything that was changed so far.
    pub(crate) fn saw_anything(&self) {
        self.journal.saw_anything();
    }

    /// The batch that has to be on disk before anything leaves that was done since this thread entered; 0 if there is
    /// none.
    pub(crate) fn gate(&self) -> u64 {
        RUN.get().gate
    }

    /// How much was noted since this thread entered.
    pub(crate) fn notes(&self) -> u64 {
        RUN.get().noted
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(outer) = self.outer {
            RUN.set(outer);
        }
    }
}
