//! Functions over several objects: all of them are locked for the call, and restored if it fails.
//!
//! The objects are locked in the order of their ids, which is the same for every call. A call of a method waits only
//! for its own object or, if it looks into others, for all of them in this order: so calls cannot wait for one another
//! in a cycle. A function that calls its own service for an object that it holds waits for itself, until its deadline.
//!
//! - [`prepare`]: decodes the arguments and finds the objects. [`objects_call`]: one call, run once its objects are
//!   locked.
//! - [`wants`]: what a call has to lock, and how; [`holding`]: what it has locked.

mod holding;
mod objects_call;
mod prepare;
mod wants;

pub(super) use prepare::Site;

use super::engine::Engine;
use super::evaluation::{Evaluated, Evaluation, Maker};
use super::function_call::write_produced;
use super::large_calls::{self, Load};
use super::request::{OwnedRequest, Request};
use super::step::{Later, Step};
use crate::server::state::panics;
use bytes::Bytes;
use objects_call::{Begun, ObjectsRun};
use std::sync::Arc;
use tarmem_remote::error::Error;
use tarmem_remote::multi_object::Work;

impl Engine {
    /// Runs a function over objects for its result. If it is not async and nobody else is using the objects, it runs at
    /// once on this thread.
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
        let (mut call, mut work) = self.objects_call(request, site, args, None)?;
        // The locks of large objects. They are not released, so that the call keeps its place.
        let mut held = if offload || is_async(&work) { None } else { call.wants.try_hold().transpose()? };
        (held, work) = match (held, work) {
            (Some(holding), Work::Sync(work)) if !has_large && !call.wants.are_large(&holding) => {
                let finish = |produced| write_produced(&function, session, produced, encoding, out, limit);
                let again = match call.run(work, holding, false, finish)? {
                    ObjectsRun::Over(written) => return Ok(written.into()),
                    ObjectsRun::Asks(call, _) => call.again(args)?,
                };
                call = again.0;
                (None, again.1)
            }
            large => large,
        };
        let args = Bytes::copy_from_slice(args);
        let mut later = Later::new(std::future::pending());
        let cancellation = Arc::clone(&later.cancellation);
        let place = request.session.off_thread();
        later.run = Box::pin(async move {
            let run = async {
                let place = if offload && !is_async(&work) { place.await } else { None };
                let begun = Begun { offload, has_large, held, place, behind: None };
                call.patiently(work, begun, &cancellation, &args, limit).await
            };
            run.await.into()
        });
        Ok(Step::Later(later))
    }

    /// Runs a function over objects whose arguments are too large to be decoded on this thread. Its objects are known
    /// only after that, so the calls behind it wait until it is queued for them.
    fn run_large(self: &Arc<Self>, request: &Request<'_>, site: Site, args: &[u8]) -> Later {
        let (request, args) = (OwnedRequest::of(request), Bytes::copy_from_slice(args));
        let (engine, limit) = (Arc::clone(self), request.as_request().result_bytes);
        let mut later = Later::new(std::future::pending());
        let (cancellation, mut behind) = (Arc::clone(&later.cancellation), Some(later.goes_ahead()));
        later.run = Box::pin(async move {
            let run = async {
                // Before it takes any room: a call that has a permit may wait for room.
                let place = request.session.off_thread().await;
                let load = Load::of(&request.session, args.len()).await?;
                if let Some(load) = &load {
                    // The calls behind it wait for it.
                    load.turn(true).await?;
                }
                let (runtime, bytes, function) = (engine.state.runtime.clone(), args.clone(), site.function);
                let preparing =
                    runtime.spawn_blocking(move || engine.objects_call(&request.as_request(), site, &bytes, load));
                let (call, work) = panics::joined(preparing.await, || function.full_name())?;
                let place = place.filter(|_| !is_async(&work));
                let begun = Begun { offload: true, has_large: true, held: None, place, behind: behind.take() };
                call.patiently(work, begun, &cancellation, &args, limit).await
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
        let (mut call, work) = self.objects_call(request, site, args, None)?;
        let mut place = move |produced| engine.place(&function, session, produced, &name);
        let work = match work {
            Work::Async(work) => {
                let run = async move {
                    let holding = call.wants.hold().await?;
                    call.run_async(work, holding, place).await
                };
                return Ok(Evaluated::Later(Evaluation::spawn(&self.state.runtime, Maker::of(&function), run)));
            }
            Work::Sync(work) if function.inline => match call.wants.try_hold() {
                Some(holding) => match call.run(work, holding?, false, place) {
                    Ok(ObjectsRun::Over(cell)) => return Ok(Evaluated::Ready(Ok(cell))),
                    Ok(ObjectsRun::Asks(asks, again)) => {
                        place = again;
                        let again = asks.again(args)?;
                        call = again.0;
                        again.1
                    }
                    Err(error) => return Ok(Evaluated::Ready(Err(error))),
                },
                None => Work::Sync(work),
            },
            work => work,
        };
        let bytes = Bytes::copy_from_slice(args);
        let runtime = self.state.runtime.clone();
        let run = move |unwanted, _| call.while_wanted(work, &runtime, unwanted, &bytes, place);
        Ok(Evaluated::Later(Evaluation::off_thread(request, &self.state.runtime, Maker::of(&function), args, run)))
    }

    /// The same with large arguments, which are decoded away from this thread.
    fn evaluate_large(self: &Arc<Self>, request: &Request<'_>, site: Site, args: &[u8], name: Box<str>) -> Evaluation {
        let (owned, bytes, engine) = (OwnedRequest::of(request), Bytes::copy_from_slice(args), Arc::clone(self));
        let made_by = Maker::of(&site.function);
        let run = move |unwanted, load| {
            let (function, session, runtime) = (site.function, owned.session.id(), engine.state.runtime.clone());
            let (call, work) = engine.objects_call(&owned.as_request(), site, &bytes, load)?;
            let place = move |produced| engine.place(&function, session, produced, &name);
            call.while_wanted(work, &runtime, unwanted, &bytes, place)
        };
        Evaluation::off_thread(request, &self.state.runtime, made_by, args, run)
    }
}

fn is_async(work: &Work) -> bool {
    matches!(work, Work::Async(_))
}
