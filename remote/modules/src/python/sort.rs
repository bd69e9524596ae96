//! A sort that can fail, and then has changed nothing.

use super::{Comparing, Comparison};
use crate::Exception;
use tarmem_remote::value::Value;

/// Sorts values as Python does, in ascending or descending order; equal ones keep their order.
///
/// The standard sort has two drawbacks here: it may panic if there is no total order, as with NaN, and it cannot stop
/// at an error.
///
/// # Errors
/// `TypeError` if two values cannot be ordered; nothing has moved then.
pub fn sort(items: &mut Vec<Value>, descending: bool) -> Result<(), Exception> {
    let order = order_of(items, descending)?;
    reorder(items, order);
    Ok(())
}

/// Returns the positions of the elements in the order in which [`sort`] puts them.
pub(crate) fn order_of(items: &[Value], descending: bool) -> Result<Vec<usize>, Exception> {
    let comparison = if descending { Comparison::Greater } else { Comparison::Less };
    let mut comparing = Comparing::default();
    merge_sort(items.len(), |a, b| comparing.holds(comparison, &items[a], &items[b]))
}

/// Puts the elements in this order, in which each of their positions occurs once.
pub(crate) fn reorder(items: &mut Vec<Value>, order: Vec<usize>) {
    let mut taken: Vec<Value> = std::mem::take(items);
    *items = order.into_iter().map(|at| std::mem::take(&mut taken[at])).collect();
}

/// Returns the indices below `len` in sorted order. Merges ever longer runs, starting with those that exist.
pub(crate) fn merge_sort(
    len: usize,
    mut before: impl FnMut(usize, usize) -> Result<bool, Exception>,
) -> Result<Vec<usize>, Exception> {
    let mut order: Vec<usize> = (0..len).collect();
    let mut merged = order.clone();
    let mut run = 1;
    while run < len {
        for start in (0..len).step_by(run * 2) {
            let middle = (start + run).min(len);
            let end = (middle + run).min(len);
            let (mut left, mut right) = (start, middle);
            for place in &mut merged[start..end] {
                // The right one goes first only if it must, so that equal ones keep their order.
                let from_right = left == middle || (right < end && before(order[right], order[left])?);
                let from = if from_right { &mut right } else { &mut left };
                *place = order[*from];
                *from += 1;
            }
        }
        std::mem::swap(&mut order, &mut merged);
        run *= 2;
    }
    Ok(order)
}
