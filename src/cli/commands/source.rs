//! A function of a module with its arguments: what makes an object, or what is run.

use super::raised_by;
use crate::cli::arguments::FunctionName;
use crate::cli::output::Failure;
use crate::cli::values::Values;
use crate::client::Session;
use clap::Args;
use std::cmp::Reverse;
use tarmem_remote::error::Error;
use tarmem_remote::operation::ObjectInfo;
use tarmem_remote::proxy::DynamicProxy;
use tarmem_remote::routines::Obtain;
use tarmem_remote::source::DynamicFunctionCall;

/// A function with its arguments.
#[derive(Args)]
pub(super) struct Source {
    /// The class or function, with its module: builtins.list, bank.Account.open
    #[arg(value_name = "MODULE.NAME")]
    function: FunctionName,
    #[command(flatten)]
    values: Values,
}

impl Source {
    pub(super) fn values(&mut self) -> &mut Values {
        &mut self.values
    }

    /// Obtains an object that the function makes.
    pub(super) async fn obtain(
        &self,
        session: &Session,
        obtain: impl Fn(DynamicFunctionCall) -> Obtain<DynamicProxy>,
    ) -> Result<(DynamicProxy, ObjectInfo), Failure> {
        match self.each(session, |function| obtain(function).with_info()).await {
            Err(Error::NotAGenerator { function, returns }) => Err(Failure::failed(format!(
                "{function} returns {returns}, not an object of a class, so there is nothing to put under a key; run it: tarmem \
                 run {function} …"
            ))),
            other => Ok(other?),
        }
    }

    /// Asks for the function. Which part of its name is the module shows only when the service is asked; it runs nothing as
    /// long as that is wrong.
    pub(super) async fn each<T, F>(&self, session: &Session, ask: impl Fn(DynamicFunctionCall) -> F) -> Result<T, Error>
    where
        F: IntoFuture<Output = Result<T, Error>>,
    {
        let values = self.values.resolve(session).await?;
        let mut best: Option<Error> = None;
        for (module, name) in self.function.splits() {
            match ask(DynamicFunctionCall::new(module, name, values.args.clone())).await {
                Err(error) if is_absent(&error, module, name) => {
                    if best.as_ref().is_none_or(|best| helpfulness(&error) > helpfulness(best)) {
                        best = Some(error);
                    }
                }
                other => return other.map_err(|error| raised_by(&self.function.to_string(), error)),
            }
        }
        Err(best.unwrap_or_else(|| Error::NoSuchModule { module: self.function.to_string(), near: Vec::new() }))
    }
}

/// Whether it says that there is no such function, and not that a generator missed another one.
fn is_absent(error: &Error, module: &str, name: &str) -> bool {
    match error {
        Error::NoSuchModule { module: absent, .. } => absent == module,
        Error::NoSuchMember { module: within, name: absent, .. } => within == module && absent == name,
        _ => false,
    }
}

/// Of several ways to say that a name leads nowhere: a suggestion is best; then, how far the name led; then, the first part
/// that is wrong.
fn helpfulness(error: &Error) -> (u8, Reverse<usize>) {
    match error {
        Error::NoSuchMember { near, module, .. } => (if near.is_empty() { 1 } else { 3 }, Reverse(module.len())),
        Error::NoSuchModule { near, module } => (if near.is_empty() { 0 } else { 2 }, Reverse(module.len())),
        _ => (0, Reverse(usize::MAX)),
    }
}
