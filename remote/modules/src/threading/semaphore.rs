//! `Semaphore` and `BoundedSemaphore`.

use crate::waiting::{Attempt, Door, KeptState, Line, Monitor, Patience, Woken, deliver, enter, haunt, kept, seconds};
use crate::{Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::call::CallError;
use tarmem_remote::context::{Context, SessionEnded};
use tarmem_remote::object::Sessions;
use tarmem_remote::proxy::Proxy;
use tarmem_remote::remote;
use tarmem_remote::value::{Granted, Value};
use uuid::Uuid;

/// A number of permits, as Python's `Semaphore`. A caller that acquires one when none is free waits in line until one
/// is released.
///
/// A session holds the permits that it acquires, and they return when it ends; `forget` uses permits up instead. Anyone
/// may release more permits than it holds, which makes new ones.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::SemaphoreProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let slots = session.memoize("slots", SemaphoreProxy::new(Some(2))).await?;
/// let permit = slots.acquire().await?;
/// assert_eq!(slots.value().await?, 1);
/// permit.release().await?; // or drop it
/// assert_eq!(slots.value().await?, 2);
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Semaphore {
    permits: Arc<Monitor<Permits>>,
}

/// A semaphore that never has more permits than at first: a session can release only those that it holds.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::BoundedSemaphoreProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let slots = session.memoize("slots", BoundedSemaphoreProxy::new(Some(2))).await?;
/// let permit = slots.acquire().await?;
/// permit.release().await?;
/// assert!(slots.release(None).await.is_err()); // this session holds no other permit
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct BoundedSemaphore {
    permits: Arc<Monitor<Permits>>,
}

#[remote]
impl Semaphore {
    /// Makes a semaphore with `value` permits (1 if left out). `ValueError` if that is negative.
    #[remote(inline)]
    pub fn new(#[remote(default = 1)] value: Arg<i64>) -> Result<Self, Exception> {
        Ok(Semaphore { permits: Permits::new(value, false)? })
    }
}

#[remote]
impl BoundedSemaphore {
    /// Makes a semaphore with `value` permits (1 if left out). `ValueError` if that is negative.
    #[remote(inline)]
    pub fn new(#[remote(default = 1)] value: Arg<i64>) -> Result<Self, Exception> {
        Ok(BoundedSemaphore { permits: Permits::new(value, true)? })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Permits {
    free: u64,
    bounded: bool,
    /// The number of permits that each session holds, which is never 0.
    held: HashMap<Uuid, u64>,
    line: Line<Uuid, Uuid>,
}

impl Door for Permits {
    type State = Permits;
    /// The session that is to hold the permit.
    type Want = Uuid;
    type Admission = Uuid;

    fn line(state: &mut Permits) -> &mut Line<Uuid, Uuid> {
        &mut state.line
    }

    fn pass_on(state: &mut Permits, session: Uuid, woken: &mut Woken) {
        state.take_back(session, woken);
    }
}

impl Permits {
    fn new(value: Arg<i64>, bounded: bool) -> Result<Arc<Monitor<Self>>, Exception> {
        let free =
            u64::try_from(value.or_else(|| 1)).map_err(|_| Exception::value("semaphore initial value must be >= 0"))?;
        Ok(Monitor::new(Permits { free, bounded, held: HashMap::new(), line: Line::default() }))
    }

    fn attempt(&mut self, session: Uuid) -> Attempt<Permits> {
        // If a permit is free, nobody waits for one.
        if self.free == 0 {
            return Attempt::Wait(session);
        }
        self.free -= 1;
        *self.held.entry(session).or_default() += 1;
        Attempt::Granted(session)
    }

    fn held_by(&self, session: Uuid) -> u64 {
        self.held.get(&session).copied().unwrap_or(0)
    }

    /// Removes that many permits from those that the session holds.
    fn let_go(&mut self, session: Uuid, count: u64) {
        if let Some(held) = self.held.get_mut(&session) {
            *held = held.saturating_sub(count);
            if *held == 0 {
                self.held.remove(&session);
            }
        }
    }

    /// Frees that many permits, and grants them to the first in line.
    fn free(&mut self, count: u64, woken: &mut Woken) {
        self.free = self.free.saturating_add(count);
        let held = &mut self.held;
        while self.free > 0
            && self.line.grant_first(woken, |session| {
                *held.entry(session).or_default() += 1;
                session
            })
        {
            self.free -= 1;
        }
    }

    fn release(&mut self, session: Uuid, count: u64, woken: &mut Woken) -> Result<(), Exception> {
        let held = self.held_by(session);
        if self.bounded && count > held {
            let why = format!("this session holds {held}, and cannot release {count}");
            return Err(Exception::ValueError(format!("Semaphore released too many times: {why}")));
        }
        if self.free.checked_add(count).is_none_or(|free| i64::try_from(free).is_err()) {
            return Err(Exception::overflow("too many permits"));
        }
        self.let_go(session, count);
        self.free(count, woken);
        Ok(())
    }

    /// Takes back a permit that did not reach its caller, if the session still holds it.
    fn take_back(&mut self, session: Uuid, woken: &mut Woken) {
        if self.held.contains_key(&session) {
            self.let_go(session, 1);
            self.free(1, woken);
        }
    }
}

impl KeptState for Permits {
    /// One permit of this session.
    type Done = Uuid;

    fn undo(&mut self, session: Uuid, woken: &mut Woken) {
        self.take_back(session, woken);
    }

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Permits>(monitor, sessions);
        let holders: Vec<Uuid> = monitor.read(|permits| permits.held.keys().copied().collect());
        for session in holders {
            let monitor: Weak<Monitor<Self>> = Arc::downgrade(monitor);
            sessions.watch(session, monitor);
        }
    }
}

kept!(Semaphore, permits: Permits);
kept!(BoundedSemaphore, permits: Permits);

impl SessionEnded for Monitor<Permits> {
    fn session_ended(&self, session: Uuid) {
        self.with(|permits, woken| {
            if let Some(held) = permits.held.remove(&session) {
                permits.free(held, woken);
            }
        });
    }
}

async fn acquire(permits: &Arc<Monitor<Permits>>, ctx: &Context, patience: Patience) -> Result<bool, Exception> {
    let session = ctx.session();
    let granted = enter::<Permits>(ctx, permits, patience, |permits, _| Ok(permits.attempt(session))).await?;
    if granted.is_none() {
        return Ok(false);
    }
    deliver(ctx, permits, session)?;
    Ok(true)
}

/// Converts a number of permits, which is 1 if left out.
fn count(n: Arg<i64>) -> Result<u64, Exception> {
    match u64::try_from(n.or_else(|| 1)) {
        Ok(count @ 1..) => Ok(count),
        _ => Err(Exception::value("n must be one or more")),
    }
}

/// The methods that both classes share.
macro_rules! semaphore_methods {
    ($class:ident, $proxy:ident) => {
        #[remote]
        impl $class {
            /// Acquires a permit, and returns true; false if that takes longer than `timeout` seconds, or, if
            /// `blocking` is false, right away.
            ///
            /// A timeout of -1 means no timeout. `ValueError` if it is negative otherwise, or if it is given although
            /// `blocking` is false. The call's own timeout applies as well: disable it if the wait may be long.
            #[remote(proxy = "acquire_bool")]
            pub async fn acquire(
                &self,
                ctx: &Context,
                #[remote(default = true)] blocking: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<bool, Exception> {
                acquire(&self.permits, ctx, Patience::to_acquire_permit(blocking, timeout)?).await
            }

            /// As `acquire`, but returns a reference to this semaphore, or null instead of false. A caller that
            /// acquires a permit by key releases it through the reference, since the key may lead to another semaphore
            /// by then.
            pub async fn acquire_held(
                &self,
                ctx: &Context,
                #[remote(default = true)] blocking: Arg<Value>,
                timeout: Option<f64>,
            ) -> Result<Option<Granted<()>>, Exception> {
                let granted = acquire(&self.permits, ctx, Patience::to_acquire_permit(blocking, timeout)?).await?;
                Ok(granted.then(|| Granted::here(())))
            }

            /// Releases `n` permits (1 if left out), starting with those that the session holds. `ValueError` if `n` is
            /// less than one, or, for a bounded semaphore, more than the session holds.
            pub fn release(&self, ctx: &Context, #[remote(default = 1)] n: Arg<i64>) -> Result<(), Exception> {
                let count = count(n)?;
                self.permits.with(|permits, woken| permits.release(ctx.session(), count, woken))
            }

            /// Uses up `n` permits that the session holds (1 if left out): they do not return when the session ends.
            /// `ValueError` if the session holds fewer.
            pub fn forget(&self, ctx: &Context, #[remote(default = 1)] n: Arg<i64>) -> Result<(), Exception> {
                let count = count(n)?;
                self.permits.with(|permits, _| {
                    let held = permits.held_by(ctx.session());
                    if count > held {
                        let message = format!("this session holds {held}, and cannot use up {count}");
                        return Err(Exception::ValueError(message));
                    }
                    permits.let_go(ctx.session(), count);
                    Ok(())
                })
            }

            /// As `acquire`.
            #[remote(name = "__enter__")]
            pub async fn enter(&self, ctx: &Context) -> Result<bool, Exception> {
                acquire(&self.permits, ctx, Patience::Forever).await
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
                self.permits.with(|permits, woken| permits.release(ctx.session(), 1, woken))
            }

            /// Returns the number of free permits.
            pub fn value(&self) -> u64 {
                self.permits.read(|permits| permits.free)
            }

            /// Returns the number of permits that the session holds.
            pub fn held(&self, ctx: &Context) -> u64 {
                self.permits.read(|permits| permits.held_by(ctx.session()))
            }

            /// Returns the number of callers that wait for a permit.
            pub fn waiting(&self) -> usize {
                self.permits.read(|permits| permits.line.len())
            }
        }

        impl Permitting for $proxy {
            fn send_acquire(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<bool> {
                self.acquire_bool(blocking.map(Value::from), timeout)
            }

            fn send_acquire_held(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Granted<()>>> {
                self.acquire_held(blocking.map(Value::from), timeout)
            }

            fn send_release(&self) -> Fallible<()> {
                self.release(None)
            }

            fn send_forget(&self) -> Fallible<()> {
                self.forget(None)
            }
        }

        /// Methods that return permits, which are released when they are dropped.
        ///
        /// Dropping one of their futures gives up the wait, and the permit if it is granted at that moment.
        impl $proxy {
            /// Acquires a permit, after waiting as long as necessary.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn acquire(&self) -> Result<Permit<Self>, CallError<Exception>> {
                // The caller chose to wait, so the timeout meant for other calls does not apply. Without a timeout a
                // permit is always granted.
                let granted = Permit::ask(self, None, None, true).await?;
                granted.ok_or_else(|| CallError::Method(Exception::RuntimeError("no permit was granted".to_owned())))
            }

            /// Acquires a permit, or returns `None` if that takes longer than `timeout`.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn acquire_timeout(
                &self,
                timeout: Duration,
            ) -> Result<Option<Permit<Self>>, CallError<Exception>> {
                Permit::ask(self, None, seconds(timeout), true).await
            }

            /// Acquires a permit if one is free.
            ///
            /// # Errors
            /// Those of the session.
            pub async fn try_acquire(&self) -> Result<Option<Permit<Self>>, CallError<Exception>> {
                Permit::ask(self, Some(false), None, false).await
            }
        }
    };
}

semaphore_methods!(Semaphore, SemaphoreProxy);
semaphore_methods!(BoundedSemaphore, BoundedSemaphoreProxy);

/// A proxy of an object that grants permits.
pub trait Permitting: Proxy {
    #[doc(hidden)]
    fn send_acquire(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<bool>;

    #[doc(hidden)]
    fn send_acquire_held(&self, blocking: Option<bool>, timeout: Option<f64>) -> Fallible<Option<Granted<()>>>;

    #[doc(hidden)]
    fn send_release(&self) -> Fallible<()>;

    #[doc(hidden)]
    fn send_forget(&self) -> Fallible<()>;
}

/// A permit of a semaphore. It belongs to the object from which it was acquired, and returns there, even if the key has
/// come to lead to another one. Dropping it releases the permit soon after, and ignores errors.
///
/// It can be dropped by another task than the one that acquired it, and outside of an async runtime.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::{Permit, SemaphoreProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let slots = session.memoize("slots", SemaphoreProxy::new(Some(2))).await?;
/// let permit: Permit<SemaphoreProxy> = slots.acquire().await?;
/// permit.forget().await?; // used up
/// assert_eq!(slots.value().await?, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "the permit is released when this is dropped"]
pub struct Permit<P: Permitting> {
    /// `None` once the permit has been released or used up.
    semaphore: Option<P>,
}

impl<P: Permitting> Permit<P> {
    async fn ask(
        semaphore: &P,
        blocking: Option<bool>,
        timeout: Option<f64>,
        waits: bool,
    ) -> Result<Option<Self>, CallError<Exception>> {
        if semaphore.key().is_none() {
            let call = semaphore.send_acquire(blocking, timeout);
            let granted = if waits { call.no_timeout() } else { call }.await?;
            return Ok(granted.then(|| Permit { semaphore: Some(semaphore.clone()) }));
        }
        // The key may lead to another semaphore by the time that the permit is released.
        let call = semaphore.send_acquire_held(blocking, timeout);
        let granted = if waits { call.no_timeout() } else { call }.await?;
        Ok(granted.map(|Granted { of, .. }| Permit { semaphore: of.proxy().or_else(|| Some(semaphore.clone())) }))
    }

    /// Releases the permit, and waits until that is done.
    ///
    /// # Errors
    /// `ValueError` if the session no longer holds it, and those of the session. [`NoSuchObject`] if the session has
    /// ended since the permit was acquired, or the service was restarted: the permit has returned then.
    ///
    /// [`NoSuchObject`]: tarmem_remote::Error::NoSuchObject
    pub async fn release(self) -> Result<(), CallError<Exception>> {
        self.finish(P::send_release).await
    }

    /// Uses the permit up: it does not become free again, unless a caller releases more than it holds.
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub async fn forget(self) -> Result<(), CallError<Exception>> {
        self.finish(P::send_forget).await
    }

    async fn finish(mut self, how: fn(&P) -> Fallible<()>) -> Result<(), CallError<Exception>> {
        let Some(semaphore) = self.semaphore.clone() else { return Ok(()) };
        // Until the call is sent, dropping this future releases the permit as dropping it does; after that, the call
        // goes its way.
        let finish = how(&semaphore).no_timeout().uncancelled().send().await;
        self.semaphore = None;
        finish.await
    }
}

impl<P: Permitting> Drop for Permit<P> {
    fn drop(&mut self) {
        if let Some(semaphore) = &self.semaphore {
            semaphore.send_release().detach();
        }
    }
}

impl<P: Permitting> fmt::Debug for Permit<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("held", &self.semaphore.is_some()).finish()
    }
}
