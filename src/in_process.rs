//! A session with a service in its own process. It stands above both: neither the client nor the server knows the other.

use crate::client::Session;
use crate::server::RunningService;
use crate::server::exec::local_caller::LocalCaller;
use crate::server::session::ServerSession;
use std::sync::Arc;

impl RunningService {
    /// A session with this service in its own process: the same calls, without a socket.
    pub fn session(&self) -> Session {
        let session = ServerSession::local(&self.engine, None);
        let id = session.id();
        Session::in_process(Arc::new(LocalCaller::session(session)), id)
    }
}
