//! Every kind of call in every state of its connection has the right outcome, and the session works afterwards.

use super::support::detour::Detour;
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::stream::{self, StreamExt};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{Lock, LockProxy};
use tarmem::{CallError, Error, Limits, RunningService, Service, Session, SessionState};
use tarmem_test_models::{Account, AccountProxy};

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It must not be repeated, and takes a while.
    Plain,
    /// It changes nothing, so it may be repeated.
    Reader,
    /// Its caller marks it as idempotent.
    Idempotent,
    Memoize,
    /// Several calls, sent together.
    Pipeline,
    /// It is detached.
    Detached,
    /// It is detached, and waits for its object.
    DetachedWait,
    /// Its future is dropped at once.
    Cancelled,
    /// Its future is dropped while it waits.
    CancelledWait,
    /// It waits for a lock.
    Parked,
    /// A guard is dropped.
    Guard,
    /// A guard is released, and the future of that is dropped.
    Forgotten,
    /// It times out before it ends.
    TimedOut,
    /// The last proxy of an unnamed object is dropped.
    Handle,
}

const KINDS: [Kind; 14] = [
    Kind::Plain,
    Kind::Reader,
    Kind::Idempotent,
    Kind::Memoize,
    Kind::Pipeline,
    Kind::Detached,
    Kind::DetachedWait,
    Kind::Cancelled,
    Kind::CancelledWait,
    Kind::Parked,
    Kind::Guard,
    Kind::Forgotten,
    Kind::TimedOut,
    Kind::Handle,
];

/// What happens to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    /// It is reset, and the session resumes at once.
    Cut,
    /// There is no service for a while, and then the session resumes.
    Down,
    /// The service is killed, and another one is started.
    Killed,
    /// The service shuts down, and another one is started.
    ShutDown,
    /// The session expires without a connection.
    Expired,
    /// The client closes the session.
    Closed,
    /// The client gives up.
    Ended,
}

const STATES: [State; 8] =
    [State::Up, State::Cut, State::Down, State::Killed, State::ShutDown, State::Expired, State::Closed, State::Ended];

/// When the call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It has arrived at the service before the connection enters its state.
    Before,
    /// It is made in that state.
    During,
}

/// The outcome of a call, as its caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Done,
    Late,
    Unknown,
    Expired,
    Closed,
    Unreachable,
    Other(String),
}

impl From<Error> for Heard {
    fn from(error: Error) -> Self {
        match error {
            Error::DeadlineExceeded { .. } => Heard::Late,
            Error::OutcomeUnknown { .. } => Heard::Unknown,
            Error::SessionExpired { .. } => Heard::Expired,
            Error::Closed { .. } => Heard::Closed,
            Error::Unreachable { .. } => Heard::Unreachable,
            other => Heard::Other(other.to_string()),
        }
    }
}

impl<E: std::fmt::Display> From<CallError<E>> for Heard {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Method(error) => Heard::Other(error.to_string()),
            CallError::Failed(error) => error.into(),
        }
    }
}

fn heard<T, E: Into<Heard>>(result: Result<T, E>) -> Heard {
    result.map_or_else(Into::into, |_| Heard::Done)
}

/// The outcomes that are allowed for such a call.
fn allowed(kind: Kind, state: State, moment: Moment) -> Vec<Heard> {
    // A call that waits for a lock or an item has no effect before it ends, and its effect ends with its service.
    let once = matches!(kind, Kind::Plain | Kind::Pipeline);
    let end = match state {
        State::Expired => Some(Heard::Expired),
        State::Closed => Some(Heard::Closed),
        State::Ended => Some(Heard::Unreachable),
        _ => None,
    };
    let done = if kind == Kind::TimedOut { Heard::Late } else { Heard::Done };
    match (moment, end) {
        // A call that has not been sent is sent if there is a service.
        (Moment::During, None) => vec![done],
        (Moment::During, Some(end)) => match kind {
            Kind::TimedOut => vec![end, done],
            _ => vec![end],
        },
        // A call that had been sent may have ended before.
        (Moment::Before, None) if state == State::Killed && once => vec![Heard::Unknown, done],
        (Moment::Before, None) => vec![done],
        (Moment::Before, Some(end)) => vec![if once { Heard::Unknown } else { end }, done],
    }
}

/// How many calls a session may have in flight. There are few, so that a call that is over and still counted is
/// noticed.
const IN_FLIGHT: usize = 8;

/// How long a slow call takes, in milliseconds.
const SLOW: u64 = 150;

struct World {
    state: State,
    detour: Detour,
    service: Option<RunningService>,
    session: Session,
    /// Holds the object that a parked call waits for.
    blocker: Option<tarmem::modules::threading::Guard<tarmem::modules::threading::LockProxy>>,
    guard: Option<tarmem::modules::threading::Guard<tarmem::modules::threading::LockProxy>>,
    unnamed: Option<AccountProxy>,
}

async fn service(state: State) -> RunningService {
    let mut limits = Limits::default();
    limits.calls_in_flight = IN_FLIGHT;
    if state == State::Expired {
        limits.lease = Duration::from_millis(600);
    }
    let service = Service::new("127.0.0.1", 0).limits(limits).workers(1).start().await.expect("starts");
    let session = service.session();
    for key in ["once", "read", "twice", "many", "held", "after"] {
        session.memoize(key, AccountProxy::open(10)).await.expect("made");
    }
    for key in ["lock", "mine"] {
        session.memoize(key, LockProxy::new()).await.expect("made");
    }
    session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    service
}

impl World {
    async fn new(kind: Kind, state: State) -> Self {
        let service = service(state).await;
        let detour = Detour::to(service.local_addr().expect("TCP")).await;
        let session = Session::builder(detour.address.to_string())
            .retry_delay(Duration::from_millis(10))
            .max_retry(if state == State::Ended { 1 } else { 10_000 })
            .call_timeout(Some(Duration::from_secs(20)))
            .connect()
            .await
            .expect("connects");
        let mut world =
            World { state, detour, service: Some(service), session, blocker: None, guard: None, unnamed: None };
        match kind {
            Kind::Parked => {
                let lock = world.service.as_ref().expect("it runs").session().proxy::<Lock>("lock");
                world.blocker = Some(lock.acquire().await.expect("free"));
            }
            Kind::Guard | Kind::Forgotten => {
                world.guard = Some(world.session.proxy::<Lock>("mine").acquire().await.expect("free"));
            }
            _ => {}
        }
        world.unnamed = Some(world.session.create(AccountProxy::open(1)).await.expect("made"));
        world
    }

    /// Makes the call. Its outcome comes later.
    async fn make(&mut self, kind: Kind) -> Vec<BoxFuture<'static, Heard>> {
        let session = self.session.clone();
        let account = |key: &str| session.proxy::<Account>(key);
        match kind {
            Kind::Plain => {
                let call = account("once").deposit_slowly(1, SLOW).send().await;
                vec![call.map(heard).boxed()]
            }
            Kind::Reader => {
                let call = account("read").balance_slowly(SLOW).send().await;
                vec![call.map(heard).boxed()]
            }
            Kind::Idempotent => {
                let call = account("twice").deposit_slowly(1, SLOW).idempotent().send().await;
                vec![call.map(heard).boxed()]
            }
            Kind::Memoize => {
                let making = async move { heard(session.memoize("made", AccountProxy::open(1)).await) };
                vec![begun(making)]
            }
            Kind::Pipeline => {
                let many = account("many");
                let calls = [many.deposit(1), many.deposit_slowly(1, SLOW), many.deposit(1)];
                let outcome = async move {
                    let results = session.pipeline(calls).await;
                    // The outcomes may differ; this takes the worst one.
                    let mut outcomes: Vec<Heard> = results.into_iter().map(heard).collect();
                    outcomes.sort_by_key(|outcome| *outcome == Heard::Done);
                    outcomes.swap_remove(0)
                };
                vec![begun(outcome)]
            }
            Kind::Detached => {
                account("once").deposit(1).detach();
                vec![]
            }
            Kind::DetachedWait => {
                account("held").deposit_slowly(1, SLOW).detach();
                account("held").deposit(1).detach();
                vec![]
            }
            Kind::Cancelled => {
                drop(account("once").deposit_slowly(1, SLOW).send().await);
                vec![]
            }
            Kind::CancelledWait => {
                drop(session.proxy::<Queue>("queue").get::<i64>().send().await);
                vec![]
            }
            Kind::Parked => {
                let lock = session.proxy::<Lock>("lock");
                vec![begun(async move { heard(lock.acquire().await) })]
            }
            Kind::Guard => {
                drop(self.guard.take());
                vec![]
            }
            Kind::Forgotten => {
                let guard = self.guard.take().expect("it is held");
                drop(begun(async move { heard(guard.release().await) }));
                vec![]
            }
            Kind::TimedOut => {
                let wait = session.proxy::<Queue>("queue").get::<i64>().timeout(Duration::from_millis(40));
                let wait = wait.send().await;
                vec![wait.map(heard).boxed()]
            }
            Kind::Handle => {
                drop(self.unnamed.take());
                vec![]
            }
        }
    }

    fn service(&self) -> &RunningService {
        self.service.as_ref().expect("it runs")
    }

    /// Gets the connection into its state.
    async fn enter(&mut self) {
        match self.state {
            State::Up => {}
            State::Cut => self.detour.cut(),
            State::Down => self.lose().await,
            State::Killed => {
                self.lose().await;
                self.service = None;
                self.service = Some(service(self.state).await);
            }
            State::ShutDown => {
                let first = self.service.take().expect("it runs");
                first.shutdown().await;
                self.session.wait_for(SessionState::Reconnecting).await;
                self.service = Some(service(self.state).await);
            }
            State::Expired => {
                let objects = self.service().object_count();
                let others = usize::from(self.unnamed.is_some());
                self.lose().await;
                // The handles of the session are lost.
                while others > 0 && self.service().object_count() + others > objects {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                if others == 0 {
                    tokio::time::sleep(Duration::from_millis(1500)).await;
                }
            }
            State::Closed => self.session.close().await,
            State::Ended => {
                self.detour.close();
                self.session.wait_for(SessionState::Closed).await;
            }
        }
    }

    async fn lose(&self) {
        self.detour.close();
        self.session.wait_for(SessionState::Reconnecting).await;
    }

    /// Makes a service reachable again.
    async fn leave(&mut self) {
        match self.state {
            State::Up | State::Cut | State::Closed => {}
            _ => self.detour.lead_to(self.service().local_addr().expect("TCP")),
        }
        if self.state == State::Expired {
            self.session.wait_for(SessionState::Closed).await;
        }
    }

    async fn goes_on(&self) -> Result<(), String> {
        if matches!(self.state, State::Expired | State::Closed | State::Ended) {
            self.session.reconnect().await.map_err(|e| format!("does not reconnect: {e}"))?;
        }
        let session = &self.session;
        let works = |e: Error| format!("the session does not go on: {e}");
        // These calls come after all earlier ones, which may take a while.
        for key in ["once", "held", "many"] {
            session.proxy::<Account>(key).deposit(0).await.map_err(works)?;
        }
        let before = session.proxy::<Account>("after").balance().await.map_err(works)?;
        let after = session.proxy::<Account>("after").deposit(1).await.map_err(works)?;
        assert_eq!(after, before + 1);
        // The full number of calls can be in flight.
        let queue = session.memoize("room", QueueProxy::new(None)).await.map_err(works)?;
        let waits = async {
            let mut waits = Vec::new();
            for _ in 0..IN_FLIGHT {
                waits.push(queue.get::<i64>().send().await);
            }
            waits
        };
        let waits = tokio::time::timeout(Duration::from_secs(10), waits).await;
        let waits = waits.map_err(|_| "calls are counted that are not in flight".to_owned())?;
        let local = self.service().session().proxy::<Queue>("room");
        for item in 0..IN_FLIGHT {
            local.put(item as i64).await.map_err(|e| e.to_string())?;
        }
        for result in join_all(waits).await {
            result.map_err(|e| format!("no room: {e}"))?;
        }
        Ok(())
    }
}

/// Polls a future for the first time, so that its call is on its way.
fn begun(future: impl Future<Output = Heard> + Send + 'static) -> BoxFuture<'static, Heard> {
    let mut future = future.boxed();
    match future.as_mut().now_or_never() {
        Some(outcome) => async move { outcome }.boxed(),
        None => future,
    }
}

async fn cell(kind: Kind, state: State, moment: Moment) -> Result<(), String> {
    let mut world = World::new(kind, state).await;
    let mut outcomes = Vec::new();
    if moment == Moment::Before {
        outcomes = world.make(kind).await;
        // Calls are served in order, so the earlier ones have arrived.
        world.session.is_memoized("x").await.map_err(|e| e.to_string())?;
    }
    world.enter().await;
    if moment == Moment::During {
        outcomes = world.make(kind).await;
    }
    world.leave().await;
    if let Some(blocker) = world.blocker.take() {
        // The object is lost with its service.
        let _ = blocker.release().await;
    }
    let allowed = allowed(kind, state, moment);
    for outcome in join_all(outcomes).await {
        if !allowed.contains(&outcome) {
            return Err(format!("{outcome:?}, and not one of {allowed:?}"));
        }
    }
    world.goes_on().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_works_after_any_call_in_any_state_of_its_connection() {
    let mut cells = Vec::new();
    for kind in KINDS {
        for state in STATES {
            for moment in [Moment::Before, Moment::During] {
                cells.push((kind, state, moment));
            }
        }
    }
    let results = stream::iter(cells.clone()).map(|(kind, state, moment)| async move {
        let cell = AssertUnwindSafe(tokio::time::timeout(Duration::from_secs(25), cell(kind, state, moment)));
        let result = match cell.catch_unwind().await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err("it hangs".to_owned()),
            Err(_) => Err("it panics".to_owned()),
        };
        result.map_err(|why| format!("{kind:?}, {state:?}, {moment:?}: {why}"))
    });
    let failed: Vec<String> = results.buffer_unordered(16).filter_map(|result| async { result.err() }).collect().await;
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), cells.len(), failed.join("\n"));
}
