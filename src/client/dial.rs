//! The way to a service: one attempt to connect, over TLS or not.

use super::address::{Address, Location};
use crate::security::{ClientSide, ClientTls, explain};
use crate::server::listener::ByteStream;
use std::io;
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::net::{TcpStream, UnixStream};

/// How long one attempt to connect may take.
const DIAL_TIME: Duration = Duration::from_secs(10);

/// Where to go, and how.
#[derive(Clone)]
pub(super) struct Target {
    address: Address,
    /// `None` in the clear.
    tls: Option<ClientSide>,
}

impl Target {
    /// `tls` is what the caller said of it.
    ///
    /// # Errors
    /// [`Error::Insecure`] if TLS cannot be set up.
    pub(super) fn new(location: Location, tls: Option<ClientTls>) -> Result<Self, Error> {
        let Location { address, secure, .. } = location;
        let insecure = |reason: String| Error::Insecure { address: address.to_string(), reason };
        let tls = match (&address, secure, tls) {
            (Address::Unix(_), _, Some(_)) => {
                return Err(insecure("a Unix socket has no TLS, and needs none; leave the TLS options out".to_owned()));
            }
            (_, Some(false), Some(_)) => {
                return Err(insecure(
                    "tarmem:// is without TLS; write tarmems://, or leave the TLS options out".to_owned(),
                ));
            }
            (_, Some(true), tls) => Some(tls.unwrap_or_else(|| ClientTls::new().system_roots(true))),
            (_, _, tls) => tls,
        };
        let host = match &address {
            Address::Tcp { host, .. } => host.as_str(),
            Address::Unix(_) => "",
        };
        let tls =
            tls.map(|tls| ClientSide::new(&tls, host)).transpose().map_err(|error| insecure(error.to_string()))?;
        Ok(Target { address, tls })
    }

    /// One attempt; `shown` is the address in errors.
    pub(super) async fn dial(&self, shown: &str) -> Result<Box<dyn ByteStream>, Error> {
        let unreachable = |cause: String| Error::Unreachable { address: shown.to_owned(), attempts: 1, cause };
        match tokio::time::timeout(DIAL_TIME, self.connect()).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(Failure::Tls(error))) => {
                let reason = explain(&error);
                // What rustls says does not change; a connection that breaks on the way may be another one next time.
                let is_verdict = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
                let insecure = Error::Insecure { address: shown.to_owned(), reason: reason.clone() };
                Err(if is_verdict { insecure } else { unreachable(reason) })
            }
            Ok(Err(Failure::Tcp(error))) => Err(unreachable(error.to_string())),
            Err(_) => Err(unreachable(format!("no connection within {DIAL_TIME:?}"))),
        }
    }

    async fn connect(&self) -> Result<Box<dyn ByteStream>, Failure> {
        Ok(match &self.address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(Failure::Tcp)?;
                stream.set_nodelay(true).map_err(Failure::Tcp)?;
                match &self.tls {
                    None => Box::new(stream),
                    Some(ClientSide { connector, name }) => {
                        Box::new(connector.connect(name.clone(), stream).await.map_err(Failure::Tls)?)
                    }
                }
            }
            Address::Unix(path) => Box::new(UnixStream::connect(path).await.map_err(Failure::Tcp)?),
        })
    }
}

/// Where it failed.
enum Failure {
    Tcp(io::Error),
    Tls(io::Error),
}
