//! Encodes and decodes the messages of the tarpc service [`Wire`](super::Wire).
//!
//! They are compatible with tarpc's own channels: in a test, tarpc's client talks to a service. The timeout of a
//! request has no meaning here, since each call in it has its own. It is written because tarpc expects it, and is not
//! read. (tarpc computes `Instant::now() + timeout`, which panics for a hostile timeout, as its timer does for one
//! beyond 2^36 ms.)

use super::{WireRequest, WireResponse};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// The timeout that is written into each request: a day.
pub(crate) const LONGEST_REQUEST: Duration = Duration::from_secs(24 * 3600);

/// The maximum size of a message's head, in bytes.
const HEAD: usize = 32;

#[derive(Serialize, Deserialize)]
enum RequestHead {
    Request { id: u64, timeout_ms: u64, method: Method },
    Cancel { id: u64 },
}

#[derive(Serialize, Deserialize)]
enum ResponseHead {
    Response { id: u64, method: Method },
    ServerError { id: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Method {
    Open,
    Submit,
    Collect,
}

/// A message of a client.
#[derive(Debug)]
pub(crate) enum ClientMessage {
    Request {
        id: u64,
        request: WireRequest,
    },
    /// tarpc's client sends this if it no longer waits for the response.
    Cancel {
        id: u64,
    },
}

/// A message of a service.
#[derive(Debug)]
pub(crate) struct ServerMessage {
    /// The id of the request that this answers.
    pub(crate) id: u64,
    /// The response, or the error of tarpc's own server.
    pub(crate) response: Result<WireResponse, String>,
}

/// An encoded message: its head and its body.
pub(crate) struct Encoded {
    head: [u8; HEAD],
    used: usize,
    pub(crate) body: Bytes,
}

impl Encoded {
    pub(crate) fn head(&self) -> &[u8] {
        self.head.get(..self.used).unwrap_or_default()
    }

    fn new(head: &impl Serialize, body: Bytes) -> io::Result<Self> {
        let mut bytes = [0; HEAD];
        let used = postcard::to_slice(head, &mut bytes).map_err(invalid)?.len();
        Ok(Encoded { head: bytes, used, body })
    }
}

impl ClientMessage {
    pub(crate) fn decode(frame: &Bytes) -> io::Result<Self> {
        let (head, body) = split::<RequestHead>(frame)?;
        Ok(match head {
            RequestHead::Request { id, method, timeout_ms: _ } => {
                let request = match method {
                    Method::Open => WireRequest::Open { hello: body },
                    Method::Submit => WireRequest::Submit { batch: body },
                    Method::Collect => WireRequest::Collect { received: body },
                };
                ClientMessage::Request { id, request }
            }
            RequestHead::Cancel { id } => ClientMessage::Cancel { id },
        })
    }

    pub(crate) fn encode(self) -> io::Result<Encoded> {
        match self {
            ClientMessage::Request { id, request } => {
                let (method, body) = match request {
                    WireRequest::Open { hello } => (Method::Open, hello),
                    WireRequest::Submit { batch } => (Method::Submit, batch),
                    WireRequest::Collect { received } => (Method::Collect, received),
                };
                // A day has few enough milliseconds.
                let timeout_ms = LONGEST_REQUEST.as_millis() as u64;
                Encoded::new(&RequestHead::Request { id, timeout_ms, method }, body)
            }
            ClientMessage::Cancel { id } => Encoded::new(&RequestHead::Cancel { id }, Bytes::new()),
        }
    }
}

impl ServerMessage {
    pub(crate) fn decode(frame: &Bytes) -> io::Result<Self> {
        let (head, body) = split::<ResponseHead>(frame)?;
        Ok(match head {
            ResponseHead::Response { id, method } => {
                let response = match method {
                    Method::Open => WireResponse::Open(body),
                    Method::Submit => WireResponse::Submit(body),
                    Method::Collect => WireResponse::Collect(body),
                };
                ServerMessage { id, response: Ok(response) }
            }
            ResponseHead::ServerError { id } => {
                ServerMessage { id, response: Err(String::from_utf8_lossy(&body).into_owned()) }
            }
        })
    }

    pub(crate) fn encode(self) -> io::Result<Encoded> {
        let id = self.id;
        match self.response {
            Ok(WireResponse::Open(body)) => Encoded::new(&ResponseHead::Response { id, method: Method::Open }, body),
            Ok(WireResponse::Submit(body)) => {
                Encoded::new(&ResponseHead::Response { id, method: Method::Submit }, body)
            }
            Ok(WireResponse::Collect(body)) => {
                Encoded::new(&ResponseHead::Response { id, method: Method::Collect }, body)
            }
            Err(message) => Encoded::new(&ResponseHead::ServerError { id }, message.into()),
        }
    }
}

/// Decodes the head of a message, and returns it with the body, which shares the frame's memory.
fn split<'a, H: Deserialize<'a>>(frame: &'a Bytes) -> io::Result<(H, Bytes)> {
    let (head, rest) =
        postcard::take_from_bytes(frame).map_err(|e| invalid(format!("this is not a tarmem frame: {e}")))?;
    Ok((head, frame.slice_ref(rest)))
}

pub(crate) fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(message: &Encoded) -> Bytes {
        [message.head(), &message.body].concat().into()
    }

    #[test]
    fn messages_round_trip() {
        let body = Bytes::from_static(b"body");
        let requests = [
            WireRequest::Open { hello: body.clone() },
            WireRequest::Submit { batch: body.clone() },
            WireRequest::Collect { received: body.clone() },
        ];
        for request in requests {
            let said = format!("{request:?}");
            let encoded = ClientMessage::Request { id: u64::MAX, request }.encode().expect("it fits");
            let Ok(ClientMessage::Request { id: u64::MAX, request }) = ClientMessage::decode(&whole(&encoded)) else {
                panic!("another message")
            };
            assert_eq!(format!("{request:?}"), said);
        }
        let responses = [
            Ok(WireResponse::Open(body.clone())),
            Ok(WireResponse::Submit(body.clone())),
            Ok(WireResponse::Collect(body)),
            Err("why".to_owned()),
        ];
        for response in responses {
            let said = format!("{response:?}");
            let encoded = ServerMessage { id: u64::MAX, response }.encode().expect("it fits");
            let read = ServerMessage::decode(&whole(&encoded)).expect("it was written");
            assert_eq!((read.id, format!("{:?}", read.response)), (u64::MAX, said));
        }
    }

    proptest! {
        #[test]
        fn garbage_never_causes_a_panic(bytes: Vec<u8>) {
            let frame = Bytes::from(bytes);
            let _ = ClientMessage::decode(&frame);
            let _ = ServerMessage::decode(&frame);
        }
    }
}
