//! Module `queue`: `Queue`, `LifoQueue`, `PriorityQueue`, `SimpleQueue`.
//!
//! Callers that wait get their turn in the order in which they called. If a caller takes an item and is gone before it
//! has received it, the item becomes the next one to be taken. An item that is taken under a [lease](Lease) does so
//! unless it is acknowledged.

pub(super) mod items;
pub(super) mod methods;
pub(super) mod proxy;
pub(super) mod store;

pub use items::Lease;
pub use proxy::{Leased, LeasedItem, Leasing};

use crate::Exception;
use crate::waiting::{Monitor, kept};
use items::Items;
use methods::{Kind, bounded_methods, joinable_methods, queue_methods};
use std::collections::VecDeque;
use std::sync::Arc;
use store::{Heap, Store};
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::object::Traverse;
use tarmem_remote::remote;
use tarmem_remote::value::{Granted, Value};

/// A queue, as Python's: the first item to be put is the first to be taken.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::QueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", QueueProxy::new(Some(100))).await?;
/// jobs.put("a.png").await?;
/// jobs.put("b.png").await?;
/// assert_eq!(jobs.get::<String>().await?, "a.png");
/// # Ok(())
/// # }
/// ```
#[remote(module = "queue", resident)]
#[derive(Debug)]
pub struct Queue {
    items: Arc<Monitor<Items>>,
}

/// A queue in which the last item to be put is the first to be taken, as Python's.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::LifoQueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", LifoQueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// jobs.put("b.png").await?;
/// assert_eq!(jobs.get::<String>().await?, "b.png");
/// # Ok(())
/// # }
/// ```
#[remote(module = "queue", resident)]
#[derive(Debug)]
pub struct LifoQueue {
    items: Arc<Monitor<Items>>,
}

/// A queue in which the smallest item is the first to be taken, as Python's. Items can be `[priority, item]`, or
/// anything else that can be ordered.
///
/// `put` fails with `TypeError`, and changes nothing, if items cannot be ordered among one another.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::PriorityQueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", PriorityQueueProxy::default()).await?;
/// jobs.put((2, "later")).await?;
/// jobs.put((1, "now")).await?;
/// assert_eq!(jobs.get::<(i64, String)>().await?, (1, "now".to_owned()));
/// # Ok(())
/// # }
/// ```
#[remote(module = "queue", resident)]
#[derive(Debug)]
pub struct PriorityQueue {
    items: Arc<Monitor<Items>>,
}

/// A queue that is never full, as Python's: the first item to be put is the first to be taken.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::SimpleQueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", SimpleQueueProxy::new()).await?;
/// jobs.put("a.png").await?;
/// assert_eq!(jobs.get::<String>().await?, "a.png");
/// assert!(jobs.empty().await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "queue", resident)]
#[derive(Debug)]
pub struct SimpleQueue {
    items: Arc<Monitor<Items>>,
}

#[remote]
impl Queue {
    /// Makes an empty queue with room for `maxsize` items, or for any number if that is left out or not positive.
    #[remote(inline)]
    pub fn new(#[remote(default = 0)] maxsize: Arg<i64>) -> Self {
        Queue { items: Items::new(Store::Fifo(VecDeque::new()), maxsize.given()) }
    }
}

#[remote]
impl LifoQueue {
    /// Makes an empty queue with room for `maxsize` items, or for any number if that is left out or not positive.
    #[remote(inline)]
    pub fn new(#[remote(default = 0)] maxsize: Arg<i64>) -> Self {
        LifoQueue { items: Items::new(Store::Lifo(Vec::new()), maxsize.given()) }
    }
}

#[remote]
impl PriorityQueue {
    /// Makes an empty queue with room for `maxsize` items, or for any number if that is left out or not positive.
    #[remote(inline)]
    pub fn new(#[remote(default = 0)] maxsize: Arg<i64>) -> Self {
        PriorityQueue { items: Items::new(Store::Heap(Heap::default()), maxsize.given()) }
    }
}

#[remote]
impl SimpleQueue {
    /// Makes an empty queue.
    #[remote(inline)]
    #[allow(clippy::new_without_default, reason = "a queue in one process only is what tokio has")]
    pub fn new() -> Self {
        SimpleQueue { items: Items::new(Store::Fifo(VecDeque::new()), None) }
    }

    /// Puts an item. It never waits, so the other arguments have no effect.
    #[remote(proxy = "put_value")]
    pub fn put(
        &self,
        item: Value,
        #[remote(default = true)] block: Arg<Value>,
        timeout: Option<f64>,
    ) -> Result<(), Exception> {
        let _ = (block, timeout);
        items::put_nowait(&self.items, item)
    }

    /// Puts an item.
    #[remote(proxy = "put_nowait_value")]
    pub fn put_nowait(&self, item: Value) -> Result<(), Exception> {
        items::put_nowait(&self.items, item)
    }
}

macro_rules! traverse {
    ($($class:ident),+) => {$(
        impl Traverse for $class {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                self.items.read(|items| items.visit(visit));
            }
        }
    )+};
}

traverse!(Queue, LifoQueue, PriorityQueue, SimpleQueue);

kept!(Queue, items: Items);
kept!(LifoQueue, items: Items);
kept!(PriorityQueue, items: Items);
kept!(SimpleQueue, items: Items);

queue_methods!(Queue);
queue_methods!(LifoQueue);
queue_methods!(PriorityQueue);
queue_methods!(SimpleQueue);
bounded_methods!(Queue);
bounded_methods!(LifoQueue);
bounded_methods!(PriorityQueue);
joinable_methods!(Queue);
joinable_methods!(LifoQueue);
joinable_methods!(PriorityQueue);

impl Kind for Queue {}
impl Kind for LifoQueue {}
impl Kind for PriorityQueue {}
impl Kind for SimpleQueue {}
