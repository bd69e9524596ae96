//! `tarmem describe`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Print a description of the object under a key: its class, id, generation, whether it is
/// durable, methods with signatures and documentation
#[derive(Args)]
pub(in crate::cli) struct Describe {
    /// The key
    key: String,
}

impl Describe {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        output.line(&session.describe(&self.key).await?)
    }
}
