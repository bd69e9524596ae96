//! Module threading with several processes, over real sockets. Processes are killed.

use super::support::other::{Other, Part, say};
use super::support::{Fixture, Way};
use super::until;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarmem::modules::Exception;
use tarmem::modules::threading::{Barrier, BarrierProxy, Lock, LockProxy, Semaphore, SemaphoreProxy};
use tarmem::{CallError, Service, Session};

/// The part of another process. This is not a test.
#[test]
#[ignore = "runs in processes that other tests start"]
fn role() {
    let Some(part) = Part::mine() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if part.role == "serve" {
        return runtime.block_on(serve());
    }
    if part.role == "tokens" {
        return runtime.block_on(super::grants::tokens());
    }
    runtime.block_on(async {
        let session = Session::connect(&part.address).await.expect("connects");
        match part.role.as_str() {
            "count" => count(&session, &part.detail).await,
            "hold" => {
                let guard = session.get::<Lock>("lock").await.expect("there").acquire().await.expect("granted");
                say(guard.token());
                std::future::pending::<()>().await;
            }
            "wait" => {
                let lock = session.get::<Lock>("lock").await.expect("there");
                let _guard = lock.acquire().await.expect("granted");
                say("granted");
            }
            "permits" => {
                let semaphore = session.get::<Semaphore>("semaphore").await.expect("there");
                let _permits = (semaphore.acquire().await.expect("free"), semaphore.acquire().await.expect("free"));
                say("acquired");
                std::future::pending::<()>().await;
            }
            "meet" => {
                let barrier = session.get::<Barrier>("barrier").await.expect("there");
                say(barrier.wait().await.expect("all came"));
            }
            other => panic!("no role {other}"),
        }
        session.close().await;
    });
}

const PROCESSES: u64 = 8;
/// A lock that all processes want all the time.
const LOCKS: u64 = 1;
const EACH: u64 = 100_000 / PROCESSES / LOCKS;

/// Adds to the numbers in a file, each under its own lock, as often as this process's share.
///
/// One task per lock, for which all processes contend.
async fn count(session: &Session, path: &str) {
    let file = Arc::new(File::options().read(true).write(true).open(path).expect("it is there"));
    let tasks = (0..LOCKS).map(|index| {
        let (session, file) = (session.clone(), Arc::clone(&file));
        tokio::spawn(async move {
            let lock = session.get::<Lock>(&format!("lock{index}")).await.expect("it is there");
            let mut last = 0;
            for _ in 0..EACH {
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
async fn a_lock_excludes_tasks_of_several_processes() {
    in_time(async {
        let fixture = Fixture::new(Way::Tcp).await;
        let session = fixture.session().await;
        let mut locks = Vec::new();
        for index in 0..LOCKS {
            locks.push(session.memoize(&format!("lock{index}"), LockProxy::new()).await.expect("made"));
        }
        let path = scratch("count");
        std::fs::write(&path, [0; 16 * LOCKS as usize]).expect("written");
        let begun = Instant::now();
        let others: Vec<_> =
            (0..PROCESSES).map(|_| Other::start("count", &fixture.address(), path.display())).collect();
        for other in others {
            other.ends().await;
        }
        let took = begun.elapsed();
        let total = EACH * PROCESSES * LOCKS;
        println!("{total} acquisitions by {PROCESSES} processes in {took:?}");
        let numbers = std::fs::read(&path).expect("there");
        std::fs::remove_file(&path).expect("there");
        let counts =
            numbers.chunks_exact(16).map(|numbers| u64::from_le_bytes(numbers[..8].try_into().expect("8 bytes")));
        assert_eq!(counts.sum::<u64>(), total, "none was lost");
        for lock in locks {
            assert!(lock.token().await.expect("answers") > 0);
            assert_eq!(lock.locked().await, Ok(false));
        }
    })
    .await;
}

/// A service in its own process.
async fn serve() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("starts");
    say(service.local_addr().expect("TCP"));
    std::future::pending::<()>().await;
}

/// A holder is killed while it holds the lock: the next one is told, and has a higher token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_holder_gives_up_the_lock() {
    in_time(async {
        let fixture = Fixture::new(Way::Tcp).await;
        let session = fixture.session().await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
        let mut last = 0;
        for _ in 0..3 {
            let (holder, said) = Other::start("hold", &fixture.address(), "").hears().await;
            let token: u64 = said.expect("it holds").parse().expect("a token");
            assert!(token > last);
            let waiting = tokio::spawn({
                let lock = lock.clone();
                async move { lock.acquire().await }
            });
            until("it waits", || async { lock.waiting().await == Ok(1) }).await;
            assert_eq!(lock.holder().await.expect("answers").map(|holder| holder.token), Some(token));
            holder.kill();
            let guard = waiting.await.expect("no panic").expect("granted");
            assert!(guard.token() > token && guard.abandoned(), "{guard:?} after {token}");
            last = guard.token();
            guard.release().await.expect("held");
            let guard = lock.acquire().await.expect("free");
            assert!(guard.token() > last && !guard.abandoned(), "it is told once");
            last = guard.token();
            guard.release().await.expect("held");
        }
    })
    .await;
}

/// A holder that ends in order has not abandoned the lock, even if it ends at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_ends_normally_does_not_abandon_the_lock() {
    in_time(async {
        let fixture = Fixture::new(Way::Tcp).await;
        let session = fixture.session().await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
        for _ in 0..50 {
            let other = fixture.session().await;
            let guard = other.get::<Lock>("lock").await.expect("there").acquire().await.expect("free");
            drop(guard);
            other.close().await;
            assert!(!lock.acquire().await.expect("free").abandoned());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_waiter_leaves_the_line() {
    in_time(async {
        let fixture = Fixture::new(Way::Tcp).await;
        let session = fixture.session().await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
        let guard = lock.acquire().await.expect("free");
        let waiters: Vec<_> = (0..3).map(|_| Other::start("wait", &fixture.address(), "")).collect();
        until("they wait", || async { lock.waiting().await == Ok(3) }).await;
        let mut waiters = waiters.into_iter();
        waiters.next().expect("three").kill();
        until("it has left", || async { lock.waiting().await == Ok(2) }).await;
        // A waiter is killed when it is granted the lock, or just before, or just after.
        waiters.next().expect("three").kill();
        drop(guard);
        assert_eq!(waiters.next().expect("three").hears().await.1.as_deref(), Some("granted"));
        let guard = lock.acquire_timeout(Duration::from_secs(20)).await.expect("answers").expect("free in the end");
        assert!(guard.token() > 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_of_the_killed_return_and_their_barrier_breaks() {
    in_time(async {
        let fixture = Fixture::new(Way::Tcp).await;
        let session = fixture.session().await;
        let semaphore = session.memoize("semaphore", SemaphoreProxy::new(Some(3))).await.expect("made");
        let (other, said) = Other::start("permits", &fixture.address(), "").hears().await;
        assert_eq!(said.as_deref(), Some("acquired"));
        let _one = semaphore.acquire().await.expect("there is one");
        assert!(semaphore.try_acquire().await.expect("answers").is_none());
        other.kill();
        let _two = semaphore.acquire().await.expect("they have returned");
        assert_eq!(semaphore.value().await, Ok(1));

        let barrier = session.memoize("barrier", BarrierProxy::new(3, None, None)).await.expect("made");
        let other = Other::start("meet", &fixture.address(), "");
        let waiting = tokio::spawn(barrier.wait());
        until("both wait", || async { barrier.n_waiting().await == Ok(2) }).await;
        other.kill();
        let error = waiting.await.expect("no panic").expect_err("it breaks");
        assert!(matches!(error, CallError::Method(Exception::BrokenBarrierError(_))), "{error}");
        assert_eq!(barrier.broken().await, Ok(true));
    })
    .await;
}

/// Runs the test, which has to end in time.
async fn in_time(test: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(120), test).await.expect("the test ends in time");
}

fn status(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it is there");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number")
}

/// 10,000 waiters cost the service memory, and not one thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiters_cost_memory_and_no_threads() {
    in_time(async {
        const WAITERS: usize = 10_000;
        let (service, address) = Other::start("serve", "", "").hears().await;
        let address = address.expect("it serves");
        let sessions =
            [Session::connect(&address).await.expect("connects"), Session::connect(&address).await.expect("connects")];
        let lock = sessions[0].memoize("lock", LockProxy::new()).await.expect("made");
        let guard = lock.acquire().await.expect("free");
        let wait = || async {
            let mut waits = Vec::new();
            for i in 0..WAITERS {
                let lock = sessions[i % 2].proxy::<Lock>("lock");
                waits.push(lock.acquire_grant(None, None).no_timeout().send().await);
            }
            until("all wait", || async { lock.waiting().await == Ok(WAITERS) }).await;
            waits
        };
        let threads = status(service.id(), "Threads:");
        let before = status(service.id(), "VmRSS:");
        let waits = wait().await;
        let after = status(service.id(), "VmRSS:");
        assert_eq!(status(service.id(), "Threads:"), threads);
        println!("{} bytes a waiter", (after - before) * 1024 / WAITERS as u64);
        assert!((after - before) * 1024 / (WAITERS as u64) < 8192, "{before} KiB before, {after} KiB after");
        drop(waits);
        until("all have left", || async { lock.waiting().await == Ok(0) }).await;
        // Again: the memory that they took is reused.
        let waits = wait().await;
        let again = status(service.id(), "VmRSS:");
        assert!(again < after + (after - before) / 2 + 4096, "{after} KiB, and then {again} KiB");
        let waits: Vec<_> = waits.into_iter().step_by(2).take(200).collect();
        until("the others have left", || async { lock.waiting().await == Ok(200) }).await;
        drop(guard);
        let mut last = 1;
        for wait in waits {
            let grant = wait.await.expect("answers").expect("granted");
            assert!(grant.token > last, "each in its turn");
            last = grant.token;
            lock.release_token(Some(grant.token)).await.expect("held");
        }
    })
    .await;
}
