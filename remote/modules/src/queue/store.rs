//! How a queue stores its items, and in which order they are taken.

use crate::Exception;
use crate::python::{equal, heap};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use tarmem_remote::value::Value;

/// The items of a queue.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Store {
    /// The first item to be put is the first to be taken.
    Fifo(VecDeque<Value>),
    /// The last item to be put is the first to be taken.
    Lifo(Vec<Value>),
    /// The smallest item is the first to be taken.
    Heap(Heap),
}

impl Store {
    pub(crate) fn len(&self) -> usize {
        match self {
            Store::Fifo(items) => items.len(),
            Store::Lifo(items) => items.len(),
            Store::Heap(heap) => heap.items.len() + heap.first.len(),
        }
    }

    /// Returns all items, in no particular order.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = &Value> + '_> {
        match self {
            Store::Fifo(items) => Box::new(items.iter()),
            Store::Lifo(items) => Box::new(items.iter()),
            Store::Heap(heap) => Box::new(heap.items.iter().chain(&heap.first)),
        }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// `TypeError` if items must be compared that cannot be ordered; the item is not added then.
    pub(crate) fn push(&mut self, item: Value) -> Result<(), Exception> {
        match self {
            Store::Fifo(items) => items.push_back(item),
            Store::Lifo(items) => items.push(item),
            Store::Heap(heap) => heap.push(item).map_err(|(error, _)| error)?,
        }
        Ok(())
    }

    /// Removes the next item and returns it.
    ///
    /// # Errors
    /// `TypeError` if items must be compared that cannot be ordered; none is removed then.
    pub(crate) fn pop(&mut self) -> Result<Option<Value>, Exception> {
        match self {
            Store::Fifo(items) => Ok(items.pop_front()),
            Store::Lifo(items) => Ok(items.pop()),
            Store::Heap(heap) => heap.pop(),
        }
    }

    /// Puts an item back as the next one to be taken; in a heap, it is taken when its turn comes.
    pub(crate) fn put_back(&mut self, item: Value) {
        match self {
            Store::Fifo(items) => items.push_front(item),
            Store::Lifo(items) => items.push(item),
            Store::Heap(heap) => {
                if let Err((_, item)) = heap.push(item) {
                    heap.first.push(item);
                }
            }
        }
    }
}

/// A heap, and the items that are taken before all in it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Heap {
    items: Vec<Value>,
    /// Items that were put back when they could no longer be ordered with the others.
    first: Vec<Value>,
}

impl Heap {
    fn push(&mut self, item: Value) -> Result<(), (Exception, Value)> {
        heap::push(&mut self.items, item, less)
    }

    fn pop(&mut self) -> Result<Option<Value>, Exception> {
        if let Some(item) = self.first.pop() {
            return Ok(Some(item));
        }
        heap::pop(&mut self.items, less)
    }
}

/// The order of the items of a heap. Items that are put back, or handed to a waiting caller, are compared where no
/// object can be looked into: so live objects are not compared anywhere.
fn less(a: &Value, b: &Value) -> Result<bool, Exception> {
    match (a, b) {
        (Value::Ref(object), _) | (_, Value::Ref(object)) => Err(Exception::TypeError(format!(
            "a PriorityQueue orders plain values, and no live objects, such as this {}: put in its value, or put a \
             number before it that no other item of its priority has, [priority, number, object]",
            object.class()
        ))),
        // The first elements that differ decide. This recurses no deeper than values are nested.
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            match a.iter().zip(b).find(|(a, b)| !equal(a, b)) {
                Some((a, b)) => less(a, b),
                None => Ok(a.len() < b.len()),
            }
        }
        _ => heap::less(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heap() -> Store {
        Store::Heap(Heap::default())
    }

    #[test]
    fn the_least_leaves_first() {
        let mut store = heap();
        let mut seed: u64 = 7;
        let mut numbers: Vec<i128> = Vec::new();
        for _ in 0..1000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            numbers.push(i128::from(seed >> 54));
        }
        for number in &numbers {
            store.push(Value::from(*number)).expect("numbers have an order");
        }
        numbers.sort_unstable();
        for number in numbers {
            assert_eq!(store.pop(), Ok(Some(Value::from(number))));
        }
        assert_eq!(store.pop(), Ok(None));
    }

    #[test]
    fn what_has_no_order_changes_nothing() {
        let mut store = heap();
        store.push(1.into()).expect("the first");
        assert!(matches!(store.push("a".into()), Err(Exception::TypeError(_))));
        assert_eq!(store.len(), 1);
        let mut store = heap();
        // Each can be ordered with those that it passes, but not with all others.
        let pair = |number: i64, other: Value| Value::List(vec![number.into(), other]);
        for item in [pair(0, 0.into()), pair(1, 0.into()), pair(1, "a".into())] {
            store.push(item).expect("it need not be compared with its sibling");
        }
        assert!(matches!(store.pop(), Err(Exception::TypeError(_))));
        assert_eq!(store.len(), 3);
    }

    #[test]
    fn what_is_put_back_is_next() {
        for mut store in [Store::Fifo(VecDeque::new()), Store::Lifo(Vec::new()), heap()] {
            store.push(1.into()).expect("fits");
            store.push(2.into()).expect("fits");
            let first = store.pop().expect("has an order").expect("there are two");
            store.put_back(first.clone());
            assert_eq!(store.pop(), Ok(Some(first)));
            assert_eq!(store.len(), 1);
        }
    }
}
