//! The functions of `builtins`: `len`, `sorted`, `sum` and their like, of live objects and of plain values.
//!
//! A live object is passed by reference, and read where it is. A call sees all of its arguments as they are at one
//! moment. From Rust, such a call is `sorted::remote(to_value(&list)?, true, None)`. Where Python's function returns an
//! iterator, the result here is a list.

use crate::Exception;
use crate::python::live::{Mapping, Seen, operand, plain, truth, view};
use crate::python::{
    self, Comparing, Comparison, Effort, Meter, check_result, index_of, iterate, no_key, number, sort, type_name,
    weight,
};
use std::ops::ControlFlow;
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{Value, allocated};

/// Returns the number of elements.
#[remote(module = "builtins", idempotent)]
pub fn len(obj: Value) -> Result<usize, Exception> {
    count(&obj)?.ok_or_else(|| Exception::TypeError(format!("object of type '{}' has no len()", type_name(&obj))))
}

/// Returns the elements in ascending order, or in descending order if `reverse` is true; equal elements keep their
/// order. `key` must be null if it is given: a function cannot be sent.
#[remote(module = "builtins", idempotent, scales)]
pub fn sorted(
    iterable: Value,
    #[remote(default = false)] reverse: Arg<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<Vec<Value>, Exception> {
    no_key(key)?;
    let mut items = iterate(iterable)?;
    sort(&mut items, reverse.given().as_ref().map_or(Ok(0), index_of)? != 0)?;
    Ok(items)
}

/// Returns the elements of a sequence, or the keys of a dict, from last to first.
#[remote(module = "builtins", idempotent, scales)]
pub fn reversed(sequence: Value) -> Result<Vec<Value>, Exception> {
    let name = match &sequence {
        Value::Set(_) | Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(type_name(&sequence)),
        Value::Ref(reference) => view(reference, |seen| {
            let has_order =
                !matches!(seen, None | Some(Seen::Set(_) | Seen::Number(_) | Seen::Dict(_, Mapping::Chain)));
            Ok(if has_order { None } else { Some(type_name(&sequence)) })
        })?,
        _ => None,
    };
    if let Some(name) = name {
        return Err(Exception::TypeError(format!("'{name}' object is not reversible")));
    }
    let mut items = iterate(sequence)?;
    items.reverse();
    Ok(items)
}

/// Returns the sum of `start`, 0 if left out, and all elements. These are numbers, or lists or tuples if `start` is
/// one.
#[remote(module = "builtins", idempotent, scales)]
pub fn sum(iterable: Value, #[remote(default = 0)] start: Arg<Value>) -> Result<Value, Exception> {
    count(&iterable)?.ok_or_else(|| not_iterable(&iterable))?;
    let mut sum = plain(start.or_else(|| 0.into()))?;
    match sum {
        Value::Text(_) => return Err(Exception::of_type("sum() can't sum strings [use ''.join(seq) instead]")),
        Value::Bytes(_) => return Err(Exception::of_type("sum() can't sum bytes [use b''.join(seq) instead]")),
        _ => {}
    }
    let mut meter = Meter::default();
    meter.take(weight(&sum))?;
    each(&iterable, &mut |item| {
        match (&mut sum, item) {
            (sum, Value::Ref(_)) => add(sum, &plain(item.clone())?, &mut meter)?,
            (sum, item) => add(sum, item, &mut meter)?,
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sum)
}

/// Returns the smallest of the elements of one argument, or of several arguments; `default` if there are no elements.
/// `key` must be null if it is given: a function cannot be sent.
#[remote(module = "builtins", idempotent, scales)]
pub fn min(
    #[remote(args)] args: Vec<Value>,
    default: Arg<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<Value, Exception> {
    no_key(key)?;
    extreme("min", Comparison::Less, args, default)
}

/// Returns the largest of the elements of one argument, or of several arguments; `default` if there are no elements.
/// `key` must be null if it is given: a function cannot be sent.
#[remote(module = "builtins", idempotent, scales)]
pub fn max(
    #[remote(args)] args: Vec<Value>,
    default: Arg<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<Value, Exception> {
    no_key(key)?;
    extreme("max", Comparison::Greater, args, default)
}

/// Returns whether an element counts as true.
#[remote(module = "builtins", idempotent, scales)]
pub fn any(iterable: Value) -> Result<bool, Exception> {
    find(&iterable, true)
}

/// Returns whether every element counts as true.
#[remote(module = "builtins", idempotent, scales)]
pub fn all(iterable: Value) -> Result<bool, Exception> {
    find(&iterable, false).map(|found| !found)
}

/// Returns the elements, each in a pair with its number, counted from `start` (0 if left out).
#[remote(module = "builtins", idempotent, scales)]
pub fn enumerate(iterable: Value, #[remote(default = 0)] start: Arg<Value>) -> Result<Vec<Value>, Exception> {
    let start = start.or_else(|| 0.into());
    index_of(&start)?;
    let mut number = operand(&start)?.into_owned();
    let mut meter = Meter::default();
    let mut pairs = Vec::new();
    each(&iterable, &mut |item| {
        meter.take(PAIR + weight(&number) + weight(item))?;
        // Adding 0 makes a number of a bool.
        let this = number::add(&number, &0.into())?;
        number = number::add(&this, &1.into())?;
        pairs.push(Value::Tuple(vec![this, item.clone()]));
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(pairs)
}

/// Returns tuples of the first elements of all arguments, the second ones, and so on, until one of them has no more.
/// With `strict`, all must have the same number of elements: `ValueError` if they do not.
#[remote(module = "builtins", idempotent, scales)]
pub fn zip(
    #[remote(args)] iterables: Vec<Value>,
    #[remote(default = false)] strict: Arg<Value>,
) -> Result<Vec<Value>, Exception> {
    let counts = iterables.iter().map(|value| at_most(value)?.ok_or_else(|| not_iterable(value)));
    let counts = counts.collect::<Result<Vec<usize>, Exception>>()?;
    let most = counts.iter().copied().min().unwrap_or(0);
    if strict.given().as_ref().map_or(Ok(false), truth)? {
        same_length(&counts, most)?;
    }
    let mut meter = Meter::default();
    check_result(PAIR + iterables.len() * size_of::<Value>(), most)?;
    let mut tuples = vec![Vec::with_capacity(iterables.len()); most];
    for iterable in &iterables {
        let mut places = tuples.iter_mut();
        first(most, iterable, &mut |item| {
            let Some(place) = places.next() else { return Ok(ControlFlow::Break(())) };
            meter.take(weight(item))?;
            place.push(item.clone());
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(tuples.into_iter().map(Value::Tuple).collect())
}

/// Returns the object as Python's `repr` shows it.
#[remote(module = "builtins", idempotent, scales)]
pub fn repr(obj: Value) -> Result<String, Exception> {
    python::whole_repr(&obj)
}

/// The memory that a pair takes, without that of its two elements.
const PAIR: usize = size_of::<Value>() + allocated(1);

/// Returns the number of elements, or `None` if the value has no length.
fn count(value: &Value) -> Result<Option<usize>, Exception> {
    Ok(match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => Some(items.len()),
        Value::Map(entries) => Some(entries.len()),
        Value::Text(text) => Some(text.chars().count()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::Ref(reference) => {
            return view(reference, |seen| match seen {
                // The range may be longer than a `usize` can count.
                Some(Seen::Range(range)) => range.length().map(|length| usize::try_from(length).ok()),
                seen => Ok(seen.and_then(|seen| seen.count())),
            });
        }
        _ => None,
    })
}

/// As [`count`], or `usize::MAX` if there are more.
fn at_most(value: &Value) -> Result<Option<usize>, Exception> {
    match value {
        Value::Ref(reference) => view(reference, |seen| Ok(seen.and_then(|seen| seen.count()))),
        value => count(value),
    }
}

type Visit<'a> = dyn FnMut(&Value) -> Result<ControlFlow<()>, Exception> + 'a;

/// As [`each`], for at most the first `most` elements, if the value may have far more.
fn first(most: usize, value: &Value, visit: &mut Visit<'_>) -> Result<(), Exception> {
    match value {
        Value::Ref(reference) => view(reference, |seen| match seen {
            Some(Seen::Range(range)) => made(range.first(most), visit),
            _ => each(value, visit),
        }),
        value => each(value, visit),
    }
}

/// Calls `visit` with each element in place, one after another, until it has seen enough.
fn each(value: &Value, visit: &mut Visit<'_>) -> Result<(), Exception> {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => all_of(items, visit),
        Value::Map(entries) => all_of(entries.iter().map(|(key, _)| key), visit),
        Value::Text(text) => made(text.chars(), visit),
        Value::Bytes(bytes) => made(bytes.iter().copied(), visit),
        Value::Ref(reference) => view(reference, |seen| match seen {
            Some(Seen::List(items) | Seen::Tuple(items) | Seen::Items(items) | Seen::Elements(items)) => {
                all_of(items, visit)
            }
            Some(Seen::Deque(items, _)) => all_of(items, visit),
            Some(Seen::Set(table)) => all_of(table.keys().map(python::Key::value), visit),
            Some(Seen::Dict(table, _)) => all_of(table.keys().map(python::Key::value), visit),
            Some(Seen::Text(text)) => made(text.chars(), visit),
            Some(Seen::Bytes(bytes)) => made(bytes.iter().copied(), visit),
            Some(Seen::Range(range)) => made(range.items()?, visit),
            Some(Seen::Entries(entries)) => all_of(entries.iter().map(|(key, _)| key), visit),
            Some(Seen::Chain(_) | Seen::Number(_) | Seen::Nothing) | None => Err(not_iterable(value)),
        }),
        other => Err(not_iterable(other)),
    }
}

fn all_of<'a>(items: impl IntoIterator<Item = &'a Value>, visit: &mut Visit<'_>) -> Result<(), Exception> {
    let mut effort = Effort::default();
    for item in items {
        effort.take(1)?;
        if visit(item)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn made<T: Into<Value>>(items: impl Iterator<Item = T>, visit: &mut Visit<'_>) -> Result<(), Exception> {
    let mut effort = Effort::default();
    for item in items {
        effort.take(1)?;
        if visit(&item.into())?.is_break() {
            break;
        }
    }
    Ok(())
}

fn not_iterable(value: &Value) -> Exception {
    Exception::TypeError(format!("'{}' object is not iterable", type_name(value)))
}

/// Returns whether there is an element that counts as `wanted`.
fn find(iterable: &Value, wanted: bool) -> Result<bool, Exception> {
    if let Value::Ref(reference) = iterable {
        let of_range = view(reference, |seen| match seen {
            // A range is not searched element by element.
            Some(Seen::Range(range)) if wanted => Ok(Some(range.has_nonzero())),
            Some(Seen::Range(range)) => range.contains_value(0.into()).map(Some),
            _ => Ok(None),
        });
        if let Some(found) = of_range? {
            return Ok(found);
        }
    }
    let mut found = false;
    each(iterable, &mut |item| {
        found = truth(item)? == wanted;
        Ok(if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// `sum += item`
fn add(sum: &mut Value, item: &Value, meter: &mut Meter) -> Result<(), Exception> {
    match (&mut *sum, item) {
        (Value::List(sum), Value::List(items)) | (Value::Tuple(sum), Value::Tuple(items)) => {
            items.iter().try_for_each(|item| meter.take(weight(item)))?;
            sum.extend_from_slice(items);
        }
        (sequence @ (Value::List(_) | Value::Tuple(_)), item) => {
            let (name, found) = (type_name(sequence), type_name(item));
            return Err(Exception::TypeError(format!("can only concatenate {name} (not \"{found}\") to {name}")));
        }
        (number, item) => *number = number::add(number, item)?,
    }
    Ok(())
}

/// Returns the smallest or the largest element; of equal ones, the first.
fn extreme(name: &str, comparison: Comparison, args: Vec<Value>, default: Arg<Value>) -> Result<Value, Exception> {
    let several = match <[Value; 1]>::try_from(args) {
        Ok([iterable]) => {
            let (mut best, mut comparing) = (None, Comparing::default());
            each(&iterable, &mut |item| {
                better(comparison, &mut comparing, &mut best, item)?;
                Ok(ControlFlow::Continue(()))
            })?;
            return best
                .or(default.given())
                .ok_or_else(|| Exception::ValueError(format!("{name}() arg is an empty sequence")));
        }
        Err(several) => several,
    };
    if several.is_empty() {
        return Err(Exception::TypeError(format!("{name} expected at least 1 argument, got 0")));
    }
    if !default.is_absent() {
        let message = format!("Cannot specify a default for {name}() with multiple positional arguments");
        return Err(Exception::TypeError(message));
    }
    let (mut best, mut comparing) = (None, Comparing::default());
    several.iter().try_for_each(|item| better(comparison, &mut comparing, &mut best, item))?;
    Ok(best.unwrap_or_default())
}

fn better(
    comparison: Comparison,
    comparing: &mut Comparing,
    best: &mut Option<Value>,
    item: &Value,
) -> Result<(), Exception> {
    let is_better = match best {
        Some(best) => comparing.holds(comparison, item, best)?,
        None => true,
    };
    if is_better {
        *best = Some(item.clone());
    }
    Ok(())
}

/// # Errors
/// `ValueError` unless all have `most` elements.
fn same_length(counts: &[usize], most: usize) -> Result<(), Exception> {
    let first_short = counts.iter().position(|&count| count == most);
    // CPython names the shortest argument; if that is the first, it names one that is longer.
    let (which, words) = match first_short {
        Some(0) => (counts.iter().position(|&count| count > most), "longer"),
        which => (which, "shorter"),
    };
    let Some(which) = which else { return Ok(()) };
    let others = if which == 1 { "argument 1".to_owned() } else { format!("arguments 1-{which}") };
    Err(Exception::ValueError(format!("zip() argument {} is {words} than {others}", which + 1)))
}
