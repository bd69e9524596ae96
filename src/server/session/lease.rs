//! Which connection carries a session, how far its calls have come, and when its client was last heard.

use super::ServerSession;
use super::position::{Carrier, LAST_SEQUENCE, Position};
use crate::faults::PlantedFault;
use crate::server::state::heartbeat::{BEATS, Heartbeat};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// What a session needs to move to another connection.
pub(super) struct Lease {
    /// What a client has to know, besides the session's id, to resume it. The id is not secret.
    secret: Uuid,
    pub(super) position: Position,
    /// Ends the current connection. `None` if there is none.
    cut_off: Mutex<Option<Arc<Notify>>>,
    /// When the client was last heard.
    heard: Mutex<Heard>,
    /// The client has said that it will not come back.
    leaving: AtomicBool,
}

/// A moment, by the heartbeat of the thread that reads what the client sends.
struct Heard {
    heartbeat: Arc<Heartbeat>,
    at: u64,
}

impl Lease {
    pub(super) fn new(secret: Uuid, heartbeat: &Arc<Heartbeat>) -> Self {
        Lease {
            secret,
            position: Position::default(),
            cut_off: Mutex::default(),
            heard: Mutex::new(Heard { heartbeat: Arc::clone(heartbeat), at: heartbeat.beats() }),
            leaving: AtomicBool::new(false),
        }
    }

    /// From now on no connection carries the session, ever.
    pub(super) fn end(&self) {
        self.position.end();
        if let Some(cut_off) = self.cut_off.lock().take() {
            cut_off.notify_one();
        }
    }
}

impl ServerSession {
    /// The secret that lets a client resume the session; for that client only.
    pub(crate) fn secret(&self) -> Uuid {
        self.lease.secret
    }

    /// The highest sequence number of a call that was begun.
    pub(crate) fn last(&self) -> u64 {
        self.lease.position.last()
    }

    /// Calls with higher numbers were certainly not begun.
    pub(crate) fn begun(&self) -> u64 {
        if self.is_restored() { LAST_SEQUENCE } else { self.last() }
    }

    /// Begins the call `next`, which `carrier` brought. Returns false if another connection carries the session, or
    /// none can any more.
    pub(crate) fn advance(&self, carrier: Carrier, last: u64, next: u64) -> bool {
        self.lease.position.advance(carrier, last, next)
    }

    /// Makes a connection the one that carries the session. `cut_off` is notified when it has to end; `heartbeat` is
    /// its thread's. The previous connection ends now. The batches of replies from `received_below` on are sent again.
    ///
    /// Also returns the highest sequence number of a call that was begun. Returns `None` if the session has ended.
    pub(crate) fn attach(
        &self,
        cut_off: Arc<Notify>,
        heartbeat: &Arc<Heartbeat>,
        received_below: u64,
    ) -> Option<(Carrier, u64)> {
        self.hear_by(heartbeat);
        let (carrier, replaced) = {
            // Under one lock, so that of two connections that come at once the one that carries the session is the one
            // that stays.
            let mut current = self.lease.cut_off.lock();
            (self.lease.position.hand_over()?, current.replace(cut_off))
        };
        if let Some(replaced) = replaced {
            replaced.notify_one();
        }
        let mut calls = self.calls.lock();
        if self.is_restored() {
            self.go_on_from(&mut calls, received_below);
        }
        self.received(carrier, &mut calls, received_below);
        self.repeat(&mut calls);
        drop(calls);
        self.wake();
        if self.state.faults.has(PlantedFault::Twice) {
            // The client sends again every call that has no reply.
            return Some((carrier, 0));
        }
        Some((carrier, self.lease.position.last()))
    }

    /// The connection has ended. Returns false if another one carries the session.
    pub(crate) fn detach(&self, carrier: Carrier) -> bool {
        let mut cut_off = self.lease.cut_off.lock();
        if !self.lease.position.is_carried_by(carrier) {
            return false;
        }
        cut_off.take();
        drop(cut_off);
        self.hear_by(&self.state.heartbeat);
        true
    }

    /// Whether a connection carries the session, as far as the service knows.
    pub(crate) fn has_connection(&self) -> bool {
        self.lease.cut_off.lock().is_some()
    }

    /// The client will not come back: the session ends with its connection.
    pub(crate) fn leave(&self) {
        self.lease.leaving.store(true, Ordering::Release);
    }

    /// Whether there is anything in the session for which its client could come back.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        !self.lease.leaving.load(Ordering::Acquire) && self.begun() > 0
    }

    /// Notes that the client was heard.
    pub(crate) fn hear(&self) {
        let mut heard = self.lease.heard.lock();
        heard.at = heard.heartbeat.beats();
    }

    fn hear_by(&self, heartbeat: &Arc<Heartbeat>) {
        *self.lease.heard.lock() = Heard { heartbeat: Arc::clone(heartbeat), at: heartbeat.beats() };
    }

    /// Whether the client has been silent for its lease.
    pub(crate) fn is_overdue(&self) -> bool {
        let heard = self.lease.heard.lock();
        // One beat more than the lease, since the first beat may come at once.
        heard.heartbeat.beats().saturating_sub(heard.at) > BEATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::server::exec::engine::Engine;
    use crate::server::state::Seams;
    use futures::FutureExt;
    use std::sync::atomic::AtomicU64;
    use tarmem_remote::registry::Registry;

    #[test]
    fn a_connection_that_was_replaced_begins_no_call() {
        let lease = Lease::new(Uuid::nil(), &Arc::default());
        let first = lease.position.hand_over().expect("it has not ended");
        assert!(lease.position.advance(first, 0, 1) && lease.position.advance(first, 1, 7));
        let second = lease.position.hand_over().expect("it has not ended");
        assert!(!lease.position.advance(first, 7, 8));
        assert_eq!(lease.position.last(), 7);
        assert!(lease.position.advance(second, 7, 8));
        lease.end();
        assert!(!lease.position.advance(second, 8, 9));
        assert_eq!((lease.position.last(), lease.position.hand_over()), (8, None));
    }

    #[tokio::test]
    async fn of_connections_that_come_at_once_only_one_stays() {
        let registry = Registry::linked().expect("no names clash");
        let engine = Engine::new(registry, Limits::default(), tokio::runtime::Handle::current(), Seams::default());
        let sessions: Vec<_> = (0..10_000).map(|_| (engine.open_session(None), AtomicU64::new(0))).collect();
        let attach_to_each = || {
            let attach = |(session, arrived): &(Arc<ServerSession>, AtomicU64)| {
                let cut_off = Arc::<Notify>::default();
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                let (carrier, _) =
                    session.attach(Arc::clone(&cut_off), &engine.state.heartbeat, 0).expect("it has not ended");
                (cut_off, carrier)
            };
            sessions.iter().map(attach).collect::<Vec<_>>()
        };
        let (one, other) = std::thread::scope(|scope| {
            let one = scope.spawn(attach_to_each);
            (attach_to_each(), one.join().expect("no panic"))
        });
        for (index, (session, _)) in sessions.iter().enumerate() {
            for (cut_off, carrier) in [&one[index], &other[index]] {
                let is_told_to_end = cut_off.notified().now_or_never().is_some();
                assert_ne!(is_told_to_end, session.lease.position.is_carried_by(*carrier), "session {index}");
            }
        }
    }
}
