//! Async methods, which may wait while they run: how long their arguments are charged, and where these are decoded.

use super::site::{CallSite, OwnedSite};
use super::{AsyncAccess, MethodCall, alone_with_room};
use crate::server::exec::large_calls::Load;
use crate::server::exec::looking::{Asked, ReceiverGuard};
use crate::server::exec::request::Request;
use crate::server::exec::step::{Later, Written, reply_with};
use crate::server::state::cancellation::Cancellation;
use crate::server::state::panics::{self, Panic};
use bytes::Bytes;
use futures::FutureExt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use tarmem_remote::describe::{ExclusiveAsyncMethod, SharedAsyncMethod};
use tarmem_remote::dispatch::{Arguments, DispatchError, Finish, Output};
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::operation::Reply;
use tarmem_remote::value::with_scope;
use tokio::sync::oneshot;

/// Who waits for a call with large arguments.
pub(super) struct Waiters {
    /// The calls after it on its connection, until this is dropped.
    behind: Option<oneshot::Sender<()>>,
    /// Its caller within the process, which is on this thread and waits for this call alone.
    caller: Option<ThreadId>,
}

impl Waiters {
    pub(super) fn of(request: &Request<'_>, later: &mut Later) -> Self {
        if request.is_local() {
            Waiters { behind: None, caller: Some(thread::current().id()) }
        } else {
            Waiters { behind: Some(later.goes_ahead()), caller: None }
        }
    }
}

impl MethodCall {
    /// Runs a method with large arguments. They have room from before the object is locked until the method ends. In
    /// its turn, away from the connection's thread, the call decodes them and runs the method until it waits for the
    /// first time. The calls behind it begin once it is queued for its object, or that is done.
    pub(super) async fn see_through(
        self,
        access: AsyncAccess,
        mut site: OwnedSite,
        cancellation: &Cancellation,
        mut waiters: Waiters,
        args: Bytes,
        target: &str,
    ) -> Result<Reply, Error> {
        let exclusive = access.is_exclusive();
        site.load = Load::of(&site.session, args.len()).await?;
        let held = {
            let asked = Asked::default();
            let mut holding = pin!(alone_with_room(&site.session, &site.cell, access, &asked, target));
            let held = futures::poll!(holding.as_mut());
            if exclusive || held.is_pending() {
                waiters.behind.take();
            }
            match held {
                Poll::Ready(held) => held?,
                Poll::Pending => holding.await?,
            }
        };
        if let Some(load) = &site.load {
            load.turn(true).await?;
        }
        let is_here = waiters.caller == Some(thread::current().id());
        if (exclusive || !is_here) && !cancellation.begin() {
            return Err(Error::Cancelled);
        }
        let runtime = site.session.state().runtime.clone();
        // If the object changes by itself, what it changes at once and the call's outcome are in one batch.
        let by_itself = site.cell.class().entry().resident().filter(|_| !exclusive).map(|_| Arc::clone(&site.session));
        let sequence = site.context.sequence();
        let mut running = async move { self.run_async(held.receiver, &site.as_site(), &args).await }.boxed();
        if is_here {
            return running.await;
        }
        let waker = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
        let beginning = runtime.spawn_blocking(move || {
            let entered = by_itself.as_ref().and_then(|session| session.state().enter());
            let first = running.as_mut().poll(&mut Context::from_waker(&waker));
            if let (Some(_), Some(session), Poll::Ready(reply)) = (&entered, &by_itself, &first) {
                session.note_outcome(sequence, reply);
            }
            Ok::<_, Error>((first, running))
        });
        let (first, rest) = panics::joined(beginning.await, || self.method.full_name())?;
        drop(waiters);
        match first {
            Poll::Ready(reply) => reply,
            // A call that only waits may be stopped again.
            Poll::Pending if !exclusive && !cancellation.put_back() => Err(Error::Cancelled),
            Poll::Pending => rest.await,
        }
    }

    /// Runs it on its object, which is locked for it.
    pub(super) async fn run_async(
        self,
        receiver: ReceiverGuard<SharedAsyncMethod, ExclusiveAsyncMethod>,
        site: &CallSite<'_>,
        args: &[u8],
    ) -> Result<Reply, Error> {
        match receiver {
            ReceiverGuard::Shared(object, invoke) => self.shared_async(invoke, &*object, site, args).await,
            ReceiverGuard::Exclusive(mut object, invoke) => {
                self.exclusive_async(invoke, &mut *object, site, args).await
            }
        }
    }

    async fn shared_async(
        self,
        invoke: SharedAsyncMethod,
        object: &dyn Object,
        site: &CallSite<'_>,
        args: &[u8],
    ) -> Result<Reply, Error> {
        let begun = self.begun(site, args, |args| invoke(object, site.context, args))?;
        let finished = panics::catch_async(begun).await;
        self.finish(site, finished)
    }

    async fn exclusive_async(
        self,
        invoke: ExclusiveAsyncMethod,
        object: &mut dyn Object,
        site: &CallSite<'_>,
        args: &[u8],
    ) -> Result<Reply, Error> {
        site.scope.session.state().store.before_long_use(site.scope.of, object);
        let begun = self.begun(site, args, |args| invoke(object, site.context, args))?;
        let finished = panics::catch_async(begun).await;
        if finished.is_err() {
            site.scope.of.poison();
        }
        site.scope.session.state().store.changed(site.scope.of, object, || Some(site.by()), || None);
        self.finish(site, finished)
    }

    /// Encodes the result of an async method, if it did not panic.
    fn finish(self, site: &CallSite<'_>, finished: Result<Finish, Panic>) -> Result<Reply, Error> {
        let finish = finished.map_err(|panic| self.panicked(site, panic))?;
        reply_with(|out| {
            let mut output = Output::new(self.encoding, out, self.limit);
            let result = panics::catch(|| with_scope(&site.scope, || finish(&mut output)));
            let result = result.map_err(|panic| self.panicked(site, panic))?;
            result.map_err(|error| self.error(error))?;
            Ok(Written::to(output))
        })
    }

    /// Decodes the arguments for `begin`.
    fn begun<'a, T>(
        self,
        site: &'a CallSite<'_>,
        args: &'a [u8],
        begin: impl FnOnce(&mut Arguments<'a>) -> Result<T, DispatchError>,
    ) -> Result<T, Error> {
        let begun = panics::catch(|| {
            Load::decoding(site.load, || {
                with_scope(&site.scope, || {
                    let mut arguments = self.arguments(args)?;
                    if let Some(load) = site.load {
                        arguments = arguments.then(load);
                    }
                    begin(&mut arguments)
                })
            })
        });
        begun.map_err(|panic| self.panicked(site, panic))?.map_err(|error| self.error(error))
    }
}
