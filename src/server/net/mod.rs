//! Connections, from the socket to the session that they carry.
//!
//! - [`listener`]: where connections come from: TCP, a Unix socket, memory; [`binding`]: the addresses of a host's
//!   name; [`unbound`]: why an address cannot be had.
//! - [`workers`]: the threads that serve connections, and how a connection gets to one of them.
//! - [`serve`]: serves one connection, from its first byte to its end; [`traffic`]: its requests and responses, on one
//!   task; [`connection`]: who it is, its session, and what it asks of that.
//! - [`connections`]: all of them, counted. [`pending_connections`]: connections without a session, the oldest of which
//!   are closed when there is no room for others.
//! - [`foreign_protocol`]: peers that speak another protocol; [`log_limit`]: how much of all that is logged.

pub(super) mod binding;
pub(crate) mod connection;
pub(crate) mod connections;
mod foreign_protocol;
pub(crate) mod listener;
mod log_limit;
mod pending_connections;
pub(crate) mod serve;
mod traffic;
pub(super) mod unbound;
pub(super) mod workers;
