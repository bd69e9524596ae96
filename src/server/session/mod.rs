//! One client's standing with the service: its handles, its calls in flight, and the results it has not received yet.
//!
//! A session outlives its connections. Results that the client has not acknowledged are kept and sent over the next
//! connection; so every call runs once and has one outcome.
//!
//! - [`calls`]: its calls in flight. [`admission`]: whether another one may begin. [`batch_turn`]: turns for its
//!   batches, which run one after the other.
//! - [`delivery`]: how replies get to the client, and are sent again.
//! - [`handles`]: the objects that it holds.
//! - [`keeping`]: what of it outlives the service.
//! - [`lease`]: which connection carries it, and how long it is kept without one.
//! - [`position`]: the connection that carries it and how far its calls have come, in one word.
//! - [`backpressure`]: calls that wait until their client has received the results of others.
//! - [`undo`]: what is undone if its caller never gets the result.
//! - [`table`]: all sessions of a service.

pub(crate) mod admission;
mod backpressure;
pub(crate) mod batch_turn;
mod calls;
pub(crate) mod delivery;
mod handles;
mod keeping;
mod lease;
mod position;
pub(crate) mod table;
mod undo;

pub(crate) use position::{Carrier, check_sequence};

use crate::security::{Credential, Permissions};
use crate::server::state::State;
use crate::server::state::backup::Backup;
use crate::server::state::large_call_quota::LargeCallQuota;
use backpressure::ResultRoom;
use calls::Calls;
use handles::Handles;
use keeping::Keeping;
use lease::Lease;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tarmem_remote::context::Host;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use undo::Undos;
use uuid::Uuid;

/// The smallest frame that a client may ask for, in bytes: a smaller one would not hold an error.
const LEAST_FRAME: usize = 4 << 10;

/// A session, as the service sees it.
pub(crate) struct ServerSession {
    id: Uuid,
    state: Arc<State>,
    /// What the methods that run for it may ask of their own service.
    host: Arc<dyn Host>,
    /// The credential that its client presented; `None` within the process, where everything is permitted.
    credential: Option<Arc<Credential>>,
    handles: Mutex<Handles>,
    keeping: Keeping,
    lease: Lease,
    calls: Mutex<Calls>,
    undos: Mutex<Undos>,
    /// How many undos there are in all. Most calls have none, and need no lock to see it.
    provisional: AtomicUsize,
    /// The largest frame that its client takes, in bytes.
    frame_bytes: AtomicUsize,
    /// The client was told that the service shuts down; and it has received that.
    told_of_end: AtomicBool,
    knows_of_end: AtomicBool,
    /// The client has said that it reconnects if its connection breaks.
    comes_back: AtomicBool,
    /// Wakes `collect`.
    finished: Notify,
    /// Permits for work that may block.
    off_thread: Arc<Semaphore>,
    /// A permit for a snapshot that takes longer than a turn: one at a time.
    pub(super) snapshots: Arc<Semaphore>,
    /// The backup that its client is reading.
    backup: Mutex<Option<Arc<Backup>>>,
    /// The session's quota for large calls.
    pub(super) large: LargeCallQuota,
    /// Calls that wait until the client has room for results.
    room: ResultRoom,
    /// The turn of the batch that is running. Before the next operation begins, the receiver waits until the one before
    /// it is in the queue that it waits in.
    submitting: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

impl ServerSession {
    /// A session for a client that knows it by this id and secret (`known_as`), and that presented `credential`. Its
    /// methods ask their own service through `host`, which must not keep the session alive.
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
            keeping: Keeping::default(),
            lease: Lease::new(secret, &state.heartbeat),
            calls: Mutex::default(),
            undos: Mutex::default(),
            provisional: AtomicUsize::new(0),
            frame_bytes: AtomicUsize::new(state.limits.frame_bytes),
            told_of_end: AtomicBool::new(false),
            knows_of_end: AtomicBool::new(false),
            comes_back: AtomicBool::new(false),
            finished: Notify::new(),
            off_thread: Arc::new(Semaphore::new(state.limits.blocking_calls)),
            snapshots: Arc::new(Semaphore::new(1)),
            backup: Mutex::default(),
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

    /// What it may do; `None` if everything.
    #[inline]
    pub(crate) fn permissions(&self) -> Option<&Permissions> {
        self.credential.as_ref().and_then(|credential| credential.permissions.as_ref())
    }

    /// A permit for work that may block, if there is one left.
    pub(crate) fn try_off_thread(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.off_thread).try_acquire_owned().ok()
    }

    /// Like [`try_off_thread`](Self::try_off_thread), but waits for a permit.
    pub(crate) fn off_thread(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + Send + use<> {
        let places = Arc::clone(&self.off_thread);
        // The semaphore is never closed.
        async move { places.acquire_owned().await.ok() }
    }

    /// Its client reads this backup from now on, and no other one.
    pub(crate) fn reads_backup(&self, backup: Option<Arc<Backup>>) {
        let before = std::mem::replace(&mut *self.backup.lock(), backup);
        drop(before);
    }

    /// The backup that its client is reading.
    pub(crate) fn backup(&self) -> Option<Arc<Backup>> {
        self.backup.lock().clone()
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// What a method that runs for this session may ask of its own service.
    pub(crate) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The largest result that fits in a frame by itself.
    pub(crate) fn result_bytes(&self) -> usize {
        self.frame_bytes.load(Ordering::Relaxed).saturating_sub(1024)
    }

    /// Ends the session: calls that have not begun never will, and everything it held is released.
    pub(crate) fn end(&self) {
        // What ends with it is in one batch.
        let _entered = self.state.enter();
        self.forget_session();
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
        // Results that were not acknowledged may never have been received: an item taken from a queue, for example. The
        // last call is undone first, so that items are put back in their original order.
        let mut by_call: Vec<_> = by_call.into_iter().collect();
        by_call.sort_unstable_by_key(|(sequence, _)| Reverse(*sequence));
        for undo in by_call.into_iter().flat_map(|(_, undos)| undos) {
            undo();
        }
        let handles = std::mem::take(&mut *self.handles.lock());
        drop(handles);
        self.reads_backup(None);
        self.state.suspects.loosen();
        self.wake();
    }

    /// Whether nothing is left to collect, and the client, if it is connected, knows that the service shuts down: so
    /// everything that it sent before it knew has been answered.
    pub(crate) fn is_collected(&self) -> bool {
        let is_there = self.has_connection() && !self.lease.position.is_over();
        (!is_there || self.knows_of_end.load(Ordering::Relaxed)) && self.calls.lock().finished.is_empty()
    }

    /// Notes that the client accepts frames of this many bytes.
    pub(crate) fn takes_frames_of(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(LEAST_FRAME);
        self.frame_bytes.store(bytes.min(self.state.limits.frame_bytes), Ordering::Relaxed);
    }

    /// Notes whether the client reconnects if its connection breaks.
    pub(crate) fn comes_back(&self, comes_back: bool) {
        self.comes_back.store(comes_back, Ordering::Relaxed);
    }

    /// Wakes all who wait, because the service shuts down or the session has ended: polls are answered at once.
    pub(crate) fn wake(&self) {
        self.finished.notify_one();
        self.room.look();
    }
}
