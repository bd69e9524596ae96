//! What a service says on standard error.

use super::output::Failure;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// Where the filter comes from, the first that is set.
const VARIABLES: [&str; 2] = ["TARMEM_LOG", "RUST_LOG"];

/// Logs go to standard error from here on.
pub(super) fn begin() -> Result<(), Failure> {
    let set = |name: &&str| std::env::var(name).ok().filter(|filter| !filter.is_empty());
    let (name, filter) = VARIABLES
        .iter()
        .find_map(|name| Some((*name, set(name)?)))
        .unwrap_or_else(|| (VARIABLES[0], "info".to_owned()));
    let filter = filter_of(&filter)
        .map_err(|error| Failure::failed(format!("{name}={filter:?}: {error}; set it to something like info")))?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        // Standard error may be a pipe that nobody reads any more: complaining there would be a panic.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// The filter as given. tarpc tells of every request at `info`: it is asked by name, or silent.
fn filter_of(given: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let quiet = if given.contains("tarpc") { "" } else { ",tarpc=warn" };
    EnvFilter::try_new(format!("{given}{quiet}"))
}
