//! Clients that misuse TLS.

use super::{MIB, Serve};
use crate::support::authority::{Authority, Identity};
use crate::support::raw::{PROTOCOL, Raw, open, request};
use futures::future::join_all;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A service with TLS. The well-behaved client uses a Unix socket.
struct Secure {
    serve: Serve,
    tcp: String,
    authority: Authority,
}

impl Secure {
    async fn start(name: &str, options: &[&str]) -> Self {
        let authority = Authority::new();
        let Identity { cert, key } = authority.identity("localhost");
        let socket = authority.file(name, "sock");
        let [cert, key, socket] = [&cert, &key, &socket].map(|path| path.to_str().expect("text").to_owned());
        let tls = ["--port", "0", "--tls-cert", &cert, "--tls-key", &key, "--unix", &socket];
        let mut serve = Serve::start(&[&tls[..], options].concat()).await;
        let tcp = std::mem::replace(&mut serve.address, format!("unix:{socket}"));
        Secure { serve, tcp, authority }
    }

    /// A client of rustls, connected and past the handshake.
    fn client(&self) -> rustls::StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        let root = rustls::pki_types::CertificateDer::from_pem_file(self.authority.root()).expect("PEM");
        roots.add(root).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("it is there")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("sound");
        let stream = TcpStream::connect(&self.tcp).expect("accepts");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is TCP");
        let mut stream = rustls::StreamOwned::new(client, stream);
        stream.write_all(&open(PROTOCOL)).expect("taken");
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).expect("answered");
        assert!(read > 4, "the session opens");
        stream
    }
}

/// A TLS record with a handshake message that announces more than it contains.
fn client_hello(announced: u32, bytes: usize) -> Vec<u8> {
    let mut message = vec![1];
    message.extend_from_slice(&announced.to_be_bytes()[1..]);
    message.resize(bytes, 3);
    message
        .chunks(16 << 10)
        .flat_map(|part| {
            let length = u16::try_from(part.len()).expect("it is small").to_be_bytes();
            [&[0x16, 3, 1][..], &length, part].concat()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_stall_or_are_malformed() {
    let secure = Secure::start("stall", &["--limit", "handshake_time=2s"]).await;
    secure
        .serve
        .under(96 * MIB, async {
            let kinds: [Vec<u8>; 9] = [
                // Nothing; half a header; half of a small message; of one that announces 16 MiB; all of 64 KiB, and
                // more.
                vec![],
                vec![0x16, 3],
                client_hello(200, 100),
                client_hello((1 << 24) - 1, 100),
                client_hello(60_000, 50_000),
                client_hello((1 << 24) - 1, 1 << 20),
                // Empty records, an alert, and a first byte of TLS followed by something else.
                [0x16, 3, 1, 0, 0].repeat(10_000),
                vec![0x15, 3, 1, 0, 2, 2, 40],
                [vec![0x16], vec![0xff; 100_000]].concat(),
            ];
            let attacks = (0..90).map(|n| {
                let (bytes, address) = (kinds[n % kinds.len()].clone(), &secure.tcp);
                async move {
                    let mut raw = Raw::at(address).await;
                    raw.send(&bytes).await;
                    raw.until_closed().await;
                }
            });
            tokio::time::timeout(Duration::from_secs(60), join_all(attacks)).await.expect("all are sent away");
            // One byte at a time.
            let drips = (0..50).map(|_| {
                let address = &secure.tcp;
                async move {
                    let raw = Raw::at(address).await;
                    let (mut reads, mut writes) = raw.0.into_split();
                    let drip = async {
                        for byte in client_hello(300, 304) {
                            if writes.write_all(&[byte]).await.is_err() {
                                return;
                            }
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                        panic!("it could send all of it");
                    };
                    let closed = async {
                        let mut rest = Vec::new();
                        let _ = reads.read_to_end(&mut rest).await;
                    };
                    // The service has stopped reading, or closes the connection.
                    tokio::select! { () = drip => {}, () = closed => {} }
                }
            });
            tokio::time::timeout(Duration::from_secs(20), join_all(drips)).await.expect("all are sent away");
        })
        .await;
    tokio::task::spawn_blocking(move || drop(secure.client())).await.expect("who means it comes in");
}

/// TLS 1.3 has no renegotiation, but key updates, as often as a client likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_over_and_over() {
    let secure = Arc::new(Secure::start("keys", &[]).await);
    let attacker = Arc::clone(&secure);
    secure
        .serve
        .under(48 * MIB, async move {
            let attack = move || {
                let mut stream = attacker.client();
                for _ in 0..20_000 {
                    stream.conn.refresh_traffic_keys().expect("the handshake is over");
                    while stream.conn.wants_write() {
                        if stream.conn.write_tls(&mut stream.sock).is_err() {
                            return;
                        }
                    }
                }
                // The connection may go on or have been closed: both are acceptable.
                let _ = stream.write_all(&request(2, 2, &[0])).and_then(|()| stream.flush());
                let mut answer = [0; 64];
                let _ = stream.read(&mut answer);
            };
            tokio::task::spawn_blocking(attack).await.expect("no panic");
        })
        .await;
    tokio::task::spawn_blocking(move || drop(secure.client())).await.expect("who means it comes in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_versions_of_tls_are_refused() {
    let secure = Secure::start("old", &[]).await;
    if Command::new("openssl").arg("version").output().is_err() {
        return println!("not tested: there is no openssl here");
    }
    secure
        .serve
        .under(48 * MIB, async {
            for (version, spoken) in [("-tls1_2", false), ("-tls1_1", false), ("-tls1_3", true)] {
                let run = Command::new("openssl")
                    .args(["s_client", "-brief", "-connect", &secure.tcp, version])
                    .stdin(Stdio::null())
                    .output()
                    .expect("it runs");
                let said = String::from_utf8_lossy(&run.stderr).into_owned();
                assert_eq!(said.contains("CONNECTION ESTABLISHED"), spoken, "{version}: {said}");
            }
        })
        .await;
}
