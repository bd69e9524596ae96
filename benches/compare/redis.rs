//! Redis: `redis-server`, and `redis-benchmark` for its callers.

use super::contest::Runner;
use super::support::peer::{Load, Shape};
use super::support::process::PeerProcess;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// `redis-benchmark` counts in milliseconds.
const SHORTEST_TURN: Duration = Duration::from_millis(150);

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `redis-server`.
pub(crate) struct Redis {
    process: PeerProcess,
    version: String,
}

impl Redis {
    /// One that writes nothing to disk. `None` if there is no `redis-server` or no `redis-benchmark`.
    pub(crate) fn start() -> Option<Self> {
        Self::started_with(&["--save", "", "--appendonly", "no"])
    }

    /// One that is started with these arguments, once it has loaded what it has on disk. `None` if there is no
    /// `redis-server` or no `redis-benchmark`.
    pub(crate) fn started_with(arguments: &[&str]) -> Option<Self> {
        let version = |program: &str| {
            let output = Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
            String::from_utf8(output.stdout).ok()
        };
        version("redis-benchmark")?;
        let version = version("redis-server")?;
        let number = version.split_whitespace().find_map(|word| word.strip_prefix("v="))?.to_owned();
        // The port is free until somebody else takes it, which is unlikely within a moment.
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        // Where `setpriv` is available, Redis ends with this process, however that ends.
        let tied =
            Command::new("setpriv").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        let mut server = if tied { Command::new("setpriv") } else { Command::new("redis-server") };
        if tied {
            server.args(["--pdeathsig", "KILL", "redis-server"]);
        }
        let child = server
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let redis = Redis { process: PeerProcess::told_to(child, port), version: number };
        let patience = Instant::now() + PATIENCE;
        // It says so when it is still loading.
        while redis.tell(&["PING"]).is_none_or(|answer| answer.trim() != "+PONG") {
            if Instant::now() > patience {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(redis)
    }

    pub(crate) fn version(&self) -> String {
        format!("redis-server {}", self.version)
    }

    /// Runs one command and returns the first line of its answer.
    pub(crate) fn tell(&self, words: &[&str]) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.process.port())).ok()?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        (!answer.is_empty()).then_some(answer)
    }

    /// Measures a command with `redis-benchmark`, with as many connections, and as many commands in flight on each, as
    /// a shape has callers. The command `before` runs before each measurement. The figure is `amount` per command, per
    /// second.
    pub(crate) fn runner<'a>(
        &'a self,
        turn: Duration,
        shape: Shape,
        amount: u64,
        before: &'a [&'a str],
        command: &'a [&'a str],
    ) -> Runner<'a> {
        Runner::timed("Redis", turn.max(SHORTEST_TURN), amount * shape.load.calls(), move |rounds| {
            if !before.is_empty() {
                self.tell(before).expect("Redis answers");
            }
            let _pinned = shape.cores.pin(self.process.id());
            self.measure(shape.load, rounds, command)
        })
    }

    /// How long `redis-benchmark` takes for this many rounds of a command.
    pub(crate) fn measure(&self, load: Load, rounds: u64, command: &[&str]) -> Duration {
        // Many tasks on one connection are a pipeline in Redis, which has no other way.
        let (Load::Tasks { connections, each: depth } | Load::Pipeline { connections, depth }) = load;
        let requests = rounds * load.calls();
        let output = Command::new("redis-benchmark")
            .args(["-p", &self.process.port().to_string(), "-c", &connections.to_string(), "-P", &depth.to_string()])
            .args(["-n", &requests.to_string(), "-q", "--csv"])
            .args(command)
            .stderr(Stdio::null())
            .output()
            .expect("it was there before");
        let output = String::from_utf8_lossy(&output.stdout);
        // "INCR key","41234.56","0.021",…: perhaps after a line of headings.
        let rate =
            output.lines().rev().find_map(|line| line.split("\",\"").nth(1)?.trim_matches('"').parse::<f64>().ok());
        let rate = rate.unwrap_or_else(|| panic!("redis-benchmark says {output:?}"));
        Duration::from_secs_f64(requests as f64 / rate)
    }
}
