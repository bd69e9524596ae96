//! Hostile clients: what they do to a service's memory, and to a well-behaved client beside them.
//!
//! The service is a process of its own, so that its memory is its own. The bounds are far above what is seen on a quiet machine,
//! and far below what a service without limits would come to.

mod support;

#[path = "hostile/calls.rs"]
mod calls;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/services.rs"]
mod services;
#[path = "hostile/tls.rs"]
mod tls;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::fault::{Faults, Network};
use support::raw::{Outcome, PROTOCOL, Raw, frame, hello_with, open, replies, request, submit};
use tarmem::blocking::{self, Wait};
use tarmem::modules::builtins::{DictProxy, List, ListProxy};
use tarmem::modules::multiprocessing::SharedValueProxy;
use tarmem::operation::{FunctionRef, MethodRef, Operation, SourceRef, Target};
use tarmem::{Error, Proxy, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// The longest that a call of the well-behaved client may take.
const PATIENCE: Duration = Duration::from_secs(3);

const MIB: u64 = 1 << 20;

/// `tarmem serve`, which ends with the test.
struct Serve {
    child: Child,
    address: String,
    before: u64,
}

impl Serve {
    async fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tarmem"))
            .args(["serve", "--host", "127.0.0.1"])
            .args(options)
            .env("TARMEM_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it is");
        let address = line.trim().strip_prefix("listening on ").expect("an address").to_owned();
        let mut serve = Serve { child, address, before: 0 };
        serve.before = serve.resident();
        serve
    }

    /// In bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Runs an attack beside a well-behaved client, none of whose calls takes long or fails; and the service's memory does not
    /// grow by more than `bytes`, now or at any time meanwhile.
    async fn under<T>(&self, bytes: u64, attack: impl Future<Output = T>) -> T {
        let neighbour = Neighbour::start(&self.address).await;
        let mut attack = Box::pin(attack);
        let mut most = 0;
        let done = loop {
            let done = tokio::time::timeout(Duration::from_millis(5), &mut attack).await;
            most = most.max(self.resident().saturating_sub(self.before));
            if let Ok(done) = done {
                break done;
            }
        };
        let (expected, worst) = neighbour.stop();
        println!("the service grew by {} KiB at most; the slowest of {expected} calls took {worst:?}", most / 1024);
        assert!(most < bytes, "the service grew by {most} bytes, over the bound of {bytes}");
        done
    }
}

/// The well-behaved client, on a thread of its own: what the attacker does with his own time is his.
struct Neighbour {
    over: Arc<AtomicBool>,
    thread: JoinHandle<(i64, Duration)>,
}

impl Neighbour {
    async fn start(address: &str) -> Self {
        let address = address.to_owned();
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let (ready, is_ready) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let session = blocking::Session::connect(&address).expect("a session opens");
            let counter =
                session.memoize("well-behaved", SharedValueProxy::new("q".into(), None)).wait().expect("made");
            ready.send(()).expect("it is waited for");
            let (mut expected, mut worst) = (0, Duration::ZERO);
            while !until.load(Ordering::Relaxed) {
                let begun = Instant::now();
                expected += 1;
                assert_eq!(counter.add::<i64>(1).timeout(PATIENCE).wait().expect("in time"), expected);
                worst = worst.max(begun.elapsed());
                std::thread::sleep(Duration::from_millis(2));
            }
            drop(session);
            (expected, worst)
        });
        is_ready.await.expect("its session opens");
        Neighbour { over, thread }
    }

    /// How many calls it made, and how long the slowest took.
    fn stop(self) -> (i64, Duration) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("its calls were answered in time")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call of a method by its name, with the arguments as they are.
fn call<'a>(key: &'a str, method: &'a str, args: &'a [u8]) -> Operation<'a> {
    let encoding = tarmem_remote::dispatch::Encoding::Dynamic;
    Operation::Call { target: Target::Key(key), method: MethodRef::Name(method), encoding, args }
}

async fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_connections_that_send_only_a_header() {
    let serve = Serve::start(&["--limit", "handshake_time=1m"]).await;
    // Each takes some kilobytes, whatever it announces: 2,000 times 16 MiB would be 32 GB.
    serve
        .under(64 * MIB, async {
            let mut held = Vec::new();
            for index in 0..2_000_u32 {
                let mut raw = Raw::at(&serve.address).await;
                // Half of them open a session first, and may announce more.
                if index % 2 == 0 {
                    raw.send(&open(PROTOCOL)).await;
                    raw.receive_frame().await;
                    raw.send(&(16_u32 << 20).to_be_bytes()).await;
                } else {
                    raw.send(&4096_u32.to_be_bytes()).await;
                }
                held.push(raw);
            }
        })
        .await;
    // One that announces more than it may is sent away at once.
    let mut raw = Raw::at(&serve.address).await;
    raw.send(&(16_u32 << 20).to_be_bytes()).await;
    assert!(is_closed(raw.0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_at_a_time() {
    let serve = Serve::start(&["--limit", "handshake_time=600ms", "--limit", "frame_time=600ms"]).await;
    serve
        .under(16 * MIB, async {
            let slow = (0..100).map(|index| {
                let address = &serve.address;
                async move {
                    let mut raw = Raw::at(address).await;
                    if index % 2 == 0 {
                        raw.send(&open(PROTOCOL)).await;
                        raw.receive_frame().await;
                    }
                    let (mut reads, mut writes) = raw.0.into_split();
                    // The whole of it would take half a minute.
                    let drip = async {
                        for byte in frame(&[0; 300]) {
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
                    tokio::select! { () = drip => {}, () = closed => {} }
                }
            });
            tokio::time::timeout(Duration::from_secs(15), join_all(slow)).await.expect("all are sent away");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_sessions_opened_and_left() {
    let serve = Serve::start(&["--limit", "lease=3s", "--limit", "sessions=2000"]).await;
    let (opened, refused) = serve
        .under(96 * MIB, async {
            let open = request(1, 0, &hello_with(None));
            let used = submit(2, 1, &[Operation::IsMemoized { key: "k" }]);
            let attempts = stream::iter(0..100_000_u32).map(|index| {
                let (address, open, used) = (&serve.address, &open, &used);
                async move {
                    let mut stream = TcpStream::connect(address).await.ok()?;
                    stream.set_zero_linger().ok()?;
                    stream.write_all(open).await.ok()?;
                    let mut raw = Raw(stream);
                    // After the header, whether it is let in.
                    let is_in = raw.receive_frame().await.get(3) == Some(&0);
                    // One call, and the session is kept for its lease, should the client come back.
                    if is_in && index % 4 == 0 {
                        raw.send(used).await;
                        raw.receive_frame().await;
                    }
                    Some(is_in)
                }
            });
            let (mut opened, mut refused) = (0, 0);
            let mut answers = attempts.buffer_unordered(64);
            while let Some(answer) = answers.next().await {
                opened += u32::from(answer == Some(true));
                refused += u32::from(answer == Some(false));
            }
            (opened, refused)
        })
        .await;
    println!("{opened} opened, {refused} refused");
    assert!(opened >= 2_000 && refused > 0, "{opened} opened, {refused} refused");
    // Once they have expired there is room again.
    let begun = Instant::now();
    while let Err(error) = Session::connect(&serve.address).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_the_announced_maximum() {
    let serve = Serve::start(&[]).await;
    let largest = 16 << 20;
    serve
        // Four at one time, each with a copy for what it is decoded to.
        .under(16 * 16 * MIB, async {
            let attacks = (0..4_u8).map(|kind| {
                let address = &serve.address;
                async move {
                    for _ in 0..3 {
                        let mut raw = Raw::at(address).await;
                        raw.send(&open(PROTOCOL)).await;
                        raw.receive_frame().await;
                        let body: Vec<u8> = match kind {
                            // Zeros; operations of no bytes; one large argument; one byte too many.
                            0 => vec![0; largest - 32],
                            1 => (0..(largest - 32) / 4).flat_map(|n| [1 + (n % 100) as u8, 0, 0, 0]).collect(),
                            2 => {
                                let args = vec![7; largest - 1024];
                                let request = submit(2, 1, &[call("well-behaved", "add", &args)]);
                                raw.send(&request).await;
                                raw.receive_frame().await;
                                continue;
                            }
                            _ => vec![0; largest + 1],
                        };
                        raw.send(&request(2, 1, &body)).await;
                        let mut rest = vec![0; 4096];
                        let heard = raw.0.read(&mut rest);
                        let _ = tokio::time::timeout(Duration::from_secs(10), heard)
                            .await
                            .expect("it is answered, or sent away");
                    }
                }
            });
            join_all(attacks).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nesting_bombs() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    serve
        .under(64 * MIB, async {
            for depth in [63, 64, 65, 1_000, 1_000_000, 4_000_000] {
                // Lists of one list each: the tag of a list, and its length.
                let list = postcard::to_stdvec(&tarmem::Value::List(vec![])).expect("encodes")[0];
                let mut args = vec![1];
                args.extend((0..depth).flat_map(|_| [list, 1]));
                args.extend([list, 0]);
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&open(PROTOCOL)).await;
                raw.receive_frame().await;
                let function = FunctionRef::Name { module: "builtins", name: "list" };
                let encoding = tarmem_remote::dispatch::Encoding::Dynamic;
                let create =
                    Operation::Create { source: SourceRef::Generator { function, encoding, args: &args }, expect: "" };
                raw.send(&submit(2, 1, &[call("list", "append", &args), create])).await;
                let mut answers = replies(&raw.receive_frame().await);
                // What is large is looked at elsewhere, and its answer comes with a poll.
                let is_over = |answer: &&(u64, Outcome)| !matches!(answer.1, Outcome::Pending);
                for poll in 100.. {
                    if answers.iter().filter(is_over).count() == 2 {
                        break;
                    }
                    raw.send(&request(poll, 2, &[0])).await;
                    answers.extend(replies(&raw.receive_frame().await));
                }
                for (_, outcome) in answers.iter().filter(is_over) {
                    let refused = matches!(outcome, Outcome::Failed(_) | Outcome::Raised(..));
                    assert!(refused || depth < 64, "{depth}: {outcome:?}");
                }
                // As the operation itself, and as the first that is said.
                raw.send(&request(3, 1, &[vec![0, 2, 0, 0], vec![0xff; 3], vec![list; depth.min(1 << 20)]].concat()))
                    .await;
                let mut stranger = Raw::at(&serve.address).await;
                stranger.send(&request(1, 0, &vec![list; depth.min(4_000)])).await;
                assert!(is_closed(stranger.0).await);
            }
        })
        .await;
    assert_eq!(
        session.get::<List>("list").await.expect("there").snapshot().await.expect("shown").as_list().map(<[_]>::len),
        Some(0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_deadlines_and_unknown_variants() {
    let serve = Serve::start(&[]).await;
    serve
        .under(32 * MIB, async {
            for timeout in [0_u64, 1, 1 << 36, (1 << 36) + 1, 1 << 53, u64::MAX - 1, u64::MAX] {
                let mut raw = Raw::at(&serve.address).await;
                // tarpc's own deadline, in the header of the request.
                let mut message = postcard::to_stdvec(&(0_u8, 1_u64, timeout, 0_u8)).expect("encodes");
                message.extend(support::raw::hello(PROTOCOL));
                raw.send(&frame(&message)).await;
                // A deadline of no time may be answered by nobody.
                if timeout > 1 {
                    raw.receive_frame().await;
                    // The call's, in the batch.
                    let operation = call("well-behaved", "get", &[0]).encode().expect("encodes");
                    let mut batch = vec![0];
                    batch.extend(postcard::to_stdvec(&(1_u64, 0_u64, timeout, &*operation)).expect("encodes"));
                    raw.send(&request(2, 1, &batch)).await;
                    let answers = replies(&raw.receive_frame().await);
                    assert!(matches!(answers[..], [(1, Outcome::Done(_))]), "{timeout}: {answers:?}");
                }
            }
            for byte in 0..=255_u8 {
                // Of tarpc's messages, its methods, operations, targets and encodings.
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&open(PROTOCOL)).await;
                raw.receive_frame().await;
                let get = Operation::Get { key: "well-behaved", expect: "" }.encode().expect("encodes");
                let called = call("well-behaved", "get", &[0]).encode().expect("encodes");
                let mut operations: Vec<Vec<u8>> = Vec::new();
                for operation in [get, called] {
                    operations.extend((0..operation.len()).map(|at| {
                        let mut changed = operation.to_vec();
                        changed[at] = byte;
                        changed
                    }));
                }
                let mut batch = vec![0];
                for (sequence, operation) in (1_u64..).zip(&operations) {
                    batch.extend(postcard::to_stdvec(&(sequence, 0_u64, 1_000_u64, operation)).expect("encodes"));
                }
                raw.send(&request(2, 1, &batch)).await;
                let answers = raw.receive_replies(operations.len()).await;
                assert_eq!(answers.len(), operations.len(), "each is answered");
                raw.send(&request(3, byte, &[0])).await;
                let message = postcard::to_stdvec(&(byte, 4_u64, 1_000_u64, 2_u8, 0_u8)).expect("encodes");
                raw.send(&frame(&message)).await;
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_calls_that_nobody_reads() {
    let serve = Serve::start(&["--limit", "unsent_bytes=4MiB", "--limit", "uncollected_bytes=8MiB"]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let text = "x".repeat(100_000);
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set("k", text).await.expect("set");
    serve
        // For each of the eight: what is kept until it was received, what is unsent, and the sockets' own.
        .under(8 * 24 * MIB, async {
            let floods = (0..8).map(|_| {
                let address = &serve.address;
                async move {
                    let mut raw = Raw::at(address).await;
                    raw.send(&open(PROTOCOL)).await;
                    raw.receive_frame().await;
                    let args = postcard::to_stdvec(&[tarmem::Value::from("k")][..]).expect("encodes");
                    let mut sent = 0;
                    // Until nothing more is taken for a second.
                    for batch in 0_u64..20_000 {
                        let calls = vec![call("dict", "get", &args); 16];
                        let request = submit(batch + 2, batch * 16 + 1, &calls);
                        let written = tokio::time::timeout(Duration::from_secs(1), raw.0.write_all(&request)).await;
                        if !matches!(written, Ok(Ok(()))) {
                            break;
                        }
                        sent += calls.len();
                    }
                    sent
                }
            });
            let sent = join_all(floods).await;
            println!("{sent:?} calls were taken of 320,000 each");
            assert!(sent.iter().all(|sent| *sent < 320_000), "{sent:?}");
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_was_recorded_is_worth_nothing() {
    let serve = Serve::start(&["--limit", "lease=10s"]).await;
    let network = Network::to(serve.address.parse().expect("an address"), |_| Faults::NONE).await;
    let session = Session::connect(network.address.to_string()).await.expect("a session opens");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    list.append(1).await.expect("appended");
    session.close().await;
    serve
        .under(16 * MIB, async {
            // What a client said that left its session: again, and with guesses of the secret.
            for guess in 0..200_u8 {
                let mut hello = b"tarmem".to_vec();
                hello.extend_from_slice(&PROTOCOL.to_be_bytes());
                let id = session.id();
                let resume = Some((id.as_bytes().as_slice(), &[guess; 16][..], 1_u64));
                hello.extend(postcard::to_stdvec(&(false, resume, true, None::<&str>)).expect("encodes"));
                let mut raw = Raw::at(&serve.address).await;
                raw.send(&request(1, 0, &hello)).await;
                let answer = raw.receive_frame().await;
                // After the header: let in, to another session.
                assert_eq!(answer[3], 0);
                assert_ne!(&answer[5..21], session.id().as_bytes(), "the session was resumed");
            }
        })
        .await;
    let there: Vec<i64> = Session::connect(&serve.address)
        .await
        .expect("a session opens")
        .get::<List>("list")
        .await
        .expect("there")
        .snapshot_as()
        .await
        .expect("shown");
    assert_eq!(there, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_and_empty_tokens() {
    let folder = std::env::temp_dir().join(format!("tarmem-hostile-{}", std::process::id()));
    std::fs::write(&folder, "[tokens.good]\ntoken = \"the-good-one\"\n").expect("written");
    let mut serve = Serve::start(&["--tokens", folder.to_str().expect("text")]).await;
    std::fs::remove_file(&folder).expect("removed");
    let bare = std::mem::take(&mut serve.address);
    serve.address = format!("tarmem://the-good-one@{bare}");
    serve
        .under(32 * MIB, async {
            let guesses = (0..400).map(|guess| {
                let bare = &bare;
                async move {
                    let token = if guess % 4 == 0 { String::new() } else { format!("guess {guess}") };
                    let mut raw = Raw::at(bare).await;
                    raw.send(&request(1, 0, &hello_with(Some(&token)))).await;
                    let answer = raw.receive_frame().await;
                    assert_eq!(answer[3], 2, "it is refused");
                    assert!(is_closed(raw.0).await);
                }
            });
            tokio::time::timeout(Duration::from_secs(60), join_all(guesses)).await.expect("all are answered");
        })
        .await;
    let error = Session::connect(&bare).await.expect_err("it has no token");
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

/// One thread serves both of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_take_long() {
    let serve = Serve::start(&["--workers", "1"]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let items = tarmem::Value::List((0..100_000).map(tarmem::Value::from).collect());
    session.memoize("list", ListProxy::new(Some(items))).await.expect("made");
    let answered = serve
        .under(256 * MIB, async {
            let mut raw = Raw::at(&serve.address).await;
            raw.send(&open(PROTOCOL)).await;
            raw.receive_frame().await;
            // Each looks through all of it, and finds nothing.
            let args = postcard::to_stdvec(&[tarmem::Value::from(-1)][..]).expect("encodes");
            let calls = vec![call("list", "count", &args); 4_000];
            raw.send(&submit(2, 1, &calls)).await;
            let mut answered = 0;
            let mut id = 3;
            let begun = Instant::now();
            while answered < 4_000 && begun.elapsed() < Duration::from_secs(8) {
                // What is done meanwhile comes with a poll.
                raw.send(&request(id, 2, &[0])).await;
                id += 1;
                let frame = raw.receive_frame().await;
                answered += replies(&frame).iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).count();
            }
            answered
        })
        .await;
    println!("{answered} answered");
    assert!(answered > 0, "they are done all the same");
}
