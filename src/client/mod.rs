//! The client: a session with a service.
//!
//! - [`address`]: where a service is.
//! - [`connection`]: what a session's callers share with the task that carries their calls.
//! - [`life`]: that task: connected, reconnecting, closed.
//! - [`link`]: one connection, from its handshake on.
//! - [`carry`]: how calls go over it.
//! - [`outbox`]: what waits to be sent, and what waits for a reply.
//! - [`received`]: the batches of replies that have arrived.
//! - [`window`]: the calls that are not over, by their numbers.

mod address;
mod carry;
mod connection;
mod life;
mod link;
mod outbox;
mod received;
mod window;

pub use address::Address;

use crate::server::listener::ByteStream;
use backon::{ExponentialBuilder, Retryable};
use connection::Connection;
use link::{HUNG_UP, Link, Opened};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::call::Caller;
use tarmem_remote::error::Error;
use tarmem_remote::routines::Routines;
use tokio::io::{AsyncRead, AsyncWrite};
use uuid::Uuid;

/// How long a call may take if nobody says otherwise.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one attempt to connect may take.
const DIAL_TIME: Duration = Duration::from_secs(10);

/// One client's standing with a service. Its [`Routines`] are the contract: `memoize`, `get`, `update` and the rest.
///
/// Clones share the session. It ends with [`close`](Self::close), or when the last clone and the last proxy are dropped:
/// then its handles to unnamed objects are given up.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tarmem::{Service, Session, args, Proxy};
///
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::connect(service.address()).await?;
/// let builtins = session.remote_import("builtins").await?;
/// let list = session.memoize("numbers", builtins.function("list", args![[1, 2]])).await?;
/// list.call("append", args![3]).await?;
/// assert_eq!(list.snapshot().await?, vec![1, 2, 3].into());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Session {
    routines: Routines,
    /// `None` in process.
    connection: Option<Arc<Connection>>,
    /// In process; otherwise the connection knows it.
    id: Uuid,
}

/// How a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// Calls are on their way.
    Connected,
    /// The connection broke, and another one is being made. Calls wait for it, each until its own deadline.
    Reconnecting,
    /// It was closed, or could not be kept: [`Session::ended`] says why. Calls fail until [`Session::reconnect`].
    Closed,
}

/// A session that is connected again: what [`SessionBuilder::on_reconnect`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnected {
    /// It is the same session, and nothing of it was lost. Otherwise it is a new one, of a service that was started again or
    /// after [`Session::reconnect`]: handles, locks and waits of the old one are gone.
    pub resumed: bool,
    /// How many attempts it took.
    pub attempts: usize,
}

impl Session {
    /// Connects to a service, with the defaults of [`SessionBuilder`].
    ///
    /// # Errors
    /// [`Error::Unreachable`] if nobody answers, after some attempts, [`Error::NotAService`] if something else does;
    /// [`Error::ProtocolMismatch`], [`Error::Refused`].
    pub async fn connect(address: impl Into<String>) -> Result<Session, Error> {
        Session::builder(address).connect().await
    }

    /// A session to be with the service at `address`: `host:port`, `tarmem://host:port` or `unix:/path`.
    pub fn builder(address: impl Into<String>) -> SessionBuilder {
        SessionBuilder { address: address.into(), ..SessionBuilder::default() }
    }

    /// A session over a stream of bytes that is connected already.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Session, Error> {
        SessionBuilder::default().over(stream).await
    }

    pub(crate) fn in_process(caller: Arc<dyn Caller>, id: Uuid) -> Session {
        Session { routines: Routines::new(caller), connection: None, id }
    }

    /// What the service knows the session by: the [`Context`](crate::Context) of its calls has the same.
    pub fn id(&self) -> Uuid {
        self.connection.as_ref().map_or(self.id, |connection| connection.session())
    }

    /// How it is connected now. Always [`SessionState::Connected`] in process.
    pub fn state(&self) -> SessionState {
        self.connection.as_ref().map_or(SessionState::Connected, |connection| *connection.states().borrow())
    }

    /// Ready once the session is in `state`. Never in process, but for [`SessionState::Connected`].
    ///
    /// # Cancellation
    /// Dropping it changes nothing.
    pub async fn wait_for(&self, state: SessionState) {
        match &self.connection {
            Some(connection) => {
                let reached = connection.states().wait_for(|now| *now == state).await.is_ok();
                if !reached {
                    std::future::pending::<()>().await;
                }
            }
            None if state == SessionState::Connected => {}
            None => std::future::pending().await,
        }
    }

    /// Connects again after the session was closed, has expired or could not be kept: as a new session of the same service.
    /// Proxies by key go on with it; those of unnamed objects answer [`Error::NoSuchObject`], and locks are no longer held.
    /// At once if it is connected.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). [`Error::Refused`] for a session [`over`](Self::over) a stream.
    ///
    /// # Cancellation
    /// Dropping it does not stop what it began.
    pub async fn reconnect(&self) -> Result<(), Error> {
        match &self.connection {
            Some(connection) => connection.reconnect().await,
            None => Ok(()),
        }
    }

    /// Ends the session: calls in flight fail, its handles are given up, and nothing connects again before
    /// [`reconnect`](Self::reconnect). In process there is nothing to end before the last
    /// clone and proxy are dropped.
    pub async fn close(&self) {
        if let Some(connection) = &self.connection {
            connection.close().await;
        }
    }

    /// Ready once the task that carries its calls has ended; does not keep the session alive. At once in process.
    pub(crate) fn carried(&self) -> impl Future<Output = ()> + Send + 'static {
        let carried = self.connection.as_ref().map(|connection| connection.carried());
        async move {
            if let Some(carried) = carried {
                carried.await;
            }
        }
    }

    /// Why the session has ended; `None` while it has not.
    pub fn ended(&self) -> Option<Error> {
        self.connection.as_ref().and_then(|connection| connection.ended())
    }
}

impl Deref for Session {
    type Target = Routines;

    fn deref(&self) -> &Routines {
        &self.routines
    }
}

impl AsRef<Routines> for Session {
    fn as_ref(&self) -> &Routines {
        &self.routines
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.connection {
            Some(connection) => write!(f, "Session({})", connection.address()),
            None => f.write_str("Session(in process)"),
        }
    }
}

/// A session to be.
#[derive(Clone)]
#[must_use = "nothing is connected yet"]
pub struct SessionBuilder {
    address: String,
    /// `None` over a stream, to which there is no way back.
    target: Option<Address>,
    on_reconnect: Option<Arc<dyn Fn(Reconnected) + Send + Sync>>,
    max_retry: usize,
    retry_delay: Duration,
    call_timeout: Option<Duration>,
    ignore_version: bool,
    max_frame: usize,
}

impl Default for SessionBuilder {
    fn default() -> Self {
        SessionBuilder {
            address: "a stream".to_owned(),
            target: None,
            on_reconnect: None,
            max_retry: 4,
            retry_delay: Duration::from_secs(3),
            call_timeout: Some(CALL_TIMEOUT),
            ignore_version: false,
            max_frame: 1 << 30,
        }
    }
}

impl SessionBuilder {
    /// How often a connection is tried again after the first attempt failed, at the beginning and whenever it breaks.
    /// Default 4.
    pub fn max_retry(mut self, times: usize) -> Self {
        self.max_retry = times;
        self
    }

    /// The longest time between two attempts; it begins at a tenth of a second at most and doubles, with jitter. Default 3 s.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = delay;
        self
    }

    /// `hook` is told whenever the session is connected again. It runs on the task that carries the session's calls: it must
    /// not wait for any of them, but may start a task that makes some.
    pub fn on_reconnect(mut self, hook: impl Fn(Reconnected) + Send + Sync + 'static) -> Self {
        self.on_reconnect = Some(Arc::new(hook));
        self
    }

    /// How long a call may take that does not say; `None` for as long as it takes. Default 30 s.
    pub fn call_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Goes on although the service speaks another version of the protocol. What does not fit fails then, call by call.
    pub fn ignore_version(mut self, ignore: bool) -> Self {
        self.ignore_version = ignore;
        self
    }

    /// The largest frame that is accepted from the service, in bytes. Default 1 GiB.
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unreachable`] if nobody answers, [`Error::NotAService`] if something else does;
    /// [`Error::ProtocolMismatch`], [`Error::Refused`].
    pub async fn connect(mut self) -> Result<Session, Error> {
        self.target = Some(self.address.parse()?);
        // A connection that breaks before the session is open is as good as none.
        let opened = (|| async { Link::open(self.dial().await?, &self, None).await })
            .retry(self.backoff())
            .when(|error| match error {
                Error::Unreachable { .. } => true,
                Error::Closed { cause, .. } => cause != HUNG_UP,
                _ => false,
            })
            .await
            .map_err(|error| match error {
                Error::Unreachable { address, cause, .. } => {
                    Error::Unreachable { address, attempts: self.max_retry + 1, cause }
                }
                other => other,
            })?;
        Ok(self.begin(opened))
    }

    /// Opens a session over a stream of bytes that is connected already. There is no way back to it: the session ends with
    /// its stream.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(
        mut self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Session, Error> {
        self.target = None;
        let opened = Link::open(stream, &self, None).await?;
        Ok(self.begin(opened))
    }

    fn begin(self, opened: Opened) -> Session {
        let connection = Arc::new(Connection::begin(opened, self));
        let (caller, id): (Arc<dyn Caller>, _) = (connection.clone(), connection.session());
        Session { routines: Routines::new(caller), connection: Some(connection), id }
    }

    /// There is a way back to the service.
    fn can_come_back(&self) -> bool {
        self.target.is_some()
    }

    /// One attempt to connect.
    async fn dial(&self) -> Result<Box<dyn ByteStream>, Error> {
        let unreachable = |cause: String| Error::Unreachable { address: self.address.clone(), attempts: 1, cause };
        let Some(target) = &self.target else { return Err(unreachable("it has no address".to_owned())) };
        match tokio::time::timeout(DIAL_TIME, target.connect()).await {
            Ok(stream) => stream.map_err(|cause| unreachable(cause.to_string())),
            Err(_) => Err(unreachable(format!("no connection within {DIAL_TIME:?}"))),
        }
    }

    /// The pauses between attempts.
    fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100).min(self.retry_delay))
            .with_max_delay(self.retry_delay)
            .with_max_times(self.max_retry)
            .with_jitter()
    }

    fn tell(&self, reconnected: Reconnected) {
        if let Some(hook) = &self.on_reconnect {
            hook(reconnected);
        }
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder").field("address", &self.address).finish_non_exhaustive()
    }
}
