//! Errors name the command or option that helps.

use super::host::Host;
use super::program::{Client, Serve, finish, tarmem};
use tarmem::{Limits, remote};

/// A till that can break.
#[remote(module = "tills")]
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Till {
    cents: i64,
}

#[remote]
impl Till {
    /// A till with some money in it.
    pub fn with(cents: i64) -> Self {
        Till { cents }
    }

    /// Breaks it.
    pub fn smash(&mut self) {
        panic!("it is broken");
    }
}

/// Moves money between two tills.
#[remote(module = "tills")]
pub(crate) fn move_between(from: &mut Till, to: &mut Till, cents: i64) {
    from.cents -= cents;
    to.cents += cents;
}

#[test]
fn errors_name_poisoned_and_repeated_objects_by_their_keys() {
    let service = Host::start(Limits::default());
    for key in ["s", "s2"] {
        service.prints(&format!("memoize {key} tills.Till.with 5"));
    }
    let transfer = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|key| format!(r#"{{"$key":"{key}"}}"#));
        service.run(&["run", "tills.move_between", &from, &to, "2"])
    };
    transfer("s", "s").failed(1, &[r#"are the same object ("s")"#]);
    service.run_line("call s smash").failed(1, &["panicked: it is broken"]);
    let remedy = r#""s" is poisoned: a method panicked while changing it; look at it with `tarmem get "s"`"#;
    transfer("s", "s2").failed(1, &[remedy, r#"`tarmem clear-poison "s"`"#]);
    service.run_line("call s smash").failed(1, &[remedy]);
    assert_eq!(service.prints("clear-poison s"), ["true"]);
    assert_eq!(transfer("s", "s2").succeeded(), ["null"]);
    // An object can also be named by its key alone.
    let by_key = service.run(&["run", "tills.move_between", r#""s2""#, r#"{"$key":"s"}"#, "1"]);
    assert_eq!(by_key.succeeded(), ["null"]);
    assert_eq!(service.prints("get s"), [r#"{"cents":4}"#]);
}

#[test]
fn errors_say_that_a_name_is_a_class_or_a_key_and_not_a_module() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    service.prints("memoize k builtins.list");
    service.run_line("run k.append 1").failed(1, &[r#""k" is a key, not a module"#, "tarmem call k append"]);
    service.run_line("run builtins.list.append 1").failed(1, &["builtins.list is a class", "tarmem call KEY append"]);
    service.run_line("import builtins.list").failed(1, &["builtins.list is a class, not a module; import builtins"]);
    service.run_line("run nowhere.append 1").failed(1, &["no module", "link!"]);
}

#[test]
fn run_says_why_an_object_has_no_value() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    for function in ["threading.Lock", "threading.Lock.new", "queue.Queue.new"] {
        let lines = service.prints_json(&format!("run {function}"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["function"], function);
        assert!(lines[0]["no_value"].as_str().is_some_and(|why| !why.is_empty()), "{lines:?}");
    }
}

#[test]
fn call_warns_that_a_lock_is_released_at_once() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    service.prints("memoize lk threading.Lock");
    let acquired = service.run_line("call lk acquire").lines();
    assert_eq!(acquired.len(), 2, "{acquired:?}");
    assert_eq!(acquired[0], "true");
    assert!(acquired[1].starts_with("tarmem: what acquire acquired is released now"), "{acquired:?}");
    assert_eq!(service.prints("call lk locked"), ["false"]);
    // There is no warning if nothing was acquired.
    service.prints("memoize none threading.Semaphore 0");
    assert_eq!(service.run_line("call none acquire false").lines(), ["false"]);
}

#[test]
fn a_client_that_probes_the_protocol_is_logged_once() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    let address = format!("tarmems://{}", service.address());
    finish(tarmem(&["--addr", &address, "--system-roots", "--retries", "0", "keys"])).told();
    let stopped = service.stop("TERM");
    assert!(stopped.stderr.contains("it speaks TLS"), "{}", stopped.stderr);
    assert!(
        !stopped.stderr.contains("HTTP") && !stopped.stderr.contains("asks what it has reached"),
        "{}",
        stopped.stderr
    );
}
