//! One client's standing with the service: its handles, its calls in flight, the results it has not received yet.
//!
//! A session outlives its connections. What a client has not said it has received is kept, and given to the connection that
//! comes next; so every call has one outcome, and is made once.
//!
//! - [`batches`]: the operations of a batch, and their replies.
//! - [`delivery`]: how replies come to the client, and come again.
//! - [`handles`]: the objects that it holds.
//! - [`lease`]: which connection carries it, and for how long it is kept without one.
//! - [`position`]: which connection that is, and how far its calls have come, in one word.
//! - [`backpressure`]: calls that wait until their client has received the results of others.
//! - [`undo`]: what is taken back if its caller never hears of it.

mod backpressure;
mod batches;
mod delivery;
mod handles;
pub(crate) mod heartbeat;
mod lease;
mod position;
pub(crate) mod table;
mod undo;

pub(crate) use batches::TURN;
pub(crate) use position::Carrier;

use crate::security::{Credential, Permissions};
use crate::server::exec::cancellation::Cancellation;
use crate::server::exec::engine::Engine;
use crate::server::exec::large_calls::Large;
use crate::server::exec::local_caller::LocalCaller;
use crate::store::{Flight, Seeded};
use backpressure::ResultRoom;
use delivery::Delivery;
use handles::Handles;
use hashbrown::{HashMap, HashSet};
use lease::Lease;
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use tarmem_remote::context::Host;
use tarmem_remote::operation::Reply;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use undo::Undos;
use uuid::Uuid;

/// What every client takes, in bytes: less would not hold an error.
const LEAST_FRAME: usize = 4 << 10;

/// A session, as the service sees it.
pub(crate) struct ServerSession {
    id: Uuid,
    engine: Arc<Engine>,
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
    pub(super) large: Large,
    /// Calls that wait for room.
    room: ResultRoom,
    /// Batches are run one after the other; and none goes on before the operation is in line that was begun last, if that takes
    /// time.
    submitting: tokio::sync::Mutex<Option<oneshot::Receiver<()>>>,
}

#[derive(Default)]
struct Calls {
    /// Answered *pending*.
    pending: HashMap<u64, Pending, Seeded>,
    /// Those among them that were given up, and come to their end: the client counts them no more.
    cancelled: usize,
    /// The arguments of those, in bytes.
    waiting_bytes: usize,
    /// Those among them that wait for others, for as long as it takes.
    waiting: HashSet<u64>,
    /// Finished, and not sent.
    finished: VecDeque<(u64, Reply)>,
    finished_bytes: usize,
    /// Sent, and perhaps not received.
    delivery: Delivery,
}

/// A call that was answered *pending*.
struct Pending {
    cancellation: Arc<Cancellation>,
    /// Of its arguments.
    bytes: usize,
    cancelled: bool,
}

impl ServerSession {
    /// For a client that was let in.
    pub(crate) fn new(engine: &Arc<Engine>, credential: Option<Arc<Credential>>) -> Arc<Self> {
        Self::known_as(Uuid::new_v4(), Uuid::new_v4(), engine, credential)
    }

    fn known_as(id: Uuid, secret: Uuid, engine: &Arc<Engine>, credential: Option<Arc<Credential>>) -> Arc<Self> {
        Arc::new_cyclic(|this| ServerSession {
            id,
            engine: Arc::clone(engine),
            host: Arc::new(LocalCaller::of_methods(engine, this.clone())),
            credential,
            handles: Mutex::default(),
            lease: Lease::new(secret, &engine.heartbeat),
            calls: Mutex::default(),
            undos: Mutex::default(),
            provisional: AtomicUsize::new(0),
            frame_bytes: AtomicUsize::new(engine.limits.frame_bytes),
            told_of_end: AtomicBool::new(false),
            knows_of_end: AtomicBool::new(false),
            finished: Notify::new(),
            off_thread: Arc::new(Semaphore::new(engine.limits.blocking_calls)),
            snapshots: Arc::new(Semaphore::new(1)),
            large: Large::of_session(),
            room: ResultRoom::default(),
            submitting: tokio::sync::Mutex::default(),
        })
    }

    /// For a caller within the process; `credential` is that of the client for whom it calls, if it does for one.
    pub(crate) fn local(engine: &Arc<Engine>, credential: Option<Arc<Credential>>) -> Arc<Self> {
        // Each generator has one, and nobody can ask for it from outside: a number will do, and there is no secret.
        let (service, _) = engine.id.as_u64_pair();
        let number = u128::from(service) << 64 | u128::from(engine.local_session());
        let session = Self::known_as(Uuid::new_v8(number.to_be_bytes()), Uuid::nil(), engine, credential);
        engine.sessions.add_local(&session);
        session
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

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What the service is to a method that runs for this session.
    pub(crate) fn host(self: &Arc<Self>, within: Option<&Arc<Flight>>) -> Arc<dyn Host> {
        match within {
            None => Arc::clone(&self.host),
            Some(flight) => Arc::new(LocalCaller::of_generator(self, flight)),
        }
    }

    /// Nobody waits for a call any more: stops it if it has not begun, and takes it back if it is provisional.
    pub(crate) fn cancel(&self, sequence: u64) {
        // Under no lock: stopping wakes the call's task.
        let cancellation = self.calls.lock().pending.get(&sequence).map(|pending| Arc::clone(&pending.cancellation));
        if !cancellation.is_some_and(|cancellation| cancellation.stop()) {
            return self.undo(sequence);
        }
        // It comes to its end now, and makes room at once.
        let mut calls = self.calls.lock();
        if let Some(pending) = calls.pending.get_mut(&sequence) {
            let before = std::mem::replace(&mut pending.cancelled, true);
            calls.cancelled += usize::from(!before);
        }
    }

    /// The call is pending, with so many bytes of arguments.
    pub(crate) fn pending(&self, sequence: u64, cancellation: &Arc<Cancellation>, bytes: usize) {
        {
            let mut calls = self.calls.lock();
            if self.lease.position.is_over() {
                drop(calls);
                cancellation.stop();
                return;
            }
            calls.pending.insert(sequence, Pending { cancellation: Arc::clone(cancellation), bytes, cancelled: false });
            calls.waiting_bytes += bytes;
        }
        self.engine.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        // It may have come to wait just before it was pending, and `stop_waiting` in between.
        if self.engine.is_closing() {
            self.stop_waiting();
        }
    }

    /// A call from within the process has finished.
    pub(crate) fn finished(&self, sequence: u64) {
        let mut calls = self.calls.lock();
        calls.waiting.remove(&sequence);
        self.no_longer_pending(&mut calls, sequence);
    }

    fn no_longer_pending(&self, calls: &mut Calls, sequence: u64) -> Option<Arc<Cancellation>> {
        let Pending { cancellation, bytes, cancelled } = calls.pending.remove(&sequence)?;
        calls.cancelled -= usize::from(cancelled);
        calls.waiting_bytes -= bytes;
        self.engine.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(cancellation)
    }

    /// The call waits from now on until others do something, which may never happen.
    pub(crate) fn waits(&self, sequence: u64) {
        self.calls.lock().waiting.insert(sequence);
        if self.engine.is_closing() {
            self.stop_waiting();
        }
    }

    /// Ends the calls that wait for others: a shutdown waits for what is done, and not for that.
    pub(crate) fn stop_waiting(&self) {
        let waiting: Vec<_> = {
            let calls = self.calls.lock();
            let pending = calls.waiting.iter().filter_map(|sequence| calls.pending.get(sequence));
            pending.map(|pending| Arc::clone(&pending.cancellation)).collect()
        };
        for cancellation in waiting {
            cancellation.stop();
        }
    }

    /// The session is gone: what has not begun never will, and what it held is given up.
    pub(crate) fn end(&self) {
        self.lease.end();
        let given_up = std::mem::take(&mut *self.calls.lock());
        let held = given_up.delivery.bytes() + given_up.finished_bytes + given_up.waiting_bytes;
        self.engine.held_bytes.fetch_sub(held, Ordering::Relaxed);
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
        self.engine.loosen();
        self.wake();
    }

    /// Nothing is left to collect; and its client, if it is there, knows that the service shuts down: what it sent before it did
    /// has been answered.
    pub(crate) fn is_collected(&self) -> bool {
        let is_there = self.has_connection() && !self.lease.position.is_over();
        (!is_there || self.knows_of_end.load(Ordering::Relaxed)) && self.calls.lock().finished.is_empty()
    }

    /// Its client takes frames of so many bytes.
    pub(crate) fn takes_frames_of(&self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(LEAST_FRAME);
        self.frame_bytes.store(bytes.min(self.engine.limits.frame_bytes), Ordering::Relaxed);
    }

    /// The service is shutting down, or the session has ended: polls are answered at once.
    pub(crate) fn wake(&self) {
        self.finished.notify_one();
        self.room.look();
    }
}
