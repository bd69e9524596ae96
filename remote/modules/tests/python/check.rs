//! Applies the same operations on both sides, and compares the results.

use super::oracle::{Oracle, Outcome};
use super::random::Random;
pub(super) use super::service::OPERATIONS;
use super::service::Service;
use tarmem_modules::python::repr;
use tarmem_remote::Value;
use tarmem_remote::args::Args;

/// The number of operations on one object.
const BATCH: usize = 100;

pub(super) type Operation = (String, Args);

/// One of the types, and how to make arguments for it.
pub(super) struct Subject {
    pub(super) class: &'static str,
    pub(super) kind: &'static str,
    pub(super) init: fn(&mut Random) -> Vec<Value>,
    /// Makes an operation, given the size of the object.
    pub(super) operation: fn(&mut Random, usize) -> Operation,
    /// The method that returns its state as a plain value.
    pub(super) state: &'static str,
    /// Whether the order of its elements is not compared.
    pub(super) unordered: bool,
}

pub(super) fn op(name: &str, args: impl Into<Args>) -> Operation {
    (name.to_owned(), args.into())
}

/// Returns the seed of the random operations.
pub(super) fn seed() -> u64 {
    match std::env::var("TARMEM_SEED") {
        Ok(seed) => seed.parse().expect("TARMEM_SEED is a number"),
        Err(_) => 20_240_607,
    }
}

/// Applies operations on both sides, a batch to each object, and compares.
pub(super) fn check(subject: &Subject) {
    let Some(mut oracle) = Oracle::start() else { return };
    let seed = seed();
    let service = Service::new();
    let mut random = Random::new(seed);
    let mut applied = 0;
    while applied < OPERATIONS {
        let init = (subject.init)(&mut random);
        let (operations, ours) = run(subject, &service, &mut random, &init);
        let theirs = oracle.ask(subject.kind, &init, &operations);
        compare(subject, seed, &init, &operations, &ours, &theirs);
        applied += operations.len();
    }
}

/// Applies operations to one of our objects, and returns the outcome of each; the first outcome is that of making the
/// object.
fn run(subject: &Subject, service: &Service, random: &mut Random, init: &[Value]) -> (Vec<Operation>, Vec<Outcome>) {
    let mut object = match service.make(subject.class, init) {
        Ok(object) => object,
        Err(message) => return (Vec::new(), vec![outcome(subject, Err(message), Value::Null)]),
    };
    let (mut operations, mut outcomes) = (Vec::new(), Vec::new());
    let mut state = service.call(&mut *object, subject.state, &[]).expect("it can be shown");
    outcomes.push(outcome(subject, Ok(Value::Null), state.clone()));
    for _ in 0..if subject.kind == "int" || subject.kind == "float" { BATCH / 10 } else { BATCH } {
        let len = state.as_items().map_or_else(|| state.as_map().map_or(0, <[_]>::len), <[_]>::len);
        let (mut name, mut args) = (subject.operation)(random, len);
        let result = service.call_with(&mut *object, &name, &args);
        state = service.call(&mut *object, subject.state, &[]).expect("it can be shown");
        outcomes.push(outcome(subject, result.clone(), state.clone()));
        if subject.kind == "set"
            && name == "pop"
            && let Ok(taken) = result
        {
            // Python does not define which element this is, so ours decides.
            (name, args) = op("pop_this", [taken]);
        }
        operations.push((name, args));
    }
    (operations, outcomes)
}

fn outcome(subject: &Subject, result: Result<Value, String>, state: Value) -> Outcome {
    let shown = |value: Value| repr(&if subject.unordered { unordered(value) } else { value });
    match result {
        Ok(value) => Outcome { error: None, result: shown(value), state: shown(state) },
        Err(message) => {
            let kind = message.split(':').next().unwrap_or_default().to_owned();
            Outcome { error: Some(kind), result: shown(Value::Null), state: shown(state) }
        }
    }
}

/// Writes a set as the oracle does.
fn unordered(value: Value) -> Value {
    match value {
        Value::Set(items) => {
            let mut items: Vec<Value> = items.into_iter().map(whole).collect();
            items.sort_by_key(repr);
            Value::Set(items)
        }
        value => value,
    }
}

/// Equal elements count as one; which of them is kept is not compared.
fn whole(value: Value) -> Value {
    match value {
        Value::Bool(b) => i128::from(b).into(),
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e300 => Value::from(x as i128),
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(whole).collect()),
        value => value,
    }
}

fn compare(
    subject: &Subject,
    seed: u64,
    init: &[Value],
    operations: &[Operation],
    ours: &[Outcome],
    theirs: &[Outcome],
) {
    for (at, (ours_at, theirs_at)) in ours.iter().zip(theirs).enumerate() {
        if ours_at != theirs_at {
            let shown = |args: &Args| {
                let named = args.by_name().iter().map(|(name, value)| format!("{name}={}", repr(value)));
                args.positional().iter().map(repr).chain(named).collect::<Vec<_>>().join(", ")
            };
            let (what, before) = match at.checked_sub(1) {
                None => (format!("{}({})", subject.kind, shown(&Args::from(init.to_vec()))), "nothing"),
                Some(nth) => {
                    let (name, args) = &operations[nth];
                    (format!("{name}({})", shown(args)), ours[nth].state.as_str())
                }
            };
            panic!(
                "{} differs from Python (TARMEM_SEED={seed})\n{what}\n  on {before}\n  ours   {ours_at:?}\n  \
                 theirs {theirs_at:?}",
                subject.class
            );
        }
    }
    assert_eq!(
        ours.len(),
        theirs.len(),
        "{} of {}: as many outcomes (TARMEM_SEED={seed})",
        subject.class,
        operations.len()
    );
}
