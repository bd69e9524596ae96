//! Fuzz targets for the decoders of bytes from outside.

use crate::config::Limits;
use crate::security::{AccessControl, Peer, Token, Tokens};
use crate::server::exec::engine::Engine;
use crate::server::net::connection::{ConnectionEnv, NoRoom};
use crate::server::net::connections::Connections;
use crate::server::net::serve::serve;
use crate::server::state::Seams;
use crate::wire::batch::{Answered, Preamble, ReplyHead, Submission};
use crate::wire::frame::{FrameLimit, take_frame};
use crate::wire::handshake::{Answer, Hello};
use crate::wire::transport::{ClientMessage, ServerMessage};
use bytes::BytesMut;
use parking_lot::Mutex;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tarmem_remote::codec;
use tarmem_remote::operation::{Operation, PROTOCOL_VERSION};
use tarmem_remote::registry::Registry;
use tarmem_remote::value::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// The maximum size of a frame in these tests, in bytes.
const FRAME: usize = 1 << 16;

/// How much larger than the received data a buffer may be.
const GROWTH: usize = 256 * 1024;

/// Reads frames in pieces, as they may arrive from a socket; the first byte is the size of the pieces. Checks that the
/// result does not depend on the pieces, and that no buffer grows far beyond what has arrived.
pub fn frame(input: &[u8]) {
    let Some((&piece, bytes)) = input.split_first() else { return };
    let (whole, in_pieces) = (read_all(bytes, bytes.len()), read_all(bytes, usize::from(piece)));
    assert_eq!(whole, in_pieces);
    batch(bytes);
}

/// Returns the number of frames, how many of them are messages of a client and of a service, and whether there was an
/// error at the end.
fn read_all(bytes: &[u8], piece: usize) -> (usize, usize, usize, bool) {
    let limit = FrameLimit::new(FRAME);
    let mut buffer = BytesMut::new();
    let (mut frames, mut requests, mut responses) = (0, 0, 0);
    for piece in bytes.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match take_frame(&mut buffer, &limit) {
                Ok(Some(frame)) => {
                    frames += 1;
                    requests += usize::from(ClientMessage::decode(&frame).is_ok());
                    responses += usize::from(ServerMessage::decode(&frame).is_ok());
                }
                Ok(None) => break,
                Err(_) => return (frames, requests, responses, true),
            }
        }
        assert!(buffer.capacity() <= bytes.len() * 2 + GROWTH, "{} bytes for {}", buffer.capacity(), bytes.len());
    }
    (frames, requests, responses, false)
}

/// Decodes the bytes as a batch of operations and as one of replies.
fn batch(bytes: &[u8]) {
    if let Ok((_, mut rest)) = Preamble::take(bytes) {
        while let Ok((submission, more)) = Submission::take(rest) {
            assert!(more.len() < rest.len(), "each takes something");
            let _ = Operation::decode(submission.operation);
            rest = more;
        }
    }
    if let Ok((head, mut rest)) = ReplyHead::take(bytes) {
        let mut again = vec![0; ReplyHead::bytes(head.seen.is_some())];
        head.put_over(&mut again);
        assert_eq!([&again[..], rest].concat(), bytes, "a head is what was read");
        while let Ok((_, more)) = Answered::take(rest) {
            assert!(more.len() < rest.len(), "each takes something");
            rest = more;
        }
    }
}

/// Checks that every value that can be decoded round-trips through each encoding.
pub fn value(input: &[u8]) {
    if let Ok(value) = codec::decode::<Value>(input) {
        check(&value);
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(value) = Value::parse_json(text)
    {
        check(&value);
    }
    // Types as they occur in arguments and in objects from clients.
    let _ = codec::decode::<(i64, String, Vec<Option<f64>>)>(input);
    let _ = codec::decode::<Vec<Value>>(input);
    let _ = codec::decode_prefix::<(u64, &str)>(input);
    if let Ok(operation) = Operation::decode(input) {
        let bytes = operation.encode().expect("it was read");
        assert_eq!(Operation::decode(&bytes).expect("it was written"), operation);
    }
}

fn check(value: &Value) {
    let bytes = codec::encode(value).expect("it was read, so it is not too deep");
    let again: Value = codec::decode(&bytes).expect("it was written");
    // The encodings are compared, since NaN is not equal to itself.
    assert_eq!(codec::encode(&again).expect("it was read"), bytes);
    let json = value.to_json().to_string();
    if let Ok(again) = Value::parse_json(&json) {
        assert_eq!(again.to_json().to_string(), json);
    }
    let _ = tarmem_modules::python::repr(value);
}

struct Host {
    runtime: Runtime,
    engine: Arc<Engine>,
    open: Arc<AccessControl>,
    closed: Arc<AccessControl>,
}

/// One service for all inputs, with and without tokens.
static HOST: LazyLock<Host> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limits = Limits { sessions: 16, ..Limits::default() };
    let engine =
        Engine::new(Registry::linked().expect("no names clash"), limits, runtime.handle().clone(), Seams::default());
    let tokens = Tokens::new().with(Token::new("fuzz", "fuzz-fuzz")).expect("it is one");
    let (open, closed) = (AccessControl::new(true, None, None), AccessControl::new(true, Some(tokens), None));
    Host { runtime, engine, open, closed }
});

/// The first bytes that a service hears: the connection ends, or a session is open; and whatever came, nothing is left
/// of it.
pub fn open(input: &[u8]) {
    if let Ok(hello) = Hello::decode(input, PROTOCOL_VERSION) {
        let bytes = hello.encode().expect("it was read");
        assert_eq!(Hello::decode(&bytes, PROTOCOL_VERSION).expect("it was written").protocol, hello.protocol);
    }
    let _ = Answer::decode(input);
    let Some((&first, bytes)) = input.split_first() else { return };
    let Host { runtime, engine, open, closed } = &*HOST;
    runtime.block_on(async {
        let (mut client, stream) = tokio::io::duplex(1 << 16);
        let env = ConnectionEnv {
            engine: Arc::clone(engine),
            connections: Connections::new(runtime.handle()),
            heartbeat: Arc::default(),
            access: Arc::clone(if first & 1 == 0 { open } else { closed }),
            no_room: (first & 2 != 0).then_some(NoRoom::Connections),
            barred: (first & 4 != 0).then_some("barred"),
            pending: Mutex::default(),
        };
        let serving = tokio::spawn(serve(stream, Peer::Local, env));
        let talk = async {
            let _ = client.write_all(bytes).await;
            // The service reads everything, and then the end of the stream.
            let _ = client.shutdown().await;
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
        };
        let ended = async {
            talk.await;
            serving.await.expect("it does not panic");
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
    });
    for session in engine.sessions.all() {
        engine.sessions.forget(&session);
        session.end();
    }
    assert_eq!(engine.state.held_bytes.load(std::sync::atomic::Ordering::Relaxed), 0);
}
