//! The proxies, for plain Rust values.

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

/// An item under a lease, as [`LeasedItem`] of a queue's proxy.
pub type Leased<P, T> = Result<LeasedItem<P, T>, CallError<Exception>>;

/// An item that was taken out of a queue on trial. It belongs to the object that it was taken from, whatever becomes of
/// the key that led to it. Dropping it puts the item back, as the next to leave; so does the end of the session.
/// [`ack`](Self::ack) keeps it out.
#[must_use = "the item goes back into the queue when this is dropped"]
pub struct LeasedItem<P: Leasing, T> {
    /// `None` once the lease has ended.
    queue: Option<P>,
    token: u64,
    item: T,
}

impl<P: Leasing, T: DeserializeOwned> LeasedItem<P, T> {
    pub(crate) async fn get(queue: &P, timeout: Option<f64>) -> Leased<P, T> {
        // If the item is no `T`, it goes back.
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

/// By a key another method is called for it, which its caller knows nothing of.
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

    /// Returns the item is done with.
    ///
    /// # Errors
    /// `ValueError` if the lease has ended, and the session's; [`NoSuchObject`] if the session has ended meanwhile, or
    /// the service was started again: then others may have the item.
    ///
    /// [`NoSuchObject`]: tarmem_remote::Error::NoSuchObject
    pub async fn ack(mut self) -> Result<(), CallError<Exception>> {
        let Some(queue) = self.queue.clone() else { return Ok(()) };
        // Until it is on its way, dropping this puts the item back; then, it goes its way.
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

/// What the proxies of all queues have.
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
            /// Takes an item out; waits for one, however long that takes.
            pub fn get<T>(&self) -> Decoded<T> {
                Decoded::on_trial(self.get_value(None, None).no_timeout())
            }

            /// Takes an item out; waits for one, for no longer than `timeout`. `Empty` then.
            pub fn get_timeout<T>(&self, timeout: Duration) -> Decoded<T> {
                Decoded::on_trial(self.get_value(None, seconds(timeout)).no_timeout())
            }

            /// Takes an item out. `Empty` if there is none.
            pub fn get_nowait<T>(&self) -> Decoded<T> {
                Decoded::on_trial(self.get_nowait_value())
            }

            /// Takes an item out on trial; waits for one, however long that takes.
            ///
            /// # Errors
            /// The session's.
            pub async fn get_leased<T: DeserializeOwned>(&self) -> Leased<Self, T> {
                LeasedItem::get(self, None).await
            }

            /// Takes an item out on trial; waits for one, for no longer than `timeout`.
            ///
            /// # Errors
            /// `Empty` then, and the session's.
            pub async fn get_leased_timeout<T: DeserializeOwned>(&self, timeout: Duration) -> Leased<Self, T> {
                LeasedItem::get(self, seconds(timeout)).await
            }
        }
    };
}

/// What the proxies of queues have that may be full.
macro_rules! bounded_proxy {
    ($proxy:ident) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Puts an item in; waits for room, however long that takes.
            pub fn put(&self, item: impl IntoValue) -> Fallible<()> {
                given(item, |item| self.put_value(item, None, None)).no_timeout()
            }

            /// Puts an item in; waits for room, for no longer than `timeout`. `Full` then.
            pub fn put_timeout(&self, item: impl IntoValue, timeout: Duration) -> Fallible<()> {
                given(item, |item| self.put_value(item, None, seconds(timeout))).no_timeout()
            }

            /// Puts an item in. `Full` if there is no room.
            pub fn put_nowait(&self, item: impl IntoValue) -> Fallible<()> {
                given(item, |item| self.put_nowait_value(item))
            }
        }
    };
}

/// What the proxies of queues have that know when the work is done.
macro_rules! joinable_proxy {
    ($proxy:ident) => {
        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Waits until all items that were put are done with, however long that takes; gives true.
            pub fn join(&self) -> Fallible<bool> {
                self.join_bool(None).no_timeout()
            }

            /// Waits until all items that were put are done with, and gives true; false if that takes longer than
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
    /// Puts an item in.
    pub fn put(&self, item: impl IntoValue) -> Fallible<()> {
        given(item, |item| self.put_nowait_value(item))
    }
}

pub(crate) use {bounded_proxy, joinable_proxy, queue_proxy};
