//! Takes the place of `tls` in a build without the feature `tls`. Its types have no values, so the code that uses TLS
//! compiles unchanged and never runs.

use super::{HandshakeFailure, TlsError};
use crate::byte_stream::ByteStream;
use std::io;
use tokio::net::TcpStream;

/// A client's TLS settings, which cannot be made in this build.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum ClientTls {}

impl ClientTls {
    /// # Errors
    /// Always, since this build has no TLS.
    pub(crate) fn of_system() -> Result<Self, TlsError> {
        let reason = "this program was built without TLS; build it with the feature `tls` of the crate tarmem";
        Err(TlsError(reason.to_owned()))
    }
}

/// A service's TLS settings, which cannot be made in this build.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum ServerTls {}

/// The client's side.
#[derive(Clone)]
pub(crate) enum ClientSide {}

impl ClientSide {
    pub(crate) fn new(tls: &ClientTls, _host: &str) -> Result<Self, TlsError> {
        match *tls {}
    }

    pub(crate) async fn connect(&self, _stream: Box<dyn ByteStream>) -> Result<Box<dyn ByteStream>, HandshakeFailure> {
        match *self {}
    }
}

/// The service's side.
pub(crate) enum ServerSide {}

/// The type of a TLS connection. There are none in this build.
pub(crate) type ServerTlsStream = TcpStream;

impl ServerSide {
    pub(crate) fn new(tls: &ServerTls) -> Result<Self, TlsError> {
        match *tls {}
    }

    pub(crate) async fn accept(&self, _stream: TcpStream) -> Result<ServerTlsStream, (io::Error, TcpStream)> {
        match *self {}
    }

    pub(crate) fn is_mutual(&self) -> bool {
        match *self {}
    }
}

/// Always `None`: without TLS, no error comes from it.
pub(crate) fn verdict_of(_error: &io::Error) -> Option<String> {
    None
}

pub(crate) fn explain_to_service(error: &io::Error) -> String {
    error.to_string()
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use tarmem_remote::error::Error;

    #[tokio::test]
    async fn connecting_over_tls_fails_and_names_the_missing_feature() {
        let error = crate::Session::connect("tarmems://localhost:1").await.expect_err("nothing here speaks TLS");
        let Error::Insecure { address, reason } = &error else { panic!("{error}") };
        assert!(address == "localhost:1" && reason.contains("the feature `tls`"), "{error}");
    }
}
