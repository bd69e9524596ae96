//! Where connections come from: TCP, a Unix socket, memory, or anything else that gives streams of bytes.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;

/// How much an in-memory stream holds before its writer waits, in bytes.
const MEMORY_BYTES: usize = 64 * 1024;

/// A source of connections.
pub trait Listener: Send + 'static {
    /// The next connection.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if there will never be another; after any other error it is asked again.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>>;

    /// Its address, if it has one.
    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// What [`Session::connect`](crate::Session::connect) takes to get here from this host, if that is enough.
    fn address(&self) -> Option<String> {
        let mut address = self.local_addr()?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        Some(address.to_string())
    }
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// Its bytes.
    pub stream: Stream,
}

/// The bytes of a connection. A connection is served by another event loop than it was accepted on, so sockets travel
/// without one.
#[non_exhaustive]
pub enum Stream {
    /// A TCP socket, non-blocking.
    Tcp(std::net::TcpStream),
    /// A Unix socket, non-blocking.
    Unix(std::os::unix::net::UnixStream),
    /// Anything else; its peer counts as a process on this host.
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

/// Anything that bytes can be read from and written to.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {}

/// A listener that may not have its address yet.
pub(crate) enum Bindable {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
    Other(Box<dyn Listener>),
}

impl Bindable {
    pub(crate) async fn bind(self) -> io::Result<Box<dyn Listener>> {
        Ok(match self {
            Bindable::Tcp { host, port } => Box::new(TcpListener::bind((host.as_str(), port)).await?),
            Bindable::Unix(path) => Box::new(BoundUnix::bind(path)?),
            Bindable::Other(listener) => listener,
        })
    }
}

impl fmt::Display for Bindable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bindable::Tcp { host, port } => write!(f, "{host}:{port}"),
            Bindable::Unix(path) => write!(f, "unix:{}", path.display()),
            Bindable::Other(_) => f.write_str("a listener"),
        }
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

/// A Unix socket that is removed when it is no longer listened on.
struct BoundUnix {
    listener: UnixListener,
    path: PathBuf,
}

impl BoundUnix {
    fn bind(path: PathBuf) -> io::Result<Self> {
        let listener = match UnixListener::bind(&path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(&path) => {
                std::fs::remove_file(&path)?;
                UnixListener::bind(&path)?
            }
            bound => bound?,
        };
        Ok(BoundUnix { listener, path })
    }
}

/// A socket that nobody listens on: its service was killed.
fn is_left_behind(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let refused = std::os::unix::net::UnixStream::connect(path)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    is_socket && refused
}

impl Listener for BoundUnix {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        self.listener.poll_accept(cx).map(|accepted| {
            let (stream, _) = accepted?;
            Ok(Accepted { stream: Stream::Unix(stream.into_std()?) })
        })
    }

    fn address(&self) -> Option<String> {
        // Whoever connects may be in another folder.
        Some(format!("unix:{}", std::path::absolute(&self.path).ok()?.to_str()?))
    }
}

impl Drop for BoundUnix {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A listener in memory, and what connects to it: for tests, and for a service inside a program.
pub fn memory() -> (MemoryListener, MemoryConnector) {
    let (sender, receiver) = mpsc::channel(64);
    (MemoryListener { receiver }, MemoryConnector { sender })
}

/// Takes connections made in memory; see [`memory`].
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

/// Makes connections in memory; see [`memory`].
#[derive(Clone, Debug)]
pub struct MemoryConnector {
    sender: mpsc::Sender<DuplexStream>,
}

impl MemoryConnector {
    /// A new connection: the client's end of it, for [`Session::over`](crate::Session::over).
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if the service is gone.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(MEMORY_BYTES);
        self.sender.send(theirs).await.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}
