//! What errors say, and how they are passed on.

mod support;

use serde::{Deserialize, Serialize};
use std::error::Error as StdError;
use std::time::Duration;
use support::{Fixture, Way};
use tarmem::modules::builtins::ListProxy;
use tarmem::{CallError, DynamicFunctionCall, DynamicProxy, Error, Proxy, Remote, Service, args, remote};
use tarmem_test_models::{Account, AccountProxy, BankError, slow_account, unlucky_account};

/// A class of a crate that the service does not link.
struct Absent;

impl Remote for Absent {
    const PATH: &'static str = "absent.Thing";
    type Proxy = DynamicProxy;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_names_suggest_a_missing_link() {
    let service = Service::without_listener().modules(["bank", "shapes"]).start().await.expect("starts");
    let session = service.session();
    let dynamic = session.memoize("k", AccountProxy::open(1)).await.expect("offered").dynamic();
    let typed = || slow_account::remote("offered".into(), 1, 0);
    let named = || DynamicFunctionCall::new("absent", "make", args![]);
    let module = [
        session.remote_import("absent").await.map(drop).expect_err("import"),
        session.memoize("other", typed()).await.map(drop).expect_err("typed memoize"),
        session.memoize("other", named()).await.map(drop).expect_err("memoize"),
        session.update("other", typed()).await.map(drop).expect_err("typed update"),
        session.update("other", named()).await.map(drop).expect_err("update"),
        session.create(typed()).await.map(drop).expect_err("typed create"),
        session.create(named()).await.map(drop).expect_err("create"),
        named().call(&session).await.map(drop).expect_err("run"),
        tarmem_test_models::add::remote(1, 2).call(&session).await.map(drop).expect_err("typed run"),
    ];
    for error in module {
        assert!(matches!(error, Error::NoSuchModule { .. }), "{error:?}");
        assert!(error.to_string().contains("`tarmem::link!`"), "{error}");
    }
    let class = session.get::<Absent>("k").await.map(drop).expect_err("no class");
    assert!(matches!(&class, Error::NoSuchClass { class, .. } if class == "absent.Thing"), "{class:?}");
    assert!(class.to_string().contains("`tarmem::link!`"), "{class}");
    let member = session.memoize("other", DynamicFunctionCall::new("bank", "other_crates", args![]));
    let method = dynamic.call("absent.Shape.area", args![]);
    for error in [member.await.map(drop).expect_err("no member"), method.await.map(drop).expect_err("no method")] {
        assert!(error.to_string().contains("`tarmem::link!`"), "{error}");
    }
    let near = session.remote_import("bnak").await.map(drop).expect_err("near");
    assert!(near.to_string().contains("did you mean bank? If not") && near.to_string().contains("`tarmem::link!`"));
}

#[tokio::test]
async fn errors_of_calls_compose_by_question_mark() {
    async fn as_errors(account: &AccountProxy) -> Result<i64, Error> {
        let balance = account.balance().await?;
        Ok(account.withdraw(balance + 1).await?)
    }
    async fn boxed(account: &AccountProxy) -> Result<i64, Box<dyn StdError + Send + Sync>> {
        let balance = account.balance().await?;
        Ok(account.withdraw(balance + 1).await?)
    }
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(5)).await.expect("made");

    let error = as_errors(&account).await.expect_err("too much");
    let Err(CallError::Method(own)) = account.withdraw(6).await else { panic!("too much") };
    assert_eq!(error.to_string(), format!("the method failed: {own}"));
    assert_eq!(error.raised(), tarmem::value::to_value(&own).ok().as_ref());
    // The error of the call names the method.
    let named = account.withdraw(6).erase_error().await.expect_err("too much");
    assert_eq!(named.to_string(), format!("bank.Account.withdraw failed: {own}"));
    assert_eq!(named.raised(), error.raised());
    assert_eq!(account.withdraw(5).erase_error().timeout(Duration::from_secs(60)).await, Ok(0));
    let list = session.memoize("list", ListProxy::default()).await.expect("made");
    let named = list.pop::<i64>().erase_error().await.expect_err("it is empty");
    assert_eq!(named.to_string(), "builtins.list.pop failed: IndexError: pop from empty list");
    assert_eq!(named.raised_class(), Some("IndexError"));
    let made = session.memoize("unlucky", unlucky_account::remote("errors".into(), 1, 0)).erase_error();
    let named = made.await.map(drop).expect_err("it cannot be made");
    assert!(named.to_string().contains("unlucky_account failed: "), "{named}");
    assert!(!error.is_retryable() && !error.is_timeout() && !error.is_not_applied());
    let error = boxed(&account).await.expect_err("too much");
    assert!(error.downcast_ref::<CallError<BankError>>().is_some_and(|error| error.method() == Some(&own)));
    assert!(error.source().is_none());

    session.delete("k").await.expect("there");
    let absent = account.withdraw(1).erase_error().await.expect_err("it is gone");
    assert!(matches!(absent, Error::NoSuchKey { .. }), "{absent}");
    let gone = Error::NoSuchKey { key: "k".into() };
    assert_eq!(as_errors(&account).await, Err(gone.clone()));
    let Err(error) = account.withdraw(1).await else { panic!("it is gone") };
    assert!(error.is_not_applied() && !error.is_retryable());
    let error: Box<dyn StdError + Send + Sync> = error.into();
    assert_eq!(error.source().and_then(|source| source.downcast_ref::<Error>()), Some(&gone));

    let other = session.create(AccountProxy::open(1)).await.expect("made");
    let late = other.deposit_slowly(1, 60_000).timeout(Duration::from_millis(20)).await.expect_err("late");
    assert!(late.is_timeout() && !late.is_not_applied());
    session.close().await;
    let closed = other.withdraw(1).await.expect_err("closed");
    assert!(closed.is_retryable() && !closed.is_timeout(), "{closed}");
    let reading = session.proxy::<Account>("k").balance().await.expect_err("closed");
    assert!(reading.is_retryable());
}

/// An error whose destructor panics at the service, after the generator has returned it.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("the vase is fragile")]
struct Fragile {
    falls: bool,
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.falls, "the vase fell");
    }
}

/// Fails with an error whose destructor panics.
#[remote(module = "errors")]
fn fragile_account() -> Result<Account, Fragile> {
    Err(Fragile { falls: true })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_after_the_users_code_is_not_reported_as_a_cancelled_call() {
    let service = Service::without_listener().start().await.expect("starts");
    let session = service.session();
    let error = session.memoize("k", fragile_account::remote()).erase_error().await.map(drop).expect_err("it panics");
    let what = "errors.fragile_account".to_owned();
    assert_eq!(error, Error::Panicked { what, message: "the vase fell".into() });
    assert!(!error.is_not_applied() && !error.is_retryable(), "the generator ran");
    service.shutdown().await;
}
