//! A service with a socket, and a session with it.

use std::cell::RefCell;
use std::time::Duration;
use tarmem::{DynamicProxy, Error, RunningService, ServeError, Session};
use tarmem_remote::Value;
use tarmem_remote::args::Args;
use tokio::runtime::Runtime;

/// The minimum number of operations for each type.
pub(super) const OPERATIONS: usize = 20_000;

pub(crate) struct Service {
    runtime: Runtime,
    session: Session,
    running: RefCell<Option<RunningService>>,
}

/// A result, or the message of an error.
pub(crate) type Outcome<T> = Result<T, String>;

impl Service {
    pub(crate) fn new() -> Self {
        Self::with(tarmem::Service::new("127.0.0.1", 0))
    }

    /// Starts a service, and a session with it, which reconnects at once if it is started again.
    pub(crate) fn with(service: tarmem::Service) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("one");
        let (running, session) = runtime.block_on(async {
            let running = service.start().await.expect("a free port");
            let session = Session::builder(running.address()).retry_delay(Duration::from_millis(2)).max_retry(10_000);
            (running, session.connect().await.expect("it is there"))
        });
        Service { runtime, session, running: Some(running).into() }
    }

    /// Ends the service, and starts the next one at its port.
    pub(crate) fn restart(&self, end: impl AsyncFnOnce(RunningService), next: impl Fn(u16) -> tarmem::Service) {
        let running = self.running.take().expect("it runs");
        let port = running.local_addr().expect("it listens on TCP").port();
        self.runtime.block_on(async {
            end(running).await;
            let next = loop {
                match next(port).start().await {
                    // The system may have given the port to a connection meanwhile.
                    Err(ServeError::Listen { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
                    other => break other.expect("it starts"),
                }
            };
            self.running.replace(Some(next));
        });
    }

    /// Makes an object, by the path of its class or of one of the constructors.
    pub(crate) fn make(&self, class: &str, args: &[Value]) -> Outcome<Box<DynamicProxy>> {
        self.make_with(class, &args.to_vec().into())
    }

    /// As [`make`](Self::make), with arguments by name.
    pub(crate) fn make_with(&self, class: &str, args: &Args) -> Outcome<Box<DynamicProxy>> {
        let (module, name) = class.split_once('.').expect("a path");
        self.runtime.block_on(async {
            let module = self.session.remote_import(module).await.expect("it comes with tarmem");
            module.construct(name, args.clone()).await.map(Box::new).map_err(message)
        })
    }

    /// Calls a method by its name.
    pub(crate) fn call(&self, object: &mut DynamicProxy, method: &str, args: &[Value]) -> Outcome<Value> {
        self.call_with(object, method, &args.to_vec().into())
    }

    /// As [`call`](Self::call), with arguments by name.
    pub(crate) fn call_with(&self, object: &mut DynamicProxy, method: &str, args: &Args) -> Outcome<Value> {
        self.runtime.block_on(async { object.call(method, args.clone()).await }).map_err(message)
    }
}

/// Returns the message that Python would have: arguments that do not fit a signature are a TypeError.
fn message(error: Error) -> String {
    match error {
        Error::Raised { message, .. } => message,
        Error::BadArguments { reason, .. } => format!("TypeError: {reason}"),
        other => panic!("the service fails: {other}"),
    }
}
