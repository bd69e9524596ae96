//! A generator runs once, however many callers ask for its object, and whatever becomes of it and of them.

use crate::support::Fixture;
use futures::future::join_all;
use std::time::{Duration, Instant};
use tarmem::{CallError, Error, Value, args};
use tarmem_test_models::{
    Account, AccountProxy, BankError, broken_account, chained_account, heavy_account, runs, slow_account,
    unlucky_account,
};

crate::each_way![
    a_hit_does_not_run_the_source,
    a_hit_does_not_even_decode_the_source,
    one_generator_runs_however_many_race,
    a_slow_generator_delays_no_other_key,
    a_failing_generator_fails_all_who_wait_and_is_tried_again,
    a_panicking_generator_is_an_error,
    a_caller_that_goes_away_does_not_stop_a_generator,
    cycles_of_generators_are_named,
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
    // One generator sleeps, and one holds its thread.
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
    // A dynamic caller gets the same error as text.
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

async fn cycles_of_generators_are_named(fixture: Fixture) {
    let session = fixture.session().await;
    for keys in [vec!["a", "a"], vec!["a", "b", "a"], vec!["a", "b", "c", "b"]] {
        // Its own keys: the last flight of a cycle may still be failing when the first has failed.
        let keys: Vec<String> = keys.iter().map(|key| format!("{key}{}", keys.len())).collect();
        let error = session.memoize(&keys[0], chained_account::remote(keys.clone())).await.expect_err("a cycle");
        let repeated = &keys[keys.len() - 1];
        let chain = &keys[keys.iter().position(|key| key == repeated).expect("it is there")..];
        // The error begins where the cycle was closed. That is a race, so any of its keys may come first.
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
    // From both ends at once: one of them closes the cycle, both end.
    let (x, y) = tokio::join!(
        session.memoize("x", chained_account::remote(vec!["x".into(), "y".into(), "x".into()])),
        session.memoize("y", chained_account::remote(vec!["y".into(), "x".into(), "y".into()])),
    );
    assert!(x.is_err() || y.is_err());
    session.memoize("l", chained_account::remote(vec!["l".into(), "m".into(), "n".into()])).await.expect("no cycle");
    assert_eq!(session.is_memoized("n").await, Ok(true));
}
