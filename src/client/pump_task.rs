//! Chooses the runtime on which a session's connection is pumped.
//!
//! The task that keeps a session connected runs on the [`background`](super::background) thread. The connection,
//! though, is pumped on the runtime that the session was made on, its [home](super::home_runtime), so that a call
//! crosses no thread. If that runtime does not run for a part of the lease, or is gone, the session is resumed over
//! another connection, which is pumped in the background; and at home again once that runtime runs.

use super::connection::{Connection, OpenFailure, Opened};
use super::home_runtime::RunsOn;
use super::pump::{ConnectionEnd, pump};
use super::run_permit::{Permitted, RunPermit};
use super::session_core::{LATE, SessionCore};
use crate::wire::WireRequest;
use crate::wire::handshake::Resume;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A reason for leaving a connection.
const STANDS_STILL: &str = "the runtime that the session was made on does not run, or is gone";
/// Another one.
const RUNS_AGAIN: &str = "the runtime that the session was made on runs again";

/// How long the service may take to answer a session's last request.
pub(super) const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// A connection that is being pumped, or is about to be.
pub(super) enum PumpTask {
    Home(Arc<RunPermit>, JoinHandle<Option<(ConnectionEnd, bool)>>),
    Background(Connection),
}

impl PumpTask {
    /// Starts to pump calls over `connection`.
    pub(super) fn start(connection: Connection, core: &Arc<SessionCore>) -> Self {
        match core.home.runtime() {
            Some(runtime) if connection.runs_on == RunsOn::Home => {
                let permit = Arc::new(RunPermit::default());
                let pumped = pump_to_the_end(connection, Arc::clone(core), Arc::clone(&permit));
                PumpTask::Home(Arc::clone(&permit), runtime.spawn(Permitted::new(permit, pumped)))
            }
            _ => PumpTask::Background(connection),
        }
    }

    /// Waits until the connection has ended, or another one is to take its place. Also returns whether it was used.
    pub(super) async fn run(self, core: &Arc<SessionCore>) -> (ConnectionEnd, bool) {
        match self {
            PumpTask::Home(permit, task) => {
                let Some(runtime) = core.home.runtime() else { return (ConnectionEnd::Left(STANDS_STILL), false) };
                let end = watch(runtime, &permit, task, core).await;
                end.unwrap_or((ConnectionEnd::Left(STANDS_STILL), false))
            }
            PumpTask::Background(connection) => {
                let permit = Arc::new(RunPermit::acquired());
                let mut pumped = pin!(pump_to_the_end(connection, Arc::clone(core), permit));
                tokio::select! {
                    end = &mut pumped => return end,
                    () = core.home.runs_again() => {}
                }
                // A session that is about to end says goodbye over this connection.
                if core.is_closing() { pumped.await } else { (ConnectionEnd::Left(RUNS_AGAIN), false) }
            }
        }
    }
}

/// Makes one attempt to connect, and to open a session or resume one.
pub(super) async fn open_session(core: &Arc<SessionCore>, resume: Option<Resume>) -> Result<Opened, OpenFailure> {
    if let Some(runtime) = core.home.running() {
        let permit = Arc::new(RunPermit::default());
        let attempt = {
            let core = Arc::clone(core);
            async move { core.options.open(resume).await }
        };
        let task = runtime.spawn(Permitted::new(Arc::clone(&permit), attempt));
        if let Some(opened) = watch(runtime, &permit, task, core).await {
            return opened;
        }
    }
    let mut opened = core.options.open(resume).await?;
    opened.connection.runs_on = RunsOn::Background;
    Ok(opened)
}

/// Waits for the result of `task`; `None` if its runtime does not run it.
async fn watch<T>(
    runtime: Handle,
    permit: &RunPermit,
    mut task: JoinHandle<Option<T>>,
    core: &SessionCore,
) -> Option<T> {
    // The service last heard from this client at most a quarter of the lease before its home stalled. This is noticed
    // after three eighths of the lease at the latest, which leaves as much time for another connection.
    let mut pause = core.lease() / 8;
    let (mut was_woken, mut is_closing) = (false, false);
    loop {
        tokio::select! {
            done = &mut task => {
                let done = done.ok().flatten();
                if done.is_none() {
                    // The task was cancelled with its runtime, or it panicked. Either way the session moves.
                    core.home.mark_gone();
                }
                return done;
            }
            () = tokio::time::sleep(pause) => core.expire_late(),
            // The caller of `close` waits for the end of the session, so this must not take long.
            () = core.closing(), if !is_closing => {
                (is_closing, pause) = (true, pause.min(LATE));
                permit.was_polled();
                permit.wake_task();
                was_woken = true;
                continue;
            }
        }
        // A session over a stream cannot move to another connection.
        if permit.was_polled() || !core.options.can_reconnect() {
            was_woken = false;
        } else if was_woken && permit.revoke() {
            task.abort();
            core.home.mark_stalled(runtime);
            return None;
        } else {
            permit.wake_task();
            was_woken = true;
        }
    }
}

/// Pumps calls until the connection ends. If the session was closed, says goodbye to the service.
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

/// Sends the session's last operations, and closes the connection.
pub(super) async fn say_goodbye(mut connection: Connection, core: &SessionCore) {
    let goodbye = core.outbox.lock().take_goodbye_batch();
    if let Some(batch) = goodbye {
        // Without this, the service would release locks and the like as well, but would report them as abandoned.
        let _ = tokio::time::timeout(GOODBYE_TIME, connection.ask(WireRequest::Submit { batch })).await;
    }
    let _ = tokio::time::timeout(GOODBYE_TIME, connection.close()).await;
}
