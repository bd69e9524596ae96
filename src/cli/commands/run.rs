//! `tarmem run`.

use super::source::Source;
use crate::cli::output::{Failure, Json, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;
use serde::Serialize;
use tarmem_remote::error::Error;
use tarmem_remote::value::Value;

/// Run a function of a module, and print its result
///
/// Prints null if the function has no result. If it makes an object, prints the object's value, or why its class cannot
/// show one; the object is then dropped. A function over several objects takes each as '{"$key":"k"}', or by its key
/// alone:
///
///   tarmem run bank.transfer '{"$key":"alice"}' '"bob"' 30
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
        let ran = self.function.each(session, |function| async move {
            match function.call(session).await {
                Ok(result) => Ok(Ran::Result(result)),
                Err(Error::BadResult { what, reason }) => Ok(Ran::Unshown { what, reason }),
                Err(error) => Err(error),
            }
        });
        match ran.await? {
            Ran::Result(result) => output.line(&Json(&result)),
            Ran::Unshown { reason, .. } if self.function.makes_an_object(session).await => {
                output.line(&WithoutValue { function: self.function.to_string(), no_value: reason })
            }
            Ran::Unshown { what, reason } => Err(Error::BadResult { what, reason }.into()),
        }
    }
}

/// The outcome of a function.
enum Ran {
    Result(Value),
    /// The function has a result, but it cannot be sent.
    Unshown {
        what: String,
        reason: String,
    },
}

/// The line for a function that has made an object whose class cannot show its value.
#[derive(Serialize)]
struct WithoutValue {
    function: String,
    no_value: String,
}
