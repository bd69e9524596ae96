//! Functions over several objects: all or nothing, and never a deadlock.

mod support;
#[path = "transfer/trade.rs"]
mod trade;

use std::time::Duration;
use support::{Fixture, Way, arrived};
use tarmem::value::ObjectRef;
use tarmem::{CallError, Error, Proxy, Session, Value, args};
use tarmem_test_models::{
    Account, AccountProxy, BalloonProxy, BankError, CircleProxy, Meeting, MeetingProxy, Mishap, NotesProxy, Shape,
    SquareProxy, fit, meet_over, merge, merge_slowly, move_lines, receipt, runs, sum_of, transfer, transfer_blocking,
    transfer_half, transfer_slowly, transfer_trusted,
};
use uuid::Uuid;

each_way![
    all_or_nothing,
    a_function_that_promises_all_or_nothing_is_not_rolled_back,
    objects_are_passed_by_key_or_by_id,
    dynamic_callers_use_names,
    the_same_object_twice,
    missing_objects_are_named,
    readers_of_an_object_run_together,
    a_transfer_waits_for_both,
    a_wait_can_be_given_up,
    a_call_that_has_begun_runs_to_its_end,
    async_and_blocking_functions_are_rolled_back_too,
    functions_over_objects_may_be_generators,
    a_generator_that_waits_can_be_given_up,
    an_interface_stands_for_any_class,
    a_class_without_clone_is_restored_from_its_encoding,
    a_result_that_cannot_be_sent_changes_nothing,
    a_cycle_made_by_a_function_is_collected,
];

async fn accounts(session: &Session) -> (AccountProxy, AccountProxy) {
    let alice = session.memoize("alice", AccountProxy::open(100)).await.expect("made");
    let bob = session.memoize("bob", AccountProxy::open(5)).await.expect("made");
    (alice, bob)
}

async fn balances(one: &AccountProxy, other: &AccountProxy) -> (i64, i64) {
    (one.balance().await.expect("answers"), other.balance().await.expect("answers"))
}

async fn all_or_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    assert_eq!(transfer::remote(&alice, &bob, 30).call(&session).await, Ok(()));
    assert_eq!(balances(&alice, &bob).await, (70, 35));
    let overdrawn = transfer::remote(&bob, &alice, 36).call(&session).await;
    assert_eq!(overdrawn, Err(CallError::Method(BankError::Overdrawn { missing: 1 })));
    assert_eq!(balances(&alice, &bob).await, (70, 35), "alice's deposit was taken back");
    let failed = transfer_half::remote(&alice, &bob, 10, Mishap::Error).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 35 })));
    let panicked = transfer_half::remote(&alice, &bob, 10, Mishap::Panic).call(&session).await;
    let (what, message) = ("lab.transfer_half".to_owned(), "the courier tripped".to_owned());
    assert_eq!(panicked, Err(CallError::Failed(Error::Panicked { what, message })));
    assert_eq!(balances(&alice, &bob).await, (70, 35), "and nobody is poisoned");
    assert_eq!(transfer::remote(&bob, &alice, 35).call(&session).await, Ok(()));
}

async fn a_function_that_promises_all_or_nothing_is_not_rolled_back(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let failed = transfer_trusted::remote(&alice, &bob, 10, Mishap::Error).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 5 })));
    assert_eq!(balances(&alice, &bob).await, (90, 5), "no copy was made");
    let panicked = transfer_trusted::remote(&alice, &bob, 10, Mishap::Panic).call(&session).await;
    assert!(matches!(panicked, Err(CallError::Failed(Error::Panicked { .. }))), "{panicked:?}");
    assert_eq!(alice.balance().await, Err(Error::Poisoned { target: "\"alice\"".into() }));
    assert_eq!(bob.balance().await, Err(Error::Poisoned { target: "\"bob\"".into() }));
    session.clear_poison("alice").await.expect("cleared");
    assert_eq!(alice.balance().await, Ok(80));
}

async fn objects_are_passed_by_key_or_by_id(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let (held, unnamed) =
        (alice.hold().await.expect("there"), session.create(AccountProxy::open(7)).await.expect("made"));
    assert!(held.id().is_some());
    assert_eq!(transfer::remote(&held, &bob, 10).call(&session).await, Ok(()));
    assert_eq!(transfer::remote(&unnamed, &held, 7).call(&session).await, Ok(()));
    // The key is mapped to another object; the proxy by id stays with its own.
    session.update("alice", Account::open(1000)).await.expect("updated");
    assert_eq!(transfer::remote(&alice, &held, 3).call(&session).await, Ok(()));
    assert_eq!(balances(&alice, &held).await, (997, 100));
    assert_eq!(balances(&bob, &unnamed).await, (15, 0));
}

async fn dynamic_callers_use_names(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let bank = session.remote_import("bank").await.expect("offered");
    let described = bank.members().iter().find(|member| member.name == "transfer").expect("offered");
    let signature = "bank.transfer(from: &mut Account, to: &mut Account, cents: i64) -> Result<(), BankError>";
    assert_eq!(described.signature, signature);
    assert_eq!(bank.call("transfer", args!["alice", "bob", 30]).await, Ok(Value::Null));
    let held = bob.hold().await.expect("there");
    let reference = Value::Ref(held.reference().expect("by id"));
    assert_eq!(bank.call("transfer", [reference, "alice".into(), 5.into()]).await, Ok(Value::Null));
    assert_eq!(balances(&alice, &bob).await, (75, 30));
    let guessed = Value::Ref(ObjectRef::new(Uuid::from_u128(7), "bank.Account"));
    let error = bank.call("transfer", [guessed, "alice".into(), 5.into()]).await.expect_err("not theirs");
    assert!(matches!(error, Error::BadArguments { .. }) && error.to_string().contains("holds no object"), "{error}");
    let error = bank.call("transfer", args![5, "alice", 5]).await.expect_err("no object");
    assert!(error.to_string().contains("an object is passed by its key"), "{error}");
    let raised = bank.call("transfer", args!["alice", "bob", 500]).await.expect_err("too much");
    assert!(matches!(&raised, Error::Raised { message, .. } if message == "425 cents are missing"), "{raised}");
}

async fn the_same_object_twice(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, _) = accounts(&session).await;
    let held = alice.hold().await.expect("there");
    session.update("alias", &alice).await.expect("updated");
    let alias = session.proxy::<Account>("alias");
    for (one, other) in [(&alice, &alice), (&alice, &alias), (&alias, &held), (&held, &held)] {
        let error = transfer::remote(one, other, 1).call(&session).await.expect_err("one object").to_string();
        assert!(error.starts_with("bank.transfer(from: &mut Account"), "{error}");
        assert!(error.contains("`from` and `to` are the same object"), "{error}");
        // An object may be read through two parameters.
        assert_eq!(sum_of::remote(one, other).call(&session).await, Ok(200));
    }
    let names = transfer::remote(&alice, &alias, 1).call(&session).await.expect_err("one object").to_string();
    assert!(names.contains("\"alice\" and \"alias\""), "{names}");
    let circle = session.memoize("circle", CircleProxy::new(1.0)).await.expect("made");
    let shape = circle.cast::<dyn Shape>();
    let error = fit::remote(&shape, &shape, false).call(&session).await.expect_err("changed and looked at").to_string();
    assert!(error.contains("`shape` and `pattern` are the same object"), "{error}");
    assert_eq!(alice.balance().await, Ok(100));
}

async fn missing_objects_are_named(fixture: Fixture) {
    let (session, other) = (fixture.session().await, fixture.session().await);
    let (alice, bob) = accounts(&session).await;
    let nobody = session.proxy::<Account>("nobody");
    let call = |from: &AccountProxy, to: &AccountProxy| transfer::remote(from, to, 1).call(&session);
    assert_eq!(call(&alice, &nobody).await, Err(CallError::Failed(Error::NoSuchKey { key: "nobody".into() })));
    let theirs = other.create(AccountProxy::open(1)).await.expect("made");
    let id = theirs.id().expect("by id");
    assert_eq!(call(&theirs, &alice).await, Err(CallError::Failed(Error::NoSuchObject { id })));
    session.memoize("circle", CircleProxy::new(1.0)).await.expect("made");
    let (expected, found) = ("bank.Account".to_owned(), "shapes.Circle".to_owned());
    let target = "`to`, \"circle\",".to_owned();
    let wrong = Error::WrongClass { target, expected, found };
    assert_eq!(call(&alice, &session.proxy::<Account>("circle")).await, Err(CallError::Failed(wrong.clone())));
    assert!(wrong.to_string().starts_with("`to`, \"circle\", is a shapes.Circle, not a bank.Account"), "{wrong}");
    bob.break_down().await.expect_err("it panics");
    assert_eq!(call(&alice, &bob).await, Err(CallError::Failed(Error::Poisoned { target: "\"bob\"".into() })));
    assert_eq!(alice.balance().await, Ok(100), "let go, and as it was");
}

async fn readers_of_an_object_run_together(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, _) = accounts(&session).await;
    let meeting = session.memoize("meeting", MeetingProxy::new()).await.expect("made");
    // Neither call returns unless both are inside at one time; a method is a reader like them.
    let both = (meet_over::remote(&meeting, &alice).call(&session), meet_over::remote(&meeting, &alice).call(&session));
    let (one, other) = tokio::join!(both.0, both.1);
    assert_eq!((one, other), (Ok(100), Ok(100)));
    let both = (meet_over::remote(&meeting, &alice).call(&session), session.proxy::<Meeting>("meeting").meet());
    assert_eq!(tokio::join!(both.0, both.1), (Ok(100), Ok(true)));
}

async fn a_transfer_waits_for_both(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    for busy in [&alice, &bob] {
        let (a, b) = balances(&alice, &bob).await;
        let holding = busy.deposit_slowly(0, 50).send().await;
        arrived(&session).await;
        let waiting = transfer::remote(&alice, &bob, 10).call(&session).send().await;
        let reading = sum_of::remote(&bob, &alice).call(&session).send().await;
        holding.await.expect("answers");
        assert_eq!(waiting.await, Ok(()));
        assert_eq!(reading.await, Ok(a + b));
        assert_eq!(balances(&alice, &bob).await, (a - 10, b + 10));
    }
}

async fn a_wait_can_be_given_up(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    for busy in [&alice, &bob] {
        let holding = busy.deposit_slowly(0, 800).send().await;
        arrived(&session).await;
        // Dropped before it has begun.
        drop(transfer::remote(&alice, &bob, 10).call(&session).send().await);
        let late = transfer::remote(&alice, &bob, 20).call(&session).timeout(Duration::from_millis(50)).await;
        let error = late.expect_err("too late");
        assert!(matches!(error, CallError::Failed(Error::DeadlineExceeded { .. })), "{error}");
        // The lock that it held while it waited is free.
        let free = if std::ptr::eq(busy, &alice) { &bob } else { &alice };
        free.deposit(0).timeout(Duration::from_millis(500)).await.expect("nobody has it");
        holding.await.expect("answers");
        assert_eq!(balances(&alice, &bob).await, (100, 5), "none of them was made");
    }
}

async fn a_call_that_has_begun_runs_to_its_end(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let before = runs::remote("transfer_slowly".into()).call(&session).await.expect("answers");
    let call = transfer_slowly::remote(&alice, &bob, 10, 100, None).call(&session).send().await;
    while runs::remote("transfer_slowly".into()).call(&session).await == Ok(before) {}
    drop(call);
    let late = transfer_slowly::remote(&alice, &bob, 20, 100, None).call(&session);
    let error = late.timeout(Duration::from_millis(120)).await.map(drop);
    // The second began after the first had ended, or not at all.
    let sum = sum_of::remote(&alice, &bob).call(&session).await;
    assert_eq!(sum, Ok(105));
    let (a, _) = balances(&alice, &bob).await;
    assert!(a == 90 || a == 70, "{a}: what had begun was made; {error:?}");
}

async fn async_and_blocking_functions_are_rolled_back_too(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let asked = transfer_slowly::remote(&alice, &bob, 10, 1, None).call(&session).await.expect("made");
    assert_eq!(asked, alice.asked_by().await.expect("answers"), "it has its context");
    let failed = transfer_slowly::remote(&alice, &bob, 10, 1, Some(Mishap::Error)).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 1 })));
    let panicked = transfer_slowly::remote(&alice, &bob, 10, 1, Some(Mishap::Panic)).call(&session).await;
    assert!(matches!(panicked, Err(CallError::Failed(Error::Panicked { .. }))), "{panicked:?}");
    assert_eq!(balances(&alice, &bob).await, (90, 15));
    let moved = transfer_blocking::remote(&alice, &bob, 10, 1).call(&session).await;
    assert_eq!(moved, Ok(()));
    let failed = transfer_blocking::remote(&bob, &alice, 26, 1).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 1 })));
    assert_eq!(balances(&alice, &bob).await, (80, 25));
}

async fn functions_over_objects_may_be_generators(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let panicked = session.memoize("m", merge::remote(&alice, &bob, Some(Mishap::Panic))).await.map(drop);
    assert!(matches!(panicked, Err(CallError::Failed(Error::Panicked { .. }))), "{panicked:?}");
    let failed = session.memoize("m", merge::remote(&alice, &bob, Some(Mishap::Error))).await.map(drop);
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 2 })));
    assert_eq!(balances(&alice, &bob).await, (100, 5));
    // The accounts are merged once, however many callers race for the key.
    let racers = (0..20).map(|_| {
        let source = merge::remote(&alice, &bob, None);
        let session = session.clone();
        async move { session.memoize("m", source).await.expect("made").balance().await }
    });
    assert!(futures::future::join_all(racers).await.iter().all(|balance| *balance == Ok(105)));
    assert_eq!(balances(&alice, &bob).await, (0, 0));
    alice.deposit(3).await.expect("answers");
    let made = session.create(merge_slowly::remote(&alice, &bob, 10)).await.expect("made");
    assert_eq!(made.balance().await, Ok(3));
    let copy = merge::remote(&made, &alice, None).call(&session).await;
    assert_eq!(copy, Ok(Account::open(3)), "a copy, if it is only called");
}

async fn a_generator_that_waits_can_be_given_up(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, bob) = accounts(&session).await;
    let holding = bob.deposit_slowly(0, 1000).send().await;
    arrived(&session).await;
    let late = session.create(merge::remote(&alice, &bob, None)).timeout(Duration::from_millis(30)).await.map(drop);
    assert!(matches!(late, Err(CallError::Failed(Error::DeadlineExceeded { .. }))), "{late:?}");
    let late = session.create(merge_slowly::remote(&alice, &bob, 0)).timeout(Duration::from_millis(30)).await.map(drop);
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
    holding.await.expect("answers");
    // An async generator is stopped even after it has begun, and leaves nothing changed.
    let late = session.create(merge_slowly::remote(&alice, &bob, 60_000)).timeout(Duration::from_millis(50));
    assert!(matches!(late.await.map(drop), Err(Error::DeadlineExceeded { .. })));
    assert_eq!(balances(&alice, &bob).await, (100, 5));
}

async fn an_interface_stands_for_any_class(fixture: Fixture) {
    let session = fixture.session().await;
    let circle = session.memoize("circle", CircleProxy::new(1.0)).await.expect("made").cast::<dyn Shape>();
    let square = session.memoize("square", SquareProxy::new(10.0)).await.expect("made").cast::<dyn Shape>();
    let area = fit::remote(&circle, &square, false).call(&session).await.expect("fits");
    assert!((area - 100.0).abs() < 1e-9, "{area}");
    let failed = fit::remote(&square, &circle, true).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 3 })));
    assert_eq!(square.area().await, Ok(100.0));
    session.memoize("balloon", BalloonProxy::new()).await.expect("made");
    let balloon = session.proxy::<dyn Shape>("balloon");
    let error = fit::remote(&balloon, &circle, false).call(&session).await.expect_err("no way back").to_string();
    assert!(error.contains("shapes.Balloon can be neither cloned nor encoded"), "{error}");
    fit::remote(&circle, &balloon, false).call(&session).await.expect("it may be looked at");
    accounts(&session).await;
    let error =
        fit::remote(&circle, &session.proxy::<dyn Shape>("alice"), false).call(&session).await.expect_err("no shape");
    assert!(error.to_string().contains("is a bank.Account, not a shapes.Shape"), "{error}");
}

async fn a_class_without_clone_is_restored_from_its_encoding(fixture: Fixture) {
    let session = fixture.session().await;
    let (from, to) = (session.create(NotesProxy::new()).await.expect("made"), session.create(NotesProxy::new()).await);
    let to = to.expect("made");
    let unnamed = session.create(AccountProxy::open(8)).await.expect("made");
    from.add("text".into()).await.expect("added");
    from.add(Value::Ref(unnamed.reference().expect("by id"))).await.expect("added");
    drop(unnamed);
    let failed = move_lines::remote(&from, &to, true).call(&session).await;
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 4 })));
    assert_eq!(to.lines().await.expect("answers"), []);
    let balance = async |notes: &NotesProxy| {
        let lines = notes.lines().await.expect("answers");
        let [_, Value::Ref(account)] = &lines[..] else { panic!("{lines:?}") };
        let account = tarmem::DynamicProxy::from_reference(account).expect("it came in a result");
        account.call("deposit", args![1]).await
    };
    assert_eq!(balance(&from).await, Ok(9.into()), "the live object, not a copy");
    assert_eq!(move_lines::remote(&from, &to, false).call(&session).await, Ok(2));
    assert_eq!(balance(&to).await, Ok(10.into()));
    assert_eq!(from.lines().await.expect("answers"), []);
}

async fn a_result_that_cannot_be_sent_changes_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let (alice, _) = accounts(&session).await;
    let error = receipt::remote(&alice, 1 << 30).call(&session).await.expect_err("too large");
    assert!(matches!(error, Error::BadResult { .. }), "{error}");
    assert_eq!(alice.balance().await, Ok(100));
    assert_eq!(receipt::remote(&alice, 3).call(&session).await, Ok(vec![7; 3]));
    assert_eq!(alice.balance().await, Ok(0));
}

async fn a_cycle_made_by_a_function_is_collected(fixture: Fixture) {
    let session = fixture.session().await;
    let (from, to) = (session.create(NotesProxy::new()).await.expect("made"), session.create(NotesProxy::new()).await);
    let to = to.expect("made");
    from.add(Value::Ref(to.reference().expect("by id"))).await.expect("added");
    assert_eq!(move_lines::remote(&from, &to, false).call(&session).await, Ok(1), "now `to` refers to itself");
    drop((from, to));
    let limit = std::time::Instant::now() + Duration::from_secs(20);
    while fixture.service.object_count() > 0 {
        assert!(std::time::Instant::now() < limit, "{} objects are left", fixture.service.object_count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A deadlock would be calls that each hold one object and wait for the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opposite_transfers_do_not_deadlock() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    accounts(&session).await;
    session.memoize("carol", AccountProxy::open(50)).await.expect("made");
    let pairs = [("alice", "bob"), ("bob", "carol"), ("carol", "alice"), ("bob", "alice"), ("carol", "bob")];
    let callers = pairs.into_iter().flat_map(|pair| [pair; 4]).map(|(from, to)| {
        let fixture = &fixture;
        async move {
            let session = fixture.session().await;
            let (from, to) = (session.proxy::<Account>(from), session.proxy::<Account>(to));
            for round in 0..40 {
                match round % 4 {
                    0 => drop(transfer_slowly::remote(&from, &to, 1, 0, None).call(&session).await.expect("made")),
                    1 => drop(transfer_slowly::remote(&to, &from, 1, 0, None).call(&session).await.expect("made")),
                    2 => drop(sum_of::remote(&from, &to).call(&session).await.expect("answers")),
                    _ => drop(from.deposit_slowly(0, 0).await.expect("answers")),
                }
            }
        }
    });
    let all = futures::future::join_all(callers);
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("nobody waits for ever");
    let (alice, bob, carol) =
        (session.proxy::<Account>("alice"), session.proxy::<Account>("bob"), session.proxy::<Account>("carol"));
    let sum = sum_of::remote(&alice, &bob).call(&session).await.expect("answers");
    assert_eq!(sum + carol.balance().await.expect("answers"), 155);
}
