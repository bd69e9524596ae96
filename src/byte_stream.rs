//! The bytes that a connection consists of, whatever carries them: a socket, TLS over one, memory.

use tokio::io::{AsyncRead, AsyncWrite};

/// Anything that bytes can be read from and written to.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {}
