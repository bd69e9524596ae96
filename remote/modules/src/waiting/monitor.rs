//! A state behind a mutex that is held only briefly, and how it is kept by a service that has a storage.

use super::caller::Caller;
use super::token;
use crate::Exception;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use tarmem_remote::context::{Context, SessionEnded, Undo};
use tarmem_remote::object::{ChangeHook, Kept, Save, Sessions};
use tarmem_remote::value::{ObjectRef, Value, from_value, to_value};

/// A state that many callers change, each of them briefly.
#[derive(Debug)]
pub(crate) struct Monitor<S> {
    state: Mutex<S>,
    /// Through which it changes if it is kept.
    hook: OnceLock<ChangeHook>,
}

/// The wakers to call once the monitor is unlocked, since waking runs other code.
#[derive(Default)]
pub(crate) struct Woken(pub(super) Vec<Waker>);

/// A state that can be kept.
pub(crate) trait KeptState: Serialize + DeserializeOwned + Send + Sized + 'static {
    /// What a call has done that is undone if its result does not reach the caller.
    type Done: Serialize + DeserializeOwned + Send + 'static;

    /// Undoes it.
    fn undo(&mut self, done: Self::Done, woken: &mut Woken);

    /// The highest token in the state, of an earlier run.
    fn last_token(&self) -> u64 {
        0
    }

    /// Called once for a state that was restored, when the sessions are there.
    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions);
}

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Arc<Self> {
        Arc::new(Monitor { state: Mutex::new(state), hook: OnceLock::new() })
    }

    /// Calls `change` with the state locked, then wakes the callers that it named.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut S, &mut Woken) -> R) -> R {
        let mut woken = Woken::default();
        let result = match self.hook.get() {
            None => change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), &mut woken),
            Some(hook) => hook.change(|| {
                let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), &mut woken);
                hook.reserve(token::last());
                result
            }),
        };
        woken.0.into_iter().for_each(Waker::wake);
        result
    }

    /// Calls `look` with the state locked, which does not change it.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        self.look(|state| look(state))
    }

    /// As [`read`](Self::read), for what changes nothing that is kept.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&mut S) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.hook.get().is_some()
    }

    /// A reference to the object that it is of, if it is kept.
    pub(crate) fn object(&self) -> Option<ObjectRef> {
        self.hook.get()?.reference()
    }

    /// The caller, as it is known in a line.
    pub(crate) fn caller(&self, ctx: &Context) -> Caller {
        Caller::new(ctx, self.hook.get().is_some())
    }
}

impl<S: KeptState> Kept for Monitor<S> {
    fn save(&self, save: Save<'_>) {
        self.read(|state| save.state(state));
    }

    fn attach(&self, hook: ChangeHook) {
        token::raise_above(hook.unused().max(self.read(S::last_token)));
        let _ = self.hook.set(hook);
    }

    fn resume(self: Arc<Self>, sessions: &mut dyn Sessions) {
        S::resume(&self, sessions);
    }

    fn undoing(self: Arc<Self>, what: Value) -> Option<Undo> {
        let done: S::Done = from_value(what).ok()?;
        Some(Box::new(move || self.with(|state, woken| state.undo(done, woken))))
    }
}

/// Undoes what the call has done if its result does not reach the caller.
pub(crate) fn undo_unless_received<S: KeptState>(ctx: &Context, monitor: &Arc<Monitor<S>>, done: S::Done) {
    let what = monitor.hook.get().and_then(|hook| Some((hook, to_value(&done).ok()?)));
    let undone = Arc::clone(monitor);
    let undo = move || undone.with(|state, woken| state.undo(done, woken));
    match what {
        Some((hook, what)) => hook.undo_unless_received(ctx, &what, undo),
        None => ctx.undo_unless_received(undo),
    }
}

/// Hands over something that must be given up when the caller's session ends. What is `done` is undone if it does not
/// reach the caller.
///
/// # Errors
/// `RuntimeError` if the session has ended already; it has been undone then.
pub(crate) fn deliver<S: KeptState>(ctx: &Context, monitor: &Arc<Monitor<S>>, done: S::Done) -> Result<(), Exception>
where
    Monitor<S>: SessionEnded,
{
    if ctx.on_session_end(monitor).is_err() {
        monitor.with(|state, woken| state.undo(done, woken));
        return Err(Exception::RuntimeError("the session has ended".to_owned()));
    }
    // If the session ends from here on, either the monitor hears of it after the grant, or this runs at once.
    undo_unless_received(ctx, monitor, done);
    Ok(())
}
