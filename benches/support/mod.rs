//! Shared by the benchmarks: the peers, and how they are measured.
//!
//! - [`peer`]: the peers, and the shapes of load.
//! - [`tarmem_peer`], [`tarpc_peer`], [`echo_peer`]: one peer each, both its ends.
//! - [`cores`], [`process`]: a peer's process, and the cores it runs on.
//! - [`statistics`]: medians, turns, and figures for people.
//! - [`table`]: gives the peers of `calls` their turns, and prints the table.

pub(crate) mod cores;
pub(crate) mod echo_peer;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod statistics;
pub(crate) mod table;
pub(crate) mod tarmem_peer;
pub(crate) mod tarpc_peer;

use tokio::runtime::{Builder, Runtime};

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
