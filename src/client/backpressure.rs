//! Callers that wait for room because too many calls are in flight.

use std::task::Waker;
use std::time::Instant;

/// The wakers of waiting callers, each with the deadline at which its call times out.
#[derive(Default)]
pub(super) struct Backpressure(Vec<(Waker, Option<Instant>)>);

impl Backpressure {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a caller. A caller that is already waiting is not added twice.
    pub(super) fn join(&mut self, waker: &Waker, deadline: Option<Instant>) {
        match self.0.iter_mut().find(|(known, _)| known.will_wake(waker)) {
            // A task may wait for room for several calls.
            Some((_, known)) => *known = earlier(*known, deadline),
            None => self.0.push((waker.clone(), deadline)),
        }
    }

    /// Takes all wakers out. The caller wakes them after it has released its lock.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(waker, _)| waker)
    }

    /// Moves the wakers of callers whose deadline has passed to `late`, and returns the next deadline.
    pub(super) fn expire(&mut self, now: Instant, late: &mut Vec<Waker>) -> Option<Instant> {
        let is_late = |(_, deadline): &mut (Waker, Option<Instant>)| deadline.is_some_and(|at| at <= now);
        late.extend(self.0.extract_if(.., is_late).map(|(waker, _)| waker));
        self.0.iter().filter_map(|(_, deadline)| *deadline).min()
    }
}

/// The earlier of two deadlines; `None` is later than any other.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
