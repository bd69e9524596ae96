//! tarmem: `add` on a counter found by its key.

use super::peer::Connection;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use tarmem::{DynamicProxy, RunningService, Service, Session, args, remote};

const KEY: &str = "counter";

/// What the callers call.
#[remote(module = "bench")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Counter {
    value: i64,
}

#[remote]
impl Counter {
    /// A counter that is zero.
    #[remote(inline)]
    pub fn new() -> Self {
        Counter { value: 0 }
    }

    /// Adds `n` and returns the new value.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }
}

pub(crate) async fn serve(ready: impl FnOnce(u16)) {
    // One thread for connections, like the other peers.
    let service = Service::new("127.0.0.1", 0).workers(1).bind().await.expect("a free port");
    ready(service.local_addr().expect("a TCP listener").port());
    let _ = service.run_until(std::future::pending()).await;
}

/// A session with its proxy of the counter.
#[derive(Clone)]
pub(crate) struct Client {
    session: Session,
    counter: CounterProxy,
}

impl Connection for Client {
    async fn connect(port: u16) -> Self {
        let session = Session::connect(format!("127.0.0.1:{port}")).await.expect("a session");
        let counter = session.memoize(KEY, CounterProxy::new()).await.expect("a counter");
        Client { session, counter }
    }

    async fn call(&self) {
        let value = self.counter.add(1).await.expect("a value");
        assert!(value > 0);
    }

    async fn pipeline(&self, depth: usize) {
        for value in self.session.pipeline((0..depth).map(|_| self.counter.add(1))).await {
            assert!(value.expect("a value") > 0);
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}

/// A service in this process, called by one caller without a socket.
pub(crate) struct InProcess {
    _service: RunningService,
    typed: CounterProxy,
    dynamic: DynamicProxy,
}

impl InProcess {
    pub(crate) async fn start() -> Self {
        let service = Service::without_listener().workers(1).start().await.expect("it starts");
        let session = service.session();
        let typed = session.memoize(KEY, CounterProxy::new()).await.expect("a counter");
        let dynamic = session.get_dynamic(KEY).await.expect("it is there");
        InProcess { _service: service, typed, dynamic }
    }

    /// How long this many calls through the generated proxy take, one after another.
    pub(crate) async fn typed(&self, calls: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            assert!(self.typed.add(1).await.expect("a value") > 0);
        }
        start.elapsed()
    }

    /// The same by name, with dynamic values.
    pub(crate) async fn dynamic(&self, calls: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            let value = self.dynamic.call("add", args![1]).await.expect("a value");
            assert!(value.as_int().is_some_and(|value| value > 0));
        }
        start.elapsed()
    }
}
