//! Connections, from the socket to the session that they carry.
//!
//! - [`listener`]: where connections come from: TCP, a Unix socket, memory; [`binding`]: the addresses of a host's
//!   name; [`unbound`]: why an address cannot be listened on.
//! - [`workers`]: the threads that serve connections, and how a connection gets to one of them. [`while_loading`]: what
//!   connections are told before there is anything to serve. [`secure`]: the TLS handshake.
//! - [`serve`]: serves one connection, from its first byte to its end; [`traffic`]: its requests and responses, on one
//!   task; [`connection`]: its peer, its session, and its requests to that session.
//! - [`connections`]: counts all of them. [`pending_connections`]: connections without a session, the oldest of which
//!   are closed when there is no room for others.
//! - [`foreign_protocol`]: peers that speak another protocol; [`log_limit`]: limits what is logged about peers.

pub(super) mod binding;
pub(crate) mod connection;
pub(crate) mod connections;
mod foreign_protocol;
pub(crate) mod listener;
mod log_limit;
mod pending_connections;
mod secure;
pub(crate) mod serve;
mod traffic;
pub(super) mod unbound;
pub(super) mod while_loading;
pub(super) mod workers;
