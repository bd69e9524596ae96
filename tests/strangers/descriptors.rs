//! Silent connections, and clients that connect while all file descriptors of the service are used.

use super::Serve;
use crate::support::raw::Raw;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tarmem::{Error, Session};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The longest that a new client may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many descriptors each service here may have, and how many of these it reserves.
const DESCRIPTORS: u32 = 256;
const KEPT_BACK: usize = 16;

impl Serve {
    /// The number of open descriptors.
    fn open(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }
}

/// Opens some silent connections each second until it is dropped, and keeps them open for a while.
struct Flood {
    over: Arc<AtomicBool>,
    connected: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Flood {
    fn start(address: &str, each_second: u32) -> Self {
        let (over, connected) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (address, until, counted) = (address.to_owned(), Arc::clone(&over), Arc::clone(&connected));
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1) / each_second);
            let mut silent = Vec::new();
            while !until.load(Ordering::Relaxed) {
                tick.tick().await;
                if let Ok(stream) = TcpStream::connect(&address).await {
                    silent.push(stream);
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Flood { over, connected, task }
    }

    /// Stops, and returns how many connections there were.
    async fn stop(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.task.await.expect("it comes to an end");
        self.connected.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_clients_are_served_at_once_during_a_flood_of_silent_connections() {
    let serve = Serve::start(DESCRIPTORS, "--limit handshake_time=1h");
    let before = Session::connect(&serve.address).await.expect("there is room");
    let flood = Flood::start(&serve.address, 500);
    while flood.connected.load(Ordering::Relaxed) < DESCRIPTORS as usize {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (begun, mut newcomers, mut worst, mut most) = (Instant::now(), 0, Duration::ZERO, 0);
    while begun.elapsed() < Duration::from_secs(4) {
        let came = Instant::now();
        let session = Session::builder(&serve.address).max_retry(0).connect().await.expect("there is room");
        session.version().await.expect("answered");
        (newcomers, worst, most) = (newcomers + 1, worst.max(came.elapsed()), most.max(serve.open()));
    }
    let silent = flood.stop().await;
    println!("{newcomers} newcomers beside {silent} silent connections took {worst:?} at most; {most} descriptors");
    assert!(newcomers >= 10 && worst < PATIENCE, "{newcomers} newcomers have waited up to {worst:?}");
    assert!(most <= DESCRIPTORS as usize - KEPT_BACK, "{most} descriptors are open, of those that are kept back, too");
    before.version().await.expect("who has a session keeps it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_client_does_not_wait_behind_silent_connections() {
    let serve = Serve::start(DESCRIPTORS, "--limit handshake_time=1h");
    for round in 0..3 {
        let mut silent = Vec::new();
        for _ in 0..600 {
            silent.push(TcpStream::connect(&serve.address).await.expect("connects"));
        }
        let begun = Instant::now();
        Session::builder(&serve.address).max_retry(0).connect().await.expect("there is room");
        let took = begun.elapsed();
        println!("behind 600 silent connections, round {round}: {took:?}");
        assert!(took < Duration::from_secs(2), "round {round}: it waited {took:?}");
        assert!(serve.open() <= DESCRIPTORS as usize - KEPT_BACK, "{} descriptors are open", serve.open());
    }
}

/// A client that is refused before its first bytes arrive is told why all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_refused_before_its_first_bytes_is_told_why() {
    let serve = Serve::start(DESCRIPTORS, "--limit handshake_time=1h");
    let unheard = TcpStream::connect(&serve.address).await.expect("connects");
    let mut silent = Vec::new();
    for _ in 0..DESCRIPTORS {
        silent.push(TcpStream::connect(&serve.address).await.expect("connects"));
    }
    let told = unheard.readable();
    tokio::time::timeout(PATIENCE, told).await.expect("it is sent away").expect("it is there");
    let error = Session::over(unheard).await.expect_err("another has its place");
    let Error::Refused { reason } = error else { panic!("{error:?}") };
    assert!(reason.contains("no room") && reason.contains("ulimit -n"), "{reason}");
}

/// When all descriptors belong to sessions, silent connections do not keep a new client from being told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_told_that_no_descriptor_is_left_despite_silent_connections() {
    let serve = Serve::start(DESCRIPTORS, "--limit handshake_time=1h");
    let mut sessions = Vec::new();
    let refused = |error: Error| match error {
        Error::Refused { reason } => reason,
        other => panic!("{other:?}"),
    };
    let connect = || Session::builder(&serve.address).max_retry(0).connect();
    while let Ok(session) = connect().await {
        sessions.push(session);
        assert!(sessions.len() < DESCRIPTORS as usize, "there are not so many descriptors");
    }
    assert!(sessions.len() > 150, "{} sessions", sessions.len());
    let flood = Flood::start(&serve.address, 200);
    while flood.connected.load(Ordering::Relaxed) < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut told = 0;
    for _ in 0..20 {
        let begun = Instant::now();
        match connect().await {
            // A silent connection that has just ended may still be counted.
            Ok(session) => sessions.push(session),
            Err(error) => {
                let reason = refused(error);
                assert!(reason.contains("ulimit -n"), "{reason}");
                told += 1;
            }
        }
        assert!(begun.elapsed() < PATIENCE, "it waited {:?}", begun.elapsed());
    }
    assert!(told >= 15, "{told} of 20 were told");
    assert!(serve.open() <= DESCRIPTORS as usize - KEPT_BACK, "{} descriptors are open", serve.open());
    flood.stop().await;
    for session in &sessions {
        session.version().await.expect("they are served");
    }
    // Once a session has ended there is room, even if connections that were refused are still open.
    sessions.pop().expect("there are many").close().await;
    let begun = Instant::now();
    while let Err(error) = connect().await {
        assert!(begun.elapsed() < PATIENCE, "there is room again: {error}");
    }
}

/// A peer of another protocol may keep its connection open, but does not take up room for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_of_other_protocols_that_stay_keep_no_client_out() {
    let serve = Serve::start(DESCRIPTORS, "--limit handshake_time=1h");
    let mut strangers = Vec::new();
    for _ in 0..600 {
        let mut raw = Raw::at(&serve.address).await;
        raw.send(b"GET / HTTP/1.1\r\n\r\n").await;
        strangers.push(raw);
    }
    let begun = Instant::now();
    Session::builder(&serve.address).max_retry(0).connect().await.expect("there is room");
    assert!(begun.elapsed() < PATIENCE, "it waited {:?}", begun.elapsed());
    let mut told = String::new();
    strangers[599].0.read_to_string(&mut told).await.expect("text");
    assert!(told.contains("this is a tarmem service"), "{told}");
}
