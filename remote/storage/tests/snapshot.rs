//! Snapshots of a directory, on a real file system, while commits go on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use tarmem_storage::{Batch, LocalOptions, LocalStorage, RealDisk, Snapshot, Storage, StorageError};

type Rows = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn open(directory: &Path) -> LocalStorage {
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.log_bytes, options.fold_rate) = (8192, 1 << 20, None);
    (options.fold_bytes, options.sync_each) = (512, false);
    LocalStorage::open(Arc::new(RealDisk::exclusive(directory).expect("it is free")), options).expect("it opens")
}

/// Commits a batch that changes some rows, and makes the same changes in `rows`. Row 0 of each table says how often.
fn change(storage: &mut LocalStorage, rows: &mut Rows) {
    let number = storage.last() + 1;
    let mut batch = Batch::default();
    for table in [1, 2] {
        let mut put = |key: u64, value: Vec<u8>| {
            batch.put(table, &key.to_be_bytes(), &value);
            rows.insert((table, key.to_be_bytes().to_vec()), value);
        };
        put(0, number.to_be_bytes().to_vec());
        put(1 + number % 50, vec![number as u8; 100 + number as usize % 300]);
        let gone = 1 + (number * 7) % 50;
        if gone != 1 + number % 50 {
            batch.remove(table, &gone.to_be_bytes());
            rows.remove(&(table, gone.to_be_bytes().to_vec()));
        }
    }
    assert_eq!(storage.commit(0, &batch).expect("it is written"), number);
}

type Taken = Receiver<Result<Box<dyn Snapshot>, StorageError>>;

fn take(storage: &mut LocalStorage) -> Taken {
    let (sender, taken) = mpsc::channel();
    storage.snapshot(Box::new(move |snapshot| drop(sender.send(snapshot)))).expect("nothing fails");
    taken
}

/// Reads all of it, so many rows at a time.
fn read(snapshot: &dyn Snapshot, rows_at_once: usize, mut between: impl FnMut()) -> Result<Rows, StorageError> {
    let (mut rows, mut from) = (Rows::new(), Some((0, Vec::new())));
    while let Some((table, key)) = from.take() {
        let mut left = rows_at_once;
        snapshot.each_from(table, &key, &mut |table, key, value| {
            if left == 0 {
                from = Some((table, key.to_vec()));
                return ControlFlow::Break(());
            }
            left -= 1;
            rows.insert((table, key.to_vec()), value.to_vec());
            ControlFlow::Continue(())
        })?;
        between();
    }
    Ok(rows)
}

#[test]
fn a_snapshot_has_what_was_committed_before_it_and_nothing_else() {
    let directory = tempfile::tempdir().expect("made");
    let mut storage = open(directory.path());
    storage.load(&mut |_, _, _| Ok(())).expect("it is empty");
    let mut rows = Rows::new();
    let empty = take(&mut storage).recv().expect("it is taken").expect("there is room");
    assert_eq!(read(&*empty, 3, || {}).expect("it is read"), rows);
    for round in 0..8 {
        (0..round * 7).for_each(|_| change(&mut storage, &mut rows));
        let (taken, last, then) = (take(&mut storage), storage.last(), rows.clone());
        // It may not be there yet.
        (0..round).for_each(|_| change(&mut storage, &mut rows));
        let snapshot = taken.recv().expect("it is taken").expect("there is room");
        assert_eq!((snapshot.id(), snapshot.last()), (storage.id(), last));
        // What is replaced meanwhile is folded meanwhile.
        let there = read(&*snapshot, 3, || (0..3).for_each(|_| change(&mut storage, &mut rows)));
        assert!(there.expect("it is read") == then, "snapshot of batch {last}");
    }
}

#[test]
fn snapshots_end_when_there_is_little_room() {
    let directory = tempfile::tempdir().expect("made");
    let mut storage = open(directory.path());
    storage.load(&mut |_, _, _| Ok(())).expect("it is empty");
    change(&mut storage, &mut Rows::new());
    let snapshot = take(&mut storage).recv().expect("it is taken").expect("there is room");
    assert!(read(&*snapshot, 3, || {}).is_ok());
    storage.settle().expect("nothing fails");
    let ended = read(&*snapshot, 3, || {}).expect_err("it has ended");
    assert!(ended.to_string().contains("little room"), "{ended}");
    assert!(take(&mut storage).recv().expect("it is taken").is_ok());
}

#[test]
fn a_storage_that_is_closed_keeps_nobody_waiting() {
    let directory = tempfile::tempdir().expect("made");
    for _ in 0..8 {
        let mut storage = open(directory.path());
        storage.load(&mut |_, _, _| Ok(())).expect("it is read");
        (0..50).for_each(|_| change(&mut storage, &mut Rows::new()));
        let taken = take(&mut storage);
        drop(storage);
        // One that was taken is still there, another one never will be.
        if let Ok(snapshot) = taken.recv() {
            assert!(read(&*snapshot.expect("there is room"), 3, || {}).is_ok());
        }
    }
}
