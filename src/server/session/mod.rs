//! One client's standing with the service: its handles, its calls in flight, the results it has not received yet.
//!
//! A session outlives its connections. What a client has not said it has received is kept, and given to the connection
//! that comes next; so every call has one outcome, and is made once.
//!
//! - [`calls`]: its calls in flight. [`admission`]: whether another one may begin. [`batch_turn`]: batches are run one
//!   after the other.
//! - [`delivery`]: how replies come to the client, and come again.
//! - [`handles`]: the objects that it holds.
//! - [`lease`]: which connection carries it, and for how long it is kept without one.
//! - [`position`]: which connection that is, and how far its calls have come, in one word.
//! - [`backpressure`]: calls that wait until their client has received the results of others.
//! - [`undo`]: what is taken back if its caller never hears of it.

pub(crate) mod admission;
mod backpressure;
pub(crate) mod batch_turn;
mod calls;
pub(crate) mod delivery;
mod handles;
mod lease;
mod position;
pub(crate) mod table;
mod undo;

pub(crate) use position::{Carrier, check_sequence};

use crate::security::{Credential, Permissions};
use crate::server::state::State;
use crate::server::state::large_call_quota::LargeCallQuota;
use backpressure::ResultRoom;
use calls::Calls;
use handles::Handles;
use lease::Lease;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tarmem_remote::context::Host;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use undo::Undos;
use uuid::Uuid;

/// What every client takes, in bytes: less would not hold an error.
const LEAST_FRAME: usize = 4 << 10;

/// A session, as the service sees it.
pub(crate) struct ServerSession {
    id: Uuid,
    state: Arc<State>,
    /// What the service is to the methods that run for it.
    host: Arc<dyn Host>,
    /// What its client came in by; `None` within the process, where everything is permitted.
    credential: Option<Arc<Credential>>,
    handles: Mutex<Handles>,
    lease: Lease,
    calls: Mutex<Calls>,
    undos: Mutex<Undos>,
    /// What there is to be undone, of all calls: most have nothing, and need no lock to see it.
    provisional: AtomicUsize,
    /// The largest frame that its client takes, in bytes.
    frame_bytes: AtomicUsize,
    /// Its client was told that the service shuts down; and it knows it.
    told_of_end: AtomicBool,
    knows_of_end: AtomicBool,
    /// Wakes `collect`.
    finished: Notify,
    /// For what runs where it may block.
    off_thread: Arc<Semaphore>,
    /// For a snapshot that takes more than a turn: one at a time.
    pub(super) snapshots: Arc<Semaphore>,
    /// For calls that take longer than a turn.
    pub(super) large: LargeCallQuota,
    /// Calls that wait for room.
    room: ResultRoom,
    /// Batches are run one after the other; and none goes on before the operation is in line that was begun last, if
    /// that takes time.
    submitting: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

impl ServerSession {
    /// For a client that is `known_as` this id and secret, and was let in by `credential`. The methods that run for it
    /// ask their own service by `host`, which must not keep the session alive.
    pub(crate) fn new(
        state: &Arc<State>,
        known_as: (Uuid, Uuid),
        credential: Option<Arc<Credential>>,
        host: impl FnOnce(&Weak<ServerSession>) -> Arc<dyn Host>,
    ) -> Arc<Self> {
        let (id, secret) = known_as;
        Arc::new_cyclic(|this| ServerSession {
            id,
            state: Arc::clone(state),
            host: host(this),
            credential,
            handles: Mutex::default(),
            lease: Lease::new(secret, &state.heartbeat),
            calls: Mutex::default(),
            undos: Mutex::default(),
            provisional: AtomicUsize::new(0),
            frame_bytes: AtomicUsize::new(state.limits.frame_bytes),
            told_of_end: AtomicBool::new(false),
            knows_of_end: AtomicBool::new(false),
            finished: Notify::new(),
            off_thread: Arc::new(Semaphore::new(state.limits.blocking_calls)),
            snapshots: Arc::new(Semaphore::new(1)),
            large: LargeCallQuota::of_session(),
            room: ResultRoom::default(),
            submitting: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn credential(&self) -> Option<&Arc<Credential>> {
        self.credential.as_ref()
    }

    /// What it may do; `None` for everything.
    #[inline]
    pub(crate) fn permissions(&self) -> Option<&Permissions> {
        self.credential.as_ref().and_then(|credential| credential.permissions.as_ref())
    }

    /// A place for something that may block, if there is one; it is free again when this is dropped.
    pub(crate) fn try_off_thread(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.off_thread).try_acquire_owned().ok()
    }

    /// As [`try_off_thread`](Self::try_off_thread), once there is one.
    pub(crate) fn off_thread(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let places = Arc::clone(&self.off_thread);
        // It is never closed.
        async move { places.acquire_owned().await.ok() }
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// What the service is to a method that runs for this session.
    pub(crate) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The largest result that fits a frame of its own.
    pub(crate) fn result_bytes(&self) -> usize {
        self.frame_bytes.load(Ordering::Relaxed).saturating_sub(1024)
    }

    /// The session is gone: what has not begun never will, and what it held is given up.
    pub(crate) fn end(&self) {
        self.lease.end();
        let given_up = std::mem::take(&mut *self.calls.lock());
        let held = given_up.delivery.bytes() + given_up.finished_bytes + given_up.waiting_bytes;
        self.state.held_bytes.fetch_sub(held, Ordering::Relaxed);
        for pending in given_up.pending.values() {
            pending.cancellation.stop();
        }
        drop(given_up);
        let (watchers, by_call) = {
            let mut undos = self.undos.lock();
            undos.ended = true;
            (std::mem::take(&mut undos.watchers), std::mem::take(&mut undos.by_call))
        };
        for watcher in watchers.iter().filter_map(Weak::upgrade) {
            watcher.session_ended(self.id);
        }
        // What has not been acknowledged may never have been received: an item that was taken out of a queue, say. The
        // last call first, so that items come back in the order in which they were.
        let mut by_call: Vec<_> = by_call.into_iter().collect();
        by_call.sort_unstable_by_key(|(sequence, _)| Reverse(*sequence));
        for undo in by_call.into_iter().flat_map(|(_, undos)| undos) {
            undo();
        }
        let handles = std::mem::take(&mut *self.handles.lock());
        drop(handles);
        self.state.suspects.loosen();
        self.wake();
    }

    /// Nothing is left to collect; and its client, if it is there, knows that the service shuts down: what it sent
    /// before it did has been answered.
    pub(crate) fn is_collected(&self) -> bool {
        let is_there = self.has_connection() && !self.lease.position.is_over();
        (!is_there || self.knows_of_end.load(Ordering::Relaxed)) && self.calls.lock().finished.is_empty()
    }

    /// Its client takes frames of so many bytes.
    pub(crate) fn takes_frames_of(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(LEAST_FRAME);
        self.frame_bytes.store(bytes.min(self.state.limits.frame_bytes), Ordering::Relaxed);
    }

    /// The service is shutting down, or the session has ended: polls are answered at once.
    pub(crate) fn wake(&self) {
        self.finished.notify_one();
        self.room.look();
    }
}
