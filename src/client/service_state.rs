//! The state of a service, as a probe finds it.

use tarmem_remote::results::LoadingProgress;

/// The state of a service, as [`SessionBuilder::probe`](crate::SessionBuilder::probe) finds it.
///
/// ```
/// use tarmem::{Service, ServiceState, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// assert_eq!(Session::builder(service.address()).probe().await?, ServiceState::Ready);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceState {
    /// It serves clients.
    Ready,
    /// It is loading what it keeps. Clients that connect wait until it is ready.
    Loading(LoadingProgress),
    /// Its storage has failed, and it stays, to answer what needs no storage: see `OnStorageFailure::Refuse`.
    Failed {
        /// Why, if the service would open a session for who asks.
        reason: Option<String>,
    },
}
