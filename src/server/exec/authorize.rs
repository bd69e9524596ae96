//! What a restricted session may do: checked once for each of its operations, before anything else is done.

use super::engine::Engine;
use super::new_object::class_of;
use super::request::Request;
use super::step::Step;
use crate::security::Permissions;
use std::sync::Arc;
use tarmem_remote::describe::{Method, Receiver};
use tarmem_remote::error::Error;
use tarmem_remote::import;
use tarmem_remote::operation::{FunctionRef, Operation, SourceRef, Target};
use tarmem_remote::signature::SignatureRef;

impl Engine {
    /// Performs an operation if `permissions` permit it.
    #[cold]
    pub(super) fn perform_authorized(
        self: &Arc<Self>,
        permissions: &Permissions,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let what = operation.name();
        match operation {
            Operation::Memoize { key, source, .. } | Operation::Update { key, source, .. } => {
                permissions.change(what)?;
                permissions.key(what, key)?;
                self.authorize_source(permissions, source)?;
            }
            Operation::Create { source, .. } => {
                permissions.change(what)?;
                self.authorize_source(permissions, source)?;
            }
            Operation::Delete { key } => {
                permissions.change(what)?;
                permissions.key(what, key)?;
            }
            Operation::Run { function, .. } => {
                permissions.change("run a function")?;
                self.authorize_function(permissions, function)?;
            }
            Operation::Get { key, .. } | Operation::IsMemoized { key } => permissions.key(what, key)?,
            Operation::Describe { target }
            | Operation::Hold { target, .. }
            | Operation::Snapshot { target }
            | Operation::SnapshotWithInfo { target }
            | Operation::IsPoisoned { target } => {
                authorize_target(permissions, what, target)?;
            }
            Operation::ClearPoison { target } => {
                permissions.change(what)?;
                authorize_target(permissions, what, target)?;
            }
            Operation::Call { target, method, encoding, args } => {
                authorize_target(permissions, "call a method of", target)?;
                if permissions.read_only {
                    // The key may be mapped to another object in the next moment, so the object that was checked is the
                    // one that is called.
                    let cell = self.target(request, target)?.cell;
                    let method = self.method(&cell, target, method)?;
                    authorize_method(permissions, method, cell.class().entry().encodable)?;
                    return self.call_method(request, (target, cell), method, encoding, args, out);
                }
            }
            Operation::Import { module, package } => {
                self.check_name("module", module)?;
                self.check_name("package", package.unwrap_or_default())?;
                permissions.module("import anything", &import::resolve(module, package)?)?;
            }
            Operation::Signature { of: SignatureRef::Function { module, .. } } => {
                permissions.module("ask for signatures", module)?;
            }
            Operation::Backup { .. } => {
                let reason = "a backup contains everything, and the session's token is restricted".to_owned();
                return Err(Box::new(Error::NotPermitted { what: "take a backup".to_owned(), reason }));
            }
            // The listing leaves out what is not permitted; the other operations are about what the session already
            // has.
            Operation::Keys { .. }
            | Operation::Version
            | Operation::Signature { .. }
            | Operation::Release { .. }
            | Operation::Cancel { .. }
            | Operation::Acknowledge { .. }
            | Operation::Goodbye => {}
        }
        self.perform(request, operation, out)
    }

    fn authorize_source(&self, permissions: &Permissions, source: SourceRef<'_>) -> Result<(), Error> {
        match source {
            SourceRef::Generator { function, .. } => self.authorize_function(permissions, function),
            SourceRef::Value { .. } | SourceRef::ValueByNames { .. } => {
                let class = class_of(source)?;
                permissions.module("send values", class.rsplit_once('.').map_or("", |(module, _)| module))
            }
            SourceRef::Existing(target) => authorize_target(permissions, "use", target),
        }
    }

    fn authorize_function(&self, permissions: &Permissions, function: FunctionRef<'_>) -> Result<(), Error> {
        let module = match function {
            FunctionRef::Name { module, .. } => module,
            // An unknown function is reported as unknown, later.
            FunctionRef::Id(id) => match self.state.registry.function_by_id(id) {
                Some(function) => function.module,
                None => return Ok(()),
            },
        };
        permissions.module("run functions", module)
    }
}

impl Request<'_> {
    /// Checks the permission for an object that only the arguments name.
    pub(super) fn authorize_target(&self, what: &str, target: Target<'_>) -> Result<(), Error> {
        self.session.permissions().map_or(Ok(()), |permissions| authorize_target(permissions, what, target))
    }
}

/// By id, a session reaches objects that it was given a handle to, and no others: having a handle is the permission.
fn authorize_target(permissions: &Permissions, what: &str, target: Target<'_>) -> Result<(), Error> {
    match target {
        Target::Key(key) => permissions.key(what, key),
        Target::Id(_) => Ok(()),
    }
}

/// A resident class may change its state behind `&self`: a lock is acquired, an item is put into a queue.
fn authorize_method(permissions: &Permissions, method: &Method, encodable: bool) -> Result<(), Error> {
    if method.receiver == Receiver::Shared && encodable {
        return Ok(());
    }
    permissions.change(&format!("call {}, which may change its object", method.full_name()))
}
