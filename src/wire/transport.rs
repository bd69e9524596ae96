//! tarpc's messages in frames.
//!
//! tarpc computes `Instant::now() + deadline` from what it decodes, which panics for a hostile duration, as its timer
//! does for one beyond 2^36 ms. So deadlines are clamped here, on both sides.

use super::frame::{FrameLimit, put_frame, take_frame};
use super::partial::Partial;
use super::{WireRequest, WireResponse};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarpc::{ClientMessage, Request, Response, ServerError, context, trace};
use tokio::sync::Notify;
use tokio_util::codec::{Decoder, Encoder};

/// No request of tarpc's has longer than this. A call's own deadline travels in the batch.
pub(crate) const LONGEST_REQUEST: Duration = Duration::from_secs(24 * 3600);

#[derive(Serialize, Deserialize)]
enum RequestHeader {
    Request { id: u64, timeout_ms: u64, method: Method },
    Cancel { id: u64 },
}

#[derive(Serialize, Deserialize)]
enum ResponseHeader {
    Response { id: u64, method: Method },
    ServerError { id: u64 },
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Method {
    Open,
    Submit,
    Collect,
}

/// The service's side of a connection.
pub(crate) struct ServerCodec<F> {
    limit: FrameLimit,
    hung_up: Arc<Notify>,
    partial: Partial,
    written: F,
}

impl<F: FnMut(usize)> ServerCodec<F> {
    /// Frames of at most `limit`; tells `hung_up` when the client sends no more. (tarpc says so only once every request has
    /// been answered, and a long poll is not for long.) `written` hears how many bytes of a reply are being written, as soon
    /// as the socket has taken the replies before it; `partial` when a frame has begun to arrive.
    pub(crate) fn new(limit: FrameLimit, hung_up: Arc<Notify>, partial: Partial, written: F) -> Self {
        ServerCodec { limit, hung_up, partial, written }
    }
}

impl<F> Decoder for ServerCodec<F> {
    type Item = ClientMessage<WireRequest>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let Some(frame) = take_frame(buffer, &self.limit)? else {
            self.partial.note(!buffer.is_empty());
            return Ok(None);
        };
        self.partial.next();
        let (header, body) = split::<RequestHeader>(&frame)?;
        Ok(Some(match header {
            RequestHeader::Request { id, timeout_ms, method } => {
                let mut context = context::current();
                context.deadline = Instant::now() + Duration::from_millis(timeout_ms).min(LONGEST_REQUEST);
                let message = match method {
                    Method::Open => WireRequest::Open { hello: body },
                    Method::Submit => WireRequest::Submit { batch: body },
                    Method::Collect => WireRequest::Collect { received: body },
                };
                ClientMessage::Request(Request { context, id, message })
            }
            RequestHeader::Cancel { id } => {
                ClientMessage::Cancel { trace_context: trace::Context::default(), request_id: id }
            }
        }))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let decoded = self.decode(buffer)?;
        if decoded.is_none() {
            // Whatever is left of a frame that was cut off is of no use.
            buffer.clear();
            self.hung_up.notify_one();
        }
        Ok(decoded)
    }
}

impl<F: FnMut(usize)> Encoder<Response<WireResponse>> for ServerCodec<F> {
    type Error = io::Error;

    fn encode(&mut self, response: Response<WireResponse>, buffer: &mut BytesMut) -> io::Result<()> {
        let id = response.request_id;
        let (header, body) = match response.message {
            Ok(WireResponse::Open(body)) => (ResponseHeader::Response { id, method: Method::Open }, body),
            Ok(WireResponse::Submit(body)) => (ResponseHeader::Response { id, method: Method::Submit }, body),
            Ok(WireResponse::Collect(body)) => (ResponseHeader::Response { id, method: Method::Collect }, body),
            Err(error) => (ResponseHeader::ServerError { id }, Bytes::from(error.detail)),
        };
        (self.written)(body.len());
        put_message(buffer, &header, &body)
    }
}

/// The client's side of a connection.
pub(crate) struct ClientCodec {
    limit: FrameLimit,
    /// What is being waited for. A client has few requests out at one time.
    asked: Vec<(u64, Method)>,
}

impl ClientCodec {
    pub(crate) fn new(limit: FrameLimit) -> Self {
        ClientCodec { limit, asked: Vec::new() }
    }

    /// tarpc panics if a response is not of its request's kind.
    fn check(&mut self, id: u64, method: Option<Method>) -> io::Result<()> {
        let Some(index) = self.asked.iter().position(|(asked, _)| *asked == id) else { return Ok(()) };
        let (_, asked) = self.asked.swap_remove(index);
        if method.is_none_or(|method| method == asked) {
            return Ok(());
        }
        Err(invalid("the service answered another request than was made"))
    }
}

impl Decoder for ClientCodec {
    type Item = Response<WireResponse>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let Some(frame) = take_frame(buffer, &self.limit)? else { return Ok(None) };
        let (header, body) = split::<ResponseHeader>(&frame)?;
        Ok(Some(match header {
            ResponseHeader::Response { id, method } => {
                self.check(id, Some(method))?;
                let message = match method {
                    Method::Open => WireResponse::Open(body),
                    Method::Submit => WireResponse::Submit(body),
                    Method::Collect => WireResponse::Collect(body),
                };
                Response { request_id: id, message: Ok(message) }
            }
            ResponseHeader::ServerError { id } => {
                self.check(id, None)?;
                let detail = String::from_utf8_lossy(&body).into_owned();
                Response { request_id: id, message: Err(ServerError::new(io::ErrorKind::Other, detail)) }
            }
        }))
    }
}

impl Encoder<ClientMessage<WireRequest>> for ClientCodec {
    type Error = io::Error;

    fn encode(&mut self, message: ClientMessage<WireRequest>, buffer: &mut BytesMut) -> io::Result<()> {
        let (header, body) = match message {
            ClientMessage::Request(request) => {
                let left = request.context.deadline.saturating_duration_since(Instant::now()).min(LONGEST_REQUEST);
                let timeout_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
                let (method, body) = match request.message {
                    WireRequest::Open { hello } => (Method::Open, hello),
                    WireRequest::Submit { batch } => (Method::Submit, batch),
                    WireRequest::Collect { received } => (Method::Collect, received),
                };
                self.asked.push((request.id, method));
                (RequestHeader::Request { id: request.id, timeout_ms, method }, body)
            }
            ClientMessage::Cancel { request_id, .. } => (RequestHeader::Cancel { id: request_id }, Bytes::new()),
            other => return Err(invalid(format!("tarpc sent a message of a new kind: {other:?}"))),
        };
        put_message(buffer, &header, &body)
    }
}

fn put_message(buffer: &mut BytesMut, header: &impl Serialize, body: &[u8]) -> io::Result<()> {
    put_frame(buffer, |buffer| {
        let mut scratch = [0; 32];
        let header = postcard::to_slice(header, &mut scratch).map_err(invalid)?;
        buffer.reserve(header.len() + body.len());
        buffer.put_slice(header);
        buffer.put_slice(body);
        Ok(())
    })
}

/// The header of a frame, and the body after it, which shares the frame's memory.
fn split<'a, H: Deserialize<'a>>(frame: &'a Bytes) -> io::Result<(H, Bytes)> {
    let (header, rest) =
        postcard::take_from_bytes(frame).map_err(|e| invalid(format!("this is not a tarmem frame: {e}")))?;
    Ok((header, frame.slice_ref(rest)))
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_hostile_deadline_is_clamped() {
        for timeout_ms in [0, 1 << 36, u64::MAX] {
            let mut buffer = BytesMut::new();
            let header = RequestHeader::Request { id: 1, timeout_ms, method: Method::Collect };
            put_message(&mut buffer, &header, b"").expect("encodes");
            let decoded = ServerCodec::new(FrameLimit::new(1024), Arc::default(), Partial::default(), |_| {})
                .decode(&mut buffer)
                .expect("decodes");
            let Some(ClientMessage::Request(request)) = decoded else { panic!("not a request") };
            assert!(request.context.deadline <= Instant::now() + LONGEST_REQUEST);
        }
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_or_a_message_never_a_panic(bytes: Vec<u8>) {
            let mut buffer = BytesMut::new();
            put_frame(&mut buffer, |b| { b.put_slice(&bytes); Ok(()) }).expect("fits");
            let mut copy = buffer.clone();
            let _ = ServerCodec::new(FrameLimit::new(1 << 20), Arc::default(), Partial::default(), |_| {}).decode(&mut buffer);
            let _ = ClientCodec::new(FrameLimit::new(1 << 20)).decode(&mut copy);
        }
    }
}
