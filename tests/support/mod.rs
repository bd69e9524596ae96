//! What every test needs: a service, and sessions with it, over each kind of connection.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

pub mod authority;
pub mod detour;
pub mod fault;
pub mod other;
pub mod raw;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use tarmem::{Limits, MemoryConnector, RunningService, Service, Session, memory};
use tokio::task::JoinHandle;

tarmem::link!(tarmem_test_models);

/// How a session reaches its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    InProcess,
    Memory,
    Tcp,
    Unix,
}

/// A service that runs for one test.
pub struct Fixture {
    pub way: Way,
    pub service: RunningService,
    memory: MemoryConnector,
    socket: PathBuf,
}

impl Fixture {
    pub async fn new(way: Way) -> Self {
        Self::with(way, Limits::default()).await
    }

    pub async fn with(way: Way, limits: Limits) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let socket = std::env::temp_dir().join(format!("tarmem-test-{}-{count}.sock", std::process::id()));
        let (listener, memory) = memory();
        let service = match way {
            Way::InProcess => Service::without_listener(),
            Way::Memory => Service::without_listener().listener(listener),
            Way::Tcp => Service::new("127.0.0.1", 0),
            Way::Unix => Service::without_listener().unix(&socket),
        };
        let service = service.limits(limits).start().await.expect("the service starts");
        Fixture { way, service, memory, socket }
    }

    /// The address for another process.
    pub fn address(&self) -> String {
        match self.way {
            Way::Unix => format!("unix:{}", self.socket.display()),
            _ => self.service.local_addr().expect("a TCP listener").to_string(),
        }
    }

    pub async fn session(&self) -> Session {
        match self.way {
            Way::InProcess => self.service.session(),
            Way::Memory => Session::over(self.memory.connect().await.expect("accepts")).await.expect("a session opens"),
            Way::Tcp | Way::Unix => Session::connect(self.address()).await.expect("a session opens"),
        }
    }
}

/// Returns once the service has received what `session` has sent: the calls of a session run in order. A call has been
/// sent once [`Call::send`](tarmem::Call::send) has returned, or once its future was polled, but not by `tokio::spawn`
/// alone: see [`started`].
pub async fn arrived(session: &Session) {
    session.is_memoized("arrived").await.expect("answers");
}

/// Runs a call of `session` on a task of its own, and returns once the service has received it. The call is polled here
/// first, because a task that was only spawned may not have been polled by the time that a later call is answered.
pub async fn started<C>(session: &Session, call: C) -> JoinHandle<C::Output>
where
    C: IntoFuture<IntoFuture: Send + 'static, Output: Send + 'static>,
{
    let mut call = Box::pin(call.into_future());
    let first = futures::poll!(call.as_mut());
    let task = tokio::spawn(async move {
        match first {
            Poll::Ready(output) => output,
            Poll::Pending => call.await,
        }
    });
    arrived(session).await;
    task
}

/// Makes one test of each `async fn name(fixture: Fixture)` for each way to reach a service.
#[macro_export]
macro_rules! each_way {
    ($($name:ident),+ $(,)?) => {
        mod in_process { $crate::each_way!(@tests InProcess, $($name),+); }
        mod over_memory { $crate::each_way!(@tests Memory, $($name),+); }
        mod over_tcp { $crate::each_way!(@tests Tcp, $($name),+); }
        mod over_unix { $crate::each_way!(@tests Unix, $($name),+); }
    };
    (@tests $way:ident, $($name:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let fixture = $crate::support::Fixture::new($crate::support::Way::$way).await;
            let test = super::$name(fixture);
            tokio::time::timeout(std::time::Duration::from_secs(60), test).await.expect("the test ends in time");
        })+
    };
}
