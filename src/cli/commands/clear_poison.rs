//! `tarmem clear-poison`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Let the object under a key be used again after a method panicked while changing it; prints true
///
/// Get it first: it is as that method left it.
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
