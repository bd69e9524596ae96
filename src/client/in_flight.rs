//! The calls of a session that are not over yet, by their sequence numbers.
//!
//! Sequence numbers are consecutive, and most calls end in that order. So the calls are in a ring, where a call is
//! found by a subtraction and needs no allocation. (A map, and a channel per call, took a tenth of the time that a call
//! takes in the client.)

use hashbrown::HashMap;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::task::Waker;
use std::time::{Duration, Instant};
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;

/// The maximum length of the ring. Beyond it, calls that are not over yet move from its beginning to a map, so that one
/// long call does not keep a place for each call after it: a caller may wait for a lock while a million other calls
/// end.
const MAX_RING: usize = 8192;

/// One call.
pub(super) enum Slot {
    /// The call is over.
    Over,
    /// The call waits to be sent or to be answered.
    Unanswered(UnansweredCall),
    /// The caller has not taken the reply yet. If the call failed, its operation is kept for the error message.
    Answered(Reply, Option<Box<Payload>>),
}

/// A call that has not been answered.
pub(super) struct UnansweredCall {
    /// The operation, encoded.
    pub(super) operation: Payload,
    /// The task that made it.
    pub(super) task: u64,
    pub(super) timeout: Option<Duration>,
    /// When the call times out by the client's own clock.
    pub(super) deadline: Option<Instant>,
    /// Whether running it twice has the same effect as running it once.
    pub(super) idempotent: bool,
    pub(super) sent: bool,
    pub(super) origin: CallOrigin,
}

/// Who made a call.
pub(super) enum CallOrigin {
    /// A caller that waits for the reply, with its waker.
    Caller(Waker),
    /// A caller that does not wait: the call was detached, or its future was dropped.
    Detached,
    /// The client itself, which tells the service something about earlier calls.
    Client,
}

impl UnansweredCall {
    /// How much time is left until the timeout.
    pub(super) fn time_left(&self, now: Instant) -> Option<Duration> {
        let left = self.deadline.map(|at| at.saturating_duration_since(now));
        self.timeout.map(|timeout| left.map_or(timeout, |left| left.min(timeout)))
    }
}

/// The totals of all calls in flight. They are updated whenever a slot changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// The number of calls that a caller waits for.
    pub(super) in_flight: usize,
    /// The size of the operations that wait to be sent, in bytes.
    pub(super) unsent_bytes: usize,
}

impl Totals {
    #[inline]
    fn of(slot: &Slot) -> Self {
        let Slot::Unanswered(call) = slot else { return Totals::default() };
        Totals {
            in_flight: usize::from(matches!(call.origin, CallOrigin::Caller(_))),
            unsent_bytes: if call.sent { 0 } else { call.operation.len() },
        }
    }

    /// Replaces the share of a slot, which was `before`, by `after`.
    #[inline]
    fn replace(&mut self, before: Totals, after: Totals) {
        let (in_flight, wrong) = self.in_flight.saturating_add(after.in_flight).overflowing_sub(before.in_flight);
        let (unsent_bytes, wrong_too) =
            self.unsent_bytes.saturating_add(after.unsent_bytes).overflowing_sub(before.unsent_bytes);
        if wrong | wrong_too {
            return self.begin_again(before, after);
        }
        *self = Totals { in_flight, unsent_bytes };
    }

    /// Handles totals that are less than one of their parts, which is impossible. If it happened all the same, a
    /// session with wrong totals is better than one that waits forever.
    #[cold]
    fn begin_again(&mut self, before: Totals, after: Totals) {
        tracing::error!("a session's totals {self:?} are less than {before:?}; they are set to {after:?}");
        *self = after;
    }
}

/// Mutable access to a slot. Dropping it updates the totals.
pub(super) struct SlotGuard<'a> {
    slot: &'a mut Slot,
    totals: &'a mut Totals,
    before: Totals,
}

impl<'a> SlotGuard<'a> {
    fn new(slot: &'a mut Slot, totals: &'a mut Totals) -> Self {
        let before = Totals::of(slot);
        SlotGuard { slot, totals, before }
    }
}

impl Drop for SlotGuard<'_> {
    fn drop(&mut self) {
        self.totals.replace(self.before, Totals::of(self.slot));
    }
}

impl Deref for SlotGuard<'_> {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        self.slot
    }
}

impl DerefMut for SlotGuard<'_> {
    fn deref_mut(&mut self) -> &mut Slot {
        self.slot
    }
}

/// All calls that are not over.
pub(super) struct InFlight {
    /// The sequence number of the first in `ring`.
    first: u64,
    ring: VecDeque<Slot>,
    /// Calls from before `ring`, of which there are few.
    early: HashMap<u64, Slot>,
    totals: Totals,
}

impl InFlight {
    pub(super) fn new() -> Self {
        InFlight { first: 1, ring: VecDeque::new(), early: HashMap::new(), totals: Totals::default() }
    }

    /// The totals of all calls.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// The number that the next call gets.
    pub(super) fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    /// Adds a call, and returns its sequence number. `sent_below` is the first number that was not sent.
    #[inline]
    pub(super) fn push(&mut self, call: UnansweredCall, sent_below: u64) -> u64 {
        if self.ring.len() >= MAX_RING {
            self.shorten(sent_below);
        }
        let sequence = self.next();
        let slot = Slot::Unanswered(call);
        self.totals.replace(Totals::default(), Totals::of(&slot));
        self.ring.push_back(slot);
        sequence
    }

    #[cold]
    fn shorten(&mut self, sent_below: u64) {
        while self.ring.len() > MAX_RING / 2 && self.first < sent_below {
            let Some(slot) = self.ring.pop_front() else { break };
            if !matches!(slot, Slot::Over) {
                self.early.insert(self.first, slot);
            }
            self.first += 1;
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<SlotGuard<'_>> {
        let slot = match sequence.checked_sub(self.first) {
            Some(index) => self.ring.get_mut(usize::try_from(index).ok()?),
            None => self.early.get_mut(&sequence),
        };
        slot.map(|slot| SlotGuard::new(slot, &mut self.totals))
    }

    /// Takes the reply to a call, and its operation if it failed; the call is then over. Returns `None` if it has not
    /// been answered, or is no longer in the ring.
    #[inline]
    pub(super) fn take_answer(&mut self, sequence: u64) -> Option<(Reply, Option<Box<Payload>>)> {
        // Neither answered calls nor those that are over count towards the totals, so these do not change.
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        let slot = self.ring.get_mut(index)?;
        if !matches!(slot, Slot::Answered(..)) {
            return None;
        }
        let Slot::Answered(reply, operation) = std::mem::replace(slot, Slot::Over) else { return None };
        if index == 0 {
            self.advance();
        }
        Some((reply, operation))
    }

    /// Marks a call as over, and returns its slot.
    pub(super) fn remove(&mut self, sequence: u64) -> Option<Slot> {
        let slot = std::mem::replace(&mut *self.get_mut(sequence)?, Slot::Over);
        self.tidy(sequence);
        Some(slot)
    }

    /// Removes the slot of a call if the call is over.
    pub(super) fn tidy(&mut self, sequence: u64) {
        if sequence < self.first {
            if let Some(Slot::Over) = self.early.get(&sequence) {
                self.early.remove(&sequence);
            }
        } else {
            self.advance();
        }
    }

    /// Removes calls that are over from the beginning of the ring.
    fn advance(&mut self) {
        while let Some(Slot::Over) = self.ring.front() {
            self.ring.pop_front();
            self.first += 1;
        }
    }

    /// Calls `look` with each call that has not been answered, and its number. `look` may answer the call.
    pub(super) fn each_unanswered(&mut self, mut look: impl FnMut(u64, &mut Slot)) {
        let early = self.early.iter_mut().map(|(sequence, slot)| (*sequence, slot));
        let ring = (self.first..).zip(&mut self.ring);
        for (sequence, slot) in early.chain(ring) {
            if matches!(slot, Slot::Unanswered(_)) {
                look(sequence, &mut SlotGuard::new(slot, &mut self.totals));
            }
        }
    }

    /// Marks the unanswered calls that `of_no_use` picks as over.
    pub(super) fn discard(&mut self, of_no_use: impl Fn(&UnansweredCall) -> bool) {
        let mut discarded = Vec::new();
        self.each_unanswered(|sequence, slot| {
            if let Slot::Unanswered(call) = slot
                && of_no_use(call)
            {
                discarded.push(sequence);
            }
        });
        for sequence in discarded {
            self.remove(sequence);
        }
    }

    /// Computes the totals from scratch.
    #[cfg(test)]
    pub(super) fn count_totals(&self) -> Totals {
        let mut totals = Totals::default();
        for slot in self.early.values().chain(&self.ring) {
            totals.replace(Totals::default(), Totals::of(slot));
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn call(task: u64) -> UnansweredCall {
        UnansweredCall {
            operation: Payload::default(),
            task,
            timeout: None,
            deadline: None,
            idempotent: false,
            sent: false,
            origin: CallOrigin::Detached,
        }
    }

    fn task(slot: Option<SlotGuard<'_>>) -> Option<u64> {
        match slot.as_deref() {
            Some(Slot::Unanswered(call)) => Some(call.task),
            _ => None,
        }
    }

    proptest! {
        /// The ring behaves like a map, in whichever order calls end.
        #[test]
        fn a_call_is_found_until_it_is_over(
            steps in prop::collection::vec((0_usize..4000, any::<prop::sample::Index>()), 1..24),
        ) {
            let (mut in_flight, mut model) = (InFlight::new(), BTreeMap::new());
            for (pushes, over) in steps {
                for _ in 0..pushes {
                    let sequence = in_flight.push(call(pushes as u64), u64::MAX);
                    prop_assert_eq!(model.insert(sequence, pushes as u64), None);
                }
                // Some calls stay, at the beginning of the ring.
                let kept = if model.is_empty() { 0 } else { over.index(model.len()) as u64 };
                let gone: Vec<u64> = model.keys().copied().filter(|s| s % (kept % 7 + 2) != 0).collect();
                for sequence in gone {
                    prop_assert!(in_flight.remove(sequence).is_some());
                    model.remove(&sequence);
                }
                prop_assert!(in_flight.ring.len() <= MAX_RING + pushes);
                for (sequence, made) in &model {
                    prop_assert_eq!(task(in_flight.get_mut(*sequence)), Some(*made));
                }
                let mut waiting = 0;
                in_flight.each_unanswered(|_, _| waiting += 1);
                prop_assert_eq!(waiting, model.len());
            }
        }
    }

    #[test]
    fn a_call_that_is_over_is_not_found() {
        let mut in_flight = InFlight::new();
        let (one, two) = (in_flight.push(call(1), 1), in_flight.push(call(2), 1));
        in_flight.remove(two);
        assert!(matches!(in_flight.get_mut(two).as_deref(), Some(Slot::Over)));
        in_flight.remove(one);
        assert!(in_flight.get_mut(one).is_none() && in_flight.get_mut(two).is_none());
        assert_eq!(in_flight.push(call(3), 1), 3);
    }
}
