//! A call waits for operands that are in use. Meanwhile it holds nothing, and has changed nothing.

use super::{held, ints, lasting, list, make, raised, reference};
use crate::support::{Fixture, started};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tarmem::modules::Exception;
use tarmem::modules::builtins::List;
use tarmem::{CallError, Error, Proxy, Value, args, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

crate::each_way![
    a_call_waits_for_an_operand_that_is_in_use,
    a_wait_for_an_operand_has_a_deadline,
    lists_that_extend_each_other_do_not_wait_in_a_cycle,
    a_new_object_is_made_of_the_contents_of_another_one,
    a_call_waits_for_all_operands_in_use_together,
    users_code_runs_once_and_looks_into_nothing,
];

async fn a_call_waits_for_an_operand_that_is_in_use(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    let extend = started(&session, xs.call("extend", [reference(&ys)]).no_timeout()).await;
    // The call holds nothing while it waits, whichever operand comes first; and it has not ended.
    assert!(!extend.is_finished());
    in_use.end().await;
    extend.await.expect("no panic").expect("the list is free");
    assert_eq!(xs.snapshot().await, Ok(ints((1..3).chain(3..5).chain([9]))), "with what was put in meanwhile");
}

async fn a_wait_for_an_operand_has_a_deadline(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    let error = xs.call("extend", [reference(&ys)]).timeout(Duration::from_millis(50)).await.expect_err("in use");
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
    xs.call("append", args![3]).await.expect("nobody holds it");
    in_use.end().await;
    assert_eq!(xs.snapshot().await, Ok(ints(1..4)), "what came too late was not done");
}

async fn lists_that_extend_each_other_do_not_wait_in_a_cycle(fixture: Fixture) {
    const ROUNDS: i64 = 300;
    let session = fixture.session().await;
    list(&session, "xs", ints([])).await;
    list(&session, "ys", ints([])).await;
    let mut running = Vec::new();
    for (this, that) in [("xs", "ys"), ("ys", "xs"), ("xs", "ys"), ("ys", "xs")] {
        let session = fixture.session().await;
        let (this, that) = (held(&session, this).await, held(&session, that).await);
        running.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                this.call("append", args![round]).await.expect("appended");
                this.call("extend", [reference(&that)]).await.expect("extended");
                // Otherwise they would double with each round.
                this.call("__delitem__", args![Value::Map(vec![("slice".into(), Value::from(vec![8_i64, i64::MAX]))])])
                    .await
                    .expect("cut off");
            }
        }));
    }
    for running in running {
        running.await.expect("every call comes to its end");
    }
}

async fn a_new_object_is_made_of_the_contents_of_another_one(fixture: Fixture) {
    let session = fixture.session().await;
    let xs = list(&session, "xs", ints([1, 2])).await;
    for class in ["builtins.tuple", "builtins.list", "builtins.set", "collections.deque", "collections.Counter"] {
        let made = make(&session, class, class, reference(&xs)).await;
        assert_eq!(made.call("__len__", args![]).await, Ok(2.into()), "{class}");
    }
    let collections = session.remote_import("collections").await.expect("imports");
    let pairs = list(&session, "pairs", Value::List(vec![(1, 2).into()])).await;
    let made = collections.construct("defaultdict", args!["list", reference(&pairs)]).await.expect("made");
    assert_eq!(made.call("get", args![1]).await, Ok(2.into()), "by an async constructor, too");
    // Sources of every kind wait for an object that is in use.
    list(&session, "of one", Value::List(vec![reference(&xs)])).await;
    let in_use = InUse::begin(&fixture, "xs").await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let memoized = session.memoize("waits", builtins.function("list", [reference(&xs)])).into_future();
    let created = builtins.construct("tuple", [reference(&xs)]).into_future();
    let run = builtins.call("list", [reference(&xs)]).into_future();
    // Its elements must be pairs, and a list of three elements is not a pair.
    let pairs = held(&session, "of one").await;
    let defaulted = collections.construct("defaultdict", args!["list", reference(&pairs)]).into_future();
    let waiting = started(&session, async move { tokio::join!(memoized, created, run, defaulted) }).await;
    assert!(!waiting.is_finished());
    in_use.end().await;
    let (memoized, created, run, defaulted) = waiting.await.expect("no panic");
    let error = defaulted.expect_err("the list has three elements now");
    assert_eq!(raised(&error), "ValueError: dictionary update sequence element #0 has length 3; 2 is required");
    assert_eq!(memoized.expect("made").snapshot().await, Ok(ints([1, 2, 9])));
    assert_eq!(created.expect("made").call("__len__", args![]).await, Ok(3.into()));
    assert_eq!(run, Ok(ints([1, 2, 9])));
}

async fn a_call_waits_for_all_operands_in_use_together(fixture: Fixture) {
    let session = fixture.session().await;
    let mut lists = Vec::new();
    let mut in_use = Vec::new();
    for n in 0..20 {
        let key = format!("list {n}");
        lists.push(lasting(list(&session, &key, ints([n])).await));
        in_use.push(InUse::begin(&fixture, &key).await);
    }
    let outer = list(&session, "outer", Value::List(lists)).await;
    let expected = Value::List((0..20).map(|n| ints([n, 9])).collect());
    let equal = started(&session, outer.call("__eq__", [expected]).no_timeout()).await;
    for in_use in in_use {
        assert!(!equal.is_finished());
        in_use.end().await;
    }
    assert_eq!(equal.await.expect("no panic"), Ok(true.into()));
}

/// Holds a list until the gate opens, and then adds an element.
#[remote(module = "operands")]
pub(crate) async fn occupy(list: &mut List, gate: String) {
    let gate = gate_of(&gate);
    gate.entered.add_permits(1);
    gate.leave.acquire().await.expect("it is never closed").forget();
    list.append(9.into()).expect("an integer may be in a list");
}

struct Gate {
    entered: Semaphore,
    leave: Semaphore,
}

fn gate_of(name: &str) -> Arc<Gate> {
    static GATES: LazyLock<Mutex<HashMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);
    let mut gates = GATES.lock().expect("nobody panicked");
    let new = || Arc::new(Gate { entered: Semaphore::new(0), leave: Semaphore::new(0) });
    Arc::clone(gates.entry(name.to_owned()).or_insert_with(new))
}

/// A list that is held exclusively.
struct InUse {
    gate: Arc<Gate>,
    running: JoinHandle<()>,
}

impl InUse {
    async fn begin(fixture: &Fixture, key: &str) -> Self {
        let session = fixture.session().await;
        let list = session.proxy::<List>(key);
        let name = session.describe(key).await.expect("there").id.to_string();
        let gate = gate_of(&name);
        let running = tokio::spawn(async move {
            occupy::remote(&list, name).call(&session).no_timeout().await.expect("it is let go");
        });
        gate.entered.acquire().await.expect("it is never closed").forget();
        InUse { gate, running }
    }

    async fn end(self) {
        self.gate.leave.add_permits(1);
        self.running.await.expect("it ends");
    }
}

/// Contains a list, and does something before that list is used.
#[remote(module = "operands")]
#[derive(Default, Serialize, Deserialize)]
struct Shelf {
    items: List,
    runs: u32,
}

#[remote]
impl Shelf {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn fill(&mut self, items: Value) -> Result<(), Exception> {
        self.runs += 1;
        self.items.extend(items)
    }

    pub fn runs(&self) -> u32 {
        self.runs
    }
}

/// If it looked into an object that is in use, it would have to run again.
async fn users_code_runs_once_and_looks_into_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let ys = list(&session, "ys", ints(3..5)).await;
    let shelf = session.create(ShelfProxy::new()).await.expect("made");
    let is_refused = |filled: Result<(), CallError<Exception>>| {
        let error = filled.expect_err("it looks into nothing").to_string();
        assert!(error.contains("TypeError: 'list' object is not iterable"), "{error}");
    };
    is_refused(shelf.fill(reference(&ys)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    is_refused(shelf.fill(reference(&ys)).await);
    in_use.end().await;
    assert_eq!(shelf.runs().await, Ok(2));
}
