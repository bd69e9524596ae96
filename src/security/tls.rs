//! TLS 1.3 by rustls: certificates, for both sides.

use super::verdict::{Role, flaw_of_own, problem_with};
use crate::config::read_file;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The first byte of a TLS connection. That of a tarmem frame is 0 before a session is open.
pub(crate) const TLS_BYTE: u8 = 0x16;

/// What a service shows to its clients, and whether it asks them for a certificate too.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tarmem::{ServerTls, Service};
///
/// let tls = ServerTls::new("server.pem", "server.key").client_ca("clients.pem");
/// Service::new("0.0.0.0", 18813).tls(tls).run().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is given to `Service::tls`"]
pub struct ServerTls {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl ServerTls {
    /// With the certificate chain in the file `cert` and its private key in the file `key`, both in PEM.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        ServerTls { cert: cert.into(), key: key.into(), client_ca: None }
    }

    /// Asks each client for a certificate that one of those in the file (PEM) has signed: mutual TLS.
    pub fn client_ca(mut self, roots: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(roots.into());
        self
    }
}

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

/// Why TLS cannot be set up. It names the file, and never what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

/// The service's side.
pub(crate) struct ServerSide {
    acceptor: TlsAcceptor,
    mutual: bool,
}

impl ServerSide {
    pub(crate) fn new(tls: &ServerTls) -> Result<Self, TlsError> {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| TlsError(error.to_string()))?;
        let config = match &tls.client_ca {
            None => config.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                add_roots(&mut roots, path)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build();
                config.with_client_cert_verifier(verifier.map_err(|error| in_file(path, error))?)
            }
        };
        let (chain, key) = identity(&tls.cert, &tls.key)?;
        if let Some(flaw) = flaw_of_own(&chain, Role::Service) {
            // It is a matter of the clock, too, so the service runs all the same.
            tracing::warn!("{}: clients will refuse this service: {flaw}", tls.cert.display());
        }
        let config = config
            .with_single_cert(chain, key)
            .map_err(|error| mismatch(&tls.cert, &tls.key, &error, Role::Service))?;
        Ok(ServerSide { acceptor: TlsAcceptor::from(Arc::new(config)), mutual: tls.client_ca.is_some() })
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Whether clients are asked for a certificate.
    pub(crate) fn is_mutual(&self) -> bool {
        self.mutual
    }
}

/// The client's side.
#[derive(Clone)]
pub(crate) struct ClientSide {
    pub(crate) connector: TlsConnector,
    pub(crate) name: ServerName<'static>,
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
                           ClientTls::ca_file), or trust what this system does (--system-roots, ClientTls::system_roots)";
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
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_file(path).map_err(|error| in_file(path, error))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| in_file(path, error))?;
    if certificates.is_empty() {
        return Err(in_file(path, "there is no certificate in it; PEM is needed"));
    }
    Ok(certificates)
}

fn identity(cert: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let text = read_file(key).map_err(|error| in_file(key, error))?;
    // What is wrong with it is not told: it may be the key.
    let private = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| in_file(key, "there is no private key in it; PEM is needed"))?;
    Ok((certificates(cert)?, private))
}

fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    certificates(path)?.into_iter().try_for_each(|root| roots.add(root)).map_err(|error| in_file(path, error))
}

fn in_file(path: &Path, problem: impl std::fmt::Display) -> TlsError {
    TlsError(format!("{}: {problem}", path.display()))
}

fn mismatch(cert: &Path, key: &Path, error: &rustls::Error, role: Role) -> TlsError {
    match (error, role) {
        (rustls::Error::InvalidCertificate(problem), Role::Service) => {
            in_file(cert, format!("clients would refuse this service: {}", problem_with(problem, role)))
        }
        (rustls::Error::InvalidCertificate(problem), Role::Client) => {
            in_file(cert, format!("a service would refuse this client: {}", problem_with(problem, role)))
        }
        (rustls::Error::InconsistentKeys(_), _) => TlsError(format!(
            "the key {} is not that of the certificate {}; give the two that were made together",
            key.display(),
            cert.display()
        )),
        _ => {
            TlsError(format!("the certificate {} and the key {} do not serve: {error}", cert.display(), key.display()))
        }
    }
}
