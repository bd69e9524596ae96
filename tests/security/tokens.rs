//! Who is let in.

use super::{ALICE, BOB, service, session, tokens};
use crate::support::fault::{Fault, Faults, Network};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::threading::LockProxy;
use tarmem::{Error, Service, Session, SessionState, Token, Tokens, memory};

fn reason(error: Error) -> String {
    match error {
        Error::Refused { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_who_has_a_token_comes_in() {
    let service = service([Token::new("alice", ALICE), Token::new("bob", BOB)]).await;
    let address = service.address();
    let list = session(&service, ALICE).await.memoize("k", ListProxy::new(None)).await.expect("made");
    list.append(1).await.expect("appended");
    let by_url = Session::connect(format!("tarmem://{BOB}@{address}")).await.expect("the token is good");
    assert!(by_url.is_memoized("k").await.expect("asked"));
    // The builder's counts more than the URL's.
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
        assert_eq!(reason, &told[0], "what is wrong with it is not told");
        assert!(reason.contains("TARMEM_TOKEN") && reason.contains("SessionBuilder::token"), "{reason}");
        assert!(!reason.contains("sesame"), "{reason}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_by_whatever_way_one_comes() {
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
    // Whoever has the service in its own process needs none.
    service.session().keys("", "", 0).await.expect("answered");
}

#[tokio::test]
async fn a_service_without_any_token_lets_nobody_in() {
    let service = service([]).await;
    reason(Session::builder(service.address()).token("").connect().await.expect_err("there is none that is good"));
    service.session().version().await.expect("within the process all is as before");
}

#[tokio::test]
async fn who_guesses_is_slowed_and_nobody_else() {
    let service = service([Token::new("alice", ALICE)]).await;
    let inside = session(&service, ALICE).await;
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
    // Six wrong ones of late: the next one takes 400 ms at least, however good.
    assert!(guess(6).await >= Duration::from_millis(400));
    let begun = Instant::now();
    session(&service, ALICE).await;
    assert!(begun.elapsed() >= Duration::from_millis(400), "a good guess is not told apart by its time");
    // Calls on a session that is open are not asked again.
    let (slow, calls) = tokio::join!(guess(7), async {
        let begun = Instant::now();
        for _ in 0..20 {
            inside.version().await.expect("answered");
        }
        begun.elapsed()
    });
    assert!(calls < slow, "{calls:?} for twenty calls, {slow:?} for a guess");
}

/// Many who guess at one time are sent away before they are asked, and so is whoever comes from the same host: but for a client
/// that comes back to its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_is_not_kept_out_by_who_guesses() {
    const BREAKS: u64 = 4;
    let service = service([Token::new("alice", ALICE)]).await;
    let network = Network::to(service.local_addr().expect("TCP"), |n| {
        if n < BREAKS { Faults::up(Fault::Reset(1_500)) } else { Faults::NONE }
    })
    .await;
    let session = Session::builder(network.address.to_string()).token(ALICE).connect().await.expect("let in");
    let list = session.memoize("k", ListProxy::new(None)).await.expect("made");
    let guesses: Vec<_> = (0..64)
        .map(|n| {
            let address = service.address();
            tokio::spawn(async move {
                loop {
                    let _ = Session::builder(&address).token(format!("guess {n}")).connect().await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    let begun = Instant::now();
    let stranger = || Session::builder(service.address()).token("another guess").connect();
    while !reason(stranger().await.expect_err("it is wrong")).contains("too many") {
        assert!(begun.elapsed() < Duration::from_secs(20), "they are too few");
    }
    for number in 0..250 {
        list.append(number).await.expect("appended");
    }
    assert!(network.connections() > BREAKS);
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_sessions() {
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
    let error = alice.keys("", "", 0).await.expect_err("it is out");
    assert!(reason(error).contains("TARMEM_TOKEN"));
    reason(alice.reconnect().await.expect_err("its token is gone"));
    assert!(bob.is_memoized("lock").await.expect("bob stays"));
    session(&service, "carols-open-sesame").await.version().await.expect("carol comes in");

    // With fewer permissions it is another token.
    service.set_tokens(tokens([Token::new("bob", BOB).read_only()]));
    bob.wait_for(SessionState::Closed).await;
    assert!(matches!(bob.ended(), Some(Error::SessionExpired { .. })), "{:?}", bob.ended());
    bob.reconnect().await.expect("its token is good again");
    let error = bob.delete("lock").await.expect_err("it may only read");
    assert!(matches!(error, Error::NotPermitted { .. }), "{error}");
}

#[tokio::test]
async fn a_service_begins_to_ask() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("the service starts");
    let before = Session::connect(service.address()).await.expect("nobody is asked");
    service.set_tokens(tokens([Token::new("alice", ALICE)]));
    before.wait_for(SessionState::Closed).await;
    reason(before.version().await.expect_err("it is out"));
    session(&service, ALICE).await.version().await.expect("answered");
    service.set_tokens(Tokens::new());
    reason(Session::builder(service.address()).token(ALICE).connect().await.expect_err("revoked"));
}
