//! Where a session's connection is pumped.
//!
//! A session is kept connected on the thread of [`background`](super::background). Its connection, though, is pumped on
//! the runtime that it was made on, its [home](super::home_runtime): there a call crosses no thread. If that runtime
//! does not run for a part of the lease, or is gone, the session is resumed over another connection, which the
//! background pumps; and at home again once that runs.

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

/// Why a connection was left that was as good as ever.
const STANDS_STILL: &str = "the runtime that the session was made on stands still, or is gone";
const RUNS_AGAIN: &str = "the runtime that the session was made on runs again";

/// How long the service may take to answer the last that is sent.
pub(super) const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// A connection that is being pumped, or is about to be.
pub(super) enum PumpTask {
    Home(Arc<RunPermit>, JoinHandle<Option<(ConnectionEnd, bool)>>),
    Background(Connection),
}

impl PumpTask {
    /// Begins to pump calls over `connection`.
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

    /// Returns once the connection has ended, or is to be left for another one; with whether it was used.
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
                // One that is about to end says so over the connection that it has.
                if core.is_closing() { pumped.await } else { (ConnectionEnd::Left(RUNS_AGAIN), false) }
            }
        }
    }
}

/// One attempt to connect, and to open a session or resume one.
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

/// What comes of `task`; `None` if it does not run.
async fn watch<T>(
    runtime: Handle,
    permit: &RunPermit,
    mut task: JoinHandle<Option<T>>,
    core: &SessionCore,
) -> Option<T> {
    // The service last heard of this client a quarter of the lease before its home stood still. Three of these later,
    // at the latest, that is known, which leaves as much for another connection.
    let mut pause = core.lease() / 8;
    let (mut was_woken, mut is_closing) = (false, false);
    loop {
        tokio::select! {
            done = &mut task => {
                let done = done.ok().flatten();
                if done.is_none() {
                    // It was cancelled with its runtime. (Or it panicked: it had better go on elsewhere.)
                    core.home.mark_gone();
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
            core.home.mark_stalled(runtime);
            return None;
        } else {
            permit.wake_task();
            was_woken = true;
        }
    }
}

/// Pumps calls until the connection ends, in order if it was closed here.
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

/// Says the last that there is to say, and hangs up in order.
pub(super) async fn say_goodbye(mut connection: Connection, core: &SessionCore) {
    let goodbye = core.outbox.lock().take_goodbye_batch();
    if let Some(batch) = goodbye {
        // The session's end would give all of this up, too, but others would be told that it had vanished.
        let _ = tokio::time::timeout(GOODBYE_TIME, connection.ask(WireRequest::Submit { batch })).await;
    }
    let _ = tokio::time::timeout(GOODBYE_TIME, connection.close()).await;
}
