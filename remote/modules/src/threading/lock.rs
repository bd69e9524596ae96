//! The classes `Lock` and `RLock`, and their proxies. [`mutual`](super::mutual) grants locks and passes them on.

use super::guard::{Guard, lockable};
use super::mutual::{Grant, Holder, Mutual, acquire};
use crate::waiting::{Monitor, Patience, kept};
use crate::{Exception, Fallible};
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{Granted, Value};

/// A lock, as Python's `Lock`. It has one holder at a time; callers that wait get it in the order in which they called.
///
/// Its holder is a task of a session. When the session ends, the lock is released, and the next holder is told that it
/// was abandoned.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::LockProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let lock = session.memoize("lock", LockProxy::new()).await?;
/// let guard = lock.acquire().await?;
/// assert!(lock.locked().await?);
/// guard.release().await?; // or drop it
/// assert!(!lock.locked().await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Lock {
    lock: Arc<Monitor<Mutual>>,
}

/// A lock that its holder can acquire again, as Python's `RLock`. The holder must release it as often as it acquired
/// it.
///
/// Its holder is a task of a session. When the session ends, the lock is released, and the next holder is told that it
/// was abandoned.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::RLockProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let lock = session.memoize("lock", RLockProxy::new()).await?;
/// let outer = lock.acquire().await?;
/// let inner = lock.acquire().await?; // the same task may acquire it again
/// inner.release().await?;
/// outer.release().await?;
/// assert!(lock.holder().await?.is_none());
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct RLock {
    lock: Arc<Monitor<Mutual>>,
}

#[remote]
impl Lock {
    /// Makes a lock that nobody holds.
    #[remote(inline)]
    #[allow(clippy::new_without_default, reason = "a lock in one process only is what std has")]
    pub fn new() -> Self {
        Lock { lock: Mutual::new(false) }
    }
}

#[remote]
impl RLock {
    /// Makes a lock that nobody holds.
    #[remote(inline)]
    #[allow(clippy::new_without_default, reason = "a lock in one process only is what std has")]
    pub fn new() -> Self {
        RLock { lock: Mutual::new(true) }
    }
}

kept!(Lock, lock: Mutual);
kept!(RLock, lock: Mutual);

impl Lock {
    pub(super) fn state(&self) -> &Arc<Monitor<Mutual>> {
        &self.lock
    }
}

impl RLock {
    pub(super) fn state(&self) -> &Arc<Monitor<Mutual>> {
        &self.lock
    }
}

/// The methods that locks share, for a class that has `lock`.
macro_rules! lock_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Acquires the lock, and returns true; false if that takes longer than `timeout` seconds, or, if
            /// `blocking` is false, right away.
            ///
            /// A timeout of -1 means no timeout. `ValueError` if it is negative otherwise, or if it is given although
            /// `blocking` is false. The call's own timeout applies as well: disable it if the wait may be long.
            #[remote(proxy = "acquire_bool")]
            pub async fn acquire(
                &self,
                ctx: &Context,
                #[remote(default = true)] blocking: Arg<bool>,
                #[remote(default = -1)] timeout: Arg<f64>,
            ) -> Result<bool, Exception> {
                Ok(acquire(&self.lock, ctx, Patience::to_acquire(blocking, timeout)?).await?.is_some())
            }

            /// As `acquire`, but returns the grant, which has the fencing token, and tells whether the last holder
            /// abandoned the lock. Returns null instead of false.
            #[remote(name = "acquire_token")]
            pub async fn acquire_grant(
                &self,
                ctx: &Context,
                #[remote(default = true)] blocking: Arg<bool>,
                #[remote(default = -1)] timeout: Arg<f64>,
            ) -> Result<Option<Grant>, Exception> {
                acquire(&self.lock, ctx, Patience::to_acquire(blocking, timeout)?).await
            }

            /// As `acquire_grant`, and returns a reference to this lock as well. A caller that acquires a lock by key
            /// releases it through the reference, since the key may lead to another lock by then.
            pub async fn acquire_held(
                &self,
                ctx: &Context,
                #[remote(default = true)] blocking: Arg<bool>,
                #[remote(default = -1)] timeout: Arg<f64>,
            ) -> Result<Option<Granted<Grant>>, Exception> {
                let granted = acquire(&self.lock, ctx, Patience::to_acquire(blocking, timeout)?).await?;
                Ok(granted.map(Granted::here))
            }

            /// Releases the lock. `RuntimeError` if the caller does not hold it. The task that acquired it holds it;
            /// any other task of its session must pass the token.
            #[remote(name = "release")]
            pub fn release_token(&self, ctx: &Context, token: Option<u64>) -> Result<(), Exception> {
                self.lock.with(|lock, woken| lock.release(ctx.owner(), token, woken))
            }

            /// As `acquire`.
            #[remote(name = "__enter__")]
            pub async fn enter(&self, ctx: &Context) -> Result<bool, Exception> {
                Ok(acquire(&self.lock, ctx, Patience::Forever).await?.is_some())
            }

            /// As `release`. The arguments have no effect.
            #[remote(name = "__exit__")]
            pub fn exit(
                &self,
                ctx: &Context,
                exc_type: Option<Value>,
                exc_value: Option<Value>,
                traceback: Option<Value>,
            ) -> Result<(), Exception> {
                let _ = (exc_type, exc_value, traceback);
                self.lock.with(|lock, woken| lock.release(ctx.owner(), None, woken))
            }

            /// Returns whether anybody holds it.
            pub fn locked(&self) -> bool {
                self.holder().is_some()
            }

            /// Returns who holds it, and under which token; null if nobody does.
            pub fn holder(&self) -> Option<Holder> {
                self.lock.read(Mutual::holder)
            }

            /// Returns the token of its last grant; 0 if it was never acquired.
            pub fn token(&self) -> u64 {
                self.lock.read(Mutual::last_token)
            }

            /// Returns the number of callers that wait for it.
            pub fn waiting(&self) -> usize {
                self.lock.read(Mutual::waiting)
            }
        }
    };
}

/// The methods of a reentrant lock that Python's `Condition` needs. The class has `lock`.
macro_rules! owned_methods {
    ($class:ident) => {
        #[tarmem_remote::remote]
        impl $class {
            /// Returns whether the caller holds it: its task, or the owner that it names.
            #[remote(name = "_is_owned")]
            pub fn is_owned(&self, ctx: &Context) -> bool {
                self.lock.read(|lock| lock.is_held_by(ctx.owner()))
            }

            /// Releases the lock however often the caller holds it, and returns the state that `_acquire_restore`
            /// takes. `RuntimeError` if the caller does not hold it.
            #[remote(name = "_release_save")]
            pub fn release_save(&self, ctx: &Context) -> Result<Value, Exception> {
                $crate::threading::mutual::release_save(&self.lock, ctx)
            }

            /// Acquires the lock as often as the caller held it before `_release_save`, which returned the `state`;
            /// waits for it. The lock has a new token then.
            #[remote(name = "_acquire_restore")]
            pub async fn acquire_restore(&self, ctx: &Context, state: Value) -> Result<(), Exception> {
                $crate::threading::mutual::acquire_restore(&self.lock, ctx, &state).await
            }
        }
    };
}

pub(crate) use {lock_methods, owned_methods};

lock_methods!(Lock);
lock_methods!(RLock);
owned_methods!(RLock);
lockable!(LockProxy);
lockable!(RLockProxy);
