//! Who may come in, and what they may do: tokens, permissions, TLS.
//!
//! - [`secret`]: what is never shown.
//! - [`tokens`]: the tokens of a service, and where they come from; [`file`] is their file.
//! - [`permissions`]: what a token permits, asked once for each operation of a session that is restricted.
//! - [`access_control`]: asks whoever connects; [`attempts`] slows those who guess.
//! - [`tls`]: certificates, for both sides; [`verdict`]: what is wrong with one, in words.

mod access_control;
mod attempts;
mod file;
mod permissions;
mod secret;
mod tls;
mod tokens;
mod verdict;

pub(crate) use access_control::{AccessControl, Credential, Peer, Refusal};
pub(crate) use permissions::Permissions;
pub(crate) use secret::Secret;
pub(crate) use tls::{ClientSide, ServerSide, TLS_BYTE};
pub use tls::{ClientTls, ServerTls, TlsError};
pub use tokens::{Token, Tokens, TokensError};
pub(crate) use verdict::{explain, explain_to_service, verdict_of};
