//! The client's side of TLS: whom it trusts, what it shows, and its handshake.

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

/// Whom a client trusts, and what it shows if it is asked for a certificate.
///
/// ```no_run
/// # async fn example() -> Result<(), tarmem::Error> {
/// use tarmem::{ClientTls, Session};
///
/// let tls = ClientTls::new().ca_file("root.pem").identity("client.pem", "client.key");
/// let session = Session::builder("tarmems://db.example.org:18813").tls(tls).connect().await?;
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
    /// Trusts nobody yet.
    pub fn new() -> Self {
        ClientTls::default()
    }

    /// For a service whose address asks for TLS, where nothing else was said: trusts what this system does.
    ///
    /// # Errors
    /// None; in a build without TLS, that there is none.
    pub(crate) fn of_system() -> Result<Self, TlsError> {
        Ok(ClientTls::new().system_roots(true))
    }

    /// Trusts what the certificates in the file (PEM) have signed.
    pub fn ca_file(mut self, roots: impl Into<PathBuf>) -> Self {
        self.ca = Some(roots.into());
        self
    }

    /// Trusts what this system trusts. Default: no.
    pub fn system_roots(mut self, trust: bool) -> Self {
        self.system_roots = trust;
        self
    }

    /// Shows the certificate chain in the file `cert`, with the private key in the file `key`, both in PEM.
    pub fn identity(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((cert.into(), key.into()));
        self
    }

    /// The name that the service's certificate has to be for. Default: the host that is connected to.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

/// The client's side.
#[derive(Clone)]
pub(crate) struct ClientSide {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl ClientSide {
    /// For a service on `host`.
    pub(crate) fn new(tls: &ClientTls, host: &str) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &tls.ca {
            add_roots(&mut roots, path)?;
        }
        if tls.system_roots {
            // Those that cannot be read are not trusted.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if roots.is_empty() {
            let message = "nobody is trusted, so no service can be; give the root of its certificate (--ca, \
                           ClientTls::ca_file), or trust what this system does (--system-roots, \
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
            TlsError(format!("{name:?} is no host's name; give one (--server-name, ClientTls::server_name)"))
        })?;
        Ok(ClientSide { connector: TlsConnector::from(Arc::new(config)), name })
    }

    /// The handshake with a service.
    pub(crate) async fn connect(&self, stream: Box<dyn ByteStream>) -> Result<Box<dyn ByteStream>, HandshakeFailure> {
        match self.connector.connect(self.name.clone(), stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(HandshakeFailure {
                reason: explain(&error),
                // What rustls says does not change; a connection that breaks on the way may be another one next time.
                is_verdict: of_rustls(&error).is_some(),
                is_foreign: matches!(of_rustls(&error), Some(Error::InvalidMessage(_)))
                    || error.kind() == io::ErrorKind::UnexpectedEof,
            }),
        }
    }
}

/// Why a client has no secure connection, and what to do about it.
fn explain(error: &io::Error) -> String {
    let Some(error) = of_rustls(error) else {
        return if hung_up(error) {
            "it hung up at once; if it does not speak TLS, connect to tarmem:// then".to_owned()
        } else {
            error.to_string()
        };
    };
    match error {
        Error::InvalidCertificate(problem) => problem_with(problem, Role::Service),
        Error::AlertReceived(alert) => refused(*alert, Role::Client).unwrap_or_else(|| error.to_string()),
        Error::InvalidMessage(_) => "it does not speak TLS, it seems; connect to tarmem:// then".to_owned(),
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => OLD.to_owned(),
        other => other.to_string(),
    }
}

/// What the other side said of this one's certificate, if that is why it hung up.
pub(crate) fn verdict_of(error: &io::Error) -> Option<String> {
    of_rustls(error).map(|_| explain(error))
}
