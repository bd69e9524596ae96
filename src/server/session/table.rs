//! The sessions of a service, and how they expire.

use super::ServerSession;
use super::position::LAST_SEQUENCE;
use crate::journal::rows;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tarmem_remote::error::Error;
use uuid::Uuid;

/// How many expired sessions are remembered, so that their clients can be told what became of their calls.
const REMEMBERED: usize = 16_384;

/// How often leases are checked, within the time of one lease.
const LOOKS: u32 = 8;

/// All sessions of a service.
#[derive(Default)]
pub(crate) struct SessionTable {
    /// The sessions of clients that connect, by id.
    connected: Mutex<HashMap<Uuid, Arc<ServerSession>>>,
    /// The sessions of callers within the process.
    local: Mutex<Vec<Weak<ServerSession>>>,
    /// Expired sessions, each with the number of the last call that was begun, and its number in the journal.
    expired: Mutex<Remembered<(u64, Option<u32>)>>,
    /// There have been more expired sessions than are remembered.
    has_forgotten: AtomicBool,
    /// Sessions that were left before any call was begun. Kept apart from the others, since strangers can make many of
    /// them.
    unused: Mutex<Remembered<()>>,
}

/// Ids and secrets, the oldest first, each with what is remembered.
type Remembered<T> = VecDeque<(Uuid, Uuid, T)>;

/// What became of a session that a client asks for.
pub(crate) enum Found {
    Here(Arc<ServerSession>),
    /// The session has expired; calls up to this number were begun.
    Expired(u64),
    Unknown,
}

impl SessionTable {
    /// Adds the session of a client that has connected.
    pub(crate) fn add(&self, session: &Arc<ServerSession>, limit: usize) -> Result<(), Error> {
        let mut connected = self.connected.lock();
        let found = connected.len() as u64 + 1;
        if connected.len() >= limit {
            let remedy = "close some, wait until those of disconnected clients expire, or raise the limit";
            return Err(Error::limit("sessions of the service", found, limit as u64, remedy));
        }
        connected.insert(session.id(), Arc::clone(session));
        Ok(())
    }

    /// Adds the session of a caller within the process.
    pub(crate) fn add_local(&self, session: &Arc<ServerSession>) {
        let mut local = self.local.lock();
        // Ended sessions are removed only before the list would grow, so that each addition pays for few others.
        if local.len() == local.capacity() {
            local.retain(|session| session.strong_count() > 0);
        }
        local.push(Arc::downgrade(session));
    }

    /// Finds the session that a client had, if the client knows its secret.
    pub(crate) fn find(&self, id: Uuid, secret: Uuid) -> Found {
        let knows = |known: Uuid| bool::from(known.as_bytes().ct_eq(secret.as_bytes()));
        let connected = self.connected.lock();
        if let Some(session) = connected.get(&id).filter(|session| knows(session.secret())) {
            // Makes sure that it does not expire before the connection is attached.
            session.hear();
            return Found::Here(Arc::clone(session));
        }
        drop(connected);
        let expired = recall(&self.expired.lock(), id, knows);
        let begun = expired.map(|(begun, _)| begun).or_else(|| {
            let unused = recall(&self.unused.lock(), id, knows);
            unused.map(|()| 0)
        });
        begun.map_or(Found::Unknown, Found::Expired)
    }

    /// Removes a session that its client left before any call was begun.
    pub(crate) fn forget(&self, session: &ServerSession) {
        self.remove(session.id());
        if session.begun() == 0 {
            remember(&mut self.unused.lock(), session, ());
        }
    }

    fn remove(&self, id: Uuid) {
        self.connected.lock().remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<ServerSession>> {
        let mut all: Vec<_> = self.connected.lock().values().cloned().collect();
        all.extend(self.local.lock().iter().filter_map(Weak::upgrade));
        all
    }

    /// Ends the sessions whose clients have been silent for `lease`.
    fn expire(&self, lease: Duration) {
        let overdue: Vec<_> =
            self.connected.lock().extract_if(|_, session| session.is_overdue()).map(|(_, s)| s).collect();
        for session in overdue {
            tracing::info!("session {} has expired: its client was silent for {lease:?}", session.id());
            self.end_expired(&session);
        }
    }

    /// Ends a session whose client may come back for it.
    pub(in crate::server) fn end_expired(&self, session: &ServerSession) {
        let _entered = session.state().enter();
        session.end();
        let number = session.note_expired();
        if let Some((_, _, (_, number))) = remember(&mut self.expired.lock(), session, (session.begun(), number)) {
            self.has_forgotten.store(true, Ordering::Relaxed);
            if let (Some(number), Some(journal)) = (number, session.state().journal()) {
                journal.note_with_next(|batch| rows::forget_expired(batch, number));
            }
        }
    }

    /// Ends a session that cannot go on, because what its client has seen was lost. It is not among the others any
    /// more.
    pub(in crate::server) fn end_lost(&self, session: &ServerSession) {
        self.remove(session.id());
        self.end_expired(session);
    }

    /// Remembers a session that had expired in an earlier run.
    pub(in crate::server) fn restore_expired(&self, (id, secret): (Uuid, Uuid), number: u32) {
        self.expired.lock().push_back((id, secret, (LAST_SEQUENCE, Some(number))));
    }

    /// More sessions had expired in earlier runs than are remembered.
    pub(in crate::server) fn restore_forgotten(&self) {
        self.has_forgotten.store(true, Ordering::Relaxed);
    }

    /// Whether an unknown session may be one that has expired.
    pub(crate) fn has_forgotten(&self) -> bool {
        self.has_forgotten.load(Ordering::Relaxed)
    }

    /// Ends the sessions whose clients presented a credential that is no longer valid.
    pub(crate) fn end_revoked(&self) {
        let is_revoked =
            |session: &ServerSession| session.credential().is_some_and(|credential| credential.is_revoked());
        let revoked: Vec<_> =
            self.connected.lock().extract_if(|_, session| is_revoked(session)).map(|(_, session)| session).collect();
        for session in revoked {
            self.end_expired(&session);
        }
    }

    /// Checks the leases for as long as the service lives.
    pub(crate) async fn look_after(sessions: Weak<SessionTable>, lease: Duration) {
        let pause = (lease / LOOKS).max(Duration::from_millis(1));
        loop {
            tokio::time::sleep(pause).await;
            let Some(sessions) = sessions.upgrade() else { return };
            sessions.expire(lease);
        }
    }
}

/// Remembers a session. Returns the one that is forgotten for it, if there is one.
fn remember<T>(remembered: &mut Remembered<T>, session: &ServerSession, what: T) -> Option<(Uuid, Uuid, T)> {
    let forgotten = if remembered.len() >= REMEMBERED { remembered.pop_front() } else { None };
    remembered.push_back((session.id(), session.secret(), what));
    forgotten
}

fn recall<T: Copy>(remembered: &Remembered<T>, id: Uuid, knows: impl Fn(Uuid) -> bool) -> Option<T> {
    let (_, secret, what) = remembered.iter().rev().find(|(known, ..)| *known == id)?;
    knows(*secret).then_some(*what)
}
