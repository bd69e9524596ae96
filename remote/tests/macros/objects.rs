//! Tests of functions over several objects: which objects they ask for, and which they are given.

use crate::loopback::{api, pause, wait};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tarmem_remote::codec;
use tarmem_remote::describe::{FunctionInvoke, NewObject};
use tarmem_remote::dispatch::{Arguments, DispatchError, Encoding, Produced};
use tarmem_remote::multi_object::{HeldObjects, ObjectArg, OnObjects};
use tarmem_remote::results::MemberKind;
use tarmem_remote::source::DynamicFunctionCall;
use tarmem_remote::value::ObjectRef;
use tarmem_remote::{CallError, ClientApi, Context, Error, Object, Proxy, Registry, Value, remote};
use uuid::Uuid;

/// A purse, which is `Clone`.
#[remote(module = "objects")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Purse {
    coins: i64,
}

#[remote]
impl Purse {
    pub fn of(coins: i64) -> Self {
        Purse { coins }
    }

    /// A constructor over objects.
    pub fn both(one: &Self, other: &Purse) -> Self {
        Purse { coins: one.coins + other.coins }
    }

    pub fn count(&self) -> i64 {
        self.coins
    }
}

/// A box, which is not `Clone`, but can be encoded.
#[remote(module = "objects")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Chest {
    holds: Vec<Value>,
}

/// A class that can be neither cloned nor encoded.
#[remote(module = "objects", resident)]
pub(crate) struct Dial {
    at: AtomicI64,
}

#[remote]
impl Dial {
    pub fn new() -> Self {
        Dial { at: AtomicI64::new(0) }
    }
}

/// A resident class that is `Clone`.
#[remote(module = "objects", resident)]
#[derive(Clone)]
pub(crate) struct Wire {
    ends: Arc<AtomicI64>,
}

#[remote(module = "objects")]
// An async function that takes an object of this interface holds it while it waits, on any thread.
pub(crate) trait Holder: Send + Sync {
    fn hold(&mut self, coins: i64) -> i64;
    fn held(&self) -> i64;
}

#[remote]
impl Holder for Purse {
    fn hold(&mut self, coins: i64) -> i64 {
        self.coins += coins;
        self.coins
    }

    fn held(&self) -> i64 {
        self.coins
    }
}

#[remote]
impl Holder for Dial {
    fn hold(&mut self, coins: i64) -> i64 {
        self.at.fetch_add(coins, Ordering::Relaxed) + coins
    }

    fn held(&self) -> i64 {
        self.at.load(Ordering::Relaxed)
    }
}

/// Moves coins from one purse to the other.
#[remote(module = "objects")]
pub(crate) fn pay(from: &mut Purse, to: &mut Purse, coins: i64) -> Result<i64, String> {
    if from.coins < coins {
        return Err(format!("{} are missing", coins - from.coins));
    }
    from.coins -= coins;
    to.coins += coins;
    Ok(to.coins)
}

/// Parameters of all kinds, in an order that differs from that of the objects.
#[remote(module = "objects", name = "mixed")]
#[allow(clippy::too_many_arguments)]
pub(crate) async fn mix(
    note: &str,
    purse: &mut self::Purse,
    ctx: &Context,
    more: &[i64],
    dial: &Dial,
    holder: &dyn Holder,
    other: &mut dyn Holder,
    last: Option<i64>,
) -> String {
    pause().await;
    purse.coins += more.iter().sum::<i64>();
    let now = other.hold(last.unwrap_or(1));
    format!("{note}:{}:{}:{}:{now}:{}", purse.coins, dial.held(), holder.held(), ctx.session().is_nil())
}

#[remote(module = "objects")]
pub(crate) fn pour(from: &mut Purse, into: &Dial) -> Purse {
    into.at.fetch_add(from.coins, Ordering::Relaxed);
    Purse { coins: std::mem::take(&mut from.coins) }
}

#[remote(module = "objects")]
pub(crate) fn tie(wire: &mut Wire, chest: &mut Chest) -> i64 {
    chest.holds.push(Value::Null);
    wire.ends.fetch_add(1, Ordering::Relaxed)
}

fn purses(api: &ClientApi) -> (PurseProxy, PurseProxy) {
    let one = wait(api.memoize("one", PurseProxy::of(10))).expect("made");
    let other = wait(api.memoize("other", PurseProxy::of(1))).expect("made");
    (one, other)
}

fn on(name: &str) -> OnObjects {
    let registry = Registry::linked().expect("no names clash");
    match registry.function("objects", name).expect("it is there").invoke {
        FunctionInvoke::OnObjects(on) => on,
        _ => panic!("{name} takes no objects"),
    }
}

#[test]
fn objects_are_described_as_parameters() {
    let registry = Registry::linked().expect("no names clash");
    let members = registry.describe_module("objects").expect("it is there").members;
    let signature = |name: &str| {
        let found = members.iter().find(|member| member.name == name).expect("it is there");
        (found.kind, found.signature.clone())
    };
    let pay = "objects.pay(from: &mut Purse, to: &mut Purse, coins: i64) -> Result<i64, String>";
    assert_eq!(signature("pay"), (MemberKind::Function, pay.to_owned()));
    let mixed = "objects.mixed(note: &str, purse: &mut self::Purse, more: &[i64], dial: &Dial, holder: &dyn Holder, \
                 other: &mut dyn Holder, last: Option<i64>) -> String";
    assert_eq!(signature("mixed"), (MemberKind::Function, mixed.to_owned()));
    let both = "objects.Purse.both(one: &Purse, other: &Purse) -> Purse";
    assert_eq!(signature("Purse.both"), (MemberKind::Generator, both.to_owned()));
    let params: Vec<_> = on("mixed").params.iter().map(|p| (p.name, p.class, p.exclusive)).collect();
    let expected = [
        ("purse", "objects.Purse", true),
        ("dial", "objects.Dial", false),
        ("holder", "objects.Holder", false),
        ("other", "objects.Holder", true),
    ];
    assert_eq!(params, expected);
}

#[test]
fn typed_callers_pass_objects_as_proxies() {
    let api = api();
    let (one, other) = purses(&api);
    assert_eq!(wait(pay::remote(&one, &other, 3).call(&api)), Ok(4));
    assert_eq!(wait(pay::remote(&one, &other, 8).call(&api)), Err(CallError::Method("1 are missing".to_owned())));
    wait(api.memoize("dial", DialProxy::new())).expect("made");
    let dial = api.proxy::<Dial>("dial");
    wait(api.memoize("third", PurseProxy::of(5))).expect("made");
    let holder = api.proxy::<dyn Holder>("third");
    let said = mix::remote("n", &one, &[1, 2], &dial, &holder, &other.cast::<dyn Holder>(), Some(6));
    assert_eq!(wait(said.call(&api)), Ok("n:10:0:5:10:true".to_owned()));
}

#[test]
fn dynamic_callers_pass_objects_as_keys() {
    let api = api();
    purses(&api);
    let pay = |args: Vec<Value>| wait(DynamicFunctionCall::new("objects", "pay", args).call(&api));
    assert_eq!(pay(vec!["one".into(), "other".into(), 3.into()]), Ok(4.into()));
    let error = pay(vec!["one".into(), 5.into(), 3.into()]).expect_err("5 is no object").to_string();
    let expected = "an object is passed by its key, as text, or by a reference to it, not as ";
    assert!(error.starts_with("objects.pay(") && error.contains(expected), "{error}");
    let error = pay(vec!["one".into(), "nobody".into(), 3.into()]);
    assert_eq!(error, Err(Error::NoSuchKey { key: "nobody".to_owned() }));
}

#[test]
fn functions_over_objects_may_be_generators() {
    let api = api();
    let (one, other) = purses(&api);
    let both = wait(api.memoize("both", PurseProxy::both(&one, &other))).expect("made");
    assert_eq!(wait(both.count()), Ok(11));
    let dial = wait(api.memoize("dial", DialProxy::new())).expect("made");
    let poured = wait(api.update("poured", pour::remote(&one, &dial))).expect("made");
    assert_eq!((wait(poured.count()), wait(one.count())), (Ok(10), Ok(0)));
    assert_eq!(wait(dial.cast::<dyn Holder>().held()), Ok(10));
}

#[test]
fn an_object_is_passed_by_key_or_by_reference() {
    let decode = |encoding, bytes: &[u8], params| {
        let mut args = Arguments::new(encoding, bytes, params).expect("as many as there should be");
        (on("pay").prepare)(&mut args).map(|call| call.objects).map_err(unnamed)
    };
    let registry = Registry::linked().expect("no names clash");
    let params = registry.function("objects", "pay").expect("it is there").params;
    let id = Uuid::from_u128(7);
    let expected = vec![ObjectArg::Key("a".into()), ObjectArg::Id(id)];
    let typed = codec::encode(&(ObjectArg::Key("a".into()), ObjectArg::Id(id), 5_i64)).expect("encoded");
    assert_eq!(decode(Encoding::Typed, &typed, params), Ok(expected.clone()));
    let reference = Value::Ref(ObjectRef::new(id, "objects.Purse"));
    let dynamic = codec::encode(&vec![Value::from("a"), reference, Value::from(5)]).expect("encoded");
    assert_eq!(decode(Encoding::Dynamic, &dynamic, params), Ok(expected));
}

#[test]
fn a_wrong_object_is_an_error_and_not_a_panic() {
    let bytes = codec::encode(&(ObjectArg::Key("a".into()), ObjectArg::Key("b".into()), 5_i64)).expect("encoded");
    let context = crate::loopback::context();
    let run = |held: HeldObjects<'_>| {
        let mut args = Arguments::new(Encoding::Typed, &bytes, &[]).expect("typed");
        match (on("pay").prepare)(&mut args).expect("decoded").work {
            tarmem_remote::multi_object::Work::Sync(work) => work(held, &context).map_err(unnamed),
            tarmem_remote::multi_object::Work::Async(_) => panic!("it is not async"),
        }
    };
    use tarmem_remote::multi_object::HeldObject;
    let (mut purse, mut dial) = (Purse::of(9), Dial::new());
    let wrong = [HeldObject::exclusive(&mut purse, None), HeldObject::exclusive(&mut dial, None)];
    assert!(
        matches!(run(wrong.into_iter().collect()), Err(Error::WrongClass { found, .. }) if found == "objects.Dial")
    );
    let mut purse = Purse::of(9);
    let shared = Purse::of(9);
    let lent = [HeldObject::exclusive(&mut purse, None), HeldObject::shared(&shared, None)];
    assert!(matches!(run(lent.into_iter().collect()), Err(Error::WrongClass { .. })));
    let mut purse = Purse::of(9);
    let few = [HeldObject::exclusive(&mut purse, None)];
    assert!(matches!(run(few.into_iter().collect()), Err(Error::WrongClass { .. })));
    let (mut one, mut other) = (Purse::of(9), Purse::of(0));
    let right = [HeldObject::exclusive(&mut one, None), HeldObject::exclusive(&mut other, None)];
    assert!(matches!(run(right.into_iter().collect()), Ok(Produced::Value(_))));
    assert_eq!((one.coins, other.coins), (4, 5));
}

fn copy(object: &dyn Object) -> Result<NewObject, Error> {
    let registry = Registry::linked().expect("no names clash");
    (registry.class(object.class()).expect("it is known").entry().copy)(object).map_err(unnamed)
}

fn unnamed(error: DispatchError) -> Error {
    error.named(String::new, String::new)
}

fn is<T: Object>(object: &dyn Object) -> &T {
    (object as &dyn std::any::Any).downcast_ref().expect("of its class")
}

#[test]
fn a_class_is_copied_by_clone_or_else_by_its_encoding() {
    let purse = copy(&Purse::of(3)).expect("by Clone");
    assert_eq!(is::<Purse>(&*purse).coins, 3);
    // A clone shares the channel's ends; a decoded copy could not.
    let wire = Wire { ends: Arc::new(AtomicI64::new(1)) };
    let copied = copy(&wire).expect("by Clone, although it is resident");
    assert!(Arc::ptr_eq(&is::<Wire>(&*copied).ends, &wire.ends));
    let live = Value::Ref(ObjectRef::with_live(Uuid::from_u128(7), "objects.Purse", Arc::new(5_u8)));
    let chest = copy(&Chest { holds: vec![live, 5.into()] }).expect("by its encoding");
    let holds = &is::<Chest>(&*chest).holds;
    assert_eq!(holds[1], Value::from(5));
    let Value::Ref(reference) = &holds[0] else { panic!("{} is no reference", holds[0]) };
    assert!(reference.live().is_some(), "a copy refers to the very same objects");
    let error = copy(&Dial::new()).map(|_| ()).expect_err("neither").to_string();
    assert!(error.contains("objects.Dial can be neither cloned nor encoded"), "{error}");
    assert!(error.contains("derive Clone"), "{error}");
}
