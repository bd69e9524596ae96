//! Live objects as operands: what a reference to one holds, where a service runs the method that has it.
//!
//! A method reads all that it refers to before it changes anything. Then it can fail where others use one of the objects, and the
//! service runs it again once it holds them all: see [`RefScope::look`](crate::value::RefScope::look).

use super::{Key, Meter, Table, check_result, copied, iterate, weight};
use crate::modules::builtins::{
    Bool, ByteArray, Bytes, Complex, Dict, Float, FrozenSet, Int, List, Range, Set, Str, Tuple,
};
use crate::modules::collections::{Counter, DefaultDict, Deque, OrderedDict};
use crate::modules::error::Exception;
use crate::modules::multiprocessing::SharedArray;
use crate::object::{Object, Remote};
use crate::value::{self, Looked, ObjectRef, Value};
use std::any::Any;
use std::collections::VecDeque;

pub(crate) use crate::value::lending;

/// What an object of the modules holds, to look at.
pub(crate) enum Seen<'a> {
    List(&'a [Value]),
    Tuple(&'a [Value]),
    Deque(&'a VecDeque<Value>),
    Set(&'a Table<()>),
    Dict(&'a Table<Value>),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Elements, and nothing that Python has a plain type for.
    Items(&'a [Value]),
    Number(Value),
    Range(&'a Range),
}

/// A class whose objects hold something that others may look at.
pub(crate) trait Holds: Object {
    fn seen(&self) -> Seen<'_>;
}

type See = for<'a> fn(&'a dyn Object) -> Option<Seen<'a>>;

fn see<T: Holds>(object: &dyn Object) -> Option<Seen<'_>> {
    (object as &dyn Any).downcast_ref::<T>().map(T::seen)
}

/// The classes that are looked into, by their paths.
const CLASSES: [(&str, See); 18] = [
    (List::PATH, see::<List>),
    (Dict::PATH, see::<Dict>),
    (Str::PATH, see::<Str>),
    (Set::PATH, see::<Set>),
    (Tuple::PATH, see::<Tuple>),
    (Bytes::PATH, see::<Bytes>),
    (Int::PATH, see::<Int>),
    (Float::PATH, see::<Float>),
    (Bool::PATH, see::<Bool>),
    (Deque::PATH, see::<Deque>),
    (OrderedDict::PATH, see::<OrderedDict>),
    (DefaultDict::PATH, see::<DefaultDict>),
    (Counter::PATH, see::<Counter>),
    (ByteArray::PATH, see::<ByteArray>),
    (Complex::PATH, see::<Complex>),
    (Range::PATH, see::<Range>),
    (FrozenSet::PATH, see::<FrozenSet>),
    (SharedArray::PATH, see::<SharedArray>),
];

/// Gives `f` what an object of the modules holds; nothing of any other object, which is not even asked for.
///
/// # Errors
/// Those of `f`; and [`Exception::busy`], which nobody sees, if others use the object.
pub(crate) fn view<R>(
    reference: &ObjectRef,
    f: impl FnOnce(Option<Seen<'_>>) -> Result<R, Exception>,
) -> Result<R, Exception> {
    let Some((_, see)) = CLASSES.iter().find(|(path, _)| *path == reference.class()) else { return f(None) };
    let (mut f, mut result) = (Some(f), None);
    let looked = value::look(reference, &mut |object| {
        if let Some(f) = f.take() {
            result = Some(f(see(object)));
        }
    });
    match (result, f) {
        (Some(result), _) => result,
        (None, Some(f)) if looked == Looked::Closed => f(None),
        _ => Err(Exception::busy()),
    }
}

/// A value as it is; a reference to a live object of the modules as a plain value of its Python type, one level deep. A deque has
/// no such value, and stays what it is.
///
/// # Errors
/// As [`view`].
pub(crate) fn plain(value: Value) -> Result<Value, Exception> {
    match value {
        Value::Ref(reference) => view(&reference, |seen| {
            seen.as_ref().and_then(Seen::plain).unwrap_or_else(|| Ok(Value::Ref(reference.clone())))
        }),
        value => Ok(value),
    }
}

/// What Python calls the type of an object.
pub(super) fn type_of(reference: &ObjectRef) -> &str {
    match reference.class() {
        path if path == Counter::PATH => "Counter",
        path => path.strip_prefix("builtins.").unwrap_or(path),
    }
}

impl Seen<'_> {
    fn plain(&self) -> Option<Result<Value, Exception>> {
        Some(match self {
            Seen::List(items) => copied(items.iter()).map(Value::List),
            Seen::Tuple(items) => copied(items.iter()).map(Value::Tuple),
            Seen::Set(table) => copied(table.keys().map(Key::value)).map(Value::Set),
            Seen::Dict(table) => copied_pairs(table).map(Value::Map),
            Seen::Text(text) => check_result(1, text.len()).map(|()| (*text).into()),
            Seen::Bytes(bytes) => check_result(1, bytes.len()).map(|()| Value::Bytes(bytes.to_vec())),
            Seen::Number(number) => Ok(number.clone()),
            Seen::Deque(_) | Seen::Items(_) | Seen::Range(_) => return None,
        })
    }

    /// What is iterated over; `None` if there is no such thing.
    pub(super) fn elements(&self) -> Option<Result<Vec<Value>, Exception>> {
        Some(match self {
            Seen::List(items) | Seen::Tuple(items) | Seen::Items(items) => copied(items.iter()),
            Seen::Deque(items) => copied(items.iter()),
            Seen::Set(table) => copied(table.keys().map(Key::value)),
            Seen::Dict(table) => copied(table.keys().map(Key::value)),
            Seen::Text(_) | Seen::Bytes(_) => self.plain()?.and_then(iterate),
            Seen::Range(range) => range.items().map(Iterator::collect),
            Seen::Number(_) => return None,
        })
    }
}

fn copied_pairs(table: &Table<Value>) -> Result<Vec<(Value, Value)>, Exception> {
    let mut meter = Meter::default();
    let pair = |(key, value): (&Key, &Value)| {
        meter.take(weight(key.value()) + weight(value))?;
        Ok((key.value().clone(), value.clone()))
    };
    table.iter().map(pair).collect()
}
