//! `tarmem run`.

use super::source::Source;
use crate::cli::output::{Failure, Json, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;

/// Run a function of a module, and print its result
///
/// Prints null if the function has no result, and the value of the object if it makes one, which nobody keeps then. A
/// function over several objects takes each as '{"$key":"k"}':
///
///   tarmem run bank.transfer '{"$key":"alice"}' '{"$key":"bob"}' 30
///
/// `tarmem import MODULE` shows the functions.
#[derive(Args)]
#[command(after_long_help = values::HELP, verbatim_doc_comment)]
pub(in crate::cli) struct Run {
    #[command(flatten)]
    function: Source,
}

impl Run {
    pub(super) fn values(&mut self) -> &mut Values {
        self.function.values()
    }

    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let result = self.function.each(session, |function| function.call(session)).await?;
        output.line(&Json(&result))
    }
}
