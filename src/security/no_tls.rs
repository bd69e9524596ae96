//! Stands in for `tls` in a build without the feature of that name. Its types have no values, so that the code which
//! uses TLS is the same with the feature and without, and never runs here.

use super::{HandshakeFailure, TlsError};
use crate::byte_stream::ByteStream;
use std::io;
use tokio::net::TcpStream;

/// What a client would say of TLS.
#[derive(Clone, Debug)]
pub enum ClientTls {}

impl ClientTls {
    /// # Errors
    /// Always: nothing here speaks TLS.
    pub(crate) fn of_system() -> Result<Self, TlsError> {
        let reason = "this program was built without TLS; build it with the feature `tls` of the crate tarmem";
        Err(TlsError(reason.to_owned()))
    }
}

/// What a service would say of TLS.
#[derive(Clone, Debug)]
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

/// In place of a connection over which TLS is spoken.
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

/// No error is one of TLS.
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
    async fn an_address_that_asks_for_tls_is_refused_with_the_feature_that_is_missing() {
        let error = crate::Session::connect("tarmems://localhost:1").await.expect_err("nothing here speaks TLS");
        let Error::Insecure { address, reason } = &error else { panic!("{error}") };
        assert!(address == "localhost:1" && reason.contains("the feature `tls`"), "{error}");
    }
}
