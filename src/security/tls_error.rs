//! What can go wrong with TLS.

/// Why TLS cannot be set up. It names the file, and never what is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub(super) String);

/// Why a client's handshake with a service came to nothing.
pub(crate) struct HandshakeFailure {
    /// In words, with what to do about it.
    pub(crate) reason: String,
    /// One side refuses the other, and will the next time, too; otherwise the connection broke.
    pub(crate) is_verdict: bool,
    /// What answers may speak something else.
    pub(crate) is_foreign: bool,
}
