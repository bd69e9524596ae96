//! The listeners of a service hear of every change and every operation, in order.

use crate::server::state::Seams;
use crate::server::state::observer::{Ended, Ending, Observer};
use crate::store::{Cell, ChangeListener, ChangedBy, Mapping};
use crate::{CallError, Error, Proxy, RunningService, Service, Session, remote};
use futures::future::join_all;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tarmem_modules::builtins::ListProxy;
use tarmem_modules::threading::EventProxy;
use tarmem_remote::object::Object;
use tarmem_remote::operation::Operation;
use tarmem_remote::value::{from_value, to_value};
use uuid::Uuid;

#[remote(module = "seams")]
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tally {
    value: i64,
}

#[remote]
impl Tally {
    #[remote(inline)]
    pub fn starting_at(value: i64) -> Self {
        Tally { value }
    }

    pub fn value(&self) -> i64 {
        self.value
    }

    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// Holds the object while it waits, so that others wait for the object.
    pub async fn add_slowly(&mut self, by: i64) -> i64 {
        let value = self.value;
        tokio::time::sleep(Duration::from_micros(500)).await;
        self.value = value + by;
        self.value
    }

    pub fn add_and_fail(&mut self, by: i64) -> Result<(), i64> {
        self.value += by;
        Err(self.value)
    }

    pub fn add_and_panic(&mut self, by: i64) {
        self.value += by;
        panic!("it was asked to");
    }
}

/// Fails after it has changed one of the objects.
#[remote(module = "seams")]
pub(crate) fn move_over(from: &mut Tally, to: &mut Tally, amount: i64) -> Result<(i64, i64), String> {
    to.value += amount;
    if amount > from.value {
        return Err("too little".to_owned());
    }
    from.value -= amount;
    Ok((from.value, to.value))
}

/// A generator that takes a moment, so that other calls run in between.
#[remote(module = "seams")]
pub(crate) async fn late(value: i64) -> Tally {
    tokio::time::sleep(Duration::from_micros(300)).await;
    Tally { value }
}

#[derive(Clone, Debug)]
enum Change {
    Object { id: Uuid, value: i64, poisoned: bool, by: ChangedBy },
    Mapped { key: String, id: Uuid, generation: u64, replaced: Option<Uuid>, by: ChangedBy },
    Removed { key: String, id: Uuid, by: ChangedBy },
}

/// Records each change.
#[derive(Default)]
struct Recorder(Mutex<Vec<Change>>);

impl ChangeListener for Recorder {
    fn object_changed(&self, cell: &Cell, object: &dyn Object, by: ChangedBy) {
        let value = to_value(object as &dyn erased_serde::Serialize).expect("it is a tally");
        let Tally { value } = from_value(value).expect("it is a tally");
        self.0.lock().push(Change::Object { id: cell.id(), value, poisoned: cell.is_poisoned(), by });
    }

    fn key_mapped(&self, key: &str, mapping: &Mapping, replaced: Option<&Cell>, by: ChangedBy) {
        let (key, id, generation) = (key.to_owned(), mapping.cell.id(), mapping.generation);
        self.0.lock().push(Change::Mapped { key, id, generation, replaced: replaced.map(Cell::id), by });
    }

    fn key_removed(&self, key: &str, removed: &Cell, by: ChangedBy) {
        self.0.lock().push(Change::Removed { key: key.to_owned(), id: removed.id(), by });
    }
}

/// What the callers know of their own calls.
#[derive(Default)]
struct Told {
    /// By object and difference, which is unique to the call: who made it, and the result.
    objects: HashMap<(Uuid, i64), (Uuid, i64)>,
    /// By generation.
    updated: HashMap<u64, Uuid>,
    made: HashMap<u64, Uuid>,
    deleted: HashMap<Uuid, usize>,
}

const CALLERS: i64 = 4;
const CALLS: i64 = 150;

async fn call_at_random(session: &Session, caller: i64, told: &Mutex<Told>) {
    let me = session.id();
    let objects = [session.get::<Tally>("a"), session.get::<Tally>("b")];
    let objects =
        join_all(objects.map(|object| async { object.await.expect("there").hold().await.expect("held") })).await;
    let ids = [0, 1].map(|index: usize| objects[index].id().expect("held by id"));
    let mut at = 0;
    for number in 1..=CALLS {
        // The same in each run, and different for each call.
        let amount = number * CALLERS + caller;
        let random = (amount as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let (one, other) = (random as usize & 1, 1 - (random as usize & 1));
        let key = ["x", "y"][random as usize >> 1 & 1];
        let changed = |object: usize, by: i64, value: i64| {
            assert_eq!(told.lock().objects.insert((ids[object], by), (me, value)), None, "no other call adds {by}");
        };
        let tally = &objects[one];
        match random >> 4 & 7 {
            0 => changed(one, amount, tally.add(amount).await.expect("added")),
            1 => changed(one, amount, tally.add_slowly(amount).await.expect("added")),
            2 => match tally.add_and_fail(amount).await {
                Err(CallError::Method(value)) => changed(one, amount, value),
                other => panic!("{other:?}"),
            },
            3 => match move_over::remote(&objects[one], &objects[other], amount).call(session).await {
                Ok((from, to)) => {
                    changed(one, -amount, from);
                    changed(other, amount, to);
                }
                Err(CallError::Method(_)) => {}
                Err(error) => panic!("{error}"),
            },
            4 => {
                let (_, info) = session.memoize(key, late::remote(amount)).with_info().await.expect("made");
                if info.made {
                    told.lock().made.insert(info.generation, me);
                }
                at = info.generation;
            }
            5 => {
                let (_, info) = session.update(key, TallyProxy::starting_at(amount)).with_info().await.expect("made");
                told.lock().updated.insert(info.generation, me);
            }
            6 => match session.update_if(key, at, late::remote(amount)).with_info().await {
                Ok((_, info)) => {
                    told.lock().updated.insert(info.generation, me);
                }
                Err(Error::WrongGeneration { .. }) => {}
                Err(error) => panic!("{error}"),
            },
            _ => match session.delete(key).await {
                Ok(()) => *told.lock().deleted.entry(me).or_default() += 1,
                Err(Error::NoSuchKey { .. }) => {}
                Err(error) => panic!("{error}"),
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_reported_once_in_order_with_its_call() {
    let recorder = Arc::new(Recorder::default());
    let seams = Seams { changes: Some(recorder.clone()), ..Seams::default() };
    let service = Service::new("127.0.0.1", 0).workers(2).seams(seams).start().await.expect("it starts");
    let first = Session::connect(service.address()).await.expect("connected");
    for key in ["a", "b"] {
        first.update(key, Tally { value: 0 }).await.expect("there is room");
    }
    recorder.0.lock().clear();
    let told = Mutex::new(Told::default());
    let callers = (0..CALLERS).map(async |caller| {
        let session = Session::connect(service.address()).await.expect("connected");
        call_at_random(&session, caller, &told).await;
    });
    join_all(callers).await;
    let changes = std::mem::take(&mut *recorder.0.lock());
    let Told { mut objects, updated, mut made, mut deleted } = told.into_inner();
    let (mut values, mut keys): (HashMap<Uuid, i64>, HashMap<String, Option<Uuid>>) = Default::default();
    let (mut last_call, mut last_generation): (HashMap<Uuid, u64>, HashMap<String, u64>) = Default::default();
    let (mut heard_updates, mut heard) = (0, [0; 3]);
    for change in changes {
        let (Change::Object { by, .. } | Change::Mapped { by, .. } | Change::Removed { by, .. }) = change;
        let last = last_call.insert(by.session, by.sequence).unwrap_or(0);
        assert!(last <= by.sequence, "each caller makes one call after the other: {last}, and {change:?} later");
        match change {
            Change::Object { id, value, poisoned, by } => {
                let before = values.insert(id, value).unwrap_or(0);
                let expected = objects.remove(&(id, value - before));
                assert_eq!(expected, Some((by.session, value)), "{id} went from {before} to {value}");
                assert!(!poisoned);
                heard[0] += 1;
            }
            Change::Mapped { key, id, generation, replaced, by } => {
                assert_eq!(keys.insert(key.clone(), Some(id)).flatten(), replaced, "{key} at {generation}");
                assert!(last_generation.insert(key, generation) < Some(generation));
                match updated.get(&generation) {
                    Some(session) => heard_updates += usize::from(*session == by.session),
                    None => assert_eq!(made.remove(&generation), Some(by.session), "{generation}"),
                }
                heard[1] += 1;
            }
            Change::Removed { key, id, by } => {
                assert_eq!(keys.insert(key, None).flatten(), Some(id));
                *deleted.get_mut(&by.session).expect("it was told") -= 1;
                heard[2] += 1;
            }
        }
    }
    assert!(objects.is_empty(), "unheard: {objects:?}");
    assert_eq!(heard_updates, updated.len());
    // If a key was mapped by an update while its generator ran, the update made that change.
    assert!(made.keys().all(|generation| updated.contains_key(generation)), "unheard: {made:?}");
    assert!(deleted.values().all(|left| *left == 0), "unheard: {deleted:?}");
    assert!(heard.iter().all(|count| *count > 20), "of each kind there were some: {heard:?}");

    // An object that is left half changed is reported as poisoned.
    let tally = first.get::<Tally>("a").await.expect("there").hold().await.expect("held");
    assert!(matches!(tally.add_and_panic(1).await, Err(Error::Panicked { .. })));
    let id = tally.id().expect("held by id");
    let last = recorder.0.lock().pop();
    let Some(Change::Object { id: changed, value, poisoned: true, by }) = last else { panic!("{last:?}") };
    assert_eq!((changed, value, by.session), (id, values[&id] + 1, first.id()));
    service.shutdown().await;
}

/// Counts how operations ended, and records the slow ones.
#[derive(Default)]
struct Meter {
    begun: Mutex<HashMap<&'static str, usize>>,
    ended: Mutex<HashMap<(&'static str, Ending), usize>>,
    slow: Mutex<Vec<Ended>>,
}

const SLOW: Duration = Duration::from_millis(15);

impl Observer for Meter {
    fn began(&self, operation: &Operation<'_>, _: ChangedBy) {
        *self.begun.lock().entry(operation.name()).or_default() += 1;
    }

    fn ended(&self, ended: Ended) {
        *self.ended.lock().entry((ended.name, ended.outcome)).or_default() += 1;
        if ended.after >= SLOW {
            self.slow.lock().push(ended);
        }
    }
}

async fn observed(meter: &Arc<Meter>) -> RunningService {
    let seams = Seams { observer: Some(meter.clone()), ..Seams::default() };
    Service::new("127.0.0.1", 0).workers(1).seams(seams).start().await.expect("it starts")
}

#[tokio::test]
async fn each_operation_is_reported_when_it_begins_and_once_when_it_ends() {
    let meter = Arc::new(Meter::default());
    let service = observed(&meter).await;
    let session = Session::connect(service.address()).await.expect("connected");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    for number in 0..10 {
        list.append(number).await.expect("appended");
    }
    assert!(matches!(list.remove(99).await, Err(CallError::Method(_))));
    assert!(session.get_dynamic("nothing").await.is_err());
    let event = session.memoize("event", EventProxy::new()).await.expect("made");
    assert!(event.wait().timeout(SLOW * 2).await.is_err_and(|error| error.is_timeout()));
    // Calls in process are reported, too.
    assert_eq!(service.session().version().await.expect("told").service, env!("CARGO_PKG_VERSION"));
    let id = session.id();
    drop((list, event, session));
    service.shutdown().await;

    let (begun, ended) = (meter.begun.lock().clone(), meter.ended.lock().clone());
    for (name, count) in &begun {
        let ends: usize = ended.iter().filter(|((of, _), _)| of == name).map(|(_, count)| count).sum();
        assert_eq!(ends, *count, "{name}: {ended:?}");
    }
    let outcomes = [
        ("memoize", Ending::Done, 2),
        ("call", Ending::Done, 10),
        ("call", Ending::Raised, 1),
        ("call", Ending::GivenUp, 1),
        ("get", Ending::Failed, 1),
        ("version", Ending::Done, 1),
    ];
    for (name, outcome, count) in outcomes {
        assert_eq!(ended.get(&(name, outcome)), Some(&count), "{name} {outcome:?}: {ended:?}");
    }
    let slow = meter.slow.lock();
    let [Ended { name: "call", by, outcome: Ending::GivenUp, .. }] = slow[..] else { panic!("{slow:?}") };
    assert_eq!(by.session, id);
}
