//! What a restricted token permits.

use super::{ALICE, BOB, service, session};
use std::fmt::Debug;
use tarmem::modules::builtins::{Dict, List, ListProxy};
use tarmem::modules::queue::QueueProxy;
use tarmem::modules::threading::LockProxy;
use tarmem::{CallError, DynamicProxy, Error, Proxy, RunningService, Session, Token, Value, args};
use tarmem_test_models::{Account, AccountProxy};

/// Gets the error of an operation or of a call.
trait Refusal {
    fn error(self) -> Error;
}

impl Refusal for Error {
    fn error(self) -> Error {
        self
    }
}

impl<E: Debug> Refusal for CallError<E> {
    fn error(self) -> Error {
        match self {
            CallError::Failed(error) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[track_caller]
fn refused<T: Debug>(result: Result<T, impl Refusal + Debug>, parts: &[&str]) {
    let error = result.expect_err("it is not permitted").error();
    assert!(matches!(error, Error::NotPermitted { .. }), "{error:?}");
    let message = error.to_string();
    assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message}");
}

/// A service, an unrestricted session, and one with the token `restricted`.
async fn two(restricted: Token) -> (RunningService, Session, Session) {
    let service = service([Token::new("alice", ALICE), restricted]).await;
    let (all, some) = (session(&service, ALICE).await, session(&service, BOB).await);
    (service, all, some)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_clients_read_poisoned_objects_but_cannot_clear_them() {
    let (_service, all, some) = two(Token::new("bob", BOB).read_only()).await;
    let account = all.memoize("k", AccountProxy::open(1)).await.expect("permitted");
    assert!(account.break_down().await.is_err());
    let account = some.get::<Account>("k").await.expect("permitted");
    assert_eq!(account.is_poisoned().await, Ok(true));
    account.snapshot().await.expect("permitted");
    refused(account.clear_poison().await, &["clear_poison"]);
    assert_eq!(all.is_poisoned("k").await, Ok(true));
    let (_service, all, some) = two(Token::new("bob", BOB).prefixes(["app/"])).await;
    all.memoize("k", AccountProxy::open(1)).await.expect("permitted");
    refused(some.clear_poison("k").await, &["clear_poison"]);
    refused(some.is_poisoned("k").await, &["is_poisoned"]);
}

#[tokio::test]
async fn read_only_clients_read_and_change_nothing() {
    let (_service, all, reader) = two(Token::new("bob", BOB).read_only()).await;
    let account = all.memoize("account", AccountProxy::open(100)).await.expect("made");
    all.memoize("list", ListProxy::new(Some(vec![1, 2].into()))).await.expect("made");
    all.memoize("lock", LockProxy::new()).await.expect("made");
    all.memoize("queue", QueueProxy::new(None)).await.expect("made").put(1).await.expect("put");

    let seen = reader.get::<Account>("account").await.expect("permitted");
    assert_eq!(seen.balance().await, Ok(100));
    let list = reader.get_dynamic("list").await.expect("permitted");
    assert_eq!(list.call("__getitem__", args![1]).await.expect("permitted"), Value::from(2));
    assert_eq!(list.snapshot().await.expect("permitted"), vec![1, 2].into());
    assert_eq!(reader.keys("", "", 0).await.expect("permitted").keys.len(), 4);
    assert!(reader.is_memoized("list").await.expect("permitted"));
    reader.describe("list").await.expect("permitted");
    reader.remote_import("builtins").await.expect("permitted");
    reader.version().await.expect("permitted");

    refused(seen.deposit(1).await, &["bank.Account.deposit", "read-only"]);
    refused(seen.dynamic().call("deposit", args![1]).await, &["deposit", "read-only"]);
    refused(list.call("append", args![3]).await, &["builtins.list.append", "read-only"]);
    // A lock and a queue change behind `&self`.
    for (key, method) in [("lock", "acquire"), ("queue", "get_nowait"), ("queue", "put")] {
        let object = reader.get_dynamic(key).await.expect("permitted");
        let args = if method == "put" { args![1] } else { args![] };
        refused(object.call(method, args).await, &[method, "read-only"]);
    }
    refused(reader.memoize("new", ListProxy::new(None)).await, &["memoize", "read-only"]);
    refused(reader.memoize("list", ListProxy::new(None)).await, &["memoize", "read-only"]);
    refused(reader.update("list", List::default()).await, &["update", "read-only"]);
    refused(reader.delete("list").await, &["delete", "read-only"]);
    refused(reader.create(ListProxy::new(None)).await, &["create", "read-only"]);
    let from = all.memoize("other", AccountProxy::open(1)).await.expect("made");
    let transfer = tarmem_test_models::transfer::remote(&from, &account, 1);
    refused(transfer.call(&reader).await, &["run a function", "read-only"]);
    assert_eq!(account.balance().await, Ok(100));
    assert_eq!(all.keys("", "", 0).await.expect("asked").keys, ["account", "list", "lock", "other", "queue"]);
}

#[tokio::test]
async fn a_token_with_prefixes_hides_other_keys() {
    let (_service, all, some) = two(Token::new("bob", BOB).prefixes(["app/", "tmp"])).await;
    for key in ["app/a", "app", "tmp1", "secret"] {
        all.memoize(key, ListProxy::new(Some(vec![1].into()))).await.expect("made");
    }
    assert_eq!(some.keys("", "", 0).await.expect("asked").keys, ["app/a", "tmp1"]);
    assert_eq!(some.keys("s", "", 0).await.expect("asked").keys, [""; 0]);
    let list = some.get::<List>("app/a").await.expect("its own");
    list.append(2).await.expect("its own");
    some.memoize("app/new", ListProxy::new(None)).await.expect("its own");
    some.update("tmp1", List::default()).await.expect("its own");
    some.delete("tmp1").await.expect("its own");

    let parts = &["secret", "\"app/\", \"tmp\""];
    refused(some.get::<List>("secret").await, parts);
    refused(some.memoize("secret", ListProxy::new(None)).await, parts);
    refused(some.update("secret", List::default()).await, parts);
    refused(some.update_if("secret", 1, List::default()).await, parts);
    refused(some.delete("secret").await, parts);
    refused(some.is_memoized("secret").await, parts);
    refused(some.describe("secret").await, parts);
    refused(some.get::<List>("app").await, &["app"]);
    // A proxy can be made without asking the service, but its calls are checked.
    let forged = some.proxy::<List>("secret");
    refused(forged.snapshot().await, parts);
    refused(forged.append(1).await, parts);
    // So is its use as a source.
    refused(some.memoize("app/stolen", &forged).await, parts);
    // The error does not tell whether a key exists that the token may not use.
    refused(some.get::<List>("nowhere").await, &["nowhere"]);
    assert_eq!(all.get::<List>("secret").await.expect("there").snapshot().await.expect("shown"), vec![1].into());
}

#[tokio::test]
async fn the_objects_of_a_function_call_are_checked() {
    let (_service, all, some) = two(Token::new("bob", BOB).prefixes(["app/"])).await;
    let theirs = all.memoize("bank", AccountProxy::open(100)).await.expect("made");
    let own = some.memoize("app/own", AccountProxy::open(0)).await.expect("made");
    let forged = some.proxy::<Account>("bank");
    refused(tarmem_test_models::transfer::remote(&forged, &own, 50).call(&some).await, &["bank"]);
    assert_eq!(theirs.balance().await, Ok(100));
    // An object that an unrestricted client put into a permitted dict may be used.
    let dict = all.memoize("app/dict", tarmem::modules::builtins::DictProxy::new(None)).await.expect("made");
    let unnamed = all.create(AccountProxy::open(9)).await.expect("made");
    dict.set("it", Value::Ref(unnamed.reference().expect("it is unnamed"))).await.expect("set");
    let dict = some.get::<Dict>("app/dict").await.expect("its own");
    let Value::Ref(given) = dict.item::<Value>("it").await.expect("given") else { panic!("it is no reference") };
    let given = DynamicProxy::from_reference(&given).expect("an object");
    assert_eq!(given.call("balance", args![]).await, Ok(9.into()));
}

#[tokio::test]
async fn modules_that_are_not_permitted_cannot_be_used() {
    let (_service, all, some) = two(Token::new("bob", BOB).modules(["builtins"])).await;
    all.memoize("account", AccountProxy::open(7)).await.expect("made");
    some.memoize("list", ListProxy::new(None)).await.expect("permitted");
    some.remote_import("builtins").await.expect("permitted");
    refused(some.remote_import("bank").await.map(|_| ()), &["bank", "\"builtins\""]);
    refused(some.memoize("b", AccountProxy::open(1)).await, &["bank"]);
    refused(some.update("b", Account::open(1)).await, &["bank"]);
    refused(some.create(AccountProxy::open(1)).await, &["bank"]);
    assert!(!some.is_memoized("b").await.expect("asked"));
    // Methods of existing objects are not checked.
    assert_eq!(some.get::<Account>("account").await.expect("there").balance().await, Ok(7));
}

#[tokio::test]
async fn a_generator_has_its_callers_permissions() {
    let (_service, _all, some) = two(Token::new("bob", BOB).prefixes(["app/"])).await;
    let made = some
        .memoize("app/outer", tarmem_test_models::chained_account::remote(vec!["app/outer".into(), "elsewhere".into()]))
        .await;
    let error = made.expect_err("it is not permitted").to_string();
    assert!(error.contains("elsewhere") && error.contains("app/"), "{error}");
    some.memoize(
        "app/outer",
        tarmem_test_models::chained_account::remote(vec!["app/outer".into(), "app/inner".into()]),
    )
    .await
    .expect("permitted");
    assert!(some.is_memoized("app/inner").await.expect("asked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_for_clients_whose_tokens_are_not_restricted() {
    let restricted = || Token::new("bob", BOB);
    for token in [restricted().read_only(), restricted().prefixes(["app/"]), restricted().modules(["builtins"])] {
        let (_service, all, some) = two(token).await;
        refused(some.backup_part(None).await, &["take a backup", "restricted"]);
        // It keeps nothing.
        let nothing = all.backup_part(None).await.expect_err("there is nothing to back up");
        assert!(matches!(&nothing, Error::NoBackup { reason } if reason.contains("--data")), "{nothing}");
    }
}
