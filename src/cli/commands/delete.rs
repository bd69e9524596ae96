//! `tarmem delete`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Remove a key; prints true
#[derive(Args)]
pub(in crate::cli) struct Delete {
    /// The key
    key: String,
}

impl Delete {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        session.delete(&self.key).await?;
        output.line(&true)
    }
}
