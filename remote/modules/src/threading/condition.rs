//! `Condition`.

use super::guard::{Guard, lockable};
use super::lock::{Lock, RLock, lock_methods, owned_methods};
use super::mutual::{Acquirer, Delivered, Grant, Holder, Mutual, acquire, acquire_again};
use super::sleepers::{Parts, Received, Returning, Sleepers};
use crate::python::type_name;
use crate::waiting::{Caller, Door, Monitor, Patience, Wait, deliver, seconds, undo_unless_received};
use crate::{Exception, Fallible};
use serde::{Deserialize, Deserializer, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::object::{Keep, Kept, Traverse};
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::{self, Granted, Looked, ObjectRef, Value};

/// A lock whose holder can wait until another holder notifies it, as Python's `Condition`.
///
/// It has its own reentrant lock, or uses an existing one: a `Lock`, an `RLock`, or the lock of another `Condition`.
/// Only typed callers have `wait_for`, since a predicate cannot be sent; other callers repeat `wait` until their
/// condition is true.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ListProxy;
/// use tarmem_modules::threading::ConditionProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", ListProxy::default()).await?;
/// let changed = session.memoize("jobs changed", ConditionProxy::new()).await?;
///
/// let guard = changed.acquire().await?;
/// jobs.append("a.png").await?;
/// guard.notify_all().await?;
/// guard.release().await?;
///
/// // Elsewhere: waits until there is a job, and then holds the lock.
/// let guard = changed.acquire().await?.wait_for(async || Ok::<_, tarmem_remote::Error>(jobs.len().await? > 0)).await?;
/// assert_eq!(jobs.pop::<String>().await?, "a.png");
/// guard.release().await?;
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Condition {
    lock: Arc<Monitor<Mutual>>,
    /// Its lock, too.
    parts: Arc<Parts>,
}

impl Keep for Condition {
    fn kept(&self) -> Arc<dyn Kept> {
        Arc::clone(&self.parts) as _
    }

    fn restore<'de, D: Deserializer<'de>>(state: D) -> Result<Self, D::Error> {
        Parts::restore(state, lock_of).map(Condition::of)
    }
}

impl Traverse for Condition {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(self.parts.lock_of());
    }
}

/// How a wait has ended.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::ConditionProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let changed = session.memoize("changed", ConditionProxy::new()).await?;
/// let guard = changed.acquire().await?;
/// let wake = changed.wait_wake(Some(0.01)).await?;
/// assert!(!wake.notified); // its time has run out
/// assert!(wake.token > guard.token());
/// changed.release_token(Some(wake.token)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wake {
    /// Whether the caller was notified; if not, its time has run out.
    pub notified: bool,
    /// The fencing token under which the caller holds the lock again. Others may have held it in between.
    pub token: u64,
    /// Whether the last holder disappeared while it held the lock.
    pub abandoned: bool,
}

impl Condition {
    /// Makes a condition with its own lock, which nobody holds.
    #[allow(clippy::new_without_default, reason = "a condition in one process only is what std has")]
    pub fn new() -> Self {
        Condition::with(Mutual::new(true))
    }

    fn with(lock: Arc<Monitor<Mutual>>) -> Self {
        Condition::of(Parts::new(lock))
    }

    fn of(parts: Arc<Parts>) -> Self {
        Condition { lock: Arc::clone(&parts.lock), parts }
    }

    fn sleepers(&self) -> &Arc<Monitor<Sleepers>> {
        &self.parts.sleepers
    }
}

impl ConditionProxy {
    /// Makes a condition with its own lock, which nobody holds. [`with_lock`](Self::with_lock) uses an existing lock.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new() -> FunctionCall<Condition, CallError<Exception>> {
        ConditionProxy::with_lock(())
    }
}

#[remote]
impl Condition {
    /// Makes a condition on `lock`, which is a reference to a `Lock`, an `RLock` or another `Condition`, whose lock it
    /// shares. If it is left out or null, the condition has its own reentrant lock, which nobody holds.
    #[remote(name = "new", inline)]
    pub fn with_lock(#[remote(default = None)] lock: Arg<Value>) -> Result<Self, Exception> {
        match lock.given() {
            None | Some(Value::Null) => Ok(Condition::new()),
            Some(Value::Ref(reference)) => lock_of(&reference).map(Condition::with),
            Some(other) => Err(no_lock(type_name(&other))),
        }
    }

    /// Makes a condition on an existing lock: Python's `Condition(lock)`.
    #[remote(inline)]
    pub fn on(lock: &Lock) -> Self {
        Condition::with(Arc::clone(lock.state()))
    }

    /// Makes a condition on an existing reentrant lock: Python's `Condition(rlock)`. A wait releases it however often
    /// it is held, and then acquires it as often again.
    #[remote(inline)]
    pub fn on_rlock(lock: &RLock) -> Self {
        Condition::with(Arc::clone(lock.state()))
    }

    /// Makes a condition on the lock of another condition. A bounded buffer, for example, has one condition for callers
    /// that wait for items, and one for callers that wait for room.
    #[remote(inline)]
    pub fn sharing(condition: &Condition) -> Self {
        Condition::with(Arc::clone(&condition.lock))
    }
}

/// Returns the lock of a live object.
fn lock_of(reference: &ObjectRef) -> Result<Arc<Monitor<Mutual>>, Exception> {
    let mut lock = None;
    let looked = value::look(reference, &mut |object| {
        lock = (object.downcast_ref().map(Lock::state))
            .or_else(|| object.downcast_ref().map(RLock::state))
            .or_else(|| object.downcast_ref().map(|condition: &Condition| &condition.lock))
            .cloned();
    });
    match (lock, looked) {
        (Some(lock), _) => Ok(lock),
        // Nobody sees this error: the function runs again once the object can be looked into.
        (None, Looked::Busy) => Err(Exception::busy()),
        (None, _) => Err(no_lock(reference.class())),
    }
}

fn no_lock(found: &str) -> Exception {
    Exception::TypeError(format!(
        "a Condition needs a reference to a threading.Lock, an RLock or another Condition, not '{found}'"
    ))
}

lock_methods!(Condition);
owned_methods!(Condition);
lockable!(ConditionProxy);

#[remote]
impl Condition {
    /// Releases the lock, waits for a notification, acquires the lock again, and returns true; false if no notification
    /// came within `timeout` seconds. `RuntimeError` if the caller does not hold the lock.
    ///
    /// The timeout does not limit how long it takes to acquire the lock again. If the wait is cancelled, the caller no
    /// longer holds the lock, and a notification that it got goes to the next caller. The call's own timeout cancels
    /// the wait: disable it if the wait may be long.
    #[remote(proxy = "wait_bool")]
    pub async fn wait(&self, ctx: &Context, timeout: Option<f64>) -> Result<bool, Exception> {
        Ok(self.sleep(ctx, timeout).await?.notified)
    }

    /// As `wait`, and returns the new fencing token as well.
    #[remote(name = "wait_token")]
    pub async fn wait_wake(&self, ctx: &Context, timeout: Option<f64>) -> Result<Wake, Exception> {
        self.sleep(ctx, timeout).await
    }

    /// Notifies `n` of the callers that wait (1 if left out), in the order in which they called. `RuntimeError` if the
    /// caller does not hold the lock.
    #[remote(proxy = "notify_some")]
    pub fn notify(&self, ctx: &Context, #[remote(default = 1)] n: Arg<i64>) -> Result<(), Exception> {
        self.check_held(ctx, "notify")?;
        self.sleepers().with(|sleepers, woken| {
            let mut left = n.or_else(|| 1);
            while left > 0 && sleepers.line.grant_first(woken, |()| ()) {
                left -= 1;
            }
        });
        Ok(())
    }

    /// Notifies all callers that wait. `RuntimeError` if the caller does not hold the lock.
    pub fn notify_all(&self, ctx: &Context) -> Result<(), Exception> {
        self.notify(ctx, i64::MAX.into())
    }

    /// Returns the number of callers that wait for a notification.
    pub fn sleeping(&self) -> usize {
        self.sleepers().read(|sleepers| sleepers.line.len())
    }
}

impl Condition {
    fn check_held(&self, ctx: &Context, what: &str) -> Result<(), Exception> {
        if self.lock.read(|lock| lock.is_held_by(ctx.owner())) {
            return Ok(());
        }
        Err(not_held(what))
    }

    async fn sleep(&self, ctx: &Context, timeout: Option<f64>) -> Result<Wake, Exception> {
        // Even with a timeout of zero, others can acquire the lock for a moment.
        let mut patience = match Patience::to_wait(timeout)? {
            Patience::None => Patience::For(Duration::ZERO),
            patience => patience,
        };
        let sleepers = self.sleepers();
        let caller = sleepers.caller(ctx);
        let (mut sleeping, acquirer) = match sleepers.look(|sleepers| sleepers.returning(caller)) {
            // The service was started again.
            Some(Returning::Awake { notified, acquirer }) => (Sleeping { sleepers, caller, notified }, acquirer),
            Some(Returning::Asleep { ticket, since, acquirer }) => {
                patience = patience.after(caller.waited(since));
                let sleeping = Sleeping { sleepers, caller, notified: false };
                (sleeping.asleep(Wait::new(ctx, sleepers, ticket), patience).await, acquirer)
            }
            None => {
                let (sleeping, ticket, acquirer) = self.fall_asleep(ctx, caller)?;
                (sleeping.asleep(ticket, patience).await, acquirer)
            }
        };
        let grant = acquire_again(ctx, &self.lock, acquirer).await;
        deliver(ctx, &self.lock, Delivered::All(grant))?;
        let notified = std::mem::take(&mut sleeping.notified);
        if notified {
            undo_unless_received(ctx, sleepers, Received::Notification);
        }
        let Grant { token, abandoned } = grant;
        Ok(Wake { notified, token, abandoned })
    }

    /// Joins the line of those who wait for a notification, and releases the lock.
    fn fall_asleep(
        &self,
        ctx: &Context,
        caller: Caller,
    ) -> Result<(Sleeping<'_>, Wait<Sleepers>, Acquirer), Exception> {
        self.check_held(ctx, "wait")?;
        let sleepers = self.sleepers();
        // The caller joins the line before it releases the lock, so nobody can notify too early.
        let ticket = sleepers.with(|sleepers, _| sleepers.line.join(caller, ()))?;
        let wait = Wait::<Sleepers>::new(ctx, sleepers, ticket);
        let Some(acquirer) = self.lock.with(|lock, woken| lock.release_all(ctx.owner(), woken)) else {
            // Another task of the session has just released it.
            return Err(not_held("wait"));
        };
        if sleepers.is_kept() {
            sleepers.with(|sleepers, _| sleepers.sleeps(caller.call(), acquirer.clone()));
        }
        Ok((Sleeping { sleepers, caller, notified: false }, wait, acquirer))
    }
}

fn not_held(what: &str) -> Exception {
    Exception::RuntimeError(format!("cannot {what} on un-acquired lock"))
}

/// A call that waits. If its caller gives up, a notification that it got goes to the next one.
struct Sleeping<'a> {
    sleepers: &'a Arc<Monitor<Sleepers>>,
    caller: Caller,
    /// Whether it has a notification that it has not passed to its caller.
    notified: bool,
}

impl Sleeping<'_> {
    /// Waits for a notification.
    async fn asleep(mut self, wait: Wait<Sleepers>, patience: Patience) -> Self {
        self.notified = wait.patiently(patience).await.is_some();
        // It waits for the lock from now on, which it begins before anything else is kept.
        if self.sleepers.is_kept() {
            self.sleepers.with(|sleepers, _| sleepers.wakes(self.caller.call(), self.notified));
        }
        self
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        if !self.notified && !self.sleepers.is_kept() {
            return;
        }
        self.sleepers.with(|sleepers, woken| {
            sleepers.ends(self.caller.call());
            if self.notified {
                Sleepers::pass_on(sleepers, (), woken);
            }
        });
    }
}

/// What the holder of a condition's lock can do.
impl Guard<ConditionProxy> {
    /// Releases the lock, waits for a notification, and acquires the lock again.
    ///
    /// Dropping this future gives up the wait and the lock.
    ///
    /// # Errors
    /// `RuntimeError` if it is called by another task than the one that acquired the lock, and those of the session.
    pub async fn wait(self) -> Result<Self, CallError<Exception>> {
        Ok(self.sleep(None).await?.0)
    }

    /// As [`wait`](Self::wait), but waits for at most `timeout` before it acquires the lock again. Returns whether it
    /// was notified.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_timeout(self, timeout: Duration) -> Result<(Self, bool), CallError<Exception>> {
        self.sleep(seconds(timeout)).await
    }

    /// Waits until `ready` returns true. It is called at once and after each notification, while the lock is held.
    ///
    /// # Errors
    /// Those of `ready`, and as [`wait`](Self::wait). The lock is released then.
    pub async fn wait_for<E, F, R>(mut self, mut ready: F) -> Result<Self, E>
    where
        E: From<CallError<Exception>>,
        F: FnMut() -> R,
        R: Future<Output = Result<bool, E>>,
    {
        while !ready().await? {
            self = self.wait().await?;
        }
        Ok(self)
    }

    async fn sleep(self, timeout: Option<f64>) -> Result<(Self, bool), CallError<Exception>> {
        // If the wait never begins, the old guard still releases the lock; if it does, the lock is held under a newer
        // token.
        let wake = self.lock()?.wait_wake(timeout).no_timeout().await?;
        let (lock, _) = self.disarm()?;
        let grant = Grant { token: wake.token, abandoned: wake.abandoned };
        Ok((Guard::new(&lock, grant), wake.notified))
    }

    /// Notifies one of the callers that wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify(&self) -> Result<(), CallError<Exception>> {
        self.notify_many(1).await
    }

    /// Notifies `n` of the callers that wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify_many(&self, n: u32) -> Result<(), CallError<Exception>> {
        self.lock()?.notify_some(Some(n.into())).await
    }

    /// Notifies all callers that wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify_all(&self) -> Result<(), CallError<Exception>> {
        self.lock()?.notify_all().await
    }
}
