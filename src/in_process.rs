//! A session with a service in its own process. It stands above both: neither the client nor the server knows the
//! other.

use crate::client::Session;
use crate::server::RunningService;

impl RunningService {
    /// A session with this service in its own process: the same calls, without a socket.
    pub fn session(&self) -> Session {
        let (caller, id) = self.engine.in_process();
        Session::in_process(caller, id)
    }
}
