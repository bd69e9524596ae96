//! The client for code without an async runtime: the same proxies and the same calls, each with [`Wait::wait`] at its end
//! in place of `.await`.
//!
//! A blocking [`Session`] keeps its connection on a thread of its own, so it stays alive while nobody waits. Do not wait
//! on a thread that runs async tasks: it would hold them all up.
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

use crate::client::SessionBuilder;
use crate::server::{RunningService, ServeError, Service};
use std::ops::Deref;
use std::sync::Arc;
use tarmem_remote::error::Error;
use tarmem_remote::routines::Routines;
use tokio::runtime::{Builder, Runtime};

/// Waits for a call, a proxy or an import, on this thread.
pub trait Wait: Future + Sized {
    /// Its result, once it is there.
    fn wait(self) -> Self::Output {
        // Calls need no runtime of their own: the session's thread does their work.
        futures::executor::block_on(self)
    }
}

impl<F: Future> Wait for F {}

/// A session for code without an async runtime. Its routines are those of the async [`Session`](crate::Session).
#[derive(Clone, Debug)]
pub struct Session {
    session: crate::Session,
    /// Drives the connection.
    runtime: Arc<Driver>,
}

#[derive(Debug)]
struct Driver(Option<Runtime>);

impl Driver {
    fn new() -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tarmem-session")
            .enable_all()
            .build()
            .map_err(|e| Error::Refused { reason: format!("no thread can be started for it: {e}") })?;
        Ok(Driver(Some(runtime)))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("it is taken in `drop` only"),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // The last clone may be dropped anywhere, even on the driver's own thread.
            runtime.shutdown_background();
        }
    }
}

impl Session {
    /// Connects to a service.
    ///
    /// # Errors
    /// As [`Session::connect`](crate::Session::connect).
    ///
    /// # Panics
    /// On a thread that runs async tasks.
    pub fn connect(address: impl Into<String>) -> Result<Self, Error> {
        Self::connect_with(crate::Session::builder(address))
    }

    /// Connects with the options of `builder`.
    ///
    /// # Errors
    /// As [`SessionBuilder::connect`].
    ///
    /// # Panics
    /// On a thread that runs async tasks.
    pub fn connect_with(builder: SessionBuilder) -> Result<Self, Error> {
        let runtime = Driver::new()?;
        let session = runtime.block_on(builder.connect())?;
        Ok(Session { session, runtime: Arc::new(runtime) })
    }

    /// Ends the session, as [`Session::close`](crate::Session::close).
    pub fn close(&self) {
        self.runtime.block_on(self.session.close());
    }
}

impl Deref for Session {
    type Target = Routines;

    fn deref(&self) -> &Routines {
        &self.session
    }
}

impl AsRef<Routines> for Session {
    fn as_ref(&self) -> &Routines {
        &self.session
    }
}

/// Binds a service, and runs it in the background.
///
/// # Errors
/// As [`Service::bind`].
///
/// # Panics
/// On a thread that runs async tasks.
pub fn start(service: Service) -> Result<RunningService, ServeError> {
    waiting_runtime()?.block_on(service.start())
}

/// Shuts a service down, as [`RunningService::shutdown`].
///
/// # Panics
/// On a thread that runs async tasks.
pub fn shutdown(service: RunningService) {
    if let Ok(runtime) = waiting_runtime() {
        runtime.block_on(service.shutdown());
    }
}

fn waiting_runtime() -> Result<Runtime, ServeError> {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.map_err(|cause| ServeError::Listen { address: "a runtime".to_owned(), cause })
}
