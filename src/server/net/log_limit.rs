//! What peers without a session can put into the log: some lines in each stretch of time, and how many more there were.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// Lines of one kind within [`PERIOD`].
const LINES: u32 = 10;

/// When lines are counted anew.
const PERIOD: Duration = Duration::from_secs(10);

/// What a service says of whoever comes, each kind with a bound of its own.
pub(crate) struct Logs {
    /// Who was refused.
    pub(crate) refused: LogLimit,
    /// Who speaks something else.
    pub(crate) foreign: LogLimit,
    /// Whose connection came to an early end.
    pub(crate) ended: LogLimit,
    /// Connections that could not be accepted.
    pub(crate) accept: LogLimit,
}

impl Logs {
    pub(crate) fn new(runtime: &Handle) -> Self {
        let limit = |tell| LogLimit::new(runtime, tell);
        Logs {
            refused: limit(|more| tracing::info!("{more} more suppressed: connections refused")),
            foreign: limit(|more| tracing::info!("{more} more suppressed: connections that speak something else")),
            ended: limit(|more| tracing::info!("{more} more suppressed: connections that were ended")),
            accept: limit(|more| tracing::warn!("{more} more suppressed: connections that cannot be accepted")),
        }
    }
}

/// Bounds the rate of one kind of line.
pub(crate) struct LogLimit {
    state: Arc<Mutex<State>>,
    /// Says how many more there were.
    tell: fn(u64),
    runtime: Handle,
}

#[derive(Default)]
struct State {
    /// Of the period that there is now, or was.
    ends: Option<Instant>,
    lines: u32,
    suppressed: u64,
}

impl LogLimit {
    /// `tell` logs how many lines were left out; it is called on `runtime`, at the end of a period in which there were
    /// any.
    pub(crate) fn new(runtime: &Handle, tell: fn(u64)) -> Self {
        LogLimit { state: Arc::default(), tell, runtime: runtime.clone() }
    }

    /// Calls `log`, unless there were enough lines in this period: then it is counted.
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
    async fn a_flood_is_some_lines_and_a_number() {
        let limit = LogLimit::new(&Handle::current(), |more| {
            TOLD.fetch_add(more, Ordering::SeqCst);
        });
        let mut lines = 0;
        for _ in 0..1_000 {
            limit.log(|| lines += 1);
        }
        assert_eq!((lines, TOLD.load(Ordering::SeqCst)), (LINES, 0));
        tokio::time::sleep(PERIOD + Duration::from_millis(10)).await;
        assert_eq!(TOLD.load(Ordering::SeqCst), u64::from(1_000 - LINES), "it is told although nothing more comes");
        limit.log(|| lines += 1);
        assert_eq!(lines, LINES + 1, "another period");
        tokio::time::sleep(PERIOD * 2).await;
        assert_eq!(TOLD.load(Ordering::SeqCst), u64::from(1_000 - LINES), "nothing was left out");
    }
}
