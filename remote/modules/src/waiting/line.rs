//! Waiting in line: what the classes of threading and the queues are made of.
//!
//! A class keeps its state in a [`Monitor`]: a mutex that is held for a moment at a time, and never while anybody
//! waits. Who has to wait joins a [`Line`] in that state, and awaits a [`Wait`]. Whoever changes the state grants
//! something to the first in line. A wait that is dropped (its caller has cancelled it, its session has ended) leaves
//! the line; if it was granted something in the same moment, that is passed on.

use super::Patience;
use crate::Exception;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};
use tarmem_remote::context::{Context, SessionEnded};

/// How many may wait in one line. Each holds a share of the object while it waits. There are 65,536 of those: enough
/// for the two lines that some classes have, and for those who come to end the waiting.
pub const WAITERS: usize = 30_000;

/// A state that many change, each for a moment.
#[derive(Debug)]
pub(crate) struct Monitor<S> {
    state: Mutex<S>,
}

/// Those who are to be woken once the monitor is free again: waking runs code of theirs.
#[derive(Default)]
pub(crate) struct Woken(Vec<Waker>);

impl<S> Monitor<S> {
    pub(crate) fn new(state: S) -> Arc<Self> {
        Arc::new(Monitor { state: Mutex::new(state) })
    }

    /// Looks at the state, or changes it.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut S, &mut Woken) -> R) -> R {
        let mut woken = Woken::default();
        let result = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), &mut woken);
        woken.0.into_iter().for_each(Waker::wake);
        result
    }
}

/// Those who wait, in the order in which they came: each wants a `W`, and is granted a `G`.
#[derive(Debug)]
pub(crate) struct Line<W, G> {
    last: u64,
    waiting: BTreeMap<u64, (W, Option<Waker>)>,
    /// What has been granted, and not been taken yet.
    granted: BTreeMap<u64, G>,
}

impl<W, G> Default for Line<W, G> {
    fn default() -> Self {
        Line { last: 0, waiting: BTreeMap::new(), granted: BTreeMap::new() }
    }
}

impl<W, G> Line<W, G> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Joins at the end.
    ///
    /// # Errors
    /// `RuntimeError` if [`WAITERS`] wait already.
    pub(crate) fn join(&mut self, want: W) -> Result<u64, Exception> {
        if self.waiting.len() >= WAITERS {
            let message = format!("{WAITERS} callers wait for this already, the most that may; try again later");
            return Err(Exception::RuntimeError(message));
        }
        Ok(self.join_again(want))
    }

    /// As [`join`](Self::join), for one who has been counted in another line before.
    pub(crate) fn join_again(&mut self, want: W) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, (want, None));
        self.last
    }

    /// Grants something to the first in line; false if nobody waits.
    pub(crate) fn grant_first(&mut self, woken: &mut Woken, grant: impl FnOnce(W) -> G) -> bool {
        let Some((ticket, (want, waker))) = self.waiting.pop_first() else { return false };
        self.granted.insert(ticket, grant(want));
        woken.0.extend(waker);
        true
    }

    /// Grants something to each of those who wait.
    pub(crate) fn grant_all(&mut self, woken: &mut Woken, grant: impl Fn(W) -> G) {
        while self.grant_first(woken, &grant) {}
    }

    /// What was granted, or who is to be woken when it is. A waker that is not needed any more is handed out: dropping
    /// it may run code of its owner's.
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

/// One way to wait for a state: which line, and what becomes of it when somebody leaves.
pub(crate) trait Door: 'static {
    type State: Send + 'static;
    type Want: Send + 'static;
    type Grant: Send + 'static;

    fn line(state: &mut Self::State) -> &mut Line<Self::Want, Self::Grant>;

    /// Somebody has left without being granted anything.
    fn left(_state: &mut Self::State, _woken: &mut Woken) {}

    /// Somebody has left who was granted this in the same moment.
    fn pass_on(state: &mut Self::State, grant: Self::Grant, woken: &mut Woken);
}

/// What came of an attempt to do without waiting.
pub(crate) enum Attempt<D: Door> {
    Granted(D::Grant),
    Wait(D::Want),
}

/// Tries, and waits in line if that is not enough: for as long as `patience` lasts. `None` when it has run out.
pub(crate) async fn enter<D: Door>(
    ctx: &Context,
    monitor: &Arc<Monitor<D::State>>,
    patience: Patience,
    attempt: impl FnOnce(&mut D::State, &mut Woken) -> Result<Attempt<D>, Exception>,
) -> Result<Option<D::Grant>, Exception> {
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

/// One who waits in line; leaves it when dropped.
pub(crate) struct Wait<D: Door> {
    monitor: Arc<Monitor<D::State>>,
    /// `None` once it has been granted.
    ticket: Option<u64>,
}

// Nothing in it is ever pinned.
impl<D: Door> Unpin for Wait<D> {}

impl<D: Door> Wait<D> {
    /// For who has joined the line.
    pub(crate) fn new(ctx: &Context, monitor: &Arc<Monitor<D::State>>, ticket: u64) -> Self {
        ctx.waits();
        Wait { monitor: Arc::clone(monitor), ticket: Some(ticket) }
    }

    /// What is granted while `patience` lasts.
    pub(crate) async fn patiently(mut self, patience: Patience) -> Option<D::Grant> {
        match patience {
            Patience::None => self.leave(),
            Patience::Forever => Some((&mut self).await),
            Patience::For(time) => {
                // On the heap: most waits have no timer, and are to be small.
                let timed = Box::pin(tokio::time::timeout(time, &mut self)).await;
                // It may have come in the last moment.
                timed.ok().or_else(|| self.leave())
            }
        }
    }

    /// Leaves the line; with what was granted, if it was.
    fn leave(&mut self) -> Option<D::Grant> {
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
    type Output = D::Grant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<D::Grant> {
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
        // The grant races with the cancellation: nobody is there to use it.
        if let Some(granted) = self.leave() {
            self.monitor.with(|state, woken| D::pass_on(state, granted, woken));
        }
    }
}

/// Hands something over that has to be given up when the caller's session ends; `take_back` is run if it never gets to
/// the caller.
///
/// # Errors
/// If the session has ended already; then it has been taken back.
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
    // If it ends from now on: either the monitor hears of that after the grant, or this is run at once.
    let taker = Arc::clone(monitor);
    ctx.undo_unless_received(move || taker.with(take_back));
    Ok(())
}
