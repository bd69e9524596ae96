//! The `tarmem` program, as a user meets it: real processes, their output and their exit status.
//!
//! Most tests run `tarmem serve`. Where classes are needed that the program does not have, the service is in the test's
//! own process, and only its client is the program.
#![allow(clippy::unwrap_used)]

#[path = "cli/addresses.rs"]
mod addresses;
#[path = "support/authority.rs"]
mod authority;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/classes.rs"]
mod classes;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/host.rs"]
mod host;
#[path = "cli/invisible.rs"]
mod invisible;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/remedies.rs"]
mod remedies;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/session.rs"]
mod session;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/values.rs"]
mod values;
