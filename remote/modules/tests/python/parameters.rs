//! The parameters in descriptions, compared with CPython's `inspect.signature`.

use std::collections::BTreeMap;
use std::process::Command;
use tarmem_remote::describe::ParamKind;
use tarmem_remote::registry::Registry;
use tarmem_remote::results::{MemberKind, ParameterDefault, ParameterDescription};

/// Prints, by path, the name, the kind, and the default as JSON (absent if there is none) of each parameter.
const SCRIPT: &str = r#"
import bisect, builtins, collections, heapq, inspect, itertools, json, queue, threading

def shown(value):
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    return {"$tuple": list(value)} if isinstance(value, tuple) else value

def parameters(of, bound):
    try:
        found = list(inspect.signature(of).parameters.values())[bound:]
    except (ValueError, TypeError):
        return None
    return [[p.name, p.kind.name] + ([] if p.default is p.empty else [shown(p.default)]) for p in found]

classes = {builtins: "list dict set tuple str bytes int float bool bytearray frozenset range complex",
           collections: "deque Counter OrderedDict defaultdict ChainMap", itertools: "count",
           queue: "Queue LifoQueue PriorityQueue SimpleQueue",
           threading: "Condition Event Semaphore BoundedSemaphore Barrier"}
found = {}
for module, names in classes.items():
    for name in names.split():
        cls = getattr(module, name)
        path = f"{module.__name__}.{name}"
        found[path] = parameters(cls, 0)
        for method, of in inspect.getmembers(cls, callable):
            kept = inspect.getattr_static(cls, method)
            bound = not isinstance(kept, staticmethod) and getattr(of, "__self__", None) is None
            found[f"{path}.{method}"] = parameters(of, bound)
for module in (bisect, builtins, heapq):
    for name, of in inspect.getmembers(module, inspect.isroutine):
        found[f"{module.__name__}.{name}"] = parameters(of, 0)
print(json.dumps({path: parameters for path, parameters in found.items() if parameters is not None}))
"#;

/// What differs, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("builtins.int.__pow__", "has no modulus"),
    ("builtins.int.__rpow__", "has no modulus"),
    ("builtins.bool.__pow__", "has no modulus"),
    ("builtins.bool.__rpow__", "has no modulus"),
    ("builtins.float.__pow__", "has no modulus, which is an error in Python"),
    ("builtins.float.__rpow__", "has no modulus, which is an error in Python"),
    ("builtins.complex.__rpow__", "has no modulus, which is an error in Python"),
    ("collections.ChainMap.fromkeys", "in Python gives its further arguments to dict.fromkeys, which has this default"),
    ("collections.ChainMap.pop", "in Python gives its further arguments to dict.pop, which has one"),
    ("collections.Counter", "takes none, one or an argument by name, and null is as good as none"),
    ("collections.Counter.subtract", "as Counter itself"),
    ("collections.Counter.update", "as Counter itself"),
    ("collections.Counter.__delitem__", "has the name that it has in every dict"),
    ("queue.Queue.join", "can be told how long"),
    ("queue.LifoQueue.join", "can be told how long"),
    ("queue.PriorityQueue.join", "can be told how long"),
    ("threading.Condition.__exit__", "has the names of the language reference"),
    ("threading.Condition._acquire_restore", "has a name of its own"),
    ("threading.Semaphore.__enter__", "is acquire without arguments"),
    ("threading.Semaphore.__exit__", "has the names of the language reference"),
    ("threading.BoundedSemaphore.__enter__", "is acquire without arguments"),
    ("threading.BoundedSemaphore.__exit__", "has the names of the language reference"),
];

/// A name, a kind, and a default if there is one.
type Python = BTreeMap<String, Vec<Vec<serde_json::Value>>>;

#[test]
fn names_and_defaults_of_parameters_are_those_of_python() {
    let output = match Command::new("python3").args(["-c", SCRIPT]).output() {
        Ok(output) => output,
        Err(error) => return println!("NOTICE: skipped, for there is no python3 to compare with: {error}"),
    };
    let python: Python = serde_json::from_slice(&output.stdout).expect("a map");
    let registry = Registry::linked().expect("no class is there twice");
    let mut compared = 0;
    let mut differences = Vec::new();
    let mut compare = |path: String, ours: &[ParameterDescription]| {
        let Some(theirs) = python.get(&path) else { return };
        compared += 1;
        let same = ours.len() == theirs.len()
            && theirs.iter().zip(ours).all(|(theirs, placed)| {
                // A keyword-only parameter can stand in another place.
                let named = ours.iter().find(|ours| theirs[1] == "KEYWORD_ONLY" && theirs[0] == ours.name.as_str());
                is_same(named.unwrap_or(placed), theirs)
            });
        let known = OTHERWISE.iter().any(|(of, _)| *of == path);
        if same == known {
            let ours: Vec<_> = ours.iter().map(|ours| (&ours.name, ours.kind, &ours.default)).collect();
            differences.push(format!("{path}: {ours:?}, in Python {theirs:?}"));
        }
    };
    for module in ["builtins", "collections", "itertools", "queue", "threading", "bisect", "heapq"] {
        for member in registry.describe_module(module).expect("it is there").members {
            let name = member.name.strip_suffix(".new").unwrap_or(&member.name);
            if member.kind != MemberKind::Class {
                compare(format!("{module}.{name}"), &member.parameters);
            }
            for method in &member.methods {
                compare(format!("{module}.{name}.{}", method.name), &method.parameters);
            }
        }
    }
    assert!(compared > 550, "only {compared} were compared");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn is_same(ours: &ParameterDescription, theirs: &[serde_json::Value]) -> bool {
    let kind = theirs[1].as_str().unwrap_or_default();
    // The name of a positional-only parameter appears only in messages.
    let named = matches!(kind, "POSITIONAL_OR_KEYWORD" | "KEYWORD_ONLY");
    let name = !named || theirs[0] == ours.name.as_str();
    let rest = match kind {
        "VAR_POSITIONAL" => ours.kind == ParamKind::Args,
        "VAR_KEYWORD" => ours.kind == ParamKind::Kwargs,
        _ => !ours.kind.is_rest(),
    };
    let default = match (&ours.default, theirs.get(2)) {
        (ParameterDefault::Value(ours), Some(theirs)) => ours.to_json() == *theirs,
        (ParameterDefault::Required, None) => true,
        (ParameterDefault::Absent, None) => ours.kind.is_rest(),
        _ => false,
    };
    name && rest && default
}
