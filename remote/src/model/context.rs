//! [`Context`]: what a method, function or generator can find out about the call it runs for.

use crate::caller::{Caller, OwnerId};
use crate::error::Error;
use crate::service::ClientApi;
use crate::value::{ObjectRef, Value};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Instant;
use uuid::Uuid;

/// The call that a method, function or generator runs for: who made it, its deadline, and access to the service itself.
///
/// The service passes it to a parameter of type `&Context`; callers do not see that parameter.
///
/// ```
/// use tarmem_remote::{Context, Error};
/// # use serde::{Deserialize, Serialize};
/// # use tarmem_remote::remote;
/// #[remote(module = "doc_context")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Totals { sum: i64 }
///
/// /// A generator that asks its own service about another key.
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

/// The owner of a lock: on whose behalf a call runs.
///
/// ```
/// use tarmem_remote::context::Owner;
///
/// let session = uuid::Uuid::from_u128(7);
/// let (one, other) = (Owner { session, task: 1 }, Owner { session, task: 2 });
/// assert_ne!(one, other, "two tasks of one client exclude one another");
/// assert_eq!(one.chosen(), None, "the client did not choose this owner");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// The session.
    pub session: Uuid,
    /// The task within the client, or its thread if it has no tasks, or the owner that the client has chosen
    /// ([`Call::owner`](crate::Call::owner)): any number that distinguishes them.
    pub task: u64,
}

impl Owner {
    /// The owner that the client has chosen, if it has chosen one.
    pub fn chosen(&self) -> Option<OwnerId> {
        OwnerId::of_task(self.task)
    }
}

/// What a service provides to the calls that it runs: it accepts calls itself, and keeps track of effects that outlive
/// a call.
#[doc(hidden)]
pub trait Host: Caller {
    /// Notifies `watcher` when the session ends. Returns false if it has already ended. A watcher that has been dropped
    /// is forgotten.
    fn watch(&self, watcher: Weak<dyn SessionEnded>) -> bool;

    /// Runs `undo` if the result of call `sequence` never reaches its caller.
    fn undo_unless_received(&self, sequence: u64, undo: Undo);

    /// As [`undo_unless_received`](Self::undo_unless_received). If the service is started again before that is known,
    /// object number `object` is asked to undo `what`.
    fn undo_unless_received_as(&self, sequence: u64, object: u64, what: &Value, undo: Undo) {
        let _ = (object, what);
        self.undo_unless_received(sequence, undo);
    }

    /// Declares that call `sequence` waits from now on until other calls do something.
    fn waits(&self, _sequence: u64) {}

    /// The largest allowed result of a call, in bytes.
    fn result_bytes(&self) -> usize {
        usize::MAX
    }

    /// A reference that contains the object with this id, if the session holds it.
    fn live(&self, _id: Uuid) -> Option<ObjectRef> {
        None
    }
}

/// Undoes the effect of a call whose result never reached its caller.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use tarmem_remote::context::Undo;
///
/// let items = Arc::new(Mutex::new(vec![1, 2]));
/// let taken = items.lock().unwrap().pop().unwrap();
/// let undo: Undo = Box::new({
///     let items = Arc::clone(&items);
///     move || items.lock().unwrap().push(taken)
/// });
/// undo();
/// assert_eq!(*items.lock().unwrap(), [1, 2]);
/// ```
pub type Undo = Box<dyn FnOnce() + Send>;

/// Is notified when a session ends, so that whatever the session held can be released.
///
/// ```
/// use std::sync::Mutex;
/// use tarmem_remote::context::SessionEnded;
/// use uuid::Uuid;
///
/// /// Seats, each held by a session.
/// #[derive(Default)]
/// struct Seats(Mutex<Vec<Uuid>>);
///
/// impl SessionEnded for Seats {
///     fn session_ended(&self, session: Uuid) {
///         self.0.lock().unwrap().retain(|holder| *holder != session);
///     }
/// }
///
/// let seats = Seats(Mutex::new(vec![Uuid::from_u128(1), Uuid::from_u128(2)]));
/// seats.session_ended(Uuid::from_u128(1));
/// assert_eq!(*seats.0.lock().unwrap(), [Uuid::from_u128(2)]);
/// ```
pub trait SessionEnded: Send + Sync {
    /// The session has ended for good.
    fn session_ended(&self, session: Uuid);
}

impl Context {
    /// Makes a context for one call. Services do this, and tests may.
    #[doc(hidden)]
    pub fn new(owner: Owner, sequence: u64, deadline: Option<Instant>, host: Arc<dyn Host>) -> Self {
        Context { owner, sequence, deadline, host }
    }

    /// Reuses the context for another call of the same session, as a service does for many calls.
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

    /// When the caller stops waiting; `None` if it waits without a limit.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The largest allowed result of this call on the wire, in bytes. A method whose result could be larger returns it
    /// in parts.
    pub fn result_bytes(&self) -> usize {
        self.host.result_bytes()
    }

    /// A reference that another object can keep, to an object that this call got from its [`service`](Self::service).
    /// The object then lives at least as long as that other object. (A proxy's own reference is a handle of the
    /// session, and ends with it.)
    ///
    /// # Errors
    /// [`Error::NoSuchObject`] if the session does not hold the object.
    pub fn keep(&self, reference: &ObjectRef) -> Result<ObjectRef, Error> {
        let id = reference.id();
        self.host.live(id).ok_or(Error::NoSuchObject { id })
    }

    /// The service that runs the call, as a client sees it. A generator that needs its own key gets [`Error::Cycle`]
    /// from it.
    pub fn service(&self) -> ClientApi {
        ClientApi::new(Arc::clone(&self.host) as Arc<dyn Caller>)
    }

    /// Notifies `watcher` when the caller's session ends.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it has already ended: nothing may be granted to it any more.
    pub fn on_session_end<W: SessionEnded + 'static>(&self, watcher: &Arc<W>) -> Result<(), Error> {
        let watcher: Weak<W> = Arc::downgrade(watcher);
        if self.host.watch(watcher) { Ok(()) } else { Err(Error::Cancelled) }
    }

    /// Runs `undo` if the result of this call never reaches its caller, because the caller stopped waiting while the
    /// result was on its way. Otherwise a lock that was granted to such a caller would never be released.
    pub fn undo_unless_received(&self, undo: impl FnOnce() + Send + 'static) {
        self.host.undo_unless_received(self.sequence, Box::new(undo));
    }

    /// As [`undo_unless_received`](Self::undo_unless_received), for object number `object`, which can undo `what` after
    /// a restart of the service, too.
    pub(crate) fn undo_unless_received_as(&self, object: u64, what: &Value, undo: Undo) {
        self.host.undo_unless_received_as(self.sequence, object, what, undo);
    }

    /// Declares that the call waits from now on until other calls do something, which may never happen. A service that
    /// shuts down does not wait for such a call. Only for methods with `&self`, which can be stopped where they wait.
    pub fn waits(&self) {
        self.host.waits(self.sequence);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("owner", &self.owner).field("deadline", &self.deadline).finish()
    }
}
