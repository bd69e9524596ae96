//! Requests over loopback, to the server in this process.

use super::router;
use std::net::SocketAddr;
use tarmem::modules::builtins::{Dict, ListProxy};
use tarmem::{RunningService, Service, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn service() -> RunningService {
    Service::new("127.0.0.1", 0).start().await.expect("the service starts")
}

/// Serves requests with this session, until the test ends.
async fn serve(session: Session) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router(session)).await });
    address
}

/// Returns the status and the body of the response.
async fn post(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("text");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

#[tokio::test]
async fn a_request_counts_a_visit_in_the_service() {
    let service = service().await;
    let session = Session::connect(service.address()).await.expect("a session opens");
    let address = serve(session).await;
    assert_eq!(post(address, "/visits/home").await, (200, "visit number 1\n".to_owned()));
    assert_eq!(post(address, "/visits/home").await, (200, "visit number 2\n".to_owned()));
    assert_eq!(post(address, "/visits/news").await, (200, "visit number 1\n".to_owned()));
    let visits = service.session().get::<Dict>("visits").await.expect("the handler made it");
    assert_eq!(visits.get::<i64>("home").await, Ok(Some(2)));
}

#[tokio::test]
async fn an_error_of_a_call_is_a_response() {
    let service = service().await;
    let session = service.session();
    session.update("visits", ListProxy::default()).await.expect("made");
    let address = serve(session.clone()).await;
    let (status, body) = post(address, "/visits/home").await;
    assert!(
        status == 500 && body.starts_with("\"visits\" is a builtins.list, not a builtins.dict"),
        "{status}: {body}"
    );
    service.shutdown().await;
    let (status, body) = post(address, "/visits/home").await;
    assert!(status == 503 && body.starts_with("the service is shutting down"), "{status}: {body}");
}
