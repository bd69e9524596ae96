//! Module `heapq`: heaps that are lists on the service, with CPython's comparisons in CPython's order.
//!
//! A call has its list to itself, and one that fails has changed nothing. From Rust the list is a proxy:
//! `heappush::remote(&heap, 3.into()).call(&session)`.

use super::Exception;
use super::builtins::List;
use super::python::live::truth;
use super::python::{Comparison, Meter, check_depth, equal, heap, index_of, iterate, merge_sort, no_key, weight};
use std::cmp::Ordering;
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Adds `item` to a heap.
#[remote(module = "heapq", all_or_nothing)]
pub fn heappush(heap: &mut List, item: Value) -> Result<(), Exception> {
    check_depth(&item)?;
    heap::push(heap.values_mut(), item, heap::less).map_err(|(error, _)| error)
}

/// Removes the smallest item from a heap and returns it. `IndexError` if the heap is empty.
#[remote(module = "heapq", all_or_nothing)]
pub fn heappop(heap: &mut List) -> Result<Value, Exception> {
    heap::pop(heap.values_mut(), heap::less)?.ok_or_else(none)
}

/// Adds `item` to a heap, then removes the smallest item and returns it.
#[remote(module = "heapq", all_or_nothing)]
pub fn heappushpop(heap: &mut List, item: Value) -> Result<Value, Exception> {
    check_depth(&item)?;
    match heap.values().first() {
        Some(least) if Comparison::Less.holds(least, &item)? => {
            heap::replace(heap.values_mut(), item)?.ok_or_else(none)
        }
        _ => Ok(item),
    }
}

/// Removes the smallest item from a heap and returns it, then adds `item`. `IndexError` if the heap is empty.
#[remote(module = "heapq", all_or_nothing)]
pub fn heapreplace(heap: &mut List, item: Value) -> Result<Value, Exception> {
    check_depth(&item)?;
    heap::replace(heap.values_mut(), item)?.ok_or_else(none)
}

/// Turns a list into a heap.
#[remote(module = "heapq", all_or_nothing, scales)]
pub fn heapify(x: &mut List) -> Result<(), Exception> {
    heap::heapify(x.values_mut())
}

/// Returns the `n` largest elements, the largest first, as `sorted(iterable, reverse=True)[:n]`. `key` must be null if
/// it is given: a function cannot be sent.
#[remote(module = "heapq", idempotent, scales)]
pub fn nlargest(n: Value, iterable: Value, #[remote(default = None)] key: Arg<Value>) -> Result<Vec<Value>, Exception> {
    no_key(key)?;
    first(&n, iterable, Comparison::Greater)
}

/// Returns the `n` smallest elements, the smallest first, as `sorted(iterable)[:n]`. `key` must be null if it is given:
/// a function cannot be sent.
#[remote(module = "heapq", idempotent, scales)]
pub fn nsmallest(
    n: Value,
    iterable: Value,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<Vec<Value>, Exception> {
    no_key(key)?;
    first(&n, iterable, Comparison::Less)
}

/// Merges sorted sequences into one list, which is in ascending order, or in descending order if `reverse` is true. Of
/// equal elements, those of the earlier sequence come first. `key` must be null if it is given: a function cannot be
/// sent.
#[remote(module = "heapq", idempotent, scales)]
pub fn merge(
    #[remote(args)] iterables: Vec<Value>,
    #[remote(default = false)] reverse: Arg<Value>,
    #[remote(default = None)] key: Arg<Value>,
) -> Result<Vec<Value>, Exception> {
    no_key(key)?;
    let comparison = match reverse.given() {
        Some(reverse) if truth(&reverse)? => Comparison::Greater,
        _ => Comparison::Less,
    };
    let mut meter = Meter::default();
    let mut sources: Vec<std::vec::IntoIter<Value>> = Vec::with_capacity(iterables.len());
    for iterable in iterables {
        let items = iterate(iterable)?;
        items.iter().try_for_each(|item| meter.take(weight(item)))?;
        sources.push(items.into_iter());
    }
    let mut heads: Vec<(Value, usize)> =
        sources.iter_mut().enumerate().filter_map(|(nth, source)| Some((source.next()?, nth))).collect();
    // The elements decide, and if they are equal, the order of the sequences.
    let before = |a: &(Value, usize), b: &(Value, usize)| {
        if equal(&a.0, &b.0) { Ok(a.1.cmp(&b.1) == Ordering::Less) } else { comparison.holds(&a.0, &b.0) }
    };
    heap::heapify_by(&mut heads, before)?;
    let mut merged = Vec::new();
    while let Some(head) = heads.first_mut() {
        let next = match sources[head.1].next() {
            Some(next) => Some(std::mem::replace(&mut head.0, next)),
            None => None,
        };
        merged.push(next.unwrap_or_else(|| heads.swap_remove(0).0));
        let path = heap::sink_first(&heads, before)?;
        heap::shift(&mut heads, &path);
    }
    Ok(merged)
}

fn first(n: &Value, iterable: Value, comparison: Comparison) -> Result<Vec<Value>, Exception> {
    let mut items = iterate(iterable)?;
    let most = usize::try_from(index_of(n)?.max(0)).unwrap_or(usize::MAX);
    if most == 0 {
        return Ok(Vec::new());
    }
    let order = merge_sort(items.len(), |a, b| comparison.holds(&items[a], &items[b]))?;
    Ok(order.into_iter().take(most).map(|at| std::mem::take(&mut items[at])).collect())
}

fn none() -> Exception {
    Exception::index("index out of range")
}
