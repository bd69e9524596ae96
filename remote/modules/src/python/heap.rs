//! Heaps, as Python's `heapq` keeps them: the same comparisons in the same order, so that equal items leave in the same
//! order. Unlike there, an operation that fails has changed nothing: it finds all places first, and then moves the
//! items.

use super::Comparison;
use crate::Exception;
use tarmem_remote::value::Value;

/// The order of a heap of values.
///
/// # Errors
/// `TypeError` if they cannot be ordered.
pub(crate) fn less(a: &Value, b: &Value) -> Result<bool, Exception> {
    Comparison::Less.holds(a, b)
}

/// Adds `item` to a heap.
///
/// # Errors
/// The error of `less`, with the item, if it cannot be ordered with one that it has to pass.
pub(crate) fn push(
    heap: &mut Vec<Value>,
    item: Value,
    less: impl Fn(&Value, &Value) -> Result<bool, Exception>,
) -> Result<(), (Exception, Value)> {
    // The places above that it passes.
    let mut path = Vec::new();
    let mut at = heap.len();
    while at > 0 {
        at = (at - 1) / 2;
        match less(&item, &heap[at]) {
            Ok(true) => path.push(at),
            Ok(false) => break,
            Err(error) => return Err((error, item)),
        }
    }
    let mut at = heap.len();
    heap.push(item);
    for above in path {
        heap.swap(at, above);
        at = above;
    }
    Ok(())
}

/// Removes the smallest item from a heap and returns it, if there is one.
///
/// # Errors
/// The error of `less` if items must be compared that cannot be ordered.
pub(crate) fn pop(
    heap: &mut Vec<Value>,
    mut less: impl Fn(&Value, &Value) -> Result<bool, Exception>,
) -> Result<Option<Value>, Exception> {
    let Some((last, rest)) = heap.split_last() else { return Ok(None) };
    let path = sink(rest, 0, last, &mut less)?;
    let top = heap.swap_remove(0);
    shift(heap, &path);
    Ok(Some(top))
}

/// Replaces the smallest item with `item`, and returns it; the heap keeps its size. If the heap is empty, returns
/// `None` and adds nothing.
///
/// # Errors
/// As [`less`].
pub(crate) fn replace(heap: &mut [Value], item: Value) -> Result<Option<Value>, Exception> {
    let path = sink(heap, 0, &item, &mut less)?;
    let Some(first) = heap.first_mut() else { return Ok(None) };
    let top = std::mem::replace(first, item);
    shift(heap, &path);
    Ok(Some(top))
}

/// Makes a heap of items in any order.
///
/// # Errors
/// As [`less`].
pub(crate) fn heapify(items: &mut [Value]) -> Result<(), Exception> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    heapify_by(&mut order, |&a, &b| less(&items[a], &items[b]))?;
    let mut taken: Vec<Value> = items.iter_mut().map(std::mem::take).collect();
    for (place, from) in items.iter_mut().zip(order) {
        *place = std::mem::take(&mut taken[from]);
    }
    Ok(())
}

/// As [`heapify`], for any type and order. If it fails, some items may have been moved.
pub(crate) fn heapify_by<T>(
    items: &mut [T],
    mut less: impl FnMut(&T, &T) -> Result<bool, Exception>,
) -> Result<(), Exception> {
    for start in (0..items.len() / 2).rev() {
        let path = sink(items, start, &items[start], &mut less)?;
        shift(items, &path);
    }
    Ok(())
}

/// Returns the places that an item passes which stands at the top of a heap and may be too large for that.
///
/// # Errors
/// Those of `less`.
pub(crate) fn sink_first<T>(
    items: &[T],
    mut less: impl FnMut(&T, &T) -> Result<bool, Exception>,
) -> Result<Vec<usize>, Exception> {
    match items.first() {
        Some(first) => sink(items, 0, first, &mut less),
        None => Ok(Vec::new()),
    }
}

/// Returns the places that an item passes from `start` on: down along the smaller children, and then up again to its
/// final place.
fn sink<T>(
    items: &[T],
    start: usize,
    item: &T,
    less: &mut impl FnMut(&T, &T) -> Result<bool, Exception>,
) -> Result<Vec<usize>, Exception> {
    let mut path = vec![start];
    let mut child = 2 * start + 1;
    while child < items.len() {
        let right = child + 1;
        if right < items.len() && !less(&items[child], &items[right])? {
            child = right;
        }
        path.push(child);
        child = 2 * child + 1;
    }
    while let [_, .., last] = path[..]
        && less(item, &items[last])?
    {
        path.pop();
    }
    Ok(path)
}

/// Moves the item at the first of these places to the last of them, and the others up.
pub(crate) fn shift<T>(items: &mut [T], path: &[usize]) {
    for step in path.windows(2) {
        items.swap(step[0], step[1]);
    }
}
