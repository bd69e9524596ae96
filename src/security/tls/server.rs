//! The service's side of TLS: its settings and its handshake.

use super::verdict::{OLD, Role, hung_up, of_rustls, problem_with, refused};
use super::{add_roots, identity, in_file, mismatch, provider};
use crate::security::TlsError;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{CertificateError, Error, OtherError, PeerIncompatible, RootCertStore, ServerConfig};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use webpki::{EndEntityCert, KeyUsage};

/// A service's TLS settings: its certificate, and the CA of its clients for mutual TLS.
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
    /// Creates settings with the certificate chain in the file `cert` and its private key in the file `key`, both PEM.
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        ServerTls { cert: cert.into(), key: key.into(), client_ca: None }
    }

    /// Asks each client for a certificate that one of the CAs in the file (PEM) has signed: mutual TLS.
    pub fn client_ca(mut self, roots: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(roots.into());
        self
    }
}

/// A TLS connection, as the service sees it.
pub(crate) type ServerTlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// Makes the handshakes of a service with its clients.
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
            // The service starts all the same: the clocks of its clients may differ from its own.
            tracing::warn!("{}: clients will refuse this service: {flaw}", tls.cert.display());
        }
        let config = config
            .with_single_cert(chain, key)
            .map_err(|error| mismatch(&tls.cert, &tls.key, &error, Role::Service))?;
        Ok(ServerSide { acceptor: TlsAcceptor::from(Arc::new(config)), mutual: tls.client_ca.is_some() })
    }

    /// Makes the handshake with a client.
    ///
    /// # Errors
    /// Why it failed, for [`explain_to_service`], with the connection.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<ServerTlsStream, (io::Error, TcpStream)> {
        self.acceptor.accept(stream).into_fallible().await
    }

    /// Whether clients are asked for a certificate.
    pub(crate) fn is_mutual(&self) -> bool {
        self.mutual
    }
}

/// Why the handshake with a client failed, for the service's log.
pub(crate) fn explain_to_service(error: &io::Error) -> String {
    match of_rustls(error) {
        None if hung_up(error) => "it hung up during the handshake".to_owned(),
        None => error.to_string(),
        Some(Error::InvalidCertificate(problem)) => problem_with(problem, Role::Client),
        Some(Error::NoCertificatesPresented) => {
            "it has shown no certificate, and this service requires one; give the client one (its --cert and --key)"
                .to_owned()
        }
        Some(Error::AlertReceived(alert)) => {
            refused(*alert, Role::Service).unwrap_or_else(|| format!("it hung up: {alert:?}"))
        }
        Some(Error::PeerIncompatible(
            PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )) => OLD.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// What is wrong with this side's own certificate, so that the other side would refuse it. Checked at set-up.
fn flaw_of_own(chain: &[CertificateDer<'_>], role: Role) -> Option<String> {
    let usage = match role {
        Role::Service => KeyUsage::server_auth(),
        Role::Client => KeyUsage::client_auth(),
    };
    let (own, others) = chain.split_first()?;
    // There are no trust anchors here: webpki checks the certificate itself before it looks for who signed it.
    let verified = EndEntityCert::try_from(own).and_then(|own| {
        own.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &[], others, UnixTime::now(), usage, None, None).map(drop)
    });
    use webpki::Error as Flaw;
    let problem = match verified {
        Ok(()) | Err(Flaw::UnknownIssuer) => return None,
        Err(Flaw::CertExpired { time, not_after }) => CertificateError::ExpiredContext { time, not_after },
        Err(Flaw::CertNotValidYet { time, not_before }) => CertificateError::NotValidYetContext { time, not_before },
        Err(Flaw::RequiredEkuNotFoundContext(_)) => CertificateError::InvalidPurpose,
        Err(
            flaw @ (Flaw::CaUsedAsEndEntity | Flaw::UnsupportedCertVersion | Flaw::InvalidCertValidity | Flaw::BadDer),
        ) => CertificateError::Other(OtherError(std::sync::Arc::new(flaw))),
        // Whether the chain leads to a CA that the other side trusts is for the other side to find.
        Err(_) => return None,
    };
    Some(problem_with(&problem, role))
}
