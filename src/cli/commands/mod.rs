//! The commands of clients, one file for each.
//!
//! A command is a struct of its arguments with a method `run`. To add one, write a file, a variant of [`Command`], and
//! an arm in [`Command::run`]; if it takes `Values`, also one in [`Command::load`].

mod backup;
mod call;
mod clear_poison;
mod delete;
mod describe;
mod get;
mod import;
mod is_memoized;
mod keys;
mod memoize;
mod ping;
mod run;
mod show;
mod source;
mod update;
mod version;

use super::data::Data;
use super::output::{Failure, Output};
use super::serve::Serve;
use super::tls::Tls;
use crate::client::Session;
use clap::Subcommand;
use tarmem_remote::error::Error;
use tarmem_remote::object::Remote;
use tarmem_remote::proxy::DynamicProxy;

#[derive(Subcommand)]
pub(super) enum Command {
    Serve(Serve),
    Data(Data),
    Tls(Tls),
    Memoize(memoize::Memoize),
    Get(get::Get),
    Update(update::Update),
    Delete(delete::Delete),
    ClearPoison(clear_poison::ClearPoison),
    Call(call::Call),
    Run(run::Run),
    IsMemoized(is_memoized::IsMemoized),
    Keys(keys::Keys),
    Describe(describe::Describe),
    Import(import::Import),
    Version(version::Version),
    Ping(ping::Ping),
    Backup(backup::Backup),
}

impl Command {
    /// Checks the arguments, and reads those that are in files, before connecting to the service.
    pub(super) fn load(&mut self) -> Result<(), Failure> {
        match self {
            Command::Memoize(memoize) => memoize.values().load(),
            Command::Update(update) => update.values().load(),
            Command::Call(call) => call.values().load(),
            Command::Run(run) => run.values().load(),
            Command::Import(import) => import.check(),
            _ => Ok(()),
        }
    }

    /// Runs the command with a session, and prints its result.
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let output = &mut Output::new();
        match self {
            // These run without a session.
            Command::Serve(_) | Command::Data(_) | Command::Tls(_) | Command::Ping(_) => {}
            Command::Memoize(memoize) => memoize.run(session, output).await?,
            Command::Get(get) => get.run(session, output).await?,
            Command::Update(update) => update.run(session, output).await?,
            Command::Delete(delete) => delete.run(session, output).await?,
            Command::ClearPoison(clear) => clear.run(session, output).await?,
            Command::Call(call) => call.run(session, output).await?,
            Command::Run(run) => run.run(session, output).await?,
            Command::IsMemoized(is_memoized) => is_memoized.run(session, output).await?,
            Command::Keys(keys) => keys.run(session, output).await?,
            Command::Describe(describe) => describe.run(session, output).await?,
            Command::Import(import) => import.run(session, output).await?,
            Command::Backup(backup) => backup.run(session, output).await?,
            Command::Version(version) => version.run(session, output).await?,
        }
        output.flush()
    }
}

/// Stands for a class that only the service knows.
pub(super) enum Untyped {}

impl Remote for Untyped {
    const PATH: &'static str = "";
    type Proxy = DynamicProxy;
}

/// Adds the name of the method or function that failed, which a dynamic call does not keep.
fn raised_by(name: &str, error: Error) -> Error {
    match error {
        Error::Raised { message, error, .. } => Error::Raised { what: name.to_owned(), message, error },
        other => other,
    }
}
