//! Binds what a service listens on: all addresses that a host's name stands for, and Unix sockets.

use super::listener::{Accepted, Listener, Stream};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use tokio::net::{TcpListener, UnixListener, UnixSocket};

/// How often to look for a port that is free on all addresses of a name.
const ATTEMPTS: usize = 16;

/// A listener that may not have its address yet.
pub(in crate::server) enum Bindable {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
    Other(Box<dyn Listener>),
}

/// An address that cannot be listened on, and why.
pub(in crate::server) struct Unbound {
    pub(in crate::server) address: String,
    pub(in crate::server) cause: io::Error,
}

impl Bindable {
    /// Listens, with a queue of `backlog` connections that are still to be accepted. Gives several listeners for a name
    /// with several addresses.
    ///
    /// `::` listens on IPv6 only if `v4` contains its port, since another listener has that port on IPv4.
    pub(in crate::server) async fn bind(self, backlog: u32, v4: &[u16]) -> Result<Vec<Box<dyn Listener>>, Unbound> {
        let address = self.to_string();
        let unbound = |cause| Unbound { address, cause };
        Ok(match self {
            Bindable::Tcp { host, port } => {
                let addresses = resolve(&host, port).await.map_err(unbound)?;
                let terms = Terms { backlog, v6_only: v4.contains(&port) };
                let listeners = bind_each(&addresses, terms)?;
                listeners.into_iter().map(|listener| Box::new(listener) as Box<dyn Listener>).collect()
            }
            Bindable::Unix(path) => vec![Box::new(BoundUnix::bind(path, backlog).map_err(unbound)?)],
            Bindable::Other(listener) => vec![listener],
        })
    }
}

/// The ports on which any IPv4 address is listened on.
pub(in crate::server) fn v4_ports(listeners: &[Bindable]) -> Vec<u16> {
    let wildcard = |listener: &Bindable| match listener {
        Bindable::Tcp { host, port } if host.parse() == Ok(Ipv4Addr::UNSPECIFIED) => Some(*port),
        _ => None,
    };
    listeners.iter().filter_map(wildcard).collect()
}

/// How to listen on an address.
#[derive(Clone, Copy)]
struct Terms {
    backlog: u32,
    /// Leaves out IPv4, which `::` includes on most systems.
    v6_only: bool,
}

impl fmt::Display for Bindable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bindable::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Bindable::Tcp { host, port } => write!(f, "{host}:{port}"),
            Bindable::Unix(path) => write!(f, "unix:{}", path.display()),
            Bindable::Other(_) => f.write_str("a listener"),
        }
    }
}

/// The addresses of a host, without duplicates. There is at least one.
async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    if host.eq_ignore_ascii_case("localhost") {
        // `localhost` stands for both, whatever the table of hosts says (RFC 6761): a client may try either.
        addresses
            .extend([SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]);
    } else {
        for address in tokio::net::lookup_host((host, port)).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

/// Listens on those of `addresses` that this machine has. Port 0 takes the same free port on all of them, if there is
/// one.
fn bind_each(addresses: &[SocketAddr], terms: Terms) -> Result<Vec<TcpListener>, Unbound> {
    for _ in 0..ATTEMPTS {
        match bind_all(addresses, terms, true) {
            Err(Unbound { cause, .. }) if cause.kind() == io::ErrorKind::AddrInUse && addresses[0].port() == 0 => {}
            bound => return bound,
        }
    }
    bind_all(addresses, terms, false)
}

fn bind_all(addresses: &[SocketAddr], terms: Terms, same_port: bool) -> Result<Vec<TcpListener>, Unbound> {
    let (mut listeners, mut absent) = (Vec::<TcpListener>::new(), Vec::new());
    let mut free_port = 0;
    for &address in addresses {
        let mut address = address;
        if address.port() == 0 && same_port {
            address.set_port(free_port);
        }
        match listen(address, terms) {
            Ok(Some(listener)) => {
                free_port = listener.local_addr().map_or(0, |address| address.port());
                listeners.push(listener);
            }
            Ok(None) => absent.push(address),
            Err(cause) => return Err(Unbound { address: address.to_string(), cause }),
        }
    }
    if let ([], Some(address)) = (&*listeners, absent.first()) {
        let cause = io::Error::new(io::ErrorKind::AddrNotAvailable, "this machine does not have the address");
        return Err(Unbound { address: address.to_string(), cause });
    }
    for address in absent {
        tracing::info!("this machine does not have {}, so nothing listens there", address.ip());
    }
    Ok(listeners)
}

/// Returns `None` if the machine has no such address, or does not know its family at all.
fn listen(address: SocketAddr, terms: Terms) -> io::Result<Option<TcpListener>> {
    let Ok(socket) = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)) else {
        return Ok(None);
    };
    // As the standard library does. Otherwise a restarted service could not listen until the system has forgotten the
    // previous one's connections.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() && terms.v6_only {
        socket.set_only_v6(true)?;
    }
    match socket.bind(&address.into()) {
        Ok(()) => {
            socket.set_nonblocking(true)?;
            socket.listen(i32::try_from(terms.backlog).unwrap_or(i32::MAX))?;
            TcpListener::from_std(socket.into()).map(Some)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Ok(None),
        Err(error) => Err(error),
    }
}

/// A Unix socket, whose file is removed when this is dropped.
struct BoundUnix {
    listener: UnixListener,
    path: PathBuf,
}

impl BoundUnix {
    fn bind(path: PathBuf, backlog: u32) -> io::Result<Self> {
        let bind = || -> io::Result<UnixListener> {
            let socket = UnixSocket::new_stream()?;
            socket.bind(&path)?;
            socket.listen(backlog)
        };
        let listener = match bind() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(&path) => {
                std::fs::remove_file(&path)?;
                bind()?
            }
            bound => bound?,
        };
        Ok(BoundUnix { listener, path })
    }
}

/// Whether nobody listens on the socket, since its service was killed.
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
        // A client may have another working directory.
        Some(format!("unix:{}", std::path::absolute(&self.path).ok()?.to_str()?))
    }
}

impl Drop for BoundUnix {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { backlog: 8, v6_only: false };

    #[tokio::test]
    async fn an_address_that_the_machine_does_not_have_is_skipped_if_there_is_another() {
        let (here, nowhere) = (([127, 0, 0, 1], 0).into(), ([192, 0, 2, 1], 0).into());
        let listeners = bind_each(&[nowhere, here], TERMS).ok().expect("one of them can be had");
        let bound: Vec<_> = listeners.iter().map(|listener| listener.local_addr().expect("bound").ip()).collect();
        assert_eq!(bound, [here.ip()]);
        let unbound = bind_each(&[nowhere], TERMS).expect_err("there is no other");
        assert_eq!((&*unbound.address, unbound.cause.kind()), ("192.0.2.1:0", io::ErrorKind::AddrNotAvailable));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_on_one_address_is_an_error_that_names_it() {
        let [one, two] = [[127, 0, 0, 1], [127, 0, 0, 2]].map(|ip| SocketAddr::from((ip, 0)));
        let taken = bind_each(&[two], TERMS).ok().expect("a free port");
        let port = taken[0].local_addr().expect("bound").port();
        let at = |mut address: SocketAddr| {
            address.set_port(port);
            address
        };
        let unbound = bind_each(&[at(one), at(two)], TERMS).expect_err("it is taken");
        assert_eq!((unbound.address, unbound.cause.kind()), (at(two).to_string(), io::ErrorKind::AddrInUse));
        // Any port that is free on both.
        let both = bind_each(&[one, two], TERMS).ok().expect("there is one");
        let ports = [&both[0], &both[1]].map(|listener| listener.local_addr().expect("bound").port());
        assert_eq!(ports[0], ports[1]);
    }

    /// In this order and in the other.
    #[tokio::test]
    async fn ipv4_and_ipv6_can_be_listened_on_at_one_port() {
        if bind_each(&[(Ipv6Addr::UNSPECIFIED, 0).into()], TERMS).is_err() {
            eprintln!("skipped: this machine has no IPv6");
            return;
        }
        let taken = bind_each(&[(Ipv4Addr::UNSPECIFIED, 0).into()], TERMS).ok().expect("a free port");
        let port = taken[0].local_addr().expect("bound").port();
        drop(taken);
        for hosts in [["0.0.0.0", "::"], ["::", "0.0.0.0"]] {
            let listeners = hosts.map(|host| Bindable::Tcp { host: host.to_owned(), port });
            let v4 = v4_ports(&listeners);
            let mut bound = Vec::new();
            for listener in listeners {
                let address = listener.to_string();
                bound.extend(listener.bind(8, &v4).await.ok().unwrap_or_else(|| panic!("{address} of {hosts:?}")));
            }
            assert_eq!(bound.len(), 2);
        }
    }
}
