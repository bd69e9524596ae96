//! Checks histories of many callers over a network whose connections break, and that each of three faults planted in
//! the service is found.

#[path = "../../tests/support/fault.rs"]
#[allow(dead_code, unreachable_pub, reason = "these tests need less of it than others")]
mod fault;

use super::models::{Key, KeyCall, KeyOutcome, LockCall, LockModel, LockOutcome, Number, NumberCall, NumberOutcome};
use super::{Entry, History, Model, check};
use crate::faults::PlantedFault;
use crate::{CallError, Error, RunningService, Service, Session, remote};
use fault::{Fault, Faults, Network};
use futures::future::join_all;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use std::sync::Arc;
use std::time::Duration;
use tarmem_modules::Exception;
use tarmem_modules::builtins::DictProxy;
use tarmem_modules::multiprocessing::{SharedValue as Shared, SharedValueProxy as ValueProxy};
use tarmem_modules::threading::LockProxy;
use tarmem_remote::args::Arg;

/// The number of concurrent callers, each with its own session.
const CALLERS: usize = 6;

/// The number of calls of each caller.
const CALLS: usize = 60;

/// A planted fault has to be found in one of this many histories.
const HISTORIES: u64 = 40;

/// A generator that takes a moment, so that other calls come in between.
#[remote(module = "linear")]
async fn slowly(number: i64) -> Result<Shared, Exception> {
    tokio::time::sleep(Duration::from_micros(300)).await;
    Shared::new("q".to_owned(), Arg::Given(number.into()))
}

/// A service, and a network to it whose connections break.
struct World {
    _service: RunningService,
    network: Network,
}

impl World {
    async fn new(fault: Option<PlantedFault>, seed: u64) -> Self {
        let service = Service::new("127.0.0.1", 0).workers(2).start().await.expect("the service starts");
        if let Some(fault) = fault {
            service.engine.state.faults.plant(fault);
        }
        let network = Network::to(service.local_addr().expect("TCP"), move |connection| {
            // Most connections break within the first two thousand bytes, in either direction.
            let at = 200 + (seed.wrapping_mul(31).wrapping_add(connection).wrapping_mul(2_654_435_761) >> 7) % 1_500;
            match connection % 5 {
                0 | 1 => Faults::up(Fault::Reset(at)),
                2 | 3 => Faults::down(Fault::Reset(at)),
                _ => Faults::down(Fault::Reset(at * 5)),
            }
        });
        World { _service: service, network: network.await }
    }

    async fn session(&self) -> Session {
        loop {
            let builder = Session::builder(self.network.address.to_string());
            match builder.retry_delay(Duration::from_millis(2)).max_retry(100).connect().await {
                Ok(session) => return session,
                Err(Error::Closed { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Pseudo-random numbers from a seed.
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    move |below| rng.next_u64() % below
}

/// Records the history of a number, which is the value of a key in a dict or a counter of its own.
async fn numbers(world: &World, seed: u64, in_dict: bool) -> Vec<Entry<Number>> {
    let history = Arc::new(History::<Number>::new());
    let callers = (0..CALLERS as u64).map(|caller| {
        let history = Arc::clone(&history);
        async move {
            let session = world.session().await;
            let mut below = random(seed * 1000 + caller);
            let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
            let value = session.memoize("value", ValueProxy::new("q".into(), None)).await.expect("made");
            dict.compare_and_set("k", (), 0).await.expect("it is a number from here on");
            for _ in 0..CALLS {
                let (one, two) = (below(4) as i64, below(4) as i64);
                // A few calls are dropped after a moment. Their outcome is not known, and each of them doubles the
                // number of possible orders.
                let patience = if below(40) == 0 { below(30) } else { u64::MAX };
                let call = match below(4) {
                    0 => NumberCall::Get,
                    1 if in_dict => NumberCall::Set(one),
                    2 => NumberCall::CompareAndSet(one, two),
                    _ => NumberCall::Add(one),
                };
                let made = call.clone();
                let run = async {
                    use NumberOutcome::{Done, Is, Was};
                    Some(match (made, in_dict) {
                        (NumberCall::Get, true) => Is(dict.item("k").await.expect("answered")),
                        (NumberCall::Get, false) => Is(value.get().await.expect("answered")),
                        (NumberCall::Add(by), true) => Is(dict.incr("k", by).await.expect("answered")),
                        (NumberCall::Add(by), false) => Is(value.add(by).await.expect("answered")),
                        (NumberCall::CompareAndSet(a, b), true) => {
                            Was(dict.compare_and_set("k", a, b).await.expect("answered"))
                        }
                        (NumberCall::CompareAndSet(a, b), false) => {
                            Was(value.compare_and_set(a, b).await.expect("answered"))
                        }
                        (NumberCall::Set(to), _) => {
                            dict.set("k", to).await.expect("answered");
                            Done
                        }
                    })
                };
                let impatient = async {
                    tokio::select! {
                        biased;
                        outcome = run => outcome,
                        () = turns(patience) => None,
                    }
                };
                history.call(call, impatient).await;
            }
        }
    });
    join_all(callers).await;
    Arc::into_inner(history).expect("all are done").into_entries()
}

/// Yields to the other tasks `count` times.
async fn turns(count: u64) {
    if count == u64::MAX {
        return std::future::pending().await;
    }
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

async fn locks(world: &World, seed: u64) -> Vec<Entry<LockModel>> {
    let history = Arc::new(History::<LockModel>::new());
    let callers = (0..CALLERS).map(|caller| {
        let history = Arc::clone(&history);
        async move {
            let session = world.session().await;
            let mut below = random(seed * 1000 + caller as u64);
            let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
            for _ in 0..CALLS {
                let mut held = None;
                let acquire = async {
                    let guard = lock.try_acquire().await.expect("answered");
                    let outcome =
                        guard.as_ref().map_or(LockOutcome::Taken, |guard| LockOutcome::Acquired(guard.token()));
                    held = guard;
                    Some(outcome)
                };
                history.call(LockCall::TryAcquire(caller), acquire).await;
                if below(2) == 0 {
                    tokio::task::yield_now().await;
                }
                if let Some(guard) = held {
                    let release = async {
                        guard.release().await.expect("it is held");
                        Some(LockOutcome::Released)
                    };
                    history.call(LockCall::Release(caller), release).await;
                }
            }
        }
    });
    join_all(callers).await;
    Arc::into_inner(history).expect("all are done").into_entries()
}

async fn keys(world: &World, seed: u64) -> Vec<Entry<Key>> {
    let history = Arc::new(History::<Key>::new());
    let callers = (0..CALLERS as u64).map(|caller| {
        let history = Arc::clone(&history);
        async move {
            let session = world.session().await;
            let mut below = random(seed * 1000 + caller);
            let mut at = 0;
            for number in 0..CALLS as i64 {
                let call = match below(8) {
                    0 | 1 => KeyCall::Get,
                    2 | 3 => KeyCall::Memoize,
                    4 => KeyCall::Update,
                    5 | 6 => KeyCall::UpdateIf(at),
                    _ => KeyCall::Delete,
                };
                let source = slowly::remote(number);
                let made = call.clone();
                let run = async {
                    let obtained = match made {
                        KeyCall::Get => session.get::<Shared>("key").with_info().await.map_err(CallError::Failed),
                        KeyCall::Memoize => session.memoize("key", source).with_info().await,
                        KeyCall::Update => session.update("key", source).with_info().await,
                        KeyCall::UpdateIf(at) => session.update_if("key", at, source).with_info().await,
                        KeyCall::Delete => {
                            return Some(match session.delete("key").await {
                                Ok(()) => KeyOutcome::Deleted,
                                Err(Error::NoSuchKey { .. }) => KeyOutcome::Missing,
                                Err(error) => panic!("{error}"),
                            });
                        }
                    };
                    Some(match obtained {
                        Ok((_, info)) => KeyOutcome::At(info.generation),
                        Err(CallError::Failed(Error::NoSuchKey { .. })) => KeyOutcome::Missing,
                        Err(CallError::Failed(Error::WrongGeneration { found, .. })) => KeyOutcome::Refused(found),
                        Err(error) => panic!("{error}"),
                    })
                };
                match history.call(call, run).await {
                    Some(KeyOutcome::At(generation)) => at = generation,
                    Some(KeyOutcome::Refused(found)) => at = found,
                    Some(KeyOutcome::Missing | KeyOutcome::Deleted) => at = 0,
                    None => {}
                }
            }
        }
    });
    join_all(callers).await;
    Arc::into_inner(history).expect("all are done").into_entries()
}

/// The number of calls without a known outcome.
fn unknown<M: Model>(entries: &[Entry<M>]) -> usize {
    entries.iter().filter(|entry| entry.outcome.is_none()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_are_linearizable() {
    let (mut connections, mut sessions, mut lost) = (0, 0, 0);
    for seed in 0..4 {
        let world = World::new(None, seed).await;
        for in_dict in [false, true] {
            let entries = numbers(&world, seed, in_dict).await;
            lost += unknown(&entries);
            check::<Number>(entries).unwrap_or_else(|why| panic!("seed {seed}, in a dict: {in_dict}: {why}"));
        }
        check::<LockModel>(locks(&world, seed).await).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        check::<Key>(keys(&world, seed).await).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        connections += world.network.connections();
        sessions += 4 * CALLERS as u64;
    }
    assert!(connections > sessions * 3 / 2, "{connections} connections of {sessions} sessions: it did not break");
    assert!(lost > 0, "every call had an outcome");
    println!("{connections} connections of {sessions} sessions, {lost} calls of unknown outcome");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_runs_twice_is_detected() {
    for seed in 0..HISTORIES {
        let world = World::new(Some(PlantedFault::Twice), seed).await;
        if check::<Number>(numbers(&world, seed, false).await).is_err() {
            return;
        }
    }
    panic!("not in {HISTORIES} histories");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memoize_that_overwrites_is_detected() {
    for seed in 0..HISTORIES {
        let world = World::new(Some(PlantedFault::Overwrites), seed).await;
        if check::<Key>(keys(&world, seed).await).is_err() {
            return;
        }
    }
    panic!("not in {HISTORIES} histories");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_that_does_not_compare_again_is_detected() {
    for seed in 0..HISTORIES {
        let world = World::new(Some(PlantedFault::DoesNotLookAgain), seed).await;
        if check::<Key>(keys(&world, seed).await).is_err() {
            return;
        }
    }
    panic!("not in {HISTORIES} histories");
}

/// Tests of the checker itself, on short histories: compares it with trying all orders.
mod checker {
    use super::*;

    fn entry(begun: u64, ended: u64, call: NumberCall, outcome: Option<NumberOutcome>) -> Entry<Number> {
        Entry { begun, ended, call, outcome }
    }

    /// Tries every order.
    fn by_force(entries: &[Entry<Number>], made: &mut Vec<usize>, state: i64) -> bool {
        let left: Vec<usize> = (0..entries.len()).filter(|index| !made.contains(index)).collect();
        if left.iter().all(|&index| entries[index].outcome.is_none()) {
            return true;
        }
        left.iter().any(|&index| {
            let may_be_next = left.iter().all(|&other| entries[index].begun <= entries[other].ended);
            let Entry { call, outcome, .. } = &entries[index];
            may_be_next
                && Number::step(&state, call, outcome.as_ref()).is_some_and(|after| {
                    made.push(index);
                    let found = by_force(entries, made, after);
                    made.pop();
                    found
                })
        })
    }

    fn calls() -> impl Strategy<Value = (NumberCall, Option<NumberOutcome>)> {
        let small = 0..3i64;
        prop_oneof![
            small.clone().prop_map(|is| (NumberCall::Get, Some(NumberOutcome::Is(is)))),
            (small.clone(), small.clone()).prop_map(|(by, is)| (NumberCall::Add(by), Some(NumberOutcome::Is(is)))),
            small.clone().prop_map(|by| (NumberCall::Add(by), None)),
            small.clone().prop_map(|to| (NumberCall::Set(to), Some(NumberOutcome::Done))),
            (small.clone(), small, any::<bool>())
                .prop_map(|(a, b, was)| (NumberCall::CompareAndSet(a, b), Some(NumberOutcome::Was(was)))),
        ]
    }

    proptest! {
        #[test]
        fn the_checker_agrees_with_trying_all_orders(
            calls in prop::collection::vec((calls(), 0..12u64, 1..8u64), 1..7),
        ) {
            let entries: Vec<_> = calls
                .into_iter()
                .map(|((call, outcome), begun, time)| {
                    let ended = if outcome.is_some() { begun + time } else { u64::MAX };
                    entry(begun, ended, call, outcome)
                })
                .collect();
            let forced = by_force(&entries, &mut Vec::new(), 0);
            prop_assert_eq!(check(entries).is_ok(), forced);
        }
    }

    #[test]
    fn the_error_shows_the_impossible_call() {
        let stale = vec![
            entry(0, 1, NumberCall::Add(1), Some(NumberOutcome::Is(1))),
            entry(2, 3, NumberCall::Get, Some(NumberOutcome::Is(0))),
        ];
        let why = check(stale).expect_err("the one ended before the other began");
        assert!(why.contains("Get") && why.contains("state is 1"), "{why}");
    }
}
