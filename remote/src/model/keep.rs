//! How the objects of a resident class are kept by a service that has a storage.

use crate::context::{Context, SessionEnded, Undo};
use crate::value::{ObjectRef, Value};
use serde::{Deserializer, Serialize};
use std::fmt;
use std::sync::{Arc, Weak};
use uuid::Uuid;

/// Says how the objects of a resident class are kept, so that they outlive a service that has a storage.
///
/// The objects of other classes are kept by themselves: after a call that may have changed one, the service encodes it.
/// A resident class changes behind `&self`, perhaps while no method of it runs, so it has to say when it changes. A
/// resident class without this trait is not kept.
///
/// ```
/// # use tarmem_remote as tarmem;
/// use serde::{Deserialize, Deserializer};
/// use std::sync::{Arc, Mutex, OnceLock};
/// use tarmem::object::{ChangeHook, Keep, Kept, Save};
/// use tarmem::remote;
///
/// /// A bell that counts how often it was rung.
/// #[remote(module = "hall", resident)]
/// pub struct Bell {
///     rung: Arc<Rung>,
/// }
///
/// #[derive(Default)]
/// pub struct Rung {
///     times: Mutex<u64>,
///     hook: OnceLock<ChangeHook>,
/// }
///
/// impl Keep for Bell {
///     fn kept(&self) -> Arc<dyn Kept> {
///         Arc::clone(&self.rung) as Arc<dyn Kept>
///     }
///
///     fn restore<'de, D: Deserializer<'de>>(state: D) -> Result<Self, D::Error> {
///         let times = u64::deserialize(state)?.into();
///         Ok(Bell { rung: Arc::new(Rung { times, ..Rung::default() }) })
///     }
/// }
///
/// impl Kept for Rung {
///     fn save(&self, save: Save<'_>) {
///         save.state(&*self.times.lock().expect("nobody panicked"));
///     }
///
///     fn attach(&self, hook: ChangeHook) {
///         let _ = self.hook.set(hook);
///     }
/// }
///
/// #[remote]
/// impl Bell {
///     #[allow(clippy::new_without_default)]
///     pub fn new() -> Self {
///         Bell { rung: Arc::default() }
///     }
///
///     pub fn ring(&self) -> u64 {
///         let ring = || {
///             let mut times = self.rung.times.lock().expect("nobody panicked");
///             *times += 1;
///             *times
///         };
///         match self.rung.hook.get() {
///             Some(hook) => hook.change(ring),
///             None => ring(),
///         }
///     }
/// }
/// # fn main() {}
/// ```
pub trait Keep: Sized {
    /// The part of the object that has its state, and that its calls share.
    ///
    /// For an example, see [`Keep`].
    fn kept(&self) -> Arc<dyn Kept>;

    /// Makes an object that has this state, which [`Kept::save`] has passed on.
    ///
    /// # Errors
    /// If the state cannot be decoded.
    ///
    /// For an example, see [`Keep`].
    fn restore<'de, D: Deserializer<'de>>(state: D) -> Result<Self, D::Error>;
}

/// The part of an object that is kept: see [`Keep`].
///
/// For an example, see [`Keep`].
pub trait Kept: Send + Sync {
    /// Passes on the state, in a form that [`Keep::restore`] decodes, by the names of its fields.
    ///
    /// This is called on any thread, also while calls run; not from within [`ChangeHook::change`]. It may take a lock
    /// of the object only if no one holds that while it calls [`ChangeHook::change`].
    ///
    /// For an example, see [`Keep`].
    fn save(&self, save: Save<'_>);

    /// Called once, before any call uses the object, if the service keeps it. From now on each change has to be made
    /// through the hook.
    ///
    /// For an example, see [`Keep`].
    fn attach(&self, hook: ChangeHook);

    /// Called once if the object was restored, after [`attach`](Self::attach), when the sessions are there that it
    /// refers to.
    ///
    /// For an example, see [`Keep`].
    fn resume(self: Arc<Self>, sessions: &mut dyn Sessions) {
        let _ = sessions;
    }

    /// How to undo what a call of an earlier run of the service has done, as that has said by
    /// [`ChangeHook::undo_unless_received`].
    ///
    /// For an example, see [`Keep`].
    fn undoing(self: Arc<Self>, what: Value) -> Option<Undo> {
        let _ = what;
        None
    }
}

/// Receives the state of an object: see [`Kept::save`].
///
/// For an example, see [`Keep`].
pub struct Save<'a>(&'a mut dyn FnMut(&dyn erased_serde::Serialize));

impl<'a> Save<'a> {
    /// Passes the state to `save`. Services do this.
    #[doc(hidden)]
    pub fn new(save: &'a mut dyn FnMut(&dyn erased_serde::Serialize)) -> Self {
        Save(save)
    }

    /// This is the state.
    ///
    /// For an example, see [`Keep`].
    pub fn state<S: Serialize>(self, state: &S) {
        (self.0)(state);
    }
}

impl fmt::Debug for Save<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Save")
    }
}

/// The sessions of a service that has restored an object: see [`Kept::resume`].
///
/// For an example, see [`Keep`].
pub trait Sessions {
    /// Notifies `watcher` when the session ends; at once, if it is not there any more.
    ///
    /// For an example, see [`Keep`].
    fn watch(&mut self, session: Uuid, watcher: Weak<dyn SessionEnded>);

    /// Runs `undo` if the result of call `sequence` of this session never reaches its caller; at once, if the session
    /// is not there any more.
    ///
    /// For an example, see [`Keep`].
    fn undo_unless_received(&mut self, session: Uuid, sequence: u64, undo: Undo);
}

/// Through this an object makes its changes, so that they are kept: see [`Keep`].
///
/// For an example, see [`Keep`].
#[derive(Clone)]
pub struct ChangeHook(Arc<dyn Hook>);

/// What a service does when an object changes.
#[doc(hidden)]
pub trait Hook: Send + Sync {
    /// Calls `change` once.
    fn change(&self, change: &mut dyn FnMut());

    /// Makes sure that [`unused`](Self::unused) is higher than `number` in every later run.
    fn reserve(&self, number: u64);

    /// A number above all that were reserved in earlier runs.
    fn unused(&self) -> u64;

    /// The object's number.
    fn object(&self) -> u64;

    /// A reference to the object, unless nobody can reach it any more.
    fn reference(&self) -> Option<ObjectRef>;
}

impl ChangeHook {
    /// A hook that calls this one. Services do this.
    #[doc(hidden)]
    pub fn new(hook: Arc<dyn Hook>) -> Self {
        ChangeHook(hook)
    }

    /// Calls `change`, which may change the object. The change is kept together with everything else that the running
    /// call does up to its next wait, or not at all.
    ///
    /// The caller must not hold a lock that [`Kept::save`] takes; `change` takes it. It should be brief, and must not
    /// wait.
    ///
    /// For an example, see [`Keep`].
    pub fn change<R>(&self, change: impl FnOnce() -> R) -> R {
        let (mut change, mut result) = (Some(change), None);
        self.0.change(&mut || {
            if let Some(change) = change.take() {
                result = Some(change());
            }
        });
        match (result, change) {
            (Some(result), _) => result,
            (None, Some(change)) => change(),
            (None, None) => unreachable!("a change that was begun has returned"),
        }
    }

    /// Makes sure that [`unused`](Self::unused) is higher than `number` in every later run of the service. To be called
    /// within a change.
    ///
    /// For an example, see [`Keep`].
    pub fn reserve(&self, number: u64) {
        self.0.reserve(number);
    }

    /// A number that is higher than all that were [reserved](Self::reserve) in earlier runs of the service.
    ///
    /// For an example, see [`Keep`].
    pub fn unused(&self) -> u64 {
        self.0.unused()
    }

    /// A reference to the object, for another one that needs it as long as it is there itself, and keeps the reference.
    /// `None` if nobody can reach the object any more.
    ///
    /// For an example, see [`Keep`].
    pub fn reference(&self) -> Option<ObjectRef> {
        self.0.reference()
    }

    /// As [`Context::undo_unless_received`]. If the service is started again before it is known whether the result of
    /// the call reached its caller, the object gets `what` by [`Kept::undoing`], and has to know then how that is
    /// undone.
    ///
    /// For an example, see [`Keep`].
    pub fn undo_unless_received(&self, ctx: &Context, what: &Value, undo: impl FnOnce() + Send + 'static) {
        ctx.undo_unless_received_as(self.0.object(), what, Box::new(undo));
    }
}

impl fmt::Debug for ChangeHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeHook({})", self.0.object())
    }
}
