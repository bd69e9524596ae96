//! `tarmem memoize`.

use super::show::show;
use super::source::Source;
use crate::cli::output::{Failure, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;

/// Print the object under a key; if there is none, make it first
///
/// Prints the object's value, or a description of the object if its class cannot show a value. Even if many clients
/// memoize the same key at a time, the object is made once. It is an error if the existing object is of another class.
#[derive(Args)]
#[command(after_long_help = values::HELP)]
pub(in crate::cli) struct Memoize {
    /// The key
    key: String,
    #[command(flatten)]
    source: Source,
}

impl Memoize {
    pub(super) fn values(&mut self) -> &mut Values {
        self.source.values()
    }

    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let made = self.source.obtain(session, |source| session.memoize(&self.key, source)).await?;
        show(made, output).await
    }
}
