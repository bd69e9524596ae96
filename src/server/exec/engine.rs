//! The service without its sockets: its state and its sessions.
//!
//! What it does is in the files beside this one, each with its own `impl Engine`. [`dispatch`](super::dispatch) is
//! where an operation comes in.

use crate::config::Limits;
use crate::server::session::table::SessionTable;
use crate::server::state::{Seams, State};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tarmem_remote::registry::Registry;

/// The service without its sockets.
pub(crate) struct Engine {
    pub(crate) state: Arc<State>,
    pub(crate) sessions: Arc<SessionTable>,
    /// How many sessions there have been within the process.
    pub(super) local_sessions: AtomicU64,
}

impl Engine {
    /// `seams` are the service's listeners.
    pub(crate) fn new(registry: Registry, limits: Limits, runtime: tokio::runtime::Handle, seams: Seams) -> Arc<Self> {
        Arc::new(Engine {
            state: State::new(registry, limits, runtime, seams),
            sessions: Arc::default(),
            local_sessions: AtomicU64::new(0),
        })
    }
}
