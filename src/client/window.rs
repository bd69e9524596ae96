//! The calls of a session that are not over yet, by their sequence numbers.
//!
//! Numbers are given out one after the other and most calls are over in that order, so this is a ring: a call is found by
//! subtraction, and costs no allocation of its own. (A map and a channel for each call took a tenth of what a call costs its
//! client.)

use hashbrown::HashMap;
use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};
use tarmem_remote::body::Body;
use tarmem_remote::operation::Reply;

/// Calls between the first and the last that are not over, beyond which the first ones no longer hold a place for all that
/// came after them: a lock may be waited for while a million other calls are made.
const LONGEST: usize = 8192;

/// One call.
pub(super) enum Slot {
    /// It is over: nobody asks for it any more.
    Over,
    /// To be sent, or to be answered.
    Waiting(Waiting),
    /// Its reply was not taken yet. The operation goes back with it if it failed, for messages.
    Answered(Reply, Option<Box<Body>>),
}

/// A call that has not been answered.
pub(super) struct Waiting {
    /// The operation, encoded.
    pub(super) operation: Body,
    /// The task that made it.
    pub(super) task: u64,
    pub(super) timeout: Option<Duration>,
    /// When the client stops waiting for the service to say that the time is up.
    pub(super) deadline: Option<Instant>,
    /// Making it twice is as good as making it once.
    pub(super) idempotent: bool,
    pub(super) sent: bool,
    /// Who waits for the reply. `None` if nobody does: it was sent on the client's own account, or its caller has gone.
    pub(super) waker: Option<Waker>,
}

impl Waiting {
    /// How much of its time is left.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        self.timeout.map(|timeout| left.map_or(timeout, |left| left.min(timeout)))
    }
}

/// All calls that are not over.
pub(super) struct Window {
    /// The sequence number of the first in `ring`.
    first: u64,
    ring: VecDeque<Slot>,
    /// Earlier ones, of which there are few.
    early: HashMap<u64, Slot>,
}

impl Window {
    pub(super) fn new() -> Self {
        Window { first: 1, ring: VecDeque::new(), early: HashMap::new() }
    }

    /// The number that the next call gets.
    pub(super) fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// Takes in a call; `sent_below` is the first number that was not sent.
    pub(super) fn push(&mut self, call: Waiting, sent_below: u64) -> u64 {
        if self.ring.len() >= LONGEST {
            self.shorten(sent_below);
        }
        let sequence = self.next();
        self.ring.push_back(Slot::Waiting(call));
        sequence
    }

    fn shorten(&mut self, sent_below: u64) {
        while self.ring.len() > LONGEST / 2 && self.first < sent_below {
            let Some(slot) = self.ring.pop_front() else { break };
            if !matches!(slot, Slot::Over) {
                self.early.insert(self.first, slot);
            }
            self.first += 1;
        }
    }

    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<&mut Slot> {
        match sequence.checked_sub(self.first) {
            Some(index) => self.ring.get_mut(usize::try_from(index).ok()?),
            None => self.early.get_mut(&sequence),
        }
    }

    /// A call is over; what there was of it.
    pub(super) fn remove(&mut self, sequence: u64) -> Option<Slot> {
        let Some(index) = sequence.checked_sub(self.first) else { return self.early.remove(&sequence) };
        let slot = std::mem::replace(self.ring.get_mut(usize::try_from(index).ok()?)?, Slot::Over);
        self.advance();
        Some(slot)
    }

    /// A call is over whose slot says so already.
    pub(super) fn is_over(&mut self, sequence: u64) {
        if sequence < self.first {
            self.early.remove(&sequence);
        } else {
            self.advance();
        }
    }

    /// Past those that are over.
    fn advance(&mut self) {
        while let Some(Slot::Over) = self.ring.front() {
            self.ring.pop_front();
            self.first += 1;
        }
    }

    /// All that have not been answered.
    pub(super) fn waiting(&mut self) -> impl Iterator<Item = (u64, &mut Slot)> {
        let early = self.early.iter_mut().map(|(sequence, slot)| (*sequence, slot));
        let ring = (self.first..).zip(&mut self.ring);
        early.chain(ring).filter(|(_, slot)| matches!(slot, Slot::Waiting(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn call(task: u64) -> Waiting {
        Waiting {
            operation: Body::default(),
            task,
            timeout: None,
            deadline: None,
            idempotent: false,
            sent: false,
            waker: None,
        }
    }

    fn task(slot: Option<&mut Slot>) -> Option<u64> {
        match slot {
            Some(Slot::Waiting(call)) => Some(call.task),
            _ => None,
        }
    }

    proptest! {
        /// It behaves as a map does, whichever calls are over first.
        #[test]
        fn a_call_is_found_until_it_is_over(
            steps in prop::collection::vec((0_usize..4000, any::<prop::sample::Index>()), 1..24),
        ) {
            let (mut window, mut model) = (Window::new(), BTreeMap::new());
            for (pushes, over) in steps {
                for _ in 0..pushes {
                    let sequence = window.push(call(pushes as u64), u64::MAX);
                    prop_assert_eq!(model.insert(sequence, pushes as u64), None);
                }
                // All but some: the rest hold up the ring.
                let kept = if model.is_empty() { 0 } else { over.index(model.len()) as u64 };
                let gone: Vec<u64> = model.keys().copied().filter(|s| s % (kept % 7 + 2) != 0).collect();
                for sequence in gone {
                    prop_assert!(window.remove(sequence).is_some());
                    model.remove(&sequence);
                }
                prop_assert!(window.ring.len() <= LONGEST + pushes);
                for (sequence, made) in &model {
                    prop_assert_eq!(task(window.get_mut(*sequence)), Some(*made));
                }
                prop_assert_eq!(window.waiting().count(), model.len());
            }
        }
    }

    #[test]
    fn what_is_over_is_not_found() {
        let mut window = Window::new();
        let (one, two) = (window.push(call(1), 1), window.push(call(2), 1));
        window.remove(two);
        assert!(matches!(window.get_mut(two), Some(Slot::Over)));
        window.remove(one);
        assert!(window.get_mut(one).is_none() && window.get_mut(two).is_none());
        assert_eq!(window.push(call(3), 1), 3);
    }
}
