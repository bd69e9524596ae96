//! The options of a session, which its [`SessionBuilder`](super::SessionBuilder) sets.

use super::connect::Endpoint;
use super::retries::RetryOptions;
use super::session_state::Reconnected;
use crate::security::Secret;
use std::sync::Arc;
use std::time::Duration;

/// The default timeout of calls.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How a session connects and reconnects.
#[derive(Clone)]
pub(super) struct SessionOptions {
    /// The service's address for errors, without a token.
    pub(super) address: String,
    pub(super) token: Option<Secret>,
    /// `None` for a session over a stream, which cannot reconnect.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) on_reconnect: Option<Arc<dyn Fn(Reconnected) + Send + Sync>>,
    pub(super) retries: RetryOptions,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) call_timeout: Option<Duration>,
    pub(super) ignore_version: bool,
    pub(super) max_frame: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        SessionOptions {
            address: "a stream".to_owned(),
            token: None,
            endpoint: None,
            on_reconnect: None,
            retries: RetryOptions::default(),
            connect_timeout: None,
            call_timeout: Some(CALL_TIMEOUT),
            ignore_version: false,
            max_frame: 1 << 30,
        }
    }
}

impl SessionOptions {
    /// Whether the session can reconnect.
    pub(super) fn can_reconnect(&self) -> bool {
        self.endpoint.is_some()
    }
}
