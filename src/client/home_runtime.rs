//! Where a session's connection is carried.
//!
//! A session lives on the thread of [`background`](super::background). Its connection, though, is carried on the runtime that it
//! was made on, its home: there a call crosses no thread. If that runtime does not run for a part of the lease, or is gone, the session
//! is resumed over another connection, which the background carries; and at home again once that runs.

use super::connection::{Connection, OpenFailure, Opened};
use super::pump::{ConnectionEnd, pump};
use super::reconnect::say_goodbye;
use super::run_permit::{Permitted, RunPermit};
use super::session_core::SessionCore;
use crate::wire::handshake::Resume;
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why a connection was left that was as good as ever.
const STANDS_STILL: &str = "the runtime that the session was made on stands still, or is gone";
const RUNS_AGAIN: &str = "the runtime that the session was made on runs again";

/// The runtime that a session was made on.
pub(super) struct HomeRuntime(Mutex<RuntimeState>);

enum RuntimeState {
    /// It runs, as far as is known.
    Running(Handle),
    /// It does not run. The receiver turns true when it does, and ends when it is gone.
    Stalled(Handle, watch::Receiver<bool>),
    Gone,
}

/// Where a connection is registered, and can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunsOn {
    Home,
    Background,
}

/// A connection that is being carried, or is about to be.
pub(super) enum PumpTask {
    Home(Arc<RunPermit>, JoinHandle<Option<(ConnectionEnd, bool)>>),
    Background(Connection),
}

impl HomeRuntime {
    /// The runtime that runs this.
    pub(super) fn here() -> Self {
        HomeRuntime(Mutex::new(RuntimeState::Running(Handle::current())))
    }

    /// The runtime, unless it is known to be gone.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match &*self.0.lock() {
            RuntimeState::Running(runtime) | RuntimeState::Stalled(runtime, _) => Some(runtime.clone()),
            RuntimeState::Gone => None,
        }
    }

    fn running(&self) -> Option<Handle> {
        match &*self.0.lock() {
            RuntimeState::Running(runtime) => Some(runtime.clone()),
            RuntimeState::Stalled(..) | RuntimeState::Gone => None,
        }
    }

    /// It stands still, until it runs a task.
    fn mark_stalled(&self, runtime: Handle) {
        let (sender, back) = watch::channel(false);
        runtime.spawn(async move {
            let _ = sender.send(true);
        });
        *self.0.lock() = RuntimeState::Stalled(runtime, back);
    }

    /// Returns once a home that stood still runs again.
    async fn runs_again(&self) {
        let standing = match &*self.0.lock() {
            RuntimeState::Stalled(runtime, back) => Some((runtime.clone(), back.clone())),
            RuntimeState::Running(_) | RuntimeState::Gone => None,
        };
        if let Some((runtime, mut back)) = standing {
            let is_back = back.wait_for(|back| *back).await.is_ok();
            *self.0.lock() = if is_back { RuntimeState::Running(runtime) } else { RuntimeState::Gone };
            if is_back {
                return;
            }
        }
        std::future::pending().await
    }

    /// One attempt to connect, and to open a session or resume one.
    pub(super) async fn open(&self, core: &Arc<SessionCore>, resume: Option<Resume>) -> Result<Opened, OpenFailure> {
        if let Some(runtime) = self.running() {
            let permit = Arc::new(RunPermit::default());
            let attempt = {
                let core = Arc::clone(core);
                async move { core.options.open(resume).await }
            };
            let task = runtime.spawn(Permitted::new(Arc::clone(&permit), attempt));
            if let Some(opened) = self.watch(runtime, &permit, task, core).await {
                return opened;
            }
        }
        let mut opened = core.options.open(resume).await?;
        opened.connection.runs_on = RunsOn::Background;
        Ok(opened)
    }

    /// Begins to carry calls over `link`.
    pub(super) fn start_pump(&self, connection: Connection, core: &Arc<SessionCore>) -> PumpTask {
        match self.runtime() {
            Some(runtime) if connection.runs_on == RunsOn::Home => {
                let permit = Arc::new(RunPermit::default());
                let pumped = pump_to_the_end(connection, Arc::clone(core), Arc::clone(&permit));
                PumpTask::Home(Arc::clone(&permit), runtime.spawn(Permitted::new(permit, pumped)))
            }
            _ => PumpTask::Background(connection),
        }
    }

    /// Returns once the connection has ended, or is to be carried elsewhere; with whether it has carried calls.
    pub(super) async fn run_pump(&self, pumping: PumpTask, core: &Arc<SessionCore>) -> (ConnectionEnd, bool) {
        match pumping {
            PumpTask::Home(permit, task) => {
                let Some(runtime) = self.runtime() else { return (ConnectionEnd::Left(STANDS_STILL), false) };
                let end = self.watch(runtime, &permit, task, core).await;
                end.unwrap_or((ConnectionEnd::Left(STANDS_STILL), false))
            }
            PumpTask::Background(connection) => {
                let permit = Arc::new(RunPermit::acquired());
                let mut pumped = pin!(pump_to_the_end(connection, Arc::clone(core), permit));
                tokio::select! {
                    end = &mut pumped => return end,
                    () = self.runs_again() => {}
                }
                // One that is about to end says so over the connection that it has.
                if core.is_closing() { pumped.await } else { (ConnectionEnd::Left(RUNS_AGAIN), false) }
            }
        }
    }

    /// What comes of `task`; `None` if it does not run.
    async fn watch<T>(
        &self,
        runtime: Handle,
        permit: &RunPermit,
        mut task: JoinHandle<Option<T>>,
        core: &SessionCore,
    ) -> Option<T> {
        // The service last heard of this client a quarter of the lease before its home stood still. Three of these later, at the
        // latest, that is known, which leaves as much for another connection.
        let mut pause = core.lease() / 8;
        let (mut was_woken, mut is_closing) = (false, false);
        loop {
            tokio::select! {
                done = &mut task => {
                    let done = done.ok().flatten();
                    if done.is_none() {
                        // It was cancelled with its runtime. (Or it panicked: it had better go on elsewhere.)
                        *self.0.lock() = RuntimeState::Gone;
                    }
                    return done;
                }
                () = tokio::time::sleep(pause) => core.expire_late(),
                // Whoever closes it waits for that.
                () = core.closing(), if !is_closing => {
                    (is_closing, pause) = (true, pause.min(LATE));
                    permit.was_polled();
                    permit.wake_task();
                    was_woken = true;
                    continue;
                }
            }
            // There is no way back to a stream: whatever becomes of it is its user's affair.
            if permit.was_polled() || !core.options.can_reconnect() {
                was_woken = false;
            } else if was_woken && permit.revoke() {
                task.abort();
                self.mark_stalled(runtime);
                return None;
            } else {
                permit.wake_task();
                was_woken = true;
            }
        }
    }
}

/// Carries calls until the connection ends, in order if it was closed here.
async fn pump_to_the_end(
    mut connection: Connection,
    core: Arc<SessionCore>,
    permit: Arc<RunPermit>,
) -> (ConnectionEnd, bool) {
    let end = pump(&mut connection, &core, &permit).await;
    let is_used = connection.is_used();
    if let ConnectionEnd::Closed = end {
        core.end_here();
        say_goodbye(connection, &core).await;
    }
    (end, is_used)
}

/// How much later than its time a call is told of it by the background, if nobody else has.
pub(super) const LATE: Duration = Duration::from_millis(100);
