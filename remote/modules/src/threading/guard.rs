//! What a typed caller holds once it has acquired something: given up when dropped.

use super::mutual::Grant;
use crate::waiting::seconds;
use crate::{Exception, Fallible};
use std::fmt;
use std::time::Duration;
use tarmem_remote::call::CallError;
use tarmem_remote::proxy::Proxy;
use tarmem_remote::value::Granted;

/// A proxy of something that is locked and unlocked: Lock, RLock, Condition.
pub trait Lockable: Proxy {
    #[doc(hidden)]
    fn send_acquire(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Grant>>;

    #[doc(hidden)]
    fn send_acquire_held(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Granted<Grant>>>;

    #[doc(hidden)]
    fn send_release(&self, token: Option<u64>) -> Fallible<()>;
}

/// A lock that is held. It belongs to the object that it was acquired from, and is released there, whatever becomes of
/// the key that led to it: those who wait for that object go on. Dropping it releases the lock, some time soon and
/// without a word should that fail; [`release`](Self::release) waits for it.
///
/// It may be dropped by another task than the one that acquired the lock, and outside of any async runtime.
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
        // It waits by choice: no other call's timeout is meant for it. Without one it is not refused.
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

    /// Returns the fencing token: higher than that of every earlier grant of the service, of this lock or another.
    pub fn token(&self) -> u64 {
        self.grant.token
    }

    /// Returns whether the last holder vanished while it held the lock: what the lock protects may be half changed.
    pub fn abandoned(&self) -> bool {
        self.grant.abandoned
    }

    /// Releases the lock, and waits until that is done.
    ///
    /// # Errors
    /// `RuntimeError` if it is not held under this token any more, and the session's; [`NoSuchObject`] if the session
    /// has ended meanwhile, or the service was started again: then the lock has been released.
    ///
    /// [`NoSuchObject`]: tarmem_remote::Error::NoSuchObject
    pub async fn release(mut self) -> Result<(), CallError<Exception>> {
        let Some(lock) = self.lock.clone() else { return Err(not_granted()) };
        // Until it is on its way, dropping this releases the lock as dropping the guard does; then, it goes its way.
        let release = lock.send_release(Some(self.grant.token)).no_timeout().uncancelled().send().await;
        self.lock = None;
        release.await
    }

    pub(crate) fn lock(&self) -> Result<&P, CallError<Exception>> {
        self.lock.as_ref().ok_or_else(not_granted)
    }

    /// Returns the proxy of the lock, and its grant. Dropping the guard does nothing any more.
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

/// What typed callers do with a lock.
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

        /// With guards that release when they are dropped.
        ///
        /// Dropping one of these futures gives up the wait, and the lock, should it be granted in the same moment.
        impl $proxy {
            /// Acquires the lock, however long that takes.
            ///
            /// # Errors
            /// The session's.
            pub async fn acquire(&self) -> Result<Guard<Self>, CallError<Exception>> {
                Guard::acquire(self).await
            }

            /// Acquires the lock unless that takes longer than `timeout`; then it gives `None`.
            ///
            /// # Errors
            /// The session's.
            pub async fn acquire_timeout(
                &self,
                timeout: Duration,
            ) -> Result<Option<Guard<Self>>, CallError<Exception>> {
                Guard::acquire_timeout(self, timeout).await
            }

            /// Acquires the lock if nobody holds it.
            ///
            /// # Errors
            /// The session's.
            pub async fn try_acquire(&self) -> Result<Option<Guard<Self>>, CallError<Exception>> {
                Guard::try_acquire(self).await
            }
        }
    };
}

pub(crate) use lockable;
