//! A peer's process: this executable again, with an environment variable that says what to serve.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The environment variable that names the peer.
const PEER: &str = "TARMEM_BENCH_PEER";

/// The environment variable that names the peer's data directory.
const DATA: &str = "TARMEM_BENCH_DATA";

/// A process that serves one peer; killed when dropped.
pub(crate) struct PeerProcess {
    child: Child,
    port: u16,
}

impl PeerProcess {
    /// Starts this executable again, to serve the peer of this name, which may have a data directory.
    pub(crate) fn start(peer: &str, data: Option<&Path>) -> Self {
        let mut program = Command::new(std::env::current_exe().expect("this executable"));
        if let Some(data) = data {
            program.env(DATA, data);
        }
        Self::told_by(program.env(PEER, peer)).expect("it starts, and says its port")
    }

    /// Starts a program that prints its port, and that ends when its standard input does. `None` if it does not do
    /// that.
    pub(crate) fn told_by(program: &mut Command) -> Option<Self> {
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let stdout = child.stdout.take()?;
        // From here on, dropping it kills the process.
        let mut process = PeerProcess { child, port: 0 };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).ok()?;
        process.port = line.trim().parse().ok()?;
        Some(process)
    }

    /// A program that is started with the port to serve on.
    pub(crate) fn told_to(child: Child, port: u16) -> Self {
        PeerProcess { child, port }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How much memory it has, in bytes (`/proc/PID/statm`, the second field, in pages); `None` if that cannot be read.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        const PAGE: u64 = 4096;
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).ok()?;
        Some(statm.split_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
    }

    /// The processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(&self.id().to_string())
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

/// Linux counts it for each thread, in nanoseconds. Zero on other systems.
fn processor_time(process: &str) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split_whitespace().next()?.parse().ok())
        .map(Duration::from_nanos)
        .sum()
}

/// The peer that this process was started to serve, if any. The process ends when the one that started it is gone.
pub(crate) fn told_to_serve() -> Option<String> {
    let name = std::env::var(PEER).ok()?;
    // The pipe is closed when the process at its other end ends, however that ends.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Some(name)
}

/// The data directory that this process was told to use, if any.
pub(crate) fn data_directory() -> Option<PathBuf> {
    std::env::var_os(DATA).map(PathBuf::from)
}

/// Prints the port that this process serves on, for the process that started it.
pub(crate) fn ready(port: u16) {
    println!("{port}");
    std::io::stdout().flush().expect("somebody listens");
}
