//! Tests of parameters with a default.

use crate::loopback::{api, wait};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::describe::ParamKind;
use tarmem_remote::results::{ParameterDefault, ParameterDescription};
use tarmem_remote::source::DynamicFunctionCall;
use tarmem_remote::{Error, Proxy, Registry, Value, args, remote};

const WEIGHT: u8 = 3;

#[remote(module = "defaults")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Cache {
    size: u64,
}

#[remote]
impl Cache {
    const TTL: u64 = 60;

    pub fn new(#[remote(default = 16)] size: u64) -> Self {
        Cache { size }
    }

    pub fn tune(
        &mut self,
        key: &str,
        #[remote(default = Self::TTL)] ttl: u64,
        #[remote(default = WEIGHT)] weight: u8,
        #[remote(default = "none")] owner: String,
        #[remote(default = Some(5))] most: Option<u8>,
    ) -> String {
        format!("{key} {ttl} {weight} {owner} {most:?} of {}", self.size)
    }

    pub async fn join(
        &self,
        #[remote(default = ", ")] separator: &str,
        #[remote(default)] words: &[String],
        last: Option<bool>,
    ) -> String {
        format!("{} {last:?}", words.join(separator))
    }

    /// Finds out itself which arguments were left out.
    pub fn peek(
        &self,
        #[remote(default = -1)] at: Arg<i64>,
        #[remote(default = None)] key: Arg<Value>,
        other: Arg<Value>,
    ) -> String {
        format!("{at:?} {key:?} {other:?}")
    }
}

/// A function over two caches.
#[remote(module = "defaults")]
pub(crate) fn merge(from: &Cache, to: &mut Cache, #[remote(default = 1 + 1)] times: u64) -> u64 {
    to.size += from.size * times;
    to.size
}

fn percent() -> u64 {
    10
}

#[remote(module = "defaults")]
pub(crate) trait Store {
    fn room(&self, #[remote(default = percent())] percent: u64) -> u64;
}

#[remote]
impl Store for Cache {
    fn room(&self, percent: u64) -> u64 {
        self.size * percent / 100
    }
}

#[test]
fn an_argument_that_a_dynamic_caller_leaves_out_has_its_default() {
    let api = api();
    let made = |args: tarmem_remote::args::Args| DynamicFunctionCall::new("defaults", "Cache", args);
    let cache = wait(api.memoize("cache", made(args![].into()))).expect("made");
    wait(api.memoize("other", made(args![100].into()))).expect("made");
    let tune = |args: tarmem_remote::args::Args| wait(cache.call("tune", args));
    assert_eq!(tune(args!["k"].into()), Ok("k 60 3 none Some(5) of 16".into()));
    assert_eq!(tune(args!["k", 1].into()), Ok("k 1 3 none Some(5) of 16".into()));
    assert_eq!(tune(args!["k"; owner = "me", weight = 9]), Ok("k 60 9 me Some(5) of 16".into()));
    assert_eq!(tune(args!["k"; most = None::<u8>]), Ok("k 60 3 none None of 16".into()), "null is not absent");
    let refused = tune(args!["k", Value::Null].into()).expect_err("null is no number");
    assert!(matches!(refused, Error::BadArguments { .. }), "{refused}");
    let missing = tune(args![; ttl = 5]).expect_err("it has no default").to_string();
    assert!(missing.contains("its argument `key` is missing"), "{missing}");
    assert_eq!(wait(cache.call("join", args![])), Ok(" None".into()));
    assert_eq!(wait(cache.call("join", args![; words = vec!["a", "b"]])), Ok("a, b None".into()));
    assert_eq!(wait(cache.call("room", args![])), Ok(1.into()));
    let merge = |args| wait(DynamicFunctionCall::new("defaults", "merge", args).call(&api));
    assert_eq!(merge(args!["other", "cache"].into()), Ok(216.into()));
    assert_eq!(merge(args!["other", "cache"; times = 1]), Ok(316.into()));
}

#[test]
fn typed_callers_pass_all_arguments() {
    let api = api();
    let cache = wait(api.memoize("cache", CacheProxy::new(8))).expect("made");
    let other = wait(api.memoize("other", CacheProxy::new(1))).expect("made");
    let tuned = wait(cache.tune("k", 1, 2, "me".to_owned(), None)).expect("called");
    assert_eq!(tuned, "k 1 2 me None of 8");
    let words = ["a".to_owned(), "b".to_owned()];
    assert_eq!(wait(cache.join("-", &words, Some(true))), Ok("a-b Some(true)".to_owned()));
    assert_eq!(wait(cache.room(50)), Ok(4));
    assert_eq!(wait(merge::remote(&other, &cache, 3).call(&api)), Ok(11));
}

#[test]
fn parameters_are_described_one_by_one() {
    let registry = Registry::linked().expect("no names clash");
    let module = registry.describe_module("defaults").expect("it is there");
    let class = module.members.iter().find(|member| member.name == "Cache").expect("it is there");
    let tune = class.methods.iter().find(|method| method.name == "tune").expect("it is there");
    use ParameterDefault::{Computed, Required, Value};
    let parameter = |name: &str, ty: &str, default: ParameterDefault| {
        (name.to_owned(), ParamKind::Value, ty.to_owned(), default != Required, default)
    };
    let told = |told: &ParameterDescription| {
        (told.name.clone(), told.kind, told.ty.clone(), told.optional, told.default.clone())
    };
    assert_eq!(
        tune.parameters.iter().map(told).collect::<Vec<_>>(),
        [
            parameter("key", "&str", Required),
            parameter("ttl", "u64", Value(60.into())),
            parameter("weight", "u8", Value(3.into())),
            parameter("owner", "String", Value("none".into())),
            parameter("most", "Option<u8>", Value(5.into())),
        ]
    );
    let join = class.methods.iter().find(|method| method.name == "join").expect("it is there");
    assert_eq!(
        join.signature,
        r#"join(separator: &str = ", ", words: &[String] = Default::default(), last: Option<bool>) -> String"#
    );
    assert_eq!(told(&join.parameters[1]), parameter("words", "&[String]", Value([(); 0].into_iter().collect())));
    assert_eq!(told(&join.parameters[2]), parameter("last", "Option<bool>", Value(().into())));
    let merge = module.members.iter().find(|member| member.name == "merge").expect("it is there");
    let kinds: Vec<ParamKind> = merge.parameters.iter().map(|parameter| parameter.kind).collect();
    assert_eq!(kinds, [ParamKind::Object, ParamKind::ExclusiveObject, ParamKind::Value]);
    let json = serde_json::to_value(&merge.parameters[2]).expect("it is plain");
    let expected = serde_json::json!({
        "name": "times", "kind": "value", "type": "u64", "optional": true, "default": {"value": 2}
    });
    assert_eq!(json, expected);
    let room = class.methods.iter().find(|method| method.name == "room").expect("it is there");
    let percent = parameter("percent", "u64", Computed("percent()".to_owned()));
    assert_eq!(room.parameters.iter().map(told).collect::<Vec<_>>(), [percent], "none for all calls");
}

#[test]
fn an_arg_is_described_with_the_value_that_the_function_uses_instead() {
    let registry = Registry::linked().expect("no names clash");
    let class = registry.class("defaults.Cache").expect("it is there");
    let peek = class.describe_methods().into_iter().find(|method| method.name == "peek").expect("it is there");
    let defaults: Vec<ParameterDefault> = peek.parameters.into_iter().map(|parameter| parameter.default).collect();
    use ParameterDefault::{Absent, Value};
    assert_eq!(defaults, [Value((-1).into()), Value(().into()), Absent]);
    assert_eq!(serde_json::to_string(&defaults).expect("plain"), r#"[{"value":-1},{"value":null},"absent"]"#);
    let cache = wait(api().memoize("cache", CacheProxy::new(8))).expect("made");
    assert_eq!(wait(cache.dynamic().call("peek", args![])), Ok("Absent Absent Absent".into()), "it is told so");
}

#[test]
fn errors_about_arguments_use_the_names_that_a_caller_would_write() {
    let api = api();
    let made = |args: tarmem_remote::args::Args| DynamicFunctionCall::new("defaults", "Cache", args);
    let refused = |error: Error| {
        assert_eq!((error.raised_class(), error.raised_args()), (Some("TypeError"), None));
        error.to_string()
    };
    let new = refused(wait(api.memoize("k", made(args![1, 2].into()))).expect_err("two"));
    assert_eq!(new, "defaults.Cache(size=16): takes 0 to 1 arguments, but 2 were given");
    let cache = wait(api.memoize("cache", made(args![].into()))).expect("made");
    let call = |name: &str, args: tarmem_remote::args::Args| refused(wait(cache.call(name, args)).expect_err(name));
    assert_eq!(
        call("tune", args![].into()),
        r#"defaults.Cache.tune(key, ttl=60, weight=3, owner="none", most=5): takes 1 to 5 arguments, but 0 were given"#
    );
    assert_eq!(
        call("peek", args![; othr = 1]),
        "defaults.Cache.peek(at=-1, key=null, other=...): it has no parameter `othr`; did you mean other?"
    );
    assert_eq!(
        call("room", args![1, 2].into()),
        "defaults.Store.room(percent=...): takes 0 to 1 arguments, but 2 were given"
    );
}
