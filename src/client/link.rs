//! One connection to a service, from its handshake on.

use super::SessionBuilder;
use super::outbox::Bounds;
use crate::security::verdict_of;
use crate::wire::WireClient;
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello, HelloDetails, Resume, Resumed, Welcome};
use crate::wire::transport::{ClientCodec, LONGEST_REQUEST};
use futures::FutureExt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tarmem_remote::error::Error;
use tarmem_remote::operation::PROTOCOL_VERSION;
use tarpc::ChannelError;
use tarpc::client::{Config, NewClient};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Framed;
use uuid::Uuid;

/// What a connection's buffers begin with, in bytes; they grow as needed.
const BUFFER: usize = 4096;

/// The largest answer to `open`, in bytes.
const ANSWER_BYTES: usize = 4 << 10;

/// How a connection ends in order.
const CLOSED: &str = "it was closed";

/// How one ends on which nothing was said.
pub(super) const HUNG_UP: &str = "it hung up without an answer: it is no tarmem service, or has too many connections";

/// How long the service may take to answer `open`.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// Reads and writes; says why it ended.
pub(super) type Dispatch = Pin<Box<dyn Future<Output = String> + Send>>;

/// A connection with an open session.
pub(super) struct Link {
    pub(super) client: WireClient,
    pub(super) dispatch: Dispatch,
}

/// Which session a connection carries, and how it is found again.
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
    pub(super) link: Link,
    pub(super) identity: Identity,
    pub(super) resumed: Resumed,
    pub(super) bounds: Bounds,
}

impl Link {
    /// Opens a session over `stream`, or resumes one.
    pub(super) async fn open<S>(stream: S, options: &SessionBuilder, resume: Option<Resume>) -> Result<Opened, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = options.address.clone();
        // What is no service of ours announces anything: a web server's first bytes, a frame of 1.2 GB.
        let limit = FrameLimit::new(options.max_frame.min(ANSWER_BYTES));
        let framed = Framed::with_capacity(stream, ClientCodec::new(limit.clone()), BUFFER);
        let NewClient { client, dispatch } = WireClient::new(Config::default(), framed);
        let nonsense = Arc::new(AtomicBool::new(false));
        let verdict = Arc::new(OnceLock::new());
        let (heard_nonsense, heard_verdict) = (Arc::clone(&nonsense), Arc::clone(&verdict));
        let mut dispatch: Dispatch = Box::pin(dispatch.map(move |end| match end {
            Ok(()) => CLOSED.to_owned(),
            Err(error) => {
                let is_nonsense =
                    matches!(&error, ChannelError::Read(cause) if cause.kind() == io::ErrorKind::InvalidData);
                heard_nonsense.store(is_nonsense, Ordering::Relaxed);
                // The service's verdict on this client's certificate comes with the first bytes.
                let verdict = match &error {
                    ChannelError::Read(cause) => verdict_of(cause),
                    _ => None,
                };
                if let Some(reason) = &verdict {
                    let _ = heard_verdict.set(reason.clone());
                }
                verdict.unwrap_or_else(|| root_cause(&error))
            }
        }));
        let details = HelloDetails {
            ignore_version: options.ignore_version,
            resume,
            resumable: options.can_come_back(),
            token: options.secret(),
        };
        let hello = Hello { protocol: PROTOCOL_VERSION, details }.encode()?;
        let (answer, ended) = {
            let mut opening = pin!(client.open(context(), hello));
            tokio::select! {
                biased;
                // Whoever is refused is told so and hung up on, perhaps in one turn.
                cause = &mut dispatch => (opening.now_or_never().and_then(Result::ok), Some(cause)),
                answer = &mut opening => (answer.ok(), None),
                () = tokio::time::sleep(OPEN_TIME) => (None, Some(format!("it did not answer within {OPEN_TIME:?}"))),
            }
        };
        let welcome = match answer.as_deref().map(Answer::decode) {
            Some(Ok(Answer::Welcome(welcome))) if ended.is_none() => welcome,
            Some(Ok(Answer::Refused { reason })) => return Err(Error::Refused { reason }),
            Some(Ok(Answer::Protocol { service })) => {
                return Err(Error::ProtocolMismatch { client: PROTOCOL_VERSION, service });
            }
            Some(Err(_)) => return Err(Error::NotAService { address }),
            _ if verdict.get().is_some() => {
                let reason = verdict.get().cloned().unwrap_or_default();
                return Err(Error::Insecure { address, reason });
            }
            _ if nonsense.load(Ordering::Relaxed) => return Err(Error::NotAService { address }),
            _ => {
                let cause = ended.filter(|cause| cause != CLOSED).unwrap_or_else(|| HUNG_UP.to_owned());
                return Err(Error::Closed { address, cause });
            }
        };
        limit.set(options.max_frame);
        let Welcome { session, secret, service, resumed, .. } = welcome;
        let bounds = Bounds {
            frame_bytes: usize::try_from(welcome.max_frame_bytes).unwrap_or(usize::MAX).min(options.max_frame),
            batch: (welcome.max_batch as usize).max(1),
            in_flight: (welcome.max_in_flight as usize).max(1),
        };
        // Less would break a connection between two polls; more is no use.
        let lease = Duration::from_millis(welcome.lease_ms.clamp(10, 24 * 3600 * 1000));
        let identity = Identity { session, secret, service, lease };
        Ok(Opened { link: Link { client, dispatch }, identity, resumed, bounds })
    }
}

/// tarpc's own deadline, for a request and not for a call in it.
pub(super) fn context() -> tarpc::context::Context {
    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + LONGEST_REQUEST;
    context
}

/// What went wrong at the bottom: the layers above say only that something did.
pub(super) fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
