//! The task that keeps a session connected, over one connection after the other, until the session is no longer used.

use super::connection::{Connection, OpenFailure, Opened};
use super::options::SessionOptions;
use super::pump::{ConnectionEnd, DeadlineTimer, NONSENSE};
use super::pump_task::{self, GOODBYE_TIME, PumpTask, say_goodbye};
use super::retries::{Outage, Retries};
use super::session_core::{EndOnDrop, SessionCore};
use super::session_state::{Reconnected, SessionState};
use super::wakeup::wake;
use crate::wire::handshake::{Resume, Resumed};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tarmem_remote::error::Error;

/// A connection over which no calls were sent, and that lasted this long, counts as useful although nothing arrived.
const QUIET: Duration = Duration::from_millis(100);

/// Why a session ends.
enum SessionEnd {
    /// The client closed it.
    Closed,
    /// It cannot go on. New calls get this error; the outcome of calls that were sent is unknown, for this cause.
    Failed(Error, String),
    /// The service does not have what this client knows. All calls get this error.
    Lost(Error),
}

/// Keeps the session connected until it is closed, and again if a caller asks for it; ends when the session is no
/// longer used.
pub(super) async fn run(pumping: PumpTask, core: Arc<SessionCore>, ending: EndOnDrop) {
    let mut pumping = Some(pumping);
    loop {
        if let Some(pumping) = pumping.take() {
            match stay_connected(pumping, &core).await {
                SessionEnd::Closed => {}
                SessionEnd::Failed(error, cause) => core.end(error, &cause, false),
                SessionEnd::Lost(error) => core.end_lost(error),
            }
        }
        core.set_state(SessionState::Closed);
        while !core.unused.load(Ordering::Acquire) && !core.is_reconnect_wanted() {
            core.wakeup.seen().await;
        }
        if core.unused.load(Ordering::Acquire) {
            break;
        }
        pumping = open_anew(&core).await.map(|connection| PumpTask::start(connection, &core));
    }
    drop(ending);
}

/// Keeps the session connected, over one connection after the other.
async fn stay_connected(mut pumping: PumpTask, core: &Arc<SessionCore>) -> SessionEnd {
    let mut fruitless = 0;
    let mut outage = Outage::now();
    loop {
        core.set_state(SessionState::Connected);
        core.answer_reconnect_requests(|| Ok(()));
        let (received, begun) = (core.outbox.lock().count_received(), Instant::now());
        let (end, is_used) = pumping.run(core).await;
        let (cause, in_order, is_broken) = match end {
            ConnectionEnd::Closed => return SessionEnd::Closed,
            ConnectionEnd::ShutDown => ("the service has shut down".to_owned(), true, true),
            ConnectionEnd::Broken(cause) => (cause, false, true),
            ConnectionEnd::Left(_) if core.is_closing() => {
                say_goodbye_elsewhere(core).await;
                return SessionEnd::Closed;
            }
            ConnectionEnd::Left(reason) => (reason.to_owned(), false, false),
        };
        // Replies that have arrived are delivered, whichever task pumps the rest.
        let mut woken = Vec::new();
        while let Ok(true) = core.deliver(usize::MAX, &mut woken) {}
        // A connection over which nothing arrived counts as a failed attempt: what is sent may be what breaks it.
        let was_quiet = !is_used && begun.elapsed() >= QUIET;
        let of_use = in_order || !is_broken || was_quiet || core.outbox.lock().count_received() > received;
        if !core.options.can_reconnect() {
            return SessionEnd::Failed(closed(core, &cause), cause);
        }
        if of_use {
            outage = Outage::now();
        }
        fruitless = match of_use {
            // The next service needs a moment to start.
            true if in_order => 1,
            true => 0,
            false => fruitless + 1,
        };
        match reconnect(core, cause, fruitless, is_broken, &mut outage).await {
            Ok(connection) => pumping = PumpTask::start(connection, core),
            Err(end) => return end,
        }
    }
}

/// Connects again, and resumes the session. If the connection was left without being broken (`is_broken`), this is not
/// visible to users.
async fn reconnect(
    core: &Arc<SessionCore>,
    mut cause: String,
    fruitless: usize,
    is_broken: bool,
    outage: &mut Outage,
) -> Result<Connection, SessionEnd> {
    let SessionOptions { address, retries, .. } = &core.options;
    let kept = {
        let identity = core.identity.lock();
        identity.directory.map(|_| identity.lease)
    };
    let retries = Retries::to_reconnect(address, retries, outage, fruitless, kept);
    let before = |attempt| {
        if is_broken || attempt > 1 {
            core.set_state(SessionState::Reconnecting);
        }
    };
    let failed = |attempt, error: &Error| {
        tracing::debug!("reconnecting to {}: {error}", core.options.address);
        if attempt == 1 {
            cause = format!("{cause}; then: {error}");
        }
    };
    match open_with_retries(core, retries, || Some(resume_of(core)), before, failed).await {
        // Connections that were of no use count as attempts.
        Ok((opened, attempts)) => resume(core, opened, &cause, fruitless + attempts, is_broken || attempts > 1),
        Err(GaveUp::Closing) => Err(SessionEnd::Closed),
        Err(GaveUp::Final(error @ (Error::OtherHistory { .. } | Error::HistoryLost { .. }))) => {
            Err(SessionEnd::Lost(error))
        }
        Err(GaveUp::Final(error)) => Err(SessionEnd::Failed(error, cause)),
        Err(GaveUp::Exhausted { last: Some(error @ Error::StillLoading { .. }), .. }) => {
            Err(SessionEnd::Failed(error, cause))
        }
        Err(GaveUp::Exhausted { attempts, .. }) => {
            let (address, attempts) = (core.options.address.clone(), fruitless + attempts);
            Err(SessionEnd::Failed(Error::Unreachable { address, attempts, cause: cause.clone() }, cause))
        }
    }
}

/// Decides what happens to the session's calls, by what the service says about the session.
fn resume(
    core: &Arc<SessionCore>,
    opened: Opened,
    cause: &str,
    attempts: usize,
    was_broken: bool,
) -> Result<Connection, SessionEnd> {
    let Opened { connection, mut identity, resumed, limits } = opened;
    let before = *core.identity.lock();
    let is_known = identity.run == before.run || identity.directory.is_some() && identity.directory == before.directory;
    let address = core.options.address.clone();
    let expired = match cause.starts_with(NONSENSE) {
        // The peer is probably not the service that the session was opened with.
        true => Error::Closed { address, cause: cause.to_owned() },
        false => Error::SessionExpired { address },
    };
    let unknown = Error::OutcomeUnknown { address: core.options.address.clone(), cause: cause.to_owned() };
    let (waiting, resumed) = match resumed {
        Resumed::Yes { begun } => {
            core.outbox.lock().resume(begun);
            (Vec::new(), true)
        }
        // The service started no operation of the old session, so a new one replaces it without loss.
        Resumed::Expired { begun: 0 } => (core.outbox.lock().begin_anew(limits), true),
        // The session ends, so that a caller that held a lock does not go on as if it still held it.
        Resumed::Expired { begun } => {
            let waiting = core.outbox.lock().expired(begun, &expired, &unknown);
            waiting.into_iter().for_each(wake);
            return Err(SessionEnd::Failed(expired, cause.to_owned()));
        }
        Resumed::New | Resumed::Unknown if is_known => {
            return Err(SessionEnd::Failed(expired, cause.to_owned()));
        }
        // The service was restarted, and what it knew about calls is lost.
        Resumed::New | Resumed::Unknown => (core.outbox.lock().restart(limits, &unknown), false),
    };
    if resumed {
        identity.seen = before.seen;
    }
    core.set_identity(identity);
    waiting.into_iter().for_each(wake);
    core.wakeup.raise();
    if was_broken || !resumed {
        core.notify_hook(Reconnected { resumed, attempts });
    }
    Ok(connection)
}

/// Opens a new session in place of one that has ended; `None` if that fails.
async fn open_anew(core: &Arc<SessionCore>) -> Option<Connection> {
    if !core.options.can_reconnect() {
        let reason = "a session over a stream cannot reconnect; open another one".to_owned();
        core.answer_reconnect_requests(|| Err(Error::Refused { reason: reason.clone() }));
        return None;
    }
    let SessionOptions { address, retries, .. } = &core.options;
    let mut outage = Outage::now();
    let retries = Retries::to_connect(address, retries, &mut outage);
    let error = match open_with_retries(core, retries, || None, |_| {}, |_, _| {}).await {
        Ok((opened, attempts)) => {
            core.set_identity(opened.identity);
            core.outbox.lock().reopen(opened.limits);
            core.notify_hook(Reconnected { resumed: false, attempts });
            return Some(opened.connection);
        }
        Err(GaveUp::Exhausted { attempts, last: Some(Error::Unreachable { address, cause, .. }) }) => {
            Error::Unreachable { address, attempts, cause }
        }
        Err(GaveUp::Final(error) | GaveUp::Exhausted { last: Some(error), .. }) => error,
        Err(GaveUp::Closing | GaveUp::Exhausted { last: None, .. }) => Error::Cancelled,
    };
    core.answer_reconnect_requests(|| Err(error.clone()));
    None
}

/// Why a session was neither opened nor resumed.
enum GaveUp {
    /// The session is about to end.
    Closing,
    /// Another attempt would fail in the same way.
    Final(Error),
    /// All attempts failed, the last one with this error.
    Exhausted { attempts: usize, last: Option<Error> },
}

/// Opens or resumes a session: makes attempts until one succeeds, its failure is final, or there are to be no more.
/// Also returns the number of attempts. Calls `before` with the number of each attempt, and `failed` with the number of
/// each failed one that may succeed later.
async fn open_with_retries(
    core: &Arc<SessionCore>,
    mut retries: Retries<'_>,
    resume: impl Fn() -> Option<Resume>,
    before: impl Fn(usize),
    mut failed: impl FnMut(usize, &Error),
) -> Result<(Opened, usize), GaveUp> {
    let (mut attempts, mut last) = (0, None);
    let mut next = retries.first();
    while let Some(pause) = next {
        attempts += 1;
        before(attempts);
        let attempt = async {
            tokio::time::sleep(pause).await;
            pump_task::open_session(core, resume()).await
        };
        match while_expiring(core, attempt).await {
            None => return Err(GaveUp::Closing),
            Some(Ok(opened)) => return Ok((opened, attempts)),
            Some(Err(OpenFailure { error, is_final: true })) => return Err(GaveUp::Final(error)),
            Some(Err(OpenFailure { error, .. })) => {
                failed(attempts, &error);
                next = retries.after(&error);
                last = Some(error);
            }
        }
    }
    Err(GaveUp::Exhausted { attempts, last })
}

/// Waits for `attempt`, and meanwhile times out overdue calls. Returns `None` if the session is about to end.
async fn while_expiring<T>(core: &SessionCore, attempt: impl Future<Output = T>) -> Option<T> {
    let mut attempt = std::pin::pin!(attempt);
    let mut deadline = DeadlineTimer::default();
    loop {
        if core.is_closing() {
            return None;
        }
        deadline.set(core.outbox.lock().next_deadline());
        tokio::select! {
            done = &mut attempt => return Some(done),
            () = poll_fn(|cx| deadline.poll(cx)) => core.expire(),
            // There may be new calls with earlier deadlines, or the session may be about to end.
            () = core.wakeup.seen() => {}
        }
    }
}

/// As [`say_goodbye`], over another connection, since the session has none.
async fn say_goodbye_elsewhere(core: &Arc<SessionCore>) {
    core.end_here();
    let opening = tokio::time::timeout(GOODBYE_TIME, pump_task::open_session(core, Some(resume_of(core))));
    // Otherwise there is no service, or the session no longer exists.
    if let Ok(Ok(Opened { connection, resumed: Resumed::Yes { .. }, .. })) = opening.await {
        say_goodbye(connection, core).await;
    }
}

fn resume_of(core: &SessionCore) -> Resume {
    let received_below = core.outbox.lock().received_below();
    core.identity.lock().resume(received_below)
}

fn closed(core: &SessionCore, cause: &str) -> Error {
    Error::Closed { address: core.options.address.clone(), cause: cause.to_owned() }
}
