//! Several processes that share state: real sockets, real kills.

mod support;

use futures::future::join_all;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Fixture, Way, arrived};
use tarmem::{Proxy, Session};
use tarmem_test_models::{Account, AccountProxy, runs, slow_account};

/// The environment variables that tell a process of this test's executable its part, and where the service is.
const ROLE: &str = "TARMEM_TEST_ROLE";
const ADDRESS: &str = "TARMEM_TEST_ADDRESS";

/// Another process that runs [`role`]; killed when dropped.
struct Other(Child);

impl Other {
    fn start(role: &str, address: &str) -> Self {
        let child = Command::new(std::env::current_exe().expect("this executable"))
            .args(["role", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ADDRESS, address)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        Other(child)
    }

    /// The lines that it prints from now on, without those of the test harness.
    fn says(&mut self) -> impl Iterator<Item = String> + use<> {
        let stdout = self.0.stdout.take().expect("it is piped");
        BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| Some(line.split_once("says: ")?.1.to_owned()))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The part of another process. This is not a test: see [`Other`].
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in processes that other tests start"]
async fn role() {
    let (Ok(role), Ok(address)) = (std::env::var(ROLE), std::env::var(ADDRESS)) else { return };
    let session = Session::connect(address).await.expect("connects");
    match role.as_str() {
        "race" => {
            let callers = (0..50).map(|i| {
                let session = session.clone();
                tokio::spawn(async move {
                    let source = slow_account::remote("race".into(), i, 500);
                    let account = session.memoize("raced", source).no_timeout().await.expect("made");
                    account.describe().await.expect("answers").id
                })
            });
            let mut ids: Vec<_> = join_all(callers).await.into_iter().map(|id| id.expect("no panic")).collect();
            ids.sort();
            ids.dedup();
            println!("says: {ids:?}");
        }
        "hold" => {
            let account = session.get::<Account>("held").await.expect("it is there");
            let changing = account.deposit_slowly(1, 200).send().await;
            arrived(&session).await;
            println!("says: begun");
            changing.await.expect("nobody lives to see this");
            println!("says: done");
        }
        other => panic!("no role {other}"),
    }
}

/// 200 tasks in 4 processes race for a key. Its slow generator runs once, and does not delay calls on other keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_generator_runs_for_all_processes() {
    for way in [Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let other_key = session.memoize("other", AccountProxy::open(0)).await.expect("made");
        let before = runs::remote("race".into()).call(&session).await.expect("answers");
        let address = fixture.address();
        let racers = tokio::task::spawn_blocking(move || {
            let mut racers: Vec<Other> = (0..4).map(|_| Other::start("race", &address)).collect();
            racers.iter_mut().flat_map(|racer| racer.says().collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        let mut calls_while_making = 0;
        let limit = Instant::now() + Duration::from_secs(60);
        while !racers.is_finished() && Instant::now() < limit {
            other_key.deposit(1).await.expect("answers");
            let making = runs::remote("race".into()).call(&session).await == Ok(before + 1)
                && session.is_memoized("raced").await == Ok(false);
            calls_while_making += u64::from(making);
        }
        let said = racers.await.expect("no panic");
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said.iter().all(|ids| *ids == said[0] && !ids.contains(',')), "one object for all: {said:?}");
        assert_eq!(runs::remote("race".into()).call(&session).await, Ok(before + 1));
        assert!(calls_while_making > 20, "{way:?}: {calls_while_making} calls on another key in half a second");
    }
}

/// A client that is killed during a change damages neither the object nor the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_client_leaves_a_whole_object() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let account = session.memoize("held", AccountProxy::open(10)).await.expect("made");
    let address = fixture.address();
    let said = tokio::task::spawn_blocking(move || {
        let mut holder = Other::start("hold", &address);
        let first = holder.says().next();
        drop(holder);
        first
    });
    assert_eq!(said.await.expect("no panic").as_deref(), Some("begun"));
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let balance = account.balance().await.expect("answers");
        assert!(balance == 10 || balance == 11, "{balance}");
        if balance == 11 || Instant::now() > limit {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(account.deposit(5).await, Ok(16), "the change that had begun was made");
}
