//! Live objects as operands: what a reference to one holds, where a service runs the method that has it.
//!
//! A method reads all that it refers to before it changes anything. Then it can fail where others use one of the
//! objects, and the service runs it again once it holds them all: see
//! [`RefScope::look`](tarmem_remote::value::RefScope::look).

use super::{Effort, Key, Meter, Table, check_result, copied, iterate, truthy, weight};
use crate::builtins::{Bool, ByteArray, Bytes, Complex, Dict, Float, FrozenSet, Int, List, Range, Set, Str, Tuple};
use crate::collections::{ChainMap, Counter, DefaultDict, Deque, NamedTuple, OrderedDict};
use crate::error::Exception;
use crate::multiprocessing::SharedArray;
use std::any::Any;
use std::borrow::Cow;
use std::collections::VecDeque;
use tarmem_remote::object::{Object, Remote};
use tarmem_remote::value::{self, Looked, ObjectRef, Value, place_of};

pub(super) use crate::error::is_busy;
pub(crate) use tarmem_remote::value::lending;

/// What a value is, or an object of the modules holds, to look at.
pub(crate) enum Seen<'a> {
    List(&'a [Value]),
    Tuple(&'a [Value]),
    /// With the most elements that it holds.
    Deque(&'a VecDeque<Value>, Option<usize>),
    Set(&'a Table<()>),
    Dict(&'a Table<Value>, Mapping),
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(Value),
    /// Elements, and nothing that Python has a plain type for.
    Items(&'a [Value]),
    Range(&'a Range),
    /// The elements of a plain set.
    Elements(&'a [Value]),
    /// Those of a plain map.
    Entries(&'a [(Value, Value)]),
    /// What has yet to be [merged](Seen::merged).
    Chain(&'a ChainMap),
    Nothing,
}

/// What kind of a dict.
pub(crate) enum Mapping {
    Plain,
    Ordered,
    Counter,
    /// With its factory, as Python writes it.
    Default(String),
    /// All that is in the maps of a chain.
    Chain,
}

/// What can be equal, or has an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    List,
    Tuple,
    Deque,
    Set,
    Dict,
    Text,
    Bytes,
    Number,
    Range,
    /// Anything else, which is equal to itself alone.
    Other,
}

/// What a value is or an object holds, and where the object is.
pub(crate) struct Sight<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) place: Option<usize>,
    pub(crate) written: Option<Written<'a>>,
}

/// Writes an object as Python does, if that does not follow from what it holds.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a>(&'a dyn Any, fn(&dyn Any) -> Option<String>);

impl Written<'_> {
    pub(super) fn text(self) -> Option<String> {
        (self.1)(self.0)
    }
}

/// A class whose objects hold something that others may look at.
pub(crate) trait Holds: Object {
    fn seen(&self) -> Seen<'_>;

    /// How Python writes it, where that does not follow from what it holds.
    fn written(&self) -> Option<String> {
        None
    }
}

type See = for<'a> fn(&'a dyn Any) -> Option<Seen<'a>>;

fn see<T: Holds>(object: &dyn Any) -> Option<Seen<'_>> {
    object.downcast_ref::<T>().map(T::seen)
}

fn write<T: Holds>(object: &dyn Any) -> Option<String> {
    object.downcast_ref::<T>().and_then(T::written)
}

type Class = (&'static str, Kind, See, fn(&dyn Any) -> Option<String>);

/// The classes that are looked into, by their paths.
static CLASSES: [Class; 20] = [
    (List::PATH, Kind::List, see::<List>, write::<List>),
    (Dict::PATH, Kind::Dict, see::<Dict>, write::<Dict>),
    (Str::PATH, Kind::Text, see::<Str>, write::<Str>),
    (Set::PATH, Kind::Set, see::<Set>, write::<Set>),
    (Tuple::PATH, Kind::Tuple, see::<Tuple>, write::<Tuple>),
    (Bytes::PATH, Kind::Bytes, see::<Bytes>, write::<Bytes>),
    (Int::PATH, Kind::Number, see::<Int>, write::<Int>),
    (Float::PATH, Kind::Number, see::<Float>, write::<Float>),
    (Bool::PATH, Kind::Number, see::<Bool>, write::<Bool>),
    (Deque::PATH, Kind::Deque, see::<Deque>, write::<Deque>),
    (OrderedDict::PATH, Kind::Dict, see::<OrderedDict>, write::<OrderedDict>),
    (DefaultDict::PATH, Kind::Dict, see::<DefaultDict>, write::<DefaultDict>),
    (Counter::PATH, Kind::Dict, see::<Counter>, write::<Counter>),
    (ChainMap::PATH, Kind::Dict, see::<ChainMap>, write::<ChainMap>),
    (NamedTuple::PATH, Kind::Tuple, see::<NamedTuple>, write::<NamedTuple>),
    (ByteArray::PATH, Kind::Bytes, see::<ByteArray>, write::<ByteArray>),
    (Complex::PATH, Kind::Number, see::<Complex>, write::<Complex>),
    (Range::PATH, Kind::Range, see::<Range>, write::<Range>),
    (FrozenSet::PATH, Kind::Set, see::<FrozenSet>, write::<FrozenSet>),
    (SharedArray::PATH, Kind::Other, see::<SharedArray>, write::<SharedArray>),
];

/// Returns the kind of a value or, by its class alone, of the object that it refers to.
pub(crate) fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Ref(reference) => class(reference).map_or(Kind::Other, |(_, kind, ..)| *kind),
        value => Seen::of(value).kind(),
    }
}

fn class(reference: &ObjectRef) -> Option<&'static Class> {
    CLASSES.iter().find(|(path, ..)| *path == reference.class())
}

/// Gives `f` what an object of the modules holds; nothing of any other object, which is not even asked for.
///
/// # Errors
/// Those of `f`; and [`Exception::busy`], which nobody sees, if others use the object.
pub(crate) fn view<R>(
    reference: &ObjectRef,
    f: impl FnOnce(Option<Seen<'_>>) -> Result<R, Exception>,
) -> Result<R, Exception> {
    sight(reference, |sight| match sight {
        Some(sight) => sight.seen.merged(|seen| f(Some(seen))),
        None => f(None),
    })
}

/// As [`view`], with the place where the object is, and a chain as it is.
pub(super) fn sight<R>(
    reference: &ObjectRef,
    f: impl FnOnce(Option<Sight<'_>>) -> Result<R, Exception>,
) -> Result<R, Exception> {
    let Some((_, _, see, write)) = class(reference) else { return f(None) };
    Effort::default().take(1)?;
    let (mut f, mut result) = (Some(f), None);
    let looked = value::look(reference, &mut |object| {
        if let Some(f) = f.take() {
            let written = Some(Written(object, *write));
            result = Some(f(see(object).map(|seen| Sight { seen, place: Some(place_of(object)), written })));
        }
    });
    match (result, f) {
        (Some(result), _) => result,
        (None, Some(f)) if looked == Looked::Closed => f(None),
        _ => Err(Exception::busy()),
    }
}

/// Looks at the objects that these refer to, so that those that are in use are asked for together.
pub(super) fn look_ahead<'a>(values: impl Iterator<Item = &'a Value>) {
    /// More are not worth it.
    const AHEAD: usize = 1_000;
    let references = values.take(AHEAD).filter_map(Value::as_object).filter(|reference| class(reference).is_some());
    for reference in references {
        value::look(reference, &mut |_| {});
    }
}

/// A value as it is; a reference to a live object of the modules as a plain value of its Python type, one level deep. A
/// deque has no such value, and stays what it is.
///
/// # Errors
/// As [`view`].
pub(crate) fn plain(value: Value) -> Result<Value, Exception> {
    match value {
        Value::Ref(reference) => view(&reference, |seen| {
            seen.and_then(|seen| seen.plain()).unwrap_or_else(|| Ok(Value::Ref(reference.clone())))
        }),
        value => Ok(value),
    }
}

/// As [`plain`], with what Python calls the type of the object, if it is one: for an error that names it.
///
/// # Errors
/// As there.
pub(crate) fn plain_and_class(value: Value) -> Result<(Value, Option<String>), Exception> {
    let class = value.as_object().map(|reference| type_of(reference).to_owned());
    plain(value).map(|value| (value, class))
}

/// An argument as an operand, which is what it is worth: a reference to a live number, text or bytes as that, and
/// everything else as it is, for no more than a branch. Whatever takes an argument as a number, an index, a count, a
/// text or bytes asks here first; an error names the type of what was given.
///
/// A complex number, which is a plain value of no such kind, stays what it is.
///
/// # Errors
/// As [`view`].
#[inline]
pub(crate) fn operand(value: &Value) -> Result<Cow<'_, Value>, Exception> {
    match value {
        Value::Ref(reference) => worth(value, reference),
        value => Ok(Cow::Borrowed(value)),
    }
}

#[cold]
fn worth<'a>(value: &'a Value, reference: &ObjectRef) -> Result<Cow<'a, Value>, Exception> {
    if !matches!(kind_of(value), Kind::Number | Kind::Text | Kind::Bytes) {
        return Ok(Cow::Borrowed(value));
    }
    view(reference, |seen| match seen {
        Some(Seen::Number(Value::Map(_))) => Ok(Cow::Borrowed(value)),
        Some(seen) => seen.plain().map_or(Ok(Cow::Borrowed(value)), |plain| plain.map(Cow::Owned)),
        None => Ok(Cow::Borrowed(value)),
    })
}

/// Returns whether a value counts as true; of a live object of the modules, what it holds.
///
/// # Errors
/// As [`view`].
#[inline]
pub(crate) fn truth(value: &Value) -> Result<bool, Exception> {
    match value {
        Value::Ref(reference) => view(reference, |seen| Ok(seen.is_none_or(|seen| seen.truth()))),
        value => Ok(truthy(value)),
    }
}

/// What Python calls the type of an object.
pub(super) fn type_of(reference: &ObjectRef) -> &str {
    match reference.class() {
        path if path == Counter::PATH => "Counter",
        path if path == ChainMap::PATH => "ChainMap",
        path => path.strip_prefix("builtins.").unwrap_or(path),
    }
}

impl<'a> Seen<'a> {
    /// What a value is; nothing if it refers to an object.
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::List(items) => Seen::List(items),
            Value::Tuple(items) => Seen::Tuple(items),
            Value::Set(items) => Seen::Elements(items),
            Value::Map(entries) => Seen::Entries(entries),
            Value::Text(text) => Seen::Text(text),
            Value::Bytes(bytes) => Seen::Bytes(bytes),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => Seen::Number(value.clone()),
            Value::Null | Value::Ref(_) => Seen::Nothing,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Seen::List(_) => Kind::List,
            Seen::Tuple(_) => Kind::Tuple,
            Seen::Deque(..) => Kind::Deque,
            Seen::Set(_) | Seen::Elements(_) => Kind::Set,
            Seen::Dict(..) | Seen::Entries(_) | Seen::Chain(_) => Kind::Dict,
            Seen::Text(_) => Kind::Text,
            Seen::Bytes(_) => Kind::Bytes,
            Seen::Number(_) => Kind::Number,
            Seen::Range(_) => Kind::Range,
            Seen::Items(_) | Seen::Nothing => Kind::Other,
        }
    }

    /// How many elements there are, or the most that can be counted; `None` if it has none.
    pub(crate) fn count(&self) -> Option<usize> {
        Some(match self {
            Seen::List(items) | Seen::Tuple(items) | Seen::Items(items) | Seen::Elements(items) => items.len(),
            Seen::Deque(items, _) => items.len(),
            Seen::Set(table) => table.len(),
            Seen::Dict(table, _) => table.len(),
            Seen::Text(text) => text.chars().count(),
            Seen::Bytes(bytes) => bytes.len(),
            Seen::Range(range) => range.count(),
            Seen::Entries(entries) => entries.len(),
            Seen::Chain(_) | Seen::Number(_) | Seen::Nothing => return None,
        })
    }

    fn truth(&self) -> bool {
        match self {
            // Of a complex number, that of its parts.
            Seen::Number(Value::Map(parts)) => parts.iter().any(|(_, part)| truthy(part)),
            Seen::Number(number) => truthy(number),
            Seen::Text(text) => !text.is_empty(),
            seen => seen.count() != Some(0),
        }
    }

    fn plain(&self) -> Option<Result<Value, Exception>> {
        Some(match self {
            Seen::List(items) => copied(items.iter()).map(Value::List),
            Seen::Tuple(items) => copied(items.iter()).map(Value::Tuple),
            Seen::Elements(items) => copied(items.iter()).map(Value::Set),
            Seen::Set(table) => copied(table.keys().map(Key::value)).map(Value::Set),
            Seen::Dict(table, _) => copied_pairs(table).map(Value::Map),
            Seen::Text(text) => text_of_bytes(text.len()).map(|()| (*text).into()),
            Seen::Bytes(bytes) => text_of_bytes(bytes.len()).map(|()| Value::Bytes(bytes.to_vec())),
            Seen::Number(number) => Ok(number.clone()),
            Seen::Deque(..) | Seen::Items(_) | Seen::Range(_) | Seen::Entries(_) | Seen::Chain(_) | Seen::Nothing => {
                return None;
            }
        })
    }

    /// What is iterated over; `None` if there is no such thing.
    pub(super) fn elements(&self) -> Option<Result<Vec<Value>, Exception>> {
        Some(match self {
            Seen::List(items) | Seen::Tuple(items) | Seen::Items(items) | Seen::Elements(items) => copied(items.iter()),
            Seen::Deque(items, _) => copied(items.iter()),
            Seen::Set(table) => copied(table.keys().map(Key::value)),
            Seen::Dict(table, _) => copied(table.keys().map(Key::value)),
            Seen::Entries(entries) => copied(entries.iter().map(|(key, _)| key)),
            Seen::Text(_) | Seen::Bytes(_) => self.plain()?.and_then(iterate),
            Seen::Range(range) => range.items().map(Iterator::collect),
            Seen::Chain(_) | Seen::Number(_) | Seen::Nothing => return None,
        })
    }

    /// Gives `f` what is seen: of a chain what is in all its maps.
    ///
    /// # Errors
    /// Those of `f`, and of looking into the live ones.
    pub(super) fn merged<R>(self, f: impl FnOnce(Seen<'_>) -> Result<R, Exception>) -> Result<R, Exception> {
        match self {
            Seen::Chain(chain) => f(Seen::Dict(&chain.merged()?, Mapping::Chain)),
            seen => f(seen),
        }
    }
}

/// A copy of so many bytes is to be made.
fn text_of_bytes(bytes: usize) -> Result<(), Exception> {
    check_result(1, bytes)?;
    Effort::default().take_bytes(bytes)
}

fn copied_pairs(table: &Table<Value>) -> Result<Vec<(Value, Value)>, Exception> {
    let (mut meter, mut effort) = (Meter::default(), Effort::default());
    let pair = |(key, value): (&Key, &Value)| {
        effort.take(1)?;
        meter.take(weight(key.value()) + weight(value))?;
        Ok((key.value().clone(), value.clone()))
    };
    table.iter().map(pair).collect()
}
