//! Who may come in, and what they may do: tokens, permissions, TLS.
//!
//! - [`secret`]: what is never shown.
//! - [`tokens`]: the tokens of a service, and where they come from; [`file`] is their file.
//! - [`permissions`]: what a token permits, asked once for each operation of a session that is restricted.
//! - [`access_control`]: asks whoever connects; [`attempts`] slows those who guess.
//! - [`tls`]: certificates, for both sides; in a build without TLS, `no_tls` stands in its place. [`tls_error`]: what
//!   can go wrong.

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
