//! What a service does when its storage has failed: it ends, or answers only what needs no storage.

use super::exec::engine::Engine;
use std::sync::{Arc, Weak};
use tokio_util::task::AbortOnDropHandle;

/// Ends the service when its storage has failed. `accepting` are the tasks that accept its connections.
pub(super) async fn end_when_failed(engine: Weak<Engine>, accepting: Vec<AbortOnDropHandle<()>>) {
    let failed = engine.upgrade().and_then(|engine| engine.state.journal().map(Arc::clone));
    let Some(journal) = failed else { return std::future::pending().await };
    journal.failed().await;
    drop(accepting);
    if let Some(engine) = engine.upgrade() {
        engine.state.end();
    }
}
