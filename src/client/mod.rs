//! The client: a session with a service.
//!
//! - [`address`]: where a service is.
//! - [`connection`]: one task that carries a session's calls.
//! - [`outbox`]: what waits to be sent, and what waits for a reply.
//! - [`window`]: the calls that are not over, by their numbers.

mod address;
mod connection;
mod outbox;
mod window;

pub use address::Address;

use backon::{ExponentialBuilder, Retryable};
use connection::Connection;
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
    id: Uuid,
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
        self.id
    }

    /// Ends the session: calls in flight fail, its handles are given up. In process there is nothing to end before the last
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
#[derive(Clone, Debug)]
#[must_use = "nothing is connected yet"]
pub struct SessionBuilder {
    address: String,
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
            max_retry: 4,
            retry_delay: Duration::from_secs(3),
            call_timeout: Some(CALL_TIMEOUT),
            ignore_version: false,
            max_frame: 1 << 30,
        }
    }
}

impl SessionBuilder {
    /// How often a connection is tried again after the first attempt failed. Default 4.
    pub fn max_retry(mut self, times: usize) -> Self {
        self.max_retry = times;
        self
    }

    /// The longest time between two attempts; it begins at a tenth of a second at most and doubles, with jitter. Default 3 s.
    pub fn retry_delay(mut self, delay: Duration) -> Self {
        self.retry_delay = delay;
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
    pub async fn connect(self) -> Result<Session, Error> {
        let address: Address = self.address.parse()?;
        let least = Duration::from_millis(100).min(self.retry_delay);
        let policy = ExponentialBuilder::default()
            .with_min_delay(least)
            .with_max_delay(self.retry_delay)
            .with_max_times(self.max_retry)
            .with_jitter();
        let stream = (|| address.connect()).retry(policy).await.map_err(|cause| Error::Unreachable {
            address: self.address.clone(),
            attempts: self.max_retry + 1,
            cause: cause.to_string(),
        })?;
        self.over(stream).await
    }

    /// Opens a session over a stream of bytes that is connected already.
    ///
    /// # Errors
    /// [`Error::ProtocolMismatch`], [`Error::Refused`], [`Error::Closed`].
    pub async fn over(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Session, Error> {
        let connection = Arc::new(Connection::open(stream, &self).await?);
        let (caller, id): (Arc<dyn Caller>, _) = (connection.clone(), connection.session());
        Ok(Session { routines: Routines::new(caller), connection: Some(connection), id })
    }
}
