//! `tarmem is-memoized`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Print whether a key is mapped to an object: true or false
#[derive(Args)]
pub(in crate::cli) struct IsMemoized {
    /// The key
    key: String,
}

impl IsMemoized {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        output.line(&session.is_memoized(&self.key).await?)
    }
}
