//! From a source to an object, and from a function to its result.

use super::engine::Engine;
use super::evaluation::{Evaluated, Evaluation, Maker};
use super::function_call::{FunctionCall, FunctionRun, reply_produced, write_produced};
use super::large_calls::{self, Load};
use super::local_caller::LocalCaller;
use super::looking::Asked;
use super::multi_object::Site;
use super::new_object::OwnedValue;
use super::request::Request;
use super::step::{Later, Step, in_line};
use crate::server::state::panics;
use crate::store::{Flight, FlightError};
use bytes::Bytes;
use std::sync::Arc;
use tarmem_remote::describe::{Function, FunctionInvoke};
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{FunctionRef, SourceRef};
use tarmem_remote::value::with_scope;
use tokio::sync::oneshot;

impl Engine {
    /// Makes an object from `source`: for the flight `within`, if there is one, and for the key `name`, unless that is
    /// empty.
    pub(super) fn evaluate(
        self: &Arc<Self>,
        request: &Request<'_>,
        within: Option<&Arc<Flight>>,
        name: &str,
        source: SourceRef<'_>,
    ) -> Evaluated {
        match self.try_evaluate(request, within, name, source) {
            Ok(evaluated) => evaluated,
            Err(error) => Evaluated::Ready(Err(error.into())),
        }
    }

    fn try_evaluate(
        self: &Arc<Self>,
        request: &Request<'_>,
        within: Option<&Arc<Flight>>,
        name: &str,
        source: SourceRef<'_>,
    ) -> Result<Evaluated, Error> {
        if !matches!(source, SourceRef::Existing(_)) {
            self.state.check_room(usize::MAX)?;
        }
        let (function, encoding, args) = match source {
            SourceRef::Existing(target) => return Ok(Evaluated::Ready(Ok(self.target(request, target)?.cell))),
            SourceRef::Value { .. } | SourceRef::ValueByNames { .. } if request.elsewhere => {
                let (engine, scope) = (Arc::clone(self), request.scope());
                let (value, name) = (OwnedValue::of(source), Box::<str>::from(name));
                let (session, runtime) = (Arc::clone(request.session), self.state.runtime.clone());
                let run = async move {
                    let turn = large_calls::turn(&session, false).await?;
                    let decoding = runtime.spawn_blocking(move || {
                        let _turn = turn;
                        engine.decode_object(&scope, value.source(), &name).map_err(FlightError::from)
                    });
                    panics::joined(decoding.await, || Maker::Value.to_string())
                };
                return Ok(Evaluated::Later(Evaluation::spawn(&self.state.runtime, Maker::Value, run)));
            }
            SourceRef::Value { .. } | SourceRef::ValueByNames { .. } => {
                return Ok(Evaluated::Ready(Ok(self.decode_object(&request.scope(), source, name)?)));
            }
            SourceRef::Generator { function, encoding, args } => (self.function(function)?, encoding, args),
        };
        made_by(&function)?;
        let caller = LocalCaller::within(self, request, within);
        let context = request.context_of(Arc::new(caller));
        let engine = Arc::clone(self);
        let (scope, session, made_by) = (request.scope(), request.session.id(), Maker::of(&function));
        let holding = request.holding.cloned();
        Ok(match function.invoke {
            // Large arguments take time, whatever the function promises.
            FunctionInvoke::Sync(invoke) if function.inline && !large_calls::has_large(args) => {
                let call = FunctionCall { scope, function, invoke, context, encoding, holding, load: None };
                match call.attempt(args, Vec::new(), Asked::default(), false)? {
                    FunctionRun::Over(produced) => {
                        Evaluated::Ready(self.place_referring(&call.scope, &function, produced, name))
                    }
                    FunctionRun::Asks(asked) => {
                        let (args, name) = (Bytes::copy_from_slice(args), Box::<str>::from(name));
                        Evaluated::Later(Evaluation::spawn(&self.state.runtime, made_by, async move {
                            let produced = call.patiently(&args, asked).await?;
                            engine.place_referring(&call.scope, &function, produced, &name)
                        }))
                    }
                }
            }
            FunctionInvoke::Sync(invoke) => {
                let (bytes, name) = (Bytes::copy_from_slice(args), Box::<str>::from(name));
                let runtime = self.state.runtime.clone();
                let work = move |mut unwanted: oneshot::Receiver<()>, load| {
                    let (args, call) =
                        (bytes, FunctionCall { scope, function, invoke, context, encoding, holding, load });
                    if unwanted.try_recv() == Err(oneshot::error::TryRecvError::Closed) {
                        return Err(Error::Cancelled.into());
                    }
                    let produced = match call.attempt(&args, Vec::new(), Asked::default(), true)? {
                        FunctionRun::Over(produced) => produced,
                        FunctionRun::Asks(asked) => runtime.block_on(async {
                            tokio::select! {
                                produced = call.patiently(&args, asked) => produced,
                                _ = unwanted => Err(Error::Cancelled),
                            }
                        })?,
                    };
                    engine.place_referring(&call.scope, &function, produced, &name)
                };
                Evaluated::Later(Evaluation::off_thread(request, &self.state.runtime, made_by, args, work))
            }
            FunctionInvoke::Async(invoke) => {
                let call = FunctionCall {
                    scope: Arc::clone(&scope),
                    function,
                    invoke,
                    context,
                    encoding,
                    holding,
                    load: None,
                };
                let begun = (!large_calls::has_large(args)).then(|| call.start(args)).transpose()?;
                let (args, name) = (Bytes::copy_from_slice(args), Box::<str>::from(name));
                let run = async move {
                    let (call, running) = call.begin(begun, &args, false).await?;
                    let produced = call.see_through(session, running, &args).await?;
                    engine.place_referring(&scope, &function, produced, &name)
                };
                Evaluated::Later(Evaluation::spawn(&self.state.runtime, made_by, run))
            }
            FunctionInvoke::OnObjects(on) => {
                self.evaluate_on_objects(request, Site { function, on, encoding, context }, args, name)?
            }
        })
    }

    /// Runs a function for its result.
    pub(super) fn run(
        self: &Arc<Self>,
        request: &Request<'_>,
        function: FunctionRef<'_>,
        encoding: Encoding,
        args: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let function = self.function(function)?;
        let (limit, scope, session) = (request.result_bytes, request.scope(), request.session.id());
        let context = request.context_of(Arc::new(LocalCaller::within(self, request, request.within)));
        // As for sources: a function that makes an object may take long, unless it promises not to.
        let offload = request.elsewhere || function.blocking || ((function.makes)().is_some() && !function.inline);
        match function.invoke {
            FunctionInvoke::Sync(invoke) => {
                let has_large = function.scales && large_calls::has_large(args);
                // A generator, or a function that may block, takes as long as it takes, and has no turn.
                let may_wait = offload && (function.blocking || (function.makes)().is_some());
                let sent_large = offload && !may_wait && large_calls::has_large(args);
                let holding = request.holding.cloned();
                let mut call = FunctionCall { scope, function, invoke, context, encoding, holding, load: None };
                let mut asked = Asked::default();
                if !offload && !has_large {
                    match call.attempt(args, Vec::new(), asked, false)? {
                        FunctionRun::Over(produced) => {
                            return with_scope(&*call.scope, || {
                                write_produced(&function, session, produced, encoding, out, limit).map(Step::from)
                            });
                        }
                        FunctionRun::Asks(more) => asked = more,
                    }
                }
                let args = Bytes::copy_from_slice(args);
                let (place, runtime) = (request.session.off_thread(), self.state.runtime.clone());
                let mut later = Later::new(std::future::pending());
                let cancellation = Arc::clone(&later.cancellation);
                later.run = Box::pin(async move {
                    let place = if offload { place.await } else { None };
                    let result = async {
                        if may_wait {
                            call.load = Load::of(&call.scope.session, args.len()).await?;
                        }
                        let (call, place) = (Arc::new(call), Arc::new(place));
                        loop {
                            let held = asked.hold_alone().await?;
                            let large = sent_large || (!offload && (has_large || asked.are_large()));
                            let holding = !held.is_empty();
                            let turn =
                                if large { Some(large_calls::turn(&call.scope.session, holding).await?) } else { None };
                            if let Some(load) = &call.load {
                                load.turn(holding).await?;
                            }
                            let elsewhere = offload || large;
                            let (call, place, args) = (Arc::clone(&call), Arc::clone(&place), args.clone());
                            let cancellation = Arc::clone(&cancellation);
                            let run = move || {
                                let has_turn = turn.is_some();
                                let _kept = (place, turn);
                                let attempt = || call.attempt(&args, held, asked, elsewhere);
                                let ran = cancellation.over(|| large_calls::in_turn(has_turn, attempt))?;
                                Ok(match ran {
                                    FunctionRun::Over(produced) => FunctionRun::Over(with_scope(&*call.scope, || {
                                        let caller = &call.scope.session;
                                        // The handles in the result and the result are in one batch.
                                        let _entered = caller.state().enter();
                                        let reply = reply_produced(&function, session, produced, encoding, limit);
                                        caller.note_outcome(call.scope.sequence, &reply);
                                        reply
                                    })?),
                                    FunctionRun::Asks(asked) => FunctionRun::Asks(asked),
                                })
                            };
                            let ran: Result<_, Error> = if elsewhere {
                                panics::joined(runtime.spawn_blocking(run).await, || function.full_name())
                            } else {
                                run()
                            };
                            match ran? {
                                FunctionRun::Over(reply) => return Ok(reply),
                                FunctionRun::Asks(more) => asked = more,
                            }
                        }
                    };
                    result.await.into()
                });
                Ok(Step::Later(later))
            }
            FunctionInvoke::Async(invoke) => {
                let holding = request.holding.cloned();
                let call = FunctionCall {
                    scope: Arc::clone(&scope),
                    function,
                    invoke,
                    context,
                    encoding,
                    holding,
                    load: None,
                };
                let begun = (!large_calls::has_large(args)).then(|| call.start(args)).transpose()?;
                let args = Bytes::copy_from_slice(args);
                let mut later = Later::new(std::future::pending());
                // The calls behind it begin after it.
                let mut behind = begun.is_none().then(|| later.goes_ahead());
                later.run = Box::pin(async move {
                    let result = async {
                        let (call, running) = call.begin(begun, &args, true).await?;
                        let produced = in_line(call.see_through(session, running, &args), &mut behind).await?;
                        with_scope(&*scope, || reply_produced(&function, session, produced, encoding, limit))
                    };
                    result.await.into()
                });
                Ok(Step::Later(later))
            }
            FunctionInvoke::OnObjects(on) => {
                self.run_on_objects(request, Site { function, on, encoding, context }, args, out)
            }
        }
    }

    /// The class that the object under a key must have for a caller that would make it from `source`: the expected
    /// class or, for a generator by name, the class of the objects that it makes. The generator does not run.
    ///
    /// # Errors
    /// If there is no such generator.
    pub(super) fn expected<'a>(&self, source: SourceRef<'_>, expect: &'a str) -> Result<&'a str, Error> {
        match source {
            SourceRef::Generator { function: function @ FunctionRef::Name { .. }, .. } if expect.is_empty() => {
                made_by(&self.function(function)?)
            }
            _ => Ok(expect),
        }
    }

    fn function(&self, function: FunctionRef<'_>) -> Result<Function, Error> {
        match function {
            // The caller knows what the number stands for, and asks again by name.
            FunctionRef::Id(id) => (self.state.registry.function_by_id(id).copied())
                .ok_or_else(|| Error::SignatureUnknown { class: "the function".to_owned() }),
            FunctionRef::Name { module, name } => {
                self.check_name("module", module)?;
                self.check_name("function", name)?;
                self.state.registry.function(module, name).copied()
            }
        }
    }
}

/// The path of the class of the objects that a generator makes.
fn made_by(function: &Function) -> Result<&'static str, Error> {
    (function.makes)().ok_or_else(|| Error::NotAGenerator {
        function: function.full_name(),
        returns: if function.returns.is_empty() { "nothing".into() } else { function.returns.into() },
    })
}
