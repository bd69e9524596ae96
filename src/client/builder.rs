//! How a session is to be connected: [`SessionBuilder`], and the functions of [`Session`] that begin with it.

use super::address::Location;
use super::background;
use super::connect::Endpoint;
use super::connection::{Connection, HUNG_UP, OpenFailure, Opened};
use super::options::SessionOptions;
use super::session::Session;
use super::session_handle::SessionHandle;
use super::session_state::Reconnected;
use crate::security::{ClientTls, Secret};
use backon::Retryable;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;

/// No client takes less, in bytes: errors and the answers to `open` need some.
const LEAST_FRAME: usize = 4 << 10;

impl Session {
    /// Connects to a service, with the defaults of [`SessionBuilder`].
    ///
    /// # Errors
    /// [`Error::Unreachable`] if nobody answers, after some attempts, [`Error::NotAService`] if something else does;
    /// [`Error::ProtocolMismatch`], [`Error::Refused`].
    pub async fn connect(address: impl Into<String>) -> Result<Session, Error> {
        Session::builder(address).connect().await
    }

    /// A session to be with the service at `address`: `host:port`, `unix:/path`, or a URL such as
    /// `tarmem://TOKEN@host:port` or `tarmems://host:port`. See [`Address`](crate::Address).
    pub fn builder(address: impl Into<String>) -> SessionBuilder {
        SessionBuilder::new(&address.into())
    }

    /// Whether an address makes sense: [`builder`](Self::builder) takes any, and `connect` says what is wrong with it.
    pub(crate) fn check_address(address: &str) -> Result<(), Error> {
        Location::parse(address).map(|_| ())
    }

    /// A session over a stream of bytes that is connected already.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Session, Error> {
        SessionBuilder::default().over(stream).await
    }
}

/// A session to be.
#[derive(Clone)]
#[must_use = "nothing is connected yet"]
pub struct SessionBuilder {
    location: Result<Location, Error>,
    tls: Option<ClientTls>,
    options: SessionOptions,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        SessionBuilder {
            location: Err(Error::malformed("address", "there is none")),
            tls: None,
            options: SessionOptions::default(),
        }
    }
}

impl SessionBuilder {
    pub(super) fn new(address: &str) -> Self {
        let location = Location::parse(address);
        let (address, token) = match &location {
            Ok(Location { address, token, .. }) => (address.to_string(), token.clone()),
            // There may be a token in it.
            Err(_) => ("an address that makes no sense".to_owned(), None),
        };
        SessionBuilder { location, tls: None, options: SessionOptions { address, token, ..SessionOptions::default() } }
    }

    /// Says this to a service that asks for a token; in place of the address's, if there is one in that.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.token = Some(Secret::new(token));
        self
    }

    /// Speaks TLS with the service. Default: for `tarmems://` addresses, trusting what this system does; not for
    /// others.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How often a connection is tried again after the first attempt failed: at the beginning, and whenever it breaks
    /// or the service shuts down. Default 4.
    pub fn max_retry(mut self, times: usize) -> Self {
        self.options.max_retry = times;
        self
    }

    /// The longest time between two attempts, to which jitter is added. At the beginning the first is a tenth of a
    /// second at most, and each twice as long as the one before it; when a session comes back, four times as long.
    /// Default 3 s. So, with the defaults, a service may be away for 5 s, to be started again say, and no client gives
    /// up.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.options.retry_delay = delay;
        self
    }

    /// How long [`connect`](Self::connect) may take, with all its attempts. Default: as long as these take. The error
    /// is that of the last attempt, which says what is wrong; [`Error::DeadlineExceeded`] if none had ended by then.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = Some(timeout);
        self
    }

    /// `hook` is told whenever the session is connected again. It runs beside the session, on a thread where it may
    /// wait, and is told one thing after the other. Tasks that it starts run on the runtime that the session was made
    /// on. If it panics, that is traced, and the session goes on.
    pub fn on_reconnect(mut self, hook: impl Fn(Reconnected) + Send + Sync + 'static) -> Self {
        self.options.on_reconnect = Some(Arc::new(hook));
        self
    }

    /// How long a call may take that does not say; `None` for as long as it takes. Default 30 s.
    pub fn call_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.call_timeout = timeout;
        self
    }

    /// Goes on although the service speaks another version of the protocol. What does not fit fails then, call by call.
    pub fn ignore_version(mut self, ignore: bool) -> Self {
        self.options.ignore_version = ignore;
        self
    }

    /// The largest frame that is accepted from the service, in bytes; 4 KiB at least. Default 1 GiB. The service is
    /// told so: a call whose result is larger fails, alone, with [`Error::BadResult`].
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.options.max_frame = bytes.max(LEAST_FRAME);
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if nobody answers, [`Error::NotAService`] if something else does;
    /// [`Error::ProtocolMismatch`], [`Error::Refused`]; [`Error::Insecure`] if there can be no TLS, or the one who
    /// answers is not to be trusted.
    pub async fn connect(mut self) -> Result<Session, Error> {
        let background = background::runtime()?;
        let location = self.location.clone()?;
        self.options.endpoint = Some(Endpoint::new(location, self.tls.take())?);
        let mut attempts = Attempts::default();
        let opening = (|| self.options.open(None))
            .retry(self.options.backoff())
            .when(|OpenFailure { error, is_final }| match error {
                // A connection that breaks before the session is open is as good as none.
                Error::Closed { cause, .. } => cause != HUNG_UP,
                _ => !is_final,
            })
            .notify(|OpenFailure { error, .. }, _| attempts.failed(error.clone()));
        let opened = match self.options.connect_timeout {
            None => opening.await,
            Some(timeout) => match tokio::time::timeout(timeout, opening).await {
                Ok(opened) => opened,
                Err(_) => return Err(attempts.late(&self.options.address, timeout)),
            },
        };
        let opened = opened.map_err(|OpenFailure { error, .. }| {
            attempts.failed(error);
            attempts.into_error().unwrap_or(Error::Cancelled)
        })?;
        Ok(self.begin(opened, &background))
    }

    /// Opens a session over a stream of bytes that is connected already. There is no way back to it: the session ends
    /// with its stream.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Session, Error> {
        let background = background::runtime()?;
        self.options.endpoint = None;
        let opened = Connection::open(stream, &self.options, None).await.map_err(|OpenFailure { error, .. }| error)?;
        Ok(self.begin(opened, &background))
    }

    fn begin(self, opened: Opened, background: &Handle) -> Session {
        Session::of(SessionHandle::begin(opened, self.options, background))
    }
}

/// What came of attempts to connect.
#[derive(Default)]
struct Attempts {
    count: usize,
    last: Option<Error>,
}

impl Attempts {
    fn failed(&mut self, error: Error) {
        self.count += 1;
        self.last = Some(error);
    }

    fn into_error(self) -> Option<Error> {
        Some(match self.last? {
            Error::Unreachable { address, cause, .. } => Error::Unreachable { address, attempts: self.count, cause },
            other => other,
        })
    }

    /// The error when there is no time for another one.
    fn late(self, address: &str, limit: Duration) -> Error {
        self.into_error()
            .unwrap_or_else(|| Error::DeadlineExceeded { what: format!("connecting to {address}"), after: limit })
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder").field("address", &self.options.address).finish_non_exhaustive()
    }
}
