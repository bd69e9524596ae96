//! remoc: a remote trait.

use super::support::peer::Connection;
use futures::future::join_all;
use remoc::prelude::*;
use remoc::rtc::CallError;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Reads and writes are gathered, as remoc's documentation advises.
const BUFFER: usize = 8192;

/// Its defaults, but for the 20 ms that it otherwise waits for more to send: a lone caller would see nothing else.
fn settings() -> remoc::Cfg {
    let mut settings = remoc::Cfg::default();
    settings.flush_delay = Duration::ZERO;
    settings
}

#[rtc::remote]
pub(crate) trait Adder {
    async fn add(&self, by: i64) -> Result<i64, CallError>;
}

#[derive(Default)]
struct Counter(AtomicI64);

impl Adder for Counter {
    async fn add(&self, by: i64) -> Result<i64, CallError> {
        Ok(self.0.fetch_add(by, Ordering::Relaxed) + by)
    }
}

pub(crate) async fn serve(ready: impl FnOnce(u16)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    ready(listener.local_addr().expect("it is bound").port());
    let counter = Arc::new(Counter::default());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("it is TCP");
        let counter = counter.clone();
        tokio::spawn(async move {
            let (server, client) = AdderServerShared::<_>::new(counter, 512);
            let (read, write) = stream.into_split();
            let connect = remoc::Connect::io_buffered(settings(), read, write, BUFFER);
            if connect.provide(client).await.is_ok() {
                // A call is answered where it arrives: no task is made for it.
                let _ = server.serve(false).await;
            }
        });
    }
}

#[derive(Clone)]
pub(crate) struct Client(AdderClient);

impl Connection for Client {
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        stream.set_nodelay(true).expect("it is TCP");
        let (read, write) = stream.into_split();
        let connect = remoc::Connect::io_buffered(settings(), read, write, BUFFER);
        Client(connect.consume().await.expect("a client"))
    }

    async fn call(&self) {
        assert!(self.0.add(1).await.expect("a value") > 0);
    }

    async fn pipeline(&self, depth: usize) {
        join_all((0..depth).map(|_| self.call())).await;
    }

    async fn close(self) {}
}
