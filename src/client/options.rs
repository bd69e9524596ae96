//! What is set for a session: by its [`SessionBuilder`](super::SessionBuilder), which hands it to whatever connects the
//! session and keeps it connected.

use super::connect::Endpoint;
use super::session_state::Reconnected;
use crate::security::Secret;
use backon::ExponentialBuilder;
use std::sync::Arc;
use std::time::Duration;

/// How long a call may take if nobody says otherwise.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How a session is connected, at first and again.
#[derive(Clone)]
pub(super) struct SessionOptions {
    /// The service's address as it is shown: without a token.
    pub(super) address: String,
    pub(super) token: Option<Secret>,
    /// `None` over a stream, to which there is no way back.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) on_reconnect: Option<Arc<dyn Fn(Reconnected) + Send + Sync>>,
    pub(super) max_retry: usize,
    pub(super) retry_delay: Duration,
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
            max_retry: 4,
            retry_delay: Duration::from_secs(3),
            connect_timeout: None,
            call_timeout: Some(CALL_TIMEOUT),
            ignore_version: false,
            max_frame: 1 << 30,
        }
    }
}

impl SessionOptions {
    /// There is a way back to the service.
    pub(super) fn can_reconnect(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The pauses between attempts.
    pub(super) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100).min(self.retry_delay))
            .with_max_delay(self.retry_delay)
            .with_max_times(self.max_retry)
            .with_jitter()
    }

    /// The pauses between attempts to come back. They grow faster: with the defaults, a service may be away for five
    /// seconds.
    pub(super) fn reconnect_backoff(&self) -> ExponentialBuilder {
        self.backoff().with_factor(4.0)
    }
}
