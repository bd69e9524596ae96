//! Which cores a caller and its peer run on.

use std::process::{Command, Stdio};

/// Where two processes run that talk to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Wherever the scheduler puts them.
    Any,
    /// Both on one core: then no core has to be woken, which takes longer than the call.
    Shared,
    /// Each on a free core. Left alone, the scheduler puts both on one core some of the time, and how often is a matter
    /// of luck that stays with a process: one and the same peer made 20,000 calls a second, or 29,000.
    Own,
}

impl Cores {
    /// Whether the cores of a process can be chosen on this machine.
    pub(crate) fn can_be_chosen() -> bool {
        Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok() && allowed().is_some()
    }

    /// Whether there are such cores on this machine. If not, a load that should have its own cores runs as well as it
    /// can.
    pub(crate) fn are_here(self) -> bool {
        self != Cores::Shared || Self::can_be_chosen()
    }

    /// Runs this process and `other` there for as long as the result lives.
    pub(crate) fn pin(self, other: u32) -> Option<Pinned> {
        if self == Cores::Any || !Self::can_be_chosen() {
            return None;
        }
        let allowed = allowed()?;
        let (first, second) = first_two(&allowed);
        let others = match self {
            Cores::Own => second?,
            _ => first,
        };
        let pinned = Pinned { processes: [std::process::id(), other], allowed };
        run_on(pinned.processes[0], &first.to_string());
        run_on(other, &others.to_string());
        Some(pinned)
    }
}

/// Two processes whose cores were chosen. When this is dropped, they may run anywhere again.
pub(crate) struct Pinned {
    processes: [u32; 2],
    allowed: String,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        for process in self.processes {
            run_on(process, &self.allowed);
        }
    }
}

fn run_on(process: u32, cores: &str) {
    let mut taskset = Command::new("taskset");
    taskset.args(["--all-tasks", "--cpu-list", "--pid", cores, &process.to_string()]).stdout(Stdio::null());
    assert!(taskset.status().is_ok_and(|status| status.success()), "taskset failed");
}

/// The cores on which this process may run, such as `0-3,6`.
fn allowed() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim().to_owned())
}

/// The first two cores of a list, or the first if there is only one.
fn first_two(cores: &str) -> (u32, Option<u32>) {
    let mut all = cores.split(',').flat_map(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str| text.trim().parse::<u32>().unwrap_or(0);
        number(from)..=number(to)
    });
    (all.next().unwrap_or(0), all.next())
}
