//! A cheap clock for the deadlines of calls.

use std::time::Instant;

/// A clock that reads the system's precise clock only once per tick of its coarse one.
pub(super) struct Clock {
    tick: coarsetime::Instant,
    /// The precise time at which this tick was first seen.
    seen: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock { tick: coarsetime::Instant::now(), seen: Instant::now() }
    }

    /// The time. Unless `exactly` is set, it may be that of the last tick; there are at least a hundred ticks a second.
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
