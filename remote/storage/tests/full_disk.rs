//! A disk that gets full: deleting and small changes go on, and their room comes back.

use std::sync::Arc;
use tarmem_storage::sim::SimDisk;
use tarmem_storage::{Batch, Disk, LocalOptions, LocalReader, LocalStorage, Storage};

const SEGMENT: u64 = 4 << 20;
const RESERVE: u64 = 8 << 20;

fn open(disk: &SimDisk) -> LocalStorage {
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.reserve_bytes, options.in_background) = (SEGMENT, RESERVE, false);
    LocalStorage::open(Arc::new(disk.clone()), options).expect("it opens")
}

/// Does what the background would do in a while.
fn rest(storage: &mut LocalStorage) {
    for _ in 0..4 {
        storage.keep().expect("nothing is written for which there is no room");
    }
}

fn put(storage: &mut LocalStorage, key: u64, value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(1, &key.to_be_bytes(), value);
    storage.commit(0, &batch).expect("it is written");
}

fn remove(storage: &mut LocalStorage, key: u64) {
    let mut batch = Batch::default();
    batch.remove(1, &key.to_be_bytes());
    storage.commit(0, &batch).expect("it is written");
}

fn free(disk: &SimDisk) -> u64 {
    disk.free_bytes().expect("known").expect("limited")
}

fn has_reserve(disk: &SimDisk) -> bool {
    disk.names().expect("listed").iter().any(|name| name == "reserve")
}

/// A directory with 40 large values, on a disk that somebody else has filled up.
fn filled(left: usize) -> (SimDisk, LocalStorage) {
    let disk = SimDisk::new();
    disk.leave(200 << 20);
    let mut storage = open(&disk);
    rest(&mut storage);
    for key in 0..40 {
        put(&mut storage, key, &[7; 100_000]);
    }
    rest(&mut storage);
    assert!(has_reserve(&disk));
    disk.leave(left);
    (disk, storage)
}

#[test]
fn deleting_and_small_changes_go_on_when_the_disk_is_full() {
    for left in [0, 1 << 20, 7 << 20] {
        let (disk, mut storage) = filled(left);
        for round in 0..10 {
            put(&mut storage, 100 + round % 3, &round.to_be_bytes());
            storage.settle().expect("it does without, if there is no room");
            rest(&mut storage);
        }
        for key in 0..39 {
            remove(&mut storage, key);
            if key % 10 == 8 {
                storage.settle().expect("it does without, if there is no room");
                rest(&mut storage);
            }
        }
        let reader = LocalReader::open(&disk.copy()).expect("it is whole");
        let mut keys = Vec::new();
        let read = reader.each(&mut |_, key, _| {
            keys.push(u64::from_be_bytes(key.try_into().expect("8 bytes")));
            Ok(())
        });
        read.expect("it is whole");
        assert_eq!(keys, [39, 100, 101, 102]);
        assert!(storage.usage().used_bytes() < 200_000, "{:?}", storage.usage());
        // A start on the full disk is no different.
        drop(storage);
        let mut storage = open(&disk);
        rest(&mut storage);
        remove(&mut storage, 39);
        storage.settle().expect("there is room");
        rest(&mut storage);
        assert!(storage.usage().value_bytes < 1000, "{:?}", storage.usage());
    }
}

#[test]
fn what_was_put_and_removed_needs_no_room_to_be_folded() {
    let (disk, mut storage) = filled(32 << 20);
    for key in 200..330 {
        put(&mut storage, key, &[7; 100_000]);
    }
    // Somebody takes what is left.
    disk.leave(0);
    rest(&mut storage);
    for key in 0..330 {
        remove(&mut storage, key);
    }
    for _ in 0..3 {
        storage.settle().expect("it does without, if there is no room");
        rest(&mut storage);
    }
    assert!(storage.usage().used_bytes() < 100_000, "{:?}", storage.usage());
    assert!(free(&disk) > 0 && has_reserve(&disk), "{} bytes are free", free(&disk));
}

#[test]
fn the_reserve_is_made_again_when_there_is_room() {
    let (disk, mut storage) = filled(0);
    put(&mut storage, 1, b"small");
    storage.settle().expect("there is room in reserve");
    rest(&mut storage);
    // Somebody takes that, too.
    disk.leave(1 << 20);
    drop(storage);
    let mut storage = open(&disk);
    rest(&mut storage);
    disk.leave(2 * RESERVE as usize + (3 << 20));
    rest(&mut storage);
    assert!(has_reserve(&disk));
    assert_eq!(storage.usage().reserve_bytes, RESERVE);
}

#[test]
fn what_is_prepared_for_the_log_is_not_counted_as_used() {
    let disk = SimDisk::new();
    let mut storage = open(&disk);
    put(&mut storage, 1, b"one");
    let used = |storage: &LocalStorage| storage.usage().used_bytes();
    assert!(used(&storage) < 1000 && storage.usage().file_bytes() > SEGMENT, "{:?}", storage.usage());
    drop(storage);
    let storage = open(&disk);
    assert!(used(&storage) < 1000 && storage.usage().file_bytes() > SEGMENT, "{:?}", storage.usage());
    let reader = LocalReader::open(&disk).expect("it is whole");
    assert!(reader.usage().used_bytes() < 1000, "{:?}", reader.usage());
}
