//! Calls of methods: finds the object and the method, takes the object's lock, and runs the method, at once or later.

mod noting;
mod site;
mod waiting;

use super::checks::label;
use super::engine::Engine;
use super::held_by_caller::HeldByCaller;
use super::large_calls::{self, Load};
use super::local_caller::LocalCaller;
use super::looking::{Access, Asked, CallGuards, LookingScope, Looks, Own, ReceiverGuard};
use super::request::Request;
use super::step::{Later, Step, Written};
use crate::server::refs::references::MethodScope;
use crate::server::session::ServerSession;
use crate::server::state::cancellation::Cancellation;
use crate::server::state::panics::{self, Panic};
use crate::store::{Cell, Poisoned};
use bytes::Bytes;
use site::{Attempt, CallSite, OwnedSite};
use std::sync::Arc;
use tarmem_remote::describe::{ExclusiveAsyncMethod, ExclusiveMethod, Invoke, Method, SharedAsyncMethod, SharedMethod};
use tarmem_remote::dispatch::{Arguments, DispatchError, Encoding, Output};
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::operation::{MethodRef, Reply, Target};
use tarmem_remote::value::with_scope;
use waiting::Waiters;

impl Engine {
    /// Calls a method. If the method is not async and nobody else is using the object, it runs at once on this thread.
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
    #[inline(always)]
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
            load: None,
        };
        let call = MethodCall { method, encoding, limit: request.result_bytes };
        let poisoned = |poisoned: Poisoned| poisoned.of(label(target));
        if matches!(method.invoke, Invoke::Exclusive(_) | Invoke::ExclusiveAsync(_)) || !cell.class().entry().encodable
        {
            self.state.check_room(args.len())?;
        }
        let offload = method.blocking || request.elsewhere;
        let looks = Looks::default();
        // The locks of a large object. They are not released, so that the call keeps its place.
        let mut held = None;
        match method.invoke {
            Invoke::Shared(invoke) if !offload => {
                if let Some(guard) = cell.try_read() {
                    let (guard, begin) = (guard.map_err(poisoned)?, out.len());
                    if call.is_large(&cell, &*guard, args) {
                        held = Some(CallGuards {
                            receiver: ReceiverGuard::Shared(guard.into_owned(), invoke),
                            others: Vec::new(),
                        });
                    } else {
                        let written = call.shared(invoke, &*guard, &site, &looks, args, out);
                        self.state.store.saw(&cell);
                        if is_over(&written, &looks) {
                            return written.map(Step::from);
                        }
                        out.truncate(begin);
                    }
                }
            }
            Invoke::Exclusive(invoke) if !offload => {
                if let Some(guard) = cell.try_write() {
                    let (mut guard, begin) = (guard.map_err(poisoned)?, out.len());
                    if call.is_large(&cell, &*guard, args) {
                        held = Some(CallGuards {
                            receiver: ReceiverGuard::Exclusive(guard.into_owned(), invoke),
                            others: Vec::new(),
                        });
                    } else {
                        self.state.store.before_change(&cell, &*guard);
                        let written = call.exclusive(invoke, &mut *guard, &site, &looks, args, out, true);
                        self.state.store.saw(&cell);
                        if is_over(&written, &looks) {
                            return written.map(Step::from);
                        }
                        out.truncate(begin);
                    }
                }
            }
            _ => {}
        }
        self.call_later(request, (target, &cell), call, offload, looks, held, args)
    }

    /// Continues a call that is async, blocking or large, or has to wait.
    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn call_later(
        self: &Arc<Self>,
        request: &Request<'_>,
        (target, cell): (Target<'_>, &Cell),
        call: MethodCall,
        offload: bool,
        looks: Looks,
        held: Option<SyncGuards>,
        args: &[u8],
    ) -> Result<Step, Box<Error>> {
        let how = How::of(call.method.invoke);
        let mut asked = Asked::default();
        looks.ask(&mut asked, [cell], request.holding)?;
        let exclusive = how.is_exclusive();
        request.may_want(cell, exclusive, || label(target))?;
        let target = label(target);
        let (cell, args) = (cell.clone(), Bytes::copy_from_slice(args));
        let session = Arc::clone(request.session);
        let is_async = matches!(how, How::Async(_));
        let may_wait = call.method.blocking || is_async;
        let context = if may_wait {
            let holding = HeldByCaller::new(&cell, exclusive, request.holding);
            request.context_of(Arc::new(LocalCaller::holding(self, request, holding)))
        } else {
            request.context.clone()
        };
        let mut later = Later::new(std::future::pending());
        let cancellation = Arc::clone(&later.cancellation);
        let (runtime, holding) = (self.state.runtime.clone(), request.holding.cloned());
        let mut waiters = (is_async && large_calls::has_large(&args)).then(|| Waiters::of(request, &mut later));
        later.run = Box::pin(async move {
            let run = async {
                let access = match how {
                    How::Sync(access) => {
                        let site = OwnedSite { context, session, cell, holding, load: None };
                        let begun = Begun { offload, asked, held };
                        return call.patiently(access, &runtime, site, &cancellation, begun, args, &target).await;
                    }
                    How::Async(access) => access,
                };
                if let Some(waiters) = waiters.take() {
                    let site = OwnedSite { context, session, cell, holding, load: None };
                    return call.see_through(access, site, &cancellation, waiters, args, &target).await;
                }
                let site = CallSite {
                    context: &context,
                    scope: MethodScope { session: &session, sequence: context.sequence(), of: &cell },
                    load: None,
                };
                let held = alone_with_room(&session, &cell, access, &asked, &target).await?;
                if exclusive && !cancellation.begin() {
                    return Err(Error::Cancelled);
                }
                call.run_async(held.receiver, &site, &args).await
            };
            run.await.into()
        });
        Ok(Step::Later(later))
    }
}

/// How a method that is not async takes its object.
type SyncAccess = Access<SharedMethod, ExclusiveMethod>;

/// How an async method takes its object.
type AsyncAccess = Access<SharedAsyncMethod, ExclusiveAsyncMethod>;

/// The locks that a call of a method that is not async holds.
type SyncGuards = CallGuards<SharedMethod, ExclusiveMethod>;

/// How a method is run.
#[derive(Clone, Copy)]
enum How {
    Sync(SyncAccess),
    Async(AsyncAccess),
}

impl How {
    fn of(invoke: Invoke) -> Self {
        match invoke {
            Invoke::Shared(invoke) => How::Sync(Access::Shared(invoke)),
            Invoke::Exclusive(invoke) => How::Sync(Access::Exclusive(invoke)),
            Invoke::SharedAsync(invoke) => How::Async(Access::Shared(invoke)),
            Invoke::ExclusiveAsync(invoke) => How::Async(Access::Exclusive(invoke)),
        }
    }

    fn is_exclusive(&self) -> bool {
        match self {
            How::Sync(access) => access.is_exclusive(),
            How::Async(access) => access.is_exclusive(),
        }
    }
}

/// Whether this is the result of the call. It is not if the method could not look into an object that others use,
/// unless the method panicked: then it is not run again.
#[inline]
fn is_over<T>(result: &Result<T, Box<Error>>, looks: &Looks) -> bool {
    !looks.are_incomplete() || result.as_ref().is_err_and(|error| matches!(**error, Error::Panicked { .. }))
}

/// Locks the objects once there is room for the result: many calls may have waited for the object while there still was
/// room. A call that waits for room does not make others wait for the object, nor the other way round; and no call
/// overtakes another.
async fn roomy<S: Copy, E: Copy>(
    session: &ServerSession,
    cell: &Cell,
    access: Access<S, E>,
    asked: &Asked,
    target: &str,
) -> Result<CallGuards<S, E>, Error> {
    loop {
        let held = asked.hold(cell, access, target).await?;
        if session.has_room_at_once() {
            return Ok(held);
        }
        drop(held);
        let _turn = session.room().await;
        if let Some(held) = asked.try_hold(cell, access, target) {
            return held;
        }
    }
}

/// Locks the objects. A call that has its object exclusively also waits for room for the result.
async fn alone_with_room<S: Copy, E: Copy>(
    session: &ServerSession,
    cell: &Cell,
    access: Access<S, E>,
    asked: &Asked,
    target: &str,
) -> Result<CallGuards<S, E>, Error> {
    match access.is_exclusive() {
        true => roomy(session, cell, access, asked, target).await,
        false => asked.hold(cell, access, target).await,
    }
}

/// How much of a call of a method that is not async was done at once.
struct Begun {
    /// It has to leave the connection's thread.
    offload: bool,
    /// The objects that it tried to look into and could not.
    asked: Asked,
    /// The locks that it already holds.
    held: Option<SyncGuards>,
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
        invoke: SharedMethod,
        object: &dyn Object,
        site: &CallSite<'_>,
        looks: &Looks,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Written, Box<Error>> {
        let own = [Own::shared(site.scope.of, object)];
        let scope = site.looking(looks, &own, self.method.place);
        self.run(site, scope, args, out, |args, out| invoke(object, site.context, args, out))
    }

    /// `notes`: the store is told at once that the object has changed.
    #[allow(clippy::too_many_arguments)]
    fn exclusive(
        self,
        invoke: ExclusiveMethod,
        object: &mut dyn Object,
        site: &CallSite<'_>,
        looks: &Looks,
        args: &[u8],
        out: &mut Vec<u8>,
        notes: bool,
    ) -> Result<Written, Box<Error>> {
        let own = [Own::exclusive(site.scope.of, object)];
        let scope = site.looking(looks, &own, self.method.place);
        let begin = out.len();
        let result = self.run(site, scope, args, out, |args, out| invoke(object, site.context, args, out));
        if result.as_ref().is_err_and(|error| matches!(**error, Error::Panicked { .. })) {
            site.scope.of.poison();
        }
        if notes {
            self.note_change(object, site, looks, &result, args, || &out[begin..]);
        }
        result
    }

    /// An error is boxed on its way to the reply: a result is as large as the error that it may hold, and is passed
    /// through five functions, whatever it holds. That was a tenth of the service's time for a call.
    fn run(
        self,
        site: &CallSite<'_>,
        scope: LookingScope<'_>,
        args: &[u8],
        out: &mut Vec<u8>,
        invoke: impl FnOnce(&mut Arguments<'_>, &mut Output<'_>) -> Result<(), DispatchError>,
    ) -> Result<Written, Box<Error>> {
        let mut output = Output::new(self.encoding, out, self.limit);
        let result = panics::catch(|| {
            with_scope(&scope, || match (self.encoding, site.load) {
                (Encoding::Typed, None) => invoke(&mut Arguments::typed(args), &mut output),
                (Encoding::Dynamic, None) => invoke(&mut self.arguments(args)?, &mut output),
                (_, Some(load)) => {
                    Load::decoding(Some(load), || invoke(&mut self.arguments(args)?.then(load), &mut output))
                }
            })
        });
        match result {
            Ok(Ok(())) => Ok(Written::to(output)),
            Ok(Err(error)) => Err(self.error(error).into()),
            Err(panic) => Err(self.panicked(site, panic).into()),
        }
    }

    /// Whether it should leave the connection's thread, since it would look at too much.
    #[inline]
    fn is_large(self, cell: &Cell, object: &dyn Object, args: &[u8]) -> bool {
        self.method.scales && (large_calls::has_large(args) || large_calls::is_large(cell, object))
    }

    /// Runs a method that is not async once its object, and the objects that it asked for, are locked; and again each
    /// time it asks for more. Runs on another thread if it has to leave this one, or looks at much.
    #[allow(clippy::too_many_arguments)]
    async fn patiently(
        self,
        access: SyncAccess,
        runtime: &tokio::runtime::Handle,
        mut site: OwnedSite,
        cancellation: &Arc<Cancellation>,
        begun: Begun,
        args: Bytes,
        target: &str,
    ) -> Result<Reply, Error> {
        let Begun { offload, mut asked, mut held } = begun;
        let exclusive = access.is_exclusive();
        // A call that only must not hold its caller's thread waits for its object alone: so it does not fall behind the
        // calls that its caller makes after it.
        let place = if self.method.blocking { site.session.off_thread().await } else { None };
        if self.method.blocking {
            site.load = Load::of(&site.session, args.len()).await?;
        }
        let (site, place) = (Arc::new(site), Arc::new(place));
        loop {
            let held = match held.take() {
                Some(held) => held,
                None if offload => asked.hold(&site.cell, access, target).await?,
                None => roomy(&site.session, &site.cell, access, &asked, target).await?,
            };
            // A call that is here because of its size takes as much memory as it has decoded, so it takes a turn, too.
            let large = match offload {
                true => !self.method.blocking && large_calls::has_large(&args),
                false => asked.are_large() || self.is_large(&site.cell, held.receiver.object(), &args),
            };
            let turn = if large { Some(large_calls::turn(&site.session, true).await?) } else { None };
            if let Some(load) = &site.load {
                load.turn(true).await?;
            }
            // From here on it cannot be stopped. If it ends after its deadline, it is undone.
            let elsewhere = offload || large;
            let begins = exclusive || elsewhere;
            if begins && !cancellation.begin() {
                return Err(Error::Cancelled);
            }
            let run = {
                let (site, place, args) = (Arc::clone(&site), Arc::clone(&place), args.clone());
                let cancellation = Arc::clone(cancellation);
                move || {
                    let has_turn = turn.is_some();
                    let _kept = (place, turn);
                    let attempt = || self.attempt(held, &site, asked, elsewhere, &args);
                    if elsewhere { cancellation.over(|| large_calls::in_turn(has_turn, attempt)) } else { attempt() }
                }
            };
            let attempt = if elsewhere {
                panics::joined(runtime.spawn_blocking(run).await, || self.method.full_name())?
            } else {
                run()?
            };
            asked = match attempt {
                Attempt::Over(reply) => return Ok(reply),
                Attempt::Asks(asked) => asked,
            };
            if begins && !cancellation.put_back() {
                return Err(Error::Cancelled);
            }
        }
    }

    /// `elsewhere`: it is not on a connection's thread.
    fn attempt(
        self,
        held: SyncGuards,
        site: &OwnedSite,
        asked: Asked,
        elsewhere: bool,
        args: &[u8],
    ) -> Result<Attempt, Error> {
        let (looks, mut body) = (Looks::holding(held.others, elsewhere), Vec::new());
        let written = match held.receiver {
            ReceiverGuard::Shared(object, invoke) => {
                let entered = object.class().entry().resident().and_then(|_| site.session.state().enter());
                let written = self.shared(invoke, &*object, &site.as_site(), &looks, args, &mut body);
                if entered.is_some() && is_over(&written, &looks) {
                    let reply = written.map(|written| written.into_reply(body)).map_err(|error| *error);
                    site.session.note_outcome(site.context.sequence(), &reply);
                    return reply.map(Attempt::Over);
                }
                written
            }
            ReceiverGuard::Exclusive(mut object, invoke) => {
                let state = site.session.state();
                state.store.before_long_use(&site.cell, &*object);
                let written = self.exclusive(invoke, &mut *object, &site.as_site(), &looks, args, &mut body, false);
                // The change and its outcome are in one batch, and the object is not free before.
                let _entered = state.enter();
                self.note_change(&*object, &site.as_site(), &looks, &written, args, || &body);
                if !is_over(&written, &looks) {
                    drop(object);
                    return Self::ask(looks, asked, site);
                }
                let reply = written.map(|written| written.into_reply(body)).map_err(|error| *error);
                site.session.note_outcome(site.context.sequence(), &reply);
                return reply.map(Attempt::Over);
            }
        };
        if !is_over(&written, &looks) {
            return Self::ask(looks, asked, site);
        }
        Ok(Attempt::Over(written.map_err(|error| *error)?.into_reply(body)))
    }

    /// Asks for what the method could not look into.
    fn ask(looks: Looks, mut asked: Asked, site: &OwnedSite) -> Result<Attempt, Error> {
        looks.ask(&mut asked, [&site.cell], site.holding.as_ref())?;
        Ok(Attempt::Asks(asked))
    }

    fn arguments(self, args: &[u8]) -> Result<Arguments<'_>, DispatchError> {
        Arguments::new(self.encoding, args, self.method.params).map_err(DispatchError::arguments)
    }

    /// What the caller is told about the method's panic.
    #[cold]
    fn panicked(self, site: &CallSite<'_>, panic: Panic) -> Error {
        panic.of_method(site.scope.of.class().entry().path, self.method, site.scope.session.id())
    }

    /// What the caller is told about an error of the dispatch function.
    #[cold]
    fn error(self, error: DispatchError) -> Error {
        self.method.error(error, self.encoding)
    }
}
