//! The options of a session, which its [`SessionBuilder`](super::SessionBuilder) sets.

use super::connect::Endpoint;
use super::session_state::Reconnected;
use crate::security::Secret;
use backon::ExponentialBuilder;
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
    /// Whether the session can reconnect.
    pub(super) fn can_reconnect(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The pauses between attempts to connect.
    pub(super) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100).min(self.retry_delay))
            .with_max_delay(self.retry_delay)
            .with_max_times(self.max_retry)
            .with_jitter()
    }

    /// The pauses between attempts to reconnect. They grow faster, so that with the defaults a service may be away for
    /// five seconds.
    pub(super) fn reconnect_backoff(&self) -> ExponentialBuilder {
        self.backoff().with_factor(4.0)
    }
}
