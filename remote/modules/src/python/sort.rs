//! A sort that can fail half way, and then has changed nothing.

use super::{Comparing, Comparison};
use crate::Exception;
use tarmem_remote::value::Value;

/// Sorts values as Python does: ascending or descending, and what is equal stays as it was.
///
/// The standard sort would do, but for two things: it may panic where there is no order, as with NaN, and it cannot
/// stop at an error.
///
/// # Errors
/// `TypeError` if two values have no order; then nothing has moved.
pub fn sort(items: &mut Vec<Value>, descending: bool) -> Result<(), Exception> {
    let order = order_of(items, descending)?;
    reorder(items, order);
    Ok(())
}

/// Returns the positions of the elements in the order that [`sort`] puts them in.
pub(crate) fn order_of(items: &[Value], descending: bool) -> Result<Vec<usize>, Exception> {
    let comparison = if descending { Comparison::Greater } else { Comparison::Less };
    let mut comparing = Comparing::default();
    merge_sort(items.len(), |a, b| comparing.holds(comparison, &items[a], &items[b]))
}

/// Puts the elements in this order, in which each of their positions is once.
pub(crate) fn reorder(items: &mut Vec<Value>, order: Vec<usize>) {
    let mut taken: Vec<Value> = std::mem::take(items);
    *items = order.into_iter().map(|at| std::mem::take(&mut taken[at])).collect();
}

/// Returns the indices below `len` in order: merges ever longer runs, beginning with those that are there.
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
                // The right one goes first only if it has to: equal ones keep their order.
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
