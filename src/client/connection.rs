//! One connection to a service, from its handshake on.

use super::home_runtime::RunsOn;
use super::options::SessionOptions;
use super::outbox::SendLimits;
use super::probe::PeerKind;
use crate::byte_stream::ByteStream;
use crate::security::verdict_of;
use crate::wire::channel::Channel;
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello, HelloDetails, Resume, Resumed, Welcome};
use crate::wire::transport::{ClientMessage, ServerMessage};
use crate::wire::{WireRequest, WireResponse};
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tarmem_remote::error::Error;
use tarmem_remote::operation::PROTOCOL_VERSION;
use uuid::Uuid;

/// What a connection's buffer for reading begins with, in bytes; it grows as needed.
const BUFFER: usize = 4096;

/// The largest answer to `open`, in bytes.
const ANSWER_BYTES: usize = 4 << 10;

/// How a connection ends in order.
const CLOSED: &str = "it was closed";

/// How one ends on which nothing was said.
pub(super) const HUNG_UP: &str = "it hung up without an answer: it is no tarmem service, or has too many connections";

/// How one ends of a service that says what it is to others.
pub(super) const HUNG_UP_AS_SERVICE: &str =
    "it is a tarmem service, and hung up without an answer: it may have too many connections";

/// How long the service may take to answer `open`.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// A connection with an open session.
pub(super) struct Connection {
    channel: Channel<Box<dyn ByteStream>>,
    /// The number of the last request.
    last: u64,
    /// It was used for calls.
    used: bool,
    /// On which runtime it can be pumped.
    pub(super) runs_on: RunsOn,
}

/// Which session a connection is of, and how it is found again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) session: Uuid,
    pub(super) secret: Uuid,
    /// The service that has it.
    pub(super) service: Uuid,
    /// How long it is kept of whose client nothing is heard.
    pub(super) lease: Duration,
}

/// What the service said to a client that came in.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) identity: Identity,
    pub(super) resumed: Resumed,
    pub(super) limits: SendLimits,
}

/// Why a connection came to no session.
pub(super) struct OpenFailure {
    pub(super) error: Error,
    /// Trying again would give the same.
    pub(super) is_final: bool,
}

impl From<Error> for OpenFailure {
    fn from(error: Error) -> Self {
        use Error::{Insecure, NotAService, ProtocolMismatch, Refused};
        let is_final = matches!(error, Refused { .. } | ProtocolMismatch { .. } | NotAService { .. } | Insecure { .. });
        OpenFailure { error, is_final }
    }
}

impl Connection {
    /// Opens a session over `stream`, or resumes one.
    pub(super) async fn open(
        stream: impl ByteStream,
        options: &SessionOptions,
        resume: Option<Resume>,
    ) -> Result<Opened, OpenFailure> {
        let address = options.address.clone();
        // What is no service of ours announces anything: a web server's first bytes, a frame of 1.2 GB.
        let limit = FrameLimit::new(options.max_frame.min(ANSWER_BYTES));
        let stream: Box<dyn ByteStream> = Box::new(stream);
        let channel = Channel::new(stream, limit.clone(), BUFFER);
        let mut connection = Connection { channel, last: 0, used: false, runs_on: RunsOn::Home };
        let details = HelloDetails {
            ignore_version: options.ignore_version,
            resume,
            resumable: options.can_reconnect(),
            token: options.token.clone(),
            max_frame_bytes: options.max_frame as u64,
        };
        let hello = Hello { protocol: PROTOCOL_VERSION, details }.encode()?;
        let welcome = match tokio::time::timeout(OPEN_TIME, connection.ask(WireRequest::Open { hello })).await {
            Ok(Ok(Some(WireResponse::Open(answer)))) => match Answer::decode(&answer) {
                Ok(Answer::Welcome(welcome)) => welcome,
                Ok(Answer::Refused { reason, temporary }) => {
                    return Err(OpenFailure { error: Error::Refused { reason }, is_final: !temporary });
                }
                Ok(Answer::Protocol { service }) => {
                    return Err(Error::ProtocolMismatch { client: PROTOCOL_VERSION, service }.into());
                }
                Err(error) => return Err(Error::NotAService { address, seen: format!("its answer is {error}") }.into()),
            },
            Ok(Ok(Some(_))) => {
                let seen = "it answered another request than was made".to_owned();
                return Err(Error::NotAService { address, seen }.into());
            }
            Ok(Ok(None)) => {
                return Err(match PeerKind::recognise(connection.channel.unread()) {
                    Some(peer) => Error::NotAService { address, seen: peer.to_string() },
                    None => Error::Closed { address, cause: HUNG_UP.to_owned() },
                }
                .into());
            }
            Ok(Err(error)) => {
                // The service's verdict on this client's certificate comes with the first bytes.
                let error = match verdict_of(&error) {
                    Some(reason) => Error::Insecure { address, reason },
                    None if error.kind() == io::ErrorKind::InvalidData => {
                        let peer = PeerKind::recognise(connection.channel.unread());
                        let seen =
                            peer.map_or_else(|| "what it says makes no sense".to_owned(), |peer| peer.to_string());
                        Error::NotAService { address, seen }
                    }
                    None => Error::Closed { address, cause: root_cause(&error) },
                };
                return Err(error.into());
            }
            Err(_) => {
                let cause = format!("it did not answer within {OPEN_TIME:?}");
                return Err(Error::Closed { address, cause }.into());
            }
        };
        limit.set(options.max_frame);
        let Welcome { session, secret, service, resumed, .. } = welcome;
        let limits = SendLimits {
            frame_bytes: usize::try_from(welcome.max_frame_bytes).unwrap_or(usize::MAX).min(options.max_frame),
            batch: (welcome.max_batch as usize).max(1),
            in_flight: (welcome.max_in_flight as usize).max(1),
        };
        // Less would break a connection between two polls; more is no use.
        let lease = Duration::from_millis(welcome.lease_ms.clamp(10, 24 * 3600 * 1000));
        let identity = Identity { session, secret, service, lease };
        Ok(Opened { connection, identity, resumed, limits })
    }

    /// Puts a request in line; its number.
    pub(super) fn request(&mut self, request: WireRequest) -> io::Result<u64> {
        self.last += 1;
        let message = ClientMessage::Request { id: self.last, request }.encode()?;
        self.channel.put(message.head(), message.body.clone())?;
        Ok(self.last)
    }

    /// Puts a batch of calls in line, which `write` appends; its number.
    pub(super) fn submit(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<u64> {
        self.last += 1;
        self.used = true;
        let request = WireRequest::Submit { batch: Bytes::new() };
        let message = ClientMessage::Request { id: self.last, request }.encode()?;
        self.channel.put_with(message.head(), write)?;
        Ok(self.last)
    }

    /// Whether it was used for calls.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Writes what is in line.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.channel.is_flushed() { Poll::Ready(Ok(())) } else { self.channel.poll_flush(cx) }
    }

    /// The next response, with the number of its request; `None` if there are no more.
    pub(super) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<(u64, WireResponse)>>> {
        let Some(frame) = ready!(self.channel.poll_frame(cx))? else { return Poll::Ready(Ok(None)) };
        let ServerMessage { id, response } = ServerMessage::decode(&frame)?;
        Poll::Ready(response.map(|response| Some((id, response))).map_err(io::Error::other))
    }

    /// Makes a request and awaits its response, passing over those to earlier ones.
    pub(super) async fn ask(&mut self, request: WireRequest) -> io::Result<Option<WireResponse>> {
        let asked = self.request(request)?;
        poll_fn(|cx| {
            // What has come is read although nothing can be written any more: it may say why.
            let written = self.poll_flush(cx);
            loop {
                match self.poll_response(cx)? {
                    Poll::Ready(Some((id, response))) if id == asked => return Poll::Ready(Ok(Some(response))),
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Pending => match written {
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        _ => return Poll::Pending,
                    },
                }
            }
        })
        .await
    }

    /// Hangs up in order, once all has been written.
    pub(super) async fn close(mut self) -> io::Result<()> {
        poll_fn(|cx| self.channel.poll_close(cx)).await
    }
}

/// Why a connection ended.
pub(super) fn cause_of(end: Option<io::Error>) -> String {
    let Some(error) = end else { return CLOSED.to_owned() };
    verdict_of(&error).unwrap_or_else(|| root_cause(&error))
}

/// What went wrong at the bottom: the layers above say only that something did.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
