//! The client for code without an async runtime: the same proxies and the same calls, each with [`Wait::wait`] at its
//! end in place of `.await`.
//!
//! A blocking [`Session`] keeps its connection on a thread of its own, so it stays alive while nobody waits. Waiting on
//! a thread that runs async tasks would hold them all up, those perhaps that carry the call, and panics: write `.await`
//! there, or wait within [`tokio::task::spawn_blocking`].
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

/// Waits for a call, a proxy or an import, on this thread.
pub trait Wait: Future + Sized {
    /// Its result, once it is there. What is waited for may wait for others in the same way.
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio.
    fn wait(self) -> Self::Output {
        let mut future = pin!(self);
        block_on(|cx| future.as_mut().poll(cx))
    }
}

impl<F: Future> Wait for F {}

/// Who waits on a thread, and is woken there.
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
    /// For whoever waits on this thread. One who waits within a wait has another: it must not take the other's
    /// wake-ups.
    static WAITER: Cell<Option<Arc<Waiter>>> = const { Cell::new(None) };
}

/// Polls until there is something, on this thread. Calls need no runtime of their own: the session's does their work.
fn block_on<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    expect_idle_thread();
    let waiter = WAITER
        .take()
        .unwrap_or_else(|| Arc::new(Waiter { thread: std::thread::current(), is_woken: AtomicBool::new(false) }));
    // Whatever woke it before was for somebody else.
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

/// # Panics
/// If this thread runs async tasks.
fn expect_idle_thread() {
    let Ok(runtime) = Handle::try_current() else { return };
    // Only tokio knows whether the thread drives it, or is one that may wait (`spawn_blocking`, `block_in_place`), and
    // says so by a panic, which prints a message of its own: it is asked only if there is no other sign.
    if has_budget() || std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(std::future::ready(())))).is_err()
    {
        panic!(
            "a blocking wait on a thread that runs async tasks would hold them all up, those perhaps that carry the \
             call; write .await in place of .wait(), or wait within tokio::task::spawn_blocking"
        );
    }
}

/// Whether this is called by an async task that has only so much to do before others get their turn. tokio gives each
/// such a budget, and none to who may wait. (Nor to what is `unconstrained`, which is not told apart here.)
fn has_budget() -> bool {
    let mut unheard = Context::from_waker(Waker::noop());
    // No budget is larger than this. That it is used up does no harm: the task is about to panic, or yields once.
    (0..=u8::MAX).any(|_| pin!(tokio::task::coop::consume_budget()).poll(&mut unheard).is_pending())
}

/// Goes through a stream on this thread, such as the elements of a collection.
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
    /// Its items, each waited for when it is asked for.
    ///
    /// # Panics
    /// On a thread that runs async tasks of tokio, when an item is asked for.
    fn wait_each(mut self) -> impl Iterator<Item = Self::Item> {
        std::iter::from_fn(move || block_on(|cx| Pin::new(&mut self).poll_next(cx)))
    }
}

impl<S: Stream + Unpin> WaitEach for S {}

/// A session for code without an async runtime. It asks the same of a service as the async [`Session`](crate::Session).
///
/// It ends with [`close`](Self::close), or when the last clone and the last proxy are dropped: a proxy goes on without
/// its session.
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
        let unstarted = |e: io::Error| Error::Refused { reason: format!("no thread can be started for it: {e}") };
        // The thread ends with the connection, and that with the last who needs it: a proxy may be the one.
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
        let ended =
            || Error::Refused { reason: "the thread that was to connect has ended; see what it said".to_owned() };
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

    /// How it is connected now.
    pub fn state(&self) -> SessionState {
        self.session.state()
    }

    /// Why the session has ended; `None` while it has not.
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
