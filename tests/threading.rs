//! Module threading: over real sockets, by several processes, with real kills.

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use support::other::{Other, Part};
use support::{Fixture, Way};
use tarmem::Session;
use tarmem::modules::threading::{Lock, LockProxy};

/// What another process does. Not a test of its own.
#[test]
#[ignore = "runs in processes that other tests start"]
fn role() {
    let Some(part) = Part::mine() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let session = Session::connect(&part.address).await.expect("connects");
        match part.role.as_str() {
            "count" => count(&session, &part.detail).await,
            other => panic!("no role {other}"),
        }
        session.close().await;
    });
}

const PROCESSES: u64 = 8;
const LOCKS: u64 = 16;
const ACQUISITIONS: u64 = 100_000;

/// Adds to the numbers in a file, each under a lock of its own, as often as is this process's share.
///
/// One task for each lock: what they send shares requests. Each lock is still contended for by all processes.
async fn count(session: &Session, path: &str) {
    let file = Arc::new(File::options().read(true).write(true).open(path).expect("it is there"));
    let tasks = (0..LOCKS).map(|index| {
        let (session, file) = (session.clone(), Arc::clone(&file));
        tokio::spawn(async move {
            let lock = session.get::<Lock>(&format!("lock{index}")).await.expect("it is there");
            let mut last = 0;
            for _ in 0..ACQUISITIONS / PROCESSES / LOCKS {
                let guard = lock.acquire().await.expect("granted");
                assert!(guard.token() > last, "tokens only ever grow");
                assert!(!guard.abandoned(), "nobody vanished");
                last = guard.token();
                let mut numbers = [0; 16];
                file.read_exact_at(&mut numbers, index * 16).expect("it is long enough");
                let numbers = u128::from_le_bytes(numbers);
                let (count, token) = (numbers as u64, (numbers >> 64) as u64);
                assert!(token < last, "the last one to write had a lower token");
                let numbers = u128::from(last) << 64 | u128::from(count + 1);
                file.write_all_at(&numbers.to_le_bytes(), index * 16).expect("written");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tarmem-threading-{}-{name}", std::process::id()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_over_processes() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let mut locks = Vec::new();
    for index in 0..LOCKS {
        locks.push(session.memoize(&format!("lock{index}"), LockProxy::new()).await.expect("made"));
    }
    let path = scratch("count");
    std::fs::write(&path, [0; 16 * LOCKS as usize]).expect("written");
    let begun = Instant::now();
    let others: Vec<_> = (0..PROCESSES).map(|_| Other::start("count", &fixture.address(), path.display())).collect();
    for other in others {
        other.ends().await;
    }
    let took = begun.elapsed();
    let total = ACQUISITIONS / PROCESSES / LOCKS * PROCESSES * LOCKS;
    println!("{total} acquisitions by {PROCESSES} processes in {took:?}");
    let numbers = std::fs::read(&path).expect("there");
    std::fs::remove_file(&path).expect("there");
    let counts = numbers.chunks_exact(16).map(|numbers| u64::from_le_bytes(numbers[..8].try_into().expect("8 bytes")));
    assert_eq!(counts.sum::<u64>(), total, "none was lost");
    for lock in locks {
        assert_eq!(lock.token().await, Ok(total / LOCKS));
        assert_eq!(lock.locked().await, Ok(false));
    }
}
