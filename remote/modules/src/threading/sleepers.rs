//! The callers that wait for a notification of a condition, and how a condition is kept.
//!
//! A caller of `wait` sleeps in a line, and then waits in the line of the lock. Both lines keep its place if the
//! service is started again meanwhile; what they do not know of the call is kept here: how often it held the lock, and
//! whether it was notified.

use super::mutual::{Acquirer, Mutual};
use crate::Exception;
use crate::waiting::{Caller, Door, KeptState, Line, Monitor, Woken, haunt};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tarmem_remote::context::Undo;
use tarmem_remote::object::{ChangeHook, Kept, Save, Sessions};
use tarmem_remote::value::{ObjectRef, Value};
use uuid::Uuid;

/// The callers that wait for a notification.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Sleepers {
    pub(super) line: Line<(), ()>,
    /// By the session and the number of the call, if the condition is kept: those who sleep, and those who were woken
    /// and acquire the lock again.
    calls: BTreeMap<(Uuid, u64), Sleeper>,
}

/// What is kept of a call that waits.
#[derive(Debug, Serialize, Deserialize)]
struct Sleeper {
    acquirer: Acquirer,
    /// Whether it was notified, once it is awake.
    notified: Option<bool>,
    /// It is of an earlier run, and has not come again.
    #[serde(skip)]
    is_ghost: bool,
}

/// What a call was doing when the service ended, and goes on to do.
pub(super) enum Returning {
    /// It sleeps, under this ticket, since this time.
    Asleep { ticket: u64, since: u64, acquirer: Acquirer },
    /// It acquires the lock again.
    Awake { notified: bool, acquirer: Acquirer },
}

/// What is undone if the result of a wait does not reach its caller.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Received {
    /// The notification goes to the next one.
    Notification,
}

impl Sleepers {
    /// Goes on with a call of an earlier run.
    pub(super) fn returning(&mut self, caller: Caller) -> Option<Returning> {
        let sleeper = self.calls.get_mut(&caller.call()).filter(|sleeper| sleeper.is_ghost)?;
        sleeper.is_ghost = false;
        let acquirer = sleeper.acquirer.clone();
        match sleeper.notified {
            Some(notified) => Some(Returning::Awake { notified, acquirer }),
            None => {
                let (ticket, since) = self.line.adopt(caller)?;
                Some(Returning::Asleep { ticket, since, acquirer })
            }
        }
    }

    /// The call sleeps.
    pub(super) fn sleeps(&mut self, call: (Uuid, u64), acquirer: Acquirer) {
        self.calls.insert(call, Sleeper { acquirer, notified: None, is_ghost: false });
    }

    /// The call is awake, and acquires the lock again.
    pub(super) fn wakes(&mut self, call: (Uuid, u64), notified: bool) {
        if let Some(sleeper) = self.calls.get_mut(&call) {
            sleeper.notified = Some(notified);
        }
    }

    /// The call is over.
    pub(super) fn ends(&mut self, call: (Uuid, u64)) {
        self.calls.remove(&call);
    }

    /// A call that does not come again is over, and the notification that it got goes to the next one.
    fn stays_away(&mut self, call: (Uuid, u64), woken: &mut Woken) {
        if self.calls.get(&call).is_some_and(|sleeper| sleeper.is_ghost)
            && let Some(sleeper) = self.calls.remove(&call)
            && sleeper.notified == Some(true)
        {
            Sleepers::pass_on(self, (), woken);
        }
    }
}

impl Door for Sleepers {
    type State = Sleepers;
    type Want = ();
    type Admission = ();

    fn line(state: &mut Sleepers) -> &mut Line<(), ()> {
        &mut state.line
    }

    /// Passes a notification on: the caller that got it is gone, so the next one gets it.
    fn pass_on(state: &mut Sleepers, (): (), woken: &mut Woken) {
        state.line.grant_first(woken, |()| ());
    }
}

impl KeptState for Sleepers {
    type Done = Received;

    fn undo(&mut self, done: Received, woken: &mut Woken) {
        match done {
            Received::Notification => Sleepers::pass_on(self, (), woken),
        }
    }

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Sleepers>(monitor, sessions);
        let calls = monitor.look(|sleepers| {
            sleepers.calls.values_mut().for_each(|sleeper| sleeper.is_ghost = true);
            sleepers.calls.keys().copied().collect::<Vec<_>>()
        });
        for call in calls {
            let monitor = Arc::clone(monitor);
            let leave = move || monitor.with(|sleepers, woken| sleepers.stays_away(call, woken));
            sessions.undo_unless_received(call.0, call.1, Box::new(leave));
        }
    }
}

/// What a condition consists of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) lock: Arc<Monitor<Mutual>>,
    /// A reference to the object that the lock is of, if it is another one's; otherwise null. If nothing is kept, this
    /// is not known, nor does it matter.
    lock_of: Value,
    pub(super) sleepers: Arc<Monitor<Sleepers>>,
}

/// What is kept of a condition.
#[derive(Serialize)]
struct Saved<'a> {
    lock: Option<&'a Mutual>,
    lock_of: Option<&'a ObjectRef>,
    sleepers: &'a Sleepers,
}

/// The same, read.
#[derive(Deserialize)]
struct Stored {
    lock: Option<Mutual>,
    lock_of: Option<ObjectRef>,
    sleepers: Sleepers,
}

impl Parts {
    pub(super) fn new(lock: Arc<Monitor<Mutual>>) -> Arc<Self> {
        let lock_of = lock.object().map_or(Value::Null, Value::Ref);
        Arc::new(Parts { lock, lock_of, sleepers: Monitor::new(Sleepers::default()) })
    }

    /// Makes what was saved again. `find` finds the lock of another object.
    pub(super) fn restore<'de, D: Deserializer<'de>>(
        state: D,
        find: impl FnOnce(&ObjectRef) -> Result<Arc<Monitor<Mutual>>, Exception>,
    ) -> Result<Arc<Self>, D::Error> {
        let Stored { lock, lock_of: owner, sleepers } = Stored::deserialize(state)?;
        let (lock, lock_of) = match (lock, owner) {
            (Some(lock), _) => (Monitor::new(lock), Value::Null),
            (None, Some(owner)) => (find(&owner).map_err(D::Error::custom)?, Value::Ref(owner)),
            (None, None) => return Err(D::Error::custom("a condition has a lock")),
        };
        Ok(Arc::new(Parts { lock, lock_of, sleepers: Monitor::new(sleepers) }))
    }

    /// A reference to the object that the lock is of, or null.
    pub(super) fn lock_of(&self) -> &Value {
        &self.lock_of
    }

    /// Whether the lock is its own.
    fn has_lock(&self) -> bool {
        self.lock_of.is_null()
    }
}

impl Kept for Parts {
    fn save(&self, save: Save<'_>) {
        self.sleepers.read(|sleepers| {
            if self.has_lock() {
                self.lock.read(|lock| save.state(&Saved { lock: Some(lock), lock_of: None, sleepers }));
            } else {
                save.state(&Saved { lock: None, lock_of: self.lock_of.as_object(), sleepers });
            }
        });
    }

    fn attach(&self, hook: ChangeHook) {
        if self.has_lock() {
            self.lock.attach(hook.clone());
        }
        self.sleepers.attach(hook);
    }

    fn resume(self: Arc<Self>, sessions: &mut dyn Sessions) {
        if self.has_lock() {
            Arc::clone(&self.lock).resume(sessions);
        }
        Arc::clone(&self.sleepers).resume(sessions);
    }

    fn undoing(self: Arc<Self>, what: Value) -> Option<Undo> {
        let of_lock = if self.has_lock() { Arc::clone(&self.lock).undoing(what.clone()) } else { None };
        of_lock.or_else(|| Arc::clone(&self.sleepers).undoing(what))
    }
}
