//! References to live numbers, strings, bytes and chains are used like their values: each row has the result or the
//! message of CPython 3.11.

mod support;

#[path = "references/chains.rs"]
mod chains;
#[path = "references/constructors.rs"]
mod constructors;
#[path = "references/indices.rs"]
mod indices;
#[path = "references/numbers.rs"]
mod numbers;
#[path = "references/templates.rs"]
mod templates;
#[path = "references/texts.rs"]
mod texts;

use std::collections::HashMap;
use support::Fixture;
use tarmem::args::Args;
use tarmem::modules::python::repr;
use tarmem::{DynamicProxy, Error, Proxy, Session, Value, args};

/// The object, module or template; its method or function; the arguments, with `$name` for a live object and arguments
/// by name after a semicolon; and how CPython writes the result, or what it raises.
type Row = (&'static str, &'static str, &'static str, &'static str);

each_way![
    numbers_are_operands,
    texts_and_bytes_are_operands,
    numbers_are_indices_and_counts,
    objects_are_made_from_references,
    chains_are_mappings,
    fields_of_templates_reach_into_live_objects,
    references_change_a_list,
    references_change_bytes,
    cycles_are_written_by_str_as_by_repr,
    a_chain_takes_in_what_it_holds_itself,
    chains_that_are_nested_too_deep_are_a_recursion_error,
    whether_to_wait_is_not_looked_for_in_an_object,
    no_key_is_a_key_and_another_one_is_refused,
];

async fn numbers_are_operands(fixture: Fixture) {
    check(&fixture, numbers::NUMBERS).await;
}

async fn texts_and_bytes_are_operands(fixture: Fixture) {
    check(&fixture, texts::TEXTS).await;
}

async fn numbers_are_indices_and_counts(fixture: Fixture) {
    check(&fixture, indices::INDICES).await;
}

async fn objects_are_made_from_references(fixture: Fixture) {
    check(&fixture, constructors::CONSTRUCTORS).await;
}

async fn chains_are_mappings(fixture: Fixture) {
    check(&fixture, chains::CHAINS).await;
}

async fn fields_of_templates_reach_into_live_objects(fixture: Fixture) {
    check(&fixture, templates::TEMPLATES).await;
}

async fn references_change_a_list(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let xs = live.fresh("list", args![[1, 2, 3]]).await;
    for (method, args, expected) in [
        ("insert", "$yes, 9", "[1, 9, 2, 3]"),
        ("__setitem__", "$z, 7", "[7, 9, 2, 3]"),
        ("__delitem__", "$two", "[7, 9, 3]"),
        ("__imul__", "$two", "[7, 9, 3, 7, 9, 3]"),
        ("__delitem__", r#"{"slice": [$two, $n]}"#, "[7, 9, 3]"),
        ("sort", "$yes", "[9, 7, 3]"),
        ("sort", "reverse=$z, key=null", "[3, 7, 9]"),
    ] {
        let args = if args.starts_with("reverse") { format!("; {args}") } else { args.to_owned() };
        xs.call(method, live.args(&args)).await.unwrap_or_else(|error| panic!("{method}({args}): {error}"));
        assert_eq!(repr(&xs.snapshot().await.expect("answers")), expected, "{method}({args})");
    }
    let deque = live.made("collections", "deque", live.args("[1, 2, 3], $two")).await;
    for (method, args, expected) in [
        ("rotate", "$yes", "[3, 2]"),
        ("__setitem__", "$z, 5", "[5, 2]"),
        ("__delitem__", "$z", "[2]"),
        ("insert", "$m, 4", "[2, 4]"),
    ] {
        deque.call(method, live.args(args)).await.unwrap_or_else(|error| panic!("{method}({args}): {error}"));
        assert_eq!(repr(&deque.snapshot().await.expect("answers")), expected, "{method}({args})");
    }
    let counter = live.made("collections", "Counter", live.args(r#"{"a": $n}"#)).await;
    counter.call("update", live.args(r#"{"a": $m}"#)).await.expect("numbers");
    assert_eq!(counter.call("__getitem__", args!["a"]).await, Ok(12.into()));
    let array = live.made("multiprocessing", "Array", live.args(r#""i", [$n, $yes]"#)).await;
    assert_eq!(array.call("add", live.args("$z, $m")).await, Ok(12.into()));
    let count = live.made("itertools", "count", live.args("$n, $two")).await;
    assert_eq!(count.call("next", args![]).await, Ok(5.into()));
    assert_eq!(count.call("next", args![]).await, Ok(7.into()));
}

async fn references_change_bytes(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let array = live.made("builtins", "bytearray", live.args("$bp")).await;
    for (method, args, expected) in [
        ("__iadd__", "$ba", "b'babcab'"),
        ("append", "$n", "b'babcab\\x05'"),
        ("insert", "$z, $m", "b'\\x07babcab\\x05'"),
        ("remove", "$n", "b'\\x07babcab'"),
        ("__setitem__", r#"{"slice": [$z, $two]}, $bb"#, "b'babcab'"),
        ("__setitem__", "$z, $m", "b'\\x07abcab'"),
        ("__delitem__", "$z", "b'abcab'"),
        ("__imul__", "$two", "b'abcababcab'"),
        ("pop", "$z", "b'bcababcab'"),
    ] {
        array.call(method, live.args(args)).await.unwrap_or_else(|error| panic!("{method}({args}): {error}"));
        assert_eq!(repr(&array.call("copy", args![]).await.expect("answers")), expected, "{method}({args})");
    }
}

async fn cycles_are_written_by_str_as_by_repr(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let (one, other) = (live.fresh("list", args![]).await, live.fresh("list", args![]).await);
    let own = live.fresh("list", args![]).await;
    for (list, item) in [(&one, &other), (&other, &one), (&own, &own)] {
        list.call("append", [reference(item)]).await.expect("appended");
    }
    for (list, expected) in [(&one, "[[[...]]]"), (&own, "[[...]]")] {
        for name in ["str", "repr"] {
            assert_eq!(live.run("builtins", name, [reference(list)].into()).await, Ok(expected.into()), "{name}");
        }
        assert_eq!(list.call("__str__", args![]).await, Ok(expected.into()));
        let template = live.fresh("str", args!["{}"]).await;
        assert_eq!(template.call("format", [reference(list)]).await, Ok(expected.into()));
    }
    let chain = &live.objects["cm"];
    chain.call("__setitem__", ["x".into(), reference(chain)]).await.expect("put in");
    let expected = Value::from("ChainMap({'a': 1, 'x': ...}, {'b': 2})");
    assert_eq!(chain.call("__repr__", args![]).await, Ok(expected.clone()));
    assert_eq!(live.run("builtins", "str", live.args("$cm")).await, Ok(expected));
    own.call("clear", args![]).await.expect("or it would be held for ever");
    one.call("clear", args![]).await.expect("the same");
    chain.call("clear", args![]).await.expect("the same");
}

async fn a_chain_takes_in_what_it_holds_itself(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let chain = live.made("collections", "ChainMap", live.args(r#"{"k": 0}, $d, $od"#)).await;
    chain.call("update", [reference(&chain)]).await.expect("a mapping");
    let expected = Value::parse_json(r#"{"a": 1, "b": 2, "k": 0}"#).expect("a map");
    let first = |maps: Value| maps.as_list().and_then(|maps| maps.first().cloned()).expect("a map");
    assert_eq!(
        chain.call("__eq__", [first(chain.call("maps", args![]).await.expect("answers"))]).await,
        Ok(true.into())
    );
    assert_eq!(live.run("builtins", "dict", [reference(&chain)].into()).await, Ok(expected));
    chain.call("__ior__", [reference(&chain)]).await.expect("a mapping");
    assert_eq!(live.run("builtins", "len", [reference(&chain)].into()).await, Ok(3.into()));
    let dict = live.fresh("dict", args![]).await;
    dict.call("update", [reference(&chain)]).await.expect("a mapping");
    assert_eq!(dict.call("__eq__", [reference(&chain)]).await, Ok(true.into()));
    assert_eq!(live.run("builtins", "any", Args::from([Value::List(vec![reference(&chain)])])).await, Ok(true.into()));
}

async fn chains_that_are_nested_too_deep_are_a_recursion_error(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let mut towers = Vec::new();
    for floors in [20, 20, 300, 300] {
        let mut floor = live.made("collections", "ChainMap", args![].into()).await;
        for _ in 0..floors {
            let above = Value::Map(vec![("x".into(), reference(&floor))]);
            floor = live.made("collections", "ChainMap", args![above].into()).await;
        }
        towers.push(floor);
    }
    assert_eq!(towers[0].call("__eq__", [reference(&towers[1])]).await, Ok(true.into()));
    let list = live.fresh("list", args![vec![reference(&towers[2])]]).await;
    for (method, object, other) in [
        ("__eq__", &towers[2], &towers[3]),
        ("__contains__", &list, &towers[3]),
        ("__eq__", &live.fresh("list", args![vec![reference(&towers[3])]]).await, &list),
    ] {
        let error = object.call(method, [reference(other)]).await.expect_err("it is too deep");
        assert!(raised(&error).starts_with("RecursionError: maximum recursion depth exceeded"), "{error}");
    }
    let error = towers[2].call("__repr__", args![]).await.expect_err("it is too deep");
    assert!(raised(&error).starts_with("RecursionError: maximum recursion depth exceeded"), "{error}");
}

async fn whether_to_wait_is_not_looked_for_in_an_object(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let queue = live.made("queue", "Queue", args![].into()).await;
    let error = queue.call("get", live.args("$z")).await.expect_err("it would wait for ever");
    assert_eq!(raised(&error), "TypeError: whether to wait must be a plain value, not a live 'int'");
}

async fn no_key_is_a_key_and_another_one_is_refused(fixture: Fixture) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let says = "TypeError: key must be None here, not str: a function cannot be sent; put tuples of the key and the \
                item in order instead";
    for (module, function, args) in [
        ("builtins", "sorted", "$xs; key="),
        ("builtins", "min", "$xs; key="),
        ("builtins", "max", "$n, $m; key="),
        ("heapq", "nlargest", "$two, $xs; key="),
        ("heapq", "nsmallest", "$two, $xs; key="),
        ("heapq", "merge", "$xs, $xs; key="),
        ("bisect", "bisect", "$xs, $two; key="),
        ("bisect", "insort", "$xs, $two; key="),
    ] {
        let run = |key: &str| live.run(module, function, live.args(&format!("{args}{key}")));
        run("null").await.unwrap_or_else(|error| panic!("{function}(key=None): {error}"));
        let error = run(r#""len""#).await.expect_err("no function");
        assert_eq!(raised(&error), says, "{function}");
    }
    let error = live.objects["xs"].call("sort", live.args(r#"; key="len""#)).await.expect_err("no function");
    assert_eq!(raised(&error), says);
}

async fn check(fixture: &Fixture, rows: &[Row]) {
    let session = fixture.session().await;
    let live = Live::make(&session).await;
    let mut wrong = Vec::new();
    for (of, name, args, expected) in rows {
        let given = live.args(args);
        let result = match live.objects.get(*of) {
            Some(object) => object.call(name, given).await,
            None if name.starts_with("format") => {
                let template = live.made("builtins", "str", args![*of].into()).await;
                template.call(name, given).await
            }
            None if *of == "int" => live.run("builtins", &format!("int.{name}"), given).await,
            None => live.run(of, name, given).await,
        };
        let result = match &result {
            Ok(value) => repr(value),
            Err(error) => raised(error).to_owned(),
        };
        if result != *expected {
            wrong.push(format!("{of}.{name}({args}) is {result}, and in Python {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The objects that the rows name.
struct Live<'a> {
    session: &'a Session,
    objects: HashMap<&'static str, DynamicProxy>,
}

const OBJECTS: &[(&str, &str, &str, &str)] = &[
    ("n", "builtins", "int", "5"),
    ("m", "builtins", "int", "7"),
    ("z", "builtins", "int", "0"),
    ("two", "builtins", "int", "2"),
    ("yes", "builtins", "bool", "true"),
    ("f", "builtins", "float", "2.5"),
    ("fz", "builtins", "float", "0.0"),
    ("cx", "builtins", "complex", "1, 2"),
    ("cz", "builtins", "complex", ""),
    ("st", "builtins", "str", r#""abcab""#),
    ("sp", "builtins", "str", r#""b""#),
    ("es", "builtins", "str", ""),
    ("digits", "builtins", "str", r#""12""#),
    ("minus", "builtins", "str", r#""-""#),
    ("ascii", "builtins", "str", r#""ascii""#),
    ("by", "builtins", "bytes", r#""abcab", "ascii""#),
    ("bp", "builtins", "bytes", r#""b", "ascii""#),
    ("ba", "builtins", "bytearray", r#""abcab", "ascii""#),
    ("bb", "builtins", "bytearray", r#""b", "ascii""#),
    ("xs", "builtins", "list", "[1, 2, 3]"),
    ("el", "builtins", "list", ""),
    ("tp", "builtins", "tuple", r#"["b", "ab"]"#),
    ("d", "builtins", "dict", r#"{"a": 1, "b": 2}"#),
    ("ed", "builtins", "dict", ""),
    ("fs", "builtins", "frozenset", "[1]"),
    ("rg", "builtins", "range", "10"),
    ("er", "builtins", "range", "0"),
    ("dq", "collections", "deque", "[1, 2, 3]"),
    ("c", "collections", "Counter", r#"["a", "a"]"#),
    ("od", "collections", "OrderedDict", r#"{"a": 1}"#),
    ("dd", "collections", "defaultdict", r#""int", {"a": 1}"#),
    ("cm", "collections", "ChainMap", r#"{"a": 1}, {"b": 2}"#),
    ("ce", "collections", "ChainMap", "{}"),
];

impl<'a> Live<'a> {
    async fn make(session: &'a Session) -> Self {
        let mut live = Live { session, objects: HashMap::new() };
        for (name, module, class, args) in OBJECTS {
            let object = live.made(module, class, live.args(args)).await;
            live.objects.insert(name, object);
        }
        live
    }

    async fn made(&self, module: &str, class: &str, args: Args) -> DynamicProxy {
        let module = self.session.remote_import(module).await.expect("imports");
        module.construct(class, args).await.unwrap_or_else(|error| panic!("{class}: {error}"))
    }

    async fn fresh(&self, class: &str, args: impl Into<Args>) -> DynamicProxy {
        self.made("builtins", class, args.into()).await
    }

    async fn run(&self, module: &str, function: &str, args: Args) -> Result<Value, Error> {
        self.session.remote_import(module).await.expect("imports").call(function, args).await
    }

    fn value(&self, name: &str) -> Value {
        reference(&self.objects[name])
    }

    fn args(&self, text: &str) -> Args {
        let (places, names) = text.split_once(';').unwrap_or((text, ""));
        let Value::List(places) = self.parsed(&format!("[{places}]")) else { panic!("a list") };
        names.split(", ").filter(|name| !name.is_empty()).fold(Args::from(places), |args, named| {
            let (name, value) = named.split_once('=').expect("a name and a value");
            args.named(name.trim(), self.parsed(value))
        })
    }

    /// JSON that may contain `$name`.
    fn parsed(&self, text: &str) -> Value {
        let mut parts = text.split('$');
        let mut json = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(part.len());
            json.push_str(&format!(r#""${}"{}"#, &part[..end], &part[end..]));
        }
        self.with_references(Value::parse_json(&json).unwrap_or_else(|error| panic!("{json}: {error}")))
    }

    fn with_references(&self, value: Value) -> Value {
        match value {
            Value::Text(text) if text.starts_with('$') => self.value(&text[1..]),
            Value::List(items) => Value::List(items.into_iter().map(|item| self.with_references(item)).collect()),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, self.with_references(value))).collect())
            }
            value => value,
        }
    }
}

fn reference(proxy: &DynamicProxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

/// The message of a Python exception.
fn raised(error: &Error) -> &str {
    match error {
        Error::Raised { message, .. } => message,
        other => panic!("{other:?}"),
    }
}
