//! What a client reports when it connects to something that is not a service, and how soon; and that a slow service is
//! not taken for one of these.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::authority::Authority;
use support::{Fixture, Way};
use tarmem::{ClientTls, Error, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A listener that runs `serve` for each connection.
async fn listener<F>(serve: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Reads a request's head to its end, and answers as a web server does.
async fn http(mut stream: TcpStream) {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut asked).await, Ok(1..)) {
            return;
        }
    }
    let answer = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let _ = stream.write_all(answer).await;
}

/// Never says anything.
async fn silent(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Sends an alert, as TLS libraries do when the peer does not speak TLS.
async fn alert(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 1]).await;
    let _ = stream.write_all(&[0x15, 3, 3, 0, 2, 2, 10]).await;
}

/// Speaks first.
async fn banner(mut stream: TcpStream) {
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\x1b[31m\r\n").await;
    silent(stream).await;
}

/// What the client reports after all its attempts, and how long they took.
async fn said(builder: tarmem::SessionBuilder) -> (Error, Duration) {
    let begun = Instant::now();
    let error = tokio::time::timeout(Duration::from_secs(40), builder.connect()).await.expect("it is told");
    (error.expect_err("there is no service"), begun.elapsed())
}

fn seen(error: Error) -> String {
    assert!(error.to_string().contains("nothing there speaks tarmem's protocol"), "{error}");
    let Error::NotAService { seen, .. } = error else { panic!("{error:?}") };
    seen
}

/// A crowded service may have no time to give a client a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_hangs_up_without_an_answer_is_tried_again() {
    let fixture = Fixture::new(Way::Tcp).await;
    let (service, hung_up) = (fixture.address(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&hung_up);
    let address = listener(move |mut stream| {
        let (service, counted) = (service.clone(), Arc::clone(&counted));
        async move {
            let mut first = [0];
            if !matches!(stream.peek(&mut first).await, Ok(1)) {
                return;
            }
            if first == [0] && counted.fetch_add(1, Ordering::Relaxed) < 2 {
                let _ = stream.read(&mut [0; 4096]).await;
                return;
            }
            let mut there = TcpStream::connect(service).await.expect("accepts");
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut there).await;
        }
    })
    .await;
    let (error, _) = said(Session::builder(&address).max_retry(0)).await;
    assert!(error.to_string().contains("it is a tarmem service, and hung up"), "{error}");
    let session = Session::builder(&address).max_retry(1).connect().await.expect("there is room the second time");
    session.version().await.expect("answered");
    assert_eq!(hung_up.load(Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_names_what_answers_in_place_of_a_service() {
    let authority = Authority::new();
    for (address, expected) in [
        (listener(http).await, "it speaks HTTP (\"HTTP/1.0 404 Not Found\")"),
        (listener(alert).await, "tarmems://"),
        (listener(banner).await, "it says \"SSH-2.0-OpenSSH_9.6"),
    ] {
        let (error, after) = said(Session::builder(&address)).await;
        assert!(!error.to_string().contains('\x1b'), "{error:?}");
        let seen = seen(error);
        assert!(seen.contains(expected), "{seen}");
        assert!(after < Duration::from_secs(8), "{address} took {after:?}");
    }
    // A web server is recognised over TLS, too.
    let tls = ClientTls::new().ca_file(authority.root());
    let (error, after) = said(Session::builder(listener(http).await).tls(tls)).await;
    assert!(seen(error).contains("it speaks HTTP") && after < Duration::from_secs(8), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_peer_is_not_taken_for_a_service() {
    let authority = Authority::new();
    let address = listener(silent).await;
    let tls = ClientTls::new().ca_file(authority.root());
    for builder in [Session::builder(&address), Session::builder(&address).tls(tls)] {
        let (error, after) = said(builder).await;
        assert!(seen(error).contains("it has said nothing for 5s"));
        assert!(after < Duration::from_secs(15), "{after:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_recognised() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound");
    let redis = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--port", &free.port().to_string()])
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut redis) = redis else {
        println!("skipped: redis-server is not installed");
        return;
    };
    while TcpStream::connect(free).await.is_err() {
        assert_eq!(redis.try_wait().expect("it is a child"), None, "redis-server has ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (error, after) = said(Session::builder(free.to_string())).await;
    let _ = redis.kill();
    let _ = redis.wait();
    assert!(seen(error).contains("Redis"));
    assert!(after < Duration::from_secs(8), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_on_one_side_only_is_an_error_with_the_remedy() {
    let authority = Authority::new();
    let identity = authority.identity("localhost");
    let secure = tarmem::Service::new("127.0.0.1", 0).tls(tarmem::ServerTls::new(identity.cert, identity.key));
    let secure = secure.start().await.expect("starts");
    let (error, _) = said(Session::builder(secure.address())).await;
    assert!(error.to_string().contains("tarmems://"), "{error}");
    let plain = Fixture::new(Way::Tcp).await;
    let tls = ClientTls::new().ca_file(authority.root());
    let (error, after) = said(Session::builder(plain.address()).tls(tls)).await;
    assert!(error.to_string().contains("connect with tarmem://") && after < Duration::from_secs(8), "{error}");
}

/// A service that takes longer to answer than a silent peer is waited for: when it is asked, it says what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_slow_to_answer_is_waited_for() {
    let fixture = Fixture::new(Way::Tcp).await;
    let service = fixture.address();
    let slow = std::sync::atomic::AtomicBool::new(true);
    let address = listener(move |mut stream: TcpStream| {
        let (service, slow) = (service.clone(), slow.swap(false, std::sync::atomic::Ordering::Relaxed));
        async move {
            if slow {
                tokio::time::sleep(Duration::from_millis(6500)).await;
            }
            let mut service = TcpStream::connect(service).await.expect("it is there");
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut service).await;
        }
    });
    let session = Session::builder(address.await).max_retry(0).connect().await.expect("it is a service");
    session.version().await.expect("answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_was_stopped_for_a_moment_is_waited_for() {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_tarmem"))
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(serve.stdout.take().expect("piped")).read_line(&mut line).expect("it says where it is");
    let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
    let signal = |signal| {
        let id = i32::try_from(serve.id()).expect("small");
        // SAFETY: the process is this test's child, and has not been waited for.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    };
    signal(libc::SIGSTOP);
    let connecting = tokio::spawn(Session::builder(&address).max_retry(0).connect());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    signal(libc::SIGCONT);
    let session = connecting.await.expect("it does not panic");
    let answered = match session {
        Ok(session) => session.version().await.map(drop),
        Err(error) => Err(error),
    };
    let _ = serve.kill();
    let _ = serve.wait();
    answered.expect("it is a service");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_unix_sockets_say_what_is_there() {
    let folder = std::env::temp_dir().join(format!("tarmem-connect-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let stale = folder.join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).expect("binds"));
    let file = folder.join("file");
    std::fs::write(&file, "").expect("written");
    let silent = folder.join("silent");
    let _silent = std::os::unix::net::UnixListener::bind(&silent).expect("binds");
    for (path, part) in [
        (folder.join("none"), "no such file"),
        (folder.join("nowhere/none"), "there is no folder"),
        (file.join("below"), "not a folder"),
        (file, "a file, not a socket"),
        (folder.clone(), "a folder, not a socket"),
        (stale, "no process listens on it"),
        (folder.join("x".repeat(200)), "too long"),
        (silent, "nothing there speaks tarmem's protocol"),
    ] {
        let builder = Session::builder(format!("unix:{}", path.display())).max_retry(0);
        let error = said(builder).await.0.to_string();
        assert!(error.contains(part), "{error}");
        for foreign in ["port", "check the address", "tarmem://", "(os error"] {
            assert!(!error.contains(foreign), "{foreign}: {error}");
        }
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[tokio::test]
async fn all_addresses_of_a_name_are_tried_and_all_failures_reported() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound");
    let (error, _) = said(Session::builder(format!("localhost:{}", gone.port())).max_retry(0)).await;
    assert!(matches!(error, Error::Unreachable { .. }) && error.to_string().contains("refused"), "{error}");
    let (error, _) = said(Session::builder("no..such:1").max_retry(0)).await;
    assert!(error.to_string().contains("its name, \"no..such\""), "{error}");
}
