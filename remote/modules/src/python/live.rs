//! Live objects as operands: the contents of an object that a value refers to, where a service runs the method that has
//! it.
//!
//! A method reads everything that it refers to before it changes anything. So it can fail if one of the objects is in
//! use, and the service runs it again once it holds all of them: see
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

/// A view of a value, or of the contents of an object of the modules.
pub(crate) enum Seen<'a> {
    List(&'a [Value]),
    Tuple(&'a [Value]),
    /// With the maximum number of elements.
    Deque(&'a VecDeque<Value>, Option<usize>),
    Set(&'a Table<()>),
    Dict(&'a Table<Value>, Mapping),
    Text(&'a str),
    Bytes(&'a [u8]),
    Number(Value),
    /// Elements of an object for which Python has no plain type.
    Items(&'a [Value]),
    Range(&'a Range),
    /// The elements of a plain set.
    Elements(&'a [Value]),
    /// The entries of a plain map.
    Entries(&'a [(Value, Value)]),
    /// A chain, which has yet to be [merged](Seen::merged).
    Chain(&'a ChainMap),
    Nothing,
}

/// The kind of a dict.
pub(crate) enum Mapping {
    Plain,
    Ordered,
    Counter,
    /// With the `repr` of its factory.
    Default(String),
    /// The merged maps of a chain.
    Chain,
}

/// Kinds of values that can be equal to one another, or ordered.
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
    /// Anything else, which is equal only to itself.
    Other,
}

/// A view of a value or an object, with the place of the object.
pub(crate) struct Sight<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) place: Option<usize>,
    pub(crate) written: Option<Written<'a>>,
}

/// The `repr` of an object, if it does not follow from its contents.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a>(&'a dyn Any, fn(&dyn Any) -> Option<String>);

impl Written<'_> {
    pub(super) fn text(self) -> Option<String> {
        (self.1)(self.0)
    }
}

/// A class whose objects' contents can be looked at.
pub(crate) trait Holds: Object {
    fn seen(&self) -> Seen<'_>;

    /// Returns the `repr`, if it does not follow from the contents.
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

/// The classes whose objects are looked into, by their paths.
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

/// Returns the kind of a value or, by class alone, of the object that it refers to.
pub(crate) fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Ref(reference) => class(reference).map_or(Kind::Other, |(_, kind, ..)| *kind),
        value => Seen::of(value).kind(),
    }
}

fn class(reference: &ObjectRef) -> Option<&'static Class> {
    CLASSES.iter().find(|(path, ..)| *path == reference.class())
}

/// Calls `f` with the contents of an object of the modules, or with `None` for any other object, which is not even
/// looked up.
///
/// # Errors
/// Those of `f`; and [`Exception::busy`], which nobody sees, if the object is in use.
pub(crate) fn view<R>(
    reference: &ObjectRef,
    f: impl FnOnce(Option<Seen<'_>>) -> Result<R, Exception>,
) -> Result<R, Exception> {
    sight(reference, |sight| match sight {
        Some(sight) => sight.seen.merged(|seen| f(Some(seen))),
        None => f(None),
    })
}

/// As [`view`], with the place of the object, and with a chain that is not merged.
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

/// Looks at the objects that these refer to, so that those in use are waited for together.
pub(super) fn look_ahead<'a>(values: impl Iterator<Item = &'a Value>) {
    /// Looking at more is not worthwhile.
    const AHEAD: usize = 1_000;
    let references = values.take(AHEAD).filter_map(Value::as_object).filter(|reference| class(reference).is_some());
    for reference in references {
        value::look(reference, &mut |_| {});
    }
}

/// Converts a reference to a live object of the modules to a plain value of its Python type, one level deep. Any other
/// value stays as it is, and so does a reference to a deque, which has no such value.
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

/// As [`plain`], with the name of the object's Python type, if it was an object; for errors that name it.
///
/// # Errors
/// As [`plain`].
pub(crate) fn plain_and_class(value: Value) -> Result<(Value, Option<String>), Exception> {
    let class = value.as_object().map(|reference| type_of(reference).to_owned());
    plain(value).map(|value| (value, class))
}

/// Converts an argument to an operand: a reference to a live number, text or bytes to its value. Everything else stays
/// as it is, for no more than a branch. All code that takes a number, an index, a count, a text or bytes calls this
/// first; errors name the type of what was passed.
///
/// A reference to a complex number, which has no such plain value, stays as it is.
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

/// Returns whether a value counts as true. A live object of the modules counts as its contents do.
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

/// Returns Python's name of an object's type.
pub(super) fn type_of(reference: &ObjectRef) -> &str {
    match reference.class() {
        path if path == Counter::PATH => "Counter",
        path if path == ChainMap::PATH => "ChainMap",
        path => path.strip_prefix("builtins.").unwrap_or(path),
    }
}

impl<'a> Seen<'a> {
    /// Returns the view of a value. A reference shows nothing.
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

    /// Returns the number of elements, or `usize::MAX` if there are more; `None` if it has none.
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
            // A complex number counts as true if one of its parts does.
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

    /// Returns the elements to iterate over, or `None` if it has none.
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

    /// Calls `f` with this view, or, for a chain, with its maps merged.
    ///
    /// # Errors
    /// Those of `f`, and those of looking into live maps.
    pub(super) fn merged<R>(self, f: impl FnOnce(Seen<'_>) -> Result<R, Exception>) -> Result<R, Exception> {
        match self {
            Seen::Chain(chain) => f(Seen::Dict(&chain.merged()?, Mapping::Chain)),
            seen => f(seen),
        }
    }
}

/// Counts a copy of this many bytes.
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
