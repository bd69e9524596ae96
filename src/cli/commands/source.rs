//! A function of a module with its arguments, for the commands that make an object with it or run it.

use super::raised_by;
use crate::cli::arguments::FunctionName;
use crate::cli::output::Failure;
use crate::cli::values::Values;
use crate::client::Session;
use clap::Args;
use std::cmp::Reverse;
use std::fmt;
use tarmem_remote::client_api::Obtain;
use tarmem_remote::error::Error;
use tarmem_remote::proxy::DynamicProxy;
use tarmem_remote::results::{MemberKind, ObjectInfo};
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

    /// Obtains an object with the function.
    pub(super) async fn obtain(
        &self,
        session: &Session,
        obtain: impl Fn(DynamicFunctionCall) -> Obtain<DynamicProxy>,
    ) -> Result<(DynamicProxy, ObjectInfo), Failure> {
        self.each(session, |function| obtain(function).with_info()).await
    }

    /// Whether the function is a class or a generator, according to its module.
    pub(super) async fn makes_an_object(&self, session: &Session) -> bool {
        for (module, name) in self.function.splits() {
            if let Ok(module) = session.remote_import(module).await {
                let kind = module.member(name).map(|member| member.kind);
                return matches!(kind, Ok(MemberKind::Class | MemberKind::Generator));
            }
        }
        false
    }

    /// Calls `ask` with each way to split the function's name into a module and a name, until the service knows one.
    /// For the others the service runs nothing.
    pub(super) async fn each<T, F>(
        &self,
        session: &Session,
        ask: impl Fn(DynamicFunctionCall) -> F,
    ) -> Result<T, Failure>
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
                Err(Error::NotAGenerator { function, returns }) => {
                    return Err(Failure::failed(format!(
                        "{function} returns {returns}, not an object of a class, so there is nothing to store under a \
                         key; run it: tarmem run {function} …"
                    )));
                }
                other => {
                    return other.map_err(|error| raised_by(&self.function.to_string(), values.by_keys(error)).into());
                }
            }
        }
        Err(self.absent(session, best).await)
    }

    /// The failure if there is no such function. If the name looks like a method of an object, it says how to call
    /// that.
    async fn absent(&self, session: &Session, best: Option<Error>) -> Failure {
        let name = self.function.to_string();
        let (before, method) = name.rsplit_once('.').unwrap_or((&name, ""));
        match best {
            Some(Error::NotAModule { name, kind }) if kind == "class" => Failure::failed(format!(
                "{name} is a class, not a module; to call a method of its objects: tarmem call KEY {method} …"
            )),
            // If this session may not ask for the key, the next arm applies.
            _ if matches!(session.is_memoized(before).await, Ok(true)) => Failure::failed(format!(
                "{before:?} is a key, not a module; to call a method of its object: tarmem call {before} {method} …"
            )),
            Some(error) => error.into(),
            None => Error::NoSuchModule { module: name, near: Vec::new() }.into(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.function.fmt(f)
    }
}

/// Whether the error is about this function, and not about another one that a generator has called.
fn is_absent(error: &Error, module: &str, name: &str) -> bool {
    match error {
        Error::NoSuchModule { module: absent, .. } | Error::NotAModule { name: absent, .. } => absent == module,
        Error::NoSuchMember { module: within, name: absent, .. } => within == module && absent == name,
        _ => false,
    }
}

/// Ranks errors about the same name. The best one suggests a name in a module; next come those that say what kind of
/// thing a part of the name is, that suggest a module, and that name a known module; the rest say only that there is no
/// such module.
fn helpfulness(error: &Error) -> (u8, Reverse<usize>) {
    match error {
        Error::NoSuchMember { near, module, .. } => (if near.is_empty() { 1 } else { 4 }, Reverse(module.len())),
        Error::NotAModule { name, .. } => (3, Reverse(name.len())),
        Error::NoSuchModule { near, module } => (if near.is_empty() { 0 } else { 2 }, Reverse(module.len())),
        _ => (0, Reverse(usize::MAX)),
    }
}
