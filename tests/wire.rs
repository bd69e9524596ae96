//! What a service does with bytes that no client of ours would send: their sender loses its connection at most.

mod support;

use std::time::{Duration, Instant};
use support::raw::{PROTOCOL, Raw, frame, hello, open, request};
use support::{Fixture, Way};
use tarmem::modules::builtins::ListProxy;
use tarmem::storage::{MemoryDisk, MemoryStorage};
use tarmem::{CallError, Error, Limits, Proxy, Service, Session, Value, args};
use tarmem_test_models::{Account, AccountProxy, NotesProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

async fn fixture() -> (Fixture, Session) {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    session.memoize("k", AccountProxy::open(5)).await.expect("made");
    (fixture, session)
}

/// The service still works, and nothing stored is lost.
async fn assert_well(fixture: &Fixture, session: &Session) {
    assert_eq!(session.proxy::<Account>("k").balance().await, Ok(5));
    assert_eq!(fixture.session().await.proxy::<Account>("k").balance().await, Ok(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_costs_its_sender_the_connection() {
    let (fixture, session) = fixture().await;
    let garbage: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0xff; 64],
        frame(&[0xff; 64]),
        frame(&[]),
        frame(b"\0"),
        request(1, 0, b"not a hello"),
        request(1, 9, b"no such method"),
        request(1, 1, b"a batch before open"),
        request(1, 2, b""),
    ];
    for bytes in garbage {
        let mut raw = Raw::connect(&fixture).await;
        raw.send(&bytes).await;
        raw.until_closed().await;
        assert_well(&fixture, &session).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_cut_at_any_byte_harms_nobody() {
    let (fixture, session) = fixture().await;
    let mut conversation = open(PROTOCOL);
    // A batch: acknowledged below 0; operation 1, of task 0, without timeout, 3 bytes, which are `is_memoized("k")`.
    conversation.extend(request(2, 1, &[0, 1, 0, 0, 3, 4, 1, b'k']));
    for cut in 0..=conversation.len() {
        let mut raw = Raw::connect(&fixture).await;
        raw.send(&conversation[..cut]).await;
        raw.0.shutdown().await.expect("closes");
        let answer = raw.until_closed().await;
        if cut == conversation.len() {
            // A frame; response 2 to `submit`: no flags, the first batch; operation 1, done, one byte: true.
            let expected = [0, 0, 0, 19, 0, 2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 1];
            assert_eq!(answer[answer.len() - expected.len()..], expected, "{answer:?}");
        }
    }
    assert_well(&fixture, &session).await;
}

/// The replies of a service that keeps its objects say up to which batch of its journal they may tell of changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_of_a_service_that_keeps_its_objects_name_a_batch() {
    let storage = MemoryStorage::open(&MemoryDisk::default());
    let service = Service::new("127.0.0.1", 0).storage(storage).start().await.expect("it starts");
    let mut raw = Raw::at(&service.address()).await;
    raw.send(&open(PROTOCOL)).await;
    raw.receive_frame().await;
    raw.send(&request(2, 1, &[0, 1, 0, 0, 3, 4, 1, b'k'])).await;
    // Response 2 to `submit`: a flag for the batch of the journal; the first batch of replies; batch 1 of the journal,
    // with which the run began; operation 1, done, one byte: false.
    let expected = [0, 2, 1, 4, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0];
    assert_eq!(raw.receive_frame().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_operation_fails_alone() {
    let (fixture, session) = fixture().await;
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&open(PROTOCOL)).await;
    raw.receive_frame().await;
    // Operation 1 is of an unknown kind, operation 2 is `is_memoized("k")`, then 1 is sent again.
    let is_memoized: &[u8] = &[4, 1, b'k'];
    let mut batch = vec![0];
    for (sequence, operation) in [(1, &[99, 1, 2][..]), (2, is_memoized), (1, is_memoized)] {
        batch.extend_from_slice(&[sequence, 0, 0, u8::try_from(operation.len()).expect("small")]);
        batch.extend_from_slice(operation);
    }
    raw.send(&request(2, 1, &batch)).await;
    let reply = raw.receive_frame().await;
    let text = String::from_utf8_lossy(&reply);
    assert!(text.contains("operation"), "{text:?}");
    // Operation 2 is done, and 1 is not run again, since its reply is already on its way.
    assert!(reply.ends_with(&[2, 1, 1, 0, 0, 0, 1, 1, 0]), "{reply:?}");
    assert_well(&fixture, &session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_another_protocol_version_is_told_so() {
    let (fixture, session) = fixture().await;
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&open(7)).await;
    // The answer names the version that the service speaks.
    assert_eq!(raw.receive_frame().await, [0, 1, 0, 1, PROTOCOL as u8]);
    assert_well(&fixture, &session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_the_limit_ends_its_connection_only() {
    let mut limits = Limits::default();
    limits.handshake_time = Duration::from_secs(3600);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    session.memoize("k", AccountProxy::open(5)).await.expect("made");
    // Before a session is open, the limit is small: the header is enough.
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&5_000u32.to_be_bytes()).await;
    raw.until_closed().await;
    // An `open` that is valid except for its size is not answered.
    let mut large = hello(PROTOCOL);
    large.resize(5_000, 0);
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&request(1, 0, &large)).await;
    assert_eq!(raw.until_closed().await, b"");
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&open(PROTOCOL)).await;
    raw.receive_frame().await;
    raw.send(&u32::MAX.to_be_bytes()).await;
    raw.until_closed().await;
    assert_well(&fixture, &session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_peer_is_disconnected() {
    let mut limits = Limits::default();
    limits.handshake_time = Duration::from_millis(100);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let mut raw = Raw::connect(&fixture).await;
    raw.send(&[0, 0]).await;
    assert_eq!(raw.until_closed().await, b"");
    // A client with a session may be silent as long as it likes.
    let session = fixture.session().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(session.is_memoized("k").await, Ok(false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_limit_are_told_so() {
    let mut limits = Limits::default();
    limits.connections = 2;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let one = fixture.session().await;
    let _two = fixture.session().await;
    let error = Session::connect(fixture.address()).await.expect_err("over the limit");
    assert!(matches!(error, Error::Refused { ref reason } if reason.contains("limit of 2")), "{error}");
    one.close().await;
    // The service notices some time later.
    let limit = std::time::Instant::now() + Duration::from_secs(20);
    while Session::connect(fixture.address()).await.is_err() {
        assert!(std::time::Instant::now() < limit, "the place is not given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_too_large_or_too_deep_fails_alone() {
    let mut limits = Limits::default();
    limits.frame_bytes = 64 * 1024;
    for way in [Way::Memory, Way::Tcp, Way::Unix, Way::InProcess] {
        let fixture = Fixture::with(way, limits.clone()).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(5)).await.expect("made");
        let mut deep = Value::Null;
        for _ in 0..100 {
            deep = Value::List(vec![deep]);
        }
        let module = session.remote_import("bank").await.expect("imports");
        let error = session.memoize("deep", module.function("Account.open", [deep])).await.expect_err("too deep");
        assert!(error.to_string().contains("64"), "{way:?}: {error}");
        if way != Way::InProcess {
            let long = "x".repeat(100_000);
            let error = account.label(&long, &[], None).await.expect_err("too large");
            assert!(matches!(error, Error::LimitExceeded { limit: 64_512, .. }), "{way:?}: {error}");
        }
        let error = account.large(100_000).await.expect_err("too large a result");
        assert_eq!(
            error.to_string(),
            "the result of bank.Account.large cannot be sent: larger than 64512 bytes when encoded; return less at \
             once, or raise the frame limit: the service's, or the client's max_frame",
            "{way:?}"
        );
        let notes = session.memoize("notes", NotesProxy::new()).await.expect("made");
        let deepest = (0..64).fold(Value::Null, |inside, _| Value::List(vec![inside]));
        notes.add(deepest).await.expect("just deep enough");
        let error = notes.dynamic().call("lines", args![]).await.expect_err("one level more");
        assert_eq!(
            error.to_string(),
            "the result of lab.Notes.lines cannot be sent: nested deeper than 64 levels; return it in parts, or as \
             references to objects",
            "{way:?}"
        );
        // Each of them fits in a frame, all together do not.
        let results = session.pipeline((0..10).map(|_| account.large(30_000))).await;
        assert!(results.iter().all(|result| result.as_ref().is_ok_and(|bytes| bytes.len() == 30_000)), "{way:?}");
        assert_eq!(account.balance().await, Ok(5), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_elements_over_the_frame_limit_are_refused() {
    for way in [Way::Memory, Way::Tcp] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let list = session.memoize("list", ListProxy::new(Some(vec![1].into()))).await.expect("made");
        // 20 bytes each: 20 MB, over 16 MiB.
        let error = list.extend(vec!["an element of a list"; 1_000_000]).await.expect_err("too large");
        let CallError::Failed(Error::LimitExceeded { .. }) = &error else { panic!("{way:?}: {error:?}") };
        assert!(error.to_string().contains("the call's size in bytes"), "{error}");
        // In pieces it works.
        for _ in 0..4 {
            list.extend(vec!["an element of a list"; 250_000]).await.expect("it fits");
        }
        assert_eq!(list.len().await, Ok(1_000_001), "{way:?}: unchanged by the first");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_the_limit_wait_their_turn() {
    let mut limits = Limits::default();
    limits.calls_in_flight = 8;
    limits.batch_operations = 3;
    for way in [Way::Memory, Way::Tcp] {
        let fixture = Fixture::with(way, limits.clone()).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(0)).await.expect("made");
        let calls = (0..100).map(|_| {
            let account = account.clone();
            tokio::spawn(async move { account.deposit(1).await })
        });
        for call in futures::future::join_all(calls).await {
            call.expect("no panic").unwrap_or_else(|e| panic!("{way:?}: {e}"));
        }
        assert_eq!(account.balance().await, Ok(100));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_room_keeps_its_deadline() {
    let mut limits = Limits::default();
    limits.calls_in_flight = 2;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    let account = session.memoize("k", AccountProxy::open(5)).await.expect("made");
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let account = account.clone();
            tokio::spawn(async move { account.balance_slowly(60_000).await })
        })
        .collect();
    // Both are running once a third call finds no room.
    let late = Duration::from_millis(150);
    let begun = Instant::now();
    loop {
        let result = account.balance().timeout(late).await;
        if let Err(error) = result {
            assert!(matches!(&error, Error::DeadlineExceeded { what, .. } if what.contains("balance")), "{error}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "there is room");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "it was told late");
    busy.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(account.balance().await, Ok(5), "there is room again");
}

/// Passes on what the client sends, and the first frame of what the service sends.
async fn falling_silent(fixture: &Fixture) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    let service = fixture.address();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("accepts");
        let service = TcpStream::connect(service).await.expect("accepts");
        let ((mut from_client, mut to_client), (mut from_service, mut to_service)) =
            (client.into_split(), service.into_split());
        let answer = async {
            let length = from_service.read_u32().await.expect("a frame");
            let mut message = vec![0; length as usize];
            from_service.read_exact(&mut message).await.expect("a whole frame");
            to_client.write_all(&frame(&message)).await.expect("takes it");
        };
        let _ = tokio::join!(copy(&mut from_client, &mut to_service), answer);
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_service_falls_silent_says_what_it_waited_for() {
    let (fixture, _session) = fixture().await;
    let session = Session::connect(falling_silent(&fixture).await).await.expect("it answers `open`");
    let soon = Duration::from_millis(50);
    let account = session.proxy::<Account>("k");
    let late = account.balance().timeout(soon).await.expect_err("no answer").to_string();
    assert_eq!(late, "no result from bank.Account.balance of \"k\" within 50ms; give it a longer timeout");
    let late = account.dynamic().call("balance", args![]).timeout(soon).await.expect_err("no answer").to_string();
    assert_eq!(late, "no result from balance of \"k\" within 50ms; give it a longer timeout");
    let late = session.is_memoized("k").timeout(soon).await.expect_err("no answer").to_string();
    assert_eq!(late, "no result from is_memoized of \"k\" within 50ms; give it a longer timeout");
}
