//! Calls that found too many in flight, and wait for room.

use std::task::Waker;
use std::time::Instant;

/// Those that wait, with the time by which each has to be told that it is late.
#[derive(Default)]
pub(super) struct Backpressure(Vec<(Waker, Option<Instant>)>);

impl Backpressure {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One more; or one that is there already, and looked in vain.
    pub(super) fn join(&mut self, waker: &Waker, deadline: Option<Instant>) {
        match self.0.iter_mut().find(|(known, _)| known.will_wake(waker)) {
            // A task may wait with several calls.
            Some((_, known)) => *known = earlier(*known, deadline),
            None => self.0.push((waker.clone(), deadline)),
        }
    }

    /// All of them, for whoever wakes them: under no lock.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(waker, _)| waker)
    }

    /// Those that are late are to look again, and see that they are; when the next one is late.
    pub(super) fn expire(&mut self, now: Instant, late: &mut Vec<Waker>) -> Option<Instant> {
        let is_late = |(_, deadline): &mut (Waker, Option<Instant>)| deadline.is_some_and(|at| at <= now);
        late.extend(self.0.extract_if(.., is_late).map(|(waker, _)| waker));
        self.0.iter().filter_map(|(_, deadline)| *deadline).min()
    }
}

/// The earlier of two deadlines, either of which may be none.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
