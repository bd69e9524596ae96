//! A generator that is running, for as long as anybody wants its object.

use super::large_calls::{self, Load};
use super::request::Request;
use crate::server::state::cancellation::Cancellation;
use crate::server::state::panics;
use crate::store::{Cell, FlightError};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tarmem_remote::describe::Function;
use tarmem_remote::error::Error;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The outcome of a source.
pub(super) enum Evaluated {
    Ready(Result<Cell, FlightError>),
    Later(Evaluation),
}

/// What makes the object, as the error for a panic names it.
#[derive(Clone, Copy)]
pub(super) enum Maker {
    Function {
        module: &'static str,
        name: &'static str,
    },
    /// The object is decoded from a value that a client sent.
    Value,
}

impl Maker {
    pub(super) fn of(function: &Function) -> Self {
        Maker::Function { module: function.module, name: function.name }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Maker::Function { module, name } => write!(f, "{module}.{name}"),
            Maker::Value => f.write_str("the decoding of an object"),
        }
    }
}

/// A generator that is running, away from the connections' threads. Dropping this stops an async one.
pub(super) struct Evaluation {
    made_by: Maker,
    task: JoinHandle<Result<Cell, FlightError>>,
    /// Dropped when the object is no longer wanted: what has not begun by then never begins. `None` for a task that can
    /// be aborted.
    wanted: Option<oneshot::Sender<()>>,
    /// Stopped at the same time: a generator that has begun notices at its next step.
    cancellation: Arc<Cancellation>,
}

impl Drop for Evaluation {
    fn drop(&mut self) {
        self.cancellation.stop();
        if self.wanted.is_none() {
            self.task.abort();
        }
    }
}

impl Evaluation {
    /// A task that may be aborted at any time.
    pub(super) fn spawn(
        runtime: &tokio::runtime::Handle,
        made_by: Maker,
        run: impl Future<Output = Result<Cell, FlightError>> + Send + 'static,
    ) -> Self {
        let cancellation = Arc::<Cancellation>::default();
        let (mut run, seen) = (Box::pin(run), Arc::clone(&cancellation));
        let task = runtime.spawn(poll_fn(move |cx| seen.over(|| run.as_mut().poll(cx))));
        Evaluation { made_by, task, wanted: None, cancellation }
    }

    /// Runs `work` on a thread where it may block, once its session has a permit for that and, if `args` are large,
    /// room and a turn for them. `work` gets a receiver that is closed when the object is no longer wanted.
    pub(super) fn off_thread(
        request: &Request<'_>,
        runtime: &tokio::runtime::Handle,
        made_by: Maker,
        args: &[u8],
        work: impl FnOnce(oneshot::Receiver<()>, Option<Arc<Load>>) -> Result<Cell, FlightError> + Send + 'static,
    ) -> Self {
        let (wanted, mut unwanted) = oneshot::channel::<()>();
        let has_large = large_calls::has_large(args);
        let cancellation = Arc::<Cancellation>::default();
        let seen = Arc::clone(&cancellation);
        let task = match (!has_large).then(|| request.session.try_off_thread()).flatten() {
            Some(place) => runtime.spawn_blocking(move || {
                let _place = place;
                seen.over(|| work(unwanted, None))
            }),
            None => {
                let (session, blocking, bytes) = (Arc::clone(request.session), runtime.clone(), args.len());
                let begins = async move {
                    let place = session.off_thread().await;
                    let load = Load::of(&session, bytes).await?;
                    if let Some(load) = &load {
                        load.turn(false).await?;
                    }
                    Ok((place, load))
                };
                runtime.spawn(async move {
                    let (place, load) = tokio::select! {
                        begins = begins => begins.map_err(|error: Error| FlightError::from(error))?,
                        _ = &mut unwanted => return Err(Error::Cancelled.into()),
                    };
                    let task = blocking.spawn_blocking(move || {
                        let _place = place;
                        seen.over(|| work(unwanted, load))
                    });
                    panics::joined(task.await, || made_by.to_string())
                })
            }
        };
        Evaluation { made_by, task, wanted: Some(wanted), cancellation }
    }

    /// Says that the object is no longer wanted, stops an async generator, and waits until the generator has ended.
    pub(super) async fn stop(mut self) -> Result<Cell, FlightError> {
        self.cancellation.stop();
        match self.wanted.take() {
            // It is told and not aborted, since otherwise nobody would know when it has ended.
            Some(wanted) => {
                drop(wanted);
                let (unheard, _) = oneshot::channel();
                self.wanted = Some(unheard);
            }
            None => self.task.abort(),
        }
        self.await
    }
}

impl Future for Evaluation {
    type Output = Result<Cell, FlightError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let made_by = self.made_by;
        Pin::new(&mut self.task).poll(cx).map(|returned| panics::joined(returned, || made_by.to_string()))
    }
}
