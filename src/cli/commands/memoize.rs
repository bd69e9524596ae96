//! `tarmem memoize`.

use super::show::show;
use super::source::Source;
use crate::cli::output::{Failure, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;

/// Print the object under a key; if there is none, make it first
///
/// Prints the object's value, or what is known of the object if its class cannot show one. However many make the same
/// key at one time, it is made once. If there is an object of another class than would be made, that is an error.
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
