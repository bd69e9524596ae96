//! `tarmem keys`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;

/// Print the keys, in order, each as a line of JSON text
#[derive(Args)]
pub(in crate::cli) struct Keys {
    /// Only keys that begin like this
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
}

impl Keys {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let mut after = String::new();
        loop {
            let page = session.keys(&self.prefix, &after, 0).await?;
            for key in &page.keys {
                output.line(key)?;
            }
            // The reader gets each page at once; and if the output is no longer read, the command ends here.
            output.flush()?;
            match page.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }
}
