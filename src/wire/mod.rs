//! The wire format: frames, which contain the messages of a tarpc service, which contain batches.
//!
//! - [`frame`]: length-prefixed frames. Buffers grow with what arrives, not with what is announced.
//! - [`channel`]: sends and receives frames over a stream.
//! - [`transport`]: encodes and decodes the messages of the tarpc service.
//! - [`handshake`]: `open`, which agrees on a version, a session and limits.
//! - [`batch`]: `submit` and `collect`: many operations in one request, many replies in one response.
//! - [`varint`]: encodes and decodes integers.

pub(crate) mod batch;
pub(crate) mod channel;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod transport;
mod varint;

use bytes::Bytes;

/// The request by which a client finds out, over another connection, what answers at an address. Web servers answer it;
/// Redis answers with an error, and a TLS server with an alert; a tarmem service knows it, and says what it is.
pub(crate) const QUESTION: &[u8] = b"GET /?what-is-here HTTP/1.0\r\nUser-Agent: tarmem\r\n\r\n";

/// The tarpc service. Its arguments are bytes that the handler decodes: if tarpc decoded them, an invalid message would
/// end the connection and everything in flight on it.
#[tarpc::service]
pub(crate) trait Wire {
    /// Takes a [`handshake::Hello`], and returns a [`handshake::Answer`].
    async fn open(hello: Bytes) -> Bytes;

    /// Takes a batch of operations, and returns a batch of replies in the same order. Operations that cannot finish at
    /// once are answered *pending*.
    async fn submit(batch: Bytes) -> Bytes;

    /// A long poll, one per session: takes a [`batch::Preamble`], and returns the replies to operations that have
    /// finished since, or none after a while. A client always has one poll outstanding, so this is also its heartbeat.
    async fn collect(received: Bytes) -> Bytes;
}
