//! `==` and `<` of values that may refer to live objects: these are looked into.

mod argument;

use super::equality;
use super::live::{Holds, Kind, Mapping, Seen, Sight, is_busy, kind_of, look_ahead, sight};
use super::{Comparison, Effort, Key, Table, type_name};
use crate::modules::collections::ChainMap;
use crate::modules::error::Exception;
use crate::object::Object;
use crate::value::{Value, place_of};
use argument::Argument;
use hashbrown::HashMap;
use std::rc::Rc;

/// How deep what is compared or written may be nested, from one live object to the next: CPython has a limit of its own kind.
pub const LOOK_DEPTH: usize = 250;

/// One comparison, or the many of one search: what it finds out of two live objects it does not find out again, for they do not
/// change meanwhile.
#[derive(Default)]
pub(crate) struct Comparing {
    depth: usize,
    /// Whether two objects, by their places, are equal; `None` while that is being found out.
    pairs: HashMap<(usize, usize), Option<bool>>,
    /// Whether they are in this order.
    orders: HashMap<(usize, usize, Comparison), bool>,
    /// What all others are compared with.
    argument: Argument,
    /// All that is in the chain that was last looked at, by its place.
    merged: Option<(usize, Rc<Table<Value>>)>,
    effort: Effort,
}

impl Comparing {
    /// Whether Python calls them equal, as elements: what is identical is.
    ///
    /// # Errors
    /// `RecursionError` for what is nested too deep, or in a circle; and those of looking.
    #[inline]
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, Exception> {
        self.effort.take(1)?;
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

    /// How many of `items` are equal to `value`.
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

    /// Whether `a` comes before `b`, or whatever `comparison` asks.
    ///
    /// # Errors
    /// `TypeError` for what has no order; and as [`equal`](Self::equal).
    #[inline]
    pub(crate) fn holds(&mut self, comparison: Comparison, a: &Value, b: &Value) -> Result<bool, Exception> {
        self.effort.take(1)?;
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
            (Value::Set(a), Value::Set(b)) => self.elements(a, b),
            (Value::Text(a), Value::Text(b)) => self.bytes_equal(a.as_bytes(), b.as_bytes()),
            (Value::Bytes(a), Value::Bytes(b)) => self.bytes_equal(a, b),
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

    /// Gives `f` what a value is or, if it refers to an object, holds.
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
                let same_order = !ordered || self.same_keys(a, b)?;
                Ok(same_order && a.len() == b.len() && self.tables(a.iter(), |key| b.get(key))?)
            }
            (Seen::Dict(table, _), Seen::Entries(entries)) | (Seen::Entries(entries), Seen::Dict(table, _)) => {
                // Of a key that is there twice, the last one counts: so there may be more entries than keys.
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
            (Seen::Number(a), Seen::Number(b)) => Ok(equality::equal(a, b)),
            (Seen::Range(a), Seen::Range(b)) => Ok(a.same(b)),
            _ => Ok(false),
        }
    }

    /// `None` if they have no order.
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
            match self.equal(a, b) {
                Ok(true) => {}
                Ok(false) => return self.holds(comparison, a, b),
                Err(error) => return Err(self.all_at_once(error, pairs.flat_map(|(a, b)| [a, b]))),
            }
        }
        Ok(comparison.accepts(one.cmp(&other)))
    }

    fn entries(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) -> Result<bool, Exception> {
        match (self.places(a)?, self.places(b)?) {
            (Some(one), Some(other)) => {
                let pairs = one.iter().filter_map(|(key, at)| Some((key, &a.get(*at)?.1)));
                Ok(one.len() == other.len() && self.tables(pairs, |key| value_at(b, &other, key))?)
            }
            // Keys that Python could not have: all that is left is to compare them as they come.
            _ => Ok(equality::equal_maps(a, b)),
        }
    }

    /// Whether each key has an equal value there.
    fn tables<'a, 'b>(
        &mut self,
        mut entries: impl Iterator<Item = (&'a Key, &'a Value)>,
        other: impl Fn(&Key) -> Option<&'b Value>,
    ) -> Result<bool, Exception> {
        while let Some((key, value)) = entries.next() {
            self.effort.take_key(key.value())?;
            let Some(other) = other(key) else { return Ok(false) };
            match self.equal(value, other) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.all_at_once(error, entries.map(|(_, value)| value))),
            }
        }
        Ok(true)
    }

    /// Whether two tables have the same keys in the same order.
    fn same_keys(&mut self, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (one, other) in a.keys().zip(b.keys()) {
            self.effort.take_key(one.value())?;
            if one != other {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sets_equal(&mut self, a: &Table<()>, b: &Table<()>) -> Result<bool, Exception> {
        Ok(a.len() == b.len() && self.is_subset(a, b)?)
    }

    /// Whether one is part of the other, as `comparison` asks.
    fn sets_hold(&mut self, comparison: Comparison, a: &Table<()>, b: &Table<()>) -> Result<bool, Exception> {
        match comparison {
            Comparison::Less => Ok(a.len() < b.len() && self.is_subset(a, b)?),
            Comparison::LessOrEqual => self.is_subset(a, b),
            Comparison::Greater => Ok(b.len() < a.len() && self.is_subset(b, a)?),
            Comparison::GreaterOrEqual => self.is_subset(b, a),
        }
    }

    fn is_subset(&mut self, a: &Table<()>, b: &Table<()>) -> Result<bool, Exception> {
        if a.len() > b.len() {
            return Ok(false);
        }
        for key in a.keys() {
            self.effort.take_key(key.value())?;
            if !b.contains(key) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two plain sets are equal.
    fn elements(&mut self, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        // Those that come from outside have each element once.
        if a.len() != b.len() {
            return Ok(false);
        }
        match (self.table(a)?, self.table(b)?) {
            (Ok(a), Ok(b)) => self.sets_equal(&a, &b),
            _ => Ok(false),
        }
    }

    fn bytes_equal(&mut self, a: &[u8], b: &[u8]) -> Result<bool, Exception> {
        if a.len() != b.len() {
            return Ok(false);
        }
        self.effort.take_bytes(a.len())?;
        Ok(a == b)
    }

    fn bytes_hold(&mut self, comparison: Comparison, a: &[u8], b: &[u8]) -> Result<bool, Exception> {
        self.effort.take_bytes(a.len().min(b.len()))?;
        Ok(comparison.accepts(a.cmp(b)))
    }

    /// The elements of a plain set; or that it has one which cannot be one.
    fn table(&mut self, items: &[Value]) -> Result<Result<Rc<Table<()>>, Exception>, Exception> {
        if let Some(known) = self.argument.table(items) {
            return Ok(Ok(known));
        }
        for item in items {
            self.effort.take_key(item)?;
        }
        let table = match Table::of_elements(items) {
            Ok(table) => Rc::new(table),
            Err(error) => return Ok(Err(error)),
        };
        self.argument.keep_table(items, &table);
        Ok(Ok(table))
    }

    /// Where in a plain map the value of each key is. Of a key that is there twice, the last one counts. `None` for keys that
    /// Python could not have.
    fn places(&mut self, entries: &[(Value, Value)]) -> Result<Option<Rc<Table<usize>>>, Exception> {
        if let Some(known) = self.argument.places(entries) {
            return Ok(Some(known));
        }
        let mut places = Table::new();
        for (at, (key, _)) in entries.iter().enumerate() {
            self.effort.take_key(key)?;
            let Ok(key) = Key::new(key.clone()) else { return Ok(None) };
            places.insert(key, at);
        }
        let places = Rc::new(places);
        self.argument.keep_places(entries, &places);
        Ok(Some(places))
    }

    /// What one of them does not have counts as 0.
    fn counts(&mut self, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        let zero = Value::from(0);
        for key in a.keys().chain(b.keys()) {
            self.effort.take_key(key.value())?;
            if !self.equal(a.get(key).unwrap_or(&zero), b.get(key).unwrap_or(&zero))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether all counts are in this order, and, if it is strict, some differ.
    fn counts_hold(&mut self, comparison: Comparison, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        let (each, strict) = match comparison {
            Comparison::Less => (Comparison::LessOrEqual, true),
            Comparison::Greater => (Comparison::GreaterOrEqual, true),
            each => (each, false),
        };
        let zero = Value::from(0);
        for key in a.keys().chain(b.keys()) {
            self.effort.take_key(key.value())?;
            if !self.holds(each, a.get(key).unwrap_or(&zero), b.get(key).unwrap_or(&zero))? {
                return Ok(false);
            }
        }
        Ok(!strict || !self.counts(a, b)?)
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

/// Whether it is looked at in one step.
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

fn value_at<'a>(entries: &'a [(Value, Value)], places: &Table<usize>, key: &Key) -> Option<&'a Value> {
    entries.get(*places.get(key)?).map(|(_, value)| value)
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
