//! remoc: a remote trait.

use super::support::peer::Connection;
use bytes::BytesMut;
use futures::TryStreamExt;
use futures::future::join_all;
use remoc::prelude::*;
use remoc::rch::base;
use remoc::rtc::CallError;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::LengthDelimitedCodec;

/// remoc would wait 20 ms for more to send or, if told not to wait, until the next millisecond, which would be all that
/// a lone caller sees. So everything written is flushed before the task waits for anything else, which is no slower
/// with many callers.
async fn connect<Out: RemoteSend, In: RemoteSend>(stream: TcpStream) -> (base::Sender<Out>, base::Receiver<In>) {
    stream.set_nodelay(true).expect("it is TCP");
    let (read, write) = stream.into_split();
    let mut frames = LengthDelimitedCodec::builder();
    frames.little_endian().length_field_length(4);
    let mut sink = frames.new_write(write);
    sink.set_backpressure_boundary(1);
    let stream = frames.new_read(read).map_ok(BytesMut::freeze);
    let settings = remoc::Cfg { flush_delay: Duration::ZERO, ..remoc::Cfg::default() };
    let (connection, sender, receiver) =
        remoc::Connect::framed(settings, sink, stream).await.expect("remoc at the other end");
    tokio::spawn(connection);
    (sender, receiver)
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
        let counter = counter.clone();
        tokio::spawn(async move {
            let (server, client) = AdderServerShared::<_>::new(counter, 512);
            let (mut clients, _nothing) = connect::<AdderClient, ()>(stream).await;
            if clients.send(client).await.is_ok() {
                // A call is answered where it arrives, without a new task.
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
        let (_nothing, mut clients) = connect::<(), AdderClient>(stream).await;
        Client(clients.recv().await.expect("it answers").expect("a client"))
    }

    async fn call(&self) {
        assert!(self.0.add(1).await.expect("a value") > 0);
    }

    async fn pipeline(&self, depth: usize) {
        join_all((0..depth).map(|_| self.call())).await;
    }

    async fn close(self) {}
}
