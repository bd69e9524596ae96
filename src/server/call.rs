//! Calling a method of an object.

use super::chain::Chain;
use super::engine::{Engine, Later, Request, Step, label};
use super::gate::Gate;
use super::local::LocalCaller;
use super::panics;
use super::scope::MethodScope;
use super::session::ServerSession;
use crate::store::Cell;
use bytes::Bytes;
use std::sync::Arc;
use tarmem_remote::context::Context;
use tarmem_remote::describe::{Invoke, Method};
use tarmem_remote::dispatch::{Arguments, Encoding, Finish, Output};
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::operation::{MethodRef, Reply, Target};
use tarmem_remote::value::with_scope;

/// The object, and room for what the call gives: many calls may have waited for the object when there still was some. Nobody
/// is kept waiting for the object by one who waits for room, nor the other way round; and nobody overtakes another.
macro_rules! roomy {
    ($session:ident, $cell:ident, $try:ident, $wait:ident) => {
        loop {
            let guard = $cell.$wait().await?;
            if $session.has_room_at_once() {
                break guard;
            }
            drop(guard);
            let _turn = $session.room().await;
            if let Some(guard) = $cell.$try() {
                break guard?;
            }
        }
    };
}

impl Engine {
    /// Calls a method. One that is not async, on an object that nobody else is using, runs here and now.
    pub(super) fn call(
        self: &Arc<Self>,
        request: &Request<'_>,
        target: Target<'_>,
        method: MethodRef<'_>,
        encoding: Encoding,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let cell = self.target(request, target)?.cell;
        let method = self.method(&cell, target, method)?;
        self.call_method(request, (target, cell), method, encoding, args, out)
    }

    /// Calls a method of an object that has been found.
    #[inline]
    pub(super) fn call_method(
        self: &Arc<Self>,
        request: &Request<'_>,
        (target, cell): (Target<'_>, Cell),
        method: &'static Method,
        encoding: Encoding,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let site = CallSite {
            context: request.context,
            scope: MethodScope { session: request.session, sequence: request.sequence(), of: &cell },
        };
        let call = MethodCall { method, encoding, limit: request.result_bytes };
        let named = |error| named_target(error, target);
        let offload = method.blocking || request.elsewhere;
        match method.invoke {
            Invoke::Shared(_) if !offload => {
                if let Some(guard) = cell.try_read() {
                    return call.shared(&*guard.map_err(named)?, &site, args, out);
                }
            }
            Invoke::Exclusive(_) if !offload => {
                if let Some(guard) = cell.try_write() {
                    return call.exclusive(&mut *guard.map_err(named)?, &site, args, out);
                }
            }
            _ => {}
        }
        let exclusive = matches!(method.invoke, Invoke::Exclusive(_) | Invoke::ExclusiveAsync(_));
        request.may_want(&cell, exclusive, || label(target))?;
        let target = label(target);
        let args = Bytes::copy_from_slice(args);
        let session = Arc::clone(request.session);
        let may_wait = method.blocking || matches!(method.invoke, Invoke::SharedAsync(_) | Invoke::ExclusiveAsync(_));
        let context = if may_wait {
            let holding = Chain::new(&cell, exclusive, request.holding);
            request.context_of(Arc::new(LocalCaller::holding(self, request, holding)))
        } else {
            request.context.clone()
        };
        let mut later = Later::new(std::future::pending());
        let gate = Arc::clone(&later.gate);
        let runtime = self.runtime.clone();
        later.run = Box::pin(async move {
            let run = async {
                if offload && matches!(method.invoke, Invoke::Shared(_) | Invoke::Exclusive(_)) {
                    let site = OwnedSite { context, session, cell };
                    return call.offload(&runtime, site, &gate, args).await;
                }
                let site = CallSite {
                    context: &context,
                    scope: MethodScope { session: &session, sequence: context.sequence(), of: &cell },
                };
                match method.invoke {
                    Invoke::Shared(_) => {
                        let guard = roomy!(session, cell, try_read_owned, read);
                        call.reply(|out| call.shared(&*guard, &site, &args, out))
                    }
                    Invoke::SharedAsync(_) => {
                        let guard = cell.read().await?;
                        call.shared_async(&*guard, &site, &args).await
                    }
                    Invoke::Exclusive(_) | Invoke::ExclusiveAsync(_) => {
                        let mut guard = roomy!(session, cell, try_write_owned, write);
                        if !gate.begin() {
                            return Err(Error::Cancelled);
                        }
                        if matches!(method.invoke, Invoke::ExclusiveAsync(_)) {
                            call.exclusive_async(&mut *guard, &site, &args).await
                        } else {
                            call.reply(|out| call.exclusive(&mut *guard, &site, &args, out))
                        }
                    }
                }
            };
            run.await
                .map_err(|error| match error {
                    Error::Poisoned { .. } => Error::Poisoned { target },
                    other => other,
                })
                .into()
        });
        Ok(Step::Later(later))
    }

    pub(super) fn method(
        &self,
        cell: &Cell,
        target: Target<'_>,
        method: MethodRef<'_>,
    ) -> Result<&'static Method, Error> {
        let class = cell.class();
        match method {
            MethodRef::Name(name) => {
                self.check_name("method", name)?;
                class.method(name).map_err(|error| match name.rsplit_once('.') {
                    Some((scope, _)) if self.registry.has_scope(scope) && !class.fits(scope) => Error::WrongClass {
                        target: label(target),
                        expected: scope.to_owned(),
                        found: class.entry().path.to_owned(),
                    },
                    _ => error,
                })
            }
            MethodRef::Id(id) => class.method_by_id(id).ok_or_else(|| {
                match self.registry.method_scope(id) {
                    Some(scope) if !class.fits(scope) => Error::WrongClass {
                        target: label(target),
                        expected: scope.to_owned(),
                        found: class.entry().path.to_owned(),
                    },
                    // The caller knows what the number stands for, and asks by name.
                    _ => Error::SignatureUnknown { class: class.entry().path.to_owned() },
                }
            }),
        }
    }
}

fn named_target(error: Error, target: Target<'_>) -> Error {
    match error {
        Error::Poisoned { .. } => Error::Poisoned { target: label(target) },
        other => other,
    }
}

/// Who calls, and who looks after the object references in the call.
struct CallSite<'a> {
    context: &'a Context,
    scope: MethodScope<'a>,
}

/// The same for a call that goes to another thread.
struct OwnedSite {
    context: Context,
    session: Arc<ServerSession>,
    cell: Cell,
}

impl OwnedSite {
    fn as_site(&self) -> CallSite<'_> {
        let scope = MethodScope { session: &self.session, sequence: self.context.sequence(), of: &self.cell };
        CallSite { context: &self.context, scope }
    }
}

/// A method, and how its arguments and result are encoded.
#[derive(Clone, Copy)]
struct MethodCall {
    method: &'static Method,
    encoding: Encoding,
    limit: usize,
}

impl MethodCall {
    fn shared(
        self,
        object: &dyn Object,
        site: &CallSite<'_>,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let Invoke::Shared(invoke) = self.method.invoke else { return Err(Error::Cancelled.into()) };
        self.run(site, args, out, |args, out| invoke(object, site.context, args, out))
    }

    fn exclusive(
        self,
        object: &mut dyn Object,
        site: &CallSite<'_>,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        let Invoke::Exclusive(invoke) = self.method.invoke else { return Err(Error::Cancelled.into()) };
        let result = self.run(site, args, out, |args, out| invoke(object, site.context, args, out));
        if result.as_ref().is_err_and(|error| matches!(**error, Error::Panicked { .. })) {
            site.scope.of.poison();
        }
        // It may have let go of a reference.
        site.scope.session.engine().loosen();
        result
    }

    /// An error is boxed on its way from here to the reply: a result that holds one is as large as it, and is handed through
    /// five functions, whatever it holds. That was a tenth of the service's time for a call.
    fn run(
        self,
        site: &CallSite<'_>,
        args: &[u8],
        out: &mut Vec<u8>,
        invoke: impl FnOnce(&mut Arguments<'_>, &mut Output<'_>) -> Result<(), Error>,
    ) -> Result<Step, Box<Error>> {
        let mut output = Output::new(self.encoding, out, self.limit);
        // The name is made only if it is needed: this is the hot path.
        let result = panics::catch(String::new(), || {
            with_scope(&site.scope, || -> Result<(), Box<Error>> {
                invoke(&mut self.arguments(args)?, &mut output)?;
                Ok(())
            })
        });
        match result {
            Ok(Ok(())) => Ok(output.into_raised().map_or(Step::Done, Step::Raised)),
            Ok(Err(error)) => Err(self.named(*error).into()),
            Err(error) => Err(self.panicked(site, error).into()),
        }
    }

    /// Runs a method that is not async on a thread where it may block.
    async fn offload(
        self,
        runtime: &tokio::runtime::Handle,
        site: OwnedSite,
        gate: &Gate,
        args: Bytes,
    ) -> Result<Reply, Error> {
        // One that is only not to hold its caller's thread waits for its object alone: so it does not fall behind the calls that
        // its caller makes after it.
        let place = if self.method.blocking { site.session.off_thread().await } else { None };
        let run = if let Invoke::Shared(_) = self.method.invoke {
            let guard = site.cell.read().await?;
            // It cannot be stopped any more; what it takes after its deadline is given back.
            if !gate.begin() {
                return Err(Error::Cancelled);
            }
            runtime.spawn_blocking(move || {
                let _place = place;
                self.reply(|out| self.shared(&*guard, &site.as_site(), &args, out))
            })
        } else {
            let mut guard = site.cell.write().await?;
            if !gate.begin() {
                return Err(Error::Cancelled);
            }
            runtime.spawn_blocking(move || {
                let _place = place;
                self.reply(|out| self.exclusive(&mut *guard, &site.as_site(), &args, out))
            })
        };
        run.await.unwrap_or(Err(Error::Cancelled))
    }

    async fn shared_async(self, object: &dyn Object, site: &CallSite<'_>, args: &[u8]) -> Result<Reply, Error> {
        let Invoke::SharedAsync(invoke) = self.method.invoke else { return Err(Error::Cancelled) };
        let running = panics::catch(self.method.full_name(), || {
            with_scope(&site.scope, || Ok(invoke(object, site.context, &mut self.arguments(args)?)?))
        });
        let running = running.map_err(|error| self.panicked(site, error))?;
        let running = running.map_err(|error: Box<Error>| self.named(*error))?;
        let finished = panics::catch_async(self.method.full_name(), running).await;
        self.finish(site, finished.map_err(|error| self.panicked(site, error))?)
    }

    async fn exclusive_async(self, object: &mut dyn Object, site: &CallSite<'_>, args: &[u8]) -> Result<Reply, Error> {
        let Invoke::ExclusiveAsync(invoke) = self.method.invoke else { return Err(Error::Cancelled) };
        let running = panics::catch(self.method.full_name(), || {
            with_scope(&site.scope, || Ok(invoke(object, site.context, &mut self.arguments(args)?)?))
        });
        let running = running.map_err(|error| self.panicked(site, error))?;
        let running = running.map_err(|error: Box<Error>| self.named(*error))?;
        let finished = panics::catch_async(self.method.full_name(), running).await;
        if finished.is_err() {
            site.scope.of.poison();
        }
        self.finish(site, finished.map_err(|error| self.panicked(site, error))?)
    }

    /// Encodes what an async method left behind.
    fn finish(self, site: &CallSite<'_>, finish: Finish) -> Result<Reply, Error> {
        self.reply(|out| {
            let mut output = Output::new(self.encoding, out, self.limit);
            let result = panics::catch(self.method.full_name(), || with_scope(&site.scope, || finish(&mut output)));
            let result = result.map_err(|error| self.panicked(site, error));
            result.and_then(|result| result).map_err(|error| self.named(error))?;
            Ok(output.into_raised().map_or(Step::Done, Step::Raised))
        })
    }

    fn reply(self, run: impl FnOnce(&mut Vec<u8>) -> Result<Step, Box<Error>>) -> Result<Reply, Error> {
        let mut body = Vec::new();
        match run(&mut body).map_err(|error| *error)? {
            Step::Raised(message) => Ok(Reply::raised(message, body.into())),
            _ => Ok(Reply::Done(body.into())),
        }
    }

    fn arguments(self, args: &[u8]) -> Result<Arguments<'_>, Box<Error>> {
        Arguments::new(self.encoding, args, self.method.params)
            .map_err(|reason| Error::BadArguments { signature: self.method.full_signature(), reason }.into())
    }

    /// A method's panic, which is logged: its caller may not know whom to tell.
    #[cold]
    fn panicked(self, site: &CallSite<'_>, error: Error) -> Error {
        let error = self.named(error);
        if let Error::Panicked { what, message } = &error {
            let (class, method, session) =
                (site.scope.of.class().entry().path, self.method.name, site.scope.session.id());
            tracing::error!(class, method, %session, "{what} panicked: {message}");
        }
        error
    }

    /// Puts in what the dispatch function does not know: its own name.
    fn named(self, error: Error) -> Error {
        match error {
            Error::BadArguments { reason, .. } => {
                Error::BadArguments { signature: self.method.full_signature(), reason }
            }
            Error::BadResult { reason, .. } => Error::BadResult { what: self.method.full_name(), reason },
            Error::Panicked { message, .. } => Error::Panicked { what: self.method.full_name(), message },
            other => other,
        }
    }
}
