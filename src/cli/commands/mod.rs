//! The commands, but for `serve` and `tls`: one file for each.
//!
//! A command is a struct of its arguments with a `run`. A new one is a file, a variant of [`Command`], and an arm in
//! [`Command::run`]; if it takes `Values`, one in [`Command::load`] too.

mod call;
mod clear_poison;
mod delete;
mod describe;
mod get;
mod import;
mod is_memoized;
mod keys;
mod memoize;
mod run;
mod show;
mod source;
mod update;
mod version;

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
}

impl Command {
    /// Finds what is wrong without anybody being asked, and reads what arguments are elsewhere.
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

    /// Asks the service, and prints what it answers.
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let output = &mut Output::new();
        match self {
            // These ask nobody.
            Command::Serve(_) | Command::Tls(_) => {}
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
            Command::Version(version) => version.run(session, output).await?,
        }
        output.flush()
    }
}

/// Any class: what it has, only the service knows.
pub(super) enum Untyped {}

impl Remote for Untyped {
    const PATH: &'static str = "";
    type Proxy = DynamicProxy;
}

/// Puts in what failed: a dynamic call does not keep the name.
fn raised_by(name: &str, error: Error) -> Error {
    match error {
        Error::Raised { message, error, .. } => Error::Raised { what: name.to_owned(), message, error },
        other => other,
    }
}
