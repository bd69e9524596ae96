//! The functions of builtins, heapq and bisect, and `itertools.count`: results, errors word for word, and the list
//! afterwards.

use super::check::{OPERATIONS, Operation, op, seed};
use super::oracle::{Oracle, Outcome};
use super::random::Random;
use super::service::Service;
use tarmem_modules::python::repr;
use tarmem_remote::args::Args;
use tarmem_remote::{Object, Value, args};

/// Functions that are compared, and their arguments.
struct Subject {
    kind: &'static str,
    module: &'static str,
    /// The initial contents of the list, if there is one.
    list: Option<fn(&mut Random) -> Value>,
    operation: fn(&mut Random) -> Operation,
}

/// The functions whose first argument is the list.
const OF_A_LIST: [&str; 8] =
    ["heappush", "heappop", "heappushpop", "heapreplace", "heapify", "insort", "insort_left", "insort_right"];

/// Hides which two values a sort could not compare, which depends on the algorithm.
fn words(name: &str, outcome: Outcome) -> Outcome {
    let sorts = ["sorted", "nlargest", "nsmallest", "merge"].contains(&name);
    let error = outcome.error.map(|error| match error.find("not supported between") {
        Some(at) if sorts => error[at..at + "not supported between".len()].to_owned(),
        _ => error,
    });
    Outcome { error, ..outcome }
}

fn check(subject: &Subject) {
    let Some(mut oracle) = Oracle::start() else { return };
    let (service, seed) = (Service::new(), seed());
    let mut random = Random::new(seed);
    let mut applied = 0;
    while applied < OPERATIONS {
        let init: Vec<Value> = subject.list.map(|list| list(&mut random)).into_iter().collect();
        let mut list = init.first().map(|_| service.make("builtins.list", &init).expect("a list of a list"));
        let operations: Vec<Operation> = (0..50).map(|_| (subject.operation)(&mut random)).collect();
        let theirs = oracle.ask(subject.kind, &init, &operations);
        assert_eq!(theirs.len(), operations.len() + 1, "as many outcomes");
        for ((name, args), theirs) in operations.iter().zip(&theirs[1..]) {
            let before = state(&service, list.as_deref_mut());
            let result = match list.as_deref_mut() {
                Some(list) if name.starts_with("bisect") => {
                    let items = service.call(list, "copy", &[]).expect("it can be shown");
                    service.run((subject.module, name), None, &with_first(items, args))
                }
                Some(list) if OF_A_LIST.contains(&name.as_str()) => {
                    service.run((subject.module, name), Some(list), &with_first("k".into(), args))
                }
                list => service.run((subject.module, name), list, args),
            };
            let state = state(&service, list.as_deref_mut());
            let ours = match result {
                Ok(value) => Outcome { error: None, result: repr(&value), state },
                Err(error) => Outcome { error: Some(error), result: "None".to_owned(), state },
            };
            let arguments: Vec<String> = args.positional().iter().map(repr).collect();
            let named = args.by_name();
            assert_eq!(
                words(name, ours),
                words(name, theirs.clone()),
                "ours and Python's: {name}({}, {named:?}) on {before} (TARMEM_SEED={seed})",
                arguments.join(", ")
            );
        }
        applied += operations.len();
    }
}

fn state(service: &Service, list: Option<&mut dyn Object>) -> String {
    list.map_or("None".to_owned(), |list| repr(&service.call(list, "copy", &[]).expect("it can be shown")))
}

/// Adds the list before all other arguments: as a key, by which a dynamic caller names it, if the function changes it.
fn with_first(first: Value, args: &Args) -> Args {
    let places = [first].into_iter().chain(args.positional().iter().cloned());
    let all: Args = places.collect::<Vec<_>>().into();
    args.by_name().iter().fold(all, |all, (name, value)| all.named(name, value.clone()))
}

/// A sequence or a mapping, and sometimes something else.
fn iterable(r: &mut Random) -> Value {
    match r.below(12) {
        0 => r.scalar(),
        1 => r.map(Random::value),
        2 => r.text(),
        3 => r.bytes(),
        4 => match r.list(Random::scalar) {
            Value::List(items) => Value::Tuple(items),
            other => other,
        },
        5 => r.list(Random::value),
        _ => {
            let texts = r.one_in(4);
            r.list(|r| r.orderly(texts))
        }
    }
}

/// A list of lists, or nearly one.
fn lists(r: &mut Random) -> Value {
    let tuples = r.one_in(2);
    r.list(|r| match (r.list(Random::scalar), tuples) {
        (Value::List(items), true) if !r.one_in(9) => Value::Tuple(items),
        (list, _) => list,
    })
}

#[test]
fn functions() {
    let operation = |r: &mut Random| match r.below(24) {
        0 => op("len", [iterable(r)]),
        1 => op("sorted", [iterable(r)]),
        2 => op("sorted", args![iterable(r); reverse = r.optional(true.into()), key = Value::Null]),
        3 => op("reversed", [iterable(r)]),
        4 | 5 => op("sum", [iterable(r)]),
        6 => op("sum", vec![iterable(r), r.value()]),
        7 => {
            op("sum", vec![lists(r), r.pick(&[Value::List(vec![]), Value::Tuple(vec![]), Value::List(vec![7.into()])])])
        }
        8 | 9 => op(r.pick(&["min", "max"]), [iterable(r)]),
        10 => op(r.pick(&["min", "max"]), (0..r.below(5)).map(|_| r.orderly(false)).collect::<Vec<_>>()),
        11 => op(r.pick(&["min", "max"]), args![iterable(r); default = r.value(), key = Value::Null]),
        12 => op(r.pick(&["min", "max"]), args![r.scalar(), r.scalar(); default = r.value()]),
        13 | 14 => op(r.pick(&["any", "all"]), [iterable(r)]),
        15 => op("enumerate", [iterable(r)]),
        16 => op("enumerate", args![iterable(r); start = r.index()]),
        17 => op("enumerate", vec![iterable(r), r.index()]),
        18 | 19 => op("zip", (0..r.below(4)).map(|_| iterable(r)).collect::<Vec<_>>()),
        20 | 21 => {
            let count = 1 + r.below(3);
            let lists: Vec<Value> =
                (0..4).map(|_| Value::List((0..count + r.below(2)).map(|n| (n as i64).into()).collect())).collect();
            let some = 1 + r.below(4);
            op(
                "zip",
                Args::from(lists[..some].to_vec()).named("strict", r.pick(&[Value::Bool(true), 1.into(), Value::Null])),
            )
        }
        22 => op("repr", [r.value()]),
        _ => op("zip", args![iterable(r), iterable(r); strict = true]),
    };
    check(&Subject { kind: "functions", module: "builtins", list: None, operation });
}

#[test]
fn heapq() {
    let operation = |r: &mut Random| match r.below(16) {
        0..=3 => op("heappush", [r.orderly(false)]),
        4 | 5 => op("heappop", []),
        6 | 7 => op("heappushpop", [r.orderly(false)]),
        8 | 9 => op("heapreplace", [r.orderly(false)]),
        10 => op("heapify", []),
        11 => op("heappush", [Value::Tuple(vec![r.small().into(), r.scalar()])]),
        12 | 13 => {
            let name = r.pick(&["nlargest", "nsmallest"]);
            op(name, args![r.pick(&[0, 1, 2, 3, 9, -1]), iterable(r); key = Value::Null])
        }
        14 => op("merge", (0..r.below(4)).map(|_| ordered(r, false)).collect::<Vec<_>>()),
        _ => op("merge", Args::from(vec![ordered(r, true), ordered(r, true)]).named("reverse", true).named("key", ())),
    };
    let list = |r: &mut Random| r.list(|r| r.orderly(false));
    check(&Subject { kind: "heap", module: "heapq", list: Some(list), operation });
}

/// A list that is mostly sorted.
fn ordered(r: &mut Random, descending: bool) -> Value {
    let mut numbers: Vec<i64> = (0..r.below(7)).map(|_| r.small()).collect();
    numbers.sort_unstable();
    if descending {
        numbers.reverse();
    }
    let as_floats = r.one_in(3);
    let mut items: Vec<Value> =
        numbers.into_iter().map(|n| if as_floats { (n as f64).into() } else { n.into() }).collect();
    if r.one_in(6) {
        items.push(r.scalar());
    }
    if r.one_in(12) { r.scalar() } else { Value::List(items) }
}

#[test]
fn bisect() {
    let operation = |r: &mut Random| {
        let name = r.pick(&["bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right"]);
        let x = r.orderly(false);
        match r.below(8) {
            0 => op(name, vec![x, r.index(), r.index()]),
            1 => op(name, args![x; lo = r.index()]),
            2 => op(name, args![x; hi = r.index(), key = Value::Null]),
            3 => op(name, vec![x, r.below(4).into(), (r.below(8) as i64).into()]),
            _ => op(name, [x]),
        }
    };
    let list =
        |r: &mut Random| ordered(r, false).as_list().map_or(Value::List(vec![]), |items| Value::List(items.to_vec()));
    check(&Subject { kind: "sorted list", module: "bisect", list: Some(list), operation });
}

#[test]
fn count() {
    let Some(mut oracle) = Oracle::start() else { return };
    let (service, seed) = (Service::new(), seed());
    let mut random = Random::new(seed);
    for _ in 0..2_000 {
        let init: Vec<Value> = (0..random.below(3)).map(|_| random.number()).collect();
        let operations: Vec<Operation> =
            (0..5).map(|_| op(random.pick(&["next", "next", "__repr__", "__str__"]), [])).collect();
        let theirs = oracle.ask("count", &init, &operations);
        let mut made = match service.make("itertools.count", &init) {
            Ok(made) => made,
            Err(error) => {
                assert_eq!(error.split(':').next(), theirs[0].error.as_deref(), "{init:?}");
                continue;
            }
        };
        assert_eq!(theirs[0].error, None, "{init:?}");
        for ((name, args), theirs) in operations.iter().zip(&theirs[1..]) {
            let ours = service.call_with(&mut *made, name, args);
            let ours =
                ours.map(|value| repr(&value)).map_err(|error| error.split(':').next().unwrap_or_default().to_owned());
            let theirs = theirs.error.clone().map_or(Ok(theirs.result.clone()), Err);
            assert_eq!(ours, theirs, "{name} of count({init:?}) (TARMEM_SEED={seed})");
        }
    }
}

#[test]
fn results_beyond_the_memory_limit_are_refused() {
    let service = Service::new();
    let long = Value::Bytes(vec![0; (1 << 20) + 1]);
    let refused = |function: (&str, &str), args: Args| service.run(function, None, &args).expect_err("too large");
    for error in [
        refused(("builtins", "sorted"), vec![Value::Bytes(vec![0; (2 << 20) + 1])].into()),
        refused(("builtins", "enumerate"), vec![long.clone()].into()),
        refused(("builtins", "zip"), vec![long.clone(), long.clone()].into()),
        refused(("heapq", "merge"), vec![long.clone(), long.clone()].into()),
    ] {
        assert!(error.starts_with("MemoryError: the result would take"), "{error}");
    }
}
