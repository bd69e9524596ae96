//! Backups: a client reads a snapshot of what the service keeps, one part after the other.
//!
//! A snapshot is taken by the thread that commits, between two batches, and has only what is on disk: a function over
//! several objects wholly or not at all, and everything that was noted before the client has asked.

use super::engine::Engine;
use super::request::Request;
use super::step::{Later, Step};
use crate::journal::Journal;
use crate::server::session::ServerSession;
use crate::server::state::backup::Backup;
use std::ops::ControlFlow;
use std::sync::Arc;
use tarmem_remote::backup::{BackupPart, BackupPosition, BackupRow};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{BackupFrom, Reply};
use tarmem_storage::{Snapshot, StorageError};
use tokio::sync::oneshot;

/// How many bytes of rows are in a part, about.
const PART_BYTES: usize = 256 << 10;

/// What a row takes besides its key and value, at most.
const ROW_BYTES: usize = 32;

impl Engine {
    /// Takes a backup, or goes on with the one that the session has taken, and reads a part.
    pub(super) fn backup(&self, request: &Request<'_>, from: Option<BackupFrom<'_>>) -> Result<Step, Error> {
        let session = Arc::clone(request.session);
        let Some(journal) = self.state.journal().cloned() else {
            return Err(no("the service keeps its objects in memory only; start it with --data"));
        };
        let most = PART_BYTES.min(request.result_bytes / 2);
        let (begun, from) = match from {
            Some(BackupFrom { table, key, offset }) => {
                let gone = "the session is taking none, or the service was started again meanwhile; take a new one";
                let backup = session.backup().ok_or_else(|| no(gone))?;
                (Some(backup), BackupPosition { table, key: key.to_owned(), offset })
            }
            None => (None, BackupPosition { table: 0, key: Vec::new(), offset: 0 }),
        };
        Ok(Step::Later(Later::new(async move {
            let backup = match begun {
                Some(backup) => Ok(backup),
                None => begin(&session, &journal).await,
            };
            let part = match backup {
                Ok(backup) => read(&session, backup, from, most).await,
                Err(error) => Err(error),
            };
            if !matches!(&part, Ok(part) if part.next.is_some()) {
                session.reads_backup(None);
            }
            part.map_or_else(Reply::failed, |part| Reply::done(&part))
        })))
    }
}

/// Takes a backup.
async fn begin(session: &ServerSession, journal: &Journal) -> Result<Arc<Backup>, Error> {
    // One that it may not have read to its end.
    session.reads_backup(None);
    let permit = session.state().backups.try_begin();
    let permit = permit.ok_or_else(|| no("another one is being taken; try again when that is done"))?;
    let (sender, taken) = oneshot::channel();
    journal.snapshot(Box::new(move |snapshot| drop(sender.send(snapshot))));
    let snapshot = match taken.await {
        Ok(snapshot) => snapshot.map_err(failed)?,
        Err(_) => {
            return Err(match journal.failure() {
                Some(reason) => Error::StorageFailed { reason: reason.to_string() },
                None => no("the service ends; try again when it is back"),
            });
        }
    };
    let backup = Arc::new(Backup { snapshot, _permit: permit });
    session.reads_backup(Some(Arc::clone(&backup)));
    Ok(backup)
}

/// Reads the part that begins at `from`, of `most` bytes, on a thread that may wait for the disk.
async fn read(
    session: &ServerSession,
    backup: Arc<Backup>,
    from: BackupPosition,
    most: usize,
) -> Result<BackupPart, Error> {
    let _place = session.off_thread().await;
    let reading = session.state().runtime.spawn_blocking(move || part(&*backup.snapshot, from, most));
    reading.await.map_err(|_| Error::Cancelled)?.map_err(failed)
}

/// The part of a snapshot that begins at `from`. It has `most` bytes, or not many more.
fn part(snapshot: &dyn Snapshot, from: BackupPosition, most: usize) -> Result<BackupPart, StorageError> {
    let (mut rows, mut next, mut left) = (Vec::new(), None, most.max(1));
    snapshot.each_from(from.table, &from.key, &mut |table, key, value| {
        let is_first = rows.is_empty() && (table, key) == (from.table, &*from.key);
        let begin =
            if is_first { usize::try_from(from.offset).map_or(value.len(), |at| at.min(value.len())) } else { 0 };
        if left == 0 || (!rows.is_empty() && left < key.len() + ROW_BYTES) {
            next = Some(BackupPosition { table, key: key.to_owned(), offset: 0 });
            return ControlFlow::Break(());
        }
        left = left.saturating_sub(key.len() + ROW_BYTES).max(1);
        let end = value.len().min(begin.saturating_add(left));
        left -= end - begin;
        rows.push(BackupRow { table, key: key.to_owned(), value: value[begin..end].to_vec() });
        if end == value.len() {
            return ControlFlow::Continue(());
        }
        next = Some(BackupPosition { table, key: key.to_owned(), offset: end as u64 });
        ControlFlow::Break(())
    })?;
    let service = env!("CARGO_PKG_VERSION").to_owned();
    Ok(BackupPart { service, directory: snapshot.id(), batch: snapshot.last(), rows, next })
}

fn no(reason: &str) -> Error {
    Error::NoBackup { reason: reason.to_owned() }
}

fn failed(error: StorageError) -> Error {
    Error::NoBackup { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::mpsc;
    use tarmem_storage::{Batch, MemoryDisk, MemoryStorage, Storage};

    #[test]
    fn parts_are_bounded_and_together_have_every_row_once() {
        let rows: BTreeMap<(u8, Vec<u8>), Vec<u8>> = (0..200_usize)
            .map(|n| {
                ((1 + (n % 3) as u8, vec![n as u8; n % 7]), vec![n as u8; if n % 11 == 0 { 5000 } else { n % 40 }])
            })
            .collect();
        let mut storage = MemoryStorage::open(&MemoryDisk::default());
        let mut batch = Batch::default();
        rows.iter().for_each(|((table, key), value)| batch.put(*table, key, value));
        storage.commit(0, &batch).expect("it is written");
        let (sender, taken) = mpsc::channel();
        storage.snapshot(Box::new(move |snapshot| drop(sender.send(snapshot)))).expect("nothing fails");
        let snapshot = taken.recv().expect("it is taken").expect("it can be");
        for most in [0, 1, 40, 1000, 4999, 5000, 1 << 20] {
            let (mut read, mut from) = (BTreeMap::<_, Vec<u8>>::new(), Some((0, Vec::new(), 0)));
            while let Some((table, key, offset)) = from.take() {
                let part =
                    part(&*snapshot, BackupPosition { table, key: Vec::clone(&key), offset }, most).expect("read");
                let bytes: usize = part.rows.iter().map(|row| row.key.len() + row.value.len()).sum();
                assert!(bytes <= most + 8, "{bytes} bytes of {most}");
                for (n, row) in part.rows.into_iter().enumerate() {
                    let goes_on = n == 0 && offset > 0;
                    let before = read
                        .entry((row.table, row.key))
                        .or_insert_with(|| if goes_on { panic!("no begin") } else { Vec::new() });
                    assert!(goes_on || before.is_empty());
                    before.extend(row.value);
                }
                from = part.next.map(|next| (next.table, next.key, next.offset));
            }
            assert!(read == rows, "parts of {most} bytes");
        }
    }
}
