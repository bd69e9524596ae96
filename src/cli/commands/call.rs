//! `tarmem call`.

use super::{Untyped, raised_by};
use crate::cli::output::{Failure, Json, Output, warn};
use crate::cli::values::{self, Values};
use crate::client::Session;
use clap::Args;
use tarmem_remote::proxy::DynamicProxy;
use tarmem_remote::results::ObjectInfo;
use tarmem_remote::value::Value;

/// Call a method of the object under a key, and print its result
///
/// Prints null if the method has no result. `tarmem describe KEY` shows the methods. If a method acquires something for
/// its caller, such as a lock, it is released when the command ends.
#[derive(Args)]
#[command(after_long_help = values::HELP)]
pub(in crate::cli) struct Call {
    /// The key
    key: String,
    /// The method; `module.Interface.method` if two interfaces have a method of that name
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
        // This saves a round trip compared to `get_dynamic`: the call itself fails if there is no such key.
        let object = session.proxy::<Untyped>(&self.key);
        let result = object.call(&self.method, values.args.clone()).await;
        let result = result.map_err(|error| raised_by(&self.method, values.by_keys(error)))?;
        output.line(&Json(&result))?;
        if self.has_acquired(&result) && session.get_dynamic(&self.key).with_info().await.is_ok_and(is_held) {
            warn(&format!(
                "what {} acquired is released now, with the session of this command; to hold it, use a program",
                self.method
            ));
        }
        Ok(())
    }

    /// Whether the method has acquired something, judging by its name and result.
    fn has_acquired(&self, result: &Value) -> bool {
        let name = self.method.rsplit('.').next().unwrap_or_default();
        (name.starts_with("acquire") || name == "__enter__") && !matches!(result, Value::Null | Value::Bool(false))
    }
}

/// Whether the object's class is one whose objects sessions acquire.
fn is_held((_, info): (DynamicProxy, ObjectInfo)) -> bool {
    info.class.starts_with("threading.")
}
