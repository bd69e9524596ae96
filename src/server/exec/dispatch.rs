//! Where an operation comes in and is passed to the code that runs it.
//!
//! [`Engine::execute`] either finishes an operation at once, on the calling thread, or returns a future for the rest of
//! it: a contended object, an async method, a generator.

use super::checks::{checked, label, quoted};
use super::engine::Engine;
use super::request::Request;
use super::step::{Later, Step, Written, put};
use crate::server::refs::snapshot::{SnapshotRequest, snapshot};
use crate::server::state::observer::{Ending, Observed, Observer};
use serde::Serialize;
use std::sync::Arc;
use tarmem_remote::error::Error;
use tarmem_remote::import;
use tarmem_remote::operation::{Operation, PROTOCOL_VERSION, Reply, Target};
use tarmem_remote::results::{KeysPage, ObjectDescription, VersionInfo};
use tarmem_remote::signature::SignatureRef;

impl Engine {
    /// Runs as much of one operation as can be done at once, if its session may have that done. A result is appended to
    /// `out`.
    pub(crate) fn execute(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        match &self.state.observer {
            None => self.execute_unobserved(request, operation, out),
            Some(observer) => self.execute_observed(observer, request, operation, out),
        }
    }

    #[inline]
    fn execute_unobserved(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        match request.session.permissions() {
            None => self.perform(request, operation, out),
            Some(permissions) => self.perform_authorized(permissions, request, operation, out),
        }
    }

    #[cold]
    fn execute_observed(
        self: &Arc<Self>,
        observer: &Arc<dyn Observer>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let observed = Observed::begin(observer, &operation, request.by());
        let step = self.execute_unobserved(request, operation, out);
        match step {
            Ok(Step::Over(Written::Result)) => observed.end(Ending::Done),
            Ok(Step::Over(Written::Raised(_))) => observed.end(Ending::Raised),
            Err(_) => observed.end(Ending::Failed),
            Ok(Step::Later(mut later)) => {
                let run = later.run;
                later.run = Box::pin(async move {
                    let reply = run.await;
                    observed.end(Ending::of(&reply));
                    reply
                });
                return Ok(Step::Later(later));
            }
        }
        step
    }

    /// Like [`execute`](Self::execute), without the check of permissions.
    pub(super) fn perform(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        Ok(match operation {
            // First, and with its error already boxed: nearly all operations are calls.
            Operation::Call { target, method, encoding, args } => {
                return self.call(request, target, method, encoding, args, out);
            }
            Operation::Run { function, encoding, args } => {
                self.state.check_room(args.len())?;
                self.run(request, function, encoding, args, out)?
            }
            Operation::Memoize { key, source, expect } => self.memoize(request, key, source, expect, out)?,
            Operation::Update { key, source, generation, expect } => {
                self.update(request, key, source, generation, expect, out)?
            }
            Operation::Create { source, expect } => self.create(request, source, expect, out)?,
            Operation::Get { key, expect } => answer(out, || {
                let mapping = self.mapping(key)?;
                checked(|| quoted(key), &mapping, expect).map_err(|error| self.or_unknown(error))
            })?,
            Operation::Delete { key } => answer(out, || self.delete(request, key))?,
            Operation::IsMemoized { key } => answer(out, || {
                self.check_key(key)?;
                Ok(self.state.store.contains(key))
            })?,
            Operation::Keys { prefix, after, limit } => answer(out, || Ok(self.keys(request, prefix, after, limit)))?,
            Operation::Describe { target } => answer(out, || self.describe(request, target))?,
            Operation::Import { module, package } => answer(out, || {
                self.check_name("module", module)?;
                self.check_name("package", package.unwrap_or_default())?;
                let name = import::resolve(module, package)?;
                self.state.registry.describe_module(&name)
            })?,
            Operation::Version => answer(out, || {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Ok(VersionInfo::new(version, PROTOCOL_VERSION, self.state.data_info()))
            })?,
            Operation::Hold { target, expect } => answer(out, || {
                let mapping = self.target(request, target)?;
                let info = checked(|| label(target), &mapping, expect).map_err(|error| self.or_unknown(error))?;
                request.hold(&mapping.cell)?;
                Ok(info)
            })?,
            Operation::Release { id, count } => answer(out, || request.session.release(id, count))?,
            Operation::Snapshot { target } => self.snapshot_later(request, target, false)?,
            Operation::SnapshotWithInfo { target } => self.snapshot_later(request, target, true)?,
            Operation::Cancel { sequence } => answer(out, || {
                request.session.cancel(sequence);
                Ok(())
            })?,
            Operation::Acknowledge { sequence } => answer(out, || {
                request.session.acknowledge(sequence);
                Ok(())
            })?,
            Operation::IsPoisoned { target } => answer(out, || Ok(self.target(request, target)?.cell.is_poisoned()))?,
            Operation::ClearPoison { target } => self.clear_poison(request, target, out)?,
            Operation::Goodbye => answer(out, || {
                request.session.leave();
                Ok(())
            })?,
            Operation::Backup { from } => self.backup(request, from)?,
            Operation::Signature { of } => answer(out, || {
                let (SignatureRef::Method { interface: name, .. }
                | SignatureRef::Function { module: name, .. }
                | SignatureRef::Class { path: name }) = of;
                self.check_name("module, class or interface", name)?;
                Ok(self.state.registry.signature(of)?.describe())
            })?,
        })
    }

    fn delete(&self, request: &Request<'_>, key: &str) -> Result<(), Error> {
        self.check_key(key)?;
        if !self.state.store.remove(key, request.by()) {
            return Err(Error::NoSuchKey { key: key.to_owned() });
        }
        self.state.suspects.loosen();
        Ok(())
    }

    /// `with_info`: also say whether the objects are poisoned.
    fn snapshot_later(&self, request: &Request<'_>, target: Target<'_>, with_info: bool) -> Result<Step, Error> {
        let cell = self.target(request, target)?.cell;
        let (session, scope, limit) = (request.session, request.scope(), request.result_bytes);
        Ok(Step::Later(Later::new(snapshot(cell, SnapshotRequest { session, scope, limit, with_info }))))
    }

    fn clear_poison(&self, request: &Request<'_>, target: Target<'_>, out: &mut Vec<u8>) -> Result<Step, Box<Error>> {
        let cell = self.target(request, target)?.cell;
        if self.state.store.try_clear_poison(&cell) {
            return answer(out, || Ok(()));
        }
        let state = Arc::clone(&self.state);
        Ok(Step::Later(Later::new(async move {
            if let Ok(object) = cell.read_even_poisoned().await {
                state.store.clear_poison(&object);
            }
            // Nothing is encoded as nothing.
            Reply::Done(Vec::new().into())
        })))
    }

    fn keys(&self, request: &Request<'_>, prefix: &str, after: &str, limit: u32) -> KeysPage {
        let most = self.state.limits.page_keys;
        let limit = if limit == 0 { most } else { most.min(limit as usize) };
        let permissions = request.session.permissions();
        let visible = |key: &str| permissions.is_none_or(|permissions| permissions.has_key(key));
        let (keys, more) = self.state.store.keys(prefix, after, limit, visible);
        let next = if more { keys.last().cloned() } else { None };
        KeysPage::new(keys, next)
    }

    fn describe(&self, request: &Request<'_>, target: Target<'_>) -> Result<ObjectDescription, Error> {
        let mapping = self.target(request, target)?;
        let class = mapping.cell.class();
        let interfaces = class.interfaces().iter().map(|path| (*path).to_owned()).collect();
        let entry = class.entry();
        Ok(ObjectDescription::new(mapping.info(), entry.is_durable(), entry.docs, interfaces, class.describe_methods()))
    }
}

/// Appends the result of `ask` to `out`. Never inlined, so that calls do not need the stack of the other operations.
#[inline(never)]
fn answer<T: Serialize>(out: &mut Vec<u8>, ask: impl FnOnce() -> Result<T, Error>) -> Result<Step, Box<Error>> {
    Ok(put(out, &ask()?)?)
}
