//! The commands, one by one.

use super::program::{Client, Serve, finish, tarmem, text};
use serde_json::json;

#[test]
fn a_list_is_made_changed_and_shown() {
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
fn memoize_refuses_an_object_of_another_class() {
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
fn a_constructor_can_be_named_explicitly() {
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
    // This constructor takes an object, not a value.
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
fn keys_are_listed_and_deleted() {
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
fn version_import_and_describe_show_what_a_service_has() {
    let service = Serve::start(&[]);
    let version = service.prints_json("version");
    assert_eq!(version, [json!({"service": env!("CARGO_PKG_VERSION"), "protocol": 3, "client": "0.1.0"})]);

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
    assert_eq!((&list["durable"], &described["durable"]), (&json!(true), &json!(true)));
}

#[test]
fn options_may_stand_anywhere_or_come_from_the_environment() {
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
fn help_lists_commands_and_options() {
    let help = finish(tarmem(&["--help"])).succeeded().join("\n");
    // A unit test compares the commands with those that clap knows.
    for word in ["clear-poison", "TARMEM_ADDR", "--timeout"] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
    assert!(finish(tarmem(&["memoize", "--help"])).succeeded().join("\n").contains("<KEY> <MODULE.NAME> [JSON]..."));
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
