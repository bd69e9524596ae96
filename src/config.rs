//! Every limit, with its unit and its default.

use std::time::Duration;

/// The limits of a service. Over a limit, a call or connection gets an error that names the limit and its value; nothing
/// else is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest frame, and so the largest argument or result, in bytes. Default 16 MiB.
    pub frame_bytes: usize,
    /// The largest frame before a connection has opened a session, in bytes. Default 4 KiB.
    pub handshake_frame_bytes: usize,
    /// How long a connection may take to open its session. Default 10 s.
    pub handshake_time: Duration,
    /// Connections at one time. Default 10,000.
    pub connections: usize,
    /// Calls of one session that have not been answered yet. Default 65,536.
    pub calls_in_flight: usize,
    /// Operations in one batch. Default 4,096.
    pub batch_operations: usize,
    /// Bytes of results of one session that its client has not said it has received. Default 64 MiB.
    pub uncollected_bytes: usize,
    /// Bytes of replies of one connection that it has not taken yet; beyond that it is not read from until it takes some.
    /// Default 32 MiB.
    pub unsent_bytes: usize,
    /// Bytes of arguments of one session's calls that wait. Default 64 MiB.
    pub waiting_bytes: usize,
    /// Batches of results of one session that its client has not said it has received. Default 4,096.
    pub uncollected_batches: usize,
    /// Bytes of all sessions' results that were not received, and of arguments of calls that wait. Default 1 GiB.
    pub held_bytes: usize,
    /// Sessions at one time, with a connection or without. Default 65,536.
    pub sessions: usize,
    /// How long a session is kept of whose client nothing is heard: then its locks, waits and handles are given up. Its
    /// client is heard four times as often. Default 10 s.
    pub lease: Duration,
    /// Requests of one connection (batches, polls) that have not been answered yet. Default 64.
    pub requests_in_flight: usize,
    /// Keys. Default 2^32.
    pub keys: usize,
    /// Handles to objects that one session may hold. Default 1,000,000.
    pub handles: usize,
    /// The length of a key, in bytes. Default 1 KiB.
    pub key_bytes: usize,
    /// The length of the name of a module, class, method or function, in bytes. Default 256.
    pub name_bytes: usize,
    /// Keys in one page of `keys`. Default 1,000.
    pub page_keys: usize,
    /// How long a generator may run before those who wait for it are told that it takes too long. Default 10 min.
    pub generator_time: Duration,
    /// How long a call may take if its caller does not say. Default 30 s, the client's too.
    pub call_time: Duration,
    /// How long what runs may go on after a shutdown was asked for. Default 10 s.
    pub shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            frame_bytes: 16 << 20,
            handshake_frame_bytes: 4 << 10,
            handshake_time: Duration::from_secs(10),
            connections: 10_000,
            calls_in_flight: 65_536,
            batch_operations: 4_096,
            uncollected_bytes: 64 << 20,
            unsent_bytes: 32 << 20,
            waiting_bytes: 64 << 20,
            uncollected_batches: 4_096,
            held_bytes: 1 << 30,
            sessions: 65_536,
            lease: Duration::from_secs(10),
            requests_in_flight: 64,
            keys: 1 << 32,
            handles: 1_000_000,
            key_bytes: 1 << 10,
            name_bytes: 256,
            page_keys: 1_000,
            generator_time: Duration::from_secs(600),
            call_time: Duration::from_secs(30),
            shutdown_time: Duration::from_secs(10),
        }
    }
}
