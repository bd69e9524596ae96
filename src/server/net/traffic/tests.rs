//! tarpc's own client, over tarpc's own channel, talks to a service: the messages are tarpc's.

use crate::config::Limits;
use crate::security::{AccessControl, Peer};
use crate::server::exec::engine::Engine;
use crate::server::net::connection::ConnectionEnv;
use crate::server::net::connections::Connections;
use crate::server::net::serve::serve;
use crate::server::state::Seams;
use crate::wire::batch::{Answered, Outcome, Preamble, ReplyHead, Submission};
use crate::wire::frame::{FrameLimit, header, take_frame};
use crate::wire::handshake::{Answer, Hello, HelloDetails};
use crate::wire::transport::{ClientMessage, ServerMessage};
use crate::wire::{WireClient, WireRequest, WireResponse};
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::Arc;
use tarmem_remote::codec;
use tarmem_remote::operation::{Operation, PROTOCOL_VERSION};
use tarmem_remote::registry::Registry;
use tarmem_remote::results::VersionInfo;
use tarpc::client::Config;
use tarpc::context;
use tokio_util::codec::{Decoder, Encoder, Framed};

/// tarpc's messages in frames.
struct Stock;

impl Encoder<tarpc::ClientMessage<WireRequest>> for Stock {
    type Error = io::Error;

    fn encode(&mut self, message: tarpc::ClientMessage<WireRequest>, buffer: &mut BytesMut) -> io::Result<()> {
        let message = match message {
            tarpc::ClientMessage::Request(request) => {
                ClientMessage::Request { id: request.id, request: request.message }
            }
            tarpc::ClientMessage::Cancel { request_id, .. } => ClientMessage::Cancel { id: request_id },
            other => panic!("a new kind: {other:?}"),
        };
        let encoded = message.encode()?;
        buffer.extend_from_slice(&header(encoded.head().len() + encoded.body.len())?);
        buffer.extend_from_slice(encoded.head());
        buffer.extend_from_slice(&encoded.body);
        Ok(())
    }
}

impl Decoder for Stock {
    type Item = tarpc::Response<WireResponse>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let Some(frame) = take_frame(buffer, &FrameLimit::new(1 << 20))? else { return Ok(None) };
        let ServerMessage { id, response } = ServerMessage::decode(&frame)?;
        let message = response.map_err(|why| tarpc::ServerError::new(io::ErrorKind::Other, why));
        Ok(Some(tarpc::Response { request_id: id, message }))
    }
}

#[tokio::test]
async fn tarpcs_own_client_is_answered() {
    let (client, stream) = tokio::io::duplex(1 << 16);
    let registry = Registry::linked().expect("no names clash");
    let env = ConnectionEnv {
        engine: Engine::new(registry, Limits::default(), tokio::runtime::Handle::current(), Seams::default()),
        connections: Connections::new(&tokio::runtime::Handle::current()),
        heartbeat: Arc::default(),
        access: AccessControl::new(true, None, None),
        no_room: None,
        barred: None,
        pending: Default::default(),
    };
    let serving = tokio::spawn(serve(stream, Peer::Local, env));
    let client = WireClient::new(Config::default(), Framed::new(client, Stock)).spawn();

    let hello = Hello { protocol: PROTOCOL_VERSION, details: HelloDetails::default() };
    let answer = client.open(context::current(), hello.encode().expect("it fits")).await.expect("a response");
    assert!(matches!(Answer::decode(&answer), Ok(Answer::Welcome(_))));

    // A poll that is out, and then dropped, which tarpc's client tells: neither holds up what comes after it.
    let mut preamble = Vec::new();
    Preamble { received_below: 0 }.put(&mut preamble);
    let poll = client.collect(context::current(), preamble.clone().into());
    assert!(futures::poll!(std::pin::pin!(poll)).is_pending());
    let mut batch = preamble;
    let operation = Operation::Version.encode().expect("it fits");
    Submission { sequence: 1, task: 0, timeout_ms: None, operation: &operation }.put(&mut batch);
    let replies: Bytes = client.submit(context::current(), batch.into()).await.expect("a response");
    let (_, replies) = ReplyHead::take(&replies).expect("a batch");
    let (Answered { sequence: 1, outcome: Outcome::Done(version) }, []) = Answered::take(replies).expect("one reply")
    else {
        panic!("another reply")
    };
    let version: VersionInfo = codec::decode(version).expect("a version");
    assert_eq!(version.protocol, PROTOCOL_VERSION);

    drop(client);
    serving.await.expect("it ends with its client");
}
