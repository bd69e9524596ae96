//! A service that is restarted again and again while its clients work: what their calls report is true.

use super::support::other::{Other, say};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tarmem::{Error, Service, Session};
use tarmem_test_models::AccountProxy;
use tokio::signal::unix::{SignalKind, signal};

const CLIENTS: u64 = 3;
const RESTARTS: u64 = 20;

/// How many calls of each task have to succeed between two restarts.
const CALLS: u64 = 3;

/// The code of another process: a service at a fixed address, until it is signalled to end.
pub(crate) async fn serve(address: &str) {
    let (host, port) = address.rsplit_once(':').expect("an address");
    let mut terminated = signal(SignalKind::terminate()).expect("signals can be had");
    let running = Service::new(host, port.parse().expect("a port")).workers(1).start().await.expect("starts");
    say("up");
    terminated.recv().await;
    running.shutdown().await;
}

/// A port that the system does not assign to other programs meanwhile.
fn port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 9_000).expect("small");
    (first..first + 1000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

#[derive(Default)]
struct Progress {
    /// How often the service was killed, including a kill that is in progress.
    killed: AtomicU64,
    over: AtomicBool,
    unknown: AtomicU64,
    forgotten: AtomicU64,
}

/// Makes only calls that may be repeated.
async fn read(session: Session, key: String, progress: Arc<Progress>, done: Arc<AtomicU64>) {
    while !progress.over.load(Ordering::SeqCst) {
        let account = session.memoize(&key, AccountProxy::open(0)).await.expect("`memoize` may be repeated");
        for result in [account.balance().await, account.deposit(0).idempotent().await] {
            match result {
                Ok(balance) => assert_eq!(balance, 0),
                // The new service has no keys yet.
                Err(Error::NoSuchKey { .. }) => {
                    progress.forgotten.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => panic!("{key}: a call that may be repeated failed: {error}"),
            }
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts under its own key, and checks that each acknowledged increment has taken effect once.
async fn count(session: Session, key: String, progress: Arc<Progress>, done: Arc<AtomicU64>) {
    let mut killed = 0;
    while !progress.over.load(Ordering::SeqCst) {
        // As far as this task knows, nothing has been counted with this service.
        let account = session.memoize(&key, AccountProxy::open(0)).await.expect("`memoize` may be repeated");
        for expected in 1.. {
            if progress.over.load(Ordering::SeqCst) {
                break;
            }
            match account.deposit(1).await {
                Ok(counted) => assert_eq!(counted, expected, "{key}: each acknowledged increment is there once"),
                // The call did not run, since there is no object.
                Err(Error::NoSuchKey { .. }) => {
                    progress.forgotten.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                // The next service has to begin at 1 again, or this error was not true.
                Err(Error::OutcomeUnknown { cause, .. }) => {
                    let killed_now = progress.killed.load(Ordering::SeqCst);
                    assert!(killed_now > killed, "{key}: the service was not killed since the last time: {cause}");
                    killed = killed_now;
                    progress.unknown.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(error) => panic!("{key}: {error}"),
            }
            done.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn start(address: &str) -> Other {
    let (service, said) = Other::start("service", address, "").hears().await;
    assert_eq!(said.as_deref(), Some("up"));
    service
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_under_load_outlive_forty_restarts() {
    let address = format!("127.0.0.1:{}", port());
    let mut service = start(&address).await;
    let progress = Arc::new(Progress::default());
    let (mut tasks, mut counts) = (Vec::new(), Vec::new());
    for client in 0..CLIENTS {
        let session = Session::builder(&address)
            .retry_delay(Duration::from_millis(40))
            .max_retry(500)
            .connect()
            .await
            .expect("connects");
        let done = || Arc::new(AtomicU64::new(0));
        let (reads, writes) = (done(), done());
        counts.extend([Arc::clone(&reads), Arc::clone(&writes)]);
        tasks.push(tokio::spawn(read(session.clone(), format!("read {client}"), Arc::clone(&progress), reads)));
        tasks.push(tokio::spawn(count(session, format!("count {client}"), Arc::clone(&progress), writes)));
    }
    for restart in 0..2 * RESTARTS {
        let before: Vec<u64> = counts.iter().map(|done| done.load(Ordering::SeqCst)).collect();
        let begun = Instant::now();
        while counts.iter().zip(&before).any(|(done, before)| done.load(Ordering::SeqCst) < before + CALLS) {
            assert!(begun.elapsed() < Duration::from_secs(30), "restart {restart}: a client does not go on");
            let failed = tasks.iter().position(|task| task.is_finished());
            if let Some(failed) = failed {
                tasks.swap_remove(failed).await.expect("no client fails");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        if restart < RESTARTS {
            let sent = std::process::Command::new("kill").args(["-TERM", &service.id().to_string()]).status();
            assert!(sent.expect("kill is there").success());
            service.ends().await;
            assert_eq!(progress.unknown.load(Ordering::SeqCst), 0, "in an orderly restart, no outcome is unknown");
        } else {
            progress.killed.fetch_add(1, Ordering::SeqCst);
            service.kill();
        }
        service = start(&address).await;
    }
    progress.over.store(true, Ordering::SeqCst);
    for task in tasks {
        tokio::time::timeout(Duration::from_secs(30), task).await.expect("it ends").expect("no client fails");
    }
    assert!(progress.unknown.load(Ordering::SeqCst) <= CLIENTS * RESTARTS, "at most one for each client and kill");
    assert!(progress.forgotten.load(Ordering::SeqCst) > 0, "the service had its keys in memory");
}
