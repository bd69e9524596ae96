//! One connection: a task that carries a session's calls.
//!
//! Whatever is in the outbox when a request can be sent goes into it; while one is on its way, more gathers. So a lone call
//! is sent at once, and many callers share requests, without a timer.

use super::SessionBuilder;
use super::outbox::{Bounds, Outbox, Pushed};
use crate::wire::WireClient;
use crate::wire::batch::{Answered, CLOSING, FATAL, ReplyHead};
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello, HelloDetails};
use crate::wire::transport::{ClientCodec, LONGEST_REQUEST};
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::iter;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tarmem_remote::call::{Caller, Submitted, Timeout};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{PROTOCOL_VERSION, Reply};
use tarpc::ChannelError;
use tarpc::client::{Config, NewClient, RpcError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio_util::codec::Framed;
use uuid::Uuid;

/// What a connection's buffers begin with, in bytes; they grow as needed.
const BUFFER: usize = 4096;

/// Requests on their way at one time. More does not help: while these are, the outbox gathers.
const REQUESTS: usize = 4;

/// Replies handed out in one turn. The tasks that they wake run before the next ones are, and what these send goes out while
/// the service is idle: client and service work at one time, and not in turns. (512 tasks on one session, both cores free:
/// 1.11 million calls/s with all at once, 1.63 million with 64.)
const REPLIES: usize = 64;

/// The largest answer to `open`, in bytes.
const ANSWER_BYTES: usize = 4 << 10;

/// How a connection ends in order.
const CLOSED: &str = "it was closed";

/// How one ends on which nothing was said.
const HUNG_UP: &str = "it hung up without an answer: it is no tarmem service, or has too many connections";

/// How long the service may take to answer `open`.
const OPEN_TIME: Duration = Duration::from_secs(10);

/// How long the service may take to answer the last that is sent.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// A connection with an open session.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    call_timeout: Option<Duration>,
    session: Uuid,
}

struct Shared {
    address: String,
    outbox: Mutex<Outbox>,
    /// There is something in the outbox.
    work: Notify,
    /// The session is to end.
    close: Notify,
    /// Turns true when the task has ended.
    ended: watch::Sender<bool>,
}

impl Connection {
    /// Opens a session over `stream`.
    pub(super) async fn open<S>(stream: S, options: &SessionBuilder) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let address = options.address.clone();
        // What is no service of ours announces anything: a web server's first bytes, a frame of 1.2 GB.
        let limit = FrameLimit::new(options.max_frame.min(ANSWER_BYTES));
        let framed = Framed::with_capacity(stream, ClientCodec::new(limit.clone()), BUFFER);
        let NewClient { client, dispatch } = WireClient::new(Config::default(), framed);
        let nonsense = Arc::new(AtomicBool::new(false));
        let heard_nonsense = Arc::clone(&nonsense);
        let mut dispatch: Dispatch = Box::pin(dispatch.map(move |end| match end {
            Ok(()) => CLOSED.to_owned(),
            Err(error) => {
                let is_nonsense =
                    matches!(&error, ChannelError::Read(cause) if cause.kind() == io::ErrorKind::InvalidData);
                heard_nonsense.store(is_nonsense, Ordering::Relaxed);
                root_cause(&error)
            }
        }));
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            details: HelloDetails { ignore_version: options.ignore_version, ..HelloDetails::default() },
        };
        let hello = hello.encode()?;
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
            _ if nonsense.load(Ordering::Relaxed) => return Err(Error::NotAService { address }),
            _ => {
                let cause = ended.filter(|cause| cause != CLOSED).unwrap_or_else(|| HUNG_UP.to_owned());
                return Err(Error::Closed { address, cause });
            }
        };
        limit.set(options.max_frame);
        let bounds = Bounds {
            frame_bytes: usize::try_from(welcome.max_frame_bytes).unwrap_or(usize::MAX).min(options.max_frame),
            batch: (welcome.max_batch as usize).max(1),
            in_flight: (welcome.max_in_flight as usize).max(1),
        };
        let shared = Arc::new(Shared {
            address,
            outbox: Mutex::new(Outbox::new(bounds)),
            work: Notify::new(),
            close: Notify::new(),
            ended: watch::Sender::new(false),
        });
        tokio::spawn(carry(client, dispatch, Arc::clone(&shared)));
        Ok(Connection { shared, call_timeout: options.call_timeout, session: welcome.session })
    }

    pub(super) fn session(&self) -> Uuid {
        self.session
    }

    pub(super) fn address(&self) -> &str {
        &self.shared.address
    }

    pub(super) fn ended(&self) -> Option<Error> {
        self.shared.outbox.lock().ended().cloned()
    }

    pub(super) async fn close(&self) {
        self.shared.end("it was closed here".to_owned());
        self.shared.close.notify_one();
        self.carried().await;
    }

    /// Ready once the task that carries its calls has ended; does not keep it alive.
    pub(super) fn carried(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.shared.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close.notify_one();
    }
}

impl Caller for Connection {
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Vec<u8>, timeout: Timeout) -> Poll<Submitted> {
        let timeout = match timeout {
            Timeout::Default => self.call_timeout,
            Timeout::After(timeout) => Some(timeout),
            Timeout::Never => None,
        };
        let pushed = self.shared.outbox.lock().push(operation, timeout, cx.waker());
        match pushed {
            Pushed::Crowded => Poll::Pending,
            Pushed::Refused(error) => Poll::Ready(Submitted::Answered(Reply::Failed(error))),
            Pushed::Waiting { sequence, first } => {
                if first {
                    self.shared.work.notify_one();
                }
                Poll::Ready(Submitted::Waiting(sequence))
            }
        }
    }

    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Vec<u8>) -> Poll<Reply> {
        let reply = self.shared.outbox.lock().poll_reply(cx, sequence, operation);
        if let Poll::Ready(Reply::Provisional(_)) = reply {
            self.shared.work.notify_one();
        }
        reply
    }

    fn cancel(&self, sequence: u64) {
        self.shared.outbox.lock().cancel(sequence);
        self.shared.work.notify_one();
    }

    fn forget(&self, sequence: u64) {
        self.shared.outbox.lock().forget(sequence);
        self.shared.work.notify_one();
    }

    fn release(&self, id: Uuid) {
        self.shared.outbox.lock().release(id);
        self.shared.work.notify_one();
    }

    fn send(&self, operation: Vec<u8>) {
        self.shared.outbox.lock().send(operation);
        self.shared.work.notify_one();
    }
}

impl Shared {
    fn end(&self, cause: String) {
        let address = self.address.clone();
        let unknown = Error::OutcomeUnknown { address: address.clone(), cause: cause.clone() };
        let waiting = self.outbox.lock().end(Error::Closed { address, cause }, &unknown);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Hands out the first [`REPLIES`] of `replies`; the rest of them.
    fn deliver(&self, replies: &Bytes) -> Result<Bytes, String> {
        let mut rest: &[u8] = replies;
        let mut answered = 0;
        let mut waiting = Vec::with_capacity(REPLIES);
        let more_work = {
            let mut outbox = self.outbox.lock();
            while !rest.is_empty() && answered < REPLIES {
                let (reply, more) = Answered::take(rest).map_err(|e| e.to_string())?;
                (rest, answered) = (more, answered + 1);
                // One that is pending stays in the outbox.
                if let Some(outcome) = reply.outcome.into_reply(replies) {
                    waiting.extend(outbox.answered(reply.sequence, outcome));
                }
            }
            outbox.has_work()
        };
        // Under no lock: they look for their replies at once.
        waiting.into_iter().for_each(Waker::wake);
        if more_work {
            self.work.notify_one();
        }
        Ok(replies.slice_ref(rest))
    }
}

type Dispatch = Pin<Box<dyn Future<Output = String> + Send>>;
type Answers = Pin<Box<dyn Future<Output = Result<Bytes, RpcError>> + Send>>;

/// Carries calls until the connection ends, or nobody needs it any more.
async fn carry(client: WireClient, mut dispatch: Dispatch, shared: Arc<Shared>) {
    // However this task ends, even by a panic or with its runtime: nobody waits for it in vain.
    let ending = Ending(Arc::clone(&shared));
    let end = carry_until_end(&client, &mut dispatch, &shared).await;
    shared.end(end.cause);
    let farewell = shared.outbox.lock().take_farewell();
    let mut broken = end.broken;
    if let (false, Some(farewell)) = (broken, farewell) {
        // The session's end would give all of this up, too, but others would be told that it had vanished.
        let sent = async {
            tokio::select! {
                biased;
                _ = client.submit(context(), farewell) => false,
                _ = &mut dispatch => true,
            }
        };
        broken = tokio::time::timeout(FAREWELL_TIME, sent).await.unwrap_or(false);
    }
    drop(client);
    if !broken {
        // Without a client tarpc closes its side of the connection in order.
        let _ = tokio::time::timeout(Duration::from_secs(1), dispatch).await;
    }
    drop(ending);
}

struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end("the task that carried it has ended, with its runtime perhaps".to_owned());
        self.0.ended.send_replace(true);
    }
}

/// How a connection ended.
struct End {
    cause: String,
    /// The connection itself has ended, and not only our use of it.
    broken: bool,
}

impl End {
    fn ours(cause: impl Into<String>) -> Self {
        End { cause: cause.into(), broken: false }
    }
}

async fn carry_until_end(client: &WireClient, dispatch: &mut Dispatch, shared: &Shared) -> End {
    let mut submitted: FuturesUnordered<Answers> = FuturesUnordered::new();
    let mut collecting = collect(client);
    let mut closing = false;
    let mut expiry = Expiry::default();
    let mut replies = Replies::default();
    loop {
        expiry.set(shared.outbox.lock().next_deadline());
        tokio::select! {
            biased;
            // The requests before the dispatch, so that what they hand to it is sent in the same turn.
            Some(answer) = submitted.next(), if !submitted.is_empty() => {
                let answer = answered(answer).and_then(|frame| {
                    replies.add(&frame)?;
                    replies.deliver(shared)
                });
                if let Err(cause) = answer {
                    return End::ours(cause);
                }
            }
            answer = &mut collecting => {
                let answer = answered(answer).and_then(|frame| {
                    closing |= replies.add(&frame)? & CLOSING != 0;
                    replies.deliver(shared)
                });
                if let Err(cause) = answer {
                    return End::ours(cause);
                }
                if closing {
                    // It answers polls at once now; what is left it says as it finishes.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                collecting = collect(client);
            }
            cause = &mut *dispatch => {
                // Answers that came in the same turn as the end.
                let mut last: Vec<_> = iter::from_fn(|| submitted.next().now_or_never().flatten()).collect();
                last.extend((&mut collecting).now_or_never());
                for frame in last.into_iter().flatten() {
                    closing |= replies.add(&frame).is_ok_and(|flags| flags & CLOSING != 0);
                }
                while !replies.is_empty() && replies.deliver(shared).is_ok() {}
                let cause = if closing { "the service has shut down".to_owned() } else { cause };
                return End { cause, broken: true };
            }
            () = shared.close.notified() => return End::ours("it was closed here"),
            () = expiry.passed() => {
                let overdue = shared.outbox.lock().expire(Instant::now());
                overdue.into_iter().for_each(Waker::wake);
            }
            () = shared.work.notified(), if submitted.len() < REQUESTS => {
                let (batch, more) = {
                    let mut outbox = shared.outbox.lock();
                    (outbox.take_batch(), outbox.has_work())
                };
                match batch {
                    Err(error) => return End::ours(error.to_string()),
                    Ok(None) => {}
                    Ok(Some(batch)) => {
                        let client = client.clone();
                        submitted.push(Box::pin(async move { client.submit(context(), batch).await }));
                    }
                }
                if more {
                    shared.work.notify_one();
                }
            }
            // After all else: those that were woken run first, and so does what they send.
            () = tokio::task::yield_now(), if !replies.is_empty() => {
                if let Err(cause) = replies.deliver(shared) {
                    return End::ours(cause);
                }
            }
        }
    }
}

/// Batches of replies that have arrived and were not handed out yet.
#[derive(Default)]
struct Replies {
    batches: VecDeque<Bytes>,
}

impl Replies {
    /// Takes in a frame; gives its flags.
    fn add(&mut self, frame: &Bytes) -> Result<u8, String> {
        let (ReplyHead { flags, .. }, replies) = ReplyHead::take(frame).map_err(|e| e.to_string())?;
        if flags & FATAL != 0 {
            return Err(String::from_utf8_lossy(replies).into_owned());
        }
        if !replies.is_empty() {
            self.batches.push_back(frame.slice_ref(replies));
        }
        Ok(flags)
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Hands out some.
    fn deliver(&mut self, shared: &Shared) -> Result<(), String> {
        if let Some(replies) = self.batches.pop_front() {
            let rest = shared.deliver(&replies)?;
            if !rest.is_empty() {
                self.batches.push_front(rest);
            }
        }
        Ok(())
    }
}

fn collect(client: &WireClient) -> Answers {
    let client = client.clone();
    Box::pin(async move { client.collect(context()).await })
}

fn answered(answer: Result<Bytes, RpcError>) -> Result<Bytes, String> {
    answer.map_err(|error| root_cause(&error))
}

/// tarpc's own deadline, for a request and not for a call in it.
fn context() -> tarpc::context::Context {
    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + LONGEST_REQUEST;
    context
}

/// What went wrong at the bottom: the layers above say only that something did.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A timer that is set again only when its time has changed.
#[derive(Default)]
struct Expiry {
    timer: Option<(Instant, Pin<Box<tokio::time::Sleep>>)>,
}

impl Expiry {
    fn set(&mut self, at: Option<Instant>) {
        match (at, &mut self.timer) {
            (None, timer) => *timer = None,
            (Some(at), Some((set, _))) if *set == at => {}
            (Some(at), timer) => *timer = Some((at, Box::pin(tokio::time::sleep_until(at.into())))),
        }
    }

    async fn passed(&mut self) {
        match &mut self.timer {
            Some((_, timer)) => timer.as_mut().await,
            None => std::future::pending().await,
        }
    }
}
