//! `==` and `<` of values that may refer to live objects, which are looked into.

mod argument;
mod contents;

use super::equal;
use super::live::{Holds, Kind, Mapping, Seen, Sight, kind_of, sight};
use super::{Comparison, Effort, Table, type_name};
use crate::collections::ChainMap;
use crate::error::Exception;
use argument::Argument;
use contents::value_at;
use hashbrown::HashMap;
use std::rc::Rc;
use tarmem_remote::value::{Value, place_of};

/// How many levels of live objects within live objects can be compared or shown. CPython has a limit of another kind.
pub const LOOK_DEPTH: usize = 250;

/// One comparison, or the many of one search. It remembers what it found out about two live objects, since they do not
/// change meanwhile.
#[derive(Default)]
pub(crate) struct Comparing {
    depth: usize,
    /// Whether two objects, by their places, are equal; `None` while they are being compared.
    pairs: HashMap<(usize, usize), Option<bool>>,
    /// Whether two objects are in this order.
    orders: HashMap<(usize, usize, Comparison), bool>,
    /// The value with which all others are compared.
    argument: Argument,
    /// The merged contents of the chain that was last looked at, by its place.
    merged: Option<(usize, Rc<Table<Value>>)>,
    effort: Effort,
}

impl Comparing {
    /// Returns whether Python calls them equal as elements, for which identical objects are always equal.
    ///
    /// # Errors
    /// `RecursionError` if they are nested too deeply, or contain themselves; and those of looking into objects.
    #[inline]
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, Exception> {
        self.effort.take(1)?;
        if is_flat(a) && is_flat(b) { Ok(equal(a, b)) } else { self.nested(a, b) }
    }

    /// Returns whether an object is equal to a value.
    pub(crate) fn equals<T: Holds>(&mut self, object: &T, other: &Value) -> Result<bool, Exception> {
        let sight = Sight { seen: object.seen(), place: Some(place_of(object)), written: None };
        if !kind_of(other).may_equal(sight.seen.kind()) {
            return Ok(false);
        }
        self.shown(other, |this, other| this.sights(&sight, other))
    }

    /// Returns the position of the first of `items` that is equal to `value`.
    pub(crate) fn position<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Value>,
        value: &Value,
    ) -> Result<Option<usize>, Exception> {
        self.argument.remember(value);
        let mut items = items.into_iter().enumerate();
        while let Some((at, item)) = items.next() {
            match self.equal(item, value) {
                Ok(false) => {}
                Ok(true) => return Ok(Some(at)),
                Err(error) => return Err(self.all_at_once(error, items.map(|(_, item)| item))),
            }
        }
        Ok(None)
    }

    /// Returns the number of `items` that are equal to `value`.
    pub(crate) fn count<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Value>,
        value: &Value,
    ) -> Result<usize, Exception> {
        self.argument.remember(value);
        let mut items = items.into_iter();
        let mut count = 0;
        while let Some(item) = items.next() {
            match self.equal(item, value) {
                Ok(equal) => count += usize::from(equal),
                Err(error) => return Err(self.all_at_once(error, items)),
            }
        }
        Ok(count)
    }

    /// Returns whether `comparison` holds between `a` and `b`.
    ///
    /// # Errors
    /// `TypeError` if they cannot be ordered; and as [`equal`](Self::equal).
    #[inline]
    pub(crate) fn holds(&mut self, comparison: Comparison, a: &Value, b: &Value) -> Result<bool, Exception> {
        self.effort.take(1)?;
        if is_flat(a) && is_flat(b) { comparison.holds(a, b) } else { self.nested_holds(comparison, a, b) }
    }

    /// As [`holds`](Self::holds), of an object and a value. Python calls the object's class `name`.
    pub(crate) fn object_holds<T: Holds>(
        &mut self,
        comparison: Comparison,
        object: &T,
        name: &str,
        other: &Value,
    ) -> Result<bool, Exception> {
        let unsupported = || comparison.unsupported(name, type_name(other));
        let seen = object.seen();
        if kind_of(other) != seen.kind() {
            return Err(unsupported());
        }
        self.shown(other, |this, other| {
            this.seen_holds(comparison, &seen, &other.seen).unwrap_or_else(|| Err(unsupported()))
        })
    }

    /// Returns whether two lists have equal elements.
    pub(crate) fn items_equal(&mut self, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        self.lists(a.len(), a, b.len(), b)
    }

    /// Returns whether `comparison` holds between two lists, decided by the first elements that differ.
    pub(crate) fn items_hold(&mut self, comparison: Comparison, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        self.first_difference(comparison, a.len(), a, b.len(), b)
    }

    fn nested(&mut self, a: &Value, b: &Value) -> Result<bool, Exception> {
        match (a, b) {
            (Value::Ref(a), Value::Ref(b)) if a == b => Ok(true),
            (Value::Ref(_), _) | (_, Value::Ref(_)) => {
                if !kind_of(a).may_equal(kind_of(b)) {
                    return Ok(false);
                }
                self.shown(a, |this, a| this.shown(b, |this, b| this.sights(a, b)))
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                self.deeper(|this| this.lists(a.len(), a, b.len(), b))
            }
            (Value::Map(a), Value::Map(b)) => self.deeper(|this| this.entries(a, b)),
            (Value::Set(a), Value::Set(b)) => self.elements(a, b),
            (Value::Text(a), Value::Text(b)) => self.bytes_equal(a.as_bytes(), b.as_bytes()),
            (Value::Bytes(a), Value::Bytes(b)) => self.bytes_equal(a, b),
            _ => Ok(equal(a, b)),
        }
    }

    fn nested_holds(&mut self, comparison: Comparison, a: &Value, b: &Value) -> Result<bool, Exception> {
        let unsupported = || comparison.unsupported(type_name(a), type_name(b));
        match (a, b) {
            (Value::Ref(_), _) | (_, Value::Ref(_)) => {
                if kind_of(a) != kind_of(b) {
                    return Err(unsupported());
                }
                self.shown(a, |this, a| {
                    this.shown(b, |this, b| {
                        let pair = a.place.zip(b.place).map(|(a, b)| (a, b, comparison));
                        if let Some(known) = pair.and_then(|pair| this.orders.get(&pair)) {
                            return Ok(*known);
                        }
                        let holds =
                            this.seen_holds(comparison, &a.seen, &b.seen).unwrap_or_else(|| Err(unsupported()))?;
                        if let Some(pair) = pair {
                            this.orders.insert(pair, holds);
                        }
                        Ok(holds)
                    })
                })
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                self.deeper(|this| this.first_difference(comparison, a.len(), a, b.len(), b))
            }
            (Value::Set(a), Value::Set(b)) => Ok(match (self.table(a)?, self.table(b)?) {
                (Ok(a), Ok(b)) => self.sets_hold(comparison, &a, &b)?,
                _ => false,
            }),
            (Value::Text(a), Value::Text(b)) => self.bytes_hold(comparison, a.as_bytes(), b.as_bytes()),
            (Value::Bytes(a), Value::Bytes(b)) => self.bytes_hold(comparison, a, b),
            _ => comparison.holds(a, b),
        }
    }

    /// Calls `f` with a value or, if it refers to an object, with the contents of that.
    fn shown<R>(
        &mut self,
        value: &Value,
        f: impl FnOnce(&mut Self, &Sight<'_>) -> Result<R, Exception>,
    ) -> Result<R, Exception> {
        let Value::Ref(reference) = value else {
            return f(self, &Sight { seen: Seen::of(value), place: self.argument.place(value), written: None });
        };
        sight(reference, |sight| {
            let sight = match sight {
                Some(Sight { seen: Seen::Chain(chain), place, .. }) => return self.chain(chain, place, f),
                Some(sight) => sight,
                None => Sight { seen: Seen::Nothing, place: None, written: None },
            };
            if let Seen::Number(Value::Int(n)) = &sight.seen {
                self.effort.take_bytes(n.weight())?;
            }
            f(self, &sight)
        })
    }

    /// As [`shown`](Self::shown), of a chain. It is a function of its own, because the stack has one of its frames at
    /// every level.
    #[cold]
    #[inline(never)]
    fn chain<R>(
        &mut self,
        chain: &ChainMap,
        place: Option<usize>,
        f: impl FnOnce(&mut Self, &Sight<'_>) -> Result<R, Exception>,
    ) -> Result<R, Exception> {
        // A chain counts as two levels, since it takes the stack of two.
        if self.depth + 1 >= LOOK_DEPTH {
            return Err(too_deep());
        }
        let merged = match &self.merged {
            Some((of, merged)) if Some(*of) == place => Rc::clone(merged),
            _ => Rc::new(chain.merged()?),
        };
        self.merged = place.map(|place| (place, Rc::clone(&merged)));
        self.depth += 1;
        let result = f(self, &Sight { seen: Seen::Dict(&merged, Mapping::Chain), place, written: None });
        self.depth -= 1;
        result
    }

    fn sights(&mut self, a: &Sight<'_>, b: &Sight<'_>) -> Result<bool, Exception> {
        let (Some(one), Some(other)) = (a.place, b.place) else {
            return self.deeper(|this| this.seen_equal(&a.seen, &b.seen));
        };
        if one == other && !matches!(a.seen, Seen::Number(_)) {
            return Ok(true);
        }
        match self.pairs.insert((one, other), None) {
            Some(None) => return Err(too_deep()),
            Some(Some(known)) => {
                self.pairs.insert((one, other), Some(known));
                return Ok(known);
            }
            None => {}
        }
        let equal = self.deeper(|this| this.seen_equal(&a.seen, &b.seen))?;
        self.pairs.insert((one, other), Some(equal));
        Ok(equal)
    }

    fn deeper<R>(&mut self, f: impl FnOnce(&mut Self) -> Result<R, Exception>) -> Result<R, Exception> {
        if self.depth == LOOK_DEPTH {
            return Err(too_deep());
        }
        self.depth += 1;
        let result = with_stack(|| f(self));
        self.depth -= 1;
        result
    }

    fn seen_equal(&mut self, a: &Seen<'_>, b: &Seen<'_>) -> Result<bool, Exception> {
        match (a, b) {
            (Seen::List(a), Seen::List(b)) | (Seen::Tuple(a), Seen::Tuple(b)) => self.lists(a.len(), *a, b.len(), *b),
            (Seen::Deque(a, _), Seen::Deque(b, _)) => self.lists(a.len(), *a, b.len(), *b),
            (Seen::Dict(a, Mapping::Counter), Seen::Dict(b, Mapping::Counter)) => self.counts(a, b),
            (Seen::Dict(a, one), Seen::Dict(b, other)) => {
                let ordered = matches!((one, other), (Mapping::Ordered, Mapping::Ordered));
                let same_order = !ordered || self.same_keys(a, b)?;
                Ok(same_order && a.len() == b.len() && self.tables(a.iter(), |key| b.get(key))?)
            }
            (Seen::Dict(table, _), Seen::Entries(entries)) | (Seen::Entries(entries), Seen::Dict(table, _)) => {
                // If a key occurs twice, its last entry counts; so there may be more entries than keys.
                if table.len() > entries.len() {
                    return Ok(false);
                }
                match self.places(entries)? {
                    Some(places) if places.len() == table.len() => {
                        self.tables(table.iter(), |key| value_at(entries, &places, key))
                    }
                    _ => Ok(false),
                }
            }
            (Seen::Entries(a), Seen::Entries(b)) => self.entries(a, b),
            (Seen::Set(a), Seen::Set(b)) => self.sets_equal(a, b),
            (Seen::Set(table), Seen::Elements(items)) | (Seen::Elements(items), Seen::Set(table)) => {
                if table.len() > items.len() {
                    return Ok(false);
                }
                match self.table(items)? {
                    Ok(items) => self.sets_equal(table, &items),
                    Err(_) => Ok(false),
                }
            }
            (Seen::Elements(a), Seen::Elements(b)) => self.elements(a, b),
            (Seen::Text(a), Seen::Text(b)) => self.bytes_equal(a.as_bytes(), b.as_bytes()),
            (Seen::Bytes(a), Seen::Bytes(b)) => self.bytes_equal(a, b),
            (Seen::Number(a), Seen::Number(b)) => Ok(equal(a, b)),
            (Seen::Range(a), Seen::Range(b)) => Ok(a.same(b)),
            _ => Ok(false),
        }
    }

    /// Returns `None` if they cannot be ordered.
    fn seen_holds(&mut self, comparison: Comparison, a: &Seen<'_>, b: &Seen<'_>) -> Option<Result<bool, Exception>> {
        match (a, b) {
            (Seen::List(a), Seen::List(b)) | (Seen::Tuple(a), Seen::Tuple(b)) => {
                Some(self.deeper(|this| this.first_difference(comparison, a.len(), *a, b.len(), *b)))
            }
            (Seen::Deque(a, _), Seen::Deque(b, _)) => {
                Some(self.deeper(|this| this.first_difference(comparison, a.len(), *a, b.len(), *b)))
            }
            (Seen::Dict(a, Mapping::Counter), Seen::Dict(b, Mapping::Counter)) => {
                Some(self.deeper(|this| this.counts_hold(comparison, a, b)))
            }
            (Seen::Set(a), Seen::Set(b)) => Some(self.sets_hold(comparison, a, b)),
            (Seen::Set(a), Seen::Elements(b)) => {
                Some(self.table(b).flatten().and_then(|b| self.sets_hold(comparison, a, &b)))
            }
            (Seen::Elements(a), Seen::Set(b)) => {
                Some(self.table(a).flatten().and_then(|a| self.sets_hold(comparison, &a, b)))
            }
            (Seen::Text(a), Seen::Text(b)) => Some(self.bytes_hold(comparison, a.as_bytes(), b.as_bytes())),
            (Seen::Bytes(a), Seen::Bytes(b)) => Some(self.bytes_hold(comparison, a, b)),
            (Seen::Number(a), Seen::Number(b)) => Some(comparison.holds(a, b)),
            _ => None,
        }
    }
}

/// Returns whether the value is looked at in one step.
fn is_flat(value: &Value) -> bool {
    /// In bytes.
    const SHORT: usize = 64;
    match value {
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) | Value::Ref(_) => false,
        Value::Text(text) => text.len() <= SHORT,
        Value::Bytes(bytes) => bytes.len() <= SHORT,
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => true,
    }
}

/// Runs `f` with enough stack for one more level, on whatever thread. A level takes some kilobytes, so in a debug build
/// the deepest nesting takes more than the two megabytes that a thread usually has.
#[inline]
pub(super) fn with_stack<R>(f: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(128 << 10, 1 << 20, f)
}

fn too_deep() -> Exception {
    Exception::RecursionError("maximum recursion depth exceeded in comparison".to_owned())
}

impl Kind {
    /// Returns whether values of these kinds can be equal. If not, they are not looked into.
    fn may_equal(self, other: Kind) -> bool {
        self == other && self != Kind::Other
    }
}
