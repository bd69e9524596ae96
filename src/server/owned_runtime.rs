//! The runtime of a service.

use tokio::runtime::Runtime;

/// A runtime that may be dropped anywhere. (Dropping tokio's in an async context panics.)
pub(super) struct OwnedRuntime(pub(super) Option<Runtime>);

impl OwnedRuntime {
    pub(super) fn handle(&self) -> &tokio::runtime::Handle {
        match &self.0 {
            Some(runtime) => runtime.handle(),
            None => unreachable!("it is taken only in `drop`"),
        }
    }
}

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
