//! By when a call has to be done.

use std::time::{Duration, Instant};
use tarmem_remote::operation::ReplyError;

/// When a call has to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Option<Instant>,
    pub(crate) after: Duration,
}

impl Deadline {
    pub(crate) const NEVER: Deadline = Deadline { at: None, after: Duration::MAX };

    /// Whether it has passed by now.
    pub(crate) fn has_passed(self) -> bool {
        self.at.is_some_and(|at| at < Instant::now())
    }

    pub(crate) fn after(after: Duration) -> Self {
        Self::from(Instant::now(), after)
    }

    /// So many milliseconds from `begin`; `None` for never.
    pub(crate) fn after_ms(begin: Instant, ms: Option<u64>) -> Self {
        ms.map_or(Self::NEVER, |ms| Self::from(begin, Duration::from_millis(ms)))
    }

    fn from(begin: Instant, after: Duration) -> Self {
        // A hostile duration may lie beyond what an `Instant` can hold.
        Deadline { at: begin.checked_add(after), after }
    }

    /// Ready once it has passed.
    pub(crate) async fn passed(self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }

    /// That it has passed.
    pub(crate) fn late(self) -> ReplyError {
        ReplyError::Late { after: self.after }
    }
}
