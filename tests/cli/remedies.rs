//! What a user who took a wrong turn is told to do instead, in the words of the command line.

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
    /// One with so much in it.
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
fn poisoned_and_doubled_objects_are_named_by_their_keys() {
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
    let remedy = r#""s" is poisoned: a method panicked while changing it; look at it by `tarmem get "s"`"#;
    transfer("s", "s2").failed(1, &[remedy, r#"`tarmem clear-poison "s"`"#]);
    service.run_line("call s smash").failed(1, &[remedy]);
    assert_eq!(service.prints("clear-poison s"), ["true"]);
    assert_eq!(transfer("s", "s2").succeeded(), ["null"]);
    // A key alone names the object, too.
    let by_key = service.run(&["run", "tills.move_between", r#""s2""#, r#"{"$key":"s"}"#, "1"]);
    assert_eq!(by_key.succeeded(), ["null"]);
    assert_eq!(service.prints("get s"), [r#"{"cents":4}"#]);
}

#[test]
fn a_class_or_a_key_in_place_of_a_module_is_told_for_what_it_is() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    service.prints("memoize k builtins.list");
    service.run_line("run k.append 1").failed(1, &[r#""k" is a key, and no module"#, "tarmem call k append"]);
    service.run_line("run builtins.list.append 1").failed(1, &["builtins.list is a class", "tarmem call KEY append"]);
    service.run_line("import builtins.list").failed(1, &["builtins.list is a class, and no module; import builtins"]);
    service.run_line("run nowhere.append 1").failed(1, &["no module", "link!"]);
}

#[test]
fn an_object_without_a_value_is_told_when_a_function_made_it() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    for function in ["threading.Lock", "threading.Lock.new", "queue.Queue.new"] {
        let lines = service.prints_json(&format!("run {function}"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["function"], function);
        assert!(lines[0]["no_value"].as_str().is_some_and(|why| !why.is_empty()), "{lines:?}");
    }
}

#[test]
fn a_lock_that_is_given_up_at_once_is_told() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    service.prints("memoize lk threading.Lock");
    let acquired = service.run_line("call lk acquire").lines();
    assert_eq!(acquired.len(), 2, "{acquired:?}");
    assert_eq!(acquired[0], "true");
    assert!(acquired[1].starts_with("tarmem: what acquire has acquired is given up now"), "{acquired:?}");
    assert_eq!(service.prints("call lk locked"), ["false"]);
    // What acquires nothing has nothing to give up.
    service.prints("memoize none threading.Semaphore 0");
    assert_eq!(service.run_line("call none acquire false").lines(), ["false"]);
}

#[test]
fn a_client_that_asks_what_is_there_is_logged_once() {
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
