//! What a session's hook is still to be told.

use super::session_state::Reconnected;
use std::collections::VecDeque;

/// So much is kept for a hook that takes its time; what comes after that is told in one.
const KEPT: usize = 64;

/// What a session's hook is still to be told, one after the other.
#[derive(Default)]
pub(super) struct HookQueue {
    next: VecDeque<Reconnected>,
    /// Somebody is about to tell it.
    is_draining: bool,
}

impl HookQueue {
    /// One more; whether somebody has to begin to tell.
    pub(super) fn push(&mut self, reconnected: Reconnected) -> bool {
        let is_full = self.next.len() >= KEPT;
        match self.next.back_mut() {
            Some(last) if is_full => {
                last.resumed &= reconnected.resumed;
                last.attempts += reconnected.attempts;
            }
            _ => self.next.push_back(reconnected),
        }
        !std::mem::replace(&mut self.is_draining, true)
    }

    /// What is to be told next; after `None` whoever tells has to be begun again.
    pub(super) fn pop(&mut self) -> Option<Reconnected> {
        let next = self.next.pop_front();
        self.is_draining = next.is_some();
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_takes_its_time_misses_no_new_session() {
        let mut queue = HookQueue::default();
        assert!(queue.push(Reconnected { resumed: true, attempts: 1 }));
        for n in 1..10 * KEPT {
            assert!(!queue.push(Reconnected { resumed: n != 9 * KEPT, attempts: 1 }));
        }
        let all: Vec<Reconnected> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all.iter().map(|one| one.attempts).sum::<usize>(), 10 * KEPT);
        assert!(all.iter().any(|one| !one.resumed));
        assert!(queue.push(Reconnected { resumed: true, attempts: 1 }), "it is to be begun again");
    }
}
