//! Clients are admitted by their tokens, and guesses do not keep them out.

use super::{ALICE, BOB, service, session, tokens};
use crate::support::fault::{Fault, Faults, Network};
use crate::support::raw::{Raw, hello_with, request};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::threading::LockProxy;
use tarmem::{Error, Service, Session, SessionState, Token, Tokens, memory};
use tokio::net::{TcpSocket, TcpStream};

fn reason(error: Error) -> String {
    match error {
        Error::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_clients_with_a_token_are_admitted() {
    let service = service([Token::new("alice", ALICE), Token::new("bob", BOB)]).await;
    let address = service.address();
    let list = session(&service, ALICE).await.memoize("k", ListProxy::new(None)).await.expect("made");
    list.append(1).await.expect("appended");
    let by_url = Session::connect(format!("tarmem://{BOB}@{address}")).await.expect("the token is good");
    assert!(by_url.is_memoized("k").await.expect("asked"));
    // The builder's token takes precedence over the URL's.
    let both = Session::builder(format!("tarmem://wrong@{address}")).token(ALICE);
    both.connect().await.expect("the token is good");

    let mut told = Vec::new();
    for token in ["", "wrong-guess", "alices-open-sesame ", "ALICES-OPEN-SESAME", "alices-open-sesam"] {
        let error = Session::builder(&address).token(token).connect().await.expect_err("it is wrong");
        assert!(token.is_empty() || !error.to_string().contains(token), "{error}");
        told.push(reason(error));
    }
    told.push(reason(Session::connect(&address).await.expect_err("there is none")));
    for reason in &told {
        assert_eq!(reason, &told[0], "the error does not tell what is wrong with the token");
        assert!(reason.contains("TARMEM_TOKEN") && reason.contains("SessionBuilder::token"), "{reason}");
        assert!(!reason.contains("sesame"), "{reason}");
    }
}

#[tokio::test]
async fn a_token_is_required_over_every_transport() {
    let (listener, connector) = memory();
    let folder = std::env::temp_dir().join(format!("tarmem-tokens-{}", std::process::id()));
    let service = Service::without_listener().listener(listener).unix(&folder).tokens(tokens([Token::new("a", ALICE)]));
    let service = service.start().await.expect("the service starts");
    let unix = format!("unix:{}", folder.display());
    reason(Session::connect(&unix).await.expect_err("there is none"));
    Session::builder(&unix).token(ALICE).connect().await.expect("the token is good");
    reason(Session::over(connector.connect().await.expect("accepts")).await.expect_err("there is none"));
    let stream = connector.connect().await.expect("accepts");
    let session = Session::builder("").token(ALICE).over(stream).await.expect("the token is good");
    session.keys("", "", 0).await.expect("answered");
    // An in-process session needs none.
    service.session().keys("", "", 0).await.expect("answered");
}

#[tokio::test]
async fn a_service_with_an_empty_set_of_tokens_admits_nobody() {
    let service = service([]).await;
    reason(Session::builder(service.address()).token("").connect().await.expect_err("there is none that is good"));
    service.session().version().await.expect("in-process sessions need no token");
}

#[tokio::test]
async fn wrong_tokens_are_answered_late_and_right_ones_at_once() {
    let service = service([Token::new("alice", ALICE)]).await;
    let guess = |n: u32| {
        let address = service.address();
        async move {
            let begun = Instant::now();
            Session::builder(address).token(format!("guess {n}")).connect().await.expect_err("it is wrong");
            begun.elapsed()
        }
    };
    for n in 0..6 {
        guess(n).await;
    }
    // After six wrong tokens, the answer to the next one takes at least 400 ms.
    assert!(guess(6).await >= Duration::from_millis(400));
    // A right token from the same host, sent after these guesses, is accepted long before they are answered.
    let guesses: Vec<_> = (0..30).map(|n| tokio::spawn(guess(n))).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let inside = session(&service, ALICE).await;
    for _ in 0..20 {
        inside.version().await.expect("answered");
    }
    let waiting = guesses.iter().filter(|guess| !guess.is_finished()).count();
    assert!(waiting > 20, "{waiting} of 30 wait");
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Connects from `host`, an address of 127.0.0.0/8.
async fn from(host: Ipv4Addr, service: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((host, 0).into()).expect("all of 127.0.0.0/8 is this host");
    socket.connect(service).await.expect("accepts")
}

/// The `n`th host.
fn host(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + n)
}

/// Sends a wrong token from `from_host`, and waits for the answer.
async fn guess(from_host: Ipv4Addr, service: SocketAddr) {
    let mut raw = Raw(from(from_host, service).await);
    raw.send(&request(1, 0, &hello_with(Some("a wrong guess")))).await;
    assert_eq!(raw.receive_frame().await[3], 2, "it is refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_two_thousand_hosts_keep_no_client_out() {
    let service = service([Token::new("alice", ALICE)]).await;
    let address = service.local_addr().expect("TCP");
    stream::iter(0..2_000).for_each_concurrent(64, |n| guess(host(n), address)).await;
    // These answers are delayed. Some of the hosts have guessed before, others have not.
    let guesses: Vec<_> = (0..400).map(|n| tokio::spawn(guess(host(n % 200 * 20), address))).collect();
    // If each of these clients waited as long as the answer to a wrong token, they would not be admitted in this time.
    let begun = Instant::now();
    for newcomer in 10_000..10_010 {
        let stream = from(host(newcomer), address).await;
        let session = Session::builder("").token(ALICE).over(stream).await.expect("the token is good");
        session.version().await.expect("answered");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_clients_are_admitted_while_48_threads_guess() {
    let service = service([Token::new("alice", ALICE)]).await;
    let address = service.local_addr().expect("TCP");
    // Half of the threads guess from more hosts than are counted, the others from a single one.
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..48_u32)
        .map(|thread| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let mut guesses = 0_u32;
                    while !over.load(Ordering::Relaxed) {
                        let from_host = if thread % 2 == 0 { host(0) } else { host(thread * 1_000 + guesses % 1_000) };
                        guess(from_host, address).await;
                        guesses += 1;
                    }
                    guesses
                })
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let newcomers = (0..20).map(|n| async move {
        // Half of the new clients connect from the host that guesses most.
        let stream = from(host(if n % 2 == 0 { 0 } else { 100_000 + n }), address).await;
        let session = Session::builder("").token(ALICE).over(stream).await.expect("the token is good");
        session.version().await.expect("answered");
    });
    let came =
        tokio::time::timeout(Duration::from_secs(20), join_all(newcomers)).await.expect("all are admitted").len();
    assert_eq!(came, 20);
    over.store(true, Ordering::Relaxed);
    let guesses: u32 = threads.into_iter().map(|thread| thread.join().expect("each guess is answered")).sum();
    assert!(guesses > 48, "{guesses} guesses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_do_not_keep_a_client_from_resuming_its_session() {
    const BREAKS: u64 = 4;
    let service = service([Token::new("alice", ALICE)]).await;
    let network = Network::to(service.local_addr().expect("TCP"), |n| {
        if n < BREAKS { Faults::up(Fault::Reset(1_500)) } else { Faults::NONE }
    })
    .await;
    let session = Session::builder(network.address.to_string()).token(ALICE).connect().await.expect("admitted");
    let list = session.memoize("k", ListProxy::new(None)).await.expect("made");
    let guesses: Vec<_> = (0..64)
        .map(|_| {
            let address = service.local_addr().expect("TCP");
            tokio::spawn(async move {
                loop {
                    guess(Ipv4Addr::LOCALHOST, address).await;
                }
            })
        })
        .collect();
    for number in 0..250 {
        list.append(number).await.expect("appended");
    }
    assert!(network.connections() > BREAKS);
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn revoking_a_token_ends_its_sessions() {
    let service = service([Token::new("alice", ALICE), Token::new("bob", BOB)]).await;
    let (alice, bob) = (session(&service, ALICE).await, session(&service, BOB).await);
    let lock = alice.memoize("lock", LockProxy::new()).await.expect("made");
    let held = lock.acquire().await.expect("it is free");
    let waiting = bob.get::<tarmem::modules::threading::Lock>("lock").await.expect("it is there");
    let (acquired, ()) = tokio::join!(waiting.acquire(), async {
        service.set_tokens(tokens([Token::new("bob", BOB), Token::new("carol", "carols-open-sesame")]));
    });
    let next = acquired.expect("it is released");
    assert!(next.abandoned() && next.token() > held.token());
    alice.wait_for(SessionState::Closed).await;
    let error = alice.keys("", "", 0).await.expect_err("its token is revoked");
    assert!(reason(error).contains("TARMEM_TOKEN"));
    reason(alice.reconnect().await.expect_err("its token is gone"));
    assert!(bob.is_memoized("lock").await.expect("bob's session goes on"));
    session(&service, "carols-open-sesame").await.version().await.expect("carol is admitted");

    // A token whose permissions change is revoked, too.
    service.set_tokens(tokens([Token::new("bob", BOB).read_only()]));
    bob.wait_for(SessionState::Closed).await;
    assert!(matches!(bob.ended(), Some(Error::SessionExpired { .. })), "{:?}", bob.ended());
    bob.reconnect().await.expect("its token is good again");
    let error = bob.delete("lock").await.expect_err("it may only read");
    assert!(matches!(error, Error::NotPermitted { .. }), "{error}");
}

#[tokio::test]
async fn a_service_without_tokens_can_be_given_some() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("the service starts");
    let before = Session::connect(service.address()).await.expect("nobody is asked");
    service.set_tokens(tokens([Token::new("alice", ALICE)]));
    before.wait_for(SessionState::Closed).await;
    reason(before.version().await.expect_err("it has no token"));
    session(&service, ALICE).await.version().await.expect("answered");
    service.set_tokens(Tokens::new());
    reason(Session::builder(service.address()).token(ALICE).connect().await.expect_err("revoked"));
}
