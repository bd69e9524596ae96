//! One call of a function or constructor: how it is run, and run again if it has to wait for an object that it looks
//! into; and what becomes of its result.

use super::held_by_caller::HeldByCaller;
use super::large_calls::Load;
use super::looking::{Asked, LookingScope, Looks};
use super::step::{Written, reply_with};
use crate::server::refs::references::SessionScope;
use crate::server::state::panics;
use crate::store::ReadGuard;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::sync::Arc;
use tarmem_remote::context::Context;
use tarmem_remote::describe::{AsyncFunction, Function, SyncFunction};
use tarmem_remote::dispatch::{Arguments, DispatchError, Encoding, Output, Produced};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::value::with_scope;
use uuid::Uuid;

/// A call of a function, and the scope that handles its references. `F` is the kind of its dispatch function.
pub(super) struct FunctionCall<F> {
    pub(super) scope: Arc<SessionScope>,
    pub(super) function: Function,
    pub(super) invoke: F,
    pub(super) context: Context,
    pub(super) encoding: Encoding,
    /// What the call on whose behalf this one is made holds.
    pub(super) holding: Option<Arc<HeldByCaller>>,
    /// The quota for large arguments, if the function may wait while it runs.
    pub(super) load: Option<Arc<Load>>,
}

/// How a function ended that may look into objects that it has references to.
pub(super) enum FunctionRun<T> {
    Over(T),
    /// It could not look into these objects, and has to run again once all of them are locked.
    Asks(Asked),
}

impl FunctionCall<SyncFunction> {
    /// Runs it with the objects locked that it asked for before. `elsewhere`: it is not on a connection's thread.
    pub(super) fn attempt(
        &self,
        args: &[u8],
        held: Vec<ReadGuard>,
        mut asked: Asked,
        elsewhere: bool,
    ) -> Result<FunctionRun<Produced>, Error> {
        let FunctionCall { scope, function, invoke, context, encoding, holding, load } = self;
        let looks = Looks::holding(held, elsewhere);
        let looking = LookingScope { scope: &**scope, looks: &looks, own: &[], code: function.place };
        let produced = panics::catch_in(function, context.session(), || {
            Load::decoding(load.as_deref(), || {
                with_scope(&looking, || invoke(context, &mut arguments(function, *encoding, args, load.as_deref())?))
            })
        })?;
        if looks.are_incomplete() {
            looks.ask(&mut asked, [], holding.as_ref())?;
            return Ok(FunctionRun::Asks(asked));
        }
        produced.map(FunctionRun::Over).map_err(|error| function.error(error, *encoding))
    }

    /// Runs it until it has everything that it asks for. Not called on a connection's thread.
    pub(super) async fn patiently(&self, args: &[u8], mut asked: Asked) -> Result<Produced, Error> {
        loop {
            let held = asked.hold_alone().await?;
            if let Some(load) = &self.load {
                load.turn(true).await?;
            }
            match self.attempt(args, held, asked, true)? {
                FunctionRun::Over(produced) => return Ok(produced),
                FunctionRun::Asks(more) => asked = more,
            }
        }
    }
}

impl FunctionCall<AsyncFunction> {
    /// Begins an async function.
    pub(super) fn start(&self, args: &[u8]) -> Result<BoxFuture<'static, Produced>, Error> {
        let FunctionCall { scope, function, invoke, context, encoding, load, .. } = self;
        let load = load.as_deref();
        let running = panics::catch_in(function, context.session(), || {
            Load::decoding(load, || {
                with_scope(&**scope, || invoke(context.clone(), &mut arguments(function, *encoding, args, load)?))
            })
        })?;
        running.map_err(|error| function.error(error, *encoding))
    }

    /// Begins an async function, unless it was already `begun`: once there is room for its large arguments. `holding`:
    /// others wait meanwhile.
    pub(super) async fn begin(
        mut self,
        begun: Option<BoxFuture<'static, Produced>>,
        args: &Bytes,
        holding: bool,
    ) -> Result<(Arc<Self>, BoxFuture<'static, Produced>), Error> {
        if let Some(running) = begun {
            return Ok((Arc::new(self), running));
        }
        self.load = Load::of(&self.scope.session, args.len()).await?;
        let call = Arc::new(self);
        let running = call.start_in_turn(args, holding).await?;
        Ok((call, running))
    }

    /// Like [`start`](Self::start), for arguments that may be large: these are decoded in turn, and not on a
    /// connection's thread.
    pub(super) async fn start_in_turn(
        self: &Arc<Self>,
        args: &Bytes,
        holding: bool,
    ) -> Result<BoxFuture<'static, Produced>, Error> {
        let Some(load) = &self.load else { return self.start(args) };
        load.turn(holding).await?;
        let (call, args) = (Arc::clone(self), args.clone());
        let starting = self.scope.session.state().runtime.spawn_blocking(move || call.start(&args));
        panics::joined(starting.await, || self.function.full_name())
    }

    /// Runs an async function to its end. It looks into objects before it waits for anything, and does not hold them
    /// longer.
    pub(super) async fn see_through(
        self: &Arc<Self>,
        session: Uuid,
        mut running: BoxFuture<'static, Produced>,
        args: &Bytes,
    ) -> Result<Produced, Error> {
        let mut asked = Asked::default();
        let mut looks = Looks::holding(Vec::new(), true);
        loop {
            let mut incomplete = None;
            let polled = std::future::poll_fn(|cx| {
                let poll = {
                    let looking =
                        LookingScope { scope: &*self.scope, looks: &looks, own: &[], code: self.function.place };
                    with_scope(&looking, || running.as_mut().poll(cx))
                };
                let seen = std::mem::take(&mut looks);
                if poll.is_ready() && seen.are_incomplete() {
                    incomplete = Some(seen);
                }
                poll
            });
            let produced = panics::catch_async_in(&self.function, session, polled).await?;
            let Some(incomplete) = incomplete else { return Ok(produced) };
            incomplete.ask(&mut asked, [], self.holding.as_ref())?;
            looks = Looks::holding(asked.hold_alone().await?, true);
            running = self.start_in_turn(args, true).await?;
        }
    }
}

/// `load` is told when the arguments are decoded.
pub(super) fn arguments<'a>(
    function: &Function,
    encoding: Encoding,
    args: &'a [u8],
    load: Option<&'a Load>,
) -> Result<Arguments<'a>, DispatchError> {
    let arguments = Arguments::new(encoding, args, function.params).map_err(DispatchError::arguments)?;
    Ok(match load {
        None => arguments,
        Some(load) => arguments.then(load),
    })
}

pub(super) fn write_produced(
    function: &Function,
    session: Uuid,
    produced: Produced,
    encoding: Encoding,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<Written, Error> {
    let mut output = Output::new(encoding, out, limit);
    let written = panics::catch_in(function, session, || match produced {
        // A copy of the object's value. To get the object itself, the caller would create it.
        Produced::Object(object) => output.returned(&*object as &dyn erased_serde::Serialize),
        Produced::Value(value) => output.returned(&*value),
        Produced::Raised(message, error) => output.raised(&message, &*error),
    })?;
    written.map_err(|error| function.error(error, encoding))?;
    Ok(Written::to(output))
}

pub(super) fn reply_produced(
    function: &Function,
    session: Uuid,
    produced: Produced,
    encoding: Encoding,
    limit: usize,
) -> Result<Reply, Error> {
    reply_with(|out| write_produced(function, session, produced, encoding, out, limit))
}
