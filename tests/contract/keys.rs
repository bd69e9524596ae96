//! Keys: how a key gets its object, changes it and loses it.

use crate::support::{Fixture, started};
use futures::future::join_all;
use tarmem::{CallError, DynamicFunctionCall, Error, Proxy, Source, Value};
use tarmem_remote::source::Prepared;
use tarmem_test_models::{Account, AccountProxy, BankError, Circle, CircleProxy, runs, slow_account, unlucky_account};

crate::each_way![
    get_tells_a_missing_key_and_a_wrong_class,
    update_swaps_and_the_proxy_follows,
    a_proxy_by_key_of_another_class_says_both,
    update_if_is_for_the_fastest,
    update_if_looks_again_once_the_source_has_run,
    create_and_update_refuse_a_source_that_makes_another_class,
    a_dynamic_memoize_gets_the_class_that_it_asks_for,
    delete_frees_the_key_and_a_holder_keeps_the_object,
    unnamed_objects_live_as_long_as_their_proxies,
    keys_come_in_order_and_in_pages,
    keys_have_limits,
    values_move_and_existing_objects_are_shared,
];

async fn get_tells_a_missing_key_and_a_wrong_class(fixture: Fixture) {
    let session = fixture.session().await;
    let missing = session.get::<Account>("k").await.map(drop);
    assert_eq!(missing, Err(Error::NoSuchKey { key: "k".into() }));
    session.memoize("k", CircleProxy::new(1.0)).await.expect("made");
    let wrong =
        || Error::WrongClass { target: "\"k\"".into(), expected: "bank.Account".into(), found: "shapes.Circle".into() };
    assert_eq!(session.get::<Account>("k").await.map(drop), Err(wrong()));
    assert_eq!(session.memoize("k", AccountProxy::open(1)).await.map(drop), Err(wrong()));
    session.get::<Circle>("k").await.expect("the right class");
    session.get_dynamic("k").await.expect("any class");
}

async fn update_swaps_and_the_proxy_follows(fixture: Fixture) {
    let session = fixture.session().await;
    let (account, first) = session.update("k", AccountProxy::open(1)).with_info().await.expect("made");
    let other = fixture.session().await;
    let (_, second) = other.update("k", Account::open(2)).with_info().await.expect("made");
    assert!(second.generation > first.generation && second.id != first.id);
    assert_eq!(account.balance().await, Ok(2));
    let failed = session.update("k", unlucky_account::remote("update".into(), u64::MAX, 1)).await.map(drop);
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 13 })));
    assert_eq!(account.balance().await, Ok(2), "a failed update changes nothing");
    // If it comes while a generator runs for `memoize`, its object is the key's, also for those who wait.
    let slow = session.memoize("late", slow_account::remote("late".into(), 1, 200)).with_info();
    let slow = started(&session, slow).await;
    session.update("late", AccountProxy::open(7)).await.expect("made");
    let (late, _) = slow.await.expect("no panic").expect("made");
    assert_eq!(late.balance().await, Ok(7));
}

async fn a_proxy_by_key_of_another_class_says_both(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    session.update("k", CircleProxy::new(1.0)).await.expect("made");
    let error = account.balance().await.expect_err("another class");
    let (expected, found) = ("bank.Account".to_owned(), "shapes.Circle".to_owned());
    assert_eq!(error, Error::WrongClass { target: "\"k\"".into(), expected, found });
}

async fn update_if_is_for_the_fastest(fixture: Fixture) {
    let session = fixture.session().await;
    let (_, first) = session.update_if("k", 0, AccountProxy::open(1)).with_info().await.expect("it was not there");
    let late = session.update_if("k", 0, AccountProxy::open(2)).await.map(drop);
    assert_eq!(late, Err(Error::WrongGeneration { key: "k".into(), expected: 0, found: first.generation }));
    session.update_if("k", first.generation, AccountProxy::open(3)).await.expect("nobody was faster");
    session.delete("k").await.expect("it is there");
    let (_, again) = session.update_if("k", 0, AccountProxy::open(4)).with_info().await.expect("it is gone");
    assert!(again.generation > first.generation, "a generation never comes again");
}

async fn update_if_looks_again_once_the_source_has_run(fixture: Fixture) {
    let session = fixture.session().await;
    let (account, first) = session.update("k", AccountProxy::open(1)).with_info().await.expect("made");
    let tag = format!("overtaken-{:?}", fixture.way);
    let slow = session.update_if("k", first.generation, slow_account::remote(tag.clone(), 2, 1_000));
    let slow = tokio::spawn(slow.with_info());
    while runs::remote(tag.clone()).call(&session).await != Ok(1) {
        tokio::task::yield_now().await;
    }
    let (_, faster) = session.update("k", AccountProxy::open(3)).with_info().await.expect("made");
    let late = slow.await.expect("no panic").map(drop);
    let (expected, found) = (first.generation, faster.generation);
    assert_eq!(late, Err(Error::WrongGeneration { key: "k".into(), expected, found }));
    assert_eq!(account.balance().await, Ok(3));
}

/// A source that does not make the class that it declares.
struct Mistaken;

impl Source for Mistaken {
    type Proxy = CircleProxy;
    type Failure = Error;
    const EXPECT: &'static str = "shapes.Circle";

    fn prepare(self) -> Result<Prepared, Error> {
        Account::open(1).prepare()
    }
}

async fn create_and_update_refuse_a_source_that_makes_another_class(fixture: Fixture) {
    let session = fixture.session().await;
    let error = session.create(Mistaken).await.map(drop).expect_err("an account is no circle");
    let (expected, found) = ("shapes.Circle".to_owned(), "bank.Account".to_owned());
    assert_eq!(error, Error::WrongClass { target: "the new object".into(), expected, found });
    let error = session.update("k", Mistaken).await.map(drop).expect_err("an account is no circle");
    assert!(matches!(error, Error::WrongClass { ref target, .. } if target == "\"k\""), "{error}");
    assert_eq!(session.is_memoized("k").await, Ok(false));
    assert_eq!(fixture.service.object_count(), 0, "neither is kept");
}

async fn a_dynamic_memoize_gets_the_class_that_it_asks_for(fixture: Fixture) {
    let session = fixture.session().await;
    let list = || DynamicFunctionCall::new("builtins", "list", [Value::from([1, 2])]);
    let dict = |name: &str| DynamicFunctionCall::new("builtins", name, []);
    session.memoize("k", list()).await.expect("made");
    // A hit, as always, and the arguments are not read.
    let bad_arguments = DynamicFunctionCall::new("builtins", "list", [1.into(), 2.into(), 3.into()]);
    assert_eq!(session.memoize("k", bad_arguments).await.expect("there").snapshot().await, Ok(Value::from([1, 2])));
    for name in ["dict", "dict.new"] {
        let wrong = session.memoize("k", dict(name)).await.expect_err("a list");
        let (expected, found) = ("builtins.dict".to_owned(), "builtins.list".to_owned());
        assert_eq!(wrong, Error::WrongClass { target: "\"k\"".into(), expected, found });
    }
    // A generator that is not a constructor makes the class that its signature declares.
    let account = |cents: i64| DynamicFunctionCall::new("bank", "Account.open", [Value::from(cents)]);
    let wrong = session.memoize("k", account(1)).await.expect_err("a list");
    assert!(matches!(&wrong, Error::WrongClass { expected, .. } if expected == "bank.Account"), "{wrong}");
    let there = session.memoize("k", dict("dct")).await.expect_err("there is none");
    assert!(matches!(&there, Error::NoSuchMember { near, .. } if near[..] == ["dict"]), "{there}");
    let value = session.memoize("k", DynamicFunctionCall::new("lab", "add", [1.into(), 2.into()])).await;
    assert!(matches!(value, Err(Error::NotAGenerator { .. })), "{value:?}");
    // An update replaces the object without asking.
    session.update("k", dict("dict")).await.expect("swapped");
    session.memoize("k", dict("dict")).await.expect("a dict");
    // A caller that waits for another's object is told, too.
    let mixed = (0..8).map(|n| session.memoize("raced", if n % 2 == 0 { list() } else { dict("dict") }));
    let classes: Vec<_> = join_all(mixed.map(|obtain| obtain.with_info())).await;
    let made = session.get_dynamic("raced").with_info().await.expect("made").1.class;
    for (n, got) in classes.into_iter().enumerate() {
        let asked = if n % 2 == 0 { "builtins.list" } else { "builtins.dict" };
        match got {
            Ok((_, info)) => assert_eq!((info.class.as_str(), made.as_str()), (asked, asked)),
            Err(error) => assert!(
                matches!(error, Error::WrongClass { ref expected, .. } if expected == asked && made != asked),
                "{error}"
            ),
        }
    }
}

async fn delete_frees_the_key_and_a_holder_keeps_the_object(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(7)).await.expect("made");
    let held = account.hold().await.expect("held");
    session.delete("k").await.expect("it is there");
    assert_eq!(session.delete("k").await, Err(Error::NoSuchKey { key: "k".into() }));
    assert_eq!(account.balance().await, Err(Error::NoSuchKey { key: "k".into() }));
    assert_eq!(held.balance().await, Ok(7));
    let named_again = session.update("k2", &held).await.expect("an existing object");
    held.deposit(1).await.expect("answers");
    assert_eq!(named_again.balance().await, Ok(8), "one object, not a copy");
}

async fn unnamed_objects_live_as_long_as_their_proxies(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.create(AccountProxy::open(1)).await.expect("made");
    let id = account.id().expect("it is unnamed");
    let clone = account.clone();
    drop(account);
    assert_eq!(clone.deposit(1).await, Ok(2));
    assert_eq!(session.keys("", "", 0).await.expect("answers").keys, [""; 0]);
    // Another session has no handle to it.
    let other = fixture.session().await;
    let kept = session.update("k", &clone).await.expect("named");
    assert_eq!(kept.describe().await.expect("answers").id, id);
    assert_eq!(other.get::<Account>("k").await.expect("there").balance().await, Ok(2));
    session.delete("k").await.expect("there");
    assert_eq!(clone.balance().await, Ok(2));
}

async fn keys_come_in_order_and_in_pages(fixture: Fixture) {
    let session = fixture.session().await;
    let names: Vec<String> = (0..25).map(|i| format!("user:{i:02}")).collect();
    session.pipeline(names.iter().rev().map(|name| session.is_memoized(name))).await;
    for name in names.iter().rev() {
        session.update(name, AccountProxy::open(1)).await.expect("made");
    }
    session.update("other", AccountProxy::open(1)).await.expect("made");
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = session.keys("user:", &after, 10).await.expect("answers");
        assert!(page.keys.len() <= 10);
        found.extend(page.keys);
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(found, names);
    assert_eq!(fixture.service.key_count(), 26);
}

async fn keys_have_limits(fixture: Fixture) {
    let session = fixture.session().await;
    let long = "k".repeat(1025);
    let error = session.memoize(&long, AccountProxy::open(1)).await.expect_err("too long");
    assert_eq!(
        error.to_string(),
        "the key's length in bytes is 1025, over the limit of 1024; use a shorter key, or a digest of it"
    );
    assert_eq!(session.get::<Account>(&long).await.map(drop), Err(error));
    assert!(matches!(session.update("", AccountProxy::open(1)).await, Err(Error::BadKey { .. })));
    session.memoize(&long[..1024], AccountProxy::open(1)).await.expect("just fits");
}

async fn values_move_and_existing_objects_are_shared(fixture: Fixture) {
    let session = fixture.session().await;
    let value = session.memoize("a", Account::open(4)).await.expect("moved");
    let shared = session.memoize("b", &value).await.expect("shared");
    value.deposit(1).await.expect("answers");
    assert_eq!(shared.balance().await, Ok(5));
    let shown = shared.snapshot().await.expect("it can be shown");
    assert_eq!(shown.get("cents"), Some(&Value::from(5)));
}
