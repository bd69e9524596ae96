//! The thread that commits one batch after the other.

use super::{End, Journal, OpenBatch};
use crate::faults::PlantedFault;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tarmem_storage::Storage;

/// How late a planted fault is.
const LATE: Duration = Duration::from_millis(1);

/// The thread that commits the batches of a journal. Dropping this commits what was noted so far, and ends it.
pub(crate) struct Committing {
    journal: Arc<Journal>,
    thread: Option<JoinHandle<()>>,
}

impl Committing {
    /// Starts to commit the batches of `journal`.
    pub(crate) fn start(journal: &Arc<Journal>, storage: Box<dyn Storage>) -> io::Result<Self> {
        let committed = Arc::clone(journal);
        let thread = thread::Builder::new().name("tarmem-commit".to_owned()).spawn(move || run(&committed, storage))?;
        Ok(Committing { journal: Arc::clone(journal), thread: Some(thread) })
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        // Not while anybody is in the open batch, of which one part would be kept and another would not.
        let doors = self.journal.doors.write();
        self.journal.batch.lock().over = true;
        drop(doors);
        self.journal.work.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        end(&self.journal, End::Over);
    }
}

fn run(journal: &Journal, mut storage: Box<dyn Storage>) {
    while let Some((number, mut batch)) = next(journal) {
        if journal.faults.has(PlantedFault::EncodesLate) {
            thread::sleep(LATE);
        }
        for entry in &batch.entries {
            entry.write(&mut batch.rows);
        }
        batch.deferred.append(&batch.rows);
        // Nothing is found committed before it is.
        let committed = storage.commit(0, &batch.deferred);
        match committed {
            Ok(committed) if committed == number => {}
            Ok(other) => return stop(journal, &format!("batch {number} was committed as batch {other}")),
            Err(error) => return stop(journal, &error.to_string()),
        }
        for entry in &batch.entries {
            entry.committed();
        }
        journal.progress.send_modify(|progress| progress.committed = number);
    }
}

/// Waits until something is noted, and closes the batch. `None` when the journal is over and everything is committed.
fn next(journal: &Journal) -> Option<(u64, OpenBatch)> {
    {
        let mut batch = journal.batch.lock();
        while batch.is_empty() {
            if batch.over {
                return None;
            }
            journal.work.wait(&mut batch);
        }
    }
    let doors = journal.doors.write();
    let (number, closed) = {
        let mut batch = journal.batch.lock();
        let over = batch.over;
        let closed = std::mem::take(&mut *batch);
        batch.over = over;
        (journal.open.fetch_add(1, Ordering::AcqRel), closed)
    };
    drop(doors);
    Some((number, closed))
}

/// Nothing more can be written.
fn stop(journal: &Journal, why: &str) {
    tracing::error!("nothing more can be written: {why}");
    journal.batch.lock().over = true;
    end(journal, End::Failed(why.into()));
}

/// What is not on disk yet never will be.
fn end(journal: &Journal, why: End) {
    journal.progress.send_modify(|progress| {
        progress.ended.get_or_insert(why);
    });
}
