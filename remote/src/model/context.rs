//! What a method, function or generator may know about the call it runs for.

use crate::caller::{Caller, OwnerId};
use crate::error::Error;
use crate::service::ClientApi;
use crate::value::ObjectRef;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;
use uuid::Uuid;

/// The call that a method, function or generator runs for: who asked, by when, and what it may ask of its own service.
///
/// A parameter of type `&Context` is filled in by the service; callers do not see it.
///
/// ```
/// use tarmem_remote::{Context, Error};
/// # use serde::{Deserialize, Serialize};
/// # use tarmem_remote::remote;
/// #[remote(module = "doc_context")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Totals { sum: i64 }
///
/// /// A generator that memoizes another object on its way.
/// #[remote(module = "doc_context")]
/// pub async fn build(ctx: &Context, start: i64) -> Result<Totals, Error> {
///     ctx.service().is_memoized("base").await?;
///     Ok(Totals { sum: start })
/// }
/// ```
#[derive(Clone)]
pub struct Context {
    owner: Owner,
    sequence: u64,
    deadline: Option<Instant>,
    host: Arc<dyn Host>,
}

/// On whose behalf a call runs: what a lock belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The session.
    pub session: Uuid,
    /// The task within the client, or its thread if it has no tasks, or the owner that the client has chosen
    /// ([`Call::owner`](crate::Call::owner)): any number that tells one from another.
    pub task: u64,
}

impl Owner {
    /// The owner that the client has chosen, if it has.
    pub fn chosen(&self) -> Option<OwnerId> {
        OwnerId::of_task(self.task)
    }
}

/// What the service is to the calls that it runs: it takes calls of its own, and looks after what outlives a call.
#[doc(hidden)]
pub trait Host: Caller {
    /// Tells `watcher` when the session ends; false if it has ended already. A watcher that is dropped is forgotten.
    fn watch(&self, watcher: Weak<dyn SessionEnded>) -> bool;

    /// Runs `undo` if the result of call `sequence` never reaches its caller.
    fn undo_unless_received(&self, sequence: u64, undo: Undo);

    /// Call `sequence` waits from now on until others do something.
    fn waits(&self, _sequence: u64) {}

    /// The most bytes that the result of a call may take.
    fn result_bytes(&self) -> usize {
        usize::MAX
    }

    /// A reference that carries the object with this id, if the session holds it.
    fn live(&self, _id: Uuid) -> Option<ObjectRef> {
        None
    }
}

/// What takes back the effect of a call whose result never reached its caller.
pub type Undo = Box<dyn FnOnce() + Send>;

/// Something that has to know when a session ends: what it held is to be given up.
pub trait SessionEnded: Send + Sync {
    /// This session has ended, and will never come back.
    fn session_ended(&self, session: Uuid);
}

impl Context {
    /// A context for one call. Services make these; a test may too.
    #[doc(hidden)]
    pub fn new(owner: Owner, sequence: u64, deadline: Option<Instant>, host: Arc<dyn Host>) -> Self {
        Context { owner, sequence, deadline, host }
    }

    /// The same for another call of the same session: a service keeps one for many calls.
    #[doc(hidden)]
    pub fn renew(&mut self, task: u64, sequence: u64, deadline: Option<Instant>) {
        self.owner.task = task;
        self.sequence = sequence;
        self.deadline = deadline;
    }

    /// The number of the call within its session.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The session that made the call.
    pub fn session(&self) -> Uuid {
        self.owner.session
    }

    /// The session and the task that made the call.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// When the caller stops waiting; `None` if it waits for as long as it takes.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The most bytes that the result of this call may take on the wire. A method whose result could be larger gives it
    /// in parts.
    pub fn result_bytes(&self) -> usize {
        self.host.result_bytes()
    }

    /// The reference that another object can keep, of one that this call got from its [`service`](Self::service): the
    /// object lives for as long as that does. (A proxy's own reference is a handle of the session, and ends with it.)
    ///
    /// # Errors
    /// [`Error::NoSuchObject`] if the session does not hold it.
    pub fn keep(&self, reference: &ObjectRef) -> Result<ObjectRef, Error> {
        let id = reference.id();
        self.host.live(id).ok_or(Error::NoSuchObject { id })
    }

    /// The service that runs the call, as a client sees it. A generator that comes to need its own key through it gets
    /// [`Error::Cycle`].
    pub fn service(&self) -> ClientApi {
        ClientApi::new(Arc::clone(&self.host) as Arc<dyn Caller>)
    }

    /// Tells `watcher` when the caller's session ends.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it has ended already: then nothing may be handed to it any more.
    pub fn on_session_end<W: SessionEnded + 'static>(&self, watcher: &Arc<W>) -> Result<(), Error> {
        let watcher: Weak<W> = Arc::downgrade(watcher);
        if self.host.watch(watcher) { Ok(()) } else { Err(Error::Cancelled) }
    }

    /// Runs `undo` if the result of this call never reaches its caller: because the caller stopped waiting just as the
    /// result was on its way. A lock that is handed to nobody would never be released.
    pub fn undo_unless_received(&self, undo: impl FnOnce() + Send + 'static) {
        self.host.undo_unless_received(self.sequence, Box::new(undo));
    }

    /// The call waits from now on until others do something, which may never happen: a service that shuts down does not
    /// wait for that. Only for methods with `&self`, which can be stopped where they wait.
    pub fn waits(&self) {
        self.host.waits(self.sequence);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("owner", &self.owner).field("deadline", &self.deadline).finish()
    }
}
