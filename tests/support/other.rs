//! Other processes: the test's own executable again, with a part to play.
//!
//! A test that uses it has `#[test] #[ignore] fn role()`, which asks [`Part::mine`] what to do.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const ROLE: &str = "TARMEM_TEST_ROLE";
const ADDRESS: &str = "TARMEM_TEST_ADDRESS";
const DETAIL: &str = "TARMEM_TEST_DETAIL";

/// The part of a process.
pub struct Part {
    pub role: String,
    pub address: String,
    pub detail: String,
}

impl Part {
    /// The part of this process, if another has started it for one.
    pub fn mine() -> Option<Self> {
        let var = |name| std::env::var(name).ok();
        Some(Part { role: var(ROLE)?, address: var(ADDRESS)?, detail: var(DETAIL)? })
    }
}

/// Prints a line for the test that has started this process.
pub fn say(what: impl std::fmt::Display) {
    println!("says: {what}");
}

/// Another process; killed when dropped.
pub struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts a process: the test `role` of this executable, which is in module `processes` if the test has one. It
    /// prints nothing before it plays its part.
    pub fn start(role: &str, address: &str, detail: impl std::fmt::Display) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this executable"))
            .args(["role", "processes::role", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ADDRESS, address)
            .env(DETAIL, detail.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Other { child, lines }
    }

    /// The next line that it prints; `None` once it has ended. Blocks the thread.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            // The test harness prints lines, too.
            if let Some((_, said)) = self.lines.next()?.ok()?.split_once("says: ") {
                return Some(said.to_owned());
            }
        }
    }

    /// Like [`hear`](Self::hear), without blocking an async thread.
    pub async fn hears(mut self) -> (Self, Option<String>) {
        tokio::task::spawn_blocking(move || {
            let said = self.hear();
            (self, said)
        })
        .await
        .expect("no panic")
    }

    /// Waits for its end, which has to be orderly.
    pub async fn ends(mut self) {
        let status = tokio::task::spawn_blocking(move || {
            // Its output is read to the end, so that it can end.
            while self.hear().is_some() {}
            self.child.wait()
        });
        assert!(status.await.expect("no panic").expect("it has ended").success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(sent.expect("there is a program kill").success());
    }

    /// Sends SIGKILL: it does nothing more, and cannot even say so.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
