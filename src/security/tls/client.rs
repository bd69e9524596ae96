//! The client's side of TLS: its settings and its handshake.

use super::verdict::{OLD, Role, hung_up, of_rustls, problem_with, refused};
use super::{add_roots, identity, mismatch, provider};
use crate::byte_stream::ByteStream;
use crate::security::{HandshakeFailure, TlsError};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConfig, Error, PeerIncompatible, RootCertStore};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// A client's TLS settings: the CAs that it trusts, and its own certificate for mutual TLS.
///
/// ```no_run
/// # async fn example() -> Result<(), tarmem::Error> {
/// use tarmem::{ClientTls, Session};
///
/// let tls = ClientTls::new().ca_file("root.pem").identity("client.pem", "client.key");
/// let session = Session::builder("tarmems://db.example.org:18813").tls(tls).connect().await?;
/// assert!(session.keys("", "", 10).await?.keys.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it is given to `SessionBuilder::tls`"]
pub struct ClientTls {
    ca: Option<PathBuf>,
    system_roots: bool,
    identity: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
}

impl ClientTls {
    /// Creates settings that trust no CA yet.
    pub fn new() -> Self {
        ClientTls::default()
    }

    /// The settings for an address with `tarmems://` if the caller gave no others: they trust the system's CAs.
    ///
    /// # Errors
    /// Never; in a build without TLS, always.
    pub(crate) fn of_system() -> Result<Self, TlsError> {
        Ok(ClientTls::new().system_roots(true))
    }

    /// Trusts the CA certificates in the file (PEM).
    pub fn ca_file(mut self, roots: impl Into<PathBuf>) -> Self {
        self.ca = Some(roots.into());
        self
    }

    /// Whether to trust the system's CA certificates. Default: `false`.
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.system_roots = trust;
        self
    }

    /// Presents the certificate chain in the file `cert`, with the private key in the file `key` (both PEM), to
    /// services that ask for a certificate.
    pub fn identity(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((cert.into(), key.into()));
        self
    }

    /// The name that the service's certificate has to be for. Default: the host in the address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

/// Makes the handshakes of a client with one service.
#[derive(Clone)]
pub(crate) struct ClientSide {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl ClientSide {
    /// Prepares handshakes with a service on `host`.
    pub(crate) fn new(tls: &ClientTls, host: &str) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &tls.ca {
            add_roots(&mut roots, path)?;
        }
        if tls.system_roots {
            // Certificates that cannot be read are skipped.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            let message = "no CA is trusted, so no service's certificate can be verified; give the CA that signed the \
                           certificate (--ca, ClientTls::ca_file), or trust the system's CAs (--system-roots, \
                           ClientTls::system_roots)";
            return Err(TlsError(message.to_owned()));
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| TlsError(error.to_string()))?
            .with_webpki_verifier(verifier.map_err(|error| TlsError(error.to_string()))?);
        let config = match &tls.identity {
            None => config.with_no_client_auth(),
            Some((cert, key)) => {
                let (chain, private) = identity(cert, key)?;
                config
                    .with_client_auth_cert(chain, private)
                    .map_err(|error| mismatch(cert, key, &error, Role::Client))?
            }
        };
        let name = tls.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            TlsError(format!("{name:?} is not a host's name; give one (--server-name, ClientTls::server_name)"))
        })?;
        Ok(ClientSide { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// Makes the handshake with the service.
    pub(crate) async fn connect(&self, stream: Box<dyn ByteStream>) -> Result<Box<dyn ByteStream>, HandshakeFailure> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(HandshakeFailure {
                reason: explain(&error),
                // An error of rustls would be the same at the next attempt; a connection that broke may not break
                // again.
                is_verdict: of_rustls(&error).is_some(),
                is_foreign: matches!(of_rustls(&error), Some(Error::InvalidMessage(_)))
                    || error.kind() == io::ErrorKind::UnexpectedEof,
            }),
        }
    }
}

/// Why a client's handshake failed, with the remedy.
fn explain(error: &io::Error) -> String {
    let Some(error) = of_rustls(error) else {
        return if hung_up(error) {
            "it hung up at once; if it does not speak TLS, connect with tarmem://".to_owned()
        } else {
            error.to_string()
        };
    };
    match error {
        Error::InvalidCertificate(problem) => problem_with(problem, Role::Service),
        Error::AlertReceived(alert) => refused(*alert, Role::Client).unwrap_or_else(|| error.to_string()),
        Error::InvalidMessage(_) => "it does not seem to speak TLS; connect with tarmem://".to_owned(),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => OLD.to_owned(),
        other => other.to_string(),
    }
}

/// What the service says is wrong with the client's certificate, if that is why it closed the connection.
pub(crate) fn verdict_of(error: &io::Error) -> Option<String> {
    of_rustls(error).map(|_| explain(error))
}
