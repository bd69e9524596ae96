//! `tarmem update`.

use super::show::show;
use super::source::Source;
use crate::cli::output::{Failure, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;

/// Map a key to a new object, and print it
///
/// Prints the object's value, or a description of the object if its class cannot show a value.
#[derive(Args)]
#[command(after_long_help = values::HELP)]
pub(in crate::cli) struct Update {
    /// The key
    key: String,
    #[command(flatten)]
    source: Source,
}

impl Update {
    pub(super) fn values(&mut self) -> &mut Values {
        self.source.values()
    }

    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let made = self.source.obtain(session, |source| session.update(&self.key, source)).await?;
        show(made, output).await
    }
}
