//! Every limit, and the file that a service may be set up by.
//!
//! - [`limits`]: each limit with its unit, its default and its range, in one place.
//! - [`units`]: how amounts are written.
//! - [`read`]: reads files that a user names, none without end.
//! - [`place`]: where to listen, as it is written.
//! - [`file`]: the file; [`problem`]: what is wrong in a file, and on which line.

mod file;
mod limits;
mod place;
mod problem;
mod read;
mod units;

pub(crate) use file::{ConfigFile, WORKERS};
pub use limits::{LimitError, Limits};
pub(crate) use place::{Place, host};
pub(crate) use problem::{Problem, read_toml};
pub(crate) use read::{read_file, read_text_of_any};
