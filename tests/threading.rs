//! Module threading: over real sockets, by several processes, with real kills.

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::other::{Other, Part, say};
use support::{Fixture, Way};
use tarmem::modules::threading::{Lock, LockProxy};
use tarmem::{Error, Proxy, Session};

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
const ACQUISITIONS: u64 = 100_000;

/// Adds to the number in a file, under the lock, as often as is its share. Gives the tokens' sum.
async fn count(session: &Session, path: &str) {
    let file = File::options().read(true).write(true).open(path).expect("it is there");
    let lock = session.get::<Lock>("lock").await.expect("it is there");
    let mut last = 0;
    for _ in 0..ACQUISITIONS / PROCESSES {
        let guard = lock.acquire().await.expect("granted");
        assert!(guard.token() > last && !guard.abandoned(), "tokens only ever grow");
        last = guard.token();
        let mut number = [0; 16];
        file.read_exact_at(&mut number, 0).expect("it is long enough");
        let (count, token) = number.split_at(8);
        let (count, token) = (count.try_into().expect("8 bytes"), token.try_into().expect("8 bytes"));
        let (count, token) = (u64::from_le_bytes(count), u64::from_le_bytes(token));
        assert!(token < last, "the last one to write had a lower token");
        file.write_all_at(&(count + 1).to_le_bytes(), 0).expect("written");
        file.write_all_at(&last.to_le_bytes(), 8).expect("written");
    }
    say("done");
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tarmem-threading-{}-{name}", std::process::id()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time_over_processes() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let path = scratch("count");
    std::fs::write(&path, [0; 16]).expect("written");
    let begun = Instant::now();
    let others: Vec<_> = (0..PROCESSES).map(|_| Other::start("count", &fixture.address(), path.display())).collect();
    for other in others {
        assert_eq!(other.hears().await.1.as_deref(), Some("done"));
    }
    let took = begun.elapsed();
    println!("{ACQUISITIONS} acquisitions by {PROCESSES} processes in {took:?}");
    let number = std::fs::read(&path).expect("there");
    std::fs::remove_file(&path).expect("there");
    assert_eq!(number[..8], ACQUISITIONS.to_le_bytes());
    assert_eq!(lock.token().await, Ok(ACQUISITIONS));
    assert_eq!(lock.locked().await, Ok(false));
}
