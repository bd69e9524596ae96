//! Runs the program as a process, and checks its output.

use serde_json::Value as Json;
use std::borrow::BorrowMut;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// A process that a test started is killed after this time.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs commands against a service.
pub(crate) trait Client {
    fn address(&self) -> &str;

    fn run(&self, words: &[&str]) -> Finished {
        finish(tarmem(words).env("TARMEM_ADDR", self.address()))
    }

    fn run_line(&self, line: &str) -> Finished {
        self.run(&line.split(' ').collect::<Vec<_>>())
    }

    /// Runs a command, which is split at spaces, and returns the lines that it prints.
    fn prints(&self, line: &str) -> Vec<String> {
        self.run_line(line).succeeded()
    }

    fn prints_json(&self, line: &str) -> Vec<Json> {
        self.prints(line).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A running `tarmem serve`, which ends with the test.
pub(crate) struct Serve {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: Option<JoinHandle<()>>,
    /// The lines of its log so far.
    said: Arc<(Mutex<String>, Condvar)>,
    pub(crate) address: String,
    _watchdog: Watchdog,
}

impl Serve {
    pub(crate) fn start(options: &[&str]) -> Self {
        Serve::of(tarmem(&["serve"]).args(options))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = spawn(command);
        let watchdog = Watchdog::over(&child);
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let said = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let saying = Arc::clone(&said);
        let stderr = std::thread::spawn(move || {
            for line in stderr.lines() {
                let mut text = saying.0.lock().unwrap();
                text.push_str(&line.unwrap());
                text.push('\n');
                saying.1.notify_all();
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").and_then(|line| line.strip_suffix('\n'));
        let address = address.unwrap_or_else(|| panic!("it says {line:?}")).to_owned();
        assert!(!address.ends_with(":0"), "{address}");
        Serve { child, stdout, stderr: Some(stderr), said, address, _watchdog: watchdog }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// Waits until the log contains `what`.
    #[track_caller]
    pub(crate) fn says(&self, what: &str) {
        let (said, more) = &*self.said;
        let (text, _) = more.wait_timeout_while(said.lock().unwrap(), LIMIT, |text| !text.contains(what)).unwrap();
        assert!(text.contains(what), "it does not log {what:?} but {text}");
    }

    /// Sends a signal, and waits until the process has ended.
    pub(crate) fn stop(self, signal: &str) -> Stopped {
        kill(signal, self.child.id());
        self.ended()
    }

    /// Waits until the process has ended.
    pub(crate) fn ended(mut self) -> Stopped {
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        self.stderr.take().unwrap().join().unwrap();
        let stderr = self.said.0.lock().unwrap().clone();
        Stopped { status, stdout, stderr }
    }
}

impl Client for Serve {
    fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// The output after the first line.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The outcome of a command.
#[derive(Debug)]
pub(crate) struct Finished {
    line: String,
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Finished {
    fn of(line: String, child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Finished { line, status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// All lines of output, as shown in a terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.stdout.lines().chain(self.stderr.lines()).map(str::to_owned).collect()
    }

    /// Asserts that the command succeeded, and returns the lines that it printed.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Vec<String> {
        assert_eq!((self.status, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout.lines().map(str::to_owned).collect()
    }

    /// Asserts that the command failed with one line that contains all `parts`.
    #[track_caller]
    pub(crate) fn failed(self, status: i32, parts: &[&str]) {
        assert_eq!((self.status, self.stdout.as_str()), (Some(status), ""), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("tarmem: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_has(&self.stderr, parts, &self.line);
    }

    /// The exit status, the lines that it printed, and what it printed on standard error.
    pub(crate) fn parts(self) -> (Option<i32>, Vec<String>, String) {
        (self.status, self.stdout.lines().map(str::to_owned).collect(), self.stderr)
    }

    /// Asserts that the command failed with one line on standard error.
    #[track_caller]
    pub(crate) fn told(self) {
        let status = self.status.unwrap_or_default();
        assert!(status == 1 || status == 2, "{self:?}");
        self.failed(status, &[]);
    }

    /// Asserts that the command line was refused, with a line that contains all `parts`.
    #[track_caller]
    pub(crate) fn refused(self, parts: &[&str]) {
        assert!(self.stderr.contains("--help"), "{self:?}");
        self.failed(2, parts);
    }
}

#[track_caller]
fn assert_has(message: &str, parts: &[&str], line: &str) {
    for part in parts {
        assert!(message.contains(part), "`{line}`: {part:?} is not in {message:?}");
    }
}

pub(crate) fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

/// The program, without the environment variables that it reads.
pub(crate) fn tarmem(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tarmem"));
    command
        .args(words)
        .env_remove("TARMEM_ADDR")
        .env_remove("TARMEM_TOKEN")
        .env_remove("TARMEM_TOKENS")
        .env_remove("TARMEM_LOG")
        .env_remove("RUST_LOG");
    command
}

/// As [`finish`], with `input` on standard input.
pub(crate) fn finish_reading(mut command: impl BorrowMut<Command>, input: &[u8]) -> Finished {
    let command = command.borrow_mut();
    let line = format!("{command:?}");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _watchdog = Watchdog::over(&child);
    // A command that fails early need not read all of its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    Finished::of(line, child)
}

pub(crate) fn spawn(mut command: impl BorrowMut<Command>) -> Child {
    let command = command.borrow_mut();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn finish(mut command: impl BorrowMut<Command>) -> Finished {
    let command = command.borrow_mut();
    let line = format!("{command:?}");
    let child = spawn(command);
    let _watchdog = Watchdog::over(&child);
    Finished::of(line, child)
}

fn kill(signal: &str, id: u32) {
    let sent = Command::new("kill").args([format!("-{signal}"), id.to_string()]).status().unwrap();
    assert!(sent.success(), "kill -{signal} {id}");
}

/// Kills a process that hangs, so that the test that waits for it fails.
pub(crate) struct Watchdog {
    /// Dropped when the process has ended.
    _ended: mpsc::Sender<()>,
}

impl Watchdog {
    pub(crate) fn over(child: &Child) -> Self {
        let id = child.id();
        let (_ended, ended) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if ended.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill("KILL", id);
            }
        });
        Watchdog { _ended }
    }
}
