//! A peer's process: this executable again, told by the environment what to serve.

use super::peer::Peer;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Tells a process which peer it is.
const PEER: &str = "TARMEM_BENCH_PEER";

/// A process that serves one peer; killed when dropped.
pub(crate) struct PeerProcess {
    child: Child,
    port: u16,
}

impl PeerProcess {
    pub(crate) fn start(peer: Peer) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this executable"))
            .env(PEER, peer.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says its port");
        let port = line.trim().parse().expect("a port");
        PeerProcess { child, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(&self.child.id().to_string())
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time of this process.
pub(crate) fn own_processor_time() -> Duration {
    processor_time("self")
}

/// Linux counts it for each thread, in nanoseconds; zero elsewhere.
fn processor_time(process: &str) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split_whitespace().next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

/// Serves, if this process was started to; returns when whoever started it is gone.
pub(crate) fn serve_if_told() -> bool {
    let Ok(name) = std::env::var(PEER) else { return false };
    let peer = Peer::ALL.into_iter().find(|peer| peer.name() == name).expect("a peer of that name");
    // The pipe closes with the process at its other end, however that ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    super::current_thread().block_on(peer.serve(|port| {
        println!("{port}");
        std::io::stdout().flush().expect("somebody listens");
    }));
    true
}
