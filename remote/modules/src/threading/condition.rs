//! `Condition`.

use super::guard::{Guard, lockable};
use super::lock::{Lock, RLock, lock_methods, owned_methods};
use super::mutual::{Grant, Holder, Mutual, acquire, acquire_again};
use crate::python::type_name;
use crate::waiting::{Door, Line, Monitor, Patience, Wait, Woken, deliver, seconds};
use crate::{Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::args::Arg;
use tarmem_remote::call::CallError;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::source::FunctionCall;
use tarmem_remote::value::{self, Granted, Looked, ObjectRef, Value};

/// A lock whose holder can wait until another holder notifies it, as Python's.
///
/// It has a reentrant lock of its own, unless it is made of one that is there already, be it a Lock, an RLock or that
/// of another Condition. Its `wait_for` is there for typed callers only: the predicate is a function, and stays where
/// it is; others call `wait` until what they wait for is true.
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Condition {
    lock: Arc<Monitor<Mutual>>,
    sleepers: Arc<Monitor<Sleepers>>,
}

/// Those who wait to be notified.
#[derive(Debug, Default)]
struct Sleepers {
    line: Line<(), ()>,
}

impl Door for Sleepers {
    type State = Sleepers;
    type Want = ();
    type Grant = ();

    fn line(state: &mut Sleepers) -> &mut Line<(), ()> {
        &mut state.line
    }

    /// Somebody was notified, and does not come: the next one does.
    fn pass_on(state: &mut Sleepers, (): (), woken: &mut Woken) {
        state.line.grant_first(woken, |()| ());
    }
}

/// What has become of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wake {
    /// Whether it was notified; otherwise its time was up.
    pub notified: bool,
    /// The fencing token under which the lock is held again: others may have held it meanwhile.
    pub token: u64,
    /// Whether the last holder vanished while it held the lock.
    pub abandoned: bool,
}

impl Condition {
    /// A condition whose lock nobody holds.
    #[allow(clippy::new_without_default, reason = "a condition in one process only is what std has")]
    pub fn new() -> Self {
        Condition::with(Mutual::new(true))
    }

    fn with(lock: Arc<Monitor<Mutual>>) -> Self {
        Condition { lock, sleepers: Monitor::new(Sleepers::default()) }
    }
}

impl ConditionProxy {
    /// A condition with a lock of its own, which nobody holds; [`with_lock`](Self::with_lock) takes a lock that is
    /// there already.
    #[allow(clippy::new_ret_no_self, reason = "a proxy is of an object; this is what makes one")]
    pub fn new() -> FunctionCall<Condition, CallError<Exception>> {
        ConditionProxy::with_lock(())
    }
}

#[remote]
impl Condition {
    /// A condition on `lock`: a reference to a Lock, an RLock or another Condition, whose lock it shares. Without it,
    /// or if it is null, the condition has a reentrant lock of its own, which nobody holds.
    #[remote(name = "new", inline)]
    pub fn with_lock(#[remote(default = None)] lock: Arg<Value>) -> Result<Self, Exception> {
        match lock.given() {
            None | Some(Value::Null) => Ok(Condition::new()),
            Some(Value::Ref(reference)) => lock_of(&reference).map(Condition::with),
            Some(other) => Err(no_lock(type_name(&other))),
        }
    }

    /// A condition on a lock that is there already: Python's `Condition(lock)`.
    #[remote(inline)]
    pub fn on(lock: &Lock) -> Self {
        Condition::with(Arc::clone(lock.state()))
    }

    /// A condition on a reentrant lock that is there already: Python's `Condition(rlock)`. A wait releases it however
    /// often it is held, and acquires it as often again.
    #[remote(inline)]
    pub fn on_rlock(lock: &RLock) -> Self {
        Condition::with(Arc::clone(lock.state()))
    }

    /// A condition on the lock of another condition: a bounded buffer has one for those who wait for items, and one for
    /// those who wait for room.
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
        // Nobody sees it: this is run again once the object can be seen.
        (None, Looked::Busy) => Err(Exception::busy()),
        (None, _) => Err(no_lock(reference.class())),
    }
}

fn no_lock(found: &str) -> Exception {
    Exception::TypeError(format!(
        "a Condition is on a threading.Lock, an RLock or another Condition, by a reference to it, not on '{found}'"
    ))
}

lock_methods!(Condition);
owned_methods!(Condition);
lockable!(ConditionProxy);

#[remote]
impl Condition {
    /// Releases the lock, waits to be notified, acquires the lock again, and gives true; false if no notification came
    /// within `timeout` seconds. `RuntimeError` unless the caller holds the lock.
    ///
    /// Acquiring the lock again takes as long as it takes. A wait that is cancelled does not: the caller holds the lock
    /// no more, and a notification that it got goes to the next. The call's own timeout applies as well, and cancels
    /// it: give it none, if the wait may be long.
    #[remote(proxy = "wait_bool")]
    pub async fn wait(&self, ctx: &Context, timeout: Option<f64>) -> Result<bool, Exception> {
        Ok(self.sleep(ctx, timeout).await?.notified)
    }

    /// As `wait`, and gives the new fencing token, too.
    #[remote(name = "wait_token")]
    pub async fn wait_wake(&self, ctx: &Context, timeout: Option<f64>) -> Result<Wake, Exception> {
        self.sleep(ctx, timeout).await
    }

    /// Notifies `n` of those who wait, one if that is not said, in the order in which they came. `RuntimeError` unless
    /// the caller holds the lock.
    #[remote(proxy = "notify_some")]
    pub fn notify(&self, ctx: &Context, #[remote(default = 1)] n: Arg<i64>) -> Result<(), Exception> {
        self.check_held(ctx, "notify")?;
        self.sleepers.with(|sleepers, woken| {
            let mut left = n.or_else(|| 1);
            while left > 0 && sleepers.line.grant_first(woken, |()| ()) {
                left -= 1;
            }
        });
        Ok(())
    }

    /// Notifies all who wait. `RuntimeError` unless the caller holds the lock.
    pub fn notify_all(&self, ctx: &Context) -> Result<(), Exception> {
        self.notify(ctx, i64::MAX.into())
    }

    /// How many wait to be notified.
    pub fn sleeping(&self) -> usize {
        self.sleepers.with(|sleepers, _| sleepers.line.len())
    }
}

impl Condition {
    fn check_held(&self, ctx: &Context, what: &str) -> Result<(), Exception> {
        if self.lock.with(|lock, _| lock.is_held_by(ctx.owner())) {
            return Ok(());
        }
        Err(not_held(what))
    }

    async fn sleep(&self, ctx: &Context, timeout: Option<f64>) -> Result<Wake, Exception> {
        let owner = ctx.owner();
        // Without any patience it still lets others have the lock for a moment.
        let patience = match Patience::to_wait(timeout)? {
            Patience::None => Patience::For(Duration::ZERO),
            patience => patience,
        };
        self.check_held(ctx, "wait")?;
        // In line before the lock is released: nobody can notify earlier.
        let ticket = self.sleepers.with(|sleepers, _| sleepers.line.join(()))?;
        let asleep = Wait::<Sleepers>::new(ctx, &self.sleepers, ticket);
        let Some(acquirer) = self.lock.with(|lock, woken| lock.release_all(owner, woken)) else {
            // Another task of the session has released it just now.
            return Err(not_held("wait"));
        };
        let notified = asleep.patiently(patience).await.is_some();
        let mut notification = Notification { sleepers: notified.then_some(&self.sleepers) };
        let grant = acquire_again(ctx, &self.lock, acquirer).await;
        deliver(ctx, &self.lock, move |lock, woken| lock.take_back_all(grant, woken))?;
        if let Some(sleepers) = notification.sleepers.take() {
            let sleepers = Arc::clone(sleepers);
            ctx.undo_unless_received(move || sleepers.with(|sleepers, woken| Sleepers::pass_on(sleepers, (), woken)));
        }
        let Grant { token, abandoned } = grant;
        Ok(Wake { notified, token, abandoned })
    }
}

fn not_held(what: &str) -> Exception {
    Exception::RuntimeError(format!("cannot {what} on un-acquired lock"))
}

/// A notification that somebody has got; if the wait is given up before it is over, the next one gets it.
struct Notification<'a> {
    sleepers: Option<&'a Arc<Monitor<Sleepers>>>,
}

impl Drop for Notification<'_> {
    fn drop(&mut self) {
        if let Some(sleepers) = self.sleepers {
            sleepers.with(|sleepers, woken| Sleepers::pass_on(sleepers, (), woken));
        }
    }
}

/// What the holder of a condition's lock can do.
impl Guard<ConditionProxy> {
    /// Releases the lock, waits to be notified, and acquires the lock again.
    ///
    /// Dropping this future gives up the wait and the lock.
    ///
    /// # Errors
    /// `RuntimeError` if another task than the one that acquired the lock calls it, and the session's.
    pub async fn wait(self) -> Result<Self, CallError<Exception>> {
        Ok(self.sleep(None).await?.0)
    }

    /// As [`wait`](Self::wait), for no longer than `timeout`, and for the lock after that. Whether it was notified.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_timeout(self, timeout: Duration) -> Result<(Self, bool), CallError<Exception>> {
        self.sleep(seconds(timeout)).await
    }

    /// Waits until `ready` says so: it is asked at once and after each notification, while the lock is held.
    ///
    /// # Errors
    /// Those of `ready`, and as [`wait`](Self::wait); the lock is released then.
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
        // Should the wait never begin, the old guard still releases the lock; if it has, that is under a newer token.
        let wake = self.lock()?.wait_wake(timeout).no_timeout().await?;
        let (lock, _) = self.disarm()?;
        let grant = Grant { token: wake.token, abandoned: wake.abandoned };
        Ok((Guard::new(&lock, grant), wake.notified))
    }

    /// Notifies one of those who wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify(&self) -> Result<(), CallError<Exception>> {
        self.notify_many(1).await
    }

    /// Notifies `n` of those who wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify_many(&self, n: u32) -> Result<(), CallError<Exception>> {
        self.lock()?.notify_some(Some(n.into())).await
    }

    /// Notifies all who wait.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn notify_all(&self) -> Result<(), CallError<Exception>> {
        self.lock()?.notify_all().await
    }
}
