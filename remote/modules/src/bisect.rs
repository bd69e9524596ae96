//! Module `bisect`: searching and inserting in sorted sequences, with CPython's comparisons in CPython's order.
//!
//! A sequence that is only searched can be a live list, tuple, str, bytes, deque or range, or a plain value. From Rust
//! it is passed as a value: `bisect::remote(to_value(&list)?, 3.into(), None, None, None)`. A sequence that is changed
//! is a list, passed as its proxy: `insort::remote(&list, 3.into(), None, None, None).call(&session)`.

use super::Exception;
use super::builtins::List;
use super::extents::{MOVED, looks_at};
use super::python::live::{Seen, operand, view};
use super::python::{Comparison, check_depth, insertion, no_key, repr, type_name, word};
use std::borrow::Cow;
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Returns the index at which to insert `x` in a sorted sequence, searching from `lo` to before `hi`: after equal
/// elements. `key` must be null if it is given: a function cannot be sent.
#[remote(module = "bisect", idempotent)]
pub fn bisect_right(
    a: Value,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<i128, Exception> {
    search(&a, &x, Side::Right, lo, hi, key)
}

/// As `bisect_right`.
#[remote(module = "bisect", idempotent)]
pub fn bisect(
    a: Value,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<i128, Exception> {
    search(&a, &x, Side::Right, lo, hi, key)
}

/// Returns the index at which to insert `x` in a sorted sequence, searching from `lo` to before `hi`: before equal
/// elements. `key` must be null if it is given: a function cannot be sent.
#[remote(module = "bisect", idempotent)]
pub fn bisect_left(
    a: Value,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<i128, Exception> {
    search(&a, &x, Side::Left, lo, hi, key)
}

/// Inserts `x` in a sorted list, after equal elements. `key` must be null if it is given: a function cannot be sent.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort_right(
    a: &mut List,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<(), Exception> {
    put(a, x, Side::Right, lo, hi, key)
}

/// As `insort_right`.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort(
    a: &mut List,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<(), Exception> {
    put(a, x, Side::Right, lo, hi, key)
}

/// Inserts `x` in a sorted list, before equal elements. `key` must be null if it is given: a function cannot be sent.
#[remote(module = "bisect", all_or_nothing)]
pub fn insort_left(
    a: &mut List,
    x: Value,
    #[remote(default = 0)] lo: Arg<Value>,
    hi: Option<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<(), Exception> {
    put(a, x, Side::Left, lo, hi, key)
}

/// On which side of equal elements.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn put(
    list: &mut List,
    x: Value,
    side: Side,
    lo: Arg<Value>,
    hi: Option<Value>,
    key: Arg<Value>,
) -> Result<(), Exception> {
    no_key(key)?;
    check_depth(&x)?;
    let at = Bounds::of(lo, hi)?.place(&x, side, list.values().len(), "list", |at| of_slice(list.values(), at))?;
    let at = insertion(at, list.values().len());
    looks_at((list.values().len() - at) / MOVED)?;
    list.values_mut().insert(at, x);
    Ok(())
}

fn search(
    a: &Value,
    x: &Value,
    side: Side,
    lo: Arg<Value>,
    hi: Option<Value>,
    key: Arg<Value>,
) -> Result<i128, Exception> {
    no_key(key)?;
    let bounds = Bounds::of(lo, hi)?;
    match a {
        Value::Ref(reference) => view(reference, |seen| bounds.seen_place(a, &seen.unwrap_or(Seen::Nothing), x, side)),
        Value::Text(text) => {
            let key = repr(&text.chars().take(40).collect::<String>().into());
            Err(Exception::TypeError(format!(
                "a plain text is not searched, since it may be meant as a key: pass a reference to the live list or \
                 str, or list({key})"
            )))
        }
        plain => bounds.seen_place(a, &Seen::of(plain), x, side),
    }
}

/// The part of the sequence that is searched.
struct Bounds {
    lo: i128,
    /// -1 means the end.
    hi: i128,
}

impl Bounds {
    fn of(lo: Arg<Value>, hi: Option<Value>) -> Result<Self, Exception> {
        let lo = lo.given().as_ref().map_or(Ok(0), word)?;
        let hi = match &hi {
            None => -1,
            Some(given) => match &*operand(given)? {
                hi @ (Value::Int(_) | Value::Bool(_)) => {
                    word(hi).map_err(|_| Exception::overflow("cannot fit 'int' into an index-sized integer"))?
                }
                _ => {
                    let message = format!("argument should be integer or None, not '{}'", type_name(given));
                    return Err(Exception::TypeError(message));
                }
            },
        };
        if lo < 0 {
            return Err(Exception::value("lo must be non-negative"));
        }
        Ok(Bounds { lo, hi })
    }

    fn seen_place(&self, a: &Value, seen: &Seen<'_>, x: &Value, side: Side) -> Result<i128, Exception> {
        let name = type_name(a);
        match seen {
            Seen::List(items) | Seen::Tuple(items) | Seen::Items(items) => {
                self.place(x, side, items.len(), name, |at| of_slice(items, at))
            }
            Seen::Deque(items, _) => {
                self.place(x, side, items.len(), "deque", |at| Ok(items.get(at).map(Cow::Borrowed)))
            }
            Seen::Text(text) => {
                let letters: Vec<char> = text.chars().collect();
                let letter = |at| Ok(letters.get(at).map(|letter: &char| Cow::Owned(Value::from(*letter))));
                self.place(x, side, letters.len(), "string", letter)
            }
            Seen::Bytes(bytes) => {
                let byte = |at| Ok(bytes.get(at).map(|byte: &u8| Cow::Owned(Value::from(*byte))));
                self.place(x, side, bytes.len(), name, byte)
            }
            Seen::Range(range) => {
                let length = usize::try_from(range.length()?).unwrap_or(usize::MAX);
                let item = |at: usize| {
                    let inside = at < length;
                    inside.then(|| range.getitem(Value::from(at)).map(Cow::Owned)).transpose()
                };
                self.place(x, side, length, "range object", item)
            }
            Seen::Dict(..) | Seen::Entries(_) => Err(Exception::TypeError(format!("{name} is not a sequence"))),
            Seen::Set(_) | Seen::Elements(_) => {
                Err(Exception::TypeError(format!("'{name}' object does not support indexing")))
            }
            Seen::Number(_) | Seen::Chain(_) | Seen::Nothing => {
                Err(Exception::TypeError(format!("object of type '{name}' has no len()")))
            }
        }
    }

    /// Returns the index at which to insert. It can be beyond the sequence, if the bounds are. `what` is named in the
    /// error for an index out of range.
    fn place<'a>(
        &self,
        x: &Value,
        side: Side,
        len: usize,
        what: &str,
        item: impl Fn(usize) -> Result<Option<Cow<'a, Value>>, Exception>,
    ) -> Result<i128, Exception> {
        let mut lo = self.lo;
        // As in CPython, -1 means that there is no bound.
        let mut hi = if self.hi == -1 { len as i128 } else { self.hi };
        while lo < hi {
            let middle = (lo + hi) / 2;
            let found = usize::try_from(middle).map_or(Ok(None), &item)?;
            let found = found.ok_or_else(|| {
                Exception::IndexError(match what {
                    "bytes" => "index out of range".to_owned(),
                    what => format!("{what} index out of range"),
                })
            })?;
            let before = match side {
                Side::Right => !Comparison::Less.holds(x, &found)?,
                Side::Left => Comparison::Less.holds(&found, x)?,
            };
            if before { lo = middle + 1 } else { hi = middle }
        }
        Ok(lo)
    }
}

fn of_slice(items: &[Value], at: usize) -> Result<Option<Cow<'_, Value>>, Exception> {
    Ok(items.get(at).map(Cow::Borrowed))
}
