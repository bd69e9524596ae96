//! A client that sends any bytes.

use super::Fixture;
use std::fmt;
use std::time::Duration;
use tarmem::Error;
use tarmem::operation::Operation;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The header of a tarpc request in our frames: its id, ten minutes, and the method.
pub fn request(id: u64, method: u8, body: &[u8]) -> Vec<u8> {
    let mut message = postcard::to_stdvec(&(0_u8, id, 600_000_u64, method)).expect("encodes");
    message.extend_from_slice(body);
    frame(&message)
}

pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(message.len()).expect("small").to_be_bytes().to_vec();
    frame.extend_from_slice(message);
    frame
}

pub const PROTOCOL: u32 = tarmem_remote::operation::PROTOCOL_VERSION;

/// The id by which a typed call names a method.
pub fn signature_id(class: &str, method: &str) -> u64 {
    let registry = tarmem_remote::Registry::linked().expect("no names clash");
    (registry.class(class).and_then(|class| class.method(method)).expect("it is there").signature)().id()
}

pub fn hello(protocol: u32) -> Vec<u8> {
    let mut hello = b"tarmem".to_vec();
    hello.extend_from_slice(&protocol.to_be_bytes());
    // Do not ignore the version; no session to resume; do not keep this one; no token.
    hello.extend_from_slice(&[0, 0, 0, 0]);
    hello
}

/// Like `hello`, for a client that comes back, with a token or without.
pub fn hello_with(token: Option<&str>) -> Vec<u8> {
    let mut hello = b"tarmem".to_vec();
    hello.extend_from_slice(&PROTOCOL.to_be_bytes());
    hello.extend(postcard::to_stdvec(&(false, None::<()>, true, token)).expect("encodes"));
    hello
}

pub fn open(protocol: u32) -> Vec<u8> {
    request(1, 0, &hello(protocol))
}

/// A batch of operations, the first of which has the number `first`.
pub fn submit(id: u64, first: u64, operations: &[Operation<'_>]) -> Vec<u8> {
    let mut batch = vec![0];
    for (sequence, operation) in (first..).zip(operations) {
        let operation = operation.encode().expect("encodes");
        // Of task 0, without a timeout.
        let submission = postcard::to_stdvec(&(sequence, 0u64, 0u64, &*operation)).expect("encodes");
        batch.extend_from_slice(&submission);
    }
    request(id, 1, &batch)
}

/// The outcome of an operation.
#[derive(Debug)]
pub enum Outcome {
    Pending,
    Done(Body),
    Provisional(Body),
    Raised(String, Body),
    Failed(Error),
}

/// A result, encoded.
pub struct Body(pub Vec<u8>);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The next reply of a batch, and the rest.
fn reply(bytes: &[u8]) -> ((u64, Outcome), &[u8]) {
    let ((sequence, tag), rest) = postcard::take_from_bytes::<(u64, u8)>(bytes).expect("a reply");
    let body = |rest: &[u8]| {
        let (length, rest) = rest.split_first_chunk().expect("a length");
        let (body, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        (Body(body.to_vec()), rest.len())
    };
    let (outcome, left) = match tag {
        0 => (Outcome::Pending, rest.len()),
        1 | 2 => {
            let (body, left) = body(rest);
            (if tag == 1 { Outcome::Done(body) } else { Outcome::Provisional(body) }, left)
        }
        3 => {
            let (body, left) = body(rest);
            let (message, rest) = postcard::take_from_bytes(&rest[rest.len() - left..]).expect("a message");
            (Outcome::Raised(message, body), rest.len())
        }
        4 => {
            // An error has its length before it.
            let (error, rest) = postcard::take_from_bytes::<&[u8]>(rest).expect("an error");
            (Outcome::Failed(postcard::from_bytes(error).expect("an error")), rest.len())
        }
        other => panic!("there is no outcome {other}"),
    };
    ((sequence, outcome), &rest[rest.len() - left..])
}

/// The replies in a response to `submit` or `collect`, with the numbers of their operations.
pub fn replies(message: &[u8]) -> Vec<(u64, Outcome)> {
    let ((_response, _id, _method), batch) = postcard::take_from_bytes::<(u8, u64, u8)>(message).expect("a header");
    // The batch's flags and its number; and that of a batch of the journal, if the service keeps its objects.
    let mut rest = &batch[if batch[0] & 4 == 0 { 1 + 8 } else { 1 + 8 + 8 }..];
    let mut replies = Vec::new();
    while !rest.is_empty() {
        let (answered, more) = reply(rest);
        replies.push(answered);
        rest = more;
    }
    replies
}

/// A stream of bytes to the service, and what comes back before it ends.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn connect(fixture: &Fixture) -> Self {
        Raw::at(&fixture.address()).await
    }

    pub async fn at(address: &str) -> Self {
        Raw(TcpStream::connect(address).await.expect("accepts"))
    }

    /// With a session.
    pub async fn opened(fixture: &Fixture) -> Self {
        let mut raw = Raw::connect(fixture).await;
        raw.send(&open(PROTOCOL)).await;
        raw.receive_frame().await;
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // The service may have hung up already.
        let _ = self.0.write_all(bytes).await;
    }

    pub async fn receive_frame(&mut self) -> Vec<u8> {
        let receive = async {
            let length = self.0.read_u32().await.expect("a frame");
            let mut message = vec![0; length as usize];
            self.0.read_exact(&mut message).await.expect("a whole frame");
            message
        };
        tokio::time::timeout(Duration::from_secs(20), receive).await.expect("the service answers")
    }

    /// The replies to a batch of this many operations. What was answered before the batch's last turn comes with a
    /// poll.
    pub async fn receive_replies(&mut self, count: usize) -> Vec<(u64, Outcome)> {
        let mut all = replies(&self.receive_frame().await);
        for poll in (1 << 32)..(1 << 32) + 100 {
            if all.len() >= count {
                break;
            }
            self.send(&request(poll, 2, &[0])).await;
            all.extend(replies(&self.receive_frame().await));
        }
        all.sort_by_key(|(sequence, _)| *sequence);
        all
    }

    pub async fn until_closed(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = self.0.read_to_end(&mut bytes);
        // A reset is an end, too.
        let _ = tokio::time::timeout(Duration::from_secs(20), read).await.expect("the service hangs up");
        bytes
    }
}
