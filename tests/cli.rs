//! The `tarmem` program, as a user meets it: real processes, their output and their exit status.
//!
//! Most tests run `tarmem serve`. Where classes are needed that the program does not have, the service is in the test's own
//! process, and only its client is the program.
#![allow(clippy::unwrap_used)]

#[path = "cli/addresses.rs"]
mod addresses;
#[path = "support/authority.rs"]
mod authority;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/invisible.rs"]
mod invisible;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/remedies.rs"]
mod remedies;
#[path = "cli/session.rs"]
mod session;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/values.rs"]
mod values;

use program::{Client, Serve, Watchdog, finish, spawn, tarmem, text};
use serde_json::json;
use std::io::{BufRead, BufReader};
use tarmem::blocking::{self, Wait};
use tarmem::{Limits, RunningService, Service, Session, remote};

mod commands {
    use super::*;

    #[test]
    fn a_list_lives_on_the_service() {
        let service = Serve::start(&[]);
        assert_eq!(service.prints("memoize k builtins.list [1,2]"), ["[1,2]"]);
        assert_eq!(service.prints("memoize k builtins.list [9]"), ["[1,2]"]);
        assert_eq!(service.prints("call k append 3"), ["null"]);
        assert_eq!(service.prints("get k"), ["[1,2,3]"]);
        assert_eq!(service.prints("call k append -4.5"), ["null"]);
        assert_eq!(service.prints("call k pop"), ["-4.5"]);
        assert_eq!(service.prints("update k builtins.list [[true,null]]"), ["[[true,null]]"]);
        assert_eq!(service.prints("get k"), ["[[true,null]]"]);
    }

    #[test]
    fn a_dict_keeps_the_order_of_its_keys() {
        let service = Serve::start(&[]);
        assert_eq!(service.prints(r#"memoize d builtins.dict {"z":1,"a":2}"#), [r#"{"z":1,"a":2}"#]);
        assert_eq!(service.prints(r#"call d get "z""#), ["1"]);
        assert_eq!(service.prints("call d __setitem__ 7 [8]"), ["null"]);
        assert_eq!(service.prints("get d"), [r#"{"$map":[["z",1],["a",2],[7,[8]]]}"#]);
    }

    #[test]
    fn memoize_refuses_what_is_of_another_class() {
        let service = Serve::start(&[]);
        service.prints(r#"memoize d builtins.dict {"a":1}"#);
        for function in ["builtins.list", "builtins.list.new"] {
            let wrong = service.run_line(&format!("memoize d {function} [1]"));
            wrong.failed(1, &[r#""d" is a builtins.dict, not a builtins.list"#]);
        }
        service.run_line("memoize d builtins.lst").failed(1, &["did you mean list"]);
        assert_eq!(service.prints("memoize d builtins.dict"), [r#"{"a":1}"#]);
    }

    #[test]
    fn a_constructor_can_be_written_out() {
        let service = Serve::start(&[]);
        assert_eq!(service.prints("memoize k builtins.list.new [1]"), ["[1]"]);
    }

    #[test]
    fn an_argument_may_be_the_object_under_a_key() {
        let service = Serve::start(&[]);
        let run = |words: &[&str]| service.run(words);
        for line in ["memoize xs builtins.list", "memoize lock threading.Lock"] {
            service.run_line(line).succeeded();
        }
        let made = run(&["memoize", "d", "builtins.dict", r#"{"xs": {"$key": "xs"}}"#]).succeeded();
        assert_eq!(made, [r#"{"xs":[]}"#]);
        assert_eq!(run(&["call", "d", "__setitem__", r#""all""#, r#"[{"$key": "xs"}, 7]"#]).succeeded(), ["null"]);
        assert_eq!(service.prints("call xs append 3"), ["null"]);
        assert_eq!(service.prints("get d"), [r#"{"xs":[3],"all":[[3],7]}"#]);
        // A constructor that takes an object, not a value.
        run(&["memoize", "ready", "threading.Condition.on", r#"{"$key": "lock"}"#]).succeeded();
        assert_eq!(service.prints("call lock locked"), ["false"]);
        run(&["call", "d", "__setitem__", "1", r#"{"$key": "nothing"}"#]).failed(1, &[r#""nothing""#]);
        run(&["memoize", "e", "builtins.list", r#"[{"$key": "nothing"}]"#]).failed(1, &[r#""nothing""#]);
        assert_eq!(service.prints("call d __len__"), ["2"]);
        assert_eq!(service.prints("is-memoized e"), ["false"]);
    }

    #[test]
    fn integers_keep_their_digits() {
        let service = Serve::start(&[]);
        let wide = "170141183460469231731687303715884105727";
        assert_eq!(service.prints(&format!("memoize n builtins.int {wide}")), [format!(r#"{{"$int":"{wide}"}}"#)]);
        assert_eq!(service.prints("call n __sub__ 170141183460469231731687303715884105726"), ["1"]);
    }

    #[test]
    fn keys_come_and_go() {
        let service = Serve::start(&[]);
        assert_eq!(service.prints("keys"), [""; 0]);
        assert_eq!(service.prints("is-memoized b1"), ["false"]);
        for key in ["b1", "a", "b2"] {
            service.prints(&format!("memoize {key} builtins.list"));
        }
        assert_eq!(service.prints("is-memoized b1"), ["true"]);
        assert_eq!(service.prints("keys"), [r#""a""#, r#""b1""#, r#""b2""#]);
        assert_eq!(service.prints("keys b"), [r#""b1""#, r#""b2""#]);
        assert_eq!(service.prints("delete b1"), ["true"]);
        assert_eq!(service.prints("is-memoized b1"), ["false"]);
        assert_eq!(service.prints("keys"), [r#""a""#, r#""b2""#]);
    }

    #[test]
    fn a_service_tells_of_itself() {
        let service = Serve::start(&[]);
        let version = service.prints_json("version");
        assert_eq!(version, [json!({"service": env!("CARGO_PKG_VERSION"), "protocol": 2, "client": "0.1.0"})]);

        let members = service.prints_json("import builtins");
        let list = members.iter().find(|member| member["name"] == "list").expect("builtins.list");
        assert_eq!((&list["module"], &list["kind"]), (&json!("builtins"), &json!("class")));
        assert!(!text(&list["docs"]).is_empty());
        let append = list["methods"].as_array().unwrap().iter().find(|method| method["name"] == "append").unwrap();
        assert!(text(&append["signature"]).starts_with("append("), "{append}");
        assert!(!text(&append["docs"]).is_empty());

        service.prints("memoize k builtins.list");
        let [described] = &service.prints_json("describe k")[..] else { panic!("describe prints one line") };
        assert_eq!((&described["class"], &described["generation"]), (&json!("builtins.list"), &json!(1)));
        assert!(described["methods"].as_array().unwrap().contains(append));
    }

    #[test]
    fn options_stand_anywhere_and_the_environment_will_do() {
        let service = Serve::start(&[]);
        let address = service.address.as_str();
        let before = finish(tarmem(&["--addr", address, "--timeout", "5", "is-memoized", "k"]));
        let after = finish(tarmem(&["is-memoized", "k", "--addr", address, "--retries=0", "--ignore-version"]));
        let environment = finish(tarmem(&["is-memoized", "k"]).env("TARMEM_ADDR", address));
        let overruled = finish(tarmem(&["is-memoized", "k", "--addr", address]).env("TARMEM_ADDR", "127.0.0.1:1"));
        for finished in [before, after, environment, overruled] {
            assert_eq!(finished.succeeded(), ["false"]);
        }
    }

    #[test]
    fn a_key_may_look_like_an_option() {
        let service = Serve::start(&[]);
        assert_eq!(service.run(&["is-memoized", "--", "--help"]).succeeded(), ["false"]);
        assert_eq!(service.run(&["memoize", "two words", "builtins.list", "[1, 2]"]).succeeded(), ["[1,2]"]);
        assert_eq!(service.prints("keys"), [r#""two words""#]);
    }

    #[test]
    fn help_says_what_there_is() {
        let help = finish(tarmem(&["--help"])).succeeded().join("\n");
        let commands =
            "serve memoize get update delete call run is-memoized keys describe import version TARMEM_ADDR --timeout";
        for word in commands.split(' ') {
            assert!(help.contains(word), "{word} is not in {help}");
        }
        assert!(
            finish(tarmem(&["memoize", "--help"])).succeeded().join("\n").contains("<KEY> <MODULE.NAME> [JSON]...")
        );
        let help = finish(tarmem(&["help", "serve"])).succeeded().join("\n");
        assert!(help.contains("listening on HOST:PORT"));
        for option in ["--addr", "--token-file", "--ca", "--system-roots", "--cert", "--timeout", "--retries"] {
            assert!(!help.contains(&format!("{option} ")), "{option} is of no use to serve: {help}");
            let given = if option == "--system-roots" { option.to_owned() } else { format!("{option}=1") };
            finish(tarmem(&["serve", &given])).refused(&[option]);
        }
        let help = finish(tarmem(&["call", "--help"])).succeeded().join("\n");
        for part in ["@FILE", "standard input", r#"{"$map":[["$key",5]"#, r#"'"@home"'"#, "64 MiB"] {
            assert!(help.contains(part), "{part} is not in {help}");
        }
        assert_eq!(finish(tarmem(&["--version"])).succeeded(), [concat!("tarmem ", env!("CARGO_PKG_VERSION"))]);
    }
}

mod bad_input {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_a_remedy() {
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
            ("import ...util --package shop", &["climbs past the top"]),
            ("import .util --package shop", &["no module \"shop.util\""]),
        ];
        for (line, parts) in cases {
            service.run_line(line).failed(1, parts);
        }
        assert_eq!(service.prints("keys"), [r#""k""#]);
        assert_eq!(service.prints("get k"), ["[1]"]);
    }

    #[test]
    fn arguments_that_do_not_fit_come_with_the_signature() {
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
    fn a_command_line_that_is_wrong_is_status_2() {
        // Nobody is asked, so that there need be no service.
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
        // What is wrong with it can be found behind it.
        let long = finish(tarmem(&["call", "k", "append", &"[".repeat(10_000)]));
        assert!(long.lines().concat().len() < 400, "{long:?}");
        long.refused(&["[[[…'", "nested deeper than 64 levels"]);
    }

    #[test]
    fn a_service_that_is_not_there_is_one_clear_line() {
        // Bound and let go: nobody listens there now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let parts = [free.as_str(), "tarmem serve"];
        finish(tarmem(&["get", "k", "--retries", "0", "--addr", &free])).failed(1, &parts);
        finish(tarmem(&["get", "k", "--retries", "1", "--addr", &free])).failed(1, &parts);
        finish(tarmem(&["get", "k", "--retries", "0", "--addr", "unix:/nonexistent/tarmem"])).failed(1, &["unix:"]);
        // It listens, and says nothing.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        finish(tarmem(&["get", "k", "--timeout", "0.2", "--addr", &address])).failed(1, &[&address, "200ms"]);
    }
}

mod serve {
    use super::*;

    #[test]
    fn signals_end_it_in_order() {
        for signal in ["TERM", "INT"] {
            let service = Serve::start(&[]);
            service.prints("is-memoized k");
            let stopped = service.stop(signal);
            assert_eq!(
                (stopped.status.code(), stopped.stdout.as_str()),
                (Some(0), ""),
                "after SIG{signal}: {stopped:?}"
            );
            assert!(stopped.stderr.contains("shutting down"), "{stopped:?}");
            assert!(!stopped.stderr.contains('\u{1b}'), "colours, and no terminal: {stopped:?}");
        }
    }

    #[test]
    fn logs_are_as_asked_for() {
        let logs = |variables: &[(&str, &str)]| {
            let mut command = tarmem(&["serve", "--host", "127.0.0.1"]);
            let service = Serve::of(command.envs(variables.iter().copied()));
            service.prints("is-memoized k");
            service.stop("TERM").stderr
        };
        assert!(!logs(&[]).contains("tarpc"), "tarpc's requests are nobody's business");
        assert_eq!(logs(&[("TARMEM_LOG", "error")]), "");
        assert_eq!(logs(&[("RUST_LOG", "error")]), "");
        assert!(logs(&[("RUST_LOG", "error"), ("TARMEM_LOG", "info")]).contains("shutting down"));
        let wrong = finish(tarmem(&["serve"]).env("TARMEM_LOG", "tarmem=loudly"));
        wrong.failed(1, &["TARMEM_LOG", "loudly", "info"]);
    }

    #[test]
    fn it_listens_where_it_is_told() {
        assert!(Serve::start(&["--host", "127.0.0.1"]).address.starts_with("127.0.0.1:"));
        assert!(Serve::of(&mut tarmem(&["serve"])).address.starts_with("0.0.0.0:"));

        let folder = std::env::temp_dir().join(format!("tarmem-cli-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("socket");
        let service = Serve::start(&["--unix", path.to_str().unwrap(), "--workers", "1", "--unprotected"]);
        let unix = format!("unix:{}", path.display());
        assert_eq!(finish(tarmem(&["is-memoized", "k", "--addr", &unix])).succeeded(), ["false"]);
        assert_eq!(service.stop("TERM").status.code(), Some(0));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn it_says_each_address_that_it_listens_on() {
        let folder = crate::settings::Folder::new();
        let socket = folder.path("socket");
        let listen = format!("listen = [\"127.0.0.1:0\", \"unix:{socket}\", \"127.0.0.1:0\"]\n");
        let service = Serve::start(&["--config", &folder.file("tarmem.toml", &listen)]);
        assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
        let first = service.address.clone();
        let stopped = service.stop("TERM");
        let [unix, tcp] = &stopped.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stopped:?}") };
        assert_eq!(*unix, format!("listening on unix:{socket}"));
        assert!(tcp.starts_with("listening on 127.0.0.1:") && !tcp.ends_with(&first), "{tcp}");
        // It alone: no port is open that nobody asked for.
        let service = Serve::start(&["--unix", &socket]);
        assert_eq!(service.address, format!("unix:{socket}"));
        assert_eq!(service.prints("is-memoized k"), ["false"]);
        assert_eq!(service.stop("TERM").stdout, "");
    }

    #[test]
    fn what_is_in_the_place_of_a_unix_socket_is_named() {
        let folder = crate::settings::Folder::new();
        let (file, none) = (folder.file("file", "precious"), folder.path("none/socket"));
        let serve = |path: &str| finish(tarmem(&["serve", "--unix", path]));
        serve(&file).failed(1, &[&format!("unix:{file}: a file is there, and no socket"), "another path"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        serve(&folder.path("")).failed(1, &["a folder is there"]);
        serve(&none).failed(1, &["there is no folder", "make it"]);
        serve(&format!("{file}/socket")).failed(1, &["is no folder"]);
        serve(&folder.path(&"x".repeat(120))).failed(1, &["over the limit of 107"]);
        let socket = folder.path("socket");
        let _service = Serve::start(&["--unix", &socket]);
        serve(&socket).failed(1, &["another process listens there"]);
    }

    #[test]
    fn logs_name_peers_by_their_addresses() {
        let mut command = tarmem(&["serve", "--host", "127.0.0.1"]);
        let service = Serve::of(command.env("TARMEM_LOG", "debug"));
        service.prints("is-memoized k");
        service.says("127.0.0.1 opened session");
        let logs = service.stop("TERM").stderr;
        assert!(!logs.contains("Ip("), "{logs}");
    }

    #[test]
    fn it_offers_what_it_is_told() {
        let service = Serve::start(&["--modules", "builtins"]);
        assert_eq!(service.prints("memoize k builtins.list [1]"), ["[1]"]);
        finish(tarmem(&["serve", "--modules", "builtins,nope"])).failed(1, &["nope"]);
    }

    #[test]
    fn a_port_in_use_is_one_clear_line() {
        let service = Serve::start(&["--host", "127.0.0.1"]);
        let port = service.address.rsplit(':').next().unwrap();
        let second = finish(tarmem(&["serve", "--host", "127.0.0.1", "--port", port]));
        second.failed(1, &[&service.address, "in use", "port 0"]);
        assert_eq!(service.prints("is-memoized k"), ["false"]);
    }

    #[test]
    fn a_host_that_is_none_is_one_clear_line() {
        finish(tarmem(&["serve", "--host", "no-such-host.invalid"])).failed(1, &["no-such-host.invalid"]);
    }
}

/// A service in the test's own process, with classes of its own.
mod classes {
    use super::*;
    use serde::{Deserialize, Serialize};

    /// Counts.
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

    /// Has a value that nobody can see.
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
    fn a_class_of_ones_own() {
        let service = Host::start(Limits::default());
        assert_eq!(service.prints("memoize c counting.Counter.starting 5"), [r#"{"count":5}"#]);
        assert_eq!(service.prints("call c next"), ["6"]);
        assert_eq!(service.prints("update c counting.Counter.starting 1"), [r#"{"count":1}"#]);
        service.run_line("call c refuse").failed(1, &["refuse failed: no more numbers"]);
        service.run_line("call c wait --timeout 0.1").failed(1, &["100ms", "longer timeout"]);
        service.run_line("memoize x counting.Counter").failed(1, &["did you mean Counter.failing or Counter.starting"]);
        service.run_line(r#"memoize x counting.Counter.starting "x""#).failed(1, &["starting(count: i64)"]);
        let failed = service.run_line("memoize x counting.Counter.failing");
        failed.failed(1, &[r"counting.Counter.failing failed: the first line the second \u{1b}[31mline"]);
    }

    #[test]
    fn a_value_that_cannot_be_shown_is_described() {
        let service = Host::start(Limits::default());
        for (line, generation) in [("memoize h", 1), ("memoize h", 1), ("update h", 2)] {
            let [shown] = &service.prints_json(&format!("{line} counting.inner.Hidden"))[..] else { panic!("{line}") };
            assert_eq!((&shown["class"], &shown["generation"]), (&json!("counting.inner.Hidden"), &json!(generation)));
            assert!(shown["id"].is_string() && !text(&shown["no_value"]).is_empty(), "{shown}");
        }
        assert_eq!(service.prints_json("get h")[0]["generation"], 2);
    }

    #[test]
    fn modules_show_what_is_in_them() {
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
    fn keys_come_page_by_page() {
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
    fn what_is_poisoned_is_shown_with_a_warning_and_can_be_cleared() {
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
        // Inside of another, too.
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
    fn a_reader_may_go_away() {
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
}

/// A service in this process.
pub(crate) struct Host {
    service: Option<RunningService>,
    address: String,
}

impl Host {
    pub(crate) fn start(limits: Limits) -> Self {
        let service = blocking::start(Service::new("127.0.0.1", 0).limits(limits)).unwrap();
        let address = service.local_addr().unwrap().to_string();
        Host { service: Some(service), address }
    }

    pub(crate) fn session(&self) -> Session {
        self.service.as_ref().unwrap().session()
    }
}

impl Client for Host {
    fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            blocking::shutdown(service);
        }
    }
}
