//! The streams that connections read from and write to: sockets, TLS over sockets, memory.

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions. Every type with tokio's [`AsyncRead`] and [`AsyncWrite`] is one.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> ByteStream for S {}
