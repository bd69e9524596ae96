//! Sessions and the runtimes that they were made on: a session loses nothing if its runtime does not run, or is gone.

use super::support::fault::{Faults, Network};
use super::{LEASE, fixture, over, service_of};
use futures::FutureExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tarmem::blocking;
use tarmem::modules::threading::{Lock, LockProxy};
use tarmem::{Error, Limits, RunningService, Service, Session, SessionState};
use tarmem_test_models::AccountProxy;
use tokio::runtime::{Builder, Runtime};

/// What takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(30);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("starts")
}

fn service() -> RunningService {
    let mut limits = Limits::default();
    limits.lease = LEASE;
    blocking::start(Service::new("127.0.0.1", 0).limits(limits)).expect("starts")
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it does not hang")
}

#[test]
fn a_session_in_a_static_outlives_the_runtime_that_it_was_made_on() {
    static SESSION: OnceLock<Session> = OnceLock::new();
    let service = service();
    let address = service.address();
    let guard = runtime().block_on(async {
        let session = Session::connect(&*address).await.expect("connects");
        let session = SESSION.get_or_init(|| session);
        session.memoize("lock", LockProxy::new()).await.expect("made").acquire().await.expect("free")
    });
    // Its heartbeat continues although the runtime is gone.
    std::thread::sleep(LEASE * 2);
    runtime().block_on(async {
        let session = SESSION.get().expect("it was made");
        soon(session.reconnect()).await.expect("it is connected");
        let account = soon(session.memoize("k", AccountProxy::open(1))).await.expect("made");
        assert_eq!(soon(account.deposit(1)).await, Ok(2));
        assert_eq!(session.state(), SessionState::Connected);
        let other = Session::connect(&*address).await.expect("connects");
        let lock = other.get::<Lock>("lock").await.expect("there");
        assert!(lock.try_acquire().await.expect("asked").is_none(), "the lock is still held");
        soon(guard.release()).await.expect("it was held");
        // It can be closed, and connected again.
        soon(session.close()).await;
        assert!(matches!(session.is_memoized("k").await, Err(Error::Closed { .. })));
        soon(session.reconnect()).await.expect("the service is there");
        assert_eq!(soon(account.deposit(1)).await, Ok(3));
    });
    blocking::shutdown(service);
}

#[test]
fn a_session_stays_alive_between_two_uses_of_its_runtime() {
    let service = service();
    let address = service.address();
    let runtime = runtime();
    let (session, guard) = runtime.block_on(async {
        let session = Session::connect(&*address).await.expect("connects");
        let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
        (session, lock.acquire().await.expect("free"))
    });
    std::thread::sleep(LEASE * 2);
    let elsewhere = self::runtime();
    elsewhere.block_on(async {
        let other = Session::connect(&*address).await.expect("connects");
        let lock = other.get::<Lock>("lock").await.expect("there");
        assert!(lock.try_acquire().await.expect("asked").is_none(), "the lock is still held");
        // It answers while its runtime does not run, and can be closed and connected again.
        soon(session.reconnect()).await.expect("it is connected");
        assert_eq!(soon(session.is_memoized("lock")).await, Ok(true));
    });
    runtime.block_on(async {
        soon(session.reconnect()).await.expect("it is connected");
        soon(guard.release()).await.expect("it was held");
        soon(session.close()).await;
        soon(session.reconnect()).await.expect("the service is there");
        assert_eq!(soon(session.is_memoized("lock")).await, Ok(true));
    });
    blocking::shutdown(service);
}

#[test]
fn no_lock_is_lost_while_user_code_blocks_for_longer_than_the_lease() {
    let service = service();
    let (address, port) = (service.address(), service.local_addr().expect("a TCP listener"));
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("starts");
    let network = elsewhere.block_on(Network::to(port, |_| Faults::NONE));
    runtime().block_on(async {
        let session = over(&network).await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
        let guard = lock.acquire().await.expect("free");
        assert_eq!(network.connections(), 1);
        std::thread::sleep(LEASE * 2);
        // The thread that keeps the session has resumed it over another connection.
        assert_eq!(network.connections(), 2);
        let other = elsewhere.spawn(async move {
            let other = Session::connect(address).await.expect("connects");
            other.get::<Lock>("lock").await.expect("there").try_acquire().await.expect("asked").is_some()
        });
        assert!(!other.await.expect("no panic"), "the lock is still held");
        guard.release().await.expect("it was held");
        // Now that the runtime runs, the connection moves back to it.
        let begun = Instant::now();
        while network.connections() < 3 {
            assert!(begun.elapsed() < LIMIT, "it stays in the background");
            assert_eq!(session.is_memoized("lock").await, Ok(true));
        }
        assert_eq!((session.is_memoized("lock").await, session.state()), (Ok(true), SessionState::Connected));
    });
    blocking::shutdown(service);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_run_once_while_a_runtime_stalls_and_continues() {
    let fixture = fixture().await;
    let address = fixture.address();
    let user = std::thread::spawn(move || {
        runtime().block_on(async {
            let session = Session::connect(address).await.expect("connects");
            let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..500 {
                let account = account.clone();
                calls.spawn(async move { account.deposit(1).await });
            }
            for pause in [LEASE / 2, LEASE * 2, LEASE] {
                // Some calls have been sent, others have not.
                tokio::task::yield_now().await;
                std::thread::sleep(pause);
                for _ in 0..500 {
                    let account = account.clone();
                    calls.spawn(async move { account.deposit(1).await });
                }
            }
            let mut balances: Vec<i64> = calls.join_all().await.into_iter().map(|made| made.expect("made")).collect();
            balances.sort_unstable();
            balances
        })
    });
    let balances = tokio::task::spawn_blocking(|| user.join()).await.expect("joined").expect("no panic");
    assert_eq!(balances, (1..=2000).collect::<Vec<_>>());
}

#[test]
fn a_call_times_out_although_the_runtime_of_its_session_does_not_run() {
    let service = service();
    let runtime = runtime();
    let address = service.address();
    let session = runtime.block_on(Session::connect(&*address)).expect("connects");
    // The session's runtime does not run any more. (The call may run all the same, once the background sends it.)
    let begun = Instant::now();
    let made =
        self::runtime().block_on(async { soon(session.is_memoized("k").timeout(Duration::from_millis(1))).await });
    assert!(matches!(made, Ok(false) | Err(Error::DeadlineExceeded { .. })), "{made:?}");
    assert!(begun.elapsed() < LEASE * 4, "{:?}", begun.elapsed());
    blocking::shutdown(service);
}

#[test]
fn a_session_closes_although_its_runtime_does_not_run() {
    let mut limits = Limits::default();
    // So long that nothing here waits for the end of a lease.
    limits.lease = LIMIT * 4;
    let service = blocking::start(Service::new("127.0.0.1", 0).limits(limits)).expect("starts");
    let home = runtime();
    let other = service.session();
    for is_closed in [true, false] {
        let key = if is_closed { "closed" } else { "dropped" };
        let (session, guard) = home.block_on(async {
            let session = Session::connect(service.address()).await.expect("connects");
            let lock = session.memoize(key, LockProxy::new()).await.expect("made");
            (session, lock.acquire().await.expect("free"))
        });
        if is_closed {
            self::runtime().block_on(soon(session.close()));
        } else {
            drop((session, guard));
        }
        // The service knows that the session has ended, so its lock is free.
        self::runtime().block_on(async {
            let lock = soon(other.get::<Lock>(key)).await.expect("there");
            soon(lock.acquire()).await.expect("free").release().await.expect("held");
        });
    }
    blocking::shutdown(service);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnecting_a_connected_session_returns_at_once() {
    let fixture = fixture().await;
    let session = fixture.session().await;
    assert_eq!(session.reconnect().now_or_never(), Some(Ok(())));
    assert_eq!(session.is_memoized("k").await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_session_ignores_earlier_requests_to_reconnect() {
    let fixture = fixture().await;
    let network = Network::to(service_of(&fixture), |_| Faults::NONE).await;
    let session = over(&network).await;
    // The requests are dropped before they are done, for a connected session and for a closed one.
    let _ = session.reconnect().now_or_never();
    session.close().await;
    assert_eq!(session.reconnect().now_or_never(), None);
    session.close().await;
    let closed = || matches!(session.ended(), Some(Error::Closed { .. })) && session.state() == SessionState::Closed;
    let begun = Instant::now();
    while begun.elapsed() < LEASE / 3 {
        assert!(closed(), "{:?}, {:?}", session.state(), session.ended());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // After it was closed twice, a new request connects it.
    session.close().await;
    soon(session.reconnect()).await.expect("the service is there");
    assert_eq!(session.is_memoized("k").await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_blocks_or_panics_does_not_delay_the_session() {
    let fixture = fixture().await;
    // Closes all connections, once.
    let network = Network::to(service_of(&fixture), |n| match n {
        0 => Faults::up(super::Fault::Reset(900)),
        _ => Faults::NONE,
    })
    .await;
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let (free, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let session = Session::builder(network.address.to_string())
        .on_reconnect(move |reconnected| {
            told.send(reconnected).expect("it is heard");
            let _ = held.lock().expect("no panic").recv();
            panic!("as a hook may");
        })
        .connect()
        .await
        .expect("connects");
    let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
    for n in 1..=60 {
        assert_eq!(account.deposit(1).await, Ok(n));
    }
    assert!(hears.recv().await.expect("it is told").resumed);
    // The hook still blocks, for longer than the lease.
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(account.deposit(1).await, Ok(61));
    assert_eq!(network.connections(), 2);
    drop(free);
    assert_eq!(account.deposit(1).await, Ok(62));
}
