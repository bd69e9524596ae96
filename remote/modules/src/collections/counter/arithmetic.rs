//! The operators of counters. Their results hold positive counts only.

use super::{Counter, CounterProxy, ZERO, counts};
use crate::Exception;
use crate::python::live::plain;
use crate::python::{Comparing, lending};
use crate::python::{Comparison, Table, number, type_name};
use tarmem_remote::object::Remote;
use tarmem_remote::remote;
use tarmem_remote::value::{ObjectRef, Value};

#[remote(replay)]
impl Counter {
    /// `counter + other`, as a plain map: the sums that are positive.
    #[remote(name = "__add__", scales)]
    pub fn add(&self, other: Value) -> Result<Value, Exception> {
        let other = operand("+", other)?;
        self.merged(&other, number::add, |count| Ok(count.clone()))
    }

    /// `counter - other`, as a plain map: the differences that are positive.
    #[remote(name = "__sub__", scales)]
    pub fn sub(&self, other: Value) -> Result<Value, Exception> {
        let other = operand("-", other)?;
        self.merged(&other, number::subtract, |count| number::subtract(&ZERO, count))
    }

    /// `counter | other`, as a plain map: the higher count of each, if it is positive.
    #[remote(name = "__or__", scales)]
    pub fn or(&self, other: Value) -> Result<Value, Exception> {
        let other = operand("|", other)?;
        self.merged(&other, higher, |count| Ok(count.clone()))
    }

    /// `counter & other`, as a plain map: the lower count of each, if it is positive.
    #[remote(name = "__and__", scales)]
    pub fn and(&self, other: Value) -> Result<Value, Exception> {
        let other = operand("&", other)?;
        self.merged(&other, lower, |_| Ok(ZERO))
    }

    /// `+counter`, as a plain map: the positive counts.
    #[remote(name = "__pos__", scales)]
    pub fn pos(&self) -> Result<Value, Exception> {
        self.merged(&Table::new(), |count, _| Ok(count.clone()), |_| Ok(ZERO))
    }

    /// `-counter`, as a plain map: the negative counts, with their signs changed.
    #[remote(name = "__neg__", scales)]
    pub fn neg(&self) -> Result<Value, Exception> {
        self.merged(&Table::new(), |count, _| number::subtract(&ZERO, count), |_| Ok(ZERO))
    }

    /// `counter += other`: adds the counts, then removes those that are not positive.
    #[remote(name = "__iadd__", scales)]
    pub fn iadd(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || mapping("+=", other))?;
        self.merge_in(other, number::add)
    }

    /// `counter -= other`: subtracts the counts, then removes those that are not positive.
    #[remote(name = "__isub__", scales)]
    pub fn isub(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || mapping("-=", other))?;
        self.merge_in(other, number::subtract)
    }

    /// `counter |= other`: keeps the higher count of each key, then removes those that are not positive.
    #[remote(name = "__ior__", scales)]
    pub fn ior(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || mapping("|=", other))?;
        self.merge_in(other, higher)
    }

    /// `counter &= other`: keeps the lower count of each key, then removes those that are not positive.
    #[remote(name = "__iand__", scales)]
    pub fn iand(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || mapping("&=", other))?;
        let mut merged = Table::new();
        for (key, count) in self.0.iter() {
            let other = other.get(key).unwrap_or(&ZERO);
            let kept = if Comparison::Less.holds(other, count)? { other } else { count };
            if positive(kept)? {
                merged.insert(key.clone(), kept.clone());
            }
        }
        self.0.assign(merged);
        Ok(())
    }

    /// Returns whether all counts are the same in the map `other`. A missing key counts as 0.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        if matches!(&other, Value::Ref(reference) if !is_counter(reference)) {
            // In a live object of another class, a missing key does not count as 0.
            return Comparing::default().equals(self, &other);
        }
        let Ok(Some(other)) = counter_of(other) else { return Ok(false) };
        let mut comparing = Comparing::default();
        for key in self.0.keys().chain(other.keys()) {
            if !comparing.equal(self.count(key), other.get(key).unwrap_or(&ZERO))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether some count differs in `other`, or `other` is not a map.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        self.equals(other).map(|equal| !equal)
    }

    /// Returns whether no count is higher than in the map `other`. A missing key counts as 0.
    #[remote(name = "__le__", scales)]
    pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.all(Comparison::LessOrEqual, Comparison::LessOrEqual, other)
    }

    /// Returns whether no count is higher than in the map `other`, and some count differs.
    #[remote(name = "__lt__", scales)]
    pub fn less(&self, other: Value) -> Result<bool, Exception> {
        Ok(self.all(Comparison::Less, Comparison::LessOrEqual, other.clone())? && !self.equals(other)?)
    }

    /// Returns whether no count is lower than in the map `other`. A missing key counts as 0.
    #[remote(name = "__ge__", scales)]
    pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.all(Comparison::GreaterOrEqual, Comparison::GreaterOrEqual, other)
    }

    /// Returns whether no count is lower than in the map `other`, and some count differs.
    #[remote(name = "__gt__", scales)]
    pub fn greater(&self, other: Value) -> Result<bool, Exception> {
        Ok(self.all(Comparison::Greater, Comparison::GreaterOrEqual, other.clone())? && !self.equals(other)?)
    }
}

type Combine = fn(&Value, &Value) -> Result<Value, Exception>;

impl Counter {
    /// Returns the positive results: of `both` for each key here, and of `alone` for each key that only `other` has.
    fn merged(
        &self,
        other: &Table<Value>,
        both: Combine,
        alone: fn(&Value) -> Result<Value, Exception>,
    ) -> Result<Value, Exception> {
        let mut merged = Table::new();
        for (key, count) in self.0.iter() {
            merged.insert(key.clone(), both(count, other.get(key).unwrap_or(&ZERO))?);
        }
        for (key, count) in other.iter().filter(|(key, _)| !self.0.contains(key)) {
            merged.insert(key.clone(), alone(count)?);
        }
        Ok(keep_positive(merged)?.into_value())
    }

    /// As [`merged`](Self::merged), in place. Changes everything, or nothing.
    fn merge_in(&mut self, other: Table<Value>, combine: Combine) -> Result<(), Exception> {
        let mut merged = self.0.clone();
        for (key, count) in other.into_entries() {
            let combined = combine(merged.get(&key).unwrap_or(&ZERO), &count)?;
            merged.insert(key, combined);
        }
        self.0.assign(keep_positive(merged)?);
        Ok(())
    }

    fn all(&self, named: Comparison, comparison: Comparison, other: Value) -> Result<bool, Exception> {
        let name = type_name(&other).to_owned();
        let Some(other) = counter_of(other)? else { return Err(named.unsupported("Counter", &name)) };
        let mut keys = self.0.keys().chain(other.keys());
        let mut comparing = Comparing::default();
        keys.try_fold(true, |all, key| {
            Ok(all && comparing.holds(comparison, self.count(key), other.get(key).unwrap_or(&ZERO))?)
        })
    }
}

/// Converts the other operand, which must be a counter.
fn operand(sign: &str, other: Value) -> Result<Table<Value>, Exception> {
    let name = type_name(&other).to_owned();
    counter_of(other)?.ok_or_else(|| number::unsupported(sign, "Counter", &name))
}

/// Converts the operand of an operator that changes the counter, which can be any mapping.
fn mapping(sign: &str, other: Value) -> Result<Table<Value>, Exception> {
    match plain(other)? {
        other @ Value::Map(_) => Ok(counts(other)?.into_iter().collect()),
        other => Err(number::unsupported(sign, "Counter", type_name(&other))),
    }
}

/// Returns the counter that a value stands for: a map or a live counter. Another live mapping does not stand for one.
fn counter_of(value: Value) -> Result<Option<Table<Value>>, Exception> {
    if matches!(&value, Value::Ref(reference) if !is_counter(reference)) {
        return Ok(None);
    }
    match plain(value)? {
        map @ Value::Map(_) => Ok(Some(counts(map)?.into_iter().collect())),
        _ => Ok(None),
    }
}

fn is_counter(reference: &ObjectRef) -> bool {
    reference.class() == Counter::PATH
}

fn positive(count: &Value) -> Result<bool, Exception> {
    Comparison::Greater.holds(count, &ZERO)
}

fn keep_positive(counts: Table<Value>) -> Result<Table<Value>, Exception> {
    let mut kept: Table<Value> = Table::new();
    for (key, count) in counts.into_entries() {
        if positive(&count)? {
            kept.insert(key, count);
        }
    }
    Ok(kept)
}

fn higher(count: &Value, other: &Value) -> Result<Value, Exception> {
    Ok(if Comparison::Less.holds(count, other)? { other.clone() } else { count.clone() })
}

fn lower(count: &Value, other: &Value) -> Result<Value, Exception> {
    Ok(if Comparison::Less.holds(count, other)? { count.clone() } else { other.clone() })
}
