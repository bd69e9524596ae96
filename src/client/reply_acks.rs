//! Which batches of replies a client has.

use std::collections::BTreeSet;

/// Which batches of replies have arrived.
pub(super) struct ReplyAcks {
    /// All below this one have.
    pub(super) below: u64,
    /// And these: a poll may be answered before a batch that was sent earlier.
    beyond: BTreeSet<u64>,
    /// All that ever arrived.
    pub(super) count: u64,
}

impl Default for ReplyAcks {
    fn default() -> Self {
        ReplyAcks { below: 1, beyond: BTreeSet::new(), count: 0 }
    }
}

impl ReplyAcks {
    /// One has arrived; false if it had before.
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

    /// As it is when a session begins.
    pub(super) fn of_another_session(&self) -> Self {
        ReplyAcks { count: self.count, ..ReplyAcks::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_counts_once_and_none_is_passed_over(numbers in prop::collection::vec(1_u64..40, 0..200)) {
            let (mut received, mut model) = (ReplyAcks::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(received.add(number), model.insert(number));
                prop_assert_eq!(received.below, (1..).find(|n| !model.contains(n)).expect("one is missing"));
                prop_assert_eq!(received.count, model.len() as u64);
            }
        }
    }
}
