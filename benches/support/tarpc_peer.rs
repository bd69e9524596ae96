//! Bare tarpc with its defaults: one counter, a request per call.

use super::peer::Connection;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tarpc::client::Config;
use tarpc::context::{self, Context};
use tarpc::server::{BaseChannel, Channel};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Decoder, Encoder, Framed, LengthDelimitedCodec};

#[tarpc::service]
pub(crate) trait Adder {
    async fn add(by: i64) -> i64;
}

/// Where a request is handled.
#[derive(Clone, Copy)]
pub(crate) enum Handlers {
    /// On the connection's task.
    Inline,
    /// On a task of its own.
    Spawned,
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicI64>);

impl Adder for Counter {
    async fn add(self, _: Context, by: i64) -> i64 {
        self.0.fetch_add(by, Ordering::Relaxed) + by
    }
}

pub(crate) async fn serve(ready: impl FnOnce(u16), handlers: Handlers) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    ready(listener.local_addr().expect("it is bound").port());
    let counter = Counter::default();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let channel = BaseChannel::with_defaults(framed(stream));
        let requests = channel.execute(counter.clone().serve());
        tokio::spawn(async move {
            tokio::pin!(requests);
            while let Some(request) = requests.next().await {
                match handlers {
                    Handlers::Inline => request.await,
                    Handlers::Spawned => drop(tokio::spawn(request)),
                }
            }
        });
    }
}

#[derive(Clone)]
pub(crate) struct Client(AdderClient);

impl Connection for Client {
    async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        Client(AdderClient::new(Config::default(), framed(stream)).spawn())
    }

    async fn call(&self) {
        let value = self.0.add(context::current(), 1).await.expect("a value");
        assert!(value > 0);
    }

    async fn pipeline(&self, depth: usize) {
        join_all((0..depth).map(|_| self.call())).await;
    }

    async fn close(self) {}
}

fn framed<In, Out>(stream: TcpStream) -> Framed<TcpStream, Postcard<In, Out>> {
    // tarpc does not set this, and lone requests would wait for delayed acknowledgements.
    stream.set_nodelay(true).expect("it is TCP");
    Framed::new(stream, Postcard { frames: LengthDelimitedCodec::new(), messages: PhantomData })
}

/// tarpc's messages in postcard, as in tarmem, in tokio-util's frames.
struct Postcard<In, Out> {
    frames: LengthDelimitedCodec,
    messages: PhantomData<fn(Out) -> In>,
}

impl<In: DeserializeOwned, Out> Decoder for Postcard<In, Out> {
    type Item = In;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<In>> {
        let Some(frame) = self.frames.decode(buffer)? else { return Ok(None) };
        postcard::from_bytes(&frame).map(Some).map_err(io::Error::other)
    }
}

impl<In, Out: Serialize> Encoder<Out> for Postcard<In, Out> {
    type Error = io::Error;

    fn encode(&mut self, message: Out, buffer: &mut BytesMut) -> io::Result<()> {
        let frame = postcard::to_stdvec(&message).map_err(io::Error::other)?;
        self.frames.encode(Bytes::from(frame), buffer)
    }
}
