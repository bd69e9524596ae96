//! References as operands: a live object where Python takes an iterable, a mapping, or something to compare with.

mod support;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use support::{Fixture, Way};
use tarmem::modules::builtins::List;
use tarmem::{DynamicProxy, Error, Proxy, Session, Value, args, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

each_way![
    a_list_is_extended_by_what_another_one_holds,
    an_operand_in_use_is_waited_for,
    a_wait_for_an_operand_has_a_deadline,
    lists_that_extend_each_other_do_not_wait_in_a_circle,
];

async fn a_list_is_extended_by_what_another_one_holds(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    xs.call("extend", [reference(&ys)]).await.expect("a list is iterable");
    assert_eq!(xs.snapshot().await, Ok(ints(1..5)));
    assert_eq!(ys.snapshot().await, Ok(ints(3..5)), "it is as it was");
    xs.call("extend", [reference(&xs)]).await.expect("by itself, too");
    assert_eq!(xs.snapshot().await, Ok(ints((1..5).chain(1..5))));
    let lock = session.remote_import("threading").await.expect("imports");
    let lock = lock.construct("Lock", args![]).await.expect("made");
    let error = xs.call("extend", [reference(&lock)]).await.expect_err("a lock is not iterable");
    assert_eq!(raised(&error), "TypeError: 'threading.Lock' object is not iterable");
}

async fn an_operand_in_use_is_waited_for(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    let extend = xs.call("extend", [reference(&ys)]).no_timeout().send().await;
    let extend = tokio::spawn(extend.into_future());
    // It holds nothing while it waits for what comes first, whichever that is; and is not over.
    session.is_memoized("xs").await.expect("answers");
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

async fn lists_that_extend_each_other_do_not_wait_in_a_circle(fixture: Fixture) {
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
                // Or they would double with each round.
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

/// Holds a list until somebody lets it go, and puts something in.
#[remote(module = "operands")]
pub async fn occupy(list: &mut List, gate: String) {
    let gate = gate_of(&gate);
    gate.entered.add_permits(1);
    gate.leave.acquire().await.expect("it is never closed").forget();
    list.append_value(9.into()).expect("an integer may be in a list");
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

/// A list that somebody uses alone.
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

async fn make(session: &Session, key: &str, class: &str, items: impl Into<Value>) -> DynamicProxy {
    let (module, class) = class.split_once('.').expect("a module, and a name in it");
    let module = session.remote_import(module).await.expect("imports");
    session.memoize(key, module.function(class, [items.into()])).await.expect("made");
    held(session, key).await
}

async fn list(session: &Session, key: &str, items: Value) -> DynamicProxy {
    make(session, key, "builtins.list", items).await
}

async fn held(session: &Session, key: &str) -> DynamicProxy {
    session.get_dynamic(key).await.expect("there").hold().await.expect("held")
}

fn reference(proxy: &DynamicProxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

fn ints(items: impl IntoIterator<Item = i64>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

/// What Python says.
fn raised(error: &Error) -> &str {
    let Error::Raised { message, .. } = error else { panic!("{error:?}") };
    message
}
