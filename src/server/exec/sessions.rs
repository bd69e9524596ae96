//! Opens sessions: those of clients, and those within the process. Each gets a [`LocalCaller`], through which the
//! methods that run for it ask their own service.

use super::engine::Engine;
use super::local_caller::LocalCaller;
use crate::security::Credential;
use crate::server::session::ServerSession;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use uuid::Uuid;

impl Engine {
    /// Opens a session for a client that presented `credential`.
    pub(crate) fn open_session(self: &Arc<Self>, credential: Option<Arc<Credential>>) -> Arc<ServerSession> {
        self.open((Uuid::new_v4(), Uuid::new_v4()), credential)
    }

    /// Opens the session that a client had in an earlier run.
    pub(crate) fn restore_session(
        self: &Arc<Self>,
        known_as: (Uuid, Uuid),
        credential: Option<Arc<Credential>>,
    ) -> Arc<ServerSession> {
        self.open(known_as, credential)
    }

    /// Opens a session for a caller within the process. `credential` is that of the client on whose behalf it calls, if
    /// there is one.
    pub(super) fn open_local_session(self: &Arc<Self>, credential: Option<Arc<Credential>>) -> Arc<ServerSession> {
        // Each generator has one, and nobody outside can ask for it: a number is enough, and there is no secret.
        let (run, _) = self.state.run.as_u64_pair();
        let number = u128::from(run) << 64 | u128::from(self.local_sessions.fetch_add(1, Ordering::Relaxed));
        let session = self.open((Uuid::new_v8(number.to_be_bytes()), Uuid::nil()), credential);
        self.sessions.add_local(&session);
        session
    }

    /// The caller of a session within the process, which ends with it; and the session's id.
    pub(crate) fn in_process(self: &Arc<Self>) -> (Arc<LocalCaller>, Uuid) {
        let session = self.open_local_session(None);
        let id = session.id();
        (Arc::new(LocalCaller::session(self, session)), id)
    }

    fn open(self: &Arc<Self>, known_as: (Uuid, Uuid), credential: Option<Arc<Credential>>) -> Arc<ServerSession> {
        ServerSession::new(&self.state, known_as, credential, |session| {
            Arc::new(LocalCaller::of_methods(self, session.clone()))
        })
    }
}
