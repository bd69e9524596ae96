//! `multiprocessing.Queue` and `multiprocessing.JoinableQueue`.

use crate::queue::items::{self, Items};
use crate::queue::methods::{Kind, bounded_methods, joinable_methods, queue_methods};
use crate::queue::proxy::{LeasedItem, bounded_proxy, joinable_proxy, queue_proxy};
use crate::queue::store::Store;
use crate::queue::{Lease, Leased};
use crate::waiting::{Monitor, Patience, kept, seconds};
use crate::{Decoded, Exception, Fallible, given};
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::object::Traverse;
use tarmem_remote::remote;
use tarmem_remote::value::{Granted, IntoValue, Value};

/// A queue, as Python's `multiprocessing.Queue`: the first item to be put is the first to be taken.
///
/// A session takes the place of Python's process. An item is in the queue once `put` has returned: no thread delivers
/// it later.
///
/// # Examples
///
/// ```
/// use tarmem_modules::multiprocessing::SharedQueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", SharedQueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// assert_eq!(jobs.get::<String>().await?, "a.png");
/// # Ok(())
/// # }
/// ```
#[remote(module = "multiprocessing", name = "Queue", resident)]
#[derive(Debug)]
pub struct SharedQueue {
    items: Arc<Monitor<Items>>,
}

/// A [`Queue`](SharedQueue) that can tell when all items that were put are done, as Python's
/// `multiprocessing.JoinableQueue`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::multiprocessing::JoinableQueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", JoinableQueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// assert_eq!(jobs.get::<String>().await?, "a.png");
/// jobs.task_done().await?;
/// assert!(jobs.join().await?); // all items are done
/// # Ok(())
/// # }
/// ```
#[remote(module = "multiprocessing", resident)]
#[derive(Debug)]
pub struct JoinableQueue {
    items: Arc<Monitor<Items>>,
}

macro_rules! process_queue {
    ($class:ident, $proxy:ident, $name:literal) => {
        #[remote]
        impl $class {
            /// Makes an empty queue with room for `maxsize` items, or for any number if that is left out or not
            /// positive.
            #[remote(inline)]
            pub fn new(#[remote(default = 0)] maxsize: Arg<i64>) -> Self {
                $class { items: Items::new(Store::Fifo(VecDeque::new()), maxsize.given()) }
            }

            /// Closes the queue for the caller's session: its `put` and `get` fail with `ValueError` from now on. Other
            /// sessions are not affected.
            pub fn close(&self, ctx: &Context) -> Result<(), Exception> {
                let session = ctx.session();
                self.items.with(|items, _| items.close(session));
                if ctx.on_session_end(&self.items).is_err() {
                    self.items.with(|items, _| items.open(session));
                }
                Ok(())
            }

            /// Waits until the items that the caller has put are in the queue, which they are once `put` has returned.
            /// `RuntimeError` if the caller has not closed the queue.
            pub fn join_thread(&self, ctx: &Context) -> Result<(), Exception> {
                match self.check_open(ctx) {
                    Ok(()) => Err(Exception::RuntimeError(concat!("Queue <", $name, "> not closed").to_owned())),
                    Err(_) => Ok(()),
                }
            }

            /// Does nothing: items that were put are in the queue already, so no thread could be left behind.
            pub fn cancel_join_thread(&self) {}
        }

        impl Kind for $class {
            fn check_open(&self, ctx: &Context) -> Result<(), Exception> {
                if self.items.read(|items| items.is_closed_by(ctx.session())) {
                    return Err(Exception::value(concat!("Queue <", $name, "> is closed")));
                }
                Ok(())
            }

            fn patience(block: Arg<Value>, timeout: Option<f64>) -> Result<Patience, Exception> {
                Patience::to_process_queue(block, timeout)
            }
        }

        impl Traverse for $class {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                self.items.read(|items| items.visit(visit));
            }
        }

        kept!($class, items: Items);
        queue_methods!($class);
        bounded_methods!($class);
        queue_proxy!($proxy);
        bounded_proxy!($proxy);
    };
}

process_queue!(SharedQueue, SharedQueueProxy, "multiprocessing.Queue");
process_queue!(JoinableQueue, JoinableQueueProxy, "multiprocessing.JoinableQueue");
joinable_methods!(JoinableQueue);
joinable_proxy!(JoinableQueueProxy);
