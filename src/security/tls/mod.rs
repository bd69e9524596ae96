//! TLS 1.3, by rustls. This file reads certificates and keys for both sides.
//!
//! - [`client`]: the settings and the handshake of a client.
//! - [`server`]: the settings and the handshake of a service.
//! - [`verdict`]: error texts for certificates and handshakes.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "server")]
mod server;
mod verdict;

#[cfg(feature = "client")]
pub use client::ClientTls;
#[cfg(feature = "client")]
pub(crate) use client::{ClientSide, verdict_of};
#[cfg(feature = "server")]
pub use server::ServerTls;
#[cfg(feature = "server")]
pub(crate) use server::{ServerSide, ServerTlsStream, explain_to_service};

use super::TlsError;
use crate::config::read_file;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;
use verdict::{Role, problem_with};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read_file(path).map_err(|error| in_file(path, error))?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| in_file(path, error))?;
    if certificates.is_empty() {
        return Err(in_file(path, "it contains no certificate; it has to be a PEM file"));
    }
    Ok(certificates)
}

fn identity(cert: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let text = read_file(key).map_err(|error| in_file(key, error))?;
    // The parser's own error is not shown: it may contain parts of the key.
    let private = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| in_file(key, "it contains no private key; it has to be a PEM file"))?;
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
            "the key {} does not belong to the certificate {}; give the two files that were made together",
            key.display(),
            cert.display()
        )),
        _ => TlsError(format!(
            "the certificate {} and the key {} cannot be used: {error}",
            cert.display(),
            key.display()
        )),
    }
}
