//! Why a service cannot be started.

use super::net::unbound;
use super::recovery::RecoveryError;
use crate::config::LimitError;
use crate::security::TlsError;
use std::io;
use tarmem_remote::error::Error;
use tarmem_remote::registry::RegistryError;

/// Why a service cannot be started.
///
/// ```
/// use tarmem::{Limits, ServeError, Service};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let first = Service::new("127.0.0.1", 0).bind().await?;
/// let port = first.local_addr().ok_or("it listens on TCP")?.port();
/// let taken = Service::new("127.0.0.1", port).bind().await;
/// assert!(matches!(taken, Err(ServeError::Listen { .. })));
///
/// let mut limits = Limits::default();
/// limits.connections = 0;
/// let refused = Service::new("127.0.0.1", 0).limits(limits).bind().await;
/// assert!(matches!(refused, Err(ServeError::Limit(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Registered names clash, or a module to be offered does not exist.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// What an earlier run has left cannot be read.
    #[error("{0}")]
    Recovery(#[from] RecoveryError),
    /// The storage has failed while the service was running.
    #[error("{0}")]
    Storage(#[from] Error),
    /// A limit is out of its range.
    #[error("{0}")]
    Limit(#[from] LimitError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// The service cannot listen on an address.
    #[error("cannot listen on {address}: {}", unbound::why(address, cause))]
    Listen {
        /// The address.
        address: String,
        /// Why it cannot.
        #[source]
        cause: io::Error,
    },
}
