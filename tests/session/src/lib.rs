//! A session for the examples in the documentation of tarmem-modules.
//!
//! That crate cannot depend on tarmem itself, even for its tests: `#[remote]` would then take its classes to be written
//! with tarmem, and not with tarmem-remote.

use tarmem::{Service, Session};

/// Starts a service in this process and opens a session with it. The service runs until the process ends.
///
/// # Panics
/// If the service does not start.
pub async fn session() -> Session {
    let service = Service::without_listener().start().await.expect("a service without listeners starts");
    let session = service.session();
    std::mem::forget(service);
    session
}
