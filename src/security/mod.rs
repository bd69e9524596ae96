//! Who may connect to a service, and what they may do there: tokens, permissions, TLS.
//!
//! - [`secret`]: text that is never shown.
//! - [`tokens`]: the tokens of a service, and where it reads them from; [`file`] reads the token file.
//! - [`permissions`]: what a token permits. The service checks this for each operation of a restricted session.
//! - [`access_control`]: checks the token of each new connection; [`attempts`] slows down clients that guess tokens.
//! - [`tls`]: certificates and handshakes of both sides; [`tls_error`]: their errors. A build without the feature `tls`
//!   has `no_tls` in place of `tls`.

#[cfg(feature = "server")]
mod access_control;
#[cfg(feature = "server")]
mod attempts;
#[cfg(feature = "server")]
mod file;
#[cfg(feature = "server")]
mod permissions;
mod secret;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod tls_error;
#[cfg(feature = "server")]
mod tokens;

#[cfg(feature = "server")]
pub(crate) use access_control::{AccessControl, Credential, Peer, Refusal};
#[cfg(feature = "server")]
pub(crate) use permissions::Permissions;
pub(crate) use secret::Secret;
#[cfg(feature = "client")]
pub use tls::ClientTls;
#[cfg(feature = "server")]
pub use tls::ServerTls;
#[cfg(feature = "client")]
pub(crate) use tls::{ClientSide, verdict_of};
#[cfg(feature = "server")]
pub(crate) use tls::{ServerSide, ServerTlsStream, explain_to_service};
pub(crate) use tls_error::HandshakeFailure;
pub use tls_error::TlsError;
#[cfg(feature = "server")]
pub use tokens::{Token, Tokens, TokensError};
