//! Where a session's connection is carried.
//!
//! A session lives on the thread of [`background`](super::background). Its connection, though, is carried on the runtime that it
//! was made on, its home: there a call crosses no thread. If that runtime does not run for a part of the lease, or is gone, the session
//! is resumed over another connection, which the background carries; and at home again once that runs.

use super::carry::{End, carry};
use super::connection::Shared;
use super::life::part;
use super::link::{Link, NoEntry, Opened};
use super::seat::{Seat, Seated};
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
pub(super) struct Home(Mutex<State>);

enum State {
    /// It runs, as far as is known.
    Runs(Handle),
    /// It does not run. The receiver turns true when it does, and ends when it is gone.
    Stands(Handle, watch::Receiver<bool>),
    Gone,
}

/// Where a connection is registered, and can be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Home,
    Background,
}

/// A connection that is being carried, or is about to be.
pub(super) enum Carrying {
    Home(Arc<Seat>, JoinHandle<Option<(End, bool)>>),
    Background(Link),
}

impl Home {
    /// The runtime that runs this.
    pub(super) fn here() -> Self {
        Home(Mutex::new(State::Runs(Handle::current())))
    }

    /// The runtime, unless it is known to be gone.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match &*self.0.lock() {
            State::Runs(runtime) | State::Stands(runtime, _) => Some(runtime.clone()),
            State::Gone => None,
        }
    }

    fn running(&self) -> Option<Handle> {
        match &*self.0.lock() {
            State::Runs(runtime) => Some(runtime.clone()),
            State::Stands(..) | State::Gone => None,
        }
    }

    /// It stands still, until it runs a task.
    fn stands(&self, runtime: Handle) {
        let (sender, back) = watch::channel(false);
        runtime.spawn(async move {
            let _ = sender.send(true);
        });
        *self.0.lock() = State::Stands(runtime, back);
    }

    /// Returns once a home that stood still runs again.
    async fn runs_again(&self) {
        let standing = match &*self.0.lock() {
            State::Stands(runtime, back) => Some((runtime.clone(), back.clone())),
            State::Runs(_) | State::Gone => None,
        };
        if let Some((runtime, mut back)) = standing {
            let is_back = back.wait_for(|back| *back).await.is_ok();
            *self.0.lock() = if is_back { State::Runs(runtime) } else { State::Gone };
            if is_back {
                return;
            }
        }
        std::future::pending().await
    }

    /// One attempt to connect, and to open a session or resume one.
    pub(super) async fn open(&self, shared: &Arc<Shared>, resume: Option<Resume>) -> Result<Opened, NoEntry> {
        if let Some(runtime) = self.running() {
            let seat = Arc::new(Seat::default());
            let attempt = {
                let shared = Arc::clone(shared);
                async move { shared.options.open(resume).await }
            };
            let task = runtime.spawn(Seated::new(Arc::clone(&seat), attempt));
            if let Some(opened) = self.watch(runtime, &seat, task, shared).await {
                return opened;
            }
        }
        let mut opened = shared.options.open(resume).await?;
        opened.link.place = Place::Background;
        Ok(opened)
    }

    /// Begins to carry calls over `link`.
    pub(super) fn start(&self, link: Link, shared: &Arc<Shared>) -> Carrying {
        match self.runtime() {
            Some(runtime) if link.place == Place::Home => {
                let seat = Arc::new(Seat::default());
                let carried = carry_to_the_end(link, Arc::clone(shared), Arc::clone(&seat));
                Carrying::Home(Arc::clone(&seat), runtime.spawn(Seated::new(seat, carried)))
            }
            _ => Carrying::Background(link),
        }
    }

    /// Returns once the connection has ended, or is to be carried elsewhere; with whether it has carried calls.
    pub(super) async fn carry(&self, carrying: Carrying, shared: &Arc<Shared>) -> (End, bool) {
        match carrying {
            Carrying::Home(seat, task) => {
                let Some(runtime) = self.runtime() else { return (End::Left(STANDS_STILL), false) };
                let end = self.watch(runtime, &seat, task, shared).await;
                end.unwrap_or((End::Left(STANDS_STILL), false))
            }
            Carrying::Background(link) => {
                let seat = Arc::new(Seat::taken());
                let mut carried = pin!(carry_to_the_end(link, Arc::clone(shared), seat));
                tokio::select! {
                    end = &mut carried => return end,
                    () = self.runs_again() => {}
                }
                // One that is about to end says so over the connection that it has.
                if shared.is_closing() { carried.await } else { (End::Left(RUNS_AGAIN), false) }
            }
        }
    }

    /// What comes of `task`; `None` if it does not run.
    async fn watch<T>(
        &self,
        runtime: Handle,
        seat: &Seat,
        mut task: JoinHandle<Option<T>>,
        shared: &Shared,
    ) -> Option<T> {
        // The service last heard of this client a quarter of the lease before its home stood still. Three of these later, at the
        // latest, that is known, which leaves as much for another connection.
        let mut pause = shared.lease() / 8;
        let (mut was_nudged, mut is_closing) = (false, false);
        loop {
            tokio::select! {
                done = &mut task => {
                    let done = done.ok().flatten();
                    if done.is_none() {
                        // It was cancelled with its runtime. (Or it panicked: it had better go on elsewhere.)
                        *self.0.lock() = State::Gone;
                    }
                    return done;
                }
                () = tokio::time::sleep(pause) => shared.expire_late(),
                // Whoever closes it waits for that.
                () = shared.closing(), if !is_closing => {
                    (is_closing, pause) = (true, pause.min(LATE));
                    seat.was_polled();
                    seat.nudge();
                    was_nudged = true;
                    continue;
                }
            }
            // There is no way back to a stream: whatever becomes of it is its user's affair.
            if seat.was_polled() || !shared.options.can_come_back() {
                was_nudged = false;
            } else if was_nudged && seat.revoke() {
                task.abort();
                self.stands(runtime);
                return None;
            } else {
                seat.nudge();
                was_nudged = true;
            }
        }
    }
}

/// Carries calls until the connection ends, in order if it was closed here.
async fn carry_to_the_end(mut link: Link, shared: Arc<Shared>, seat: Arc<Seat>) -> (End, bool) {
    let end = carry(&mut link, &shared, &seat).await;
    let is_used = link.is_used();
    if let End::Closed = end {
        shared.end_here();
        part(link, &shared).await;
    }
    (end, is_used)
}

/// How much later than its time a call is told of it by the background, if nobody else has.
pub(super) const LATE: Duration = Duration::from_millis(100);
