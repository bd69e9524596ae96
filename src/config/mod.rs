//! Every limit, and the file that a service may be set up by.
//!
//! - [`limits`]: each limit with its unit, its default and its range, in one place.
//! - [`units`]: how amounts are written.
//! - [`read`]: reads files that a user names, none without end.
//! - [`host`]: names and addresses of hosts, as they are written.
//! - [`place`]: where to listen, as it is written.
//! - [`file`]: the file; [`problem`]: what is wrong in a file, and on which line.

#[cfg(feature = "cli")]
mod file;
mod host;
#[cfg(feature = "server")]
mod limits;
#[cfg(feature = "cli")]
mod place;
#[cfg(feature = "server")]
mod problem;
mod read;
#[cfg(feature = "server")]
mod units;

#[cfg(feature = "cli")]
pub(crate) use file::{ConfigFile, WORKERS};
pub(crate) use host::{host, within_brackets};
#[cfg(feature = "server")]
pub use limits::{LimitError, Limits};
#[cfg(feature = "cli")]
pub(crate) use place::Place;
#[cfg(feature = "server")]
pub(crate) use problem::{Problem, read_toml};
pub(crate) use read::{read_file, read_text_of_any};
