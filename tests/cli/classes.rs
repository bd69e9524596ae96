//! Commands against a service in the test's process that has its own classes.

use super::host::Host;
use super::program::{Client, Watchdog, spawn, tarmem, text};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{BufRead, BufReader};
use tarmem::blocking::Wait;
use tarmem::{Limits, remote};

/// A counter.
#[remote(module = "counting")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Counter {
    count: i64,
}

#[remote]
impl Counter {
    /// Begins with a number.
    pub fn starting(count: i64) -> Self {
        Counter { count }
    }

    /// Never begins.
    pub fn failing() -> Result<Self, String> {
        Err("the first line\nthe second \u{1b}[31mline".to_owned())
    }

    /// Counts one more.
    pub fn next(&mut self) -> i64 {
        self.count += 1;
        self.count
    }

    /// Breaks half way.
    pub fn break_down(&mut self) {
        self.count = -1;
        panic!("it came to pieces");
    }

    /// Never gives anything.
    pub fn refuse(&self) -> Result<i64, String> {
        Err("no more numbers".to_owned())
    }

    /// Never comes back.
    pub async fn wait(&self) {
        std::future::pending().await
    }
}

/// A class without a value to show.
#[remote(module = "counting.inner", resident)]
pub(crate) struct Hidden {
    _secret: std::sync::Mutex<()>,
}

#[remote]
impl Hidden {
    /// Makes one.
    pub fn new() -> Self {
        Hidden { _secret: std::sync::Mutex::new(()) }
    }
}

#[test]
fn commands_work_with_user_defined_classes() {
    let service = Host::start(Limits::default());
    assert_eq!(service.prints("memoize c counting.Counter.starting 5"), [r#"{"count":5}"#]);
    assert_eq!(service.prints("call c next"), ["6"]);
    assert_eq!(service.prints("update c counting.Counter.starting 1"), [r#"{"count":1}"#]);
    service.run_line("call c refuse").failed(1, &["refuse failed: no more numbers"]);
    service.run_line("call c wait --timeout 0.1").failed(1, &["100ms", "longer timeout"]);
    service.run_line("memoize x counting.Counter").failed(
        1,
        &["without a constructor `new`; name one that it has: counting.Counter.failing, counting.Counter.starting"],
    );
    service
        .run_line(r#"memoize x counting.Counter.starting "x""#)
        .failed(1, &["starting(count): its argument `count`: expected i64, found text"]);
    let failed = service.run_line("memoize x counting.Counter.failing");
    failed.failed(1, &[r"counting.Counter.failing failed: the first line the second \u{1b}[31mline"]);
}

#[test]
fn an_object_without_a_value_is_described() {
    let service = Host::start(Limits::default());
    for (line, generation) in [("memoize h", 1), ("memoize h", 1), ("update h", 2)] {
        let [shown] = &service.prints_json(&format!("{line} counting.inner.Hidden"))[..] else { panic!("{line}") };
        assert_eq!((&shown["class"], &shown["generation"]), (&json!("counting.inner.Hidden"), &json!(generation)));
        assert!(shown["id"].is_string() && !text(&shown["no_value"]).is_empty(), "{shown}");
    }
    assert_eq!(service.prints_json("get h")[0]["generation"], 2);
}

#[test]
fn an_object_without_a_value_is_shown_as_a_reference_in_others() {
    let service = Host::start(Limits::default());
    let hidden = &service.prints_json("memoize h counting.inner.Hidden")[0];
    service.run(&["memoize", "xs", "builtins.list", r#"[1,{"$key":"h"},[2]]"#]).succeeded();
    let shown = service.prints_json("get xs");
    assert_eq!(shown, [json!([1, {"$ref": hidden["id"], "class": "counting.inner.Hidden"}, [2]])]);
}

#[test]
fn import_lists_the_contents_of_a_module() {
    let service = Host::start(Limits::default());
    let members = service.prints_json("import counting");
    let names: Vec<&str> = members.iter().filter_map(|member| member["name"].as_str()).collect();
    assert_eq!(names, ["Counter", "Counter.failing", "Counter.starting"]);
    assert_eq!(members[2]["kind"], "generator");
    assert_eq!(members[2]["docs"], "Begins with a number.");
    assert!(text(&members[2]["signature"]).starts_with("counting.Counter.starting(count: i64)"));
    assert_eq!(members[3], json!({"module": "counting.inner", "kind": "module"}));
    let relative = service.prints_json("import .inner --package counting");
    assert_eq!((&relative[0]["module"], &relative[0]["name"]), (&json!("counting.inner"), &json!("Hidden")));
}

fn memoize(service: &Host, keys: &[String]) {
    let session = service.session();
    for key in keys {
        session.memoize(key, Counter { count: 0 }).wait().unwrap();
    }
}

#[test]
fn keys_are_listed_beyond_the_first_page() {
    let mut limits = Limits::default();
    limits.page_keys = 3;
    let service = Host::start(limits);
    let keys: Vec<String> = (0..10).map(|n| format!("key-{n}")).collect();
    memoize(&service, &keys);
    let lines: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
    assert_eq!(service.prints("keys"), lines);
    assert_eq!(service.prints("keys key-1"), ["\"key-1\""]);
}

#[test]
fn poisoned_objects_are_shown_with_a_warning_and_can_be_cleared() {
    let service = Host::start(Limits::default());
    let run = |words: &[&str]| {
        let output = tarmem(words).env("TARMEM_ADDR", &service.address).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&["memoize", "k", "counting.Counter.starting", "5"]).0, Some(0));
    let broken = run(&["call", "k", "break_down"]);
    assert!(broken.0 == Some(1) && broken.2.contains("it came to pieces"), "{broken:?}");
    let refused = run(&["call", "k", "next"]);
    assert!(refused.0 == Some(1) && refused.2.contains("clear-poison"), "{refused:?}");
    let shown = run(&["get", "k"]);
    assert!(shown.0 == Some(0) && shown.1.contains("-1") && shown.2.contains("clear-poison"), "{shown:?}");
    assert!(shown.2.contains("changing this object"), "{shown:?}");
    // The warning also appears for an object that contains it.
    let outside = run(&["memoize", "xs", "builtins.list", r#"[{"$key":"k"}]"#]);
    assert_eq!((outside.0, outside.1), (Some(0), format!("[{}]\n", shown.1.trim_end())));
    let outside = outside.2;
    assert!(outside.contains("that this one refers to") && !outside.contains("this object"), "{outside}");
    assert_eq!(run(&["clear-poison", "k"]), (Some(0), "true\n".to_owned(), String::new()));
    assert_eq!(run(&["call", "k", "next"]), (Some(0), "0\n".to_owned(), String::new()));
    let missing = run(&["clear-poison", "none"]);
    assert!(missing.0 == Some(1) && missing.2.contains("none"), "{missing:?}");
}

#[test]
fn closing_the_output_ends_the_command_without_an_error() {
    let service = Host::start(Limits::default());
    // More than a pipe holds.
    let keys: Vec<String> = (0..3000).map(|n| format!("{n:0100}")).collect();
    memoize(&service, &keys);
    let mut child = spawn(tarmem(&["keys", "--addr", &service.address]));
    let _watchdog = Watchdog::over(&child);
    let mut first = String::new();
    let mut stdout = BufReader::with_capacity(16, child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert_eq!(first.trim_end(), format!("{:?}", keys[0]));
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
