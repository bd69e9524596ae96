//! The thread that commits one batch after the other.

use super::progress::End;
use super::{AtEnd, Journal, OpenBatch};
use crate::config::Durability;
use crate::faults::PlantedFault;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tarmem_storage::{Batch, Storage};

/// How long nothing may be committed before a mark is put behind the last batch.
const IDLE: Duration = Duration::from_millis(50);

/// How often it is asked what the storage takes.
const ASKING: Duration = Duration::from_millis(50);

/// How long changes gather for one batch where replies do not wait for it.
const GATHERING: Duration = Duration::from_millis(1);

/// How often the log is moved into the states before its time if there is little room.
const SETTLING: Duration = Duration::from_secs(1);

/// The stack of the thread, which encodes states: of those that are nested deeply, too. The system only gives what is
/// used.
const STACK_BYTES: usize = 64 << 20;

/// How late a planted fault is.
const LATE: Duration = Duration::from_millis(1);

/// The thread that commits the batches of a journal. Dropping this commits what was noted so far, and ends it.
pub(crate) struct Committing {
    journal: Arc<Journal>,
    thread: Option<JoinHandle<()>>,
    /// What notes something by itself, and ends before.
    noting: Option<Box<dyn Send + Sync>>,
}

impl Committing {
    /// Starts to commit the batches of `journal`, and in the end what `at_end` writes.
    pub(crate) fn start(
        journal: &Arc<Journal>,
        storage: Box<dyn Storage>,
        at_end: Option<Arc<dyn AtEnd>>,
    ) -> io::Result<Self> {
        let committed = Arc::clone(journal);
        let thread = thread::Builder::new().name("tarmem-commit".to_owned()).stack_size(STACK_BYTES);
        let thread = thread.spawn(move || run(&committed, storage, at_end.as_deref()))?;
        Ok(Committing { journal: Arc::clone(journal), thread: Some(thread), noting: None })
    }

    /// The same, with something that notes what is to be committed, and is dropped before the journal is over.
    pub(crate) fn with(self, noting: impl Send + Sync + 'static) -> Self {
        let mut committing = self;
        committing.noting = Some(Box::new(noting));
        committing
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        self.noting = None;
        // Not while anybody is in the open batch, of which one part would be kept and another would not.
        let doors = self.journal.doors.write();
        self.journal.finish();
        drop(doors);
        self.journal.work.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.journal.progress.end(End::Over);
    }
}

fn run(journal: &Journal, storage: Box<dyn Storage>, at_end: Option<&dyn AtEnd>) {
    let mut writing =
        Writing { journal, storage, unsynced: None, unmarked: None, asked: Instant::now(), settled: None };
    if let Err(why) = writing.until_over().and_then(|()| writing.end(at_end)) {
        // In this order: what is noted from here on never leaves.
        tracing::error!("nothing more can be written: {why}");
        journal.progress.end(End::Failed(why.into()));
        journal.finish();
        // Nothing of it will be on disk, and nothing more is noted.
        journal.room.saved(journal.batch.lock().take_bytes());
    }
}

/// The batches on their way to the storage.
struct Writing<'a> {
    journal: &'a Journal,
    storage: Box<dyn Storage>,
    /// When the first batch was written that is not synced.
    unsynced: Option<Instant>,
    /// When the last batch was written, if no mark is behind it.
    unmarked: Option<Instant>,
    /// When it was asked last what the storage takes.
    asked: Instant,
    /// When the log was last moved into the states before its time.
    settled: Option<Instant>,
}

/// What the thread that commits does next.
enum Next {
    /// Commits what was noted.
    Commit,
    /// Does what is due when nothing was noted for a while.
    Rest,
    /// The journal is over, and everything is committed.
    End,
}

impl Writing<'_> {
    fn until_over(&mut self) -> Result<(), String> {
        self.ask()?;
        loop {
            match self.next() {
                Next::Commit => {
                    self.commit()?;
                    let now = Instant::now();
                    self.unmarked = Some(now);
                    self.unsynced.get_or_insert(now);
                    self.sync_in_time()?;
                    if now.duration_since(self.asked) >= ASKING {
                        self.ask()?;
                    }
                }
                Next::Rest => {
                    self.sync_in_time()?;
                    self.ask()?;
                    if self.unmarked.is_some_and(|at| at.elapsed() >= IDLE) {
                        self.mark()?;
                    }
                }
                Next::End => return Ok(()),
            }
        }
    }

    /// Asks what the storage takes.
    fn ask(&mut self) -> Result<(), String> {
        self.asked = Instant::now();
        let room = &self.journal.room;
        room.takes(self.storage.usage());
        if room.is_scarce() && self.settled.is_none_or(|at| at.elapsed() >= SETTLING) {
            self.settled = Some(self.asked);
            self.storage.settle().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Writes what is written in the end.
    fn end(&mut self, at_end: Option<&dyn AtEnd>) -> Result<(), String> {
        if let Some(at_end) = at_end {
            at_end.write(&mut |batch| {
                let (number, mut noted) = self.close();
                noted.deferred.append(batch);
                let now = Instant::now();
                self.unmarked = Some(now);
                self.unsynced.get_or_insert(now);
                self.put(number, &noted.deferred)
            })?;
        }
        let has_more = !self.journal.batch.lock().deferred.is_empty();
        if has_more || self.unmarked.is_some() { self.mark() } else { Ok(()) }
    }

    /// Waits until there is something to do.
    fn next(&self) -> Next {
        let synced_by = match self.journal.durability {
            Durability::Within(time) => self.unsynced.and_then(|at| at.checked_add(time)),
            Durability::Always | Durability::Never => None,
        };
        // A mark says up to where batches are synced, and so nothing if they are not.
        let marked_by = match self.journal.durability {
            Durability::Never => None,
            _ => self.unmarked.map(|at| at + IDLE),
        };
        // There may be room again although nothing was committed.
        let asked_by = self.journal.room.is_scarce().then(|| self.asked + SETTLING);
        let until = [synced_by, marked_by, asked_by].into_iter().flatten().min();
        let mut batch = self.journal.batch.lock();
        let gathered_by = match self.journal.durability {
            Durability::Always => None,
            // Otherwise each would be a batch of its own, and a thread that is woken for it.
            Durability::Within(_) | Durability::Never => self.unmarked.map(|at| at + GATHERING),
        };
        while let Some(until) = gathered_by
            && !batch.over
            && !self.journal.work.wait_until(&mut batch, until).timed_out()
        {}
        while batch.is_empty() {
            if batch.over {
                return Next::End;
            }
            match until {
                None => self.journal.work.wait(&mut batch),
                Some(until) => {
                    if self.journal.work.wait_until(&mut batch, until).timed_out() && batch.is_empty() {
                        return Next::Rest;
                    }
                }
            }
        }
        Next::Commit
    }

    /// Closes the open batch, and commits it.
    fn commit(&mut self) -> Result<(), String> {
        let (number, batch) = self.close();
        let bytes = batch.bytes();
        let committed = self.commit_closed(number, batch);
        self.journal.room.saved(bytes);
        committed
    }

    fn commit_closed(&mut self, number: u64, mut batch: OpenBatch) -> Result<(), String> {
        if self.journal.faults.has(PlantedFault::EncodesLate) {
            thread::sleep(LATE);
        }
        for entry in &batch.entries {
            entry.write(&mut batch.rows);
        }
        batch.deferred.append(&batch.rows);
        // Nothing is found committed before it is.
        self.put(number, &batch.deferred)?;
        // In this order: who finds an object without changes on their way finds the last of these here.
        self.journal.progress.commit(number);
        for entry in &batch.entries {
            entry.committed();
        }
        for taken in batch.snapshots {
            self.storage.snapshot(taken).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Commits batch `number` to the storage.
    fn put(&mut self, number: u64, batch: &Batch) -> Result<(), String> {
        let committed = self.storage.commit(0, batch).map_err(|error| error.to_string())?;
        if committed != number {
            return Err(format!("batch {number} was committed as batch {committed}"));
        }
        if self.journal.durability == Durability::Always {
            self.storage.sync().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn close(&self) -> (u64, OpenBatch) {
        let _doors = self.journal.doors.write();
        let mut batch = self.journal.batch.lock();
        let over = batch.over;
        let closed = std::mem::take(&mut *batch);
        batch.over = over;
        (self.journal.open.fetch_add(1, Ordering::AcqRel), closed)
    }

    /// Syncs what was written, if it is time.
    fn sync_in_time(&mut self) -> Result<(), String> {
        let is_due = match self.journal.durability {
            Durability::Always => true,
            Durability::Within(time) => self.unsynced.is_some_and(|at| at.elapsed() >= time),
            Durability::Never => false,
        };
        if is_due { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), String> {
        if self.unsynced.take().is_some() {
            self.storage.sync().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Puts a batch without changes behind the last one: by that it is known when the last one is damaged, and that it
    /// was not just never finished. Everything is synced then.
    fn mark(&mut self) -> Result<(), String> {
        self.sync()?;
        self.commit()?;
        self.unsynced = Some(Instant::now());
        self.unmarked = None;
        self.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::PlantedFaults;
    use tarmem_storage::{Hooked, MemoryDisk, MemoryStorage, StorageError};

    #[tokio::test]
    async fn nothing_leaves_that_may_know_of_a_change_after_a_failure_while_nothing_was_noted() {
        for durability in [Durability::Always, Durability::Within(Duration::from_secs(1))] {
            let journal = Journal::new(1, durability, PlantedFaults::default());
            // It fails when it is to put a mark behind the last batch.
            let no_marks = |batch: &Batch| match batch.is_empty() {
                true => Err(StorageError::Refused("planted".to_owned())),
                false => Ok(()),
            };
            let storage = Hooked::new(MemoryStorage::open(&MemoryDisk::default()), no_marks);
            let _committing = Committing::start(&journal, Box::new(storage), None).expect("it starts");
            journal.note(|batch| batch.put(1, b"key", b"before"));
            let before = journal.noted();
            assert!(journal.opens_for(before).await);
            journal.failed().await;
            // The failure is known a moment before nothing more is noted.
            while !journal.batch.lock().over {
                tokio::task::yield_now().await;
            }
            let entered = journal.enter();
            journal.note(|batch| batch.put(1, b"key", b"after"));
            for gate in [entered.gate(), journal.noted()] {
                assert!(gate > before && !journal.is_open_for(gate), "{durability:?}: {gate}");
            }
            assert!(journal.is_open_for(before), "{durability:?}");
        }
    }
}
