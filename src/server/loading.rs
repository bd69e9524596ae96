//! Makes the engine of a service, with what an earlier run has left.
//!
//! Loading may take a while, so it has a thread of its own, and the log says how far it is.

use super::ServeError;
use super::exec::engine::Engine;
use super::recovery::{Found, Progress, RecoveryError, Rewriter};
use super::state::Seams;
use crate::config::{Durability, Limits};
use crate::journal::{AtEnd, Committing};
use crate::security::AccessControl;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tarmem_remote::registry::Registry;
use tarmem_storage::{LocalOptions, LocalStorage, RealDisk, Storage};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

/// How often the log says how far loading is, from when on.
const TELLING: Duration = Duration::from_secs(1);

/// The stack of the thread that loads, of which the system only gives what is used. Values of classes of users' own may
/// be nested as deeply as rmp-serde decodes them, 1024 levels.
const STACK_BYTES: usize = 512 << 20;

/// Where a service keeps what has to outlive it.
pub(super) enum Kept {
    /// There.
    Storage(Box<dyn Storage>),
    /// In this directory, which is not open yet.
    Directory(PathBuf),
}

/// What an engine is made of.
pub(super) struct Empty {
    pub(super) registry: Registry,
    pub(super) limits: Limits,
    pub(super) runtime: Handle,
    pub(super) seams: Seams,
}

impl Kept {
    fn open(self, durability: Durability, limits: &Limits) -> Result<Box<dyn Storage>, RecoveryError> {
        match self {
            Kept::Storage(storage) => Ok(storage),
            Kept::Directory(directory) => {
                let disk = RealDisk::exclusive(directory)?;
                let mut options = LocalOptions::default();
                options.sync_each = durability == Durability::Always;
                // The log is a part of the data.
                let data_bytes = limits.data_bytes as u64;
                options.segment_bytes = options.segment_bytes.min(data_bytes / 16);
                options.log_bytes = options.log_bytes.min(data_bytes / 4);
                Ok(Box::new(LocalStorage::open(Arc::new(disk), options)?))
            }
        }
    }

    fn directory(&self) -> Option<PathBuf> {
        match self {
            Kept::Storage(_) => None,
            Kept::Directory(directory) => Some(directory.clone()),
        }
    }

    fn place(&self) -> String {
        match self {
            Kept::Storage(_) => "a storage of its own".to_owned(),
            Kept::Directory(directory) => directory.display().to_string(),
        }
    }
}

impl Empty {
    /// Makes the engine, which keeps what changes with what was found.
    pub(super) fn engine(mut self, found: Option<&Found>) -> Arc<Engine> {
        self.seams.keeping = found.map(Found::keeping);
        self.seams.history = found.map(|found| found.history().clone());
        Engine::new(self.registry, self.limits, self.runtime, self.seams)
    }
}

/// Makes the engine with what is kept, and begins to commit what changes. `progress` says how far that is.
pub(super) async fn load(
    kept: Kept,
    empty: Empty,
    access: Arc<AccessControl>,
    progress: Arc<Progress>,
) -> Result<(Arc<Engine>, Committing), ServeError> {
    let runtime = empty.runtime.clone();
    let (place, begun) = (kept.place(), Instant::now());
    let _telling = AbortOnDropHandle::new(runtime.spawn(tell(place.clone(), Arc::clone(&progress))));
    let in_place = matches!(kept, Kept::Directory(_)).then(|| place.clone());
    let ((made, loaded), in_runtime) = (oneshot::channel(), runtime.clone());
    // What is nested deeply takes much of a stack to be decoded.
    let thread = thread::Builder::new().name("tarmem-load".to_owned()).stack_size(STACK_BYTES);
    let load = move || {
        let _entered = in_runtime.enter();
        let directory = kept.directory();
        let mut found = Found::read(kept.open(empty.seams.durability, &empty.limits)?, &empty.seams, &progress)?;
        found.bound(&empty.limits);
        if empty.seams.skips_unreadable {
            found.set_aside(&empty.registry, directory.as_deref())?;
        }
        let engine = empty.engine(Some(&found));
        let restored = found.restore(&engine, &access, &progress);
        let (journal, storage) = restored.map_err(|error| match &in_place {
            Some(place) => error.within(place),
            None => error,
        })?;
        let keeping = engine.state.store.keeping.clone();
        let at_end = keeping.clone().map(|keeping| keeping as Arc<dyn AtEnd>);
        let mut committing = Committing::start(&journal, storage, at_end).map_err(no_thread)?;
        if let Some(keeping) = &keeping {
            let rewriter = Rewriter::start(keeping, engine.state.faults.clone(), engine.state.runtime.clone());
            committing = committing.with(rewriter.map_err(no_thread)?);
        }
        Ok((engine, committing))
    };
    thread.spawn(move || made.send(load())).map_err(no_thread)?;
    let loaded = loaded.await.unwrap_or_else(|_| Err(no_thread(io::Error::other("loading panicked"))));
    if let Ok((engine, _)) = &loaded {
        let state = &engine.state;
        let durability = state.journal().map(|journal| journal.durability()).unwrap_or_default();
        tracing::info!(
            "keeping everything in {place}: fsync {durability}, on disk failure {}; {} keys, {} objects, {} sessions \
             loaded in {:.1?}",
            state.on_storage_failure(),
            state.store.len(),
            state.store.objects(),
            engine.sessions.all().len(),
            begun.elapsed(),
        );
    }
    loaded
}

fn no_thread(cause: io::Error) -> ServeError {
    ServeError::Listen { address: "a thread".to_owned(), cause }
}

/// Says how far loading is, again and again; and which call of an earlier run it is at, if that takes long.
async fn tell(place: String, progress: Arc<Progress>) {
    let mut before = None;
    loop {
        tokio::time::sleep(TELLING).await;
        tracing::info!("loading {place}: {}", progress.now());
        let call = progress.call();
        if let Some(call) = &call
            && Some(call) == before.as_ref()
        {
            tracing::info!("loading {place}: {call}, which takes longer than {TELLING:?}");
        }
        before = call;
    }
}
