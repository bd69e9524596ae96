//! Calls of methods and functions, typed and by name, alone and in pipelines; and what a client can ask about them.

use crate::support::Fixture;
use tarmem::modules::builtins::{Dict, DictProxy};
use tarmem::{CallError, Error, Proxy, Value, args};
use tarmem_test_models::{
    Account, AccountProxy, BankError, Circle, CircleProxy, Named, Shape, Square, SquareProxy, add,
};

crate::each_way![
    a_typed_method_works_with_all_its_arguments,
    a_methods_own_error_comes_back_typed,
    describe_tells_all,
    import_is_absolute_or_relative,
    dynamic_calls_check_their_arguments,
    an_interface_is_a_proxy_too,
    a_pipeline_keeps_its_order,
    a_pipeline_takes_typed_calls_of_every_kind,
    versions_are_told,
    functions_run_and_give_values,
    a_context_knows_its_session,
];

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
        ("deposit", args![], "bank.Account.deposit(cents): takes 1 argument, but 0 were given"),
        ("deposit", args![1, 2], "takes 1 argument, but 2 were given"),
        ("deposit", args!["five"], "bank.Account.deposit(cents): "),
        ("balance_slowly", args!["long"], "bank.Account.balance_slowly(millis): "),
        ("deposit_slowly", args![], "bank.Account.deposit_slowly(cents, millis): takes 2"),
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

async fn versions_are_told(fixture: Fixture) {
    let version = fixture.session().await.version().await.expect("answers");
    assert_eq!((version.service.as_str(), version.protocol), (env!("CARGO_PKG_VERSION"), 3));
}

async fn functions_run_and_give_values(fixture: Fixture) {
    let session = fixture.session().await;
    assert_eq!(add::remote(2, 3).call(&session).await, Ok(5));
    // A function that makes an object returns a copy of its value.
    let copy = AccountProxy::open(4).call(&session).await.expect("made");
    assert_eq!(copy, Account::open(4));
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
