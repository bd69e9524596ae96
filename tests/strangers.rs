//! Peers that are no clients: some speak another protocol, others say nothing.

mod support;

#[path = "strangers/descriptors.rs"]
mod descriptors;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::raw::{Raw, frame};
use support::{Fixture, Way};
use tarmem::{Limits, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `tarmem serve` with a limited number of file descriptors. Its log is kept.
struct Serve {
    child: Child,
    address: String,
}

impl Serve {
    fn start(descriptors: u32, options: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_tarmem");
        let line = format!("ulimit -n {descriptors} && exec {program} serve --host 127.0.0.1 --port 0 {options}");
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .env("TARMEM_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it is");
        let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        Serve { child, address }
    }

    /// Ends the service and returns its log.
    fn log(mut self) -> String {
        self.child.kill().expect("it runs");
        let mut log = String::new();
        self.child.stderr.take().expect("it is piped").read_to_string(&mut log).expect("text");
        log
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a peer is told that sends this.
async fn answer(address: &str, says: &[u8]) -> String {
    let mut raw = Raw::at(address).await;
    raw.send(says).await;
    String::from_utf8(raw.until_closed().await).expect("text")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_another_protocol_is_told_what_it_has_reached() {
    let fixture = Fixture::new(Way::Tcp).await;
    let address = fixture.address();
    let http = answer(&address, b"GET /health HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n").await;
    let (head, body) = http.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}: {body:?}");
    assert!(body.contains("tarmem") && body.contains("not HTTP") && body.lines().count() == 1, "{body}");
    let redis = answer(&address, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").await;
    assert!(redis.starts_with("-ERR this is a tarmem service") && redis.ends_with("\r\n"), "{redis}");
    let mut hello = vec![0x16, 3, 1, 2, 0, 1];
    hello.resize(517, 7);
    let tls = answer(&address, &hello).await;
    assert!(tls.contains("without TLS") && tls.lines().count() == 1, "{tls}");
    // Garbage, also in the form of a frame.
    for says in [&b"SSH-2.0-OpenSSH_9.6\r\n"[..], &[0xff; 9000], &frame(&[9; 40]), &frame(b"")] {
        let line = answer(&address, says).await;
        assert!(line.starts_with("this is a tarmem service") && line.lines().count() == 1, "{says:?}: {line:?}");
    }
    // Whatever a peer sends before it hangs up is read to the end.
    let mut short = TcpStream::connect(&address).await.expect("accepts");
    short.write_all(b"hi\n").await.expect("sent");
    short.shutdown().await.expect("there");
    let mut line = String::new();
    short.read_to_string(&mut line).await.expect("text");
    assert!(line.starts_with("this is a tarmem service"), "{line:?}");
    fixture.session().await.version().await.expect("others are served as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_strangers_is_a_few_lines_in_the_log() {
    let serve = Serve::start(1024, "");
    for says in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PING\r\n"] {
        for _ in 0..150 {
            answer(&serve.address, says).await;
        }
    }
    let log = serve.log();
    let lines = log.lines().filter(|line| line.contains("it speaks")).count();
    assert!((1..=40).contains(&lines), "{lines} lines of 300 strangers:\n{log}");
}

/// As many silent connections as there are descriptors: a client that connects then gets a place at once, and one that
/// had a session before keeps it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_make_room_when_descriptors_run_out() {
    let serve = Serve::start(256, "--limit handshake_time=1h");
    let before = Session::connect(&serve.address).await.expect("there is room");
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect(&serve.address).await.expect("connects"));
    }
    let begun = Instant::now();
    for _ in 0..20 {
        let session = Session::builder(&serve.address).max_retry(0).connect().await.expect("there is room");
        session.version().await.expect("answered");
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "newcomers have waited {:?}", begun.elapsed());
    before.version().await.expect("who has a session keeps it");
    // The oldest were closed, and the latest are still open.
    let latest = silent.last_mut().expect("one");
    assert!(
        tokio::time::timeout(Duration::from_millis(50), latest.read(&mut [0; 1])).await.is_err(),
        "it was sent away"
    );
    let oldest = tokio::time::timeout(Duration::from_secs(10), silent[0].read(&mut [0; 1])).await;
    oldest.expect("it is sent away").expect("it is told why");
    let log = serve.log();
    let lines = log.lines().filter(|line| line.contains("cannot accept") || line.contains("no room")).count();
    assert!(lines <= 60, "{lines} lines:\n{log}");
}

/// When sessions use all descriptors, a new client is told so and not left waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_finds_no_descriptor_left_is_told_so() {
    let serve = Serve::start(100, "");
    let mut sessions = Vec::new();
    let refused = loop {
        match Session::builder(&serve.address).max_retry(0).connect().await {
            Ok(session) => sessions.push(session),
            Err(error) => break error.to_string(),
        }
        assert!(sessions.len() < 100, "there are not so many descriptors");
    };
    assert!(refused.contains("file descriptors") && refused.contains("ulimit -n"), "{refused}");
    assert!(sessions.len() > 40, "{} sessions", sessions.len());
    for session in &sessions {
        session.version().await.expect("they are served");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_make_room_when_there_are_too_many() {
    let mut limits = Limits::default();
    limits.connections = 8;
    limits.handshake_time = Duration::from_secs(3600);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Raw::connect(&fixture).await);
    }
    let sessions = [fixture.session().await, fixture.session().await];
    for session in &sessions {
        session.version().await.expect("answered");
    }
    let told = String::from_utf8_lossy(&silent.remove(0).until_closed().await).into_owned();
    assert!(told.contains("there is no room for more connections"), "the oldest goes, and is told why: {told:?}");
}
