//! Shows that calls overlap.

use crate::bank::Account;
use shared_objects::remote;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long the first caller of a [`Meeting`] waits for another: long enough for another to come, if it can.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows that methods overlap: two of them run at one time.
#[remote(module = "lab", resident)]
pub struct Meeting {
    came: Mutex<u64>,
    another: Condvar,
    inside: AtomicU64,
    most: AtomicU64,
}

#[remote]
impl Meeting {
    /// A meeting of two.
    pub fn new() -> Self {
        Meeting { came: Mutex::new(0), another: Condvar::new(), inside: AtomicU64::new(0), most: AtomicU64::new(0) }
    }

    /// Returns true when two callers are inside at one time; false if no other came.
    #[remote(blocking)]
    pub fn meet(&self) -> bool {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        *came += 1;
        if came.is_multiple_of(2) {
            self.another.notify_all();
            return true;
        }
        let mine = *came;
        let (mut came, waited) = self
            .another
            .wait_timeout_while(came, PATIENCE, |came| *came == mine)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            *came -= 1;
        }
        !waited.timed_out()
    }

    /// Counts the callers inside, while it holds the object alone if it can.
    pub async fn enter_alone(&mut self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }

    /// The largest number that were inside at one time.
    pub fn most(&self) -> u64 {
        self.most.load(Ordering::SeqCst)
    }
}

impl Default for Meeting {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns true when two callers are inside with the same account at one time.
#[remote(module = "lab", blocking)]
pub fn meet_over(meeting: &Meeting, account: &Account) -> i64 {
    assert!(meeting.meet(), "nobody else came");
    account.cents
}
