//! Where connections come from: TCP, a Unix socket, memory, or anything else that gives streams of bytes.

use crate::byte_stream::ByteStream;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
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
