//! Waiting in line, which the classes of `threading` and the queues are built on.
//!
//! A class keeps its state in a [`Monitor`], which is never locked during a wait. A caller that
//! must wait joins a [`Line`] in that state, and awaits a [`Wait`]. A caller that changes the state grants something to
//! the first in line. A wait that is dropped, because its caller has cancelled it or its session has ended, leaves the
//! line; if it was granted something at that moment, that is passed on.

use super::Patience;
use super::caller::Caller;
use super::monitor::{Monitor, Woken};
use crate::Exception;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, Waker};
use tarmem_remote::context::Context;
use tarmem_remote::object::Sessions;
use uuid::Uuid;

/// How many callers can wait in one line. Each holds a share of the object while it waits. There are 65,536 shares:
/// enough for the two lines that some classes have, and for the callers that end the waiting.
pub const WAITERS: usize = 30_000;

/// The callers that wait, in the order in which they came: each wants a `W`, and is granted a `G`.
///
/// When a service is started again, those that waited before are *ghosts*: they have their places, but nobody is there.
/// Each becomes a caller again when its session sends the call again, and leaves if that does not want the result any
/// more, or has ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "W: Serialize, G: Serialize", deserialize = "W: Deserialize<'de>, G: Deserialize<'de>"))]
pub(crate) struct Line<W, G> {
    last: u64,
    waiting: BTreeMap<u64, Place<W>>,
    /// Grants that have not been taken yet.
    granted: BTreeMap<u64, (Caller, G)>,
    /// The tickets of the calls of an earlier run that have not come again.
    #[serde(skip)]
    ghosts: BTreeMap<(Uuid, u64), u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Place<W> {
    caller: Caller,
    want: W,
    #[serde(skip)]
    waker: Option<Waker>,
}

impl<W, G> Default for Line<W, G> {
    fn default() -> Self {
        Line { last: 0, waiting: BTreeMap::new(), granted: BTreeMap::new(), ghosts: BTreeMap::new() }
    }
}

impl<W, G> Line<W, G> {
    /// Returns the number of callers that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins the end of the line, and returns the ticket.
    ///
    /// # Errors
    /// `RuntimeError` if [`WAITERS`] callers wait already.
    pub(crate) fn join(&mut self, caller: Caller, want: W) -> Result<u64, Exception> {
        if self.waiting.len() >= WAITERS {
            let message = format!("{WAITERS} callers wait for this already, which is the limit; try again later");
            return Err(Exception::RuntimeError(message));
        }
        Ok(self.join_again(caller, want))
    }

    /// As [`join`](Self::join), for a caller that has already been counted in another line.
    pub(crate) fn join_again(&mut self, caller: Caller, want: W) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, Place { caller, want, waker: None });
        self.last
    }

    /// Grants something to the first in line. Returns false if nobody waits.
    pub(crate) fn grant_first(&mut self, woken: &mut Woken, grant: impl FnOnce(W) -> G) -> bool {
        let Some((ticket, Place { caller, want, waker })) = self.waiting.pop_first() else { return false };
        self.granted.insert(ticket, (caller, grant(want)));
        woken.0.extend(waker);
        true
    }

    /// Grants something to every caller that waits.
    pub(crate) fn grant_all(&mut self, woken: &mut Woken, grant: impl Fn(W) -> G) {
        while self.grant_first(woken, &grant) {}
    }

    /// Whether something was granted.
    fn is_granted(&self, ticket: u64) -> bool {
        self.granted.contains_key(&ticket)
    }

    fn take(&mut self, ticket: u64) -> Option<G> {
        self.granted.remove(&ticket).map(|(_, granted)| granted)
    }

    /// Registers the waker. One that is no longer needed is returned, since dropping it may run other code.
    fn register(&mut self, ticket: u64, waker: &Waker) -> Option<Waker> {
        match self.waiting.get_mut(&ticket).map(|place| &mut place.waker) {
            Some(Some(known)) if known.will_wake(waker) => None,
            Some(known) => known.replace(waker.clone()),
            None => None,
        }
    }

    /// All that are here are of an earlier run.
    fn haunt(&mut self) {
        let waiting = self.waiting.iter().map(|(ticket, place)| (place.caller.call(), *ticket));
        let granted = self.granted.iter().map(|(ticket, (caller, _))| (caller.call(), *ticket));
        self.ghosts = waiting.chain(granted).collect();
    }

    /// The place that the call had in an earlier run: its ticket, and since when it has waited.
    pub(crate) fn adopt(&mut self, caller: Caller) -> Option<(u64, u64)> {
        if self.ghosts.is_empty() {
            return None;
        }
        let ticket = self.ghosts.remove(&caller.call())?;
        let waiting = self.waiting.get(&ticket).map(|place| place.caller);
        let known = waiting.or_else(|| self.granted.get(&ticket).map(|(caller, _)| *caller))?;
        Some((ticket, known.since))
    }
}

/// A way to wait for a state: which line to join, and what happens when a caller leaves it.
pub(crate) trait Door: 'static {
    type State: Send + 'static;
    type Want: Send + 'static;
    /// What a caller in the line is granted.
    type Admission: Send + 'static;

    fn line(state: &mut Self::State) -> &mut Line<Self::Want, Self::Admission>;

    /// Called when a caller has left without being granted anything.
    fn left(_state: &mut Self::State, _woken: &mut Woken) {}

    /// Called when a caller has left that was granted this at the same moment.
    fn pass_on(state: &mut Self::State, grant: Self::Admission, woken: &mut Woken);
}

/// The result of trying to go on without waiting.
pub(crate) enum Attempt<D: Door> {
    Granted(D::Admission),
    Wait(D::Want),
}

/// Tries to go on at once, and waits in line if that fails, until `patience` runs out. Returns `None` then.
pub(crate) async fn enter<D: Door>(
    ctx: &Context,
    monitor: &Arc<Monitor<D::State>>,
    patience: Patience,
    attempt: impl FnOnce(&mut D::State, &mut Woken) -> Result<Attempt<D>, Exception>,
) -> Result<Option<D::Admission>, Exception> {
    let caller = monitor.caller(ctx);
    let mut patience = patience;
    let ticket = monitor.with(|state, woken| {
        if let Some((ticket, since)) = D::line(state).adopt(caller) {
            patience = patience.after(caller.waited(since));
            return Ok(Ok(ticket));
        }
        match attempt(state, woken)? {
            Attempt::Granted(granted) => Ok(Err(Some(granted))),
            Attempt::Wait(_) if patience == Patience::None => Ok(Err(None)),
            Attempt::Wait(want) => D::line(state).join(caller, want).map(Ok),
        }
    })?;
    match ticket {
        Ok(ticket) => Ok(Wait::<D>::new(ctx, monitor, ticket).patiently(patience).await),
        Err(at_once) => Ok(at_once),
    }
}

/// A caller's place in a line, which it leaves when this is dropped.
pub(crate) struct Wait<D: Door> {
    monitor: Arc<Monitor<D::State>>,
    /// `None` once it has been granted.
    ticket: Option<u64>,
}

// Nothing in it is ever pinned.
impl<D: Door> Unpin for Wait<D> {}

impl<D: Door> Wait<D> {
    /// Makes the wait of a caller that has joined the line.
    pub(crate) fn new(ctx: &Context, monitor: &Arc<Monitor<D::State>>, ticket: u64) -> Self {
        ctx.waits();
        Wait { monitor: Arc::clone(monitor), ticket: Some(ticket) }
    }

    /// Returns what is granted before `patience` runs out.
    pub(crate) async fn patiently(mut self, patience: Patience) -> Option<D::Admission> {
        match patience {
            Patience::None => self.leave(),
            Patience::Forever => Some((&mut self).await),
            Patience::For(time) => {
                // On the heap, since most waits have no timer and should be small.
                let timed = Box::pin(tokio::time::timeout(time, &mut self)).await;
                // The grant may have come at the last moment.
                timed.ok().or_else(|| self.leave())
            }
        }
    }

    /// Leaves the line. Returns what was granted, if anything was.
    fn leave(&mut self) -> Option<D::Admission> {
        let ticket = self.ticket.take()?;
        let (granted, place) = self.monitor.with(|state, woken| {
            let line = D::line(state);
            let (granted, place) = (line.take(ticket), line.waiting.remove(&ticket));
            if place.is_some() {
                D::left(state, woken);
            }
            (granted, place)
        });
        drop(place);
        granted
    }
}

impl<D: Door> Future for Wait<D> {
    type Output = D::Admission;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<D::Admission> {
        let Some(ticket) = self.ticket else { return Poll::Pending };
        // Only a grant that is taken changes anything that is kept.
        let waits = self.monitor.look(|state| {
            let line = D::line(state);
            if line.is_granted(ticket) { Err(()) } else { Ok(line.register(ticket, cx.waker())) }
        });
        if let Ok(_replaced) = waits {
            return Poll::Pending;
        }
        match self.monitor.with(|state, _| D::line(state).take(ticket)) {
            Some(granted) => {
                self.ticket = None;
                Poll::Ready(granted)
            }
            None => Poll::Pending,
        }
    }
}

impl<D: Door> Drop for Wait<D> {
    fn drop(&mut self) {
        // The grant raced with the cancellation, so nobody is there to use it.
        if let Some(granted) = self.leave() {
            self.monitor.with(|state, woken| D::pass_on(state, granted, woken));
        }
    }
}

/// The callers that waited in an earlier run are there as ghosts from now on.
pub(crate) fn haunt<D: Door>(monitor: &Arc<Monitor<D::State>>, sessions: &mut dyn Sessions) {
    let ghosts = monitor.look(|state| {
        let line = D::line(state);
        line.haunt();
        line.ghosts.clone()
    });
    for ((session, sequence), ticket) in ghosts {
        let monitor = Arc::clone(monitor);
        let leave = move || monitor.with(|state, woken| exorcise::<D>(state, (session, sequence), ticket, woken));
        sessions.undo_unless_received(session, sequence, Box::new(leave));
    }
}

/// A ghost leaves, unless its call has come again.
fn exorcise<D: Door>(state: &mut D::State, call: (Uuid, u64), ticket: u64, woken: &mut Woken) {
    let line = D::line(state);
    if line.ghosts.get(&call) != Some(&ticket) {
        return;
    }
    line.ghosts.remove(&call);
    match (line.waiting.remove(&ticket), line.take(ticket)) {
        (Some(_), _) => D::left(state, woken),
        (None, Some(granted)) => D::pass_on(state, granted, woken),
        (None, None) => {}
    }
}
