//! The client for code without an async runtime: the same proxies and the same calls, with [`Wait::wait`] instead of
//! `.await`.
//!
//! A blocking [`Session`] runs its connection on its own thread, so the connection stays alive between calls. Waiting
//! on a thread that runs async tasks panics, since it would block all of these tasks, perhaps those that carry the
//! call: use `.await` there, or wait within [`tokio::task::spawn_blocking`].
//!
//! ```
//! use tarmem::blocking::{self, Session, Wait};
//! use tarmem::{Service, args};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = blocking::start(Service::new("127.0.0.1", 0))?;
//! let session = Session::connect(service.address())?;
//! let builtins = session.remote_import("builtins").wait()?;
//! let list = session.memoize("numbers", builtins.function("list", args![[1, 2]])).wait()?;
//! list.call("append", args![3]).wait()?;
//! assert_eq!(list.call("__len__", args![]).wait()?, 3.into());
//! blocking::shutdown(service);
//! # Ok(())
//! # }
//! ```

mod operations;
#[cfg(feature = "server")]
mod service;

#[cfg(feature = "server")]
pub use service::{shutdown, start};

use crate::client::{SessionBuilder, SessionState};
use futures::stream::Stream;
use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use tarmem_remote::client_api::ClientApi;
use tarmem_remote::error::Error;
use tokio::runtime::{Builder, Handle};

/// Blocks the current thread until a future is done: a call, a proxy or an import.
///
/// ```
/// use tarmem::blocking::{self, Session, Wait};
/// use tarmem::modules::builtins::ListProxy;
/// use tarmem::{Proxy, Service};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = blocking::start(Service::new("127.0.0.1", 0))?;
/// let session = Session::connect(service.address())?;
/// let list = session.memoize("numbers", ListProxy::new(vec![1, 2])).wait()?;
/// assert_eq!(list.snapshot_as::<Vec<i64>>().wait()?, [1, 2]);
/// # blocking::shutdown(service);
/// # Ok(())
/// # }
/// ```
pub trait Wait: Future + Sized {
    /// Waits for the future, and returns its output. A future may itself call `wait` while it is polled.
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    fn wait(self) -> Self::Output {
        let mut future = pin!(self);
        block_on(|cx| future.as_mut().poll(cx))
    }
}

impl<F: Future> Wait for F {}

/// A thread that waits for a future. Its waker unparks the thread.
struct Waiter {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

thread_local! {
    /// The waiter of this thread, while it is not in use. A wait within a wait makes another one, so that it does not
    /// consume the wake-ups of the outer one.
    static WAITER: Cell<Option<Arc<Waiter>>> = const { Cell::new(None) };
}

/// Polls on this thread until `poll` is ready. No runtime is needed here: the session's thread does the work of calls.
fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    expect_idle_thread();
    let waiter = WAITER
        .take()
        .unwrap_or_else(|| Arc::new(Waiter { thread: std::thread::current(), is_woken: AtomicBool::new(false) }));
    // A wake-up that is left over was meant for an earlier wait.
    waiter.is_woken.store(false, Ordering::Relaxed);
    let waker = Waker::from(Arc::clone(&waiter));
    let mut cx = Context::from_waker(&waker);
    let done = loop {
        if let Poll::Ready(done) = poll(&mut cx) {
            break done;
        }
        while !waiter.is_woken.swap(false, Ordering::Acquire) {
            std::thread::park();
        }
    };
    WAITER.set(Some(waiter));
    done
}

/// Checks that this thread may block.
///
/// # Panics
/// If this thread runs async tasks.
fn expect_idle_thread() {
    let Ok(runtime) = Handle::try_current() else { return };
    // Only tokio knows whether this thread drives the runtime or may block (`spawn_blocking`, `block_in_place`). It
    // tells by a panic in `block_on`, which prints its own message, so `block_on` is tried only if the budget tells
    // nothing.
    if has_budget() || std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(std::future::ready(())))).is_err()
    {
        panic!(
            "a blocking wait on a thread that runs async tasks would block all of them, perhaps those that carry the \
             call; write .await instead of .wait(), or wait within tokio::task::spawn_blocking"
        );
    }
}

/// Whether this is called within an async task with a budget. tokio gives every task a budget, after which other tasks
/// get their turn, but none to threads that may block. (Tasks within `unconstrained` have none either, and are not
/// detected here.)
fn has_budget() -> bool {
    let mut unheard = Context::from_waker(Waker::noop());
    // No budget is larger than this. Using it up does no harm: the task is about to panic, or yields once.
    (0..=u8::MAX).any(|_| pin!(tokio::task::coop::consume_budget()).poll(&mut unheard).is_pending())
}

/// Iterates over a stream, such as the elements of a collection, and blocks the current thread for each item.
///
/// ```
/// use tarmem::blocking::WaitEach;
/// use tarmem::modules::builtins::ListProxy;
///
/// fn sum(list: &ListProxy) -> Result<i64, Box<dyn std::error::Error>> {
///     let mut sum = 0;
///     for item in list.iter::<i64>().wait_each() {
///         sum += item?;
///     }
///     Ok(sum)
/// }
/// ```
pub trait WaitEach: Stream + Unpin + Sized {
    /// Returns an iterator that waits for each item when `next` is called.
    ///
    /// # Panics
    /// `next` panics on a thread that runs async tasks of tokio.
    fn wait_each(mut self) -> impl Iterator<Item = Self::Item> {
        std::iter::from_fn(move || block_on(|cx| Pin::new(&mut self).poll_next(cx)))
    }
}

impl<S: Stream + Unpin> WaitEach for S {}

/// A session for code without an async runtime, with the same methods as the async [`Session`](crate::Session).
///
/// The session ends with [`close`](Self::close), or when its last clone and its last proxy have been dropped: a proxy
/// works without the `Session` that it came from.
///
/// ```
/// use tarmem::blocking::{self, Session, Wait};
/// use tarmem::modules::builtins::ListProxy;
/// use tarmem::{Service, SessionState};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = blocking::start(Service::new("127.0.0.1", 0))?;
/// let session = Session::connect(service.address())?;
/// let list = session.memoize("numbers", ListProxy::new(None)).wait()?;
/// list.append(1).wait()?;
/// session.close();
/// assert_eq!(session.state(), SessionState::Closed);
/// # blocking::shutdown(service);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    session: crate::Session,
}

impl Session {
    /// Connects to a service.
    ///
    /// # Errors
    /// As [`Session::connect`](crate::Session::connect).
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    pub fn connect(address: impl Into<String>) -> Result<Self, Error> {
        Self::connect_with(crate::Session::builder(address))
    }

    /// Connects with the options of `builder`.
    ///
    /// # Errors
    /// As [`SessionBuilder::connect`].
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    pub fn connect_with(builder: SessionBuilder) -> Result<Self, Error> {
        expect_idle_thread();
        let (sender, connected) = mpsc::sync_channel(1);
        let unstarted = |e: io::Error| Error::Refused { reason: format!("the session's thread cannot start: {e}") };
        // The thread ends with the session, which the last `Session` or proxy ends.
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(sender.send(Err(unstarted(error)))),
            };
            runtime.block_on(async {
                let session = builder.connect().await;
                let ended = session.as_ref().ok().map(crate::Session::task_ended);
                let _ = sender.send(session);
                if let Some(ended) = ended {
                    ended.await;
                }
            });
        };
        std::thread::Builder::new().name("tarmem-session".to_owned()).spawn(run).map_err(unstarted)?;
        let ended = || Error::Refused { reason: "the session's thread has ended; see what it printed".to_owned() };
        let session = connected.recv().unwrap_or_else(|_| Err(ended()))?;
        Ok(Session { session })
    }

    /// Ends the session, as [`Session::close`](crate::Session::close).
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    pub fn close(&self) {
        self.session.close().wait();
    }

    /// Connects again, as [`Session::reconnect`](crate::Session::reconnect).
    ///
    /// # Errors
    /// As [`Session::reconnect`](crate::Session::reconnect).
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    pub fn reconnect(&self) -> Result<(), Error> {
        self.session.reconnect().wait()
    }

    /// Returns whether the session is connected, reconnecting or closed.
    pub fn state(&self) -> SessionState {
        self.session.state()
    }

    /// Returns why the session has ended; `None` if it has not.
    pub fn ended(&self) -> Option<Error> {
        self.session.ended()
    }
}

impl Deref for Session {
    type Target = ClientApi;

    fn deref(&self) -> &ClientApi {
        &self.session
    }
}

impl AsRef<ClientApi> for Session {
    fn as_ref(&self) -> &ClientApi {
        &self.session
    }
}
