//! Records which batches of replies have arrived.

use std::collections::BTreeSet;

/// The numbers of the batches of replies that have arrived.
pub(super) struct ReplyAcks {
    /// All batches below this number have arrived.
    pub(super) below: u64,
    /// Batches beyond `below` that have arrived: a poll may be answered before a batch that was sent earlier.
    beyond: BTreeSet<u64>,
    /// The number of all batches that ever arrived, in all sessions.
    pub(super) count: u64,
}

impl Default for ReplyAcks {
    fn default() -> Self {
        ReplyAcks { below: 1, beyond: BTreeSet::new(), count: 0 }
    }
}

impl ReplyAcks {
    /// Records a batch. Returns `false` if it had arrived before.
    pub(super) fn add(&mut self, number: u64) -> bool {
        if number < self.below || !self.beyond.insert(number) {
            return false;
        }
        while self.beyond.remove(&self.below) {
            self.below += 1;
        }
        self.count += 1;
        true
    }

    /// The service was started again, and goes on with the session. It knows that all batches below `below` have
    /// arrived, and gives the numbers from there on to other batches than before.
    pub(super) fn of_another_run(&mut self) {
        self.beyond.clear();
    }

    /// The record for a new session.
    pub(super) fn of_another_session(&self) -> Self {
        ReplyAcks { count: self.count, ..ReplyAcks::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_run_numbers_its_batches_anew() {
        let mut received = ReplyAcks::default();
        assert!(received.add(1) && received.add(3));
        received.of_another_run();
        assert_eq!(received.below, 2);
        assert!(!received.add(1) && received.add(2) && received.add(3));
        assert_eq!(received.below, 4);
    }

    proptest! {
        #[test]
        fn each_batch_counts_once_and_none_is_skipped(numbers in prop::collection::vec(1_u64..40, 0..200)) {
            let (mut received, mut model) = (ReplyAcks::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(received.add(number), model.insert(number));
                prop_assert_eq!(received.below, (1..).find(|n| !model.contains(n)).expect("one is missing"));
                prop_assert_eq!(received.count, model.len() as u64);
            }
        }
    }
}
