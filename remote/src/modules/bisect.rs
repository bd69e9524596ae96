//! Module `bisect`: searching, and putting in, where a list on the service is in order.
//!
//! From Rust the list is a proxy: `insort::remote(&list, 3.into(), None, None).call(&session)`.

use super::Exception;
use super::builtins::List;
use super::python::{Comparison, check_depth, insertion, type_name, word};
use crate::args::Arg;
use crate::remote;
use crate::value::Value;

/// Where `x` goes into a list that is in order, from `lo` on and before `hi`: after those that are equal.
#[remote(module = "bisect", idempotent)]
pub fn bisect_right(a: &List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<i128, Exception> {
    place(a.values(), &x, Side::Right, lo, hi)
}

/// As `bisect_right`.
#[remote(module = "bisect", idempotent)]
pub fn bisect(a: &List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<i128, Exception> {
    place(a.values(), &x, Side::Right, lo, hi)
}

/// Where `x` goes into a list that is in order, from `lo` on and before `hi`: before those that are equal.
#[remote(module = "bisect", idempotent)]
pub fn bisect_left(a: &List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<i128, Exception> {
    place(a.values(), &x, Side::Left, lo, hi)
}

/// Puts `x` into a list that is in order, after those that are equal.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort_right(a: &mut List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<(), Exception> {
    put(a, x, Side::Right, lo, hi)
}

/// As `insort_right`.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort(a: &mut List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<(), Exception> {
    put(a, x, Side::Right, lo, hi)
}

/// Puts `x` into a list that is in order, before those that are equal.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort_left(a: &mut List, x: Value, lo: Arg<Value>, hi: Option<Value>) -> Result<(), Exception> {
    put(a, x, Side::Left, lo, hi)
}

/// Of those that are equal.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn put(list: &mut List, x: Value, side: Side, lo: Arg<Value>, hi: Option<Value>) -> Result<(), Exception> {
    check_depth(&x)?;
    let at = place(list.values(), &x, side, lo, hi)?;
    let at = insertion(at, list.values().len());
    list.values_mut().insert(at, x);
    Ok(())
}

/// May be beyond the list, if the bounds are.
fn place(items: &[Value], x: &Value, side: Side, lo: Arg<Value>, hi: Option<Value>) -> Result<i128, Exception> {
    let mut lo = lo.given().as_ref().map_or(Ok(0), word)?;
    let hi = match &hi {
        None => -1,
        Some(hi @ (Value::Int(_) | Value::Bool(_))) => {
            word(hi).map_err(|_| Exception::overflow("cannot fit 'int' into an index-sized integer"))?
        }
        Some(other) => {
            let message = format!("argument should be integer or None, not '{}'", type_name(other));
            return Err(Exception::TypeError(message));
        }
    };
    if lo < 0 {
        return Err(Exception::value("lo must be non-negative"));
    }
    // As in CPython, where that stands for none.
    let mut hi = if hi == -1 { items.len() as i128 } else { hi };
    while lo < hi {
        let middle = (lo + hi) / 2;
        let item = usize::try_from(middle).ok().and_then(|middle| items.get(middle));
        let item = item.ok_or_else(|| Exception::index("list index out of range"))?;
        let before = match side {
            Side::Right => !Comparison::Less.holds(x, item)?,
            Side::Left => Comparison::Less.holds(item, x)?,
        };
        if before { lo = middle + 1 } else { hi = middle }
    }
    Ok(lo)
}
