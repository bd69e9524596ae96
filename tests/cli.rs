//! The `tarmem` program as its users see it: real processes, their output and their exit status.
//!
//! Most tests run `tarmem serve`. Tests that need classes which the program does not have run the service in their own
//! process, and only the client is the program.
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
#[path = "cli/data.rs"]
mod data;
#[path = "cli/directory.rs"]
mod directory;
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
