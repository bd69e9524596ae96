//! The time, for calls.

use std::time::Instant;

/// The time, without a look at the clock for each call.
pub(super) struct Clock {
    tick: coarsetime::Instant,
    /// When that tick was first seen.
    seen: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock { tick: coarsetime::Instant::now(), seen: Instant::now() }
    }

    /// The time; unless `exactly`, it may be that of the last tick, of which there are a hundred in a second at least.
    pub(super) fn now(&mut self, exactly: bool) -> Instant {
        if exactly {
            return Instant::now();
        }
        let tick = coarsetime::Instant::now();
        if tick != self.tick {
            *self = Clock { tick, seen: Instant::now() };
        }
        self.seen
    }
}
