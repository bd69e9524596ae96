//! The TLS handshake of a connection, if the service has TLS.

use super::foreign_protocol::linger;
use super::log_limit::Logs;
use crate::security::{Peer, ServerSide, ServerTlsStream, explain_to_service};
use std::io;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// The first byte of a TLS connection. A tarmem frame begins with 0 before a session is open.
const TLS_BYTE: u8 = 0x16;

/// What a client is told that does not speak TLS and should.
const PLAIN: &str =
    "it speaks only TLS; connect to tarmems://HOST:PORT, and say which CA to trust (--ca, ClientTls::ca_file)";

/// A connection ready to be served.
pub(super) enum Secured {
    /// Without TLS; and why it will be refused, if it will.
    Not(TcpStream, Option<&'static str>),
    Tls(Box<ServerTlsStream>),
    Failed,
}

/// Does the TLS handshake, if the service has TLS, until `deadline`.
pub(super) async fn secure(
    stream: TcpStream,
    peer: &Peer,
    tls: Option<&ServerSide>,
    deadline: Instant,
    logs: &Logs,
) -> io::Result<Secured> {
    match tls {
        None => Ok(Secured::Not(stream, None)),
        Some(tls) => Box::pin(accept_tls(stream, peer, tls, deadline, logs)).await,
    }
}

async fn accept_tls(
    stream: TcpStream,
    peer: &Peer,
    tls: &ServerSide,
    deadline: Instant,
    logs: &Logs,
) -> io::Result<Secured> {
    let mut first = [0];
    if timeout_at(deadline, stream.peek(&mut first)).await?? == 0 {
        return Ok(Secured::Failed);
    }
    if first != [TLS_BYTE] {
        return Ok(Secured::Not(stream, Some(PLAIN)));
    }
    match timeout_at(deadline, tls.accept(stream)).await? {
        Ok(stream) => Ok(Secured::Tls(Box::new(stream))),
        Err((error, mut stream)) => {
            logs.foreign.log(|| tracing::info!("{peer}: no TLS: {}", explain_to_service(&error)));
            // Gives the client time to read the reason.
            let _ = linger(&mut stream).await;
            Ok(Secured::Failed)
        }
    }
}
