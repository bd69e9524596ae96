//! `tarmem get`.

use super::show::show;
use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Print the object under a key
///
/// Prints the object's value, or a description of the object if its class cannot show a value.
#[derive(Args)]
pub(in crate::cli) struct Get {
    /// The key
    key: String,
}

impl Get {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let found = session.get_dynamic(&self.key).with_info().await?;
        show(found, output).await
    }
}
