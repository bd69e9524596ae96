//! The errors of TLS.

/// The error of TLS settings that cannot be used, for example because a file is missing.
///
/// The message names the file, and never shows what is in it.
///
/// ```
/// use tarmem::{ServeError, ServerTls, Service};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let tls = ServerTls::new("no-such-file.pem", "no-such-file.key");
/// let Err(ServeError::Tls(error)) = Service::new("127.0.0.1", 0).tls(tls).bind().await else { unreachable!() };
/// assert!(error.to_string().starts_with("no-such-file.key: "));
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub(super) String);

/// Why a client's handshake with a service failed.
pub(crate) struct HandshakeFailure {
    /// The reason, with its remedy.
    pub(crate) reason: String,
    /// Whether one side refused the other, as it will the next time; otherwise the connection broke.
    pub(crate) is_verdict: bool,
    /// Whether the peer may speak another protocol.
    pub(crate) is_foreign: bool,
}
