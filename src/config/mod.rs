//! Every limit, and the file that a service may be set up by.
//!
//! - [`limits`]: each limit with its unit, its default and its range, in one place.
//! - [`units`]: how amounts are written.
//! - [`file`]: the file; [`problem`]: what is wrong in a file, and on which line.

mod file;
mod limits;
mod problem;
mod units;

pub(crate) use file::ConfigFile;
pub use limits::{LimitError, Limits};
pub(crate) use problem::{Problem, read_toml};
