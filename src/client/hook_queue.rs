//! Queues reconnections for the hook `on_reconnect`.

use super::session_state::Reconnected;
use std::collections::VecDeque;

/// The length of the queue. If the hook is slow, further reconnections are merged into the last one.
const KEPT: usize = 64;

/// The reconnections for which the hook has not been called yet.
#[derive(Default)]
pub(super) struct HookQueue {
    next: VecDeque<Reconnected>,
    /// Whether a thread is calling the hook, and will take all of them.
    is_draining: bool,
}

impl HookQueue {
    /// Adds a reconnection. Returns `true` if the caller has to start a thread that calls the hook.
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

    /// Takes the next reconnection. After `None`, the thread that calls the hook ends.
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
    fn a_slow_hook_misses_no_new_session() {
        let mut queue = HookQueue::default();
        assert!(queue.push(Reconnected { resumed: true, attempts: 1 }));
        for n in 1..10 * KEPT {
            assert!(!queue.push(Reconnected { resumed: n != 9 * KEPT, attempts: 1 }));
        }
        let all: Vec<Reconnected> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(all.len(), KEPT);
        assert_eq!(all.iter().map(|one| one.attempts).sum::<usize>(), 10 * KEPT);
        assert!(all.iter().any(|one| !one.resumed));
        assert!(queue.push(Reconnected { resumed: true, attempts: 1 }), "a thread has to be started again");
    }
}
