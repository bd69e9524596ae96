//! The methods of the proxies that take and return plain Rust values.

use super::items::Lease;
use super::{LifoQueueProxy, PriorityQueueProxy, QueueProxy, SimpleQueueProxy};
use crate::waiting::seconds;
use crate::{Decoded, Exception, Fallible, given};
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::time::Duration;
use tarmem_remote::call::{CallError, Misfit};
use tarmem_remote::error::Error;
use tarmem_remote::proxy::Proxy;
use tarmem_remote::value::{Granted, IntoValue, misfit};

/// A proxy of a queue whose items can be leased.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::{Leasing, QueueProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// fn is_leasing<P: Leasing>(_: &P) -> bool {
///     true
/// }
///
/// let jobs = session.memoize("jobs", QueueProxy::default()).await?;
/// assert!(is_leasing(&jobs));
/// # Ok(())
/// # }
/// ```
pub trait Leasing: Proxy {
    #[doc(hidden)]
    fn send_lease(&self, timeout: Option<f64>) -> Fallible<Lease>;

    #[doc(hidden)]
    fn send_lease_held(&self, timeout: Option<f64>) -> Fallible<Granted<Lease>>;

    #[doc(hidden)]
    fn send_ack(&self, token: u64) -> Fallible<()>;

    #[doc(hidden)]
    fn send_nack(&self, token: u64) -> Fallible<()>;
}

/// The result of leasing an item from a queue through its proxy.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::{Leased, LeasedItem, QueueProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", QueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// let leased: Leased<QueueProxy, String> = jobs.get_leased().await;
/// let item: LeasedItem<QueueProxy, String> = leased?;
/// assert_eq!(*item, "a.png");
/// # Ok(())
/// # }
/// ```
pub type Leased<P, T> = Result<LeasedItem<P, T>, CallError<Exception>>;

/// A leased item of a queue. It belongs to the queue object from which it was taken, even if the key has come to lead
/// to another one. [`ack`](Self::ack) acknowledges it. If it is dropped, or the session ends, before that, the item
/// becomes the next one to be taken.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::QueueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", QueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// let job = jobs.get_leased::<String>().await?;
/// assert_eq!(*job, "a.png");
/// job.ack().await?; // done; without this, another worker would get the item
/// assert!(jobs.empty().await?);
/// # Ok(())
/// # }
/// ```
#[must_use = "the item goes back into the queue when this is dropped"]
pub struct LeasedItem<P: Leasing, T> {
    /// `None` once the lease has ended.
    queue: Option<P>,
    token: u64,
    item: T,
}

impl<P: Leasing, T: DeserializeOwned> LeasedItem<P, T> {
    pub(crate) async fn get(queue: &P, timeout: Option<f64>) -> Leased<P, T> {
        // If the item cannot be converted to `T`, it goes back.
        if queue.key().is_none() {
            let mut call = queue.send_lease(timeout).no_timeout();
            let (token, item) = poll_fn(|cx| call.poll_as(cx, decode)).await?;
            return Ok(LeasedItem { queue: Some(queue.clone()), token, item });
        }
        // The key may lead to another queue by the time that the item is acknowledged.
        let mut call = queue.send_lease_held(timeout).no_timeout();
        let held = poll_fn(|cx| {
            call.poll_as(cx, |Granted { grant, of }| decode(grant).map(|(token, item)| (token, item, of)))
        });
        let (token, item, of) = held.await.map_err(in_own_words)?;
        Ok(LeasedItem { queue: of.proxy().or_else(|| Some(queue.clone())), token, item })
    }
}

/// Names the method that the user called, since another one is called for a proxy by key.
fn in_own_words(error: CallError<Exception>) -> CallError<Exception> {
    match error {
        CallError::Failed(Error::UnexpectedResult { what, reason, value, undone }) => {
            let what = what.strip_suffix("get_held").map(|class| format!("{class}get_leased")).unwrap_or(what);
            CallError::Failed(Error::UnexpectedResult { what, reason, value, undone })
        }
        other => other,
    }
}

fn decode<T: DeserializeOwned>(lease: Lease) -> Result<(u64, T), Misfit> {
    let Lease { item, token } = lease;
    let item = T::deserialize(&item).map_err(|error| Misfit { reason: misfit::<T>(&item, &error), value: None })?;
    Ok((token, item))
}

impl<P: Leasing, T> LeasedItem<P, T> {
    /// Returns the token of the lease.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// Acknowledges the item: it is done.
    ///
    /// # Errors
    /// `ValueError` if the lease has ended, and those of the session. [`NoSuchObject`] if the session has ended since
    /// the item was taken, or the service was restarted: others may have the item then.
    ///
    /// [`NoSuchObject`]: tarmem_remote::Error::NoSuchObject
    pub async fn ack(mut self) -> Result<(), CallError<Exception>> {
        let Some(queue) = self.queue.clone() else { return Ok(()) };
        // Until the call is sent, dropping this future puts the item back; after that, the call goes its way.
        let ack = queue.send_ack(self.token).no_timeout().uncancelled().send().await;
        self.queue = None;
        ack.await
    }
}

impl<P: Leasing, T> Deref for LeasedItem<P, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<P: Leasing, T> Drop for LeasedItem<P, T> {
    fn drop(&mut self) {
        if let Some(queue) = &self.queue {
            queue.send_nack(self.token).detach();
        }
    }
}

impl<P: Leasing, T: fmt::Debug> fmt::Debug for LeasedItem<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeasedItem").field("item", &self.item).field("token", &self.token).finish_non_exhaustive()
    }
}

/// The methods of the proxies of all queues.
macro_rules! queue_proxy {
    ($proxy:ident) => {
        impl $crate::queue::Leasing for $proxy {
            fn send_lease(&self, timeout: Option<f64>) -> Fallible<Lease> {
                self.get_leased_value(None, timeout)
            }

            fn send_lease_held(&self, timeout: Option<f64>) -> Fallible<Granted<Lease>> {
                self.get_held(None, timeout)
            }

            fn send_ack(&self, token: u64) -> Fallible<()> {
                self.ack(token)
            }

            fn send_nack(&self, token: u64) -> Fallible<()> {
                self.nack(token)
            }
        }

        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Takes an item and returns it, after waiting as long as necessary.
            pub fn get<T>(&self) -> Decoded<T> {
                Decoded::on_trial(self.get_value(None, None).no_timeout())
            }

            /// Takes an item and returns it, after waiting for at most `timeout`. `Empty` if there was none.
            pub fn get_timeout<T>(&self, timeout: Duration) -> Decoded<T> {
                Decoded::on_trial(self.get_value(None, seconds(timeout)).no_timeout())
            }

            /// Takes an item and returns it. `Empty` if there is none.
            pub fn get_nowait<T>(&self) -> Decoded<T> {
                Decoded::on_trial(self.get_nowait_value())
            }

            /// Leases an item, after waiting as long as necessary.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn get_leased<T: DeserializeOwned>(&self) -> Leased<Self, T> {
                LeasedItem::get(self, None).await
            }

            /// Leases an item, after waiting for at most `timeout`.
            ///
            /// # Errors
            /// `Empty` if there was none, and those of the session.
            pub async fn get_leased_timeout<T: DeserializeOwned>(&self, timeout: Duration) -> Leased<Self, T> {
                LeasedItem::get(self, seconds(timeout)).await
            }
        }
    };
}

/// The methods of the proxies of queues that can be full.
macro_rules! bounded_proxy {
    ($proxy:ident) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Puts an item, after waiting for room as long as necessary.
            pub fn put(&self, item: impl IntoValue) -> Fallible<()> {
                given(item, |item| self.put_value(item, None, None)).no_timeout()
            }

            /// Puts an item, after waiting for room for at most `timeout`. `Full` if there was none.
            pub fn put_timeout(&self, item: impl IntoValue, timeout: Duration) -> Fallible<()> {
                given(item, |item| self.put_value(item, None, seconds(timeout))).no_timeout()
            }

            /// Puts an item. `Full` if there is no room.
            pub fn put_nowait(&self, item: impl IntoValue) -> Fallible<()> {
                given(item, |item| self.put_nowait_value(item))
            }
        }
    };
}

/// The methods of the proxies of queues that can tell when all work is done.
macro_rules! joinable_proxy {
    ($proxy:ident) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Waits until all items that were put are done, as long as necessary, and returns true.
            pub fn join(&self) -> Fallible<bool> {
                self.join_bool(None).no_timeout()
            }

            /// Waits until all items that were put are done, and returns true; false if that takes longer than
            /// `timeout`.
            pub fn join_timeout(&self, timeout: Duration) -> Fallible<bool> {
                self.join_bool(seconds(timeout)).no_timeout()
            }
        }
    };
}

queue_proxy!(QueueProxy);
queue_proxy!(LifoQueueProxy);
queue_proxy!(PriorityQueueProxy);
queue_proxy!(SimpleQueueProxy);
bounded_proxy!(QueueProxy);
bounded_proxy!(LifoQueueProxy);
bounded_proxy!(PriorityQueueProxy);
joinable_proxy!(QueueProxy);
joinable_proxy!(LifoQueueProxy);
joinable_proxy!(PriorityQueueProxy);

impl SimpleQueueProxy {
    /// Puts an item.
    pub fn put(&self, item: impl IntoValue) -> Fallible<()> {
        given(item, |item| self.put_nowait_value(item))
    }
}

pub(crate) use {bounded_proxy, joinable_proxy, queue_proxy};
