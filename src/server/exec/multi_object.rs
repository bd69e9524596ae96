//! Functions over several objects: all of them held for the call, and as they were before if it fails.
//!
//! The objects are locked in the order of their ids, which is the same for every call; a call of a method waits for its own
//! object alone or, if that looks into others, for all of them in this order: so there is no circle of calls that wait for one
//! another. A function that calls its own service for an object that it holds waits for itself, until its deadline.

mod holding;
mod wants;

use super::cancellation::Cancellation;
use super::checks::label;
use super::engine::Engine;
use super::evaluation::Evaluation;
use super::function_call::{arguments, named, reply_produced, write_produced};
use super::held_by_caller::HeldByCaller;
use super::large_calls::{self, Large, Load};
use super::local_caller::LocalCaller;
use super::looking::{Asked, LookingScope, Looks};
use super::panics;
use super::request::{OwnedRequest, Request};
use super::run_function::Evaluated;
use super::step::{Later, Step, in_line};
use crate::server::refs::references::SessionScope;
use crate::store::{Cell, FlightError};
use bytes::Bytes;
use holding::Holding;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::context::Context;
use tarmem_remote::describe::Function;
use tarmem_remote::dispatch::{Encoding, Produced};
use tarmem_remote::error::Error;
use tarmem_remote::multi_object::{ObjectArg, ObjectParam, OnObjects, PreparedCall, Work};
use tarmem_remote::operation::Reply;
use tarmem_remote::value::{ObjectRef, RefScope, with_scope};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use wants::{Wanted, Wants};

impl Engine {
    /// Runs a function over objects for its result. One that is not async, on objects that nobody else is using, runs here
    /// and now.
    pub(super) fn run_on_objects(
        self: &Arc<Self>,
        request: &Request<'_>,
        site: Site,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let (function, encoding, limit) = (site.function, site.encoding, request.result_bytes);
        let session = request.session.id();
        let offload = request.elsewhere || function.blocking || ((function.makes)().is_some() && !function.inline);
        let has_large = function.scales && large_calls::has_large(args);
        if request.elsewhere && large_calls::has_large(args) {
            return Ok(Step::Later(self.run_large(request, site, args)));
        }
        let mut call = self.objects_call(request, site, args, None)?;
        // Large objects, which are not let go: so it stays this call's turn.
        let mut held = None;
        if !offload
            && call.is_sync()
            && let Some(holding) = call.wants.try_hold()
        {
            let holding = holding?;
            if has_large || call.wants.are_large(&holding) {
                held = Some(holding);
            } else {
                let finish = |produced| write_produced(&function, session, produced, encoding, out, limit);
                call = match call.run(holding, false, finish)? {
                    Ran::Over(written) => return Ok(written.into()),
                    Ran::Asks(call, _) => call.again(args)?,
                };
            }
        }
        let args = Bytes::copy_from_slice(args);
        let mut later = Later::new(std::future::pending());
        let cancellation = Arc::clone(&later.cancellation);
        let place = request.session.off_thread();
        later.run = Box::pin(async move {
            let run = async {
                let place = if offload && call.is_sync() { place.await } else { None };
                let begun = Begun { offload, has_large, held, place, behind: None };
                call.patiently(begun, &cancellation, &args, limit).await
            };
            run.await.into()
        });
        Ok(Step::Later(later))
    }

    /// Runs a function over objects whose arguments are so large that they are not decoded on this thread. Which objects it is for
    /// is known only then, so what comes behind it waits until it is in line for them.
    fn run_large(self: &Arc<Self>, request: &Request<'_>, site: Site, args: &[u8]) -> Later {
        let (request, args) = (OwnedRequest::of(request), Bytes::copy_from_slice(args));
        let (engine, limit) = (Arc::clone(self), request.as_request().result_bytes);
        let mut later = Later::new(std::future::pending());
        let (cancellation, mut behind) = (Arc::clone(&later.cancellation), Some(later.goes_ahead()));
        later.run = Box::pin(async move {
            let run = async {
                // Before it takes any room: whoever has a place may wait for that.
                let place = request.session.off_thread().await;
                let load = Load::of(&request.session, args.len()).await?;
                if let Some(load) = &load {
                    // Others wait for it, those behind it.
                    load.turn(true).await?;
                }
                let (runtime, bytes) = (engine.runtime.clone(), args.clone());
                let preparing =
                    runtime.spawn_blocking(move || engine.objects_call(&request.as_request(), site, &bytes, load));
                let call = preparing.await.unwrap_or(Err(Error::Cancelled))?;
                let place = place.filter(|_| call.is_sync());
                let begun = Begun { offload: true, has_large: true, held: None, place, behind: behind.take() };
                call.patiently(begun, &cancellation, &args, limit).await
            };
            run.await.into()
        });
        later
    }

    /// Runs a generator over objects, for the key `name`.
    pub(super) fn evaluate_on_objects(
        self: &Arc<Self>,
        request: &Request<'_>,
        site: Site,
        args: &[u8],
        name: &str,
    ) -> Result<Evaluated, Error> {
        let (function, session) = (site.function, request.session.id());
        let engine = Arc::clone(self);
        let name: Box<str> = name.into();
        if large_calls::has_large(args) {
            return Ok(Evaluated::Later(self.evaluate_large(request, site, args, name)));
        }
        let mut call = self.objects_call(request, site, args, None)?;
        let mut place = move |produced| engine.place(&function, session, produced, &name);
        if !call.is_sync() {
            let run = async move {
                let holding = call.wants.hold().await?;
                call.run_async(holding, place).await
            };
            return Ok(Evaluated::Later(Evaluation::spawn(&self.runtime, run)));
        }
        if function.inline
            && let Some(holding) = call.wants.try_hold()
        {
            match call.run(holding?, false, place) {
                Ok(Ran::Over(cell)) => return Ok(Evaluated::Ready(Ok(cell))),
                Ok(Ran::Asks(asks, again)) => (call, place) = (asks.again(args)?, again),
                Err(error) => return Ok(Evaluated::Ready(Err(error))),
            }
        }
        let bytes = Bytes::copy_from_slice(args);
        let runtime = self.runtime.clone();
        let work = move |unwanted, _| call.while_wanted(&runtime, unwanted, &bytes, place);
        Ok(Evaluated::Later(Evaluation::off_thread(request, &self.runtime, args, work)))
    }

    /// The same with large arguments, which are decoded off this thread.
    fn evaluate_large(self: &Arc<Self>, request: &Request<'_>, site: Site, args: &[u8], name: Box<str>) -> Evaluation {
        let (owned, bytes, engine) = (OwnedRequest::of(request), Bytes::copy_from_slice(args), Arc::clone(self));
        let work = move |mut unwanted: oneshot::Receiver<()>, load| {
            let (function, session, runtime) = (site.function, owned.session.id(), engine.runtime.clone());
            let call = engine.objects_call(&owned.as_request(), site, &bytes, load)?;
            let place = move |produced| engine.place(&function, session, produced, &name);
            if call.is_sync() {
                return call.while_wanted(&runtime, unwanted, &bytes, place);
            }
            runtime.block_on(async {
                let run = async {
                    let holding = call.wants.hold().await?;
                    call.run_async(holding, place).await
                };
                tokio::select! {
                    cell = run => cell,
                    _ = &mut unwanted => Err(Error::Cancelled.into()),
                }
            })
        };
        Evaluation::off_thread(request, &self.runtime, args, work)
    }

    /// Decodes the arguments, and finds the objects.
    fn objects_call(
        &self,
        request: &Request<'_>,
        site: Site,
        args: &[u8],
        load: Option<Arc<Load>>,
    ) -> Result<ObjectsCall, Error> {
        let Site { function, on, encoding, context } = site;
        let scope = request.scope();
        let noticing = Arc::new(Noticing { scope: Arc::clone(&scope), noticed: AtomicBool::new(false) });
        let prepared = panics::catch_in(&function, request.session.id(), || {
            Load::decoding(load.as_deref(), || {
                with_scope(&*noticing, || (on.prepare)(&mut arguments(&function, encoding, args, load.as_deref())?))
            })
        });
        let prepared = prepared.and_then(|prepared| prepared).map_err(|error| {
            let is_dynamic = matches!((encoding, &error), (Encoding::Dynamic, Error::BadArguments { .. }));
            let told = on.params.iter().filter(|_| is_dynamic).find_map(|param| function.explain_argument(param, args));
            told.unwrap_or_else(|| named(&function, encoding, error))
        })?;
        let PreparedCall { objects, work } = prepared;
        let mut found = Vec::with_capacity(objects.len());
        for (index, (param, object)) in on.params.iter().zip(&objects).enumerate() {
            // Only now it is known which objects these are.
            request.authorize_target("run a function on", object.target())?;
            let cell = self.target(request, object.target())?.cell;
            let class = cell.class();
            if !class.fits(param.class) {
                if let Some(told) = function.explain_class(class.entry().path).filter(|_| encoding == Encoding::Dynamic)
                {
                    return Err(told);
                }
                return Err(Error::WrongClass {
                    target: format!("`{}`, {},", param.name, label(object.target())),
                    expected: param.class.to_owned(),
                    found: class.entry().path.to_owned(),
                });
            }
            request.may_want(&cell, param.exclusive, || label(object.target()))?;
            found.push(Wanted { cell, exclusive: param.exclusive, first: index });
        }
        // The one order in which everybody locks.
        found.sort_by_key(|wanted| wanted.cell.id());
        let mut wanted: Vec<Wanted> = Vec::with_capacity(found.len());
        let mut places = vec![0; found.len()];
        for next in found {
            match wanted.last() {
                Some(last) if last.cell.id() == next.cell.id() => {
                    if last.exclusive || next.exclusive {
                        let (one, other) = (last.first.min(next.first), last.first.max(next.first));
                        return Err(same_twice(&function, encoding, on.params, &objects, one, other));
                    }
                    places[next.first] = wanted.len() - 1;
                }
                _ => {
                    places[next.first] = wanted.len();
                    wanted.push(next);
                }
            }
        }
        let mut holding = None;
        for Wanted { cell, exclusive, .. } in &wanted {
            holding = Some(HeldByCaller::new(cell, *exclusive, holding.as_ref().or(request.holding)));
        }
        let context = match holding {
            Some(holding) => {
                request.context_of(Arc::new(LocalCaller::holding(request.session.engine(), request, holding)))
            }
            None => context,
        };
        let wants = Wants {
            function,
            encoding,
            session: request.session.id(),
            params: on.params,
            copies: !on.all_or_nothing,
            named: objects,
            objects: wanted,
            asked: Asked::default(),
        };
        let refers = noticing.noticed.load(Ordering::Relaxed);
        let (work, holding) = (Some(work), request.holding.cloned());
        Ok(ObjectsCall { wants, on, encoding, holding, places, work, context, scope, refers, load })
    }
}

/// A function over objects, who calls it, and how.
pub(super) struct Site {
    pub(super) function: Function,
    pub(super) on: OnObjects,
    pub(super) encoding: Encoding,
    pub(super) context: Context,
}

fn same_twice(
    function: &Function,
    encoding: Encoding,
    params: &[ObjectParam],
    objects: &[ObjectArg<'_>],
    one: usize,
    other: usize,
) -> Error {
    let target = |index: usize| label(objects[index].target());
    let object =
        if target(one) == target(other) { target(one) } else { format!("{} and {}", target(one), target(other)) };
    let (one, other) = (params[one].name, params[other].name);
    let reason = format!(
        "`{one}` and `{other}` are the same object ({object}), which a function cannot have twice if it changes it; pass \
         two objects"
    );
    Error::BadArguments { signature: function.called_as(encoding), reason }
}

/// A call whose objects are found, and not held yet.
struct ObjectsCall {
    wants: Wants,
    on: OnObjects,
    encoding: Encoding,
    /// What is held by the call that it is made for.
    holding: Option<Arc<HeldByCaller>>,
    /// Where in `wants` each parameter's object is.
    places: Vec<usize>,
    /// Until it is done.
    work: Option<Work>,
    context: Context,
    scope: Arc<SessionScope>,
    /// Whether there are object references in the arguments.
    refers: bool,
    /// For arguments that are large.
    load: Option<Arc<Load>>,
}

/// How far a call came at once.
struct Begun {
    /// It is to be off the connection's thread.
    offload: bool,
    /// It looks at much for its arguments.
    has_large: bool,
    held: Option<Holding>,
    /// Where it may block.
    place: Option<OwnedSemaphorePermit>,
    /// What comes behind it, until it is in line.
    behind: Option<oneshot::Sender<()>>,
}

/// Notices object references in the arguments.
struct Noticing {
    scope: Arc<SessionScope>,
    noticed: AtomicBool,
}

impl RefScope for Noticing {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.noticed.store(true, Ordering::Relaxed);
        self.scope.resolve(reference)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.scope.export(reference)
    }
}

/// How a function over objects ended that may look into what these refer to.
enum Ran<T, F> {
    Over(T),
    /// It has to hold more, and nothing was done. This is what was to be done with its result.
    Asks(Box<ObjectsCall>, F),
}

impl ObjectsCall {
    fn is_sync(&self) -> bool {
        matches!(self.work, Some(Work::Sync(_)))
    }

    /// Runs it once its objects are held, and anew as often as it asks for more.
    async fn patiently(
        self,
        begun: Begun,
        cancellation: &Arc<Cancellation>,
        args: &Bytes,
        limit: usize,
    ) -> Result<Reply, Error> {
        let Begun { offload, has_large, mut held, place, mut behind } = begun;
        let (function, session, encoding) = (self.wants.function, self.wants.session, self.encoding);
        let runtime = self.scope.session.engine().runtime.clone();
        let finish = move |produced| reply_produced(&function, session, produced, encoding, limit);
        let (mut call, place) = (self, Arc::new(place));
        loop {
            let holding = match held.take() {
                Some(holding) => holding,
                None => in_line(call.wants.hold(), &mut behind).await?,
            };
            let large = !offload && call.is_sync() && (has_large || call.wants.are_large(&holding));
            let turn = if large { Some(Large::turn(&call.scope.session, true).await?) } else { None };
            // What changes nothing may be dropped at any time.
            let begins = call.wants.is_exclusive();
            if begins && !cancellation.begin() {
                return Err(Error::Cancelled);
            }
            if !call.is_sync() {
                return call.run_async(holding, finish).await;
            }
            let ran = if offload || large {
                let (place, cancellation) = (Arc::clone(&place), Arc::clone(cancellation));
                let task = runtime.spawn_blocking(move || {
                    let has_turn = turn.is_some();
                    let _kept = (place, turn);
                    cancellation.over(|| large_calls::in_turn(has_turn, || call.run(holding, true, finish)))
                });
                task.await.unwrap_or(Err(Error::Cancelled))
            } else {
                call.run(holding, false, finish)
            };
            call = match ran? {
                Ran::Over(reply) => return Ok(reply),
                Ran::Asks(call, _) => call.again_in_turn(args).await?,
            };
            if begins && !cancellation.put_back() {
                return Err(Error::Cancelled);
            }
        }
    }

    /// Runs a generator that is not async until it has all that it asks for, on a thread where it may block. It lives as long as
    /// somebody wants the object: the wait ends with it, and what has begun runs to its end.
    fn while_wanted<F: FnOnce(Produced) -> Result<Cell, FlightError>>(
        self,
        runtime: &tokio::runtime::Handle,
        mut unwanted: oneshot::Receiver<()>,
        args: &Bytes,
        mut place: F,
    ) -> Result<Cell, FlightError> {
        let mut call = self;
        loop {
            let holding = match call.wants.try_hold() {
                Some(holding) => holding?,
                None => runtime.block_on(async {
                    tokio::select! {
                        holding = call.wants.hold() => holding,
                        _ = &mut unwanted => Err(Error::Cancelled),
                    }
                })?,
            };
            match call.run(holding, true, place)? {
                Ran::Over(cell) => return Ok(cell),
                Ran::Asks(asks, again) => {
                    (call, place) = (runtime.block_on(asks.again_in_turn(args))?, again);
                }
            }
        }
    }

    /// Runs a function that is not async, and gives what it produced to `finish`. Only if that works, too, are the objects
    /// left as they are now: an error means that nothing changed. `elsewhere`: on no connection's thread.
    fn run<T, E: From<Error>, F: FnOnce(Produced) -> Result<T, E>>(
        mut self,
        mut holding: Holding,
        elsewhere: bool,
        finish: F,
    ) -> Result<Ran<T, F>, E> {
        let Some(Work::Sync(work)) = self.work.take() else { return Err(Error::Cancelled.into()) };
        let looks = Looks::holding(std::mem::take(&mut holding.others), elsewhere);
        let ObjectsCall { wants, places, context, scope, refers, holding: outer, .. } = &mut self;
        let produced = panics::catch_in(&wants.function, wants.session, || {
            let (objects, own) = holding.objects(&wants.objects, wants.params, places);
            let scope = LookingScope { scope: &**scope, looks: &looks, own: &own, code: wants.function.place };
            with_scope(&scope, || work(objects, context))
        });
        if looks.are_incomplete() && produced.is_ok() {
            drop(holding);
            looks.ask(&mut wants.asked, wants.objects.iter().map(|wanted| &wanted.cell), outer.as_ref())?;
            return Ok(Ran::Asks(Box::new(self), finish));
        }
        wants.settle(holding, produced, *refers, Arc::clone(scope), finish).map(Ran::Over)
    }

    /// Its work anew, once it came to an end without having done any.
    fn again(mut self, args: &[u8]) -> Result<Self, Error> {
        let (function, load) = (self.wants.function, self.load.as_deref());
        let prepared = panics::catch_in(&function, self.wants.session, || {
            Load::decoding(load, || {
                with_scope(&*self.scope, || (self.on.prepare)(&mut arguments(&function, self.encoding, args, load)?))
            })
        });
        let prepared =
            prepared.and_then(|prepared| prepared).map_err(|error| named(&function, self.encoding, error))?;
        self.work = Some(prepared.work);
        Ok(self)
    }

    /// As [`again`](Self::again), for arguments that may be large.
    async fn again_in_turn(self, args: &Bytes) -> Result<Self, Error> {
        let Some(load) = &self.load else { return self.again(args) };
        // It holds nothing now.
        load.turn(false).await?;
        let (runtime, args) = (self.scope.session.engine().runtime.clone(), args.clone());
        runtime.spawn_blocking(move || self.again(&args)).await.unwrap_or(Err(Error::Cancelled))
    }

    /// As [`run`](Self::run), for an `async fn`. Dropped half way, it leaves the objects as they were.
    async fn run_async<T, E: From<Error>>(
        self,
        mut holding: Holding,
        finish: impl FnOnce(Produced) -> Result<T, E>,
    ) -> Result<T, E> {
        let ObjectsCall { wants, places, work, context, scope, refers, .. } = self;
        let Some(Work::Async(work)) = work else { return Err(Error::Cancelled.into()) };
        let produced = {
            let (objects, _) = holding.objects(&wants.objects, wants.params, &places);
            let running =
                panics::catch_in(&wants.function, wants.session, || with_scope(&*scope, || work(objects, &context)));
            match running {
                Ok(running) => panics::catch_async_in(&wants.function, wants.session, running).await,
                Err(error) => Err(error),
            }
        };
        wants.settle(holding, produced, refers, scope, finish)
    }
}
