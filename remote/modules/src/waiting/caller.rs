//! Who waits.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tarmem_remote::context::Context;
use uuid::Uuid;

/// Who waits, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    session: Uuid,
    /// The number of its call.
    sequence: u64,
    /// Microseconds since 1970; 0 if the line is not kept.
    pub(super) since: u64,
}

impl Caller {
    /// The caller, from now on. `dated`: the line is kept.
    pub(super) fn new(ctx: &Context, dated: bool) -> Self {
        Caller { session: ctx.session(), sequence: ctx.sequence(), since: if dated { now() } else { 0 } }
    }

    /// How long it has waited at its call's second coming, if it has waited since then.
    pub(crate) fn waited(self, since: u64) -> Duration {
        Duration::from_micros(self.since.saturating_sub(since))
    }

    /// Its call.
    pub(crate) fn call(self) -> (Uuid, u64) {
        (self.session, self.sequence)
    }
}

/// Microseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
