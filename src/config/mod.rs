//! The limits and the settings file of a service.
//!
//! - [`limits`]: every limit, with its unit, default and range.
//! - [`keeping`]: when what outlives a service is on disk, and what the service does when the disk fails.
//! - [`units`]: parses and shows amounts such as `16MiB` and `30s`.
//! - [`read`]: reads files that a user names, up to a limit.
//! - [`host`]: parses names and addresses of hosts.
//! - [`place`]: parses the places where a service listens.
//! - [`file`]: reads the settings file; [`problem`]: its errors, with the line.

#[cfg(feature = "cli")]
mod file;
mod host;
#[cfg(feature = "server")]
mod keeping;
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
pub use keeping::{Durability, OnStorageFailure};
#[cfg(feature = "server")]
pub use limits::{LimitError, Limits};
#[cfg(feature = "cli")]
pub(crate) use place::Place;
#[cfg(feature = "server")]
pub(crate) use problem::{Problem, read_toml};
pub(crate) use read::{read_file, read_text_of_any};
