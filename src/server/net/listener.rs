//! Where connections come from: TCP, a Unix socket, memory, or any other source of byte streams.

use crate::byte_stream::ByteStream;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How many bytes an in-memory stream buffers before its writer has to wait.
const MEMORY_BYTES: usize = 64 * 1024;

/// A source of connections, for [`Service::listener`](crate::Service::listener).
///
/// ```
/// use std::io;
/// use std::task::{Context, Poll};
/// use tarmem::{Accepted, Listener, Service, Session, Stream};
/// use tokio::io::DuplexStream;
///
/// /// Accepts one connection, and no others.
/// struct Once(Option<DuplexStream>);
///
/// impl Listener for Once {
///     fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
///         Poll::Ready(match self.0.take() {
///             Some(stream) => Ok(Accepted { stream: Stream::Other(Box::new(stream)) }),
///             None => Err(io::ErrorKind::NotConnected.into()),
///         })
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (ours, theirs) = tokio::io::duplex(65_536);
/// let service = Service::without_listener().listener(Once(Some(theirs))).start().await?;
/// let session = Session::over(ours).await?;
/// assert!(!session.is_memoized("alice").await?);
/// service.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub trait Listener: Send + 'static {
    /// Polls for the next connection.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if there will never be another connection. After any other error the service
    /// polls again.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>>;

    /// The socket address that it listens on, if it has one.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// The address with which a client on this host can [connect](crate::Session::connect), if there is one.
    fn address(&self) -> Option<String> {
        let mut address = self.local_addr()?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        Some(address.to_string())
    }
}

/// A connection that a [`Listener`] has accepted.
///
/// ```
/// use tarmem::{Accepted, Stream};
///
/// let (_ours, theirs) = tokio::io::duplex(1024);
/// let accepted = Accepted { stream: Stream::Other(Box::new(theirs)) };
/// assert!(matches!(accepted.stream, Stream::Other(_)));
/// ```
#[derive(Debug)]
pub struct Accepted {
    /// The stream that carries the connection.
    pub stream: Stream,
}

/// The stream that carries a connection.
///
/// The event loop that serves a connection is not the one that accepted it. So sockets are passed on as those of the
/// standard library, which belong to no event loop.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use tarmem::Stream;
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let _client = TcpStream::connect(listener.local_addr()?)?;
/// let (socket, _) = listener.accept()?;
/// socket.set_nonblocking(true)?;
/// let stream = Stream::Tcp(socket);
/// assert_eq!(format!("{stream:?}"), "Stream::Tcp");
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub enum Stream {
    /// A TCP socket in non-blocking mode.
    Tcp(std::net::TcpStream),
    /// A Unix socket in non-blocking mode.
    Unix(std::os::unix::net::UnixStream),
    /// Any other stream. Its peer counts as a process on this host.
    Other(Box<dyn ByteStream>),
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stream::Tcp(_) => "Stream::Tcp",
            Stream::Unix(_) => "Stream::Unix",
            Stream::Other(_) => "Stream::Other",
        })
    }
}

impl Listener for TcpListener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        TcpListener::poll_accept(self, cx).map(|accepted| {
            let (stream, _) = accepted?;
            Ok(Accepted { stream: Stream::Tcp(stream.into_std()?) })
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        TcpListener::local_addr(self).ok()
    }
}

/// A listener in memory and its connector, for tests and for services inside a program.
///
/// ```
/// use tarmem::{Service, Session, memory};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (listener, connector) = memory();
/// let service = Service::without_listener().listener(listener).start().await?;
/// let session = Session::over(connector.connect().await?).await?;
/// assert!(!session.is_memoized("alice").await?);
/// service.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub fn memory() -> (MemoryListener, MemoryConnector) {
    let (sender, receiver) = mpsc::channel(64);
    (MemoryListener { receiver }, MemoryConnector { sender })
}

/// Accepts connections in memory. Made by [`memory`].
///
/// ```
/// use tarmem::{Listener, MemoryListener, memory};
///
/// let (listener, _connector): (MemoryListener, _) = memory();
/// assert_eq!(listener.address(), None);
/// ```
#[derive(Debug)]
pub struct MemoryListener {
    receiver: mpsc::Receiver<DuplexStream>,
}

impl Listener for MemoryListener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        self.receiver.poll_recv(cx).map(|stream| match stream {
            Some(stream) => Ok(Accepted { stream: Stream::Other(Box::new(stream)) }),
            None => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// Makes connections in memory. Made by [`memory`]; its clones connect to the same listener.
///
/// ```
/// use tarmem::{MemoryConnector, memory};
///
/// # #[tokio::main]
/// # async fn main() {
/// let (listener, connector): (_, MemoryConnector) = memory();
/// assert!(connector.clone().connect().await.is_ok());
/// drop(listener);
/// let error = connector.connect().await.expect_err("the listener is gone");
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    sender: mpsc::Sender<DuplexStream>,
}

impl MemoryConnector {
    /// Makes a connection, and returns the client's end of it for [`Session::over`](crate::Session::over).
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if the service has ended.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(MEMORY_BYTES);
        self.sender.send(theirs).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}
