//! Clients whose service goes away and comes back, and clients with problems of their own.

use super::support::detour::Detour;
use super::support::{Fixture, Way, arrived};
use futures::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::{CallError, Error, Limits, RunningService, Service, Session, SessionState};
use tarmem_test_models::{Account, AccountProxy};

async fn service() -> RunningService {
    Service::new("127.0.0.1", 0).start().await.expect("starts")
}

fn address_of(service: &RunningService) -> std::net::SocketAddr {
    service.local_addr().expect("a TCP listener")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_restart_is_a_pause() {
    let first = service().await;
    let detour = Detour::to(address_of(&first)).await;
    let (idle, session) = (detour.address.to_string(), detour.address.to_string());
    let (idle, session) =
        (Session::connect(idle).await.expect("connects"), Session::connect(session).await.expect("connects"));
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let queue = session.memoize("q", QueueProxy::new(None)).await.expect("made");
    let running = account.deposit_slowly(1, 300).send().await;
    let waiting = queue.get::<i64>().send().await;
    arrived(&session).await;
    first.shutdown().await;
    assert_eq!(running.await, Ok(2), "the running call finishes, and its result arrives");
    let (id, unsent) = (session.id(), account.deposit(10).send().await);
    // With the defaults, a service may be away for some seconds.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = service().await;
    second.session().memoize("k", AccountProxy::open(70)).await.expect("made");
    let items = second.session().memoize("q", QueueProxy::new(None)).await.expect("made");
    items.put(5).await.expect("there is room");
    detour.lead_to(address_of(&second));
    assert_eq!(unsent.await, Ok(80), "it was not sent, and goes on");
    assert_eq!(waiting.await, Ok(5), "it had not begun, and goes on");
    assert_eq!(idle.proxy::<Account>("k").balance().await, Ok(80));
    assert_ne!(session.id(), id);
    assert_eq!((session.state(), session.ended()), (SessionState::Connected, None));
}

/// The method holds the thread of its connection, so that the client hears nothing for a part of its lease and
/// tries another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_delivers_the_result_of_a_method_that_holds_its_thread_for_long() {
    for workers in [1, 2] {
        let mut limits = Limits::default();
        limits.lease = Duration::from_millis(1_500);
        let service = Service::new("127.0.0.1", 0).workers(workers).limits(limits).start().await.expect("starts");
        let session = Session::connect(service.address()).await.expect("connects");
        let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
        let running = tokio::spawn(account.deposit_holding(1, 2_500));
        // The method runs. With several threads other clients are answered, with one thread none is.
        tokio::time::sleep(Duration::from_millis(200)).await;
        service.shutdown().await;
        assert_eq!(running.await.expect("no panic"), Ok(2), "{workers} workers");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_connects_during_a_shutdown_finds_the_next_service() {
    let first = service().await;
    let detour = Detour::to(address_of(&first)).await;
    let session = Session::connect(detour.address.to_string()).await.expect("connects");
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let running = account.deposit_slowly(1, 1_000).send().await;
    arrived(&session).await;
    let shutdown = tokio::spawn(first.shutdown());
    let refused = Session::builder(detour.address.to_string()).max_retry(0);
    let error = loop {
        match refused.clone().connect().await {
            // The shutdown has not begun yet.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("shutting down"), "{error}");
    let newcomer = tokio::spawn(Session::builder(detour.address.to_string()).max_retry(100).connect());
    assert_eq!(running.await, Ok(2));
    shutdown.await.expect("no panic");
    let second = service().await;
    detour.lead_to(address_of(&second));
    let newcomer = newcomer.await.expect("no panic").expect("it has come to the next one");
    assert_eq!(newcomer.is_memoized("k").await, Ok(false));
}

/// A session without calls loses nothing by restarts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_session_outlives_any_number_of_restarts() {
    let mut running = service().await;
    let detour = Detour::to(address_of(&running)).await;
    let connections = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&connections);
    let session = Session::builder(detour.address.to_string())
        .retry_delay(Duration::from_millis(20))
        .on_reconnect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .connect()
        .await
        .expect("connects");
    for restart in 1..=10 {
        let next = service().await;
        detour.lead_to(address_of(&next));
        running.shutdown().await;
        running = next;
        while connections.load(Ordering::SeqCst) < restart {
            assert_ne!(session.state(), SessionState::Closed, "{restart}: {:?}", session.ended());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The service runs for a while.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(session.is_memoized("k").await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_hook_does_not_end_the_session() {
    let service = service().await;
    let detour = Detour::to(address_of(&service)).await;
    let told = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&told);
    let session = Session::builder(detour.address.to_string())
        .retry_delay(Duration::from_millis(20))
        .on_reconnect(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            panic!("the hook is broken");
        })
        .connect()
        .await
        .expect("connects");
    let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
    for cut in 1..=2 {
        detour.cut();
        // The call may be on its way when the connection is cut.
        while told.load(Ordering::SeqCst) < cut {
            account.balance().await.expect("the session goes on");
        }
        assert_eq!(account.deposit(1).await, Ok(i64::try_from(cut).expect("small")));
    }
    session.close().await;
    session.reconnect().await.expect("it connects");
    assert_eq!(account.balance().await, Ok(2));
    // The hook runs on another thread.
    let begun = Instant::now();
    while told.load(Ordering::SeqCst) < 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the hook is not told");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_too_large_for_the_client_fails_only_its_call() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = Session::builder(fixture.address()).max_frame(64 << 10).connect().await.expect("connects");
    let account = session.memoize("k", AccountProxy::open(3)).await.expect("made");
    let id = session.id();
    let others: Vec<_> = (0..20).map(|_| account.large(40 << 10)).collect();
    let (large, others) = tokio::join!(account.large(1 << 20), session.pipeline(others));
    let error = large.expect_err("it does not fit");
    assert!(matches!(error, Error::BadResult { .. }) && error.to_string().contains("max_frame"), "{error}");
    for other in others {
        assert_eq!(other.map(|bytes| bytes.len()), Ok(40 << 10));
    }
    // A result that comes with a poll fails in the same way.
    assert!(matches!(account.large(66 << 10).await, Err(Error::BadResult { .. })));
    assert_eq!((session.id(), session.state(), account.balance().await), (id, SessionState::Connected, Ok(3)));
    // A value below the minimum is raised to the minimum.
    let least = Session::builder(fixture.address()).max_frame(1).connect().await.expect("connects");
    assert_eq!(least.proxy::<Account>("k").balance().await, Ok(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_has_its_timeout_and_no_more() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(3)).await.expect("made");
        let none = account.deposit(1).timeout(Duration::ZERO).await;
        let Err(Error::DeadlineExceeded { what, after: Duration::ZERO }) = none else { panic!("{way:?}: {none:?}") };
        assert!(what.contains("deposit"), "{what}");
        let none = account.deposit(1).timeout(Duration::ZERO).await.expect_err("it has no time");
        assert!(none.is_timeout() && none.is_not_applied(), "{none}");
        assert_eq!(
            none.to_string().split_once(" was not attempted").map(|(_, rest)| rest),
            Some(", because its timeout is zero; give it a longer one")
        );
        assert_eq!(account.balance().await, Ok(3), "{way:?}: it was not sent");
        if way != Way::InProcess {
            for short in [Duration::from_nanos(1), Duration::from_micros(1)] {
                let result = account.balance().timeout(short).await;
                assert!(
                    matches!(result, Err(Error::DeadlineExceeded { after, .. }) if after == short),
                    "{way:?}: {result:?}"
                );
            }
        }
        let queue = session.memoize("q", QueueProxy::new(None)).await.expect("made");
        let error = queue.get::<i64>().timeout(Duration::from_micros(1500)).await.expect_err("nothing is there");
        let timeout = Duration::from_micros(1500);
        assert!(
            matches!(error, CallError::Failed(Error::DeadlineExceeded { after, .. }) if after == timeout),
            "{way:?}: {error}"
        );
    }
}

/// The method holds the thread of its connection, so only the client itself can time out the call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_times_out_whatever_the_service_does() {
    for way in [Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(3)).await.expect("made");
        let begun = Instant::now();
        let error = account.hold_up(2000).timeout(Duration::from_millis(50)).await.expect_err("it takes longer");
        let elapsed = begun.elapsed();
        assert!(
            matches!(error, Error::DeadlineExceeded { after, .. } if after == Duration::from_millis(50)),
            "{error}"
        );
        assert!(elapsed >= Duration::from_millis(50) && elapsed < Duration::from_millis(1500), "{way:?}: {elapsed:?}");
        // The reply arrives late, and the session works.
        assert_eq!(account.deposit(1).await, Ok(4), "{way:?}");
        assert_eq!(session.proxy::<Queue>("none").waiting().await, Err(Error::NoSuchKey { key: "none".into() }));
    }
}

/// A waker that panics, as that of a user's own executor may.
struct Broken;

impl Wake for Broken {
    fn wake(self: Arc<Self>) {
        panic!("the waker is broken");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waker_that_panics_does_not_end_the_session() {
    for way in [Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
        let waker = Waker::from(Arc::new(Broken));
        let mut broken: Vec<_> = (0..3).map(|_| account.deposit_slowly(1, 20)).collect();
        for call in &mut broken {
            assert!(call.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        }
        let sound = account.deposit_slowly(1, 20).send().await;
        assert_eq!(sound.await, Ok(4), "{way:?}");
        for (call, balance) in broken.into_iter().zip(1..) {
            assert_eq!(call.await, Ok(balance), "{way:?}");
        }
        // At the end of the session, it does not end the process either.
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let mut call = account.deposit_slowly(1, 60_000);
                assert!(call.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
                call
            })
            .collect();
        session.close().await;
        for call in waiting {
            assert!(matches!(call.await, Err(Error::OutcomeUnknown { .. } | Error::Closed { .. })), "{way:?}");
        }
        assert!(session.ended().is_some());
    }
}
