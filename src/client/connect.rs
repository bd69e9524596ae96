//! Makes one attempt to connect to a service, with or without TLS.

use super::address::{Address, Location};
use super::happy_eyeballs::race;
use super::probe::PeerKind;
use super::unix_error;
use crate::byte_stream::ByteStream;
use crate::security::{ClientSide, ClientTls, HandshakeFailure};
use std::io;
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::net::{TcpStream, UnixStream, lookup_host};

/// How long it may take to connect to a Unix socket, and then to make a TLS handshake. (Each address of a host has the
/// same time: see [`race`].)
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long it may take to resolve a name.
const NAME_TIME: Duration = Duration::from_secs(10);

/// Where and how to connect.
#[derive(Clone)]
pub(super) struct Endpoint {
    address: Address,
    /// `None` without TLS.
    tls: Option<ClientSide>,
}

impl Endpoint {
    /// Combines the TLS settings of the address with those of the caller, `tls`.
    ///
    /// # Errors
    /// [`Error::Insecure`] if TLS cannot be set up.
    pub(super) fn new(location: Location, tls: Option<ClientTls>) -> Result<Self, Error> {
        let Location { address, secure, .. } = location;
        let insecure = |reason: String| Error::Insecure { address: address.to_string(), reason };
        let tls = match (&address, secure, tls) {
            (Address::Unix(_), _, Some(_)) => {
                return Err(insecure(
                    "a Unix socket does not use TLS, and needs none; leave the TLS options out".to_owned(),
                ));
            }
            (_, Some(false), Some(_)) => {
                return Err(insecure(
                    "tarmem:// does not use TLS; write tarmems://, or leave the TLS options out".to_owned(),
                ));
            }
            (_, Some(true), None) => Some(ClientTls::of_system().map_err(|error| insecure(error.to_string()))?),
            (_, _, tls) => tls,
        };
        let host = match &address {
            Address::Tcp { host, .. } => host.as_str(),
            Address::Unix(_) => "",
        };
        let tls =
            tls.map(|tls| ClientSide::new(&tls, host)).transpose().map_err(|error| insecure(error.to_string()))?;
        Ok(Endpoint { address, tls })
    }

    /// Makes one attempt to connect. A name is resolved each time. `shown` is the address for errors.
    pub(super) async fn connect(&self, shown: &str) -> Result<Box<dyn ByteStream>, Error> {
        match &self.address {
            Address::Tcp { host, port } => {
                let resolved = tokio::time::timeout(NAME_TIME, lookup_host((host.as_str(), *port))).await;
                let addresses = resolved
                    .unwrap_or_else(|_| Err(io::Error::other(format!("not resolved within {NAME_TIME:?}"))))
                    .map_err(|error| unreachable(shown, format!("its name, {host:?}: {error}")))?;
                let connect = |address| async move {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok(stream)
                };
                Ok(Box::new(race(addresses, connect).await.map_err(|cause| unreachable(shown, cause))?))
            }
            Address::Unix(path) => match tokio::time::timeout(CONNECT_TIME, UnixStream::connect(path)).await {
                Ok(Ok(stream)) => Ok(Box::new(stream)),
                Ok(Err(error)) => Err(unreachable(shown, unix_error::explain(path, &error))),
                Err(_) => Err(unreachable(shown, format!("no connection within {CONNECT_TIME:?}"))),
            },
        }
    }

    /// Makes the TLS handshake over `stream`, if this endpoint uses TLS.
    pub(super) async fn start_tls(
        &self,
        stream: Box<dyn ByteStream>,
        shown: &str,
    ) -> Result<Box<dyn ByteStream>, TlsFailure> {
        let Some(tls) = &self.tls else { return Ok(stream) };
        match tokio::time::timeout(CONNECT_TIME, tls.connect(stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(HandshakeFailure { reason, is_verdict, is_foreign })) => {
                let error = if is_verdict {
                    Error::Insecure { address: shown.to_owned(), reason }
                } else {
                    unreachable(shown, reason)
                };
                Err(TlsFailure { error, is_foreign })
            }
            Err(_) => {
                let error = unreachable(shown, format!("no TLS within {CONNECT_TIME:?}"));
                Err(TlsFailure { is_foreign: false, error })
            }
        }
    }

    /// Finds out, over another connection, what answers at this address; `None` if nothing does. `over_tls` says
    /// whether to ask over TLS.
    pub(super) async fn probe(&self, over_tls: bool) -> Option<PeerKind> {
        let probed = async {
            let stream = self.connect("").await.ok()?;
            if over_tls {
                PeerKind::probe(self.start_tls(stream, "").await.ok()?).await
            } else {
                PeerKind::probe(stream).await
            }
        };
        tokio::time::timeout(CONNECT_TIME, probed).await.ok()?
    }

    /// Whether this endpoint uses TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }
}

/// Why a TLS handshake failed.
pub(super) struct TlsFailure {
    pub(super) error: Error,
    /// Whether the peer may speak another protocol.
    pub(super) is_foreign: bool,
}

fn unreachable(shown: &str, cause: String) -> Error {
    Error::Unreachable { address: shown.to_owned(), attempts: 1, cause }
}
