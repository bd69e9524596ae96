//! What happens to calls, locks and handles when a session ends.

use super::support::fault::{Fault, Faults, Network};
use super::support::other::{Other, say};
use super::support::started;
use super::{LEASE, fixture, over, service_of};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tarmem::modules::threading::{Lock, LockProxy};
use tarmem::{Error, RunningService, Service, Session, SessionState};
use tarmem_test_models::{Account, AccountProxy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_cannot_reconnect_fails_its_calls() {
    let fixture = fixture().await;
    let network = Network::to(service_of(&fixture), |n| Faults::up(Fault::Reset(if n == 0 { 700 } else { 0 }))).await;
    let session = Session::builder(network.address.to_string())
        .retry_delay(Duration::from_millis(10))
        .max_retry(3)
        .connect()
        .await
        .expect("a session opens");
    let account = session.memoize("far", AccountProxy::open(0)).await.expect("made");
    let error = loop {
        if let Err(error) = account.deposit(1).await {
            break error;
        }
    };
    // It is not known whether the last call arrived.
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    session.wait_for(SessionState::Closed).await;
    let Err(Error::Unreachable { attempts, .. }) = account.balance().await else { panic!("it has not ended") };
    assert!(attempts >= 3, "{attempts} attempts");
}

/// Starts a service on the port of one that has ended.
async fn service_on(address: Option<SocketAddr>) -> RunningService {
    let port = address.map_or(0, |address| address.port());
    let begun = Instant::now();
    loop {
        match Service::new("127.0.0.1", port).start().await {
            Ok(service) => return service,
            Err(error) => assert!(begun.elapsed() < Duration::from_secs(10), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_only_calls_that_may_be_repeated_are_repeated() {
    let first = service_on(None).await;
    let address = first.local_addr().expect("a TCP listener");
    let session = Session::builder(address.to_string())
        .retry_delay(Duration::from_millis(50))
        .max_retry(100)
        .connect()
        .await
        .expect("a session opens");
    let account = session.memoize("a", AccountProxy::open(5)).await.expect("made");
    let id = session.id();
    let (reads, writes) = (account.balance_slowly(300), account.deposit_slowly(1, 300));
    let (reads, writes) = (started(&session, reads).await, started(&session, writes).await);
    drop(first);
    let second = service_on(Some(address)).await;
    second.session().memoize("a", AccountProxy::open(70)).await.expect("made");
    let error = writes.await.expect("no panic").expect_err("nobody knows");
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    match reads.await.expect("no panic") {
        Ok(70) => {}
        // The call may have arrived before the key existed again.
        Err(Error::NoSuchKey { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(account.balance().await, Ok(70));
    assert_ne!(session.id(), id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_silent_for_its_lease_loses_its_locks_and_is_told() {
    let fixture = fixture().await;
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let holder = Other::start("holder", &fixture.address(), "lock");
    let (holder, said) = holder.hears().await;
    let first: u64 = said.and_then(|said| said.parse().ok()).expect("a token");
    signal(holder.id(), "-STOP");
    let guard =
        tokio::time::timeout(Duration::from_secs(60), lock.acquire()).await.expect("in time").expect("it is given up");
    assert!(guard.token() > first && guard.abandoned(), "{} after {first}", guard.token());
    signal(holder.id(), "-CONT");
    let (holder, said) = holder.hears().await;
    assert_eq!(said.as_deref(), Some("expired"));
    let (holder, said) = holder.hears().await;
    assert_eq!(said.as_deref(), Some("not mine"), "after it has connected again");
    holder.ends().await;
    assert!(lock.locked().await.expect("a value"), "the next holder still holds it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_expired_session_only_started_calls_that_may_not_be_repeated_are_unknown() {
    let fixture = fixture().await;
    let again = Arc::new(AtomicBool::new(false));
    let open = again.clone();
    let network = Network::to(service_of(&fixture), move |n| match n {
        0 => Faults::up(Fault::Reset(3000)),
        _ if open.load(Ordering::SeqCst) => Faults::NONE,
        _ => Faults::up(Fault::Reset(0)),
    })
    .await;
    let session = Session::builder(network.address.to_string())
        .retry_delay(Duration::from_millis(20))
        .max_retry(10_000)
        .connect()
        .await
        .expect("a session opens");
    let one = session.memoize("one", AccountProxy::open(1)).await.expect("made");
    let other = session.memoize("other", AccountProxy::open(2)).await.expect("made");
    let before = fixture.service.object_count();
    let handle = session.create(AccountProxy::open(3)).await.expect("made");
    let (reads, writes) = (one.balance_slowly(600_000).no_timeout(), other.deposit_slowly(1, 600_000).no_timeout());
    let (reads, writes) = (reads.send().await, writes.send().await);
    assert_eq!(session.is_memoized("x").await, Ok(false), "both have arrived");
    let breaking = session.clone();
    let late = tokio::spawn(async move { while breaking.is_memoized("x").await.is_ok() {} });
    session.wait_for(SessionState::Reconnecting).await;
    let never = one.deposit(1).send().await;
    let begun = Instant::now();
    while fixture.service.object_count() > before {
        assert!(begun.elapsed() < LEASE * 20, "the session has not expired");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(handle);
    again.store(true, Ordering::SeqCst);
    assert!(matches!(writes.await, Err(Error::OutcomeUnknown { .. })), "it had begun");
    assert!(matches!(reads.await, Err(Error::SessionExpired { .. })), "it may be repeated");
    assert!(matches!(never.await, Err(Error::SessionExpired { .. })), "it had not begun");
    late.await.expect("no panic");
}

fn signal(process: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_method_does_not_end_its_session() {
    let fixture = fixture().await;
    let session = fixture.session().await;
    let account = session.memoize("long", AccountProxy::open(1)).await.expect("made");
    let lock = session.memoize("held", LockProxy::new()).await.expect("made");
    let guard = lock.acquire().await.expect("free");
    let long = LEASE * 2;
    let millis = u64::try_from(long.as_millis()).expect("small");
    assert_eq!(account.deposit_slowly(1, millis).await, Ok(2));
    assert!(lock.locked().await.expect("a value"));
    guard.release().await.expect("it is still ours");
}

/// Holds a lock, is stopped, and reports what its calls return when it continues.
pub(crate) async fn hold(address: &str, key: &str) {
    let session = Session::connect(address).await.expect("a session opens");
    let lock = session.get::<Lock>(key).await.expect("it is there");
    let guard = lock.acquire().await.expect("it is free");
    say(guard.token());
    // The process is stopped here, and continued once its lease has run out.
    session.wait_for(SessionState::Closed).await;
    let error = lock.locked().await.expect_err("it has expired");
    say(if matches!(error, Error::SessionExpired { .. }) { "expired".to_owned() } else { format!("{error:?}") });
    session.reconnect().await.expect("it connects");
    say(if guard.release().await.is_err() { "not mine" } else { "mine" });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_vanished_clients_end_after_their_lease() {
    let fixture = fixture().await;
    let before = fixture.service.object_count();
    let network = Network::to(service_of(&fixture), |_| Faults::NONE).await;
    let session = over(&network).await;
    let account: Account = Account::open(1);
    let unnamed = session.create(account).await.expect("made");
    assert_eq!(fixture.service.object_count(), before + 1);
    // The network is gone, and the client never reconnects.
    drop(network);
    std::mem::forget(unnamed);
    let begun = Instant::now();
    while fixture.service.object_count() > before {
        assert!(begun.elapsed() < LEASE * 20, "the object is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
