//! `tarmem call`.

use super::{Untyped, raised_by};
use crate::cli::output::{Failure, Json, Output};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;

/// Call a method of the object under a key, and print its result
///
/// Prints null if the method has no result. `tarmem describe KEY` shows the methods.
#[derive(Args)]
#[command(after_long_help = values::HELP)]
pub(in crate::cli) struct Call {
    /// The key
    key: String,
    /// The method; `module.Interface.method` where two interfaces have one of that name
    method: String,
    #[command(flatten)]
    values: Values,
}

impl Call {
    pub(super) fn values(&mut self) -> &mut Values {
        &mut self.values
    }

    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let values = self.values.resolve(session).await?;
        // A round trip less than `get_dynamic`: whether there is such a key, the call tells.
        let object = session.proxy::<Untyped>(&self.key);
        let result = object.call(&self.method, values.args.clone()).await;
        let result = result.map_err(|error| raised_by(&self.method, error))?;
        output.line(&Json(&result))
    }
}
