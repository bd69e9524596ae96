//! Starts and shuts down a service from code without an async runtime.

use crate::server::{RunningService, ServeError, Service};
use tokio::runtime::{Builder, Runtime};

/// Binds a service and runs it in the background.
///
/// # Errors
/// As [`Service::bind`].
///
/// # Panics
/// On a thread that runs async tasks.
pub fn start(service: Service) -> Result<RunningService, ServeError> {
    waiting_runtime()?.block_on(service.start())
}

/// Shuts a service down, as [`RunningService::shutdown`].
///
/// # Panics
/// On a thread that runs async tasks.
pub fn shutdown(service: RunningService) {
    if let Ok(runtime) = waiting_runtime() {
        runtime.block_on(service.shutdown());
    }
}

fn waiting_runtime() -> Result<Runtime, ServeError> {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.map_err(|cause| ServeError::Listen { address: "a runtime".to_owned(), cause })
}
