//! A call locks its object: readers together, a writer alone, and never a call that would wait for itself. A writer
//! that panics poisons the object.

use crate::support::Fixture;
use futures::future::join_all;
use std::time::Duration;
use tarmem::modules::builtins::ListProxy;
use tarmem::{Error, Proxy, Value};
use tarmem_test_models::{Account, AccountProxy, Meeting, MeetingProxy};

crate::each_way![
    readers_overlap_and_writers_do_not,
    a_panic_while_changing_poisons_until_updated,
    what_is_poisoned_can_be_read_and_cleared,
    a_panic_while_looking_poisons_nothing,
    a_method_that_would_wait_for_itself_is_told_so,
];

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
        // An object that refers to it shows it, and says that it is poisoned.
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
    // An object that refers to it shows it, too.
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
    for cycle in [&["a"][..], &["b", "a"], &["b", "c", "b"], &["b", "c", "a"]] {
        let error = tokio::time::timeout(Duration::from_secs(20), pass_on(cycle)).await.expect("told at once");
        let error = error.expect_err("it would wait for itself").to_string();
        assert!(error.contains("would wait for itself"), "{cycle:?}: {error}");
    }
    // Readers do not wait for readers.
    assert_eq!(account.look_at("a".to_owned()).await, account.look_at("a".to_owned()).await);
    assert!(account.look_at("b".to_owned()).await.is_ok());
    assert_eq!(account.deposit(1).await.map(|_| ()), Ok(()), "it is free again");
}
