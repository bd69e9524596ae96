//! Waiting in line, which the classes of `threading` and the queues are built on.
//!
//! A class keeps its state in a [`Monitor`]: a mutex that is held only briefly, and never during a wait. A caller that
//! must wait joins a [`Line`] in that state, and awaits a [`Wait`]. A caller that changes the state grants something to
//! the first in line. A wait that is dropped, because its caller has cancelled it or its session has ended, leaves the
//! line; if it was granted something at that moment, that is passed on.

use super::Patience;
use crate::Exception;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};
use tarmem_remote::context::{Context, SessionEnded};

/// How many callers can wait in one line. Each holds a share of the object while it waits. There are 65,536 shares:
/// enough for the two lines that some classes have, and for the callers that end the waiting.
pub const WAITERS: usize = 30_000;

/// A state that many callers change, each of them briefly.
#[derive(Debug)]
pub(crate) struct Monitor<S> {
    state: Mutex<S>,
}

/// The wakers to call once the monitor is unlocked, since waking runs other code.
#[derive(Default)]
pub(crate) struct Woken(Vec<Waker>);

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Arc<Self> {
        Arc::new(Monitor { state: Mutex::new(state) })
    }

    /// Calls `change` with the state locked, then wakes the callers that it named.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut S, &mut Woken) -> R) -> R {
        let mut woken = Woken::default();
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), &mut woken);
        woken.0.into_iter().for_each(Waker::wake);
        result
    }
}

/// The callers that wait, in the order in which they came: each wants a `W`, and is granted a `G`.
#[derive(Debug)]
pub(crate) struct Line<W, G> {
    last: u64,
    waiting: BTreeMap<u64, (W, Option<Waker>)>,
    /// Grants that have not been taken yet.
    granted: BTreeMap<u64, G>,
}

impl<W, G> Default for Line<W, G> {
    fn default() -> Self {
        Line { last: 0, waiting: BTreeMap::new(), granted: BTreeMap::new() }
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
    pub(crate) fn join(&mut self, want: W) -> Result<u64, Exception> {
        if self.waiting.len() >= WAITERS {
            let message = format!("{WAITERS} callers wait for this already, which is the limit; try again later");
            return Err(Exception::RuntimeError(message));
        }
        Ok(self.join_again(want))
    }

    /// As [`join`](Self::join), for a caller that has already been counted in another line.
    pub(crate) fn join_again(&mut self, want: W) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, (want, None));
        self.last
    }

    /// Grants something to the first in line. Returns false if nobody waits.
    pub(crate) fn grant_first(&mut self, woken: &mut Woken, grant: impl FnOnce(W) -> G) -> bool {
        let Some((ticket, (want, waker))) = self.waiting.pop_first() else { return false };
        self.granted.insert(ticket, grant(want));
        woken.0.extend(waker);
        true
    }

    /// Grants something to every caller that waits.
    pub(crate) fn grant_all(&mut self, woken: &mut Woken, grant: impl Fn(W) -> G) {
        while self.grant_first(woken, &grant) {}
    }

    /// Returns what was granted, or registers the waker if nothing was. A waker that is no longer needed is returned,
    /// since dropping it may run other code.
    fn poll(&mut self, ticket: u64, waker: &Waker) -> Result<G, Option<Waker>> {
        if let Some(granted) = self.granted.remove(&ticket) {
            return Ok(granted);
        }
        Err(match self.waiting.get_mut(&ticket) {
            Some((_, Some(known))) if known.will_wake(waker) => None,
            Some((_, known)) => known.replace(waker.clone()),
            None => None,
        })
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
    let ticket = monitor.with(|state, woken| match attempt(state, woken)? {
        Attempt::Granted(granted) => Ok(Err(Some(granted))),
        Attempt::Wait(_) if patience == Patience::None => Ok(Err(None)),
        Attempt::Wait(want) => D::line(state).join(want).map(Ok),
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
            let (granted, place) = (line.granted.remove(&ticket), line.waiting.remove(&ticket));
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
        match self.monitor.with(|state, _| D::line(state).poll(ticket, cx.waker())) {
            Ok(granted) => {
                self.ticket = None;
                Poll::Ready(granted)
            }
            Err(_replaced) => Poll::Pending,
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

/// Hands over something that must be given up when the caller's session ends. `take_back` runs if it does not reach the
/// caller.
///
/// # Errors
/// `RuntimeError` if the session has ended already; it has been taken back then.
pub(crate) fn deliver<S: Send + 'static>(
    ctx: &Context,
    monitor: &Arc<Monitor<S>>,
    take_back: impl FnOnce(&mut S, &mut Woken) + Send + 'static,
) -> Result<(), Exception>
where
    Monitor<S>: SessionEnded,
{
    if ctx.on_session_end(monitor).is_err() {
        monitor.with(take_back);
        return Err(Exception::RuntimeError("the session has ended".to_owned()));
    }
    // If the session ends from here on, either the monitor hears of it after the grant, or this runs at once.
    let taker = Arc::clone(monitor);
    ctx.undo_unless_received(move || taker.with(take_back));
    Ok(())
}
