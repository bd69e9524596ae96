//! Where a service is.

use crate::server::listener::ByteStream;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use tarmem_remote::error::Error;
use tokio::net::{TcpStream, UnixStream};

/// The address of a service: `host:port`, `tarmem://host:port` or `unix:/path`.
///
/// ```
/// use tarmem::Address;
/// assert_eq!("tarmem://localhost:18813".parse::<Address>().unwrap().to_string(), "localhost:18813");
/// assert!("localhost".parse::<Address>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// A host and a port.
    Tcp {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn ByteStream>> {
        Ok(match self {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(address: &str) -> Result<Self, Error> {
        if let Some(path) = address.strip_prefix("unix:") {
            return Ok(Address::Unix(path.into()));
        }
        let bare = address.strip_prefix("tarmem://").unwrap_or(address).trim_end_matches('/');
        let (host, port) = bare
            .rsplit_once(':')
            .ok_or(())
            .and_then(|(host, port)| Ok((host, port.parse().map_err(|_| ())?)))
            .map_err(|()| {
                Error::malformed(
                    "address",
                    format!("{address:?} is not host:port, such as localhost:18813, or unix:/path"),
                )
            })?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Ok(Address::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
