//! Python's peers, in their own processes at both ends: `peers.py`.

use super::contest::Runner;
use super::support::cores::Cores;
use super::support::process::PeerProcess;
use std::process::{Command, Stdio};
use std::time::Duration;

/// In less time, it would mostly measure the start of threads.
const SHORTEST_TURN: Duration = Duration::from_millis(250);

/// A Python process that serves.
pub(crate) struct Python {
    library: &'static str,
    process: PeerProcess,
    version: String,
}

impl Python {
    /// `None` if Python or the library is missing.
    pub(crate) fn start(library: &'static str) -> Option<Self> {
        let version = script(&["version", library]).stderr(Stdio::null()).output().ok()?;
        let version = String::from_utf8(version.stdout).ok()?.trim().to_owned();
        if version.is_empty() {
            return None;
        }
        let process = PeerProcess::told_by(&mut script(&["serve", library]))?;
        Some(Python { library, process, version })
    }

    pub(crate) fn version(&self) -> String {
        self.version.clone()
    }

    /// Runs this many callers, each a thread with its own connection.
    pub(crate) fn runner(&self, name: &'static str, turn: Duration, cores: Cores, callers: usize) -> Runner<'_> {
        let seconds = turn.max(SHORTEST_TURN).as_secs_f64();
        Runner::new(name, move || {
            let port = self.process.port();
            let _pinned = cores.pin(self.process.id());
            let numbers = [port.to_string(), callers.to_string(), seconds.to_string()];
            let output = script(&["call", self.library]).args(numbers).output().expect("it was there before");
            let output = String::from_utf8_lossy(&output.stdout);
            output.trim().parse().unwrap_or_else(|_| panic!("{} says {output:?}", self.library))
        })
    }
}

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/compare/peers.py")).args(arguments);
    command
}
