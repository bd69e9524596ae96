//! Opens sessions with a service in the same process. This is here because the client and the server do not depend on
//! each other.

use crate::client::Session;
use crate::server::RunningService;

impl RunningService {
    /// Opens a session with this service from within its process: the same calls, without a socket.
    ///
    /// ```
    /// use tarmem::modules::builtins::ListProxy;
    /// use tarmem::{Proxy, Service};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let service = Service::without_listener().start().await?;
    /// let session = service.session();
    /// let list = session.memoize("numbers", ListProxy::new(None)).await?;
    /// list.append(1).await?;
    /// assert_eq!(list.snapshot_as::<Vec<i64>>().await?, [1]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn session(&self) -> Session {
        let (caller, id) = self.engine.in_process();
        Session::in_process(caller, id)
    }
}
