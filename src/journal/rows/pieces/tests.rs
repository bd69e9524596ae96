//! States are written to a storage, and read back.

use super::*;
use crate::journal::rows::{self, put_object};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tarmem_storage::{MemoryDisk, MemoryStorage, Storage};

/// A storage that has these rows.
fn written(batches: &[Batch]) -> MemoryDisk {
    let disk = MemoryDisk::default();
    for batch in batches {
        MemoryStorage::open(&disk).commit(0, batch).expect("it is committed");
    }
    disk
}

/// The states on a disk, and their first calls; and how many pieces were left over.
type Found = (BTreeMap<u64, (Vec<u8>, u64)>, usize);

fn read(disk: &MemoryDisk) -> Result<Found, DamagedState> {
    let (mut gathering, mut states, mut left_over, mut damage) = (Gathering::default(), BTreeMap::new(), 0, None);
    let loaded = MemoryStorage::open(disk).load(&mut |table, key, value| {
        if table == OBJECTS {
            let object = rows::object(key).expect("an object");
            match Head::read(value).expect("a head") {
                Some(head) => gathering.head(object, head),
                None => drop(states.insert(object, (value.to_vec(), 0))),
            }
            return Ok(());
        }
        let key = of_key(key).expect("a piece");
        match gathering.piece(key, value) {
            Ok(Gathered::LeftOver) => left_over += 1,
            Ok(Gathered::Part) => {}
            Ok(Gathered::State(head, state)) => drop(states.insert(key.0, (state, head.first_call))),
            Err(error) => drop(damage.get_or_insert(error)),
        }
        Ok(())
    });
    loaded.expect("it is loaded");
    damage.map_or(Ok(()), Err)?;
    gathering.end()?;
    Ok((states, left_over))
}

/// How many rows of pieces there are.
fn pieces(disk: &MemoryDisk) -> usize {
    let mut pieces = 0;
    let loaded = MemoryStorage::open(disk).load(&mut |table, _, _| {
        pieces += usize::from(table == PIECES);
        Ok(())
    });
    loaded.expect("it is loaded");
    pieces
}

proptest! {
    #[test]
    fn any_state_that_is_put_is_read_back(
        states in prop::collection::vec(
            (0_u64..4, prop::collection::vec(any::<u8>(), 0..200), 0..3_u8, any::<Option<u64>>()),
            1..12,
        ),
        piece in 1_usize..40,
    ) {
        let (mut batches, mut expected, mut in_pieces) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (object, mut state, flags, first_call) in states {
            let mut batch = Batch::default();
            if let Some(first) = state.first_mut() {
                *first = flags & !IN_PIECES;
            }
            let has = in_pieces.entry(object).or_insert(false);
            *has = match first_call.filter(|_| !state.is_empty()) {
                Some(first_call) => {
                    put_all(&mut batch, object, &state, first_call, piece);
                    true
                }
                None => put_object(&mut batch, object, &state, *has, piece),
            };
            let first_call = first_call.filter(|_| !state.is_empty()).unwrap_or(0);
            expected.insert(object, (state, first_call));
            batches.push(batch);
        }
        let disk = written(&batches);
        prop_assert_eq!(read(&disk), Ok((expected.clone(), 0)));
        // Nothing stays of an object that is removed.
        let mut batch = Batch::default();
        for object in expected.keys() {
            rows::remove_object(&mut batch, *object, in_pieces[object]);
        }
        MemoryStorage::open(&disk).commit(0, &batch).expect("it is committed");
        prop_assert_eq!(read(&disk), Ok((BTreeMap::new(), 0)));
        prop_assert_eq!(pieces(&disk), 0);
    }

    #[test]
    fn any_row_can_be_read(bytes: Vec<u8>) {
        let _ = (Head::read(&bytes), of_key(&bytes));
    }
}

const STATE: &[u8] = b"\x01a state in four pieces";

/// A state in pieces of six bytes, under version 7.
fn in_pieces() -> Batch {
    let mut batch = Batch::default();
    for (index, bytes) in cut(STATE, 6) {
        put(&mut batch, 3, 7, index, bytes);
    }
    Head::of(STATE, 7, 40, 6).put(&mut batch, 3);
    batch
}

#[test]
fn a_state_comes_with_its_flags_and_the_number_of_its_first_call() {
    let mut rest = in_pieces();
    // What was written for states that never came to be.
    for (object, version) in [(3, 6), (3, 9), (2, 7), (4, 7)] {
        put(&mut rest, object, version, 0, b"left over");
    }
    let disk = written(&[rest]);
    assert_eq!(read(&disk), Ok(([(3, (STATE.to_vec(), 40))].into(), 4)));
    let mut batch = Batch::default();
    remove_others(&mut batch, 3, 7);
    remove_version(&mut batch, 2, 7);
    MemoryStorage::open(&disk).commit(0, &batch).expect("it is committed");
    assert_eq!(read(&disk), Ok(([(3, (STATE.to_vec(), 40))].into(), 1)));
}

#[test]
fn a_piece_that_is_missing_or_too_many_or_too_long_is_damage() {
    let with = |change: &dyn Fn(&mut Batch)| {
        let mut batch = in_pieces();
        change(&mut batch);
        read(&written(&[batch])).expect_err("it is damaged").to_string()
    };
    for missing in 0..4 {
        let damage = with(&|batch| batch.remove(PIECES, &key(3, 7, missing)));
        assert!(damage.contains("missing"), "{damage}");
    }
    let damage = with(&|batch| put(batch, 3, 7, 4, b"more"));
    assert_eq!(damage, "the state of object 3 is damaged: it has a piece 4, of 4");
    let damage = with(&|batch| put(batch, 3, 7, 3, b"longer"));
    assert_eq!(damage, "the state of object 3 is damaged: its pieces have 24 bytes, and should have 22");
    let damage = with(&|batch| remove_all(batch, 3));
    assert_eq!(damage, "the state of object 3 is damaged: of its 4 pieces, some are missing");
}
