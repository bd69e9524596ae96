//! Sessions over TLS, with certificates made for the tests.

use super::{ALICE, tokens};
use crate::support::authority::{Authority, Identity};
use crate::support::fault::{Fault, Faults, Network};
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::{ClientTls, Error, Proxy, RunningService, ServeError, ServerTls, Service, Session, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn service(tls: ServerTls) -> RunningService {
    Service::new("127.0.0.1", 0).tls(tls).start().await.expect("the service starts")
}

fn of(Identity { cert, key }: &Identity) -> ServerTls {
    ServerTls::new(cert, key)
}

fn url(service: &RunningService) -> String {
    format!("tarmems://{}", service.address().replace("127.0.0.1", "localhost"))
}

#[track_caller]
fn insecure(result: Result<Session, Error>, part: &str) {
    let error = result.expect_err("it is not to be trusted");
    assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    assert!(error.to_string().contains(part), "{part:?} in {error}");
}

#[tokio::test]
async fn a_session_works_over_tls() {
    let authority = Authority::new();
    let tls = of(&authority.identity("localhost"));
    let service = Service::new("127.0.0.1", 0).tls(tls).tokens(tokens([Token::new("alice", ALICE)]));
    let service = service.start().await.expect("the service starts");
    let address = url(&service).replace("tarmems://", &format!("tarmems://{ALICE}@"));
    let trusting = || ClientTls::new().ca_file(authority.root());
    let session = Session::builder(&address).tls(trusting()).connect().await.expect("trusted");
    let list = session.memoize("k", ListProxy::new(None)).await.expect("made");
    let large = "x".repeat(3_000_000);
    list.append(large.clone()).await.expect("appended");
    assert_eq!(list.pop::<String>().await.expect("taken"), large);
    // An address without a scheme works, too.
    let bare = service.address().replace("127.0.0.1", "localhost");
    Session::builder(bare).tls(trusting()).token(ALICE).connect().await.expect("trusted");
    let error = Session::builder(url(&service)).tls(trusting()).connect().await.expect_err("it has no token");
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    service.shutdown().await;
}

#[tokio::test]
async fn a_client_refuses_certificates_that_it_does_not_trust() {
    let (authority, other) = (Authority::new(), Authority::new());
    let service = service(of(&authority.identity("localhost"))).await;
    let address = url(&service);
    let connect = |address: String, tls: ClientTls| async move { Session::builder(address).tls(tls).connect().await };
    insecure(connect(address.clone(), ClientTls::new().ca_file(other.root())).await, "--ca");
    insecure(connect(address.clone(), ClientTls::new()).await, "no CA is trusted");
    let by_number = address.replace("localhost", "127.0.0.1");
    insecure(connect(by_number.clone(), ClientTls::new().ca_file(authority.root())).await, "--server-name");
    let named = ClientTls::new().ca_file(authority.root()).server_name("localhost");
    connect(by_number, named).await.expect("its certificate is for this name");
    insecure(connect(address.replace("tarmems", "tarmem"), ClientTls::new()).await, "tarmems://");
    let missing = ClientTls::new().ca_file(authority.file("none", "pem"));
    insecure(connect(address, missing).await, "none.pem");
}

#[tokio::test]
async fn errors_say_that_only_one_side_speaks_tls() {
    let authority = Authority::new();
    let secure = service(of(&authority.identity("localhost"))).await;
    let error = Session::connect(secure.address()).await.expect_err("it speaks TLS only");
    assert!(matches!(error, Error::Refused { .. }) && error.to_string().contains("tarmems://"), "{error:?}");
    let plain = Service::new("127.0.0.1", 0).start().await.expect("the service starts");
    let tls = ClientTls::new().ca_file(authority.root());
    let error = Session::builder(url(&plain)).tls(tls).max_retry(0).connect().await.expect_err("it speaks no TLS");
    assert!(error.to_string().contains("tarmem://"), "{error}");
}

#[tokio::test]
async fn mutual_tls_admits_only_clients_with_a_certificate_of_the_client_ca() {
    let (authority, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let service = service(of(&authority.identity("localhost")).client_ca(clients.root())).await;
    let connect = |identity: Option<Identity>| {
        let (address, tls) = (url(&service), ClientTls::new().ca_file(authority.root()));
        let tls = match identity {
            None => tls,
            Some(Identity { cert, key }) => tls.identity(cert, key),
        };
        async move { Session::builder(address).tls(tls).max_retry(0).connect().await }
    };
    insecure(connect(None).await, "--cert");
    insecure(connect(Some(strangers.identity("client"))).await, "client CA");
    let session = connect(Some(clients.identity("client"))).await.expect("it is known");
    session.version().await.expect("answered");
}

#[tokio::test]
async fn errors_about_files_do_not_show_what_is_in_them() {
    let authority = Authority::new();
    let (one, two) = (authority.identity("one"), authority.identity("two"));
    let garbage = authority.file("garbage", "pem");
    std::fs::write(&garbage, "hush hush").expect("written");
    let cases = [
        (ServerTls::new(&one.cert, &two.key), "two.key"),
        (ServerTls::new(&garbage, &one.key), "garbage.pem"),
        (ServerTls::new(&one.cert, &garbage), "garbage.pem"),
        (ServerTls::new(authority.file("none", "pem"), &one.key), "none.pem"),
        (of(&one).client_ca(&garbage), "garbage.pem"),
    ];
    for (tls, part) in cases {
        let error = Service::new("127.0.0.1", 0).tls(tls).bind().await.map(|_| ()).expect_err("it cannot be");
        assert!(matches!(error, ServeError::Tls(_)), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(part) && !message.contains("hush") && !message.contains("PRIVATE"), "{message}");
    }
}

/// A client that does not complete its handshake uses up only its own connection, for the time of a handshake.
#[tokio::test]
async fn a_handshake_that_is_not_completed_times_out() {
    let authority = Authority::new();
    let mut limits = tarmem::Limits::default();
    limits.handshake_time = Duration::from_millis(300);
    let service = Service::new("127.0.0.1", 0).tls(of(&authority.identity("localhost"))).limits(limits);
    let service = service.start().await.expect("the service starts");
    for beginning in [&b""[..], &[0x16], &[0x16, 3, 1, 0x40, 0], &[0x16; 600]] {
        let mut stream = tokio::net::TcpStream::connect(service.address()).await.expect("accepted");
        stream.write_all(beginning).await.expect("sent");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{} bytes", beginning.len());
    }
    let tls = ClientTls::new().ca_file(authority.root());
    Session::builder(url(&service)).tls(tls).connect().await.expect("others are served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_its_tls_connections() {
    let authority = Authority::new();
    let service = service(of(&authority.identity("localhost"))).await;
    let network = Network::to(service.local_addr().expect("TCP"), |n| {
        if n < 8 { Faults::up(Fault::Reset(1_500 + 300 * n)) } else { Faults::NONE }
    });
    let network = network.await;
    let session = Session::builder(format!("tarmems://localhost:{}", network.address.port()))
        .tls(ClientTls::new().ca_file(authority.root()))
        .retry_delay(Duration::from_millis(20))
        .connect()
        .await
        .expect("trusted");
    let list = session.memoize("k", ListProxy::new(None)).await.expect("made");
    let numbers: Vec<i64> = (0..600).collect();
    // Enough calls to meet the last of the faults.
    for number in &numbers {
        list.append(*number).await.expect("appended");
    }
    assert!(network.connections() > 8, "{} connections", network.connections());
    let there: Vec<i64> = service.session().get::<List>("k").await.expect("there").snapshot_as().await.expect("shown");
    assert_eq!(there, numbers);
}
