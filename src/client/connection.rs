//! One connection to a service, from the handshake that opens its session on.

use super::home_runtime::RunsOn;
use super::options::SessionOptions;
use super::outbox::SendLimits;
use super::probe::PeerKind;
use super::service_state::ServiceState;
use crate::byte_stream::ByteStream;
use crate::security::verdict_of;
use crate::wire::channel::Channel;
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello, HelloDetails, Known, Resume, Resumed, Seen, Welcome};
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

/// The initial size of a connection's read buffer, in bytes; it grows as needed.
const BUFFER: usize = 4096;

/// The maximum size of an answer to `open`, in bytes.
const ANSWER_BYTES: usize = 4 << 10;

/// The cause if the service closed the connection.
const CLOSED: &str = "it was closed";

/// The cause if the peer closed the connection without an answer to `open`.
pub(super) const HUNG_UP: &str =
    "it hung up without an answer: it is not a tarmem service, or has too many connections";

/// As [`HUNG_UP`], if a probe has shown that the peer is a tarmem service.
pub(super) const HUNG_UP_AS_SERVICE: &str =
    "it is a tarmem service, and hung up without an answer: it may have too many connections";

/// How long the service may take to answer `open`.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// How long it may take to close a connection over which nothing else is to be sent.
const CLOSE_TIME: Duration = Duration::from_millis(100);

/// A connection with an open session.
pub(super) struct Connection {
    channel: Channel<Box<dyn ByteStream>>,
    /// The number of the last request.
    last: u64,
    /// Whether calls have been sent over it.
    used: bool,
    /// The runtime on which it can be pumped.
    pub(super) runs_on: RunsOn,
}

/// The session of a connection, with everything that is needed to resume it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) session: Uuid,
    pub(super) secret: Uuid,
    /// The run of the service that carries it on.
    pub(super) run: Uuid,
    /// The directory in which the service keeps its objects, if it does.
    pub(super) directory: Option<Uuid>,
    /// Up to where changes of it may have been seen.
    pub(super) seen: Option<Seen>,
    /// How long the service keeps the session when the client is silent.
    pub(super) lease: Duration,
}

impl Identity {
    /// What resumes the session, if the client has received all batches of replies below this number.
    pub(super) fn resume(&self, received_below: u64) -> Resume {
        let known = self.directory.map(|directory| Known { directory, seen: self.seen });
        Resume { session: self.session, secret: self.secret, received_below, known }
    }

    /// Replies have arrived that may tell of changes up to this batch.
    pub(super) fn saw(&mut self, batch: u64) {
        let before = self.seen.filter(|seen| seen.run == self.run).map_or(0, |seen| seen.batch);
        self.seen = Some(Seen { run: self.run, batch: batch.max(before) });
    }
}

/// An opened session, as the service describes it.
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) identity: Identity,
    pub(super) resumed: Resumed,
    pub(super) limits: SendLimits,
}

/// Why a session was not opened.
pub(super) struct OpenFailure {
    pub(super) error: Error,
    /// Whether another attempt would fail in the same way.
    pub(super) is_final: bool,
}

impl From<Error> for OpenFailure {
    fn from(error: Error) -> Self {
        use Error::{HistoryLost, Insecure, NotAService, OtherHistory, ProtocolMismatch, Refused};
        let is_final = matches!(
            error,
            Refused { .. }
                | ProtocolMismatch { .. }
                | NotAService { .. }
                | Insecure { .. }
                | OtherHistory { .. }
                | HistoryLost { .. }
        );
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
        let details = HelloDetails {
            ignore_version: options.ignore_version,
            resume,
            resumable: options.can_reconnect(),
            token: options.token.clone(),
            max_frame_bytes: options.max_frame as u64,
            only_asks: false,
        };
        let known = resume.and_then(|resume| resume.known);
        let (connection, limit, welcome) = match Connection::ask_to_open(stream, options, details).await? {
            (connection, limit, Answer::Welcome(welcome)) => (connection, limit, welcome),
            (.., answer) => return Err(not_opened(&options.address, answer, known)),
        };
        limit.set(options.max_frame);
        let Welcome { session, secret, run, directory, resumed, .. } = welcome;
        let limits = SendLimits {
            frame_bytes: usize::try_from(welcome.max_frame_bytes).unwrap_or(usize::MAX).min(options.max_frame),
            batch: (welcome.max_batch as usize).max(1),
            in_flight: (welcome.max_in_flight as usize).max(1),
        };
        // With a shorter lease, the connection would break between two polls; a longer one is of no use.
        let lease = Duration::from_millis(welcome.lease_ms.clamp(10, 24 * 3600 * 1000));
        let identity = Identity { session, secret, run, directory, seen: None, lease };
        Ok(Opened { connection, identity, resumed, limits })
    }

    /// Asks the service at the other end of `stream` for its state.
    pub(super) async fn probe(stream: impl ByteStream, options: &SessionOptions) -> Result<ServiceState, OpenFailure> {
        let details = HelloDetails {
            ignore_version: options.ignore_version,
            token: options.token.clone(),
            only_asks: true,
            ..HelloDetails::default()
        };
        let (connection, _, answer) = Connection::ask_to_open(stream, options, details).await?;
        let state = match answer {
            // A service that opens a session all the same is ready.
            Answer::Ready | Answer::Welcome(_) => ServiceState::Ready,
            Answer::Loading(progress) => ServiceState::Loading(progress),
            Answer::Failed { reason } => ServiceState::Failed { reason },
            answer => return Err(not_opened(&options.address, answer, None)),
        };
        let _ = tokio::time::timeout(CLOSE_TIME, connection.close()).await;
        Ok(state)
    }

    /// Makes the first request over `stream`. Also returns the limit of frames, which is that of the answer.
    async fn ask_to_open(
        stream: impl ByteStream,
        options: &SessionOptions,
        details: HelloDetails,
    ) -> Result<(Connection, FrameLimit, Answer), OpenFailure> {
        let address = options.address.clone();
        // The peer may speak another protocol: the first bytes of a web server would announce a frame of 1.2 GB.
        let limit = FrameLimit::new(options.max_frame.min(ANSWER_BYTES));
        let stream: Box<dyn ByteStream> = Box::new(stream);
        let channel = Channel::new(stream, limit.clone(), BUFFER);
        let mut connection = Connection { channel, last: 0, used: false, runs_on: RunsOn::Home };
        let hello = Hello { protocol: PROTOCOL_VERSION, details }.encode()?;
        match tokio::time::timeout(OPEN_TIME, connection.ask(WireRequest::Open { hello })).await {
            Ok(Ok(Some(WireResponse::Open(answer)))) => match Answer::decode(&answer) {
                Ok(answer) => Ok((connection, limit, answer)),
                Err(error) => Err(Error::NotAService { address, seen: format!("its answer is {error}") }.into()),
            },
            Ok(Ok(Some(_))) => {
                let seen = "it answered a request that was not made".to_owned();
                Err(Error::NotAService { address, seen }.into())
            }
            Ok(Ok(None)) => Err(match PeerKind::recognise(connection.channel.unread()) {
                Some(peer) => Error::NotAService { address, seen: peer.to_string() },
                None => Error::Closed { address, cause: HUNG_UP.to_owned() },
            }
            .into()),
            Ok(Err(error)) => {
                // If the service refuses this client's certificate, its alert comes only now, with the first bytes.
                let error = match verdict_of(&error) {
                    Some(reason) => Error::Insecure { address, reason },
                    None if error.kind() == io::ErrorKind::InvalidData => {
                        let peer = PeerKind::recognise(connection.channel.unread());
                        let seen = peer.map_or_else(|| "its answer is malformed".to_owned(), |peer| peer.to_string());
                        Error::NotAService { address, seen }
                    }
                    None => Error::Closed { address, cause: root_cause(&error) },
                };
                Err(error.into())
            }
            Err(_) => {
                let cause = format!("it did not answer within {OPEN_TIME:?}");
                Err(Error::Closed { address, cause }.into())
            }
        }
    }

    /// Queues a request, and returns its number.
    pub(super) fn request(&mut self, request: WireRequest) -> io::Result<u64> {
        self.last += 1;
        let message = ClientMessage::Request { id: self.last, request }.encode()?;
        self.channel.put(message.head(), message.body.clone())?;
        Ok(self.last)
    }

    /// Queues a batch of calls, which `write` appends to the buffer, and returns the number of the request.
    pub(super) fn submit(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<u64> {
        self.last += 1;
        self.used = true;
        let request = WireRequest::Submit { batch: Bytes::new() };
        let message = ClientMessage::Request { id: self.last, request }.encode()?;
        self.channel.put_with(message.head(), write)?;
        Ok(self.last)
    }

    /// Whether calls have been sent over it.
    pub(super) fn is_used(&self) -> bool {
        self.used
    }

    /// Writes the queued requests.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.channel.is_flushed() { Poll::Ready(Ok(())) } else { self.channel.poll_flush(cx) }
    }

    /// Receives the next response, with the number of its request; `None` if the connection has ended.
    pub(super) fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<(u64, WireResponse)>>> {
        let Some(frame) = ready!(self.channel.poll_frame(cx))? else { return Poll::Ready(Ok(None)) };
        let ServerMessage { id, response } = ServerMessage::decode(&frame)?;
        Poll::Ready(response.map(|response| Some((id, response))).map_err(io::Error::other))
    }

    /// Makes a request and waits for its response. Responses to earlier requests are dropped.
    pub(super) async fn ask(&mut self, request: WireRequest) -> io::Result<Option<WireResponse>> {
        let asked = self.request(request)?;
        poll_fn(|cx| {
            // Even if writing fails, responses that have arrived are read: they may say why.
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

    /// Closes the connection after everything has been written.
    pub(super) async fn close(mut self) -> io::Result<()> {
        poll_fn(|cx| self.channel.poll_close(cx)).await
    }
}

/// Why a service that has answered so opens no session, for a client that knows this of what the service keeps.
fn not_opened(address: &str, answer: Answer, known: Option<Known>) -> OpenFailure {
    let address = address.to_owned();
    match (answer, known) {
        (Answer::Refused { reason, temporary }, _) => {
            OpenFailure { error: Error::Refused { reason }, is_final: !temporary }
        }
        (Answer::Protocol { service }, _) => Error::ProtocolMismatch { client: PROTOCOL_VERSION, service }.into(),
        (Answer::Loading(progress), _) => Error::StillLoading { address, progress }.into(),
        (Answer::OtherHistory { found }, Some(Known { directory: expected, .. })) => {
            Error::OtherHistory { address, expected, found }.into()
        }
        (Answer::HistoryLost { recovered }, Some(Known { directory, seen: Some(seen) })) => {
            Error::HistoryLost { address, directory, seen: seen.batch, recovered }.into()
        }
        (Answer::OtherHistory { .. } | Answer::HistoryLost { .. }, _) => {
            Error::NotAService { address, seen: "it speaks of a session that was not asked for".to_owned() }.into()
        }
        (Answer::Welcome(_) | Answer::Ready | Answer::Failed { .. }, _) => {
            Error::NotAService { address, seen: "it answered what was not asked".to_owned() }.into()
        }
    }
}

/// The cause for the end of a connection.
pub(super) fn cause_of(end: Option<io::Error>) -> String {
    let Some(error) = end else { return CLOSED.to_owned() };
    verdict_of(&error).unwrap_or_else(|| root_cause(&error))
}

/// The innermost error: the layers above it only say that something failed.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
