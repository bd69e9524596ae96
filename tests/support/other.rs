//! Other processes: the test's own executable again, in a role.
//!
//! A test that uses it has `#[test] #[ignore] fn role()`, which asks [`Part::mine`] what to do.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

const ROLE: &str = "TARMEM_TEST_ROLE";
const ADDRESS: &str = "TARMEM_TEST_ADDRESS";
const DETAIL: &str = "TARMEM_TEST_DETAIL";

/// What a process is to do.
pub struct Part {
    pub role: String,
    pub address: String,
    pub detail: String,
}

impl Part {
    /// What this process is to do, if another has started it for that.
    pub fn mine() -> Option<Self> {
        let var = |name| std::env::var(name).ok();
        Some(Part { role: var(ROLE)?, address: var(ADDRESS)?, detail: var(DETAIL)? })
    }
}

/// Says something to the test that has started this process.
pub fn say(what: impl std::fmt::Display) {
    println!("says: {what}");
}

/// Another process; killed when dropped.
pub struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts one: its test `role`, which is in module `processes` if the test has such a one. It says nothing before
    /// it gets to its role.
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

    /// The next that it says; `None` once it has ended. Holds the thread.
    pub fn hear(&mut self) -> Option<String> {
        loop {
            // The harness says things, too.
            if let Some((_, said)) = self.lines.next()?.ok()?.split_once("says: ") {
                return Some(said.to_owned());
            }
        }
    }

    /// As [`hear`](Self::hear), without holding an async thread.
    pub async fn hears(mut self) -> (Self, Option<String>) {
        tokio::task::spawn_blocking(move || {
            let said = self.hear();
            (self, said)
        })
        .await
        .expect("no panic")
    }

    /// Its end, which is to be an orderly one.
    pub async fn ends(mut self) {
        let status = tokio::task::spawn_blocking(move || {
            // Its output is read on, so that it can end.
            while self.hear().is_some() {}
            self.child.wait()
        });
        assert!(status.await.expect("no panic").expect("it has ended").success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it does nothing any more, not even say so.
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
