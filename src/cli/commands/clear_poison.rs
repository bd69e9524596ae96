//! `tarmem clear-poison`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Permit the use of an object after a method panicked while changing it; prints true
///
/// Look at it with `get` first: it is as the method left it.
#[derive(Args)]
pub(in crate::cli) struct ClearPoison {
    /// The key
    key: String,
}

impl ClearPoison {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        session.clear_poison(&self.key).await?;
        output.line(&true)
    }
}
