//! Commands on what one key is mapped to.

use super::arguments::{FunctionName, json};
use super::named::Named;
use super::output::{Failure, Json, Output};
use crate::client::Session;
use clap::Args;
use serde::Serialize;
use std::cmp::Reverse;
use tarmem_remote::error::Error;
use tarmem_remote::object::Remote;
use tarmem_remote::operation::ObjectInfo;
use tarmem_remote::proxy::{DynamicProxy, Proxy};
use tarmem_remote::routines::Obtain;
use tarmem_remote::source::DynamicFunctionCall;
use tarmem_remote::value::Value;
use uuid::Uuid;

/// Print the object under a key; if there is none, make it first
///
/// Prints the object's value, or what is known of the object if its class cannot show one. However many make the same key
/// at one time, it is made once.
#[derive(Args)]
pub(super) struct Memoize {
    /// The key
    key: String,
    #[command(flatten)]
    source: Source,
}

/// Print the object under a key
///
/// Prints the object's value, or what is known of the object if its class cannot show one.
#[derive(Args)]
pub(super) struct Get {
    /// The key
    key: String,
}

/// Map a key to a new object, and print that
///
/// Prints the object's value, or what is known of the object if its class cannot show one.
#[derive(Args)]
pub(super) struct Update {
    /// The key
    key: String,
    #[command(flatten)]
    source: Source,
}

/// Remove a key; prints true
#[derive(Args)]
pub(super) struct Delete {
    /// The key
    key: String,
}

/// Call a method of the object under a key, and print its result
///
/// Prints null if the method has no result.
#[derive(Args)]
pub(super) struct Call {
    /// The key
    key: String,
    /// The method; `module.Interface.method` where two interfaces have one of that name
    method: String,
    /// Its arguments, each in JSON: 3, '"text"', '[1,2]'; '{"$key": "k"}' is the object under k
    #[arg(value_name = "JSON", value_parser = json, allow_negative_numbers = true)]
    args: Vec<Value>,
}

/// Any class: what it has, only the service knows.
pub(super) enum Untyped {}

impl Remote for Untyped {
    const PATH: &'static str = "";
    type Proxy = DynamicProxy;
}

/// What makes an object.
#[derive(Args)]
struct Source {
    /// The class or generator that makes it: builtins.list, bank.Account.open
    #[arg(value_name = "MODULE.NAME")]
    function: FunctionName,
    /// Its arguments, each in JSON: 3, '"text"', '[1,2]'; '{"$key": "k"}' is the object under k
    #[arg(value_name = "JSON", value_parser = json, allow_negative_numbers = true)]
    args: Vec<Value>,
}

impl Memoize {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let made = self.source.obtain(session, |source| session.memoize(&self.key, source)).await?;
        show(made, output).await
    }
}

impl Get {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let found = session.get_dynamic(&self.key).with_info().await?;
        show(found, output).await
    }
}

impl Update {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let made = self.source.obtain(session, |source| session.update(&self.key, source)).await?;
        show(made, output).await
    }
}

impl Delete {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        session.delete(&self.key).await?;
        output.line(&true)
    }
}

impl Call {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let named = Named::find(session, &self.args).await?;
        // A round trip less than `get_dynamic`: whether there is such a key, the call tells.
        let object = session.proxy::<Untyped>(&self.key);
        let result = object.call(&self.method, named.put_into(self.args)).await;
        let result = result.map_err(|error| raised_by(&self.method, error))?;
        output.line(&Json(&result))
    }
}

impl Source {
    /// Obtains an object. Which part of the name is the module shows only when the service is asked; it makes nothing as
    /// long as that is wrong.
    async fn obtain(
        &self,
        session: &Session,
        obtain: impl Fn(DynamicFunctionCall) -> Obtain<DynamicProxy>,
    ) -> Result<(DynamicProxy, ObjectInfo), Error> {
        let named = Named::find(session, &self.args).await?;
        let args = named.put_into(self.args.clone());
        let mut best: Option<Error> = None;
        for (module, name) in self.function.splits() {
            match obtain(DynamicFunctionCall::new(module, name, args.clone())).with_info().await {
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

/// Puts in what failed: a dynamic call does not keep the name.
fn raised_by(name: &str, error: Error) -> Error {
    match error {
        Error::Raised { message, error, .. } => Error::Raised { what: name.to_owned(), message, error },
        other => other,
    }
}

/// Prints an object's value, or the object if it can show none.
///
/// The value is that of a moment later: somebody may have changed the object by then, or the key.
async fn show((object, info): (DynamicProxy, ObjectInfo), output: &mut Output) -> Result<(), Failure> {
    match object.snapshot().await {
        Ok(value) => output.line(&Json(&value)),
        Err(Error::BadResult { reason, .. }) => {
            let ObjectInfo { id, class, generation, .. } = info;
            output.line(&WithoutValue { class, id, generation, no_value: reason })
        }
        Err(error) => Err(error.into()),
    }
}

/// An object whose value cannot be shown.
#[derive(Serialize)]
struct WithoutValue {
    class: String,
    id: Uuid,
    generation: u64,
    no_value: String,
}
