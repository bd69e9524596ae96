//! Tests of a module's functions and constants.

use crate::loopback::{api, pause, wait};
use serde::{Deserialize, Serialize};
use tarmem_remote::describe::{FunctionInvoke, stable_id};
use tarmem_remote::results::MemberKind;
use tarmem_remote::{CallError, Context, Error, Registry, Value, remote};

#[remote(module = "functions")]
#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Ledger {
    lines: Vec<String>,
}

#[remote]
impl Ledger {
    pub fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }
}

/// Loads a ledger.
#[remote(module = "functions")]
pub(crate) async fn load_ledger(path: String, ctx: &Context, more: &[String]) -> Result<Ledger, String> {
    pause().await;
    if ctx.session().is_nil() && !path.is_empty() {
        return Ok(Ledger { lines: [&[path], more].concat() });
    }
    Err("no path".to_owned())
}

#[remote(module = "functions", inline, idempotent)]
pub(crate) fn empty_ledger() -> Ledger {
    Ledger { lines: Vec::new() }
}

#[remote(module = "functions", blocking)]
pub(crate) fn join(left: &str, right: Option<String>) -> String {
    format!("{left}{}", right.unwrap_or_default())
}

#[remote(module = "functions")]
pub(crate) fn divide(a: i64, b: i64) -> Result<i64, Error> {
    a.checked_div(b).ok_or(Error::Cancelled)
}

#[remote(module = "functions")]
pub(crate) async fn nothing() {
    pause().await;
}

/// Through the alias, only the trait can tell that this function returns a class.
#[remote(module = "functions", name = "aliased")]
pub(crate) fn by_another_name() -> Book {
    Ledger { lines: vec!["alias".to_owned()] }
}

type Book = Ledger;

/// The largest allowed number.
#[remote(module = "functions")]
pub(crate) const LIMIT: &[(i64, &str)] = &[(5, "five")];

#[remote(module = "functions.inner", name = "half")]
pub(crate) const HALF: f64 = 0.5;

#[test]
fn generators_are_distinguished_from_functions() {
    let registry = Registry::linked().expect("no names clash");
    let described = registry.describe_module("functions").expect("it is there");
    let members: Vec<_> = described.members.iter().map(|m| (m.kind, m.signature.as_str())).collect();
    assert_eq!(
        members,
        [
            (MemberKind::Constant, "&[(i64, &str)]"),
            (MemberKind::Class, "functions.Ledger"),
            (MemberKind::Generator, "functions.aliased() -> Book"),
            (MemberKind::Function, "functions.divide(a: i64, b: i64) -> Result<i64, Error>"),
            (MemberKind::Generator, "functions.empty_ledger() -> Ledger"),
            (MemberKind::Function, "functions.join(left: &str, right: Option<String>) -> String"),
            (MemberKind::Generator, "functions.load_ledger(path: String, more: &[String]) -> Result<Ledger, String>"),
            (MemberKind::Function, "functions.nothing()"),
        ]
    );
    assert_eq!(described.modules, ["functions.inner"]);
}

#[test]
fn a_function_is_described_with_its_parameters() {
    let registry = Registry::linked().expect("no names clash");
    let load = registry.function("functions", "load_ledger").expect("it is there");
    assert_eq!((load.docs, load.class, load.id), ("Loads a ledger.", None, stable_id("functions", "load_ledger")));
    assert_eq!((load.place.file, load.place.line), (file!(), 24));
    assert!(matches!(load.invoke, FunctionInvoke::Async(_)) && !load.inline && !load.idempotent && !load.blocking);
    let empty = registry.function("functions", "empty_ledger").expect("it is there");
    assert!(matches!(empty.invoke, FunctionInvoke::Sync(_)) && empty.inline && empty.idempotent);
    assert!(registry.function("functions", "join").expect("it is there").blocking);
}

#[test]
fn constants_are_described_with_their_values() {
    let registry = Registry::linked().expect("no names clash");
    let members = registry.describe_module("functions").expect("it is there").members;
    assert_eq!(members[0].docs, "The largest allowed number.");
    let pair = Value::List(vec![Value::from(5), "five".into()]);
    assert_eq!(members[0].value, Some(Value::List(vec![pair])));
    let inner = registry.describe_module("functions.inner").expect("it is there").members;
    assert_eq!((inner[0].name.as_str(), &inner[0].value), ("half", &Some(Value::Float(HALF))));
    assert_eq!(LIMIT[0].1, "five");
}

#[test]
fn typed_calls_run_functions() {
    let api = api();
    assert_eq!(wait(join::remote("a", Some("b".to_owned())).call(&api)), Ok("ab".to_owned()));
    assert_eq!(wait(divide::remote(7, 2).call(&api)), Ok(3));
    assert_eq!(wait(divide::remote(7, 0).call(&api)), Err(CallError::Method(Error::Cancelled)));
    assert_eq!(wait(nothing::remote().call(&api)), Ok(()));
    let ledger = wait(load_ledger::remote("a".to_owned(), &["b".to_owned()]).call(&api));
    assert_eq!(ledger, Ok(Ledger { lines: vec!["a".to_owned(), "b".to_owned()] }), "a copy of the object");
}

#[test]
fn generators_are_sources() {
    let api = api();
    let ledger = wait(api.memoize("l", load_ledger::remote("a".to_owned(), &[]))).expect("loaded");
    assert_eq!(wait(ledger.lines()), Ok(vec!["a".to_owned()]));
    let refused = wait(api.memoize("m", load_ledger::remote(String::new(), &[]))).map(|_| ());
    assert_eq!(refused, Err(CallError::Method("no path".to_owned())));
    let ledger = wait(api.update("l", by_another_name::remote())).expect("made");
    assert_eq!(wait(ledger.lines()), Ok(vec!["alias".to_owned()]));
    assert_eq!(wait(empty_ledger::remote().call(&api)), Ok(Ledger { lines: Vec::new() }));
}

#[test]
fn dynamic_calls_run_functions() {
    let api = api();
    let call = |name: &str, args: Vec<Value>| {
        wait(tarmem_remote::source::DynamicFunctionCall::new("functions", name, args).call(&api))
    };
    assert_eq!(call("join", vec!["a".into()]), Ok("a".into()), "an Option may be left out");
    assert_eq!(call("divide", vec![7.into(), 2.into()]), Ok(Value::from(3)));
    assert_eq!(call("nothing", vec![]), Ok(Value::Null));
    let refused = call("divide", vec![7.into()]).expect_err("one is missing").to_string();
    assert_eq!(refused, "functions.divide(a, b): takes 2 arguments, but 1 was given");
}
