//! A session's life: connected, reconnecting, closed; and connected again, if somebody asks for it.

use super::carry::{End, Expiry, NONSENSE};
use super::connection::{Ending, Shared};
use super::home::Carrying;
use super::link::{Link, NoEntry, Opened};
use super::signal::wake;
use super::{Reconnected, SessionState};
use crate::wire::WireRequest;
use crate::wire::handshake::{Resume, Resumed};
use backon::BackoffBuilder;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tarmem_remote::error::Error;

/// How long the service may take to answer the last that is sent.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// After so long a connection that carried no calls was of use, although nothing came: there was nothing to come.
const QUIET: Duration = Duration::from_millis(100);

/// Why a session does not go on.
enum Over {
    /// It was closed here.
    Closed,
    /// It cannot go on: new calls get this error, and of those that were sent nobody knows, for this cause.
    Failed(Error, String),
}

/// Lives until nobody uses the session any more.
pub(super) async fn live(carrying: Carrying, shared: Arc<Shared>, ending: Ending) {
    let mut carrying = Some(carrying);
    loop {
        if let Some(carrying) = carrying.take() {
            match stay(carrying, &shared).await {
                Over::Closed => {}
                Over::Failed(error, cause) => shared.end(error, &cause, false),
            }
        }
        shared.set_state(SessionState::Closed);
        while !shared.unused.load(Ordering::Acquire) && !shared.is_wanted() {
            shared.work.seen().await;
        }
        if shared.unused.load(Ordering::Acquire) {
            break;
        }
        carrying = revive(&shared).await.map(|link| shared.home.start(link, &shared));
    }
    drop(ending);
}

/// Stays connected, by one connection after the other.
async fn stay(mut carrying: Carrying, shared: &Arc<Shared>) -> Over {
    let mut fruitless = 0;
    loop {
        shared.set_state(SessionState::Connected);
        shared.answer_revivals(|| Ok(()));
        let (received, begun) = (shared.outbox.lock().count_received(), Instant::now());
        let (end, is_used) = shared.home.carry(carrying, shared).await;
        let (cause, in_order, is_broken) = match end {
            End::Closed => return Over::Closed,
            End::ShutDown => ("the service has shut down".to_owned(), true, true),
            End::Broken(cause) => (cause, false, true),
            End::Left(_) if shared.is_closing() => {
                part_elsewhere(shared).await;
                return Over::Closed;
            }
            End::Left(reason) => (reason.to_owned(), false, false),
        };
        // What has arrived is handed out, whoever carries the rest.
        let mut woken = Vec::new();
        while let Ok(true) = shared.deliver(usize::MAX, &mut woken) {}
        // One on which nothing came is no better than none: what is sent may be what breaks it.
        let was_quiet = !is_used && begun.elapsed() >= QUIET;
        let of_use = in_order || !is_broken || was_quiet || shared.outbox.lock().count_received() > received;
        if !shared.options.can_come_back() {
            return Over::Failed(closed(shared, &cause), cause);
        }
        fruitless = match of_use {
            // It takes a moment to be started again.
            true if in_order => 1,
            true => 0,
            false => fruitless + 1,
        };
        match come_back(shared, cause, fruitless, is_broken).await {
            Ok(link) => carrying = shared.home.start(link, shared),
            Err(over) => return over,
        }
    }
}

/// Connects again, and resumes the session. Unless its connection `is_broken` nobody is to notice.
async fn come_back(
    shared: &Arc<Shared>,
    mut cause: String,
    fruitless: usize,
    mut is_broken: bool,
) -> Result<Link, Over> {
    let options = &shared.options;
    let mut pauses = options.backoff_of_return().build().skip(fruitless.saturating_sub(1));
    // The first attempt after a connection that was of use is made at once.
    let mut pause = if fruitless == 0 { Some(Duration::ZERO) } else { pauses.next() };
    // Connections that came to nothing were attempts, too.
    let mut attempts = fruitless;
    while let Some(wait) = pause {
        attempts += 1;
        if is_broken {
            shared.set_state(SessionState::Reconnecting);
        }
        let attempt = async {
            tokio::time::sleep(wait).await;
            shared.home.open(shared, Some(resume_of(shared))).await
        };
        match while_expiring(shared, attempt).await {
            None => return Err(Over::Closed),
            Some(Ok(opened)) => return resume(shared, opened, &cause, attempts, is_broken),
            Some(Err(NoEntry { error, is_final: true })) => return Err(Over::Failed(error, cause)),
            Some(Err(NoEntry { error, .. })) => {
                tracing::debug!("reconnecting to {}: {error}", options.address);
                if attempts == fruitless + 1 {
                    cause = format!("{cause}; then: {error}");
                }
            }
        }
        (pause, is_broken) = (pauses.next(), true);
    }
    let address = options.address.clone();
    Err(Over::Failed(Error::Unreachable { address, attempts, cause: cause.clone() }, cause))
}

/// What the service says of the session decides what becomes of its calls.
fn resume(shared: &Arc<Shared>, opened: Opened, cause: &str, attempts: usize, was_broken: bool) -> Result<Link, Over> {
    let Opened { link, identity, resumed, bounds } = opened;
    let before = *shared.identity.lock();
    let address = shared.options.address.clone();
    let expired = match cause.starts_with(NONSENSE) {
        // What is there is hardly the service that the session was opened with.
        true => Error::Closed { address, cause: cause.to_owned() },
        false => Error::SessionExpired { address },
    };
    let unknown = Error::OutcomeUnknown { address: shared.options.address.clone(), cause: cause.to_owned() };
    let (waiting, resumed) = match resumed {
        Resumed::Yes { begun } => {
            shared.outbox.lock().resume(begun);
            (Vec::new(), true)
        }
        // It was left before anything was begun in it: a new one is as good.
        Resumed::Expired { begun: 0 } => (shared.outbox.lock().begin_anew(bounds), true),
        // Whoever holds a lock must not go on as if it still did.
        Resumed::Expired { begun } => {
            let waiting = shared.outbox.lock().expired(begun, &expired, &unknown);
            waiting.into_iter().for_each(wake);
            return Err(Over::Failed(expired, cause.to_owned()));
        }
        Resumed::New | Resumed::Unknown if identity.service == before.service => {
            return Err(Over::Failed(expired, cause.to_owned()));
        }
        // The service was started again: what it had is gone, and so is what it knew of the calls.
        Resumed::New | Resumed::Unknown => (shared.outbox.lock().restart(bounds, &unknown), false),
    };
    shared.identify(identity);
    waiting.into_iter().for_each(wake);
    shared.work.raise();
    if was_broken || !resumed {
        shared.tell(Reconnected { resumed, attempts });
    }
    Ok(link)
}

/// A new session in place of one that has ended; `None` if there can be none.
async fn revive(shared: &Arc<Shared>) -> Option<Link> {
    let options = &shared.options;
    if !options.can_come_back() {
        let reason = "it was made over a stream of its user's; make another one".to_owned();
        shared.answer_revivals(|| Err(Error::Refused { reason: reason.clone() }));
        return None;
    }
    let mut pauses = options.backoff().build();
    let (mut attempts, mut pause) = (0, Duration::ZERO);
    loop {
        attempts += 1;
        let attempt = async {
            tokio::time::sleep(pause).await;
            shared.home.open(shared, None).await
        };
        let error = match while_expiring(shared, attempt).await {
            None => Error::Cancelled,
            Some(Ok(opened)) => {
                shared.identify(opened.identity);
                shared.outbox.lock().reopen(opened.bounds);
                shared.tell(Reconnected { resumed: false, attempts });
                return Some(opened.link);
            }
            Some(Err(NoEntry { error, is_final })) => {
                if !is_final && let Some(next) = pauses.next() {
                    pause = next;
                    continue;
                }
                match error {
                    Error::Unreachable { address, cause, .. } => Error::Unreachable { address, attempts, cause },
                    other => other,
                }
            }
        };
        shared.answer_revivals(|| Err(error.clone()));
        return None;
    }
}

/// Calls whose time is up are told so while `attempt` goes on; `None` if the session is to end.
async fn while_expiring<T>(shared: &Shared, attempt: impl Future<Output = T>) -> Option<T> {
    let mut attempt = std::pin::pin!(attempt);
    let mut expiry = Expiry::default();
    loop {
        if shared.is_closing() {
            return None;
        }
        expiry.set(shared.outbox.lock().next_deadline());
        tokio::select! {
            done = &mut attempt => return Some(done),
            () = poll_fn(|cx| expiry.poll(cx)) => shared.expire(),
            // New calls have deadlines of their own; or it is to end.
            () = shared.work.seen() => {}
        }
    }
}

/// Says the last that there is to say, and hangs up in order.
pub(super) async fn part(mut link: Link, shared: &Shared) {
    let farewell = shared.outbox.lock().take_farewell();
    if let Some(batch) = farewell {
        // The session's end would give all of this up, too, but others would be told that it had vanished.
        let _ = tokio::time::timeout(FAREWELL_TIME, link.ask(WireRequest::Submit { batch })).await;
    }
    let _ = tokio::time::timeout(FAREWELL_TIME, link.close()).await;
}

/// As [`part`], where the connection was left: over another one, if one can be had.
async fn part_elsewhere(shared: &Arc<Shared>) {
    shared.end_here();
    let opening = tokio::time::timeout(FAREWELL_TIME, shared.home.open(shared, Some(resume_of(shared))));
    // Or there is no such session any more, or no service.
    if let Ok(Ok(Opened { link, resumed: Resumed::Yes { .. }, .. })) = opening.await {
        part(link, shared).await;
    }
}

fn resume_of(shared: &Shared) -> Resume {
    let (identity, received_below) = (*shared.identity.lock(), shared.outbox.lock().received_below());
    Resume { session: identity.session, secret: identity.secret, received_below }
}

fn closed(shared: &Shared, cause: &str) -> Error {
    Error::Closed { address: shared.options.address.clone(), cause: cause.to_owned() }
}
