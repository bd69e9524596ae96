//! The state that the sessions and the engine of a service share: its registry, store, limits and counts. This is
//! nearly the lowest module of the server: it runs nothing, and refers to none of the others but
//! [`history`](super::history).
//!
//! - [`backup`]: a backup that is being read.
//! - [`cancellation`]: whether a call has begun, and stopping it. [`deadline`]: when its time is up.
//! - [`heartbeat`]: how long a thread has been awake, by which leases are measured.
//! - [`large_call_quota`]: how many large calls run at one time, and how much memory their arguments may take.
//! - [`local_calls`]: counts the calls from within the process.
//! - [`observer`]: what a listener hears of each operation.
//! - [`panics`]: turns a panic into an error of its call.
//! - [`suspects`]: objects that may be part of a cycle of references.

pub(crate) mod backup;
pub(crate) mod cancellation;
pub(crate) mod deadline;
pub(crate) mod heartbeat;
pub(crate) mod large_call_quota;
pub(crate) mod local_calls;
pub(crate) mod observer;
pub(crate) mod panics;
pub(crate) mod suspects;

use super::history::History;
use crate::config::{Durability, Limits, OnStorageFailure};
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::{DiskRoom, Entered, Journal, NoRoom};
use crate::store::{ChangeListener, Flights, Keeping, Next, Sizes, Store};
use backup::Backups;
use heartbeat::Heartbeat;
use large_call_quota::LargeCallQuota;
use local_calls::LocalCalls;
use observer::Observer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use suspects::Suspects;
use tarmem_remote::error::Error;
use tarmem_remote::registry::Registry;
use tarmem_remote::results::DataInfo;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// How many large snapshots are made at one time.
const LARGE_SNAPSHOTS: usize = 4;

/// The listeners of a service; by default there are none.
#[derive(Default)]
pub(crate) struct Seams {
    /// Called for each change of an object or a key.
    pub(crate) changes: Option<Arc<dyn ChangeListener>>,
    /// Called for each operation.
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Notes what is to outlive the service, and where its numbers begin.
    pub(crate) keeping: Option<(Arc<Keeping>, Next)>,
    /// The history of what is kept; `None` if nothing is.
    pub(crate) history: Option<History>,
    /// The faults planted in the service.
    pub(crate) faults: PlantedFaults,
    /// Whether the service stays when its storage has failed.
    pub(crate) stays_without_storage: bool,
    /// When what has changed is on disk.
    pub(crate) durability: Durability,
    /// Whether a start moves aside what it cannot read.
    pub(crate) skips_unreadable: bool,
    /// Which states are large.
    pub(crate) sizes: Sizes,
}

/// The state that the sessions and the engine of a service share.
pub(crate) struct State {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) flights: Flights,
    pub(crate) suspects: Suspects,
    /// Called for each operation.
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) limits: Limits,
    /// Runs generators, and everything else that must not hold up a connection.
    pub(crate) runtime: tokio::runtime::Handle,
    /// The running tasks that a shutdown waits for.
    pub(crate) running: TaskTracker,
    pub(crate) local_calls: LocalCalls,
    closing: AtomicBool,
    /// Becomes true when connections have to end.
    ended: watch::Sender<bool>,
    /// The heartbeat of the threads that serve no connections.
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// The bytes of results that clients have not received, and of the arguments of waiting calls.
    pub(crate) held_bytes: AtomicUsize,
    /// Permits for snapshots that take longer than a turn, of all sessions: each keeps in memory what it has copied so
    /// far.
    pub(crate) snapshots: Arc<Semaphore>,
    pub(crate) backups: Backups,
    /// The quota of all sessions together for large calls.
    pub(crate) large: LargeCallQuota,
    /// The faults planted in the whole service.
    pub(crate) faults: PlantedFaults,
    /// Whether the service stays when its storage has failed.
    stays_without_storage: bool,
    /// The number of the next session of which something is kept.
    pub(crate) session_numbers: AtomicU32,
    /// The id of this run of the service. After a restart it is another one.
    pub(crate) run: Uuid,
    /// The history of what is kept; `None` if nothing is.
    pub(crate) history: Option<History>,
}

impl State {
    pub(crate) fn new(registry: Registry, limits: Limits, runtime: tokio::runtime::Handle, seams: Seams) -> Arc<Self> {
        let Seams { changes, observer, keeping, history, faults, stays_without_storage, .. } = seams;
        let run = history.as_ref().map_or_else(Uuid::new_v4, |history| history.run);
        let large = LargeCallQuota::of_service(limits.running_bytes);
        Arc::new(State {
            registry,
            store: Store::new(limits.keys, changes, keeping, faults.clone()),
            faults,
            flights: Flights::default(),
            suspects: Suspects::default(),
            observer,
            limits,
            runtime,
            running: TaskTracker::new(),
            local_calls: LocalCalls::default(),
            closing: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            heartbeat: Arc::default(),
            held_bytes: AtomicUsize::new(0),
            snapshots: Arc::new(Semaphore::new(LARGE_SNAPSHOTS)),
            backups: Backups::default(),
            large,
            stays_without_storage,
            session_numbers: AtomicU32::new(1),
            run,
            history,
        })
    }

    /// The journal, if anything is to outlive the service.
    #[inline]
    pub(crate) fn journal(&self) -> Option<&Arc<Journal>> {
        self.store.keeping.as_ref().map(|keeping| keeping.journal())
    }

    /// Enters the open batch of the journal, if there is one.
    #[inline]
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.journal().map(|journal| journal.enter())
    }

    /// The batch of the journal that has to be on disk before a reply leaves that may depend on anything that was
    /// changed so far.
    pub(crate) fn gate(&self) -> u64 {
        self.journal().map_or(0, |journal| journal.noted())
    }

    /// Waits until batch `gate` of the journal is on disk. If it never will be, because the service ends or the disk
    /// has failed, this does not complete: what waits does not leave, and clients ask the next service.
    pub(crate) async fn committed(&self, gate: u64) {
        if let Some(journal) = self.journal()
            && !journal.is_open_for(gate)
            && !self.faults.has(PlantedFault::LeavesEarly)
            && !journal.opens_for(gate).await
        {
            std::future::pending().await
        }
    }

    /// How what outlives the service is kept.
    pub(crate) fn data_info(&self) -> Option<DataInfo> {
        let journal = self.journal()?;
        let usage = journal.room().usage();
        let (fsync, on_failure) = (journal.durability().to_string(), self.on_storage_failure().to_string());
        let bytes = (usage.used_bytes(), usage.file_bytes());
        Some(DataInfo::new(fsync, on_failure, bytes, usage.free_bytes, self.storage_failure()))
    }

    /// Why the storage has failed; `None` if it has not.
    pub(crate) fn storage_failure(&self) -> Option<String> {
        Some(self.journal()?.failure()?.to_string())
    }

    /// Refuses a call that may make what is kept larger, if there is no room for it. Its arguments have this many
    /// bytes.
    #[inline]
    pub(crate) fn check_room(&self, bytes: usize) -> Result<(), Error> {
        match self.journal() {
            Some(journal) if journal.room().is_scarce() => no_room(journal.room().refusal(bytes)),
            _ => Ok(()),
        }
    }

    /// What the service does when its storage has failed.
    pub(crate) fn on_storage_failure(&self) -> OnStorageFailure {
        if self.stays_without_storage { OnStorageFailure::Refuse } else { OnStorageFailure::End }
    }

    /// Waits until batch `gate` of the journal is on disk.
    ///
    /// # Errors
    /// If it never will be, because the disk has failed or the service ends.
    pub(crate) async fn told(&self, gate: u64) -> Result<(), Error> {
        let Some(journal) = self.journal() else { return Ok(()) };
        if self.faults.has(PlantedFault::LeavesEarly) || journal.opens_for(gate).await {
            return Ok(());
        }
        Err(match journal.failure() {
            Some(reason) => Error::StorageFailed { reason: reason.to_string() },
            None => Error::Cancelled,
        })
    }

    /// Whether the service ends when its storage has failed.
    pub(crate) fn ends_when_storage_fails(&self) -> bool {
        self.journal().is_some() && !self.stays_without_storage
    }

    /// Whether the service has ended because its storage has failed.
    pub(crate) fn is_ended_by_storage(&self) -> bool {
        self.ends_when_storage_fails() && self.journal().is_some_and(|journal| journal.failure().is_some())
    }

    /// The error in place of a result that tells of batch `gate` of the journal, if the disk has failed before that was
    /// on it and the service stays.
    pub(crate) fn refusal(&self, gate: u64) -> Option<Error> {
        let journal = self.journal().filter(|_| self.stays_without_storage)?;
        let reason = journal.failure().filter(|_| !journal.is_open_for(gate))?;
        Some(Error::StorageFailed { reason: reason.to_string() })
    }

    /// Whether new operations are refused, since the service shuts down.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Refuses new operations from now on.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Ends the connections at once.
    pub(crate) fn end(&self) {
        self.closing.store(true, Ordering::Release);
        self.ended.send_replace(true);
    }

    /// Whether connections are to end.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Completes once connections have to end.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

fn no_room(refusal: Option<NoRoom>) -> Result<(), Error> {
    const GOES_ON: &str = "the call was not made, and calls without arguments go on";
    match refusal {
        None => Ok(()),
        Some(NoRoom { disk: Some(DiskRoom { wanted, has, left, in_reserve }), .. }) => {
            let remedy = format!(
                "the disk has {left} bytes left, of which {in_reserve} are in reserve: delete keys, or free space on \
                 the disk; {GOES_ON}"
            );
            Err(Error::limit("bytes of the disk that the data may take, with the reserve,", wanted, has, remedy))
        }
        Some(NoRoom { used, most, disk: None }) => {
            let remedy = format!("delete keys, or raise the limit data_bytes; {GOES_ON}");
            Err(Error::limit("bytes of data on disk", used, most, remedy))
        }
    }
}
