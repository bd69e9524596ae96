//! The power fails at every write of a recorded run, the very first ones included: what is read back is what was
//! committed up to some batch, and no batch that was acknowledged is missing.

use std::collections::BTreeMap;
use std::sync::Arc;
use tarmem_storage::sim::{Dice, Fault, SimDisk};
use tarmem_storage::{Batch, LocalOptions, LocalStorage, Storage, StorageError};

type Model = BTreeMap<(u8, Vec<u8>), Vec<u8>>;

fn options() -> LocalOptions {
    let mut options = LocalOptions::default();
    // Small, so that a short run fills, folds and reuses several segments.
    options.segment_bytes = 1024;
    options.log_bytes = 3 * 1024;
    options.fold_bytes = 200;
    options.in_background = false;
    options
}

/// The batch with this number, as everybody knows it.
fn change(number: u64, model: &mut Model) -> Batch {
    let mut dice = Dice::new(number);
    let mut batch = Batch::default();
    for _ in 0..=dice.below(4) {
        let key = vec![dice.below(12) as u8];
        match dice.below(6) {
            0 => {
                batch.remove(1, &key);
                model.remove(&(1, key));
            }
            1 => {
                let to = vec![key[0] + dice.below(4) as u8];
                batch.remove_range(1, &key, &to);
                model.retain(|(_, other), _| *other < key || *other >= to);
            }
            _ => {
                let value = vec![number as u8; dice.below(120) as usize];
                batch.put(1, &key, &value);
                model.insert((1, key), value);
            }
        }
    }
    batch
}

/// What was committed up to each batch.
fn history(batches: u64) -> Vec<Model> {
    let mut model = Model::new();
    let mut history = vec![model.clone()];
    for number in 1..=batches {
        change(number, &mut model);
        history.push(model.clone());
    }
    history
}

fn load(storage: &mut LocalStorage) -> Result<Model, StorageError> {
    let mut model = Model::new();
    storage.load(&mut |table, key, value| {
        assert!(model.insert((table, key.to_vec()), value.to_vec()).is_none(), "{key:?} is there twice");
        Ok(())
    })?;
    Ok(model)
}

/// Commits batches until the disk fails, or `until` are there. Returns how many were acknowledged at the least.
fn run(disk: &SimDisk, until: u64, sync_each: bool, dice: &mut Dice) -> (u64, Option<StorageError>) {
    let mut options = options();
    options.sync_each = sync_each;
    let mut acknowledged = 0;
    let work = || -> Result<(), StorageError> {
        let mut storage = LocalStorage::open(Arc::new(disk.clone()), options)?;
        load(&mut storage)?;
        acknowledged = storage.last();
        while storage.last() < until {
            let number = storage.commit(0, &change(storage.last() + 1, &mut Model::new()))?;
            if sync_each {
                acknowledged = number;
            } else if dice.below(3) == 0 {
                storage.sync()?;
                acknowledged = number;
            }
            while dice.below(3) == 0 && storage.keep()? {}
        }
        Ok(())
    };
    let failed = work().err();
    (acknowledged, failed)
}

/// Opens the disk as it is now, and checks what is there.
fn audit(disk: &SimDisk, acknowledged: u64, history: &[Model], what: &str) -> u64 {
    let mut storage =
        LocalStorage::open(Arc::new(disk.clone()), options()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let last = storage.last();
    assert!(last >= acknowledged, "{what}: {acknowledged} were acknowledged, and {last} are there");
    let found = load(&mut storage).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found, history[last as usize], "{what}: batch {last}");
    last
}

const BATCHES: u64 = 45;

fn power_fails_at_every_write(sync_each: bool) {
    let history = history(BATCHES + 20);
    let recorded = SimDisk::new();
    assert!(run(&recorded, BATCHES, sync_each, &mut Dice::new(1)).1.is_none());
    let operations = recorded.operations();
    assert!(operations > 200, "{operations} operations are a short run");
    let mut dice = Dice::new(7);
    for at in 0..operations {
        let disk = SimDisk::new();
        disk.plant(at, Fault::PowerOff);
        let (acknowledged, _) = run(&disk, BATCHES, sync_each, &mut Dice::new(1));
        disk.power_cycle(&mut dice);
        let what = format!("the power failed at operation {at} of {operations}");
        let before = disk.copy();
        let last = audit(&disk.copy(), acknowledged, &history, &what);
        // The power fails again while it recovers, or some time later.
        let again = dice.below(30);
        disk.plant(disk.operations() + again, Fault::PowerOff);
        let (more, _) = run(&disk, last + 5, sync_each, &mut dice);
        disk.power_cycle(&mut dice);
        audit(&disk.copy(), acknowledged.max(more), &history, &format!("{what}, and {again} after that"));
        // A process that is only killed loses nothing of what was written.
        let (more, failed) = run(&before, last + 5, sync_each, &mut dice);
        assert!(failed.is_none(), "{what}: {failed:?}");
        before.kill();
        audit(&before, more, &history, &what);
    }
}

#[test]
fn no_acknowledged_batch_is_lost_when_the_power_fails_at_any_write() {
    power_fails_at_every_write(true);
}

#[test]
fn no_synced_batch_is_lost_when_batches_are_synced_now_and_then() {
    power_fails_at_every_write(false);
}

/// What a killed process has written and not synced is read back, and acted on: so it has to be on disk from then on.
#[test]
fn what_was_read_after_a_kill_is_there_after_a_power_failure() {
    let history = history(BATCHES);
    let recorded = SimDisk::new();
    run(&recorded, BATCHES, true, &mut Dice::new(1));
    let mut dice = Dice::new(11);
    let mut beyond = 0;
    for at in 0..recorded.operations() {
        let disk = SimDisk::new();
        disk.plant(at, Fault::PowerOff);
        let (acknowledged, _) = run(&disk, BATCHES, true, &mut Dice::new(1));
        disk.kill();
        let storage = LocalStorage::open(Arc::new(disk.clone()), options()).expect("it opens");
        let read = storage.last();
        beyond += read - acknowledged;
        // It is not closed in order.
        disk.plant(disk.operations(), Fault::PowerOff);
        drop(storage);
        disk.power_cycle(&mut dice);
        audit(&disk, read, &history, &format!("killed at operation {at}, and without power after it was read"));
    }
    assert!(beyond > 0, "no batch was written and not acknowledged");
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let history = history(BATCHES);
    let recorded = SimDisk::new();
    run(&recorded, BATCHES, true, &mut Dice::new(1));
    let (mut dice, mut failures) = (Dice::new(3), 0);
    for at in 0..recorded.operations() {
        for fault in [Fault::Fails, Fault::Full] {
            let disk = SimDisk::new();
            disk.plant(at, fault);
            let (acknowledged, failed) = run(&disk, BATCHES, true, &mut Dice::new(1));
            // (A failure while the storage is being closed concerns nobody.)
            failures += u64::from(failed.is_some());
            disk.make_room();
            if dice.below(2) == 0 {
                disk.power_cycle(&mut dice)
            } else {
                disk.kill()
            }
            let what = format!("{fault:?} at operation {at}");
            audit(&disk, acknowledged, &history, &what);
            let (_, failed) = run(&disk, BATCHES, true, &mut Dice::new(1));
            assert!(failed.is_none(), "{what}: {failed:?}");
        }
    }
    assert!(failures > recorded.operations(), "{failures} failures of {} operations", recorded.operations());
}

#[test]
fn a_storage_that_has_failed_refuses_every_commit() {
    let disk = SimDisk::new();
    let mut storage = LocalStorage::open(Arc::new(disk.clone()), options()).expect("it opens");
    let batch = change(1, &mut Model::new());
    storage.commit(0, &batch).expect("it is written");
    disk.plant(disk.operations() + 1, Fault::Fails);
    let error = storage.commit(0, &batch).expect_err("the sync fails");
    assert!(error.to_string().contains("syncing log."), "{error}");
    for _ in 0..3 {
        let error = storage.commit(0, &batch).expect_err("it has failed");
        assert!(matches!(error, StorageError::Failed { .. }), "{error}");
        assert!(storage.sync().is_err() && storage.keep().is_err());
    }
}

/// A bit flips anywhere: the directory is refused, or nothing that was acknowledged is missing, except for the last
/// batch, which nothing follows; and so nothing at all if that is a mark, which has no changes.
#[test]
fn every_flipped_bit_is_noticed() {
    bits_flip(false);
    bits_flip(true);
}

fn bits_flip(is_marked: bool) {
    use tarmem_storage::Disk;
    let history = history(BATCHES + 1);
    let good = SimDisk::new();
    run(&good, BATCHES, true, &mut Dice::new(1));
    if is_marked {
        let mut storage = LocalStorage::open(Arc::new(good.clone()), options()).expect("it opens");
        let last = BATCHES + 1;
        storage.commit(0, &change(last, &mut Model::new())).expect("it is written");
        storage.commit(0, &Batch::default()).expect("it is written");
        let usage = storage.usage();
        assert!(usage.log_bytes > 0 && usage.state_bytes > 0, "{usage:?}");
    }
    let batches = if is_marked { BATCHES + 1 } else { BATCHES - 1 };
    let (mut noticed, mut harmless) = (0, 0);
    for name in good.names().expect("it lists") {
        let length = good.open(&name).and_then(|file| file.len()).expect("it is there");
        let step = (length * 8 / if is_marked { 250 } else { 1000 }).max(1) | 1;
        for bit in (0..length * 8).step_by(step as usize) {
            let disk = good.copy();
            disk.flip(&name, bit);
            let opened = std::panic::catch_unwind(|| {
                let mut storage = LocalStorage::open(Arc::new(disk.clone()), options())?;
                Ok::<_, StorageError>((storage.last(), load(&mut storage)?))
            });
            match opened.unwrap_or_else(|_| panic!("bit {bit} of {name}: it panicked")) {
                Err(_) => noticed += 1,
                Ok((last, found)) => {
                    harmless += 1;
                    assert!(last >= batches, "bit {bit} of {name}: {last} are there");
                    let marked = if is_marked { last.min(BATCHES + 1) } else { last };
                    assert_eq!(found, history[marked as usize], "bit {bit} of {name}");
                }
            }
        }
    }
    assert!(noticed > 100 && harmless > 100, "{noticed} noticed, {harmless} harmless");
}
