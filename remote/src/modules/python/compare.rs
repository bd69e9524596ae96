//! `==` and `<` of values that may refer to live objects: these are looked into.

use super::equality;
use super::live::{Holds, Kind, Mapping, Seen, Sight, is_busy, kind_of, look_ahead, sight};
use super::{Comparison, Key, Table, type_name};
use crate::modules::collections::ChainMap;
use crate::modules::error::Exception;
use crate::object::Object;
use crate::value::{Value, place_of};
use hashbrown::{HashMap, HashSet};
use std::borrow::Borrow;
use std::cmp::Ordering;

/// How deep what is compared or written may be nested, from one live object to the next: CPython has a limit of its own kind.
pub const LOOK_DEPTH: usize = 250;

/// How many elements one call compares of live objects that it has looked at before.
pub const AGAIN_LIMIT: usize = 4 << 20;

/// One comparison, or the many of one search: what it finds out of two live objects it does not find out again, for they do not
/// change meanwhile.
#[derive(Default)]
pub(crate) struct Comparing {
    depth: usize,
    /// Whether two objects, by their places, are equal; `None` while that is being found out.
    pairs: HashMap<(usize, usize), Option<bool>>,
    seen: HashSet<usize>,
    /// How many of the objects that are open now were looked at before.
    again: usize,
    steps: usize,
}

impl Comparing {
    /// Whether Python calls them equal, as elements: what is identical is.
    ///
    /// # Errors
    /// `RecursionError` for what is nested too deep, or in a circle; and those of looking.
    #[inline]
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, Exception> {
        if is_flat(a) && is_flat(b) { Ok(equality::equal(a, b)) } else { self.nested(a, b) }
    }

    /// Whether an object is equal to a value.
    pub(crate) fn equals<T: Holds>(&mut self, object: &T, other: &Value) -> Result<bool, Exception> {
        let sight = Sight { seen: object.seen(), place: Some(place_of(object as &dyn Object)), written: None };
        if !kind_of(other).may_equal(sight.seen.kind()) {
            return Ok(false);
        }
        self.shown(other, |this, other| this.sights(&sight, other))
    }

    /// Where the first of `items` is that is equal to `value`.
    pub(crate) fn position<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Value>,
        value: &Value,
    ) -> Result<Option<usize>, Exception> {
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

    /// How many of `items` are equal to `value`.
    pub(crate) fn count<'a>(
        &mut self,
        items: impl IntoIterator<Item = &'a Value>,
        value: &Value,
    ) -> Result<usize, Exception> {
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

    /// Whether `a` comes before `b`, or whatever `comparison` asks.
    ///
    /// # Errors
    /// `TypeError` for what has no order; and as [`equal`](Self::equal).
    #[inline]
    pub(crate) fn holds(&mut self, comparison: Comparison, a: &Value, b: &Value) -> Result<bool, Exception> {
        if is_flat(a) && is_flat(b) { comparison.holds(a, b) } else { self.nested_holds(comparison, a, b) }
    }

    /// The same of an object and a value. `name` is what Python calls the object's class.
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

    /// Whether two lists have equal elements.
    pub(crate) fn items_equal(&mut self, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        self.lists(a.len(), a, b.len(), b)
    }

    /// Which of two lists comes first, by the first elements that differ.
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
            _ => Ok(equality::equal(a, b)),
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
                        this.seen_holds(comparison, &a.seen, &b.seen).unwrap_or_else(|| Err(unsupported()))
                    })
                })
            }
            (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
                self.deeper(|this| this.first_difference(comparison, a.len(), a, b.len(), b))
            }
            _ => comparison.holds(a, b),
        }
    }

    /// Gives `f` what a value is or, if it refers to an object, holds.
    fn shown<R>(
        &mut self,
        value: &Value,
        f: impl FnOnce(&mut Self, &Sight<'_>) -> Result<R, Exception>,
    ) -> Result<R, Exception> {
        let Value::Ref(reference) = value else {
            return f(self, &Sight { seen: Seen::of(value), place: None, written: None });
        };
        sight(reference, |sight| {
            let sight = match sight {
                Some(Sight { seen: Seen::Chain(chain), place, .. }) => return self.chain(chain, place, f),
                Some(sight) => sight,
                None => Sight { seen: Seen::Nothing, place: None, written: None },
            };
            let again = sight.place.is_some_and(|place| !self.seen.insert(place));
            self.again += usize::from(again);
            let result = f(self, &sight);
            self.again -= usize::from(again);
            result
        })
    }

    /// As [`shown`](Self::shown), of a chain; apart from it, for that one's frame is on the stack at every level.
    #[cold]
    #[inline(never)]
    fn chain<R>(
        &mut self,
        chain: &ChainMap,
        place: Option<usize>,
        f: impl FnOnce(&mut Self, &Sight<'_>) -> Result<R, Exception>,
    ) -> Result<R, Exception> {
        // It is two levels, for it takes the room of two.
        if self.depth + 1 >= LOOK_DEPTH {
            return Err(too_deep());
        }
        let merged = chain.merged()?;
        let again = place.is_some_and(|place| !self.seen.insert(place));
        self.again += usize::from(again);
        self.depth += 1;
        let result = f(self, &Sight { seen: Seen::Dict(&merged, Mapping::Chain), place, written: None });
        self.depth -= 1;
        self.again -= usize::from(again);
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
        let result = f(self);
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
                Ok((!ordered || a.keys().eq(b.keys())) && self.tables(a, b)?)
            }
            (Seen::Dict(table, _), Seen::Entries(entries)) | (Seen::Entries(entries), Seen::Dict(table, _)) => {
                match Table::of_entries(entries) {
                    Some(entries) => self.tables(table, &entries),
                    None => Ok(false),
                }
            }
            (Seen::Entries(a), Seen::Entries(b)) => self.entries(a, b),
            (Seen::Set(a), Seen::Set(b)) => Ok(a == b),
            (Seen::Set(table), Seen::Elements(items)) | (Seen::Elements(items), Seen::Set(table)) => {
                Ok(Table::of_elements(items).is_ok_and(|items| **table == items))
            }
            (Seen::Text(a), Seen::Text(b)) => Ok(a == b),
            (Seen::Bytes(a), Seen::Bytes(b)) => Ok(a == b),
            (Seen::Number(a), Seen::Number(b)) => Ok(equality::equal(a, b)),
            (Seen::Range(a), Seen::Range(b)) => Ok(a.same(b)),
            _ => Ok(false),
        }
    }

    /// `None` if they have no order.
    fn seen_holds(&mut self, comparison: Comparison, a: &Seen<'_>, b: &Seen<'_>) -> Option<Result<bool, Exception>> {
        let accepts = |order: Ordering| Some(Ok(comparison.accepts(order)));
        match (a, b) {
            (Seen::List(a), Seen::List(b)) | (Seen::Tuple(a), Seen::Tuple(b)) => {
                Some(self.deeper(|this| this.first_difference(comparison, a.len(), *a, b.len(), *b)))
            }
            (Seen::Deque(a, _), Seen::Deque(b, _)) => {
                Some(self.deeper(|this| this.first_difference(comparison, a.len(), *a, b.len(), *b)))
            }
            (Seen::Set(a), Seen::Set(b)) => Some(Ok(comparison.sets(a, b))),
            (Seen::Set(a), Seen::Elements(b)) => Some(Table::of_elements(b).map(|b| comparison.sets(a, &b))),
            (Seen::Elements(a), Seen::Set(b)) => Some(Table::of_elements(a).map(|a| comparison.sets(&a, b))),
            (Seen::Text(a), Seen::Text(b)) => accepts(a.cmp(b)),
            (Seen::Bytes(a), Seen::Bytes(b)) => accepts(a.cmp(b)),
            (Seen::Number(a), Seen::Number(b)) => Some(comparison.holds(a, b)),
            _ => None,
        }
    }

    fn lists<'a>(
        &mut self,
        one: usize,
        a: impl IntoIterator<Item = &'a Value>,
        other: usize,
        b: impl IntoIterator<Item = &'a Value>,
    ) -> Result<bool, Exception> {
        if one != other {
            return Ok(false);
        }
        let mut pairs = a.into_iter().zip(b);
        while let Some((a, b)) = pairs.next() {
            self.step()?;
            match self.equal(a, b) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.all_at_once(error, pairs.flat_map(|(a, b)| [a, b]))),
            }
        }
        Ok(true)
    }

    /// The first elements that differ decide; if there are none, the lengths.
    fn first_difference<'a>(
        &mut self,
        comparison: Comparison,
        one: usize,
        a: impl IntoIterator<Item = &'a Value>,
        other: usize,
        b: impl IntoIterator<Item = &'a Value>,
    ) -> Result<bool, Exception> {
        let mut pairs = a.into_iter().zip(b);
        while let Some((a, b)) = pairs.next() {
            self.step()?;
            match self.equal(a, b) {
                Ok(true) => {}
                Ok(false) => return self.holds(comparison, a, b),
                Err(error) => return Err(self.all_at_once(error, pairs.flat_map(|(a, b)| [a, b]))),
            }
        }
        Ok(comparison.accepts(one.cmp(&other)))
    }

    fn entries(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) -> Result<bool, Exception> {
        match (Table::of_entries(a), Table::of_entries(b)) {
            (Some(a), Some(b)) => self.tables(&a, &b),
            // Keys that Python could not have: all that is left is to compare them as they come.
            _ => Ok(equality::equal_maps(a, b)),
        }
    }

    fn tables<V: Borrow<Value>, W: Borrow<Value>>(&mut self, a: &Table<V>, b: &Table<W>) -> Result<bool, Exception> {
        if a.len() != b.len() {
            return Ok(false);
        }
        let mut entries = a.iter();
        while let Some((key, value)) = entries.next() {
            self.step()?;
            let Some(other) = b.get(key) else { return Ok(false) };
            match self.equal(value.borrow(), other.borrow()) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.all_at_once(error, entries.map(|(_, value)| value.borrow()))),
            }
        }
        Ok(true)
    }

    /// What one of them does not have counts as 0.
    fn counts(&mut self, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        let zero = Value::from(0);
        for key in a.keys().chain(b.keys()) {
            self.step()?;
            if !self.equal(a.get(key).unwrap_or(&zero), b.get(key).unwrap_or(&zero))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(&mut self) -> Result<(), Exception> {
        if self.again > 0 {
            self.steps += 1;
            if self.steps > AGAIN_LIMIT {
                return Err(Exception::RuntimeError(format!(
                    "the comparison looks again at more than {AGAIN_LIMIT} elements that it has looked at, since many \
                     references lead to few objects; compare fewer of them"
                )));
            }
        }
        Ok(())
    }

    /// If others use an object, whatever else is beside it is looked at now: so all that is in use is waited for together.
    #[cold]
    fn all_at_once<'a>(&self, error: Exception, rest: impl Iterator<Item = &'a Value>) -> Exception {
        if is_busy(&error) {
            look_ahead(rest);
        }
        error
    }
}

fn is_flat(value: &Value) -> bool {
    !matches!(value, Value::List(_) | Value::Tuple(_) | Value::Map(_) | Value::Ref(_))
}

fn too_deep() -> Exception {
    Exception::RecursionError("maximum recursion depth exceeded in comparison".to_owned())
}

impl Kind {
    /// Whether values of these kinds can be equal: of nothing else anything is looked into.
    fn may_equal(self, other: Kind) -> bool {
        self == other && self != Kind::Other
    }
}

impl<'a> Table<&'a Value> {
    /// Of a key that is there twice, the last one counts. `None` for keys that Python could not have.
    fn of_entries(entries: &'a [(Value, Value)]) -> Option<Self> {
        entries.iter().map(|(key, value)| Some((Key::new(key.clone()).ok()?, value))).collect()
    }
}
