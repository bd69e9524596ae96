//! The sessions of a service: those that clients may come back to, and how they end without one.

use super::ServerSession;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tarmem_remote::error::Error;
use uuid::Uuid;

/// How many sessions that have expired are remembered, so that their clients can be told what became of their calls.
const REMEMBERED: usize = 16_384;

/// How often the leases are looked at, within one of them.
const LOOKS: u32 = 8;

/// All sessions of a service.
#[derive(Default)]
pub(crate) struct SessionTable {
    /// Those of connections, by their ids.
    connected: Mutex<HashMap<Uuid, Arc<ServerSession>>>,
    /// Those of callers within the process.
    local: Mutex<Vec<Weak<ServerSession>>>,
    /// With the numbers of the last calls that were begun.
    expired: Mutex<Remembered<u64>>,
    /// Those that were left before any call was begun. Apart from the others: strangers can make many of them.
    unused: Mutex<Remembered<()>>,
}

/// Ids and secrets, the oldest first, and what there is to know.
type Remembered<T> = VecDeque<(Uuid, Uuid, T)>;

/// What there is of a session that a client asks for.
pub(crate) enum Found {
    Here(Arc<ServerSession>),
    /// It has expired; calls up to this number were begun.
    Expired(u64),
    Unknown,
}

impl SessionTable {
    /// Takes in the session of a connection.
    pub(crate) fn add(&self, session: &Arc<ServerSession>, limit: usize) -> Result<(), Error> {
        let mut connected = self.connected.lock();
        let found = connected.len() as u64 + 1;
        if connected.len() >= limit {
            let remedy = "close some, wait until those of clients that are gone expire, or raise the limit";
            return Err(Error::limit("sessions of the service", found, limit as u64, remedy));
        }
        connected.insert(session.id(), Arc::clone(session));
        Ok(())
    }

    /// Takes in the session of a caller within the process.
    pub(crate) fn add_local(&self, session: &Arc<ServerSession>) {
        let mut local = self.local.lock();
        // Swept only before the list would grow, so that each session pays for few others.
        if local.len() == local.capacity() {
            local.retain(|session| session.strong_count() > 0);
        }
        local.push(Arc::downgrade(session));
    }

    /// The session that a client had, if it knows the secret.
    pub(crate) fn find(&self, id: Uuid, secret: Uuid) -> Found {
        let knows = |known: Uuid| bool::from(known.as_bytes().ct_eq(secret.as_bytes()));
        let connected = self.connected.lock();
        if let Some(session) = connected.get(&id).filter(|session| knows(session.secret())) {
            // It does not expire between this and what comes next.
            session.hear();
            return Found::Here(Arc::clone(session));
        }
        drop(connected);
        let begun = recall(&self.expired.lock(), id, knows).or_else(|| {
            let unused = recall(&self.unused.lock(), id, knows);
            unused.map(|()| 0)
        });
        begun.map_or(Found::Unknown, Found::Expired)
    }

    /// A session that was left before any call was begun is not kept.
    pub(crate) fn forget(&self, session: &ServerSession) {
        self.remove(session.id());
        if session.last() == 0 {
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

    /// Ends the sessions of whose clients nothing has been heard for `lease`.
    fn expire(&self, lease: Duration) {
        let overdue: Vec<_> =
            self.connected.lock().extract_if(|_, session| session.is_overdue()).map(|(_, s)| s).collect();
        for session in overdue {
            tracing::info!("session {} has expired: nothing was heard of it for {lease:?}", session.id());
            session.end();
            remember(&mut self.expired.lock(), &session, session.last());
        }
    }

    /// Ends the sessions whose clients came in by what is good no more.
    pub(crate) fn end_revoked(&self) {
        let is_revoked =
            |session: &ServerSession| session.credential().is_some_and(|credential| credential.is_revoked());
        let revoked: Vec<_> =
            self.connected.lock().extract_if(|_, session| is_revoked(session)).map(|(_, session)| session).collect();
        for session in revoked {
            session.end();
            remember(&mut self.expired.lock(), &session, session.last());
        }
    }

    /// Looks after the leases for as long as the service lives.
    pub(crate) async fn look_after(sessions: Weak<SessionTable>, lease: Duration) {
        let pause = (lease / LOOKS).max(Duration::from_millis(1));
        loop {
            tokio::time::sleep(pause).await;
            let Some(sessions) = sessions.upgrade() else { return };
            sessions.expire(lease);
        }
    }
}

fn remember<T>(remembered: &mut Remembered<T>, session: &ServerSession, what: T) {
    if remembered.len() >= REMEMBERED {
        remembered.pop_front();
    }
    remembered.push_back((session.id(), session.secret(), what));
}

fn recall<T: Copy>(remembered: &Remembered<T>, id: Uuid, knows: impl Fn(Uuid) -> bool) -> Option<T> {
    let (_, secret, what) = remembered.iter().rev().find(|(known, ..)| *known == id)?;
    knows(*secret).then_some(*what)
}
