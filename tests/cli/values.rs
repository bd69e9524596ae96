//! Arguments from files and standard input, running functions, and escaping of control characters.

use super::host::Host;
use super::program::{Client, Serve, finish, finish_reading, tarmem};
use crate::settings::Folder;
use tarmem::blocking::Wait;
use tarmem::{DynamicFunctionCall, Limits, Value, remote};

/// A purse.
#[remote(module = "purses")]
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Purse {
    cents: i64,
}

#[remote]
impl Purse {
    /// A purse with some money in it.
    pub fn with(cents: i64) -> Self {
        Purse { cents }
    }
}

/// Moves money between two purses.
#[remote(module = "purses")]
pub(crate) fn transfer(from: &mut Purse, to: &mut Purse, cents: i64) -> Result<i64, String> {
    if from.cents < cents {
        return Err(format!("there are only {} cents", from.cents));
    }
    from.cents -= cents;
    to.cents += cents;
    Ok(from.cents)
}

/// Puts two texts together.
#[remote(module = "purses")]
pub(crate) fn merge(a: String, b: String) -> String {
    a + &b
}

#[test]
fn a_function_is_run_and_its_result_printed() {
    let service = Host::start(Limits::default());
    assert_eq!(service.prints(r#"run purses.merge "a" "b""#), [r#""ab""#]);
    assert_eq!(service.prints("run purses.Purse.with 5"), [r#"{"cents":5}"#]);
    assert_eq!(service.prints("run builtins.list [1]"), ["[1]"]);
    assert_eq!(service.prints("keys"), [""; 0]);
    service.run_line(r#"run purses.merge "a""#).failed(1, &["purses.merge(a, b): takes 2 arguments, but 1 was given"]);
    service.run_line(r#"run purses.merge 1 "b""#).failed(1, &["its argument `a`: expected text, found int 1"]);
    service.run_line("run purses.marge").failed(1, &["did you mean merge"]);
    service.run_line("run merge").refused(&["'merge'", "builtins.list"]);
}

#[test]
fn a_function_over_objects_takes_them_by_their_keys() {
    let service = Host::start(Limits::default());
    service.prints("memoize alice purses.Purse.with 100");
    service.prints("memoize bob purses.Purse.with 5");
    let transfer =
        |cents: &str| service.run(&["run", "purses.transfer", r#"{"$key":"alice"}"#, r#"{"$key":"bob"}"#, cents]);
    assert_eq!(transfer("30").succeeded(), ["70"]);
    assert_eq!(
        (service.prints("get alice"), service.prints("get bob")),
        (vec![r#"{"cents":70}"#.into()], vec![r#"{"cents":35}"#.into()])
    );
    transfer("71").failed(1, &["purses.transfer failed: there are only 70 cents"]);
    service.run_line(r#"run purses.transfer {"$key":"alice"} {"$key":"carol"} 1"#).failed(1, &[r#""carol""#]);
    assert_eq!(service.prints("get alice"), [r#"{"cents":70}"#]);
}

#[test]
fn a_function_that_makes_no_object_cannot_be_memoized() {
    let service = Host::start(Limits::default());
    let refused = service.run_line(r#"memoize m purses.merge "a" "b""#);
    refused.failed(1, &["purses.merge returns String, not an object", "tarmem run purses.merge"]);
    assert_eq!(service.prints("is-memoized m"), ["false"]);
}

#[test]
fn an_argument_may_be_in_a_file() {
    let service = Serve::start(&[]);
    let folder = Folder::new();
    let list = folder.file("list.json", "[1,\n 2, {\"$key\": \"other\"}]\n");
    service.prints("memoize other builtins.list [9]");
    assert_eq!(service.prints(&format!("memoize k builtins.list @{list}")), ["[1,2,[9]]"]);
    let text = folder.file("text.json", r#""@home""#);
    assert_eq!(service.prints(&format!("call k append @{text}")), ["null"]);
    assert_eq!(service.prints(r#"call k append "@home""#), ["null"]);
    assert_eq!(service.prints("get k"), [r#"[1,2,[9],"@home","@home"]"#]);
    // A file may be larger than a command line.
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(service.prints(&format!("update k builtins.str @{}", folder.file("large.json", &large))), [large]);
}

#[test]
fn an_argument_may_be_on_standard_input() {
    let service = Serve::start(&[]);
    let run = |words: &[&str], input: &[u8]| finish_reading(tarmem(words).env("TARMEM_ADDR", &service.address), input);
    assert_eq!(run(&["memoize", "k", "builtins.list", "-"], b"[1,\n2]\n").succeeded(), ["[1,2]"]);
    assert_eq!(run(&["call", "k", "append", "@-"], b"{\"a\":1}").succeeded(), ["null"]);
    assert_eq!(run(&["get", "k"], b"").succeeded(), [r#"[1,2,{"a":1}]"#]);
}

#[test]
fn an_argument_may_be_given_by_name() {
    let service = Serve::start(&[]);
    assert_eq!(service.prints(r#"memoize n builtins.int "ff" base=16"#), ["255"]);
    assert_eq!(service.prints(r#"memoize k builtins.str object="a,b,c""#), [r#""a,b,c""#]);
    assert_eq!(service.prints(r#"call k split maxsplit=1 sep=",""#), [r#"["a","b,c"]"#]);
    assert_eq!(service.prints(r#"call k split sep=null"#), [r#"["a,b,c"]"#]);
    assert_eq!(service.prints(r#"call k replace "a" "x=y""#), [r#""x=y,b,c""#]);
    let folder = Folder::new();
    let file = folder.file("sep.json", r#""b""#);
    assert_eq!(service.prints(&format!("call k split sep=@{file}")), [r#"["a,",",c"]"#]);
    service.prints("memoize d builtins.dict");
    assert_eq!(service.prints(r#"call d pop "k" default=null"#), ["null"]);
    assert_eq!(service.prints(r#"run builtins.int "7" base=8"#), ["7"]);
    service.run_line("call k split max=1").failed(1, &["no parameter `max`"]);
    service.run_line("call k split sep=1 sep=2").failed(1, &["`sep` is given twice"]);
    service.run_line("call k split sep=, maxsplit=1").refused(&["in the argument sep: not JSON", r#"'","'"#]);
    service.run_line("call k split maxsplit=1 2").refused(&["after maxsplit=…", "needs a name"]);
    service.run_line("call k split sep=- maxsplit=-").refused(&["only one argument can be -"]);
}

#[test]
fn arguments_are_checked_before_connecting() {
    let folder = Folder::new();
    // Nothing listens there.
    let run = |words: &[&str], input: &[u8]| finish_reading(tarmem(words).env("TARMEM_ADDR", "127.0.0.1:1"), input);
    run(&["call", "k", "append", "@/nowhere/x.json"], b"").failed(1, &["/nowhere/x.json", "No such file"]);
    run(&["call", "k", "append", "@"], b"").refused(&["a file is needed after @", r#"'"@"'"#]);
    let bad = folder.file("bad.json", "[1,\n2");
    run(&["call", "k", "append", &format!("@{bad}")], b"").failed(1, &[&bad, "not JSON", "line 2"]);
    run(&["call", "k", "append", "-"], b"tea").failed(1, &["standard input: not JSON"]);
    run(&["call", "k", "append", "-"], b"").failed(1, &["standard input: not JSON"]);
    run(&["call", "k", "append", "-"], b"\"\xff\"").failed(1, &["standard input", "UTF-8"]);
    run(&["call", "k", "append", "-"], &vec![b' '; (64 << 20) + 1]).failed(1, &["over the limit of 67108864 bytes"]);
    run(&["call", "k", "insert", "-", "@-"], b"1").refused(&["only one argument can be -", "@FILE"]);
    run(&["memoize", "k", "builtins.list", r#"{"$key":5}"#], b"")
        .refused(&[r#"exactly {"$key": "<key>"}"#, r#"{"$map": [["$key", …], …]}"#]);
    run(&["memoize", "k", "builtins.list", r#"{"$key":"n2","x":1}"#], b"")
        .refused(&[r#"{"$map": [["$key", …], …]}; "#]);
    for twice in [r#"{"a":1,"a":2}"#, r#"[{"a":1,"b":{},"a":2}]"#, r#"{"$map":[["a",1],["a",2]]}"#] {
        run(&["memoize", "k", "builtins.list", twice], b"").refused(&[r#"the key text "a" is repeated"#]);
    }
}

#[test]
fn a_map_with_a_reserved_key_can_be_written() {
    let service = Serve::start(&[]);
    let map = r#"{"$map":[["$key",5],["x",1]]}"#;
    assert_eq!(service.prints(&format!("memoize d builtins.dict {map}")), [map]);
    let named = r#"{"$map":[["$key","d"]]}"#;
    assert_eq!(service.prints(&format!("update d builtins.dict {named}")), [named]);
}

/// Contains CSI, a right-to-left override, DEL, a line separator, ESC and NEL.
const HOSTILE: &str = "k\u{9b}31m\u{202e}gnp\u{7f}\u{2028}\u{1b}[2J\u{85}";

#[test]
fn control_characters_in_output_are_escaped() {
    let service = Host::start(Limits::default());
    let session = service.session();
    let list = DynamicFunctionCall::new("builtins", "list", [Value::List(vec![HOSTILE.into()])]);
    session.memoize(HOSTILE, list).wait().unwrap();
    let escaped = r#""k\u009b31m\u202egnp\u007f\u2028\u001b[2J\u0085""#;
    assert_eq!(service.prints("keys"), [escaped]);
    assert_eq!(service.run(&["get", HOSTILE]).succeeded(), [format!("[{escaped}]")]);
    let failures = [
        service.run(&["call", HOSTILE, HOSTILE]),
        service.run(&["get", &HOSTILE[1..]]),
        service.run(&["memoize", "x", &format!("builtins.{HOSTILE}")]),
        service.run(&["call", HOSTILE, "index", &format!("{:?}", "\u{9b}x").replace("\\u{9b}", "\u{9b}")]),
        service.run(&["call", HOSTILE, "append", HOSTILE]),
        service.run(&["get", "k", HOSTILE]),
        service.run(&[HOSTILE]),
        service.run(&["get", "k", "--timeout", HOSTILE]),
        service.run(&["get", "k", &format!("--{HOSTILE}")]),
        finish(tarmem(&["get", "k", "--addr", HOSTILE])),
        finish(tarmem(&["call", "k", "m", &format!("@/nowhere/{HOSTILE}")]).env("TARMEM_ADDR", "127.0.0.1:1")),
        finish(tarmem(&["serve", "--config", &format!("/nowhere/{HOSTILE}")])),
    ];
    for failure in failures {
        let text = failure.lines().concat();
        assert!(!text.contains(tarmem::escape::is_unsafe), "{text:?}");
        failure.told();
    }
}
