//! Tests of parameters that take all further arguments.

use crate::loopback::{api, wait};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tarmem_remote::args::{Args, Kwargs};
use tarmem_remote::describe::ParamKind;
use tarmem_remote::source::DynamicFunctionCall;
use tarmem_remote::{Error, Registry, Value, args, remote};

#[remote(module = "further")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Logger {
    name: String,
}

#[remote]
impl Logger {
    pub fn new(name: String, #[remote(args)] rest: Vec<String>) -> Self {
        Logger { name: name + &rest.concat() }
    }

    pub fn log(
        &self,
        message: &str,
        #[remote(args)] args: Vec<Value>,
        #[remote(default = "; ")] sep: &str,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> String {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let named: Vec<String> = kwargs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}: {message} {} {}", self.name, args.join(sep), named.join(sep))
    }

    pub async fn sum(&self, #[remote(args)] numbers: &[i64], #[remote(kwargs)] named: BTreeMap<String, i64>) -> i64 {
        numbers.iter().sum::<i64>() + named.values().sum::<i64>()
    }
}

/// Takes an object and any other arguments.
#[remote(module = "further")]
pub(crate) fn shout(logger: &Logger, #[remote(args)] words: Vec<String>) -> String {
    format!("{}: {}!", logger.name, words.join(" "))
}

#[remote(module = "further")]
pub(crate) trait Adder {
    fn total(&self, #[remote(args)] numbers: Vec<u64>) -> u64;
}

#[remote]
impl Adder for Logger {
    fn total(&self, numbers: Vec<u64>) -> u64 {
        numbers.iter().sum()
    }
}

#[test]
fn dynamic_callers_pass_any_number_of_positional_and_named_arguments() {
    let api = api();
    let made = DynamicFunctionCall::new("further", "Logger", args!["a", "b", "c"]);
    let logger = wait(api.memoize("logger", made)).expect("made");
    let log = |args: Args| wait(logger.call("log", args));
    assert_eq!(log(args!["m"].into()), Ok("abc: m  ".into()));
    assert_eq!(log(args!["m", 1, "two"; x = 3, args = 4]), Ok("abc: m 1; \"two\" x=3; args=4".into()));
    assert_eq!(log(args!["m", 1, 2; sep = "-", y = (), kwargs = 5]), Ok("abc: m 1-2 y=null-kwargs=5".into()));
    assert_eq!(log(args![; x = 1, message = "m"]), Ok("abc: m  x=1".into()));
    let refused = log(args![; x = 1]).expect_err("a message is wanted").to_string();
    assert!(refused.contains("its argument `message` is missing"), "{refused}");
    assert_eq!(wait(logger.call("sum", args![])), Ok(0.into()));
    assert_eq!(wait(logger.call("sum", args![1, 2; c = 3])), Ok(6.into()));
    let refused = wait(logger.call("sum", args!["x"])).expect_err("no number");
    assert!(matches!(refused, Error::BadArguments { .. }), "{refused}");
    assert_eq!(wait(logger.call("total", args![1, 2, 3])), Ok(6.into()));
    let shout = |args| wait(DynamicFunctionCall::new("further", "shout", args).call(&api));
    assert_eq!(shout(args!["logger"].into()), Ok("abc: !".into()));
    assert_eq!(shout(args!["logger", "hey", "you"].into()), Ok("abc: hey you!".into()));
    let refused = shout(args!["logger"; word = "hey"]).expect_err("it takes no names").to_string();
    assert!(refused.contains("it has no parameter `word`"), "{refused}");
}

#[test]
fn typed_callers_pass_them_as_one_parameter_each() {
    let api = api();
    let words = vec!["b".to_owned()];
    let logger = wait(api.memoize("logger", LoggerProxy::new("a".to_owned(), words.clone()))).expect("made");
    let logged = wait(logger.log("m", vec![1.into(), "x".into()], "+", Kwargs::new().with("k", 2)));
    assert_eq!(logged, Ok("ab: m 1+\"x\" k=2".to_owned()));
    assert_eq!(wait(logger.sum(&[1, 2], BTreeMap::from([("x".to_owned(), 4)]))), Ok(7));
    assert_eq!(wait(logger.total(vec![4, 5])), Ok(9));
    assert_eq!(wait(shout::remote(&logger, words).call(&api)), Ok("ab: b!".to_owned()));
}

#[test]
fn further_parameters_are_described_with_stars() {
    let registry = Registry::linked().expect("no names clash");
    let module = registry.describe_module("further").expect("it is there");
    let class = module.members.iter().find(|member| member.name == "Logger").expect("it is there");
    let log = class.methods.iter().find(|method| method.name == "log").expect("it is there");
    assert_eq!(log.signature, r#"log(message: &str, *args: Vec<Value>, sep: &str = "; ", **kwargs: Kwargs) -> String"#);
    let kinds: Vec<(ParamKind, bool)> = log.parameters.iter().map(|param| (param.kind, param.optional)).collect();
    use ParamKind::{Args, KeywordOnly, Kwargs, Value};
    assert_eq!(kinds, [(Value, false), (Args, true), (KeywordOnly, true), (Kwargs, true)]);
    let json = serde_json::to_value(&log.parameters[1]).expect("it is plain");
    let expected = serde_json::json!({
        "name": "args", "kind": "args", "type": "Vec<Value>", "optional": true, "default": "absent"
    });
    assert_eq!(json, expected);
}
