//! One call of a function over objects: it runs once these are locked, and again each time it asks for more.

use super::holding::Holding;
use super::wants::Wants;
use crate::server::exec::function_call::{arguments, reply_produced};
use crate::server::exec::held_by_caller::HeldByCaller;
use crate::server::exec::large_calls::{self, Load};
use crate::server::exec::looking::{LookingScope, Looks};
use crate::server::exec::step::in_line;
use crate::server::refs::references::SessionScope;
use crate::server::state::cancellation::Cancellation;
use crate::server::state::panics;
use crate::store::{Cell, FlightError};
use bytes::Bytes;
use std::sync::Arc;
use tarmem_remote::context::Context;
use tarmem_remote::dispatch::{Encoding, Produced};
use tarmem_remote::error::Error;
use tarmem_remote::multi_object::{AsyncWork, OnObjects, SyncWork, Work};
use tarmem_remote::operation::Reply;
use tarmem_remote::value::with_scope;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A call whose objects are found, and not locked yet.
pub(super) struct ObjectsCall {
    pub(super) wants: Wants,
    pub(super) on: OnObjects,
    pub(super) encoding: Encoding,
    /// What the call on whose behalf this one is made holds.
    pub(super) holding: Option<Arc<HeldByCaller>>,
    /// The index in `wants` of each parameter's object.
    pub(super) places: Vec<usize>,
    pub(super) context: Context,
    pub(super) scope: Arc<SessionScope>,
    /// Whether there are object references in the arguments.
    pub(super) refers: bool,
    /// The quota for large arguments.
    pub(super) load: Option<Arc<Load>>,
}

/// How much of a call was done at once.
pub(super) struct Begun {
    /// It has to leave the connection's thread.
    pub(super) offload: bool,
    /// Its arguments are large.
    pub(super) has_large: bool,
    pub(super) held: Option<Holding>,
    /// The permit for a thread where it may block.
    pub(super) place: Option<OwnedSemaphorePermit>,
    /// Dropped when the call is queued, so that the calls behind it may begin.
    pub(super) behind: Option<oneshot::Sender<()>>,
}

/// How a function over objects ended that may look into what these refer to.
pub(super) enum ObjectsRun<T, F> {
    Over(T),
    /// It has to lock more, and nothing was done. Carries what was to be done with the result.
    Asks(Box<ObjectsCall>, F),
}

impl ObjectsCall {
    /// Does `work` once its objects are locked, and again each time it asks for more.
    pub(super) async fn patiently(
        self,
        mut work: Work,
        begun: Begun,
        cancellation: &Arc<Cancellation>,
        args: &Bytes,
        limit: usize,
    ) -> Result<Reply, Error> {
        let Begun { offload, has_large, mut held, place, mut behind } = begun;
        let (function, session, encoding) = (self.wants.function, self.wants.session, self.encoding);
        let runtime = self.scope.session.state().runtime.clone();
        let (caller, sequence) = (Arc::clone(&self.scope.session), self.scope.sequence);
        let finish = move |produced| {
            let reply = reply_produced(&function, session, produced, encoding, limit);
            caller.note_outcome(sequence, &reply);
            reply
        };
        let (mut call, place) = (self, Arc::new(place));
        loop {
            let holding = match held.take() {
                Some(holding) => holding,
                None => in_line(call.wants.hold(), &mut behind).await?,
            };
            // A function that changes nothing may be dropped at any time.
            let begins = call.wants.is_exclusive();
            let sync = match work {
                Work::Sync(work) => work,
                Work::Async(_) if begins && !cancellation.begin() => return Err(Error::Cancelled),
                Work::Async(work) => return call.run_async(work, holding, finish).await,
            };
            let large = !offload && (has_large || call.wants.are_large(&holding));
            let turn = if large { Some(large_calls::turn(&call.scope.session, true).await?) } else { None };
            if begins && !cancellation.begin() {
                return Err(Error::Cancelled);
            }
            let ran = if offload || large {
                let (place, cancellation) = (Arc::clone(&place), Arc::clone(cancellation));
                let function = call.wants.function;
                let finish = finish.clone();
                let task = runtime.spawn_blocking(move || {
                    let has_turn = turn.is_some();
                    let _kept = (place, turn);
                    cancellation.over(|| large_calls::in_turn(has_turn, || call.run(sync, holding, true, finish)))
                });
                panics::joined(task.await, || function.full_name())
            } else {
                call.run(sync, holding, false, finish.clone())
            };
            (call, work) = match ran? {
                ObjectsRun::Over(reply) => return Ok(reply),
                ObjectsRun::Asks(call, _) => call.again_in_turn(args).await?,
            };
            if begins && !cancellation.put_back() {
                return Err(Error::Cancelled);
            }
        }
    }

    /// Does the `work` of a generator until it has everything that it asks for, on a thread where it may block. If the
    /// object is no longer wanted, the generator stops waiting; if it has begun and is not async, it runs to its end.
    pub(super) fn while_wanted<F: FnOnce(Produced) -> Result<Cell, FlightError>>(
        self,
        mut work: Work,
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
            let sync = match work {
                Work::Sync(work) => work,
                Work::Async(work) => {
                    return runtime.block_on(async {
                        tokio::select! {
                            cell = call.run_async(work, holding, place) => cell,
                            _ = unwanted => Err(Error::Cancelled.into()),
                        }
                    });
                }
            };
            match call.run(sync, holding, true, place)? {
                ObjectsRun::Over(cell) => return Ok(cell),
                ObjectsRun::Asks(asks, again) => {
                    (call, work) = runtime.block_on(asks.again_in_turn(args))?;
                    place = again;
                }
            }
        }
    }

    /// Runs a function that is not async, and passes its result to `finish`. The changes of the objects are kept only
    /// if that succeeds, too: an error means that nothing changed. `elsewhere`: it is not on a connection's thread.
    pub(super) fn run<T, E: From<Error>, F: FnOnce(Produced) -> Result<T, E>>(
        mut self,
        work: SyncWork,
        mut holding: Holding,
        elsewhere: bool,
        finish: F,
    ) -> Result<ObjectsRun<T, F>, E> {
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
            return Ok(ObjectsRun::Asks(Box::new(self), finish));
        }
        wants.settle(holding, produced, *refers, Arc::clone(scope), finish).map(ObjectsRun::Over)
    }

    /// The call with its work made anew, after an attempt that did nothing.
    pub(super) fn again(self, args: &[u8]) -> Result<(Self, Work), Error> {
        let (function, load) = (self.wants.function, self.load.as_deref());
        let prepared = panics::catch_in(&function, self.wants.session, || {
            Load::decoding(load, || {
                with_scope(&*self.scope, || (self.on.prepare)(&mut arguments(&function, self.encoding, args, load)?))
            })
        });
        let prepared = prepared?.map_err(|error| function.error(error, self.encoding))?;
        Ok((self, prepared.work))
    }

    /// Like [`again`](Self::again), for arguments that may be large.
    async fn again_in_turn(self, args: &Bytes) -> Result<(Self, Work), Error> {
        let Some(load) = &self.load else { return self.again(args) };
        // It holds nothing now.
        load.turn(false).await?;
        let (runtime, args) = (self.scope.session.state().runtime.clone(), args.clone());
        let function = self.wants.function;
        panics::joined(runtime.spawn_blocking(move || self.again(&args)).await, || function.full_name())
    }

    /// Like [`run`](Self::run), for an `async fn`. If it is dropped half way, the objects are restored.
    pub(super) async fn run_async<T, E: From<Error>>(
        self,
        work: AsyncWork,
        mut holding: Holding,
        finish: impl FnOnce(Produced) -> Result<T, E>,
    ) -> Result<T, E> {
        let ObjectsCall { wants, places, context, scope, refers, .. } = self;
        let produced = {
            let (objects, _) = holding.objects(&wants.objects, wants.params, &places);
            let running =
                panics::catch_in(&wants.function, wants.session, || with_scope(&*scope, || work(objects, &context)));
            match running {
                Ok(running) => panics::catch_async_in(&wants.function, wants.session, running).await,
                Err(panicked) => Err(panicked),
            }
        };
        wants.settle(holding, produced, refers, scope, finish)
    }
}
