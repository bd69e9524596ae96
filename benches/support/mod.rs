//! What the benchmarks measure, and how.
//!
//! - [`peer`]: who is compared, and in which shapes of load.
//! - [`tarmem_peer`], [`tarpc_peer`], [`echo_peer`]: one peer each, both its ends.
//! - [`cores`], [`process`]: a peer's process, and where it runs.
//! - [`statistics`]: what is done with the numbers.
//! - [`table`]: the peers of `calls` in turn, and the table of that.

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
