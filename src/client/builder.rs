//! [`SessionBuilder`], and the functions of [`Session`] that connect.

use super::address::Location;
use super::background;
use super::connect::Endpoint;
use super::connection::{Connection, OpenFailure, Opened};
use super::options::SessionOptions;
use super::retries::{Outage, Retries};
use super::service_state::ServiceState;
use super::session::Session;
use super::session_handle::SessionHandle;
use super::session_state::Reconnected;
use crate::security::{ClientTls, Secret};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;

/// The minimum of [`SessionBuilder::max_frame`], in bytes: errors and the answers to `open` need this much.
const LEAST_FRAME: usize = 4 << 10;

/// How long [`SessionBuilder::probe`] takes at most, unless its user has said it.
const PROBE_TIME: Duration = Duration::from_secs(5);

impl Session {
    /// Connects to a service, with the defaults of [`SessionBuilder`].
    ///
    /// # Errors
    /// [`Error::Unreachable`] if all attempts fail; [`Error::StillLoading`] if the service is loading for longer than
    /// it is waited for; [`Error::NotAService`] if something other than a tarmem service answers;
    /// [`Error::ProtocolMismatch`] if the service speaks another version of the protocol; [`Error::Refused`] if the
    /// service refuses the client; [`Error::Insecure`] if there is no secure connection.
    pub async fn connect(address: impl Into<String>) -> Result<Session, Error> {
        Session::builder(address).connect().await
    }

    /// Returns a builder for a session with the service at `address`: `host:port`, `unix:/path`, or a URL such as
    /// `tarmem://TOKEN@host:port` or `tarmems://host:port`. See [`Address`](crate::Address).
    pub fn builder(address: impl Into<String>) -> SessionBuilder {
        SessionBuilder::new(&address.into())
    }

    /// Checks an address. [`builder`](Self::builder) accepts any text, and only `connect` reports a malformed one.
    pub(crate) fn check_address(address: &str) -> Result<(), Error> {
        Location::parse(address).map(|_| ())
    }

    /// Opens a session over a stream that is already connected. Such a session cannot reconnect: it ends with its
    /// stream.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Session, Error> {
        SessionBuilder::default().over(stream).await
    }
}

/// Configures a session before it is connected. [`Session::builder`] makes one.
///
/// ```
/// use std::time::Duration;
/// use tarmem::{Service, Session, SessionState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::builder(service.address())
///     .max_retry(10)
///     .retry_delay(Duration::from_secs(1))
///     .connect_timeout(Duration::from_secs(20))
///     .call_timeout(Some(Duration::from_secs(5)))
///     .max_frame(64 << 20)
///     .on_reconnect(|_| println!("connected again"))
///     .connect()
///     .await?;
/// assert_eq!(session.state(), SessionState::Connected);
/// # Ok(())
/// # }
/// ```
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
            location: Err(Error::malformed("address", "there is none; use Session::builder, or connect over a stream")),
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
            // The address is not shown, since it may contain a token.
            Err(_) => ("a malformed address".to_owned(), None),
        };
        SessionBuilder { location, tls: None, options: SessionOptions { address, token, ..SessionOptions::default() } }
    }

    /// Sets the token for a service that asks for one. It takes precedence over a token in the address.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.options.token = Some(Secret::new(token));
        self
    }

    /// Connects over TLS, with these settings. Default: addresses with `tarmems://` use TLS and trust the system's CA
    /// certificates; others do not use TLS.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How often to try again after a failed attempt to connect: at the beginning, and whenever the connection breaks
    /// or the service shuts down. Default: 4; and after a connection to a service that keeps its objects in a
    /// directory, as often as it takes, for as long as the service would keep the session after its start (its lease),
    /// and at least 30 s. Once this is set, it holds for such services, too.
    ///
    /// Attempts that find a service that is loading do not count: see [`loading_timeout`](Self::loading_timeout).
    pub fn max_retry(mut self, times: usize) -> Self {
        self.options.retries.max_retry = Some(times);
        self
    }

    /// The longest pause between two attempts to connect, to which jitter is added. The first pause is at most a tenth
    /// of a second. Each further one is twice as long as the one before it when connecting for the first time, and four
    /// times as long when reconnecting. Default: 3 s. With the defaults, no session ends if its service is away for
    /// 5 s, for example to be restarted, or for 30 s if the service keeps its objects.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.options.retries.retry_delay = delay;
        self
    }

    /// How long to wait for a service that is loading what it keeps, when connecting and reconnecting. The client asks
    /// it again after a tenth of a second, and then more and more rarely, down to once a second. Meanwhile calls wait,
    /// each until its own deadline. If the time is over, the error is [`Error::StillLoading`]. Default: 10 minutes.
    ///
    /// The time begins when the service is first found to be loading, and a service that begins anew meanwhile does not
    /// prolong it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tarmem::Session;
    ///
    /// // It has very many objects.
    /// let builder = Session::builder("db.example.org:18813").loading_timeout(Duration::from_secs(3600));
    /// ```
    pub fn loading_timeout(mut self, timeout: Duration) -> Self {
        self.options.retries.loading_timeout = timeout;
        self
    }

    /// How long [`connect`](Self::connect) may take, with all its attempts. Default: no limit. If this time is over,
    /// `connect` returns the error of the last attempt, or [`Error::DeadlineExceeded`] if no attempt has ended.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = Some(timeout);
        self
    }

    /// Calls `hook` after each reconnection. The hook runs on a thread where it may block, and is never called twice at
    /// a time. Tasks that it spawns run on the runtime that the session was made on. If the hook panics, the panic is
    /// traced, and the session goes on.
    pub fn on_reconnect(mut self, hook: impl Fn(Reconnected) + Send + Sync + 'static) -> Self {
        self.options.on_reconnect = Some(Arc::new(hook));
        self
    }

    /// The timeout of calls that do not set their own; `None` for no timeout. Default: 30 s.
    pub fn call_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.call_timeout = timeout;
        self
    }

    /// Connects even if the service speaks another version of the protocol. Calls that do not work with that version
    /// fail one by one.
    pub fn ignore_version(mut self, ignore: bool) -> Self {
        self.options.ignore_version = ignore;
        self
    }

    /// The maximum size of a frame from the service, in bytes; at least 4 KiB. Default: 1 GiB. The client tells the
    /// service, so that only the call with a larger result fails, with [`Error::BadResult`].
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.options.max_frame = bytes.max(LEAST_FRAME);
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if all attempts fail; [`Error::StillLoading`] if the service is loading for longer than
    /// it is waited for; [`Error::NotAService`] if something other than a tarmem service answers;
    /// [`Error::ProtocolMismatch`] if the service speaks another version of the protocol; [`Error::Refused`] if the
    /// service refuses the client; [`Error::Insecure`] if TLS cannot be set up, or one side does not trust the other's
    /// certificate.
    pub async fn connect(mut self) -> Result<Session, Error> {
        let background = background::runtime()?;
        let location = self.location.clone()?;
        self.options.endpoint = Some(Endpoint::new(location, self.tls.take())?);
        let (mut attempts, mut outage) = (Attempts::default(), Outage::now());
        let SessionOptions { address, retries, .. } = &self.options;
        let mut retries = Retries::to_connect(address, retries, &mut outage);
        let opening = async {
            loop {
                // A connection that ends before the session is open counts as a failed attempt: the service may be
                // about to end, and another to start.
                let OpenFailure { error, is_final } = match self.options.open(None).await {
                    Ok(opened) => return Some(opened),
                    Err(failure) => failure,
                };
                let pause = if is_final { None } else { retries.after(&error) };
                attempts.failed(error);
                tokio::time::sleep(pause?).await;
            }
        };
        let opened = match self.options.connect_timeout {
            None => opening.await,
            Some(timeout) => match tokio::time::timeout(timeout, opening).await {
                Ok(opened) => opened,
                Err(_) => return Err(attempts.late(&self.options.address, timeout)),
            },
        };
        let opened = opened.ok_or_else(|| attempts.into_error().unwrap_or(Error::Cancelled))?;
        Ok(self.begin(opened, &background))
    }

    /// Asks the service for its state, by one attempt to connect. Needs no token: one is only used to be told why the
    /// service has failed. Takes at most the [`connect_timeout`](Self::connect_timeout), or 5 s if that is not set.
    ///
    /// # Errors
    /// If no service answers, or it would not open a session whatever the token is: those of
    /// [`connect`](Self::connect), and [`Error::DeadlineExceeded`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tarmem::{ServiceState, Session};
    ///
    /// /// Waits for a service that is started by others.
    /// async fn wait_for(address: &str) {
    ///     while Session::builder(address).probe().await != Ok(ServiceState::Ready) {
    ///         tokio::time::sleep(Duration::from_millis(200)).await;
    ///     }
    /// }
    /// ```
    pub async fn probe(mut self) -> Result<ServiceState, Error> {
        let location = self.location.clone()?;
        self.options.endpoint = Some(Endpoint::new(location, self.tls.take())?);
        let time = self.options.connect_timeout.unwrap_or(PROBE_TIME);
        match tokio::time::timeout(time, self.options.probe()).await {
            Ok(probed) => probed.map_err(|OpenFailure { error, .. }| error),
            Err(_) => Err(Error::DeadlineExceeded { what: format!("asking {}", self.options.address), after: time }),
        }
    }

    /// Opens a session over a stream that is already connected. Such a session cannot reconnect: it ends with its
    /// stream.
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

/// The attempts to connect so far.
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

    /// The error if the time for connecting is over.
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
