//! Two builds of one crate of models, each the client of the other. Every difference works as it does with serde, or is
//! refused with an error that names it; no value is ever taken for another.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const OLD: &str = env!("CARGO_BIN_EXE_skew-old");
const NEW: &str = env!("CARGO_BIN_EXE_skew-new");

/// One of the builds as service or client; killed when dropped.
struct Build {
    child: Child,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Build {
    fn start(program: &str, role: &str, address: &str) -> Self {
        let mut child = Command::new(program)
            .args([role, address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("it is piped");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Build { child, stdin, lines }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.next().map(|line| line.expect("text"))
    }

    /// The outcomes of its calls by the names of the cases, up to a line that ends them, or the end.
    fn outcomes(&mut self) -> BTreeMap<String, String> {
        let mut outcomes = BTreeMap::new();
        while let Some(line) = self.line()
            && line != "and again"
        {
            let (case, outcome) = line.split_once(' ').expect("a case and its outcome");
            outcomes.insert(case.to_owned(), outcome.to_owned());
        }
        outcomes
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn outcomes(client: &str, service: &str) -> BTreeMap<String, String> {
    let mut service = Build::start(service, "serve", "127.0.0.1:0");
    let address = service.line().expect("its address");
    Build::start(client, "call", &address).outcomes()
}

/// Every case has its outcome, and there are no other outcomes.
fn compare(found: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    for (case, outcome) in expected {
        assert_eq!(found.get(*case).map(String::as_str), Some(*outcome), "{case}");
    }
    let expected: Vec<&str> = expected.iter().map(|(case, _)| *case).collect();
    let more: Vec<&String> = found.keys().filter(|case| !expected.contains(&case.as_str())).collect();
    assert!(more.is_empty(), "{more:?}");
}

/// The outcomes that do not depend on which build calls.
const BOTH_WAYS: &[(&str, &str)] = &[
    ("generator", "= true"),
    ("generator_args", r#"= "made""#),
    ("order", r#"= "ttl=60 weight=1""#),
    ("fields", r#"= "job 1..2""#),
    ("in_depth", "= (1, 2)"),
    ("result_fits", "= 5"),
    ("added_option", r#"= "7 None""#),
    (
        "renamed_param",
        "x SignatureChanged, not made: parameter `OURS` is at the client only; parameter `THEIRS` is at the service \
         only",
    ),
    ("narrower_fits", "= 7"),
    ("grown", "= 7"),
    ("same_on_the_wire", r#"= "red 7""#),
    ("variant", r#"= "High(7)""#),
    ("variant_with_fields", r#"= "Named { name: \"x\" }""#),
    ("own_error", "! TooSmall(7)"),
    ("own_error_with_fields", "! TooLarge { by: 107 }"),
    ("may_fail", "= 0"),
    ("now_changes", "= true"),
    ("untagged", r#"= "Text(\"x\")""#),
    ("map", "= 12"),
    ("interface", r#"= "low=1 high=2""#),
    ("function", r#"= "left=a right=b""#),
    ("over_objects", r#"= "paid 70 30""#),
    ("value", r#"= "first=1 second=2""#),
    ("pipeline", r#"= ["ttl=1 weight=2", "ttl=3 weight=4"]"#),
    ("detached", r#"= ["ttl=5 weight=6"]"#),
];

fn both_ways(ours: &str, theirs: &str) -> Vec<(&'static str, String)> {
    let here = |outcome: &str| outcome.replace("OURS", ours).replace("THEIRS", theirs);
    BOTH_WAYS.iter().map(|(case, outcome)| (*case, here(outcome))).collect()
}

fn check(client: &str, service: &str, both: &[(&str, String)], this_way: &[(&str, &str)]) {
    let mut expected: Vec<(&str, &str)> = both.iter().map(|(case, outcome)| (*case, outcome.as_str())).collect();
    expected.extend(this_way);
    compare(&outcomes(client, service), &expected);
}

#[test]
fn an_old_client_and_a_new_service_understand_one_another() {
    check(
        OLD,
        NEW,
        &both_ways("size", "length"),
        &[
            ("result_does_not_fit", "x SignatureChanged, made: the result is i64 at the client, u64 at the service"),
            ("added", "x SignatureChanged, not made: parameter `b` is at the service only"),
            ("narrower_does_not_fit", "x SignatureChanged, not made: `value` is i64 at the client, i32 at the service"),
            ("to_float", "= 7.0"),
            ("grown_hard", "x SignatureChanged, not made: field `b` of GrownHard is at the service only"),
            ("renamed_field", "= 7"),
            ("variant_added", r#"= "Low""#),
            ("fails", "x Raised"),
            ("no_result", "= ()"),
            ("another_result", "x SignatureChanged, not made: the result is i64 at the client, String at the service"),
            ("to_struct", "x SignatureChanged, not made: `pair` is (u8, u8) at the client, Pair at the service"),
            ("removed", "x NoSuchMethod"),
            ("may_be_absent", "= Some(5)"),
            ("value_grows", "x SignatureChanged, not made: field `second` of Grows is at the service only"),
        ],
    );
}

#[test]
fn a_new_client_and_an_old_service_understand_one_another() {
    check(
        NEW,
        OLD,
        &both_ways("length", "size"),
        &[
            ("result_does_not_fit", "x SignatureChanged, made: the result is u64 at the client, i64 at the service"),
            ("added_option_given", "x SignatureChanged, not made: parameter `b` is at the client only"),
            ("added", "x SignatureChanged, not made: parameter `b` is at the client only"),
            ("narrower_does_not_fit", "= 1073741824"),
            ("to_float", "x SignatureChanged, not made: `value` is f64 at the client, i64 at the service"),
            ("grown_hard", "= 7"),
            (
                "renamed_field",
                "x SignatureChanged, not made: field `length` of Renamed is at the client only; field `size` of \
                 Renamed is at the service only",
            ),
            (
                "variant_added",
                "x SignatureChanged, not made: variant `Medium` of Level is at the client only; the variants of Level \
                 are (Named, Low, High) at the client, (Low, High, Named) at the service",
            ),
            ("fails", "= 1"),
            ("no_result", "x SignatureChanged, not made: the result is u64 at the client, () at the service"),
            ("another_result", "x SignatureChanged, not made: the result is String at the client, i64 at the service"),
            ("to_struct", "x SignatureChanged, not made: `pair` is Pair at the client, (u8, u8) at the service"),
            ("may_be_absent", "x SignatureChanged, made: the result is i64 at the client, Option<i64> at the service"),
            ("value_grows", "= ()"),
        ],
    );
}

#[test]
fn the_same_build_calls_by_ids() {
    for build in [OLD, NEW] {
        let outcomes = outcomes(build, build);
        let changed: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.contains("SignatureChanged")).collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(outcomes["order"], r#"= "ttl=60 weight=1""#);
    }
}

/// A service is restarted from another build, on the same port, while its client stays.
#[test]
fn a_session_continues_when_its_service_is_rebuilt() {
    let mut service = Build::start(OLD, "serve", "127.0.0.1:0");
    let address = service.line().expect("its address");
    let mut client = Build::start(OLD, "call-twice", &address);
    let before = client.outcomes();
    drop(service);
    let mut service = Build::start(NEW, "serve", &address);
    assert_eq!(service.line().as_ref(), Some(&address));
    client.stdin.write_all(b"\n").expect("it listens");
    let after = client.outcomes();
    for case in ["order", "fields", "interface", "over_objects", "detached", "generator_args"] {
        assert_eq!(before[case], after[case], "{case}");
    }
    assert!(after["removed"].starts_with("x NoSuchMethod"), "{}", after["removed"]);
}
