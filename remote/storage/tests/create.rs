//! A directory that is made with something in it has that from the first moment.

use std::sync::Arc;
use tarmem_storage::sim::{Dice, Fault, SimDisk};
use tarmem_storage::{Batch, LocalOptions, LocalReader, LocalStorage, StorageError};

#[test]
fn a_directory_whose_making_was_cut_off_is_none_or_has_what_it_was_made_with() {
    let mut first = Batch::default();
    first.put(1, b"key", b"value");
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.reserve_bytes, options.in_background) = (4 << 10, 0, false);
    let (mut made, mut unmade) = (0, 0);
    for at in 0.. {
        let disk = SimDisk::new();
        disk.plant(at, Fault::PowerOff);
        let created = LocalStorage::create(Arc::new(disk.clone()), options.clone(), &first).map(drop);
        disk.power_cycle(&mut Dice::new(at));
        match LocalReader::open(&disk) {
            Err(StorageError::Refused(_)) if created.is_err() => unmade += 1,
            Err(error) => panic!("cut off at operation {at}: {error}"),
            Ok(reader) => {
                let mut rows = Vec::new();
                let read = reader.each(&mut |table, key, value| {
                    rows.push((table, key.to_vec(), value.to_vec()));
                    Ok(())
                });
                read.expect("it can be read");
                assert_eq!(rows, [(1, b"key".to_vec(), b"value".to_vec())], "cut off at operation {at}");
                made += 1;
            }
        }
        if created.is_ok() {
            break;
        }
    }
    assert!(unmade > 5 && made > 1, "{unmade}, then {made}");
}
