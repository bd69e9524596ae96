//! Hostile clients: their effect on a service's memory, and on a well-behaved client beside them.
//!
//! The service is a separate process, so that its memory can be measured. The bounds are far above what is measured on
//! a quiet machine, and far below what a service without limits would need.

mod support;

#[path = "hostile/calls.rs"]
mod calls;
#[path = "hostile/floods.rs"]
mod floods;
#[path = "hostile/frames.rs"]
mod frames;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/openings.rs"]
mod openings;
#[path = "hostile/services.rs"]
mod services;
#[path = "hostile/tls.rs"]
mod tls;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tarmem::blocking::{self, Wait};
use tarmem::modules::multiprocessing::SharedValueProxy;
use tarmem::operation::{MethodRef, Operation, Target};
use tokio::io::AsyncReadExt;
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

    /// Resident memory, in bytes.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// Runs an attack beside a well-behaved client. None of that client's calls may fail or take long, and the
    /// service's memory may not grow by more than `bytes` at any time.
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

/// The well-behaved client, on its own thread, so that the attacker's use of time does not delay it.
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

/// A call of a method by name, with arguments that are already encoded.
fn call<'a>(key: &'a str, method: &'a str, args: &'a [u8]) -> Operation<'a> {
    let encoding = tarmem_remote::dispatch::Encoding::Dynamic;
    Operation::Call { target: Target::Key(key), method: MethodRef::Name(method), encoding, args }
}

async fn is_closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.is_ok()
}
