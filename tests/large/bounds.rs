//! How much memory, how many threads and how many objects large calls can use.

use super::{Hall, HallProxy, in_time, narrow, open};
use crate::{DOORS, OPENED};
use futures::StreamExt;
use futures::executor::block_on;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tarmem::modules::queue::QueueProxy;
use tarmem::{CallError, Context, Error, Session, Value, remote};

/// A number whose decoding takes until its door is open.
#[derive(Clone, Serialize)]
pub(crate) struct Slow(u64);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        // A service that starts looks at the type too, with other numbers.
        if (131..140).contains(&number) {
            enter(number);
        }
        Ok(Slow(number))
    }
}

/// The numbers of the calls that have come to a door.
static CAME: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Waits until a door is open.
fn enter(number: u64) {
    CAME.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    let door = DOORS.lock().unwrap_or_else(PoisonError::into_inner);
    drop(OPENED.wait_while(door, |open| !open.contains(&number)).unwrap_or_else(PoisonError::into_inner));
}

fn came(number: u64) -> bool {
    CAME.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
}

async fn until_came(number: u64) {
    while !came(number) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns a value of nearly 64 MiB in memory.
fn filling() -> Value {
    Value::List(vec![Value::Null; 2_000_000])
}

/// Makes a hall, once its door is open.
#[remote(module = "large")]
pub(crate) fn furnished(number: u64, _filling: Value) -> Hall {
    enter(number);
    Hall::new(0)
}

/// As `furnished`, but needs another object for it.
#[remote(module = "large")]
pub(crate) fn furnished_with(ctx: &Context, number: u64, _filling: Value) -> Result<Hall, Error> {
    enter(number);
    block_on(ctx.service().create(furnished::remote(number, filling())).into_future())?;
    Ok(Hall::new(1))
}

/// Waits at its door while its argument is decoded.
#[remote(module = "large")]
pub(crate) fn furnish(hall: &mut Hall, number: Slow, _filling: Value) -> u64 {
    hall.visits += 1;
    number.0 * 1000 + hall.visits
}

/// As `furnish`, but nobody waits for it.
#[remote(module = "large")]
pub(crate) async fn noted(number: Slow, _filling: Value) -> u64 {
    number.0
}

/// A method of this waits for a door without occupying a thread.
#[remote(module = "large")]
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Vault {
    noted: Vec<u64>,
}

#[remote]
impl Vault {
    /// Makes an empty vault.
    pub fn empty() -> Self {
        Vault::default()
    }

    /// Keeps the filling until a door is open.
    pub async fn keep(&self, number: u64, _filling: Value) {
        pass(number).await;
    }

    /// As `keep`, but holds the vault exclusively.
    pub async fn keep_alone(&mut self, number: u64, _filling: Value) {
        pass(number).await;
    }

    /// Waits at its door while its argument is decoded.
    pub async fn note(&mut self, number: Slow, _filling: Value) {
        self.noted.push(number.0);
    }

    /// Returns the numbers that were noted.
    pub fn noted(&self) -> Vec<u64> {
        self.noted.clone()
    }
}

/// As `enter`, without occupying a thread.
async fn pass(number: u64) {
    CAME.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    while !DOORS.lock().unwrap_or_else(PoisonError::into_inner).contains(&number) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Returns the visits of another hall, which it counts in a turn.
#[remote(module = "large", scales)]
pub(crate) fn visits_of(ctx: &Context, hall: &Hall, other: String, millis: u64) -> Result<u64, Error> {
    let _ = hall;
    let other = ctx.service().proxy::<Hall>(&other);
    let call = other.visits_so_far();
    block_on(if millis == 0 { call } else { call.timeout(Duration::from_millis(millis)) }.into_future())
}

fn refused(error: Error) -> (String, u64) {
    match error {
        Error::LimitExceeded { what, limit, .. } => (what, limit),
        other => panic!("{other:?}"),
    }
}

const ROOM: &str = "bytes of large arguments of calls that run in this session";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_with_large_arguments_have_limited_room() {
    in_time(async {
        let (service, session) = narrow().await;
        let mut made: FuturesUnordered<_> =
            (101..104).map(|number| session.create(furnished::remote(number, filling())).into_future()).collect();
        let first = made.next().await.expect("there are three").map(drop);
        assert_eq!(first.map_err(refused), Err((ROOM.to_owned(), 128 << 20)));
        assert_eq!((101..104).filter(|&number| came(number)).count(), 2, "the others are at their doors");
        // Small arguments need no room, and other sessions have their own.
        open(104);
        session.create(furnished::remote(104, Value::Null)).await.expect("made");
        let other = Session::connect(service.address()).await.expect("a session opens");
        open(105);
        other.create(furnished::remote(105, filling())).await.expect("made");
        (101..104).for_each(open);
        assert!(made.map(|made| made.map(drop)).all(async |made| made.is_ok()).await);
        // After that there is room again.
        open(106);
        session.create(furnished::remote(106, filling())).await.expect("made");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn async_methods_with_large_arguments_have_limited_room() {
    in_time(async {
        let (service, session) = narrow().await;
        let vault = session.create(VaultProxy::empty()).await.expect("made");
        let mut kept: FuturesUnordered<_> =
            (151..155).map(|number| vault.keep(number, filling()).no_timeout().into_future()).collect();
        // The second call that finds no room does not wait as long as the first one, which waited in vain.
        for _ in 0..2 {
            let refusal = kept.next().await.expect("there are four");
            assert_eq!(refusal.map_err(refused), Err((ROOM.to_owned(), 128 << 20)));
        }
        assert_eq!((151..155).filter(|&number| came(number)).count(), 2, "the others are at their doors");
        // Small arguments need no room, and other sessions have their own.
        assert_eq!(vault.noted().await, Ok(vec![]));
        let other = Session::connect(service.address()).await.expect("a session opens");
        open(155);
        let beside = other.create(VaultProxy::empty()).await.expect("made");
        beside.keep(155, filling()).await.expect("there is room");
        (151..155).for_each(open);
        assert!(kept.all(async |kept| kept.is_ok()).await);
        // After that there is room again.
        open(156);
        vault.keep(156, filling()).await.expect("there is room");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_wait_for_their_object_have_room_before_they_are_decoded() {
    in_time(async {
        let (service, _session) = narrow().await;
        let mut sessions = Vec::new();
        let (mut shut, mut kept) = (Vec::new(), Vec::new());
        for number in (200..220).step_by(2) {
            let session = Session::connect(service.address()).await.expect("a session opens");
            let vault = session.create(VaultProxy::empty()).await.expect("made");
            shut.push(vault.keep_alone(199, Value::Null).no_timeout().send().await);
            for number in [number, number + 1] {
                kept.push(vault.keep_alone(number, filling()).no_timeout().send().await);
            }
            sessions.push(session);
        }
        (200..220).for_each(open);
        // As many calls wait for their objects as there is room for; the others wait for room.
        let mut kept: FuturesUnordered<_> = kept.into_iter().collect();
        for _ in 0..12 {
            let (what, limit) = refused(kept.next().await.expect("there are twenty").expect_err("there is no room"));
            assert!(what.ends_with("(running_bytes)"), "{what}");
            assert_eq!(limit, 512 << 20);
        }
        assert!((200..220).all(|number| !came(number)), "nothing is decoded yet");
        // A call that waits in vain is refused, and so is the next one of its session; another session waits on its own
        // account.
        let newcomer = Session::connect(service.address()).await.expect("a session opens");
        let vault = newcomer.create(VaultProxy::empty()).await.expect("made");
        open(220);
        let mut patient = vault.keep(220, filling()).no_timeout().into_future();
        let told = tokio::time::timeout(Duration::from_millis(500), &mut patient).await;
        assert!(told.is_err(), "it waits: {told:?}");
        open(199);
        patient.await.expect("there is room now");
        assert!(kept.all(async |kept| kept.is_ok()).await);
        assert_eq!((200..220).filter(|&number| came(number)).count(), 8);
        for shut in shut {
            shut.await.expect("the door is open");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_of_async_methods_are_decoded_elsewhere_and_in_order() {
    in_time(async {
        let (service, session) = narrow().await;
        let vault = session.create(VaultProxy::empty()).await.expect("made");
        let beside = Session::connect(service.address()).await.expect("a session opens");
        let noted = vault.note(Slow(133), filling()).no_timeout().send().await;
        let behind = vault.note(Slow(1), Value::Null).no_timeout().send().await;
        until_came(133).await;
        let answered = beside.is_memoized("nothing").timeout(Duration::from_secs(10)).await;
        open(133);
        answered.expect("the thread of all connections is not held");
        noted.await.expect("its door is open");
        behind.await.expect("it is noted");
        assert_eq!(vault.noted().await, Ok(vec![133, 1]));
        // Also if nobody else uses the object, and within the process.
        for session in [session, service.session()] {
            let queue = session.create(QueueProxy::new(None)).await.expect("made");
            let large = queue.put(filling()).no_timeout().send().await;
            let small = queue.put(7).no_timeout().send().await;
            large.await.expect("put");
            small.await.expect("put");
            assert!(queue.get::<Value>().await.expect("there are two").as_list().is_some(), "the first is the first");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_that_wait_for_room_that_they_hold_themselves_fail() {
    in_time(async {
        let (_service, session) = narrow().await;
        [111, 112].into_iter().for_each(open);
        let begun = Instant::now();
        let made = [111, 112].map(|number| session.create(furnished_with::remote(number, filling())).into_future());
        let errors: Vec<_> = join_all(made).await.into_iter().filter_map(|made| made.map(drop).err()).collect();
        for error in &errors {
            let CallError::Method(Error::LimitExceeded { what, .. }) = error else { panic!("{error:?}") };
            assert_eq!(what, ROOM);
        }
        // Once one of them has failed, there is room for the others.
        assert!(!errors.is_empty(), "there is room for two, and not for three");
        assert!(begun.elapsed() < Duration::from_secs(25), "before their own time is up: {:?}", begun.elapsed());
        session.create(furnished_with::remote(111, Value::Null)).await.expect("there is room now");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_its_turn_blocks_its_object_for_a_limited_time_only() {
    in_time(async {
        let (service, session) = narrow().await;
        let other = Session::connect(service.address()).await.expect("a session opens");
        let mut walks = Vec::new();
        for number in 121..124 {
            let hall = session.memoize(&number.to_string(), HallProxy::new(1 << 20)).await.expect("made");
            walks.push(hall.walk(number).no_timeout().send().await);
        }
        let waits = other.proxy::<Hall>("123").visits_so_far();
        let late = walks.pop().expect("the third").await.map(drop).expect_err("there are two turns");
        let Error::LimitExceeded { what, limit: 10, .. } = late else { panic!("{late:?}") };
        assert!(what.starts_with("seconds that a call holds its object"), "{what}");
        assert_eq!(waits.await, Ok(0), "it was not made");
        [121, 122].into_iter().for_each(open);
        for walk in walks {
            walk.await.expect("the door is open");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_of_functions_are_decoded_elsewhere_and_in_order() {
    in_time(async {
        let (service, session) = narrow().await;
        let hall = session.memoize("hall", HallProxy::new(1)).await.expect("made");
        let beside = Session::connect(service.address()).await.expect("a session opens");
        let other = beside.memoize("other", HallProxy::new(1)).await.expect("made");
        let furnish = furnish::remote(&hall, Slow(131), filling()).call(&session).no_timeout().send().await;
        let behind = hall.visits_so_far().no_timeout().send().await;
        until_came(131).await;
        let answered = other.thread(Value::Null).timeout(Duration::from_secs(10)).await;
        open(131);
        answered.expect("the thread of all connections is not held");
        assert_eq!(furnish.await, Ok(131_001));
        assert_eq!(behind.await, Ok(1), "what was sent after it came after it");

        let noted = noted::remote(Slow(132), filling()).call(&session).no_timeout().send().await;
        until_came(132).await;
        let answered = other.thread(Value::Null).timeout(Duration::from_secs(10)).await;
        open(132);
        answered.expect("the thread of all connections is not held");
        assert_eq!(noted.await, Ok(132));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_a_turn_does_not_wait_for_its_own_service() {
    in_time(async {
        let (_service, session) = narrow().await;
        let large = session.memoize("large", HallProxy::new(1 << 20)).await.expect("made");
        let other = session.memoize("other", HallProxy::new(1 << 20)).await.expect("made");
        let visits = |millis| visits_of::remote(&large, "other".into(), millis).call(&session);
        assert_eq!(visits(0).await, Ok(0), "nothing is to be waited for");
        let walk = other.walk(141).no_timeout().send().await;
        // On the same thread, and, because of its timeout, on another one.
        for millis in [0, 60_000] {
            let begun = Instant::now();
            let error = visits(millis).await.expect_err("it would have to be waited for");
            let CallError::Method(Error::LimitExceeded { what, limit: 0, .. }) = &error else { panic!("{error:?}") };
            assert!(what.starts_with("calls that have to wait"), "{what}");
            assert!(begun.elapsed() < Duration::from_secs(8), "at once, and not when its time is up");
        }
        open(141);
        walk.await.expect("the door is open");
        assert_eq!(visits(0).await, Ok(1));
    })
    .await;
}
