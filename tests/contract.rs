//! Each rule of the routines' contract, over each way to reach a service.

mod support;

use futures::future::join_all;
use std::time::{Duration, Instant};
use support::Fixture;
use tarmem::modules::builtins::{Dict, DictProxy, ListProxy};
use tarmem::{CallError, DynamicFunctionCall, Error, Proxy, Source, Value, args};
use tarmem_remote::source::Prepared;
use tarmem_test_models::{
    Account, AccountProxy, BankError, Circle, CircleProxy, Meeting, MeetingProxy, Named, Shape, Square, SquareProxy,
    add, broken_account, chained_account, heavy_account, runs, slow_account, time_left, unlucky_account,
};

each_way![
    a_hit_does_not_run_the_source,
    a_hit_does_not_even_decode_the_source,
    one_generator_runs_however_many_race,
    a_slow_generator_delays_no_other_key,
    a_failing_generator_fails_all_who_wait_and_is_tried_again,
    a_panicking_generator_is_an_error,
    a_caller_that_goes_away_does_not_stop_a_generator,
    circles_of_generators_are_named,
    a_typed_method_works_with_all_its_arguments,
    a_methods_own_error_comes_back_typed,
    get_tells_a_missing_key_and_a_wrong_class,
    update_swaps_and_the_proxy_follows,
    a_proxy_by_key_of_another_class_says_both,
    update_if_is_for_the_fastest,
    update_if_looks_again_once_the_source_has_run,
    what_is_created_is_of_the_class_that_is_expected,
    a_dynamic_memoize_gets_the_class_that_it_asks_for,
    delete_frees_the_key_and_a_holder_keeps_the_object,
    unnamed_objects_live_as_long_as_their_proxies,
    keys_come_in_order_and_in_pages,
    describe_tells_all,
    import_is_absolute_or_relative,
    dynamic_calls_check_their_arguments,
    an_interface_is_a_proxy_too,
    readers_overlap_and_writers_do_not,
    a_panic_while_changing_poisons_until_updated,
    what_is_poisoned_can_be_read_and_cleared,
    a_panic_while_looking_poisons_nothing,
    a_deadline_ends_a_wait,
    a_deadline_holds_whatever_a_method_does,
    a_deadline_names_what_was_late,
    a_begun_change_runs_to_its_end,
    a_dropped_call_that_has_not_begun_never_runs,
    a_pipeline_keeps_its_order,
    a_pipeline_takes_typed_calls_of_every_kind,
    keys_have_limits,
    versions_are_told,
    functions_run_and_give_values,
    values_move_and_existing_objects_are_shared,
    a_context_knows_its_session,
    a_context_knows_its_deadline,
    a_method_that_would_wait_for_itself_is_told_so,
];

async fn a_hit_does_not_run_the_source(fixture: Fixture) {
    let session = fixture.session().await;
    let tag = format!("hit-{:?}", fixture.way);
    for _ in 0..3 {
        let account = session.memoize("k", slow_account::remote(tag.clone(), 5, 1)).await.expect("made");
        assert_eq!(account.balance().await, Ok(5));
    }
    assert_eq!(runs::remote(tag).call(&session).await, Ok(1));
}

async fn a_hit_does_not_even_decode_the_source(fixture: Fixture) {
    let session = fixture.session().await;
    session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let module = session.remote_import("bank").await.expect("imports");
    let nonsense = module.function("Account.open", args!["not", "a", "number"]);
    let account = session.memoize("k", nonsense.clone()).await.expect("a hit");
    assert_eq!(account.call("balance", args![]).await, Ok(Value::from(1)));
    assert!(matches!(session.memoize("other", nonsense).await, Err(Error::BadArguments { .. })));
}

async fn one_generator_runs_however_many_race(fixture: Fixture) {
    let tag = format!("race-{:?}", fixture.way);
    let sessions = [fixture.session().await, fixture.session().await];
    let callers = (0..50).map(|i| {
        let (session, tag) = (sessions[i % 2].clone(), tag.clone());
        tokio::spawn(async move {
            let source = slow_account::remote(tag, i as i64, 50);
            let (account, info) = session.memoize("k", source).with_info().await.expect("made");
            (account.balance().await.expect("answers"), info)
        })
    });
    let results: Vec<_> = join_all(callers).await.into_iter().map(|joined| joined.expect("no panic")).collect();
    let made = results.iter().filter(|(_, info)| info.made).count();
    assert_eq!(made, 1, "one of them made it: {results:?}");
    assert!(results.iter().all(|(balance, info)| (*balance, info.id) == (results[0].0, results[0].1.id)));
    assert_eq!(runs::remote(tag).call(&sessions[0]).await, Ok(1));
}

async fn a_slow_generator_delays_no_other_key(fixture: Fixture) {
    let session = fixture.session().await;
    session.memoize("quick", AccountProxy::open(1)).await.expect("made");
    // One that sleeps, and one that holds its thread.
    for (key, slow) in [
        ("async", session.memoize("async", slow_account::remote("slow".into(), 1, 2_000))),
        ("sync", session.memoize("sync", heavy_account::remote("slow".into(), 1, 2_000))),
    ] {
        let slow = tokio::spawn(slow.with_info());
        let quick = session.proxy::<Account>("quick");
        let begun = Instant::now();
        while !slow.is_finished() && begun.elapsed() < Duration::from_millis(500) {
            quick.deposit(1).await.expect("answers");
        }
        assert!(!slow.is_finished(), "{key}: the generator ended before anything could be measured");
        assert!(quick.balance().await.expect("answers") > 10, "{key}: other keys were held up");
        assert_eq!(session.is_memoized(key).await, Ok(false));
        slow.await.expect("no panic").expect("made");
    }
}

async fn a_failing_generator_fails_all_who_wait_and_is_tried_again(fixture: Fixture) {
    let session = fixture.session().await;
    let tag = format!("unlucky-{:?}", fixture.way);
    let attempt = || {
        let (session, tag) = (session.clone(), tag.clone());
        tokio::spawn(async move { session.memoize("k", unlucky_account::remote(tag, 1, 100)).await.map(drop) })
    };
    let first: Vec<_> = (0..5).map(|_| attempt()).collect();
    for result in join_all(first).await {
        let error = result.expect("no panic").expect_err("the first run fails");
        assert_eq!(error, CallError::Method(BankError::Overdrawn { missing: 13 }));
    }
    assert_eq!(session.is_memoized("k").await, Ok(false));
    assert_eq!(attempt().await.expect("no panic"), Ok(()));
    assert_eq!(runs::remote(tag.clone()).call(&session).await, Ok(2));
    // A dynamic caller gets the same error in words.
    let module = session.remote_import("lab").await.expect("imports");
    let dynamic = module.function("unlucky_account", args![format!("{tag}-dynamic"), 1, 0]);
    let error = session.memoize("other", dynamic).await.expect_err("it fails");
    assert!(error.to_string().contains("13 cents are missing"), "{error}");
}

async fn a_panicking_generator_is_an_error(fixture: Fixture) {
    let session = fixture.session().await;
    for _ in 0..2 {
        let error = session.memoize("k", broken_account::remote()).await.expect_err("it panics");
        assert_eq!(error, Error::Panicked { what: "lab.broken_account".into(), message: "no ink".into() });
    }
    session.memoize("k", AccountProxy::open(1)).await.expect("the key is free");
}

async fn a_caller_that_goes_away_does_not_stop_a_generator(fixture: Fixture) {
    let (leaver, stayer) = (fixture.session().await, fixture.session().await);
    let tag = format!("left-{:?}", fixture.way);
    let source = |cents| slow_account::remote(tag.clone(), cents, 300);
    let leaving = leaver.memoize("k", source(1)).timeout(Duration::from_millis(50)).await;
    assert!(matches!(leaving, Err(Error::DeadlineExceeded { .. })), "{leaving:?}");
    leaver.close().await;
    let account = stayer.memoize("k", source(2)).await.expect("made");
    assert_eq!(account.balance().await, Ok(1), "the first generator's object");
    assert_eq!(runs::remote(tag.clone()).call(&stayer).await, Ok(1));
}

async fn circles_of_generators_are_named(fixture: Fixture) {
    let session = fixture.session().await;
    for keys in [vec!["a", "a"], vec!["a", "b", "a"], vec!["a", "b", "c", "b"]] {
        // Keys of their own: the last of a circle may still be failing when the first has failed.
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}{}", keys.len())).collect();
        let error = session.memoize(&keys[0], chained_account::remote(keys.clone())).await.expect_err("a circle");
        let repeated = &keys[keys.len() - 1];
        let chain = &keys[keys.iter().position(|key| key == repeated).expect("it is there")..];
        // It is named from where it was closed, and that is a race: any of its keys may come first.
        let round = &chain[1..];
        let named = (0..round.len()).map(|from| {
            let turned: Vec<_> = (0..=round.len()).map(|i| round[(from + i) % round.len()].clone()).collect();
            turned.join(" -> ")
        });
        assert!(named.into_iter().any(|chain| error.to_string().contains(&chain)), "{keys:?}: {error}");
        for key in &keys {
            assert_eq!(session.is_memoized(key).await, Ok(false), "{key}");
        }
    }
    // From both ends at once: one of them closes the circle, both end.
    let (x, y) = tokio::join!(
        session.memoize("x", chained_account::remote(vec!["x".into(), "y".into(), "x".into()])),
        session.memoize("y", chained_account::remote(vec!["y".into(), "x".into(), "y".into()])),
    );
    assert!(x.is_err() || y.is_err());
    session.memoize("l", chained_account::remote(vec!["l".into(), "m".into(), "n".into()])).await.expect("no circle");
    assert_eq!(session.is_memoized("n").await, Ok(true));
}

async fn a_typed_method_works_with_all_its_arguments(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(100)).await.expect("made");
    assert_eq!(account.deposit(20).await, Ok(120));
    let tags = ["a".to_owned(), "b".to_owned()];
    assert_eq!(account.label("ann", &tags, Some("x".into())).await.as_deref(), Ok("ann:120:a+b:x"));
    assert_eq!(account.balance_slowly(1).await, Ok(120));
    assert_eq!(account.deposit_slowly(1, 1).await, Ok(121));
    assert_eq!(account.balance_blocking(1).await, Ok(121));
}

async fn a_methods_own_error_comes_back_typed(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(100)).await.expect("made");
    let overdrawn = || Err(CallError::Method(BankError::Overdrawn { missing: 1 }));
    assert_eq!(account.withdraw(101).await, overdrawn());
    assert_eq!(account.withdraw_politely(101).await, overdrawn());
    assert_eq!(account.withdraw_politely(100).await, Ok(0));
    let failed = session.memoize("other", AccountProxy::open_checked(-2)).await.map(drop);
    assert_eq!(failed, Err(CallError::Method(BankError::Overdrawn { missing: 2 })));
    assert_eq!(session.is_memoized("other").await, Ok(false));
    let error = account.dynamic().call("withdraw", args![5]).await.expect_err("nothing is left");
    assert_eq!(error.to_string(), "withdraw failed: 5 cents are missing");
}

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
    // One that comes while a generator runs for `memoize` is the key's object, for those who wait, too.
    let slow = tokio::spawn(session.memoize("late", slow_account::remote("late".into(), 1, 200)).with_info());
    session.is_memoized("k").await.expect("answers");
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

/// A source that does not make what it says.
struct Mistaken;

impl Source for Mistaken {
    type Proxy = CircleProxy;
    type Failure = Error;
    const EXPECT: &'static str = "shapes.Circle";

    fn prepare(self) -> Result<Prepared, Error> {
        Account::open(1).prepare()
    }
}

async fn what_is_created_is_of_the_class_that_is_expected(fixture: Fixture) {
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
    // A hit, as always, and no argument is looked at.
    let bad_arguments = DynamicFunctionCall::new("builtins", "list", [1.into(), 2.into(), 3.into()]);
    assert_eq!(session.memoize("k", bad_arguments).await.expect("there").snapshot().await, Ok(Value::from([1, 2])));
    for name in ["dict", "dict.new"] {
        let wrong = session.memoize("k", dict(name)).await.expect_err("a list");
        let (expected, found) = ("builtins.dict".to_owned(), "builtins.list".to_owned());
        assert_eq!(wrong, Error::WrongClass { target: "\"k\"".into(), expected, found });
    }
    // A generator that is no constructor makes what its signature says.
    let account = |cents: i64| DynamicFunctionCall::new("bank", "Account.open", [Value::from(cents)]);
    let wrong = session.memoize("k", account(1)).await.expect_err("a list");
    assert!(matches!(&wrong, Error::WrongClass { expected, .. } if expected == "bank.Account"), "{wrong}");
    let there = session.memoize("k", dict("dct")).await.expect_err("there is none");
    assert!(matches!(&there, Error::NoSuchMember { near, .. } if near[..] == ["dict"]), "{there}");
    let value = session.memoize("k", DynamicFunctionCall::new("lab", "add", [1.into(), 2.into()])).await;
    assert!(matches!(value, Err(Error::NotAGenerator { .. })), "{value:?}");
    // An update is no question.
    session.update("k", dict("dict")).await.expect("swapped");
    session.memoize("k", dict("dict")).await.expect("a dict");
    // Whoever waits for another's object is told as well.
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

async fn describe_tells_all(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let about = session.describe("k").await.expect("answers");
    assert_eq!(about, account.describe().await.expect("answers"));
    assert_eq!((about.class.as_str(), about.docs.as_str(), about.poisoned), ("bank.Account", "An account.", false));
    let withdraw = about.methods.iter().find(|method| method.name == "withdraw").expect("it has one");
    assert_eq!(withdraw.signature, "withdraw(cents: i64) -> Result<i64, BankError>");
    assert_eq!(withdraw.receiver, "&mut self");
    assert!(withdraw.docs.contains("Takes something out"));
    assert!(!about.methods.iter().any(|method| method.name == "open"), "a constructor is no method");
}

async fn import_is_absolute_or_relative(fixture: Fixture) {
    let session = fixture.session().await;
    let lab = session.remote_import("lab").await.expect("imports");
    assert_eq!(lab.constant("DAYS"), Some(&Value::from(7)));
    assert_eq!(lab.call("add", args![2, 3]).await, Ok(Value::from(5)));
    let account = session.remote_import(".bank").package("").await;
    assert!(matches!(account, Err(Error::BadImport { .. })), "{account:?}");
    let inner = |module: &str| session.remote_import(module).package("lab.other");
    assert_eq!(inner("..inner").await.expect("imports").constant("HOURS"), Some(&Value::from(24)));
    assert_eq!(inner("..inner").await.map(|module| module.name().to_owned()).as_deref(), Ok("lab.inner"));
    let bank = session.remote_import("..bank").package("lab.inner").await.map(drop);
    assert!(matches!(bank, Err(Error::NoSuchModule { ref module, .. }) if module == "lab.bank"), "{bank:?}");
    let near = session.remote_import("bnak").await.map(drop);
    assert_eq!(near, Err(Error::NoSuchModule { module: "bnak".into(), near: vec!["bank".into()] }));
    let made = lab.construct("slow_account", args!["import", 3, 0]).await.expect("made");
    assert_eq!(made.call("balance", args![]).await, Ok(Value::from(3)));
    let no_generator = session.memoize("k", lab.function("add", args![1, 2])).await.map(drop);
    let error = no_generator.expect_err("add gives a number");
    assert_eq!(error, Error::NotAGenerator { function: "lab.add".into(), returns: "i64".into() },);
}

async fn dynamic_calls_check_their_arguments(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made").dynamic();
    assert_eq!(account.call("deposit", args![5]).await, Ok(Value::from(6)));
    assert_eq!(account.call("label", args!["a", ["x", "y"]]).await, Ok(Value::from("a:6:x+y:")));
    for (method, args, part) in [
        ("deposit", args![], "bank.Account.deposit(cents: i64) -> i64: takes 1 argument, but 0 were given"),
        ("deposit", args![1, 2], "takes 1 argument, but 2 were given"),
        ("deposit", args!["five"], "bank.Account.deposit(cents: i64) -> i64: "),
        ("balance_slowly", args!["long"], "bank.Account.balance_slowly(millis: u64) -> i64: "),
        ("deposit_slowly", args![], "bank.Account.deposit_slowly(cents: i64, millis: u64) -> i64: takes 2"),
        ("label", args!["a"], "takes 2 to 3 arguments, but 1 was given"),
        ("depossit", args![1], "has no method \"depossit\"; did you mean deposit?"),
        ("", args![1], "bank.Account has no method \"\"; the name of a method cannot be empty"),
    ] {
        let error = account.call(method, args).await.expect_err(part);
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(account.call("balance", args![]).await, Ok(Value::from(6)), "nothing changed");
}

async fn an_interface_is_a_proxy_too(fixture: Fixture) {
    let session = fixture.session().await;
    session.memoize("k", CircleProxy::new(1.0)).await.expect("made");
    let shape = session.get::<dyn Shape>("k").await.expect("a circle is a shape");
    assert_eq!(shape.title().await.as_deref(), Ok("a shape"), "the default method");
    shape.scale(2.0).await.expect("answers");
    assert_eq!(shape.area().await, Ok(std::f64::consts::PI * 4.0));
    session.update("k", Square { side: 3.0 }).await.expect("made");
    assert_eq!(shape.area().await, Ok(9.0), "it follows the key to another class");
    assert_eq!(shape.area_later().await, Ok(9.0));
    assert_eq!(shape.title().await.as_deref(), Ok("a square"));
    let not_named = shape.cast::<dyn Named>().title().await.expect_err("a square has no name");
    let (expected, found) = ("shapes.Named".to_owned(), "shapes.Square".to_owned());
    assert_eq!(not_named, Error::WrongClass { target: "\"k\"".into(), expected, found });
    // Two interfaces with one method name.
    let circle = session.update("k", Circle { radius: 2.0 }).await.expect("made").dynamic();
    assert_eq!(circle.call("shapes.Named.title", args![]).await, Ok(Value::from("circle of 2")));
    assert_eq!(circle.call("shapes.Shape.title", args![]).await, Ok(Value::from("a shape")));
    assert!(matches!(circle.call("title", args![]).await, Err(Error::AmbiguousMethod { .. })));
    session.memoize("account", AccountProxy::open(1)).await.expect("made");
    let wrong = session.get::<dyn Shape>("account").await.map(drop);
    assert!(matches!(wrong, Err(Error::WrongClass { ref expected, .. }) if expected == "shapes.Shape"), "{wrong:?}");
    let _: SquareProxy = session.proxy::<Square>("later");
}

async fn readers_overlap_and_writers_do_not(fixture: Fixture) {
    let session = fixture.session().await;
    let meeting = session.memoize("k", MeetingProxy::new()).await.expect("made");
    // Each returns only when the other is inside too.
    let (one, two) = tokio::join!(meeting.meet(), meeting.meet());
    assert_eq!((one, two), (Ok(true), Ok(true)));
    let sessions = [fixture.session().await, fixture.session().await];
    let writers = (0..40).map(|i| sessions[i % 2].proxy::<Meeting>("k").enter_alone());
    for result in join_all(writers).await {
        assert_eq!(result, Ok(()));
    }
    assert_eq!(meeting.most().await, Ok(1));
}

async fn a_panic_while_changing_poisons_until_updated(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let panicked = account.break_down().await;
    let what = "bank.Account.break_down".to_owned();
    assert_eq!(panicked, Err(Error::Panicked { what, message: "the vault door fell off".into() }));
    assert_eq!(account.balance().await, Err(Error::Poisoned { target: "\"k\"".into() }));
    assert_eq!(account.deposit(1).await, Err(Error::Poisoned { target: "\"k\"".into() }));
    assert!(session.describe("k").await.expect("answers").poisoned);
    session.memoize("other", AccountProxy::open(2)).await.expect("the service goes on");
    session.update("k", AccountProxy::open(3)).await.expect("made");
    assert_eq!(account.balance().await, Ok(3));
    assert!(matches!(account.break_down_later().await, Err(Error::Panicked { .. })));
    assert_eq!(account.balance().await, Err(Error::Poisoned { target: "\"k\"".into() }));
}

async fn what_is_poisoned_can_be_read_and_cleared(fixture: Fixture) {
    let session = fixture.session().await;
    for by_key in [true, false] {
        let (account, info) = session.update("k", AccountProxy::open(1)).with_info().await.expect("made");
        let account = if by_key { account } else { account.hold().await.expect("held") };
        assert!(!info.poisoned);
        assert_eq!(account.is_poisoned().await, Ok(false));
        assert!(account.break_down().await.is_err());
        let (_, info) = session.get::<Account>("k").with_info().await.expect("it is found");
        assert!(info.poisoned && account.is_poisoned().await == Ok(true), "and marked");
        assert_eq!(session.is_poisoned("k").await, Ok(true));
        assert!(matches!(account.balance().await, Err(Error::Poisoned { .. })), "what only reads is refused, too");
        let shown = account.snapshot().await.expect("it is shown").to_string();
        assert!(shown.contains("-1"), "as the method left it: {shown}");
        let marked = account.snapshot_with_info().await.expect("it is shown");
        assert_eq!(marked.value.to_string(), shown);
        assert_eq!((marked.poisoned, marked.poisoned_inside, marked.is_poisoned()), (true, false, true));
        // What refers to it shows it, and says so.
        let list = session.update("list", ListProxy::new(None)).await.expect("made");
        let held = session.get::<Account>("k").await.expect("it is found").hold().await.expect("held");
        list.push(&held).await.expect("a reference");
        let marked = list.snapshot_with_info().await.expect("it is shown");
        assert_eq!((marked.poisoned, marked.poisoned_inside, marked.is_poisoned()), (false, true, true));
        assert_eq!(marked.value.to_string(), format!("[{shown}]"));
        account.clear_poison().await.expect("it is there");
        account.clear_poison().await.expect("it does nothing more");
        assert_eq!((account.balance().await, account.is_poisoned().await), (Ok(-1), Ok(false)));
        assert!(!list.snapshot_with_info().await.expect("it is shown").is_poisoned());
        assert_eq!(account.deposit(11).await, Ok(10));
        assert!(account.break_down_later().await.is_err());
        session.clear_poison("k").await.expect("it is there");
        assert_eq!(account.balance().await, Ok(-1));
    }
    assert_eq!(session.clear_poison("none").await, Err(Error::NoSuchKey { key: "none".into() }));
    // What refers to it shows it, too.
    let account = session.get::<Account>("k").await.expect("it is found");
    assert!(account.break_down().await.is_err());
    let held = account.hold().await.expect("held");
    let reference = held.reference().expect("it is by id");
    let list = session.create(ListProxy::new(None)).await.expect("made");
    list.append(Value::Ref(reference)).await.expect("appended");
    let shown = list.snapshot().await.expect("it is shown").to_string();
    assert!(shown.contains("-1"), "{shown}");
}

async fn a_panic_while_looking_poisons_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    assert!(matches!(account.look_badly().await, Err(Error::Panicked { .. })));
    assert_eq!(account.balance().await, Ok(1));
}

async fn a_deadline_ends_a_wait(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let soon = Duration::from_millis(50);
    let slow = account.balance_slowly(60_000).timeout(soon).await;
    assert!(matches!(slow, Err(Error::DeadlineExceeded { after, .. }) if after == soon), "{slow:?}");
    // It no longer holds the object.
    assert_eq!(account.deposit(1).await, Ok(2));
}

async fn a_deadline_holds_whatever_a_method_does(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let (short, long) = (Duration::from_millis(50), 1_500);
    let begun = Instant::now();
    let read = account.balance_holding(long).timeout(short).await;
    assert!(matches!(read, Err(Error::DeadlineExceeded { after, .. }) if after == short), "{read:?}");
    let written = account.deposit_holding(2, long).timeout(short).await;
    assert!(matches!(written, Err(Error::DeadlineExceeded { .. })), "{written:?}");
    assert!(begun.elapsed() < Duration::from_millis(long), "told after {:?}", begun.elapsed());
    let dynamic = account.dynamic();
    let late = dynamic.call("balance_holding", args![long]).timeout(short).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
    // Calls of one task are made in its order, whether they have a time-out or not.
    let deposits = [
        account.deposit(1).timeout(Duration::from_secs(60)).send().await,
        account.deposit(1).send().await,
        account.deposit(1).timeout(Duration::from_secs(60)).send().await,
    ];
    let mut balances = Vec::new();
    for deposit in deposits {
        balances.push(deposit.await.expect("in time"));
    }
    let first = balances[0];
    assert_eq!(balances, [first, first + 1, first + 2]);
    // The late one had begun, or was given up before.
    assert!([2, 4].contains(&first), "{first}");
}

async fn a_deadline_names_what_was_late(fixture: Fixture) {
    let session = fixture.session().await;
    let soon = Duration::from_millis(50);
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let held = account.hold().await.expect("there");
    let id = held.id().expect("by id");
    let slow = || slow_account::remote(format!("late-{:?}", fixture.way), 1, 60_000);
    let lab = session.remote_import("lab").await.expect("imports");
    let dynamic = || lab.function("slow_account", args!["late", 1, 60_000]);
    let errors = [
        (account.balance_slowly(60_000).timeout(soon).await.map(drop), "bank.Account.balance_slowly of \"k\"".into()),
        (
            held.balance_slowly(60_000).timeout(soon).await.map(drop),
            format!("bank.Account.balance_slowly of object {id}"),
        ),
        (
            account.dynamic().call("balance_slowly", args![60_000]).timeout(soon).await.map(drop),
            "balance_slowly of \"k\"".into(),
        ),
        (session.memoize("a", slow()).timeout(soon).await.map(drop), "memoize of \"a\" by lab.slow_account".into()),
        (session.update("b", dynamic()).timeout(soon).await.map(drop), "update of \"b\" by lab.slow_account".into()),
        (session.create(slow()).timeout(soon).await.map(drop), "create by lab.slow_account".into()),
        (slow().call(&session).timeout(soon).await.map(drop), "lab.slow_account".into()),
    ];
    for (result, what) in errors {
        let error = result.expect_err("it takes a minute").to_string();
        assert_eq!(error, format!("no result from {what} within 50ms; give it a longer timeout"));
    }
    let _holding = account.deposit_slowly(1, 500).send().await;
    let error = account.snapshot().timeout(soon).await.expect_err("it is held").to_string();
    assert_eq!(error, "no result from snapshot of \"k\" within 50ms; give it a longer timeout");
}

async fn a_begun_change_runs_to_its_end(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let slow = account.deposit_slowly(10, 300).timeout(Duration::from_millis(50)).await;
    assert!(matches!(slow, Err(Error::DeadlineExceeded { .. })), "{slow:?}");
    // This one waits for its turn, behind the change.
    assert_eq!(account.balance().await, Ok(11));
}

async fn a_dropped_call_that_has_not_begun_never_runs(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let holding = account.deposit_slowly(10, 300).send().await;
    let waiting = account.deposit(100).send().await;
    drop(waiting);
    assert_eq!(holding.await, Ok(11));
    assert_eq!(account.balance().await, Ok(11), "the dropped deposit was not made");
}

async fn a_pipeline_keeps_its_order(fixture: Fixture) {
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
    let results = session.pipeline((1..=1000).map(|_| account.deposit(1))).await;
    let expected: Vec<_> = (1..=1000).map(Ok).collect();
    assert_eq!(results, expected);
}

async fn a_pipeline_takes_typed_calls_of_every_kind(fixture: Fixture) {
    let session = fixture.session().await;
    let names = ["d1", "d2"];
    let made = session.pipeline(names.map(|name| session.memoize(name, DictProxy::new(None)))).await;
    let dicts: Vec<DictProxy> = made.into_iter().collect::<Result<_, _>>().expect("made");
    let set = session.pipeline((0..100_i64).map(|n| dicts[0].set(n, n * n))).await;
    assert_eq!(set, vec![Ok(()); 100]);
    let got = session.pipeline((0..100_i64).map(|n| dicts[0].get::<i64>(n))).await;
    assert_eq!(got, (0..100).map(|n| Ok(Some(n * n))).collect::<Vec<_>>());
    let popped = session.pipeline([dicts[0].pop::<i64>(3), dicts[0].pop::<i64>(4), dicts[0].pop::<i64>(3)]).await;
    assert_eq!(popped, [Ok(Some(9)), Ok(Some(16)), Ok(None)]);
    let modules = session.pipeline(["builtins", "nowhere", "queue"].map(|name| session.remote_import(name))).await;
    let names: Vec<_> = modules.iter().map(|module| module.as_ref().map(tarmem::Module::name)).collect();
    assert!(matches!(names[..], [Ok("builtins"), Err(Error::NoSuchModule { .. }), Ok("queue")]), "{names:?}");
    let found = session.pipeline(["d2", "absent"].map(|name| session.get::<Dict>(name))).await;
    assert!(found[0].is_ok() && matches!(found[1], Err(Error::NoSuchKey { .. })), "{found:?}");
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

async fn versions_are_told(fixture: Fixture) {
    let version = fixture.session().await.version().await.expect("answers");
    assert_eq!((version.service.as_str(), version.protocol), (env!("CARGO_PKG_VERSION"), 2));
}

async fn functions_run_and_give_values(fixture: Fixture) {
    let session = fixture.session().await;
    assert_eq!(add::remote(2, 3).call(&session).await, Ok(5));
    // What makes an object can be run for a copy of its value.
    let copy = AccountProxy::open(4).call(&session).await.expect("made");
    assert_eq!(copy, Account::open(4));
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

async fn a_context_knows_its_session(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let account = one.memoize("k", AccountProxy::open(4)).await.expect("made");
    let by_one = account.asked_by().await.expect("answers");
    let by_two = two.proxy::<Account>("k").asked_by().await.expect("answers");
    assert_ne!(by_one, by_two);
    assert_eq!(account.asked_by().await, Ok(by_one.clone()));
    assert_eq!(by_one, one.id().to_string());
}

async fn a_method_that_would_wait_for_itself_is_told_so(fixture: Fixture) {
    let session = fixture.session().await;
    for key in ["a", "b", "c"] {
        session.memoize(key, AccountProxy::open(10)).await.expect("made");
    }
    let account = session.proxy::<Account>("a");
    let pass_on = |keys: &[&str]| {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        account.pass_on(keys, 1).no_timeout()
    };
    assert_eq!(pass_on(&["b", "c"]).await, Ok(9));
    for circle in [&["a"][..], &["b", "a"], &["b", "c", "b"], &["b", "c", "a"]] {
        let error = tokio::time::timeout(Duration::from_secs(20), pass_on(circle)).await.expect("told at once");
        let error = error.expect_err("it would wait for itself").to_string();
        assert!(error.contains("would wait for itself"), "{circle:?}: {error}");
    }
    // Readers do not wait for readers.
    assert_eq!(account.look_at("a".to_owned()).await, account.look_at("a".to_owned()).await);
    assert!(account.look_at("b".to_owned()).await.is_ok());
    assert_eq!(account.deposit(1).await.map(|_| ()), Ok(()), "it is free again");
}

async fn a_context_knows_its_deadline(fixture: Fixture) {
    const LIMIT: Duration = Duration::from_secs(20);
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(4)).await.expect("made");
    let left = account.time_left().timeout(LIMIT).await.expect("answers").expect("it has a deadline");
    assert!(left > 0 && left <= LIMIT.as_millis() as u64, "{left} ms");
    assert_eq!(account.time_left().no_timeout().await, Ok(None));
    // By default it is the session's.
    assert!(account.time_left().await.expect("answers").is_some_and(|left| left > 20_000));
    let (left, asked) = time_left::remote().call(&session).timeout(LIMIT).await.expect("answers");
    assert!(left.is_some_and(|left| left <= LIMIT.as_millis() as u64), "{left:?}");
    assert_eq!(asked, session.id().to_string());
}
