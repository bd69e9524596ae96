//! A segment of the log is never there before the one with the number before it: a power failure in between would leave
//! a gap, which refuses the next start.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tarmem_storage::sim::SimDisk;
use tarmem_storage::{Batch, Disk, DiskFile, LocalOptions, LocalStorage, Storage};

/// A disk on which files are made slowly by one thread, and that looks for gaps.
#[derive(Debug)]
struct Watched {
    disk: SimDisk,
    slow: thread::ThreadId,
    made_slowly: AtomicUsize,
    /// The first segment that was there before the one before it; 0 if there is none.
    too_early: AtomicU64,
}

impl Disk for Watched {
    fn names(&self) -> io::Result<Vec<String>> {
        self.disk.names()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        if thread::current().id() == self.slow {
            self.made_slowly.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
        }
        self.disk.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if let Some(number) = to.strip_prefix("log.") {
            let number: u64 = number.parse().expect("a number");
            let has_last = self.disk.names()?.contains(&format!("log.{:010}", number - 1));
            if number > 1 && !has_last {
                let _ = self.too_early.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    fn place(&self) -> String {
        self.disk.place()
    }
}

#[test]
fn a_segment_is_not_made_before_the_one_before_it() {
    let watched = Arc::new(Watched {
        disk: SimDisk::default(),
        slow: thread::current().id(),
        made_slowly: AtomicUsize::new(0),
        too_early: AtomicU64::new(0),
    });
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.reserve_bytes) = (4096, 0);
    let mut storage = LocalStorage::open(Arc::clone(&watched) as Arc<dyn Disk>, options).expect("it opens");
    for number in 0..300_u32 {
        let mut batch = Batch::default();
        batch.put(1, &number.to_le_bytes(), b"value");
        storage.commit(0, &batch).expect("it is written");
        // The next segment, whether it has been made or not; the last one is folded meanwhile.
        storage.settle().expect("nothing fails");
    }
    assert_eq!(watched.too_early.load(Ordering::Relaxed), 0, "that segment was there first");
    assert!(watched.made_slowly.load(Ordering::Relaxed) > 10, "commits have made none, so nothing was tried");
}
