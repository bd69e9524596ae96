//! Calls whose time is up, and calls that are given up.

use crate::support::Fixture;
use std::time::{Duration, Instant};
use tarmem::{Error, Proxy, args};
use tarmem_test_models::{AccountProxy, slow_account, time_left};

crate::each_way![
    a_deadline_ends_a_wait,
    a_deadline_holds_whatever_a_method_does,
    a_deadline_names_what_was_late,
    a_begun_change_runs_to_its_end,
    a_dropped_call_that_has_not_begun_never_runs,
    a_context_knows_its_deadline,
];

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
    // Calls of one task run in order, with a timeout or without.
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
    let none = session.update_if("k", 1, &held).timeout(Duration::ZERO).await.map(drop);
    let Err(Error::DeadlineExceeded { what, .. }) = &none else { panic!("{none:?}") };
    assert_eq!(what, "update_if of \"k\"");
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
