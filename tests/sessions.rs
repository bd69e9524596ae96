//! Sessions that outlive their connections: every call runs once, whatever the network does.

#[path = "sessions/endings.rs"]
mod endings;
#[path = "sessions/homes.rs"]
mod homes;
mod support;

use futures::future::join_all;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::fault::{Fault, Faults, Network};
use support::other::{Other, Part};
use support::{Fixture, Way};
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::{Error, Limits, Proxy, Session, SessionState};
use tarmem_test_models::AccountProxy;

/// Short enough for a test to wait for, and long enough not to expire on a busy machine.
const LEASE: Duration = Duration::from_millis(1500);

async fn fixture() -> Fixture {
    let mut limits = Limits::default();
    limits.lease = LEASE;
    Fixture::with(Way::Tcp, limits).await
}

fn service_of(fixture: &Fixture) -> SocketAddr {
    fixture.service.local_addr().expect("a TCP listener")
}

async fn over(network: &Network) -> Session {
    loop {
        let session =
            Session::builder(network.address.to_string()).retry_delay(Duration::from_millis(50)).max_retry(20);
        match session.connect().await {
            Ok(session) => return session,
            // If the connection ends in order before the session is open, the client takes the peer for something else
            // than a service.
            Err(Error::Closed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn contents(fixture: &Fixture, key: &str) -> Vec<i64> {
    fixture.session().await.get::<List>(key).await.expect("it is there").snapshot_as().await.expect("it is a list")
}

/// Makes three calls, one after the other, and closes the session.
async fn converse(network: &Network, key: &str) {
    let session = over(network).await;
    let list = session.memoize(key, ListProxy::new(None)).await.expect("made");
    for number in 1..=3 {
        list.append(number).await.expect("appended");
    }
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_cut_at_any_byte_completes() {
    let fixture = fixture().await;
    let whole = Network::to(service_of(&fixture), |_| Faults::NONE).await;
    converse(&whole, "whole").await;
    let (up, down) = whole.bytes();
    assert!(up > 100 && down > 100, "{up} and {down} bytes");
    // The number of polls at the end may differ: a cut after the last byte cuts nothing.
    let cuts =
        (0..=up).map(|at| Faults::up(Fault::Reset(at))).chain((0..=down).map(|at| Faults::down(Fault::Reset(at))));
    let cuts: Vec<Faults> = cuts.collect();
    for (index, some) in cuts.chunks(16).enumerate() {
        let conversations = some.iter().enumerate().map(|(within, faults)| {
            let (key, faults, service) = (format!("cut {index} {within}"), *faults, service_of(&fixture));
            async move {
                let network = Network::to(service, move |n| if n == 0 { faults } else { Faults::NONE }).await;
                converse(&network, &key).await;
                key
            }
        });
        for key in join_all(conversations).await {
            assert_eq!(contents(&fixture, &key).await, [1, 2, 3], "{key}: {some:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_falls_silent_is_replaced() {
    let fixture = fixture().await;
    for (index, faults) in [Faults::up(Fault::Silence(600)), Faults::down(Fault::Silence(600))].into_iter().enumerate()
    {
        let key = format!("silence {index}");
        let network = Network::to(service_of(&fixture), move |n| if n == 0 { faults } else { Faults::NONE }).await;
        let session = over(&network).await;
        let list = session.memoize(&key, ListProxy::new(None)).await.expect("made");
        for number in 0..40 {
            list.append(number).await.expect("appended");
        }
        assert_eq!(contents(&fixture, &key).await, (0..40).collect::<Vec<_>>());
        assert_eq!(network.connections(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_costs_time_and_nothing_else() {
    const PIECE: Duration = Duration::from_millis(15);
    let fixture = fixture().await;
    let slow = Faults { up: Fault::Delay(PIECE), down: Fault::Delay(PIECE) };
    let network = Network::to(service_of(&fixture), move |_| slow).await;
    let session = over(&network).await;
    let begun = Instant::now();
    let list = session.memoize("slow", ListProxy::new(None)).await.expect("made");
    for number in 0..20 {
        list.append(number).await.expect("appended");
    }
    assert!(begun.elapsed() > PIECE * 40, "it is not slow: {:?}", begun.elapsed());
    // Longer than the lease, which does not expire.
    tokio::time::sleep(LEASE * 2).await;
    list.append(20).await.expect("appended");
    assert_eq!(contents(&fixture, "slow").await, (0..21).collect::<Vec<_>>());
    assert_eq!(network.connections(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_service_has_room_for_resuming_client() {
    let mut limits = Limits::default();
    (limits.lease, limits.connections) = (LEASE, 1);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    // The service does not know that the first connection is dead when the second one comes.
    let network =
        Network::to(service_of(&fixture), |n| if n == 0 { Faults::up(Fault::Silence(600)) } else { Faults::NONE })
            .await;
    let session = over(&network).await;
    let list = session.memoize("full", ListProxy::new(None)).await.expect("made");
    for number in 0..40 {
        list.append(number).await.expect("appended");
    }
    assert_eq!(network.connections(), 2);
    let error = Session::connect(fixture.address()).await.expect_err("it is full");
    assert!(error.to_string().contains("limit of 1"), "{error}");
    let held: Vec<i64> = list.snapshot_as().await.expect("it is a list");
    assert_eq!(held, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resuming_client_retries_when_service_is_full() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let network = Network::to(service_of(&fixture), |n| match n {
        0 => Faults::up(Fault::Reset(900)),
        // Until the place is taken by another client.
        1..=3 => Faults::up(Fault::Reset(0)),
        _ => Faults::NONE,
    })
    .await;
    let session = Session::builder(network.address.to_string())
        .retry_delay(Duration::from_millis(50))
        .max_retry(10_000)
        .connect()
        .await
        .expect("a session opens");
    let list = session.memoize("full", ListProxy::new(None)).await.expect("made");
    let appending = tokio::spawn(async move {
        for number in 0..60 {
            list.append(number).await.expect("appended");
        }
        list.snapshot_as::<Vec<i64>>().await.expect("it is a list")
    });
    session.wait_for(SessionState::Reconnecting).await;
    // The service may not have noticed yet that its only connection is gone.
    let other = loop {
        if let Ok(other) = Session::builder(fixture.address()).max_retry(0).connect().await {
            break other;
        }
    };
    let seen = network.connections();
    let begun = Instant::now();
    while network.connections() < seen.max(4) + 3 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it gave up");
        tokio::task::yield_now().await;
    }
    assert_eq!(session.state(), SessionState::Reconnecting, "it goes on trying");
    other.close().await;
    assert_eq!(appending.await.expect("no call failed"), (0..60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicated_frames_are_answered_once() {
    let fixture = fixture().await;
    // The first frames are the handshake's; a few of each kind follow.
    for frame in 1..12 {
        for (way, faults) in [("up", Faults::up(Fault::Twice(frame))), ("down", Faults::down(Fault::Twice(frame)))] {
            let key = format!("{way} {frame}");
            let network = Network::to(service_of(&fixture), move |n| if n == 0 { faults } else { Faults::NONE }).await;
            let session = over(&network).await;
            let list = session.memoize(&key, ListProxy::new(None)).await.expect("made");
            for number in 0..12 {
                list.append(number).await.expect("appended");
            }
            session.close().await;
            assert_eq!(contents(&fixture, &key).await, (0..12).collect::<Vec<_>>(), "{key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_hold_while_the_network_is_silent() {
    let fixture = fixture().await;
    let silent = Arc::new(AtomicU64::new(0));
    let plan = Arc::clone(&silent);
    let network = Network::to(service_of(&fixture), move |n| {
        if plan.load(Ordering::SeqCst) > 0 && n > 0 {
            Faults::up(Fault::Reset(0))
        } else {
            Faults::up(Fault::Silence(700))
        }
    })
    .await;
    let session = over(&network).await;
    let account = session.memoize("slow network", AccountProxy::open(1)).await.expect("made");
    silent.store(1, Ordering::SeqCst);
    let begun = Instant::now();
    loop {
        // At some point the permitted bytes are used up, and nothing is answered any more.
        match account.balance().timeout(Duration::from_millis(100)).await {
            Ok(1) => assert!(begun.elapsed() < Duration::from_secs(20), "the network never fell silent"),
            Err(Error::DeadlineExceeded { what, .. }) => {
                assert!(what.contains("balance") && what.contains("slow network"), "{what}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_a_session_can_be_observed() {
    let fixture = fixture().await;
    let network = Network::to(service_of(&fixture), |n| match n {
        0 => Faults::up(Fault::Reset(900)),
        // For a while there is no service.
        1..=3 => Faults::up(Fault::Reset(0)),
        _ => Faults::NONE,
    })
    .await;
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let session = Session::builder(network.address.to_string())
        .retry_delay(Duration::from_millis(50))
        .on_reconnect(move |reconnected| told.send(reconnected).expect("it is heard"))
        .connect()
        .await
        .expect("a session opens");
    let id = session.id();
    assert_eq!(session.state(), SessionState::Connected);
    let account = session.memoize("seen", AccountProxy::open(0)).await.expect("made");
    let unnamed = session.create(AccountProxy::open(7)).await.expect("made");
    let watching = session.clone();
    let seen = tokio::spawn(async move { watching.wait_for(SessionState::Reconnecting).await });
    for deposit in 1..=60 {
        assert_eq!(account.deposit(1).await, Ok(deposit));
    }
    seen.await.expect("no panic");
    let reconnected = hears.recv().await.expect("the hook is told");
    assert!(reconnected.resumed, "{reconnected:?}");
    assert_eq!(unnamed.balance().await, Ok(7), "handles survive");
    assert_eq!((session.id(), session.state()), (id, SessionState::Connected));

    session.close().await;
    assert_eq!(session.state(), SessionState::Closed);
    assert!(matches!(account.balance().await, Err(Error::Closed { .. })));
    let connections = network.connections();
    assert!(matches!(account.balance().await, Err(Error::Closed { .. })));
    assert_eq!(network.connections(), connections, "nothing reconnects by itself");
    session.reconnect().await.expect("it connects");
    assert_eq!(session.state(), SessionState::Connected);
    assert_ne!(session.id(), id);
    assert_eq!(account.balance().await, Ok(60));
    assert!(matches!(unnamed.balance().await, Err(Error::NoSuchObject { .. })));
    assert!(!hears.recv().await.expect("the hook is told").resumed);
}

/// Appends numbers through a network that breaks about once in every so many calls.
const NUMBERS: u64 = 1_000_000;
const CALLERS: u64 = 16;
const PROCESSES: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_calls_over_breaking_connections_are_each_made_once() {
    let fixture = fixture().await;
    let session = fixture.session().await;
    session.memoize("numbers", ListProxy::new(None)).await.expect("made");
    let seed = std::env::var("TARMEM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_124_u64);
    println!("TARMEM_SEED={seed}");
    let network = Network::to(service_of(&fixture), move |connection| {
        // A call takes about 40 bytes there and 12 back: the connection breaks about once in 2,000 calls, at different
        // places.
        let random = splitmix(seed ^ connection);
        let calls = 500 + random % 3000;
        if random & (1 << 40) == 0 {
            Faults::up(Fault::Reset(calls * 40))
        } else {
            Faults::down(Fault::Reset(calls * 12))
        }
    })
    .await;
    let appenders: Vec<Other> =
        (0..PROCESSES).map(|process| Other::start("appender", &network.address.to_string(), process)).collect();
    for appender in appenders {
        appender.ends().await;
    }
    println!("{} connections", network.connections());
    assert!(network.connections() > 100, "only {} connections", network.connections());
    let numbers = contents(&fixture, "numbers").await;
    assert_eq!(numbers.len() as u64, NUMBERS);
    let mut last: HashMap<u64, u64> = HashMap::new();
    for number in numbers {
        let number = u64::try_from(number).expect("none is negative");
        let (caller, index) = (number % (CALLERS * PROCESSES), number / (CALLERS * PROCESSES));
        // In order and without a gap, so each of them once.
        assert_eq!(last.insert(caller, index), index.checked_sub(1), "caller {caller}");
    }
}

/// Sebastiano Vigna's mixer.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The part of another process. This is not a test: see [`Other`].
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "runs in processes that other tests start"]
async fn role() {
    let Some(Part { role, address, detail }) = Part::mine() else { return };
    match role.as_str() {
        "appender" => append_numbers(&address, detail.parse().expect("a number")).await,
        "holder" => endings::hold(&address, &detail).await,
        other => panic!("there is no role {other}"),
    }
}

async fn append_numbers(address: &str, process: u64) {
    let session = Session::builder(address)
        .retry_delay(Duration::from_millis(50))
        .max_retry(100)
        .call_timeout(None)
        .connect()
        .await
        .expect("a session opens");
    let callers = (0..CALLERS).map(|caller| {
        let list = session.proxy::<List>("numbers");
        tokio::spawn(async move {
            let first = process * CALLERS + caller;
            for number in (first..NUMBERS).step_by(usize::try_from(CALLERS * PROCESSES).expect("small")) {
                list.append(i64::try_from(number).expect("small")).await.expect("appended");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no call fails");
    }
    session.close().await;
}

/// A million handles in 100 rounds: no objects and no handles are left after any round, and no memory after all of
/// them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_handles_are_released() {
    const AT_ONCE: usize = 10_000;
    let mut limits = Limits::default();
    // A leak would exceed this.
    limits.handles = 2 * AT_ONCE;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    let before = fixture.service.object_count();
    for go in 0..100 {
        let calls = (0..AT_ONCE as i64).map(|cents| session.create(AccountProxy::open(cents)));
        let accounts: Vec<AccountProxy> =
            join_all(calls).await.into_iter().map(|account| account.expect("made")).collect();
        assert_eq!(fixture.service.object_count(), before + AT_ONCE, "go {go}");
        drop(accounts);
        let begun = Instant::now();
        while fixture.service.object_count() != before {
            assert!(begun.elapsed() < Duration::from_secs(20), "go {go}: {} left", fixture.service.object_count());
            session.is_memoized("nothing").await.expect("a value");
        }
    }
}
