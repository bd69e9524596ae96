//! The guard that a typed caller gets for a lock, which releases the lock when it is dropped.

use super::mutual::Grant;
use crate::waiting::seconds;
use crate::{Exception, Fallible};
use std::fmt;
use std::time::Duration;
use tarmem_remote::call::CallError;
use tarmem_remote::proxy::Proxy;
use tarmem_remote::value::Granted;

/// A proxy of an object that can be acquired and released: `Lock`, `RLock`, `Condition`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::{LockProxy, Lockable};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// fn is_lockable<P: Lockable>(_: &P) -> bool {
///     true
/// }
///
/// let lock = session.memoize("lock", LockProxy::new()).await?;
/// assert!(is_lockable(&lock));
/// # Ok(())
/// # }
/// ```
pub trait Lockable: Proxy {
    #[doc(hidden)]
    fn send_acquire(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Grant>>;

    #[doc(hidden)]
    fn send_acquire_held(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Granted<Grant>>>;

    #[doc(hidden)]
    fn send_release(&self, token: Option<u64>) -> Fallible<()>;
}

/// A lock that is held. It belongs to the object from which it was acquired, and is released there, even if the key has
/// come to lead to another one. Dropping it releases the lock soon after, and ignores errors;
/// [`release`](Self::release) waits for the result.
///
/// It can be dropped by another task than the one that acquired the lock, and outside of an async runtime.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::{Guard, LockProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let lock = session.memoize("lock", LockProxy::new()).await?;
/// let guard: Guard<LockProxy> = lock.acquire().await?;
/// assert!(guard.token() > 0 && !guard.abandoned());
/// assert!(lock.try_acquire().await?.is_none());
/// guard.release().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "the lock is released when this is dropped"]
pub struct Guard<P: Lockable> {
    /// `None` once the lock has been released.
    lock: Option<P>,
    grant: Grant,
}

impl<P: Lockable> Guard<P> {
    pub(crate) fn new(lock: &P, grant: Grant) -> Self {
        Guard { lock: Some(lock.clone()), grant }
    }

    pub(crate) async fn acquire(lock: &P) -> Result<Self, CallError<Exception>> {
        // The caller chose to wait, so the timeout meant for other calls does not apply. Without a timeout the lock is
        // always granted.
        Self::ask(lock, None, None, true).await?.ok_or_else(not_granted)
    }

    pub(crate) async fn acquire_timeout(lock: &P, timeout: Duration) -> Result<Option<Self>, CallError<Exception>> {
        Self::ask(lock, None, seconds(timeout), true).await
    }

    pub(crate) async fn try_acquire(lock: &P) -> Result<Option<Self>, CallError<Exception>> {
        Self::ask(lock, Some(false), None, false).await
    }

    async fn ask(
        lock: &P,
        blocking: Option<bool>,
        timeout: Option<f64>,
        waits: bool,
    ) -> Result<Option<Self>, CallError<Exception>> {
        if lock.key().is_none() {
            let call = lock.send_acquire(blocking, timeout);
            let granted = if waits { call.no_timeout() } else { call }.await?;
            return Ok(granted.map(|grant| Guard::new(lock, grant)));
        }
        // The key may lead to another lock by the time that this one is released.
        let call = lock.send_acquire_held(blocking, timeout);
        let granted = if waits { call.no_timeout() } else { call }.await?;
        Ok(granted.map(|Granted { grant, of }| Guard::new(&of.proxy().unwrap_or_else(|| lock.clone()), grant)))
    }

    /// Returns the fencing token, which is higher than that of every earlier grant of the service, of this lock or
    /// another.
    pub fn token(&self) -> u64 {
        self.grant.token
    }

    /// Returns whether the last holder disappeared while it held the lock. What the lock protects may be half changed
    /// then.
    pub fn abandoned(&self) -> bool {
        self.grant.abandoned
    }

    /// Releases the lock, and waits until that is done.
    ///
    /// # Errors
    /// `RuntimeError` if the lock is no longer held under this token, and those of the session. [`NoSuchObject`] if the
    /// session has ended since the lock was acquired, or the service was restarted: the lock has been released then.
    ///
    /// [`NoSuchObject`]: tarmem_remote::Error::NoSuchObject
    pub async fn release(mut self) -> Result<(), CallError<Exception>> {
        let Some(lock) = self.lock.clone() else { return Err(not_granted()) };
        // Until the call is sent, dropping this future releases the lock as dropping the guard does; after that, the
        // call goes its way.
        let release = lock.send_release(Some(self.grant.token)).no_timeout().uncancelled().send().await;
        self.lock = None;
        release.await
    }

    pub(crate) fn lock(&self) -> Result<&P, CallError<Exception>> {
        self.lock.as_ref().ok_or_else(not_granted)
    }

    /// Returns the proxy of the lock, and its grant. Dropping the guard does not release the lock any more.
    pub(crate) fn disarm(mut self) -> Result<(P, Grant), CallError<Exception>> {
        self.lock.take().map(|lock| (lock, self.grant)).ok_or_else(not_granted)
    }
}

fn not_granted() -> CallError<Exception> {
    CallError::Method(Exception::RuntimeError("the lock was not granted".to_owned()))
}

impl<P: Lockable> Drop for Guard<P> {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            lock.send_release(Some(self.grant.token)).detach();
        }
    }
}

impl<P: Lockable> fmt::Debug for Guard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("token", &self.token()).field("abandoned", &self.abandoned()).finish()
    }
}

/// The methods of the proxies of locks.
macro_rules! lockable {
    ($proxy:ident) => {
        impl $crate::threading::Lockable for $proxy {
            fn send_acquire(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Grant>> {
                self.acquire_grant(blocking, timeout)
            }

            fn send_acquire_held(
                &self,
                blocking: Option<bool>,
                timeout: Option<f64>,
            ) -> Fallible<Option<Granted<Grant>>> {
                self.acquire_held(blocking, timeout)
            }

            fn send_release(&self, token: Option<u64>) -> Fallible<()> {
                self.release_token(token)
            }
        }

        /// Methods that return guards, which release the lock when they are dropped.
        ///
        /// Dropping one of their futures gives up the wait, and the lock if it is granted at that moment.
        impl $proxy {
            /// Acquires the lock, after waiting as long as necessary.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn acquire(&self) -> Result<Guard<Self>, CallError<Exception>> {
                Guard::acquire(self).await
            }

            /// Acquires the lock, or returns `None` if that takes longer than `timeout`.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn acquire_timeout(
                &self,
                timeout: Duration,
            ) -> Result<Option<Guard<Self>>, CallError<Exception>> {
                Guard::acquire_timeout(self, timeout).await
            }

            /// Acquires the lock if nobody holds it.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn try_acquire(&self) -> Result<Option<Guard<Self>>, CallError<Exception>> {
                Guard::try_acquire(self).await
            }
        }
    };
}

pub(crate) use lockable;
