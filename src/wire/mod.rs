//! What travels: frames, the tarpc service in them, and the batches in that.
//!
//! - [`frame`]: length-prefixed frames that grow with what arrives.
//! - [`channel`]: frames over a stream, both ways.
//! - [`transport`]: the tarpc service's messages, as they stand in frames.
//! - [`handshake`]: `open`: versions, a session, the service's limits.
//! - [`batch`]: `submit` and `collect`: many operations in one request, many replies in one answer.
//! - [`varint`]: the numbers in them.

pub(crate) mod batch;
pub(crate) mod channel;
pub(crate) mod frame;
pub(crate) mod handshake;
pub(crate) mod transport;
mod varint;

use bytes::Bytes;

/// By this a client asks, over a connection of its own, what has answered it so strangely. Web servers answer it, so
/// does Redis, with an error; what speaks TLS, with an alert; and a tarmem service knows it, and says what it is.
pub(crate) const QUESTION: &[u8] = b"GET /?what-is-here HTTP/1.0\r\nUser-Agent: tarmem\r\n\r\n";

/// The tarpc service. Its arguments are opaque bytes, decoded in the handler: a message that tarpc cannot decode would
/// end the connection and everything in flight on it.
#[tarpc::service]
pub(crate) trait Wire {
    /// A [`handshake::Hello`]; answers a [`handshake::Answer`].
    async fn open(hello: Bytes) -> Bytes;

    /// A batch of operations; answers a batch of replies, in their order. What cannot finish at once is answered
    /// *pending*.
    async fn submit(batch: Bytes) -> Bytes;

    /// A long poll, one per session: answers what has finished since, or nothing after a while. A client always has one
    /// out, so it is its heartbeat, too. Takes a [`batch::Preamble`].
    async fn collect(received: Bytes) -> Bytes;
}
