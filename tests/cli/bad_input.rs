//! Each failure is one line with a remedy, and has the right exit status.

use super::program::{Client, Serve, finish, tarmem};

#[test]
fn missing_names_are_errors_with_a_remedy() {
    let service = Serve::start(&[]);
    service.prints("memoize k builtins.list [1]");
    let cases = [
        ("get x", &[r#"no object is stored under "x"; memoize or update it first"#][..]),
        ("delete x", &[r#""x""#]),
        ("describe x", &[r#""x""#]),
        ("call x append 1", &[r#""x""#]),
        ("call k apend 1", &["builtins.list", "apend", "did you mean append"]),
        ("memoize x builtins.lst", &["lst", "did you mean list"]),
        ("memoize x builtin.list", &["builtin", "did you mean builtins"]),
        ("update x builtins.list.nw", &["list.nw", "did you mean list.new"]),
        ("memoize x bultins.List.new", &[r#""bultins""#, "did you mean builtins"]),
        ("memoize x nothing.like.it", &[r#"no module "nothing""#]),
        ("memoize x builtin.list.new", &[r#""builtin""#, "did you mean builtins"]),
        ("import builtin", &["builtin", "did you mean builtins"]),
        ("import ...util --package shop", &["goes above the top"]),
        ("import .util --package shop", &["no module \"shop.util\""]),
    ];
    for (line, parts) in cases {
        service.run_line(line).failed(1, parts);
    }
    assert_eq!(service.prints("keys"), [r#""k""#]);
    assert_eq!(service.prints("get k"), ["[1]"]);
}

#[test]
fn errors_about_arguments_show_the_signature() {
    let service = Serve::start(&[]);
    service.prints("memoize k builtins.list [1]");
    service.run_line("call k append").failed(1, &["append(", "argument"]);
    service.run_line("call k append 1 2").failed(1, &["append(", "argument"]);
    service.run_line(r#"call k insert "x" 2"#).failed(1, &["insert failed", "integer"]);
    service.run_line("call k pop 17").failed(1, &["pop"]);
    service.run_line("memoize x builtins.list [1] [2]").failed(1, &["builtins.list"]);
    assert_eq!(service.prints("get k"), ["[1]"]);
}

#[test]
fn keys_have_limits() {
    let service = Serve::start(&[]);
    service.run(&["memoize", "", "builtins.list"]).failed(1, &["key"]);
    service.run(&["get", &"k".repeat(1025)]).failed(1, &["1024"]);
    assert_eq!(service.prints("keys"), [""; 0]);
}

#[test]
fn errors_in_the_command_line_have_status_2() {
    // The command line is checked before connecting, so no service is needed.
    let cases = [
        ("call k append tea", &["'tea'", "not JSON", r#"write '"tea"'"#][..]),
        ("call k append 1 [1,", &["'[1,'", "single quotes"]),
        ("memoize k builtins.list [1] {", &["'{'", "single quotes"]),
        ("memoize k list", &["'list'", "builtins.list"]),
        ("memoize k .list", &["'.list'"]),
        ("memoize k", &["MODULE.NAME"]),
        ("get", &["<KEY>"]),
        ("fetch k", &["fetch"]),
        ("get k --timeout never", &["--timeout", "seconds"]),
        ("get k --timeout -1", &["--timeout", "seconds"]),
        ("get k --addr nowhere", &["nowhere", "localhost:18813", "--addr;"]),
        ("serve --port 70000", &["70000", "a number from 0 to 65535"]),
        ("get k --retries x", &["--retries", "a whole number is needed"]),
        ("serve --prot 70000", &["--prot", "a similar argument exists: '--port'"]),
        ("import .util", &["cannot import \".util\"", "--package"]),
        ("import ..util --package=", &["cannot import \"..util\"", "--package"]),
        ("get k k2", &["'k2'", "Usage: tarmem get [OPTIONS] <KEY>; try 'tarmem get --help'"]),
        ("serve --workers 0", &["--workers"]),
        ("serve --addr localhost:1", &["--addr", "--host", "--port"]),
        ("--retries 1 serve", &["--retries"]),
    ];
    for (line, parts) in cases {
        let mut words: Vec<&str> = line.split(' ').collect();
        if !line.contains("--addr") && !line.contains("serve") {
            words.splice(0..0, ["--addr", "127.0.0.1:1"]);
        }
        finish(tarmem(&words)).refused(parts);
    }
    finish(tarmem(&["get", "k"])).refused(&["--addr", "TARMEM_ADDR"]);
    finish(tarmem(&["get", "k"]).env("TARMEM_ADDR", "")).refused(&["--addr", "TARMEM_ADDR"]);
    let usage = "provided: <KEY>; Usage: tarmem get [OPTIONS] <KEY>; try";
    finish(tarmem(&["get"]).env("TARMEM_ADDR", "127.0.0.1:1")).refused(&[usage]);
    finish(tarmem(&["get", "k"]).env("TARMEM_ADDR", "nowhere")).refused(&["nowhere", "TARMEM_ADDR"]);
    finish(&mut tarmem(&[])).refused(&["requires a subcommand", "memoize", "Usage: tarmem"]);
    finish(tarmem(&["get", "k", "two\nlines"])).refused(&["two", "lines"]);
    // A long argument is shortened, so that the error after it can be found.
    let long = finish(tarmem(&["call", "k", "append", &"[".repeat(10_000)]));
    assert!(long.lines().concat().len() < 400, "{long:?}");
    long.refused(&["[[[…'", "nested deeper than 64 levels"]);
}

#[test]
fn failing_to_reach_a_service_is_one_line() {
    // The port was bound and released, so nothing listens there now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let parts = [free.as_str(), "tarmem serve"];
    finish(tarmem(&["get", "k", "--retries", "0", "--addr", &free])).failed(1, &parts);
    finish(tarmem(&["get", "k", "--retries", "1", "--addr", &free])).failed(1, &parts);
    finish(tarmem(&["get", "k", "--retries", "0", "--addr", "unix:/nonexistent/tarmem"])).failed(1, &["unix:"]);
    // This one listens, but never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    finish(tarmem(&["get", "k", "--timeout", "0.2", "--addr", &address])).failed(1, &[&address, "200ms"]);
}
