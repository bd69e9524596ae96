//! Limits what peers without a session can write to the log: a few lines in each period, and the number of those left
//! out.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// How many lines of one kind are logged within one [`PERIOD`].
const LINES: u32 = 10;

/// After this time, lines are counted from zero.
const PERIOD: Duration = Duration::from_secs(10);

/// What a service logs about its peers, each kind with its own limit.
pub(crate) struct Logs {
    /// Clients that were refused.
    pub(crate) refused: LogLimit,
    /// Peers that speak another protocol.
    pub(crate) foreign: LogLimit,
    /// Connections that ended early.
    pub(crate) ended: LogLimit,
    /// Connections that could not be accepted.
    pub(crate) accept: LogLimit,
}

impl Logs {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let limit = |tell| LogLimit::new(runtime, tell);
        Logs {
            refused: limit(|more| tracing::info!("{more} more suppressed: connections refused")),
            foreign: limit(|more| tracing::info!("{more} more suppressed: connections that speak another protocol")),
            ended: limit(|more| tracing::info!("{more} more suppressed: connections that were ended")),
            accept: limit(|more| tracing::warn!("{more} more suppressed: connections that cannot be accepted")),
        }
    }
}

/// Limits the rate of one kind of line.
pub(crate) struct LogLimit {
    state: Arc<Mutex<State>>,
    /// Logs how many lines were left out.
    tell: fn(u64),
    runtime: Handle,
}

#[derive(Default)]
struct State {
    /// When the current period, or the last one, ends.
    ends: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl LogLimit {
    /// `tell` logs how many lines were left out. It is called on `runtime` at the end of each period in which there
    /// were any.
    pub(crate) fn new(runtime: &Handle, tell: fn(u64)) -> Self {
        LogLimit { state: Arc::default(), tell, runtime: runtime.clone() }
    }

    /// Calls `log`, unless the period's limit is reached: then the line is only counted.
    pub(crate) fn log(&self, log: impl FnOnce()) {
        let now = Instant::now();
        let ends = {
            let mut state = self.state.lock();
            if state.ends.is_none_or(|ends| ends <= now) {
                state.ends = Some(now + PERIOD);
                state.lines = 0;
            }
            if state.lines < LINES {
                state.lines += 1;
                drop(state);
                return log();
            }
            state.suppressed += 1;
            if state.suppressed > 1 {
                return;
            }
            state.ends.unwrap_or(now)
        };
        let (state, tell) = (Arc::clone(&self.state), self.tell);
        self.runtime.spawn(async move {
            tokio::time::sleep_until(ends).await;
            let more = std::mem::take(&mut state.lock().suppressed);
            tell(more);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    static TOLD: AtomicU64 = AtomicU64::new(0);

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_as_a_few_lines_and_a_number() {
        let limit = LogLimit::new(&Handle::current(), |more| {
            TOLD.fetch_add(more, Ordering::SeqCst);
        });
        let mut lines = 0;
        for _ in 0..1_000 {
            limit.log(|| lines += 1);
        }
        assert_eq!((lines, TOLD.load(Ordering::SeqCst)), (LINES, 0));
        tokio::time::sleep(PERIOD + Duration::from_millis(10)).await;
        assert_eq!(TOLD.load(Ordering::SeqCst), u64::from(1_000 - LINES), "logged although no other line comes");
        limit.log(|| lines += 1);
        assert_eq!(lines, LINES + 1, "another period");
        tokio::time::sleep(PERIOD * 2).await;
        assert_eq!(TOLD.load(Ordering::SeqCst), u64::from(1_000 - LINES), "nothing was left out");
    }
}
