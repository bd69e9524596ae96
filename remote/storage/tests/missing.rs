//! A directory of which a file is gone is refused.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use tarmem_storage::{Batch, LocalOptions, LocalReader, LocalStorage, RealDisk, Storage, StorageError};

fn open(directory: &Path) -> Result<LocalStorage, StorageError> {
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.in_background) = (4 << 10, false);
    LocalStorage::open(Arc::new(RealDisk::new(directory)), options)
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("it is there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("read").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn each_segment_of_the_log_that_is_gone_is_missed() {
    let scratch = tempfile::tempdir().expect("made");
    // How many batches there are before a restart, and how many segments are folded then.
    for (run, (batches, folded, restarts)) in
        [(0, 0, 0), (1, 0, 0), (9, 0, 1), (40, 0, 0), (40, 2, 2), (40, 99, 1)].into_iter().enumerate()
    {
        let directory = scratch.path().join(run.to_string());
        fs::create_dir(&directory).expect("made");
        for _ in 0..=restarts {
            let mut storage = open(&directory).expect("it opens");
            let mut batch = Batch::default();
            for n in 0..batches {
                batch.clear();
                // One is larger than a segment, and has one of its own.
                batch.put(1, format!("key {n}").as_bytes(), &vec![7; if n == 17 { 9_000 } else { 700 }]);
                storage.commit(0, &batch).expect("committed");
            }
            // The first makes a segment.
            for _ in 0..=folded {
                storage.keep().expect("it is kept");
            }
        }
        let last = LocalReader::open(&RealDisk::new(&directory)).expect("it is whole").last();
        assert_eq!(last, batches * (restarts + 1));
        let log: Vec<_> = files(&directory).into_iter().filter(|name| name.starts_with("log.")).collect();
        assert!(log.len() >= 2, "{log:?}");
        // Nobody can know of the last one, which has no batch yet.
        for name in &log[..log.len() - 1] {
            let (path, aside) = (directory.join(name), directory.join("aside"));
            fs::rename(&path, &aside).expect("moved");
            let refused = open(&directory).expect_err("something is gone");
            let told = refused.to_string();
            assert!(matches!(refused, StorageError::Missing { .. }), "without {name} of {log:?}: {told}");
            assert!(told.contains(&directory.display().to_string()), "{told}");
            let read = LocalReader::open(&RealDisk::new(&directory)).expect_err("something is gone");
            assert_eq!(read.to_string(), told, "without {name} of {log:?}");
            fs::rename(&aside, &path).expect("moved back");
        }
        open(&directory).expect("it is whole again");
    }
}
