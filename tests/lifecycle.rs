//! How a service begins and ends, and how a client does.

#[path = "lifecycle/matrix.rs"]
mod matrix;
#[path = "lifecycle/outage.rs"]
mod outage;
#[path = "lifecycle/rolling.rs"]
mod rolling;
mod support;

use std::time::{Duration, Instant};
use support::other::Part;
use support::{Fixture, Way, arrived, started};
use tarmem::modules::queue::QueueProxy;
use tarmem::{CallError, Error, Limits, Proxy, ServeError, Service, Session};
use tarmem_test_models::{
    Account, AccountProxy, Mishap, broken_account, merge, slow_account, transfer_half, transfer_slowly,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The part of the other process. This is not a test: see [`support::other::Other`].
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "runs in processes that other tests start"]
async fn role() {
    let Some(Part { role, address, .. }) = Part::mine() else { return };
    match role.as_str() {
        "service" => rolling::serve(&address).await,
        other => panic!("there is no role {other}"),
    }
}

/// A session that does not wait long for its service to come back, if it can reconnect at all.
async fn impatient(fixture: &Fixture) -> Session {
    match fixture.way {
        Way::InProcess | Way::Memory => fixture.session().await,
        Way::Tcp | Way::Unix => {
            let builder = Session::builder(fixture.address()).max_retry(1).retry_delay(Duration::from_millis(10));
            builder.connect().await.expect("a session opens")
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_error() {
    let first = Service::new("127.0.0.1", 0).bind().await.expect("a free port");
    let port = first.local_addr().expect("TCP").port();
    let error = Service::new("127.0.0.1", port).bind().await.expect_err("it is taken");
    assert!(matches!(error, ServeError::Listen { .. }));
    let message = error.to_string();
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{port}")) && message.contains("port 0"), "{message}");
}

#[tokio::test]
async fn a_service_listens_on_all_addresses_of_its_name() {
    let bound = Service::new("localhost", 0).bind().await.expect("a free port");
    let port = bound.local_addr().expect("TCP").port();
    let mut expected = vec![format!("127.0.0.1:{port}")];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        expected.push(format!("[::1]:{port}"));
    }
    assert_eq!(bound.addresses(), expected, "with one port");
    let service = bound.start();
    assert_eq!(service.addresses(), expected);
    for address in &expected {
        let session = Session::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
        session.version().await.expect("answers");
    }
    let path = std::env::temp_dir().join(format!("tarmem-addresses-{}.sock", std::process::id()));
    let both = Service::new("127.0.0.1", 0).unix(&path).bind().await.expect("binds");
    let tcp = both.local_addr().expect("TCP").to_string();
    assert_eq!(both.addresses(), [tcp, format!("unix:{}", path.display())]);
}

/// Many clients that reconnect at one time fit in the listener's queue.
#[tokio::test]
async fn the_queue_of_a_listener_is_as_long_as_its_limit() {
    let mut limits = Limits::default();
    assert!(limits.listen_backlog >= 1_024);
    limits.listen_backlog = 700;
    // The service is bound and not started, so it accepts nobody.
    let bound = Service::new("127.0.0.1", 0).limits(limits).bind().await.expect("a free port");
    let address = bound.local_addr().expect("TCP");
    let mut waiting = Vec::new();
    for n in 0..700 {
        let stream = tokio::time::timeout(Duration::from_secs(10), tokio::net::TcpStream::connect(address)).await;
        waiting.push(stream.unwrap_or_else(|_| panic!("{n}: no place")).expect("connects"));
    }
}

#[tokio::test]
async fn connecting_to_no_service_is_one_clear_error_after_the_retries() {
    let gone = Service::new("127.0.0.1", 0).bind().await.expect("a free port").local_addr().expect("TCP");
    let builder = Session::builder(gone.to_string()).max_retry(2).retry_delay(Duration::from_millis(20));
    let error = builder.connect().await.expect_err("nobody is there");
    assert!(matches!(error, Error::Unreachable { attempts: 3, .. }), "{error}");
    assert!(error.to_string().contains("tarmem serve"), "{error}");
    for address in ["localhost", "localhost:", "localhost:port", ""] {
        assert!(matches!(Session::connect(address).await, Err(Error::Malformed { .. })), "{address}");
    }
}

#[tokio::test]
async fn connecting_takes_no_longer_than_its_timeout_and_says_what_went_wrong() {
    let address = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("bound").to_string();
    let builder = Session::builder(&*address).max_retry(1_000).retry_delay(Duration::from_millis(10));
    let error = builder.connect_timeout(Duration::from_millis(500)).connect().await.expect_err("nobody is there");
    let Error::Unreachable { attempts, cause, .. } = &error else { panic!("{error}") };
    assert!((2..1_001).contains(attempts) && cause.contains("refused"), "more than one, and not all: {error}");
    // If nothing has gone wrong so far, the error can only name the time.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = silent.local_addr().expect("bound").to_string();
    let error = Session::builder(&*address).connect_timeout(Duration::from_millis(100)).connect().await;
    let Err(Error::DeadlineExceeded { what, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*what, format!("connecting to {address}"));
}

/// A web server, an SSH server, and a peer that hangs up.
#[tokio::test]
async fn a_peer_that_is_no_service_is_reported_as_such() {
    let nonsense = "its answer is malformed";
    for (banner, waits, seen) in [
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            true,
            "it speaks HTTP (\"HTTP/1.1 400 Bad Request\")",
        ),
        ("SSH-2.0-OpenSSH_9.6\r\n", false, "it says \"SSH-2.0-OpenSSH_9.6\""),
        ("\0\0\0\u{3}abc", true, nonsense),
        // The length of a frame of a megabyte, for which the client would wait.
        ("\0\u{10}\0\0abc", false, nonsense),
        ("", true, ""),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound").to_string();
        let other = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                if waits {
                    let _ = stream.read(&mut [0; 64]).await;
                }
                // Some peers hang up, others wait for more.
                if !banner.is_empty() {
                    let _ = stream.write_all(banner.as_bytes()).await;
                    let _ = stream.read_to_end(&mut Vec::new()).await;
                }
            }
        });
        let quickly = Session::builder(&address).max_retry(1);
        let error = quickly.connect().await.expect_err("it is no service").to_string();
        let expected = if banner.is_empty() {
            format!(
                "the session with {address} has ended (it hung up without an answer: it is not a tarmem service, or \
                 has too many connections); connect again"
            )
        } else {
            format!(
                "connected to {address}, but nothing there speaks tarmem's protocol: {seen}; check the address and the \
                 port"
            )
        };
        assert_eq!(error, expected, "{banner:?}");
        other.abort();
    }
}

/// It may be a service that has just ended, with another one about to start.
#[tokio::test]
async fn a_first_connection_that_is_hung_up_on_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    let connecting = tokio::spawn(Session::builder(address.to_string()).max_retry(20).connect());
    let (mut stream, _) = listener.accept().await.expect("accepts");
    assert_ne!(stream.read(&mut [0; 64]).await.expect("hears something"), 0);
    drop((stream, listener));
    let service = Service::new("127.0.0.1", address.port()).start().await.expect("the port is free again");
    let session = connecting.await.expect("no panic").expect("found");
    assert_eq!(session.is_memoized("k").await, Ok(false));
    service.shutdown().await;
}

#[tokio::test]
async fn a_service_that_starts_late_is_found() {
    let bound = Service::new("127.0.0.1", 0).bind().await.expect("a free port");
    let address = bound.local_addr().expect("TCP");
    drop(bound);
    let connecting = tokio::spawn(Session::builder(address.to_string()).max_retry(20).connect());
    tokio::task::yield_now().await;
    let service = Service::new("127.0.0.1", address.port()).start().await.expect("the port is free again");
    let session = connecting.await.expect("no panic").expect("found");
    assert_eq!(session.is_memoized("k").await, Ok(false));
    service.shutdown().await;
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
    let path = std::env::temp_dir().join(format!("tarmem-left-{}.sock", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&path).expect("binds"));
    assert!(path.exists(), "left behind");
    let service = Service::without_listener().unix(&path).start().await.expect("replaced");
    assert!(Service::without_listener().unix(&path).bind().await.is_err(), "somebody listens there");
    let address = format!("unix:{}", path.display());
    assert_eq!((service.local_addr(), service.address()), (None, address.clone()));
    let session = Session::connect(address).await.expect("connects");
    session.version().await.expect("answers");
    service.shutdown().await;
    assert!(!path.exists(), "removed at the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_running_calls_and_tells_the_clients() {
    for way in [Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let (session, idle) = (impatient(&fixture).await, impatient(&fixture).await);
        let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
        let running = account.deposit_slowly(1, 300).send().await;
        // Runs are counted for the whole process.
        let tag = format!("shutdown {way:?}");
        let making = session.memoize("slow", slow_account::remote(tag.clone(), 7, 300)).with_info();
        let making = started(&session, making).await;
        while runs(&tag, &session).await == 0 {
            tokio::task::yield_now().await;
        }
        let stopping = tokio::spawn(fixture.service.shutdown());
        assert_eq!(running.await, Ok(2), "{way:?}: what runs is finished");
        making.await.expect("no panic").unwrap_or_else(|e| panic!("{way:?}: {e}"));
        stopping.await.expect("no panic");
        let after = [session.is_memoized("k").await, idle.is_memoized("k").await];
        for result in after {
            let error = result.expect_err("it is gone");
            // A session that can reconnect has looked for another service there.
            match (way, &error) {
                (Way::Memory, Error::ShuttingDown) => {}
                (Way::Memory, Error::Closed { cause, .. }) | (_, Error::Unreachable { cause, .. }) => {
                    assert!(cause.contains("shut down"), "{way:?}: {cause}");
                }
                _ => panic!("{way:?}: {error}"),
            }
        }
    }
}

/// On the threads of connections, and on those of callers within the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shutdown_finishes_methods_that_hold_their_threads() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        // As many calls as there are threads, and one more, beside which another result is ready.
        let mut running = Vec::new();
        for index in 0..3 {
            let session = fixture.session().await;
            let account = session.memoize(&format!("k{index}"), AccountProxy::open(index)).await.expect("made");
            let beside = session.memoize(&format!("b{index}"), AccountProxy::open(index)).await.expect("made");
            let beside = beside.deposit_slowly(2, 300).send().await;
            running.push((index, tokio::spawn(account.deposit_holding(1, 2_500)), beside, session));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let begun = Instant::now();
        fixture.service.shutdown().await;
        assert!(begun.elapsed() > Duration::from_secs(2), "{way:?}: it has waited for them");
        for (index, running, beside, _session) in running {
            assert_eq!(running.await.expect("no panic"), Ok(index + 1), "{way:?}");
            assert_eq!(beside.await, Ok(index + 2), "{way:?}: it is collected although the thread was held");
        }
    }
}

/// Everything that this process logs as an error.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic in here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_logged_with_its_method_and_session() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_ansi(false);
    subscriber.with_writer(move || writer.clone()).init();
    for way in [Way::InProcess, Way::Tcp] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
        for call in [account.break_down(), account.break_down_later()] {
            assert!(call.await.is_err());
            account.clear_poison().await.expect("it is there");
        }
        assert!(account.look_badly().await.is_err());
        let other = session.memoize("other", AccountProxy::open(1)).await.expect("made");
        assert!(transfer_half::remote(&account, &other, 1, Mishap::Panic).call(&session).await.is_err());
        assert!(transfer_slowly::remote(&account, &other, 1, 1, Some(Mishap::Panic)).call(&session).await.is_err());
        assert!(session.memoize("m", merge::remote(&account, &other, Some(Mishap::Panic))).await.is_err());
        assert!(session.memoize("b", broken_account::remote()).await.is_err());
        let text = String::from_utf8(log.0.lock().expect("no panic in here").clone()).expect("text");
        let id = session.id().to_string();
        for (method, message) in [
            ("break_down", "the vault door fell off"),
            ("break_down_later", "the vault door fell off, later"),
            ("look_badly", "the light went out"),
        ] {
            let told = text.lines().any(|line| {
                let has = |part: &str| line.contains(part);
                has(&id) && has("class=\"bank.Account\"") && has(&format!("method=\"{method}\"")) && has(message)
            });
            assert!(told, "{way:?}: {method} of {id} in:\n{text}");
        }
        for function in ["transfer_half", "transfer_slowly", "merge", "broken_account"] {
            let told = text.lines().any(|line| {
                let has = |part: &str| line.contains(part);
                has(&id) && has(&format!("function=\"{function}\"")) && has("panicked: ")
            });
            assert!(told, "{way:?}: {function} of {id} in:\n{text}");
        }
    }
}

async fn runs(tag: &str, session: &Session) -> u64 {
    tarmem_test_models::runs::remote(tag.to_owned()).call(session).await.unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_calls_that_only_wait_for_others() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = impatient(&fixture).await;
        let queue = session.create(QueueProxy::new(None)).await.expect("made");
        let mut waiting = Vec::new();
        for _ in 0..10 {
            waiting.push(queue.get::<i64>().send().await);
        }
        while queue.waiting().await != Ok(10) {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        fixture.service.shutdown().await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{way:?}: {:?}", begun.elapsed());
        for wait in waiting {
            let error = wait.await.expect_err("nothing came");
            match (way, error) {
                (Way::InProcess | Way::Memory, CallError::Failed(Error::ShuttingDown)) => {}
                // The session waited for another service, and none came.
                (Way::Tcp | Way::Unix, CallError::Failed(Error::Unreachable { .. })) => {}
                (_, error) => panic!("{way:?}: {error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_ever() {
    let mut limits = Limits::default();
    limits.shutdown_time = Duration::from_millis(100);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = impatient(&fixture).await;
    let account = session.memoize("k", AccountProxy::open(1)).await.expect("made");
    let reading = account.balance_slowly(3_600_000).no_timeout().send().await;
    let other = session.memoize("other", AccountProxy::open(1)).await.expect("made");
    let writing = other.deposit_slowly(1, 3_600_000).no_timeout().send().await;
    arrived(&session).await;
    let begun = Instant::now();
    fixture.service.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    // It does not matter to its caller whether a call that may be repeated was made.
    assert!(matches!(reading.await, Err(Error::Unreachable { .. })));
    assert!(matches!(writing.await, Err(Error::OutcomeUnknown { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_session_fails_its_calls_and_releases_its_handles() {
    for way in [Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.create(AccountProxy::open(1)).await.expect("made");
        let other = session.create(AccountProxy::open(1)).await.expect("made");
        let (reading, writing) =
            (account.balance_slowly(60_000).send().await, other.deposit_slowly(1, 60_000).send().await);
        arrived(&session).await;
        session.close().await;
        assert!(matches!(reading.await, Err(Error::Closed { .. })), "it may be made again elsewhere");
        assert!(matches!(writing.await, Err(Error::OutcomeUnknown { .. })), "it may have been made");
        let error = account.balance().await.expect_err("closed");
        assert!(matches!(error, Error::Closed { ref cause, .. } if cause.contains("closed here")), "{error}");
        assert_eq!(session.ended(), Some(error));
        let other = fixture.session().await;
        assert_eq!(other.proxy::<Account>("k").balance().await, Err(Error::NoSuchKey { key: "k".into() }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_offered_modules_can_be_used() {
    let service = Service::without_listener().modules(["bank"]).start().await.expect("starts");
    let session = service.session();
    session.memoize("k", AccountProxy::open(1)).await.expect("offered");
    let error = session.remote_import("lab").await.map(drop).expect_err("not offered");
    assert_eq!(error, Error::NoSuchModule { module: "lab".into(), near: vec![] });
    let source = slow_account::remote("offered".into(), 1, 0);
    let error = session.memoize("other", source).await.map(drop).expect_err("not offered");
    assert_eq!(error, Error::NoSuchModule { module: "lab".into(), near: vec![] });
    let square = session.update("s", tarmem_test_models::Square { side: 1.0 }).await.map(drop);
    assert!(matches!(square, Err(Error::NoSuchClass { ref class, .. }) if class == "shapes.Square"), "{square:?}");
    let error = Service::without_listener().modules(["bnak"]).bind().await.expect_err("no such module");
    assert!(error.to_string().contains("did you mean bank"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_are_released_when_proxies_are_dropped() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp] {
        let mut limits = Limits::default();
        limits.handles = 10;
        let fixture = Fixture::with(way, limits).await;
        let session = fixture.session().await;
        for i in 0..100 {
            let account = session.create(AccountProxy::open(i)).await.unwrap_or_else(|e| panic!("{way:?} {i}: {e}"));
            assert_eq!(account.balance().await, Ok(i));
        }
        let mut kept = Vec::new();
        let error = loop {
            match session.create(AccountProxy::open(1)).await {
                Ok(account) => kept.push(account),
                Err(error) => break error,
            }
        };
        assert!(kept.len() <= 10 && error.to_string().contains("handles of this session"), "{error}");
        assert!(kept[0].id().is_some());
    }
}

/// The service notices at once that a client is gone, and not only when its long poll would have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disappears_releases_what_it_held() {
    for way in [Way::Memory, Way::Tcp, Way::Unix] {
        let fixture = Fixture::new(way).await;
        let session = fixture.session().await;
        let account = session.create(AccountProxy::open(1)).await.expect("made");
        let _waiting = account.balance_slowly(60_000).send().await;
        assert_eq!(fixture.service.object_count(), 1);
        session.close().await;
        let begun = Instant::now();
        while fixture.service.object_count() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(5), "{way:?}: it still holds its object");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
