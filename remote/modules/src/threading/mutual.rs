//! Mutual exclusion: the state of a `Lock`, of an `RLock`, and of the lock of a `Condition`.

use crate::Exception;
use crate::python::type_name;
use crate::waiting::{
    Attempt, Door, KeptState, Line, Monitor, Patience, Wait, Woken, deliver, enter, haunt, next_token,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Weak};
use tarmem_remote::call::OwnerId;
use tarmem_remote::context::{Context, Owner, SessionEnded};
use tarmem_remote::object::Sessions;
use tarmem_remote::value::Value;
use uuid::Uuid;

/// What a caller learns when it acquires a lock.
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
/// let grant = lock.acquire_grant(None, None).await?.expect("nobody holds the lock");
/// assert!(!grant.abandoned);
/// assert_eq!(lock.token().await?, grant.token);
/// lock.release_token(Some(grant.token)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grant {
    /// The fencing token. It is higher than that of every earlier grant of any lock, including those before the service
    /// was restarted. If a store gets the token with each write that is made under the lock, it can detect a late write
    /// of an earlier holder.
    pub token: u64,
    /// Whether the last holder disappeared while it held the lock. What the lock protects may be half changed then.
    pub abandoned: bool,
}

/// The holder of a lock.
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
/// let holder = lock.holder().await?.expect("the lock is held");
/// assert_eq!((holder.token, holder.depth), (guard.token(), 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Holder {
    /// The session.
    pub session: Uuid,
    /// The task within the session. If the caller has chosen an id for it, [`owner`](Self::owner) returns that.
    pub task: u64,
    /// The token of its grant.
    pub token: u64,
    /// How many times the holder has acquired the lock and not released it. More than once only if the lock is
    /// reentrant.
    pub depth: usize,
}

impl Holder {
    /// Returns the id of the owner for which the lock was acquired, if it was set by
    /// [`Call::owner`](tarmem_remote::Call::owner).
    pub fn owner(&self) -> Option<u64> {
        OwnerId::of_task(self.task).map(OwnerId::id)
    }
}

/// How many times a reentrant lock can be acquired before it is released.
const DEPTH: usize = 1 << 16;

/// A lock: its holder, and the callers that wait for it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Mutual {
    reentrant: bool,
    last_token: u64,
    held: Option<Ownership>,
    /// Whether the last holder disappeared, and no later one has been told yet.
    abandoned: bool,
    line: Line<Acquirer, Grant>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ownership {
    owner: Owner,
    grant: Grant,
    /// The tokens of all acquisitions but the last. If the lock was released for a wait in between, they are those of
    /// earlier grants.
    lower: Vec<u64>,
    /// The token of the last acquisition.
    top: u64,
}

/// A caller that wants a lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Acquirer {
    owner: Owner,
    lower: Vec<u64>,
    /// How many more times it is to hold the lock, under the same token.
    more: usize,
}

impl Acquirer {
    fn once(owner: Owner) -> Self {
        Acquirer { owner, lower: Vec::new(), more: 0 }
    }

    /// Makes an acquirer that is to hold the lock `depth` times at once, as it did before.
    ///
    /// # Errors
    /// `ValueError` if that is zero, or more than the limit.
    pub(crate) fn restoring(owner: Owner, depth: usize) -> Result<Self, Exception> {
        if !(1..=DEPTH).contains(&depth) {
            return Err(Exception::ValueError(format!("a lock can be held 1 to {DEPTH} times, not {depth}")));
        }
        Ok(Acquirer { owner, lower: Vec::new(), more: depth - 1 })
    }

    /// Returns how many times it held the lock.
    pub(crate) fn depth(&self) -> usize {
        self.lower.len() + self.more + 1
    }
}

/// The callers that wait for a lock.
pub(crate) enum Acquirers {}

impl Door for Acquirers {
    type State = Mutual;
    type Want = Acquirer;
    type Admission = Grant;

    fn line(state: &mut Mutual) -> &mut Line<Acquirer, Grant> {
        &mut state.line
    }

    fn pass_on(state: &mut Mutual, grant: Grant, woken: &mut Woken) {
        state.take_back_all(grant, woken);
    }
}

impl Mutual {
    pub(crate) fn new(reentrant: bool) -> Arc<Monitor<Self>> {
        Monitor::new(Mutual { reentrant, last_token: 0, held: None, abandoned: false, line: Line::default() })
    }

    pub(crate) fn holder(&self) -> Option<Holder> {
        let Ownership { owner: Owner { session, task }, grant, lower, .. } = self.held.as_ref()?;
        Some(Holder { session: *session, task: *task, token: grant.token, depth: lower.len() + 1 })
    }

    /// Returns the token of the last grant, or 0 before the first.
    pub(crate) fn last_token(&self) -> u64 {
        self.last_token
    }

    pub(crate) fn waiting(&self) -> usize {
        self.line.len()
    }

    pub(crate) fn is_reentrant(&self) -> bool {
        self.reentrant
    }

    pub(crate) fn is_held_by(&self, owner: Owner) -> bool {
        self.held.as_ref().is_some_and(|held| held.owner == owner)
    }

    fn attempt(&mut self, owner: Owner) -> Result<Attempt<Acquirers>, Exception> {
        match &mut self.held {
            None => Ok(Attempt::Granted(self.hold(Acquirer::once(owner)))),
            Some(held) if self.reentrant && held.owner == owner => {
                if held.lower.len() + 1 >= DEPTH {
                    return Err(Exception::OverflowError(format!(
                        "the lock is held {DEPTH} times, which is the limit"
                    )));
                }
                held.lower.push(held.top);
                held.top = held.grant.token;
                Ok(Attempt::Granted(Grant { abandoned: false, ..held.grant }))
            }
            Some(_) => Ok(Attempt::Wait(Acquirer::once(owner))),
        }
    }

    fn hold(&mut self, acquirer: Acquirer) -> Grant {
        let grant = self.next_grant();
        self.held = Some(Ownership::new(acquirer, grant));
        grant
    }

    fn next_grant(&mut self) -> Grant {
        self.last_token = next_token();
        Grant { token: self.last_token, abandoned: std::mem::take(&mut self.abandoned) }
    }

    /// Grants the lock, which nobody holds any more, to the first in line.
    fn hand_on(&mut self, woken: &mut Woken) {
        self.held = None;
        if !self.line.is_empty() {
            let grant = self.next_grant();
            let held = &mut self.held;
            self.line.grant_first(woken, |acquirer| {
                *held = Some(Ownership::new(acquirer, grant));
                grant
            });
        }
    }

    /// Releases the lock once. That is up to the holder, or to another task of the holder's session that knows the
    /// token.
    pub(crate) fn release(&mut self, owner: Owner, token: Option<u64>, woken: &mut Woken) -> Result<(), Exception> {
        let refuse = |why: &str| {
            let what = if self.reentrant { "cannot release un-acquired lock" } else { "release unlocked lock" };
            Err(Exception::RuntimeError(if why.is_empty() { what.to_owned() } else { format!("{what}: {why}") }))
        };
        let Some(held) = &mut self.held else { return refuse("") };
        if held.owner.session != owner.session {
            return refuse("another session holds it");
        }
        match token {
            None if held.owner != owner => {
                let token = held.top;
                let remedy = format!("release it there, or pass its token: release({token})");
                return refuse(&format!("another task of this session holds it; {remedy}"));
            }
            Some(token) if held.top != token => match held.lower.iter().rposition(|lower| *lower == token) {
                Some(level) => {
                    held.lower.remove(level);
                    return Ok(());
                }
                None => return refuse(&format!("it is held under token {}, not {token}", held.top)),
            },
            _ => {}
        }
        if !held.leave() {
            self.hand_on(woken);
        }
        Ok(())
    }

    /// Releases the lock however often it was acquired, for a caller that will acquire it as often again.
    pub(crate) fn release_all(&mut self, owner: Owner, woken: &mut Woken) -> Option<Acquirer> {
        let held = self.held.take_if(|held| held.owner == owner)?;
        self.hand_on(woken);
        Some(Acquirer { owner, lower: held.lower, more: 0 })
    }

    /// Takes back a grant that did not reach the caller.
    fn take_back(&mut self, grant: Grant, woken: &mut Woken) {
        if self.held.as_mut().is_some_and(|held| held.grant.token == grant.token && !held.leave()) {
            self.undeliver(grant, woken);
        }
    }

    /// As [`take_back`](Self::take_back), for all acquisitions of the grant.
    pub(crate) fn take_back_all(&mut self, grant: Grant, woken: &mut Woken) {
        if self.held.as_ref().is_some_and(|held| held.grant.token == grant.token) {
            self.undeliver(grant, woken);
        }
    }

    fn undeliver(&mut self, grant: Grant, woken: &mut Woken) {
        // The next holder is told instead.
        self.abandoned |= grant.abandoned;
        self.hand_on(woken);
    }
}

impl Ownership {
    fn new(Acquirer { owner, mut lower, more }: Acquirer, grant: Grant) -> Self {
        lower.extend(std::iter::repeat_n(grant.token, more));
        Ownership { owner, grant, lower, top: grant.token }
    }

    /// Undoes the last acquisition. Returns false if it was the only one.
    fn leave(&mut self) -> bool {
        self.lower.pop().map(|lower| self.top = lower).is_some()
    }
}

/// A grant that is to be taken back if it does not reach the caller.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Delivered {
    /// Once.
    One(Grant),
    /// However often it was acquired.
    All(Grant),
}

impl KeptState for Mutual {
    type Done = Delivered;

    fn undo(&mut self, done: Delivered, woken: &mut Woken) {
        match done {
            Delivered::One(grant) => self.take_back(grant, woken),
            Delivered::All(grant) => self.take_back_all(grant, woken),
        }
    }

    fn last_token(&self) -> u64 {
        self.last_token
    }

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Acquirers>(monitor, sessions);
        if let Some(holder) = monitor.read(Mutual::holder) {
            let monitor: Weak<Monitor<Self>> = Arc::downgrade(monitor);
            sessions.watch(holder.session, monitor);
        }
    }
}

impl SessionEnded for Monitor<Mutual> {
    fn session_ended(&self, session: Uuid) {
        self.with(|lock, woken| {
            if lock.held.as_ref().is_some_and(|held| held.owner.session == session) {
                lock.abandoned = true;
                lock.hand_on(woken);
            }
        });
    }
}

/// Acquires the lock for the caller. Returns `None` if its patience has run out.
pub(crate) async fn acquire(
    lock: &Arc<Monitor<Mutual>>,
    ctx: &Context,
    patience: Patience,
) -> Result<Option<Grant>, Exception> {
    let owner = ctx.owner();
    let granted = enter::<Acquirers>(ctx, lock, patience, |lock, _| lock.attempt(owner)).await?;
    if let Some(grant) = granted {
        deliver(ctx, lock, Delivered::One(grant))?;
    }
    Ok(granted)
}

/// Releases the lock however often the caller holds it, and returns the state that [`acquire_restore`] takes, as
/// Python's `_release_save`. The state is null if the lock is not reentrant.
pub(crate) fn release_save(lock: &Arc<Monitor<Mutual>>, ctx: &Context) -> Result<Value, Exception> {
    let owner = ctx.owner();
    lock.with(|lock, woken| {
        if !lock.is_reentrant() {
            return lock.release(owner, None, woken).map(|()| Value::Null);
        }
        let released = lock.release_all(owner, woken);
        let refused = || Exception::RuntimeError("cannot release un-acquired lock".to_owned());
        released.map(|acquirer| Value::from((acquirer.depth(), owner.task))).ok_or_else(refused)
    })
}

/// Acquires the lock as often as the caller held it when it released it by [`release_save`], which returned the state.
pub(crate) async fn acquire_restore(
    lock: &Arc<Monitor<Mutual>>,
    ctx: &Context,
    state: &Value,
) -> Result<(), Exception> {
    let acquirer = if lock.read(Mutual::is_reentrant) {
        Acquirer::restoring(ctx.owner(), saved_depth(state)?)?
    } else {
        Acquirer::once(ctx.owner())
    };
    // The caller counts as one of those that wait.
    let caller = lock.caller(ctx);
    let ticket = lock.with(|lock, _| match (lock.line.adopt(caller), &lock.held) {
        (Some((ticket, _)), _) => Ok(Ok(ticket)),
        (None, None) => Ok(Err(lock.hold(acquirer))),
        (None, Some(_)) => lock.line.join(caller, acquirer).map(Ok),
    })?;
    let grant = match ticket {
        Ok(ticket) => Wait::<Acquirers>::new(ctx, lock, ticket).await,
        Err(grant) => grant,
    };
    deliver(ctx, lock, Delivered::All(grant))
}

fn saved_depth(state: &Value) -> Result<usize, Exception> {
    let what = "_acquire_restore() argument 1 must be";
    match state {
        Value::Tuple(items) | Value::List(items) if items.len() == 2 => {
            let depth = items[0].as_integer().and_then(|depth| usize::try_from(depth).ok());
            depth.ok_or_else(|| Exception::TypeError("an integer is required, from once up".to_owned()))
        }
        Value::Tuple(items) | Value::List(items) => {
            Err(Exception::TypeError(format!("{what} sequence of length 2, not {}", items.len())))
        }
        other => Err(Exception::TypeError(format!("{what} 2-item sequence, not {}", type_name(other)))),
    }
}

/// Acquires the lock as often as before, for a caller that has released it in between. The caller of this function
/// makes sure that the grant is delivered.
pub(crate) async fn acquire_again(ctx: &Context, lock: &Arc<Monitor<Mutual>>, acquirer: Acquirer) -> Grant {
    let caller = lock.caller(ctx);
    let ticket = lock.with(|lock, _| match (lock.line.adopt(caller), &lock.held) {
        (Some((ticket, _)), _) => Ok(ticket),
        (None, None) => Err(lock.hold(acquirer)),
        (None, Some(_)) => Ok(lock.line.join_again(caller, acquirer)),
    });
    match ticket {
        Ok(ticket) => Wait::<Acquirers>::new(ctx, lock, ticket).await,
        Err(grant) => grant,
    }
}
