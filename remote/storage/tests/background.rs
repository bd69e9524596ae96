//! Commits, while a thread of its own makes segments and folds them: on a real file system, where that takes its time.

use std::sync::Arc;
use tarmem_storage::{Batch, LocalOptions, LocalStorage, RealDisk, Storage};

/// Commits that do not wait for a sync fill segments faster than the next ones are made.
#[test]
fn commits_that_outrun_the_background_are_read_back_in_order() {
    let directory = tempfile::tempdir().expect("made");
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.log_bytes, options.fold_rate) = (4096, 1 << 20, None);
    options.sync_each = false;
    let open = || LocalStorage::open(Arc::new(RealDisk::exclusive(directory.path())?), options.clone());
    for round in 0..10_u64 {
        let mut storage = open().expect("it opens");
        assert_eq!(storage.last(), round * 100);
        for _ in 0..100 {
            let mut batch = Batch::default();
            let number = storage.last() + 1;
            // Now and then one that is larger than a segment.
            let length = if number % 17 == 0 { 6000 } else { 1000 };
            batch.put(1, b"last", &number.to_le_bytes());
            batch.put(2, &(number % 7).to_le_bytes(), &vec![number as u8; length]);
            assert_eq!(storage.commit(0, &batch).expect("it is written"), number);
        }
    }
    let mut storage = open().expect("it opens");
    let mut last = 0;
    let loaded = storage.load(&mut |table, _, value| {
        if table == 1 {
            last = u64::from_le_bytes(value.try_into().expect("8 bytes"));
        }
        Ok(())
    });
    loaded.expect("it is read");
    assert_eq!((storage.last(), last), (1000, 1000));
}

/// A few full segments wait for more of them, unless the log is to settle.
#[test]
fn what_waits_to_be_folded_is_folded_when_the_storage_is_to_settle() {
    let directory = tempfile::tempdir().expect("made");
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.log_bytes, options.reserve_bytes) = (4096, 1 << 20, 0);
    let mut storage = LocalStorage::open(Arc::new(RealDisk::new(directory.path())), options).expect("it opens");
    for number in 0..20_u8 {
        let mut batch = Batch::default();
        batch.put(1, &[number], &[number; 1000]);
        storage.commit(0, &batch).expect("it is written");
    }
    let waiting = storage.usage();
    assert!(waiting.log_bytes > 20_000 && waiting.value_bytes == 0, "{waiting:?}");
    storage.settle().expect("nothing fails");
    while storage.usage().value_bytes < 20_000 {
        std::thread::yield_now();
    }
    // The segments are given back a moment later.
    while storage.usage().log_bytes > 4096 {
        std::thread::yield_now();
    }
}
