//! The methods that Python's types have and these classes do not, and the other way around. docs/modules.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use tarmem_remote::registry::Registry;

/// Prints `dir()` of each type.
const SCRIPT: &str = "
import collections, json
types = [list, dict, set, tuple, str, bytes, int, float, bool, bytearray, frozenset, range, complex]
types += [collections.deque, collections.Counter, collections.OrderedDict, collections.defaultdict]
types += [collections.ChainMap]
print(json.dumps({t.__module__ + '.' + t.__name__: dir(t) for t in types}))
";

/// How Python makes, stores and copies its objects; and the hash, which differs between processes.
const MACHINERY: &[&str] = &[
    "__class__",
    "__class_getitem__",
    "__copy__",
    "__delattr__",
    "__dict__",
    "__dir__",
    "__doc__",
    "__format__",
    "__getattribute__",
    "__getformat__",
    "__getnewargs__",
    "__getstate__",
    "__hash__",
    "__init__",
    "__init_subclass__",
    "__module__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__setattr__",
    "__setformat__",
    "__sizeof__",
    "__static_attributes__",
    "__firstlineno__",
    "__subclasshook__",
    "__weakref__",
    "_keep_positive",
];

/// What else is missing, by class.
const MISSING: &[(&str, &[&str])] = &[
    // Iteration goes by `iter_chunk`.
    ("*", &["__iter__"]),
    // Dicts cannot be ordered: each of these would be a TypeError.
    ("builtins.dict", &["__ge__", "__gt__", "__le__", "__lt__"]),
    ("collections.OrderedDict", &["__ge__", "__gt__", "__le__", "__lt__"]),
    ("collections.defaultdict", &["__ge__", "__gt__", "__le__", "__lt__", "fromkeys"]),
    // Python inherits it from dict.
    ("collections.Counter", &["__ror__"]),
    // Formatting with `%`.
    ("builtins.str", &["__mod__", "__rmod__"]),
    ("builtins.bytes", &["__mod__", "__rmod__"]),
    // Python inherits these from the abstract class MutableMapping, which is not reversible.
    (
        "collections.ChainMap",
        &[
            "__ge__",
            "__gt__",
            "__le__",
            "__lt__",
            "__reversed__",
            "__slots__",
            "__abstractmethods__",
            "_abc_impl",
            "_MutableMapping__marker",
        ],
    ),
    // Ranges cannot be ordered.
    ("builtins.range", &["__ge__", "__gt__", "__le__", "__lt__"]),
    // Also, a bytearray's capacity.
    ("builtins.bytearray", &["__mod__", "__rmod__", "__alloc__"]),
    // Newer than Python 3.13.
    ("builtins.float", &["from_number"]),
];

/// What else is here and not in Python, by class: methods that read and set attributes.
const ATTRIBUTES: &[(&str, &[&str])] =
    &[("collections.deque", &["__getattr__"]), ("collections.defaultdict", &["__getattr__", "set_default_factory"])];

/// What is here and not in Python.
const MORE: &[&str] =
    &["compare_and_set", "incr", "items_chunk", "iter_chunk", "len", "pop_or", "value", "values_chunk"];

#[test]
fn missing_and_additional_methods_are_known() {
    let output = match Command::new("python3").args(["-c", SCRIPT]).output() {
        Ok(output) => output,
        Err(error) => return println!("NOTICE: skipped, for there is no python3 to compare with: {error}"),
    };
    let python: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&output.stdout).expect("a map");
    assert_eq!(python.len(), 18, "every type was asked for");
    let registry = Registry::linked().expect("no class is there twice");
    for (path, members) in python {
        let (module, name) = path.split_once('.').expect("a path");
        let class = registry.class(&path).unwrap_or_else(|error| panic!("{error}"));
        let methods = class.describe_methods().into_iter().map(|method| method.name.to_string());
        // Python has constructors among the methods.
        let functions = registry.describe_module(module).expect("it is there").members;
        let constructors = functions.iter().filter_map(|member| member.name.strip_prefix(&format!("{name}.")));
        let constructors = constructors.filter(|name| *name != "new").map(str::to_owned);
        let ours: BTreeSet<String> = methods.chain(constructors).collect();

        let known = MISSING.iter().filter(|(of, _)| *of == "*" || *of == path).flat_map(|(_, names)| *names);
        let known: BTreeSet<&str> = known.chain(MACHINERY).copied().collect();
        let missing: Vec<_> = members.difference(&ours).filter(|name| !known.contains(name.as_str())).collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}");
        for (_, names) in MISSING.iter().filter(|(of, _)| *of == path) {
            assert!(names.iter().all(|name| !ours.contains(*name)), "{path} has some of {names:?} now");
        }
        let newer = [
            ("builtins.int", "is_integer"),
            ("builtins.bool", "is_integer"),
            ("builtins.tuple", "__reversed__"),
            ("collections.ChainMap", "maps"),
        ];
        let attributes = |name: &str| ATTRIBUTES.iter().any(|(of, names)| *of == path && names.contains(&name));
        let known = |name: &str| MORE.contains(&name) || newer.contains(&(path.as_str(), name)) || attributes(name);
        let more: Vec<_> = ours.difference(&members).filter(|name| !known(name)).collect();
        assert!(more.is_empty(), "{path} has {more:?}, of which Python knows nothing");
    }
}
