//! Pumps calls and replies over one connection.
//!
//! A request carries all calls that are in the outbox when it is sent; while requests are on their way, more calls
//! gather. So a single call is sent at once, and many callers share requests, without a timer.

use super::connection::{Connection, cause_of};
use super::run_permit::RunPermit;
use super::session_core::SessionCore;
use crate::wire::batch::{CLOSING, FATAL, ReplyHead};
use crate::wire::handshake::poll_patience;
use crate::wire::{WireRequest, WireResponse};
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How many requests may be on their way at a time. More would not help: meanwhile, calls gather in the outbox.
const REQUESTS: usize = 4;

/// How many replies are delivered in one turn. The tasks that they wake run before the next replies are delivered, and
/// what these tasks send reaches the service while it is idle, so that client and service work at the same time. Fewer
/// replies per turn mean more requests. (512 tasks on one session, times bare tarpc, medians of six runs: 64, 3.3; 96,
/// 3.8; 128, 3.7; 160, 3.6; 256 less.)
const REPLIES: usize = 128;

/// How a connection ended.
pub(super) enum ConnectionEnd {
    /// The session was closed, or is not used any more.
    Closed,
    /// The service ended it, and said that it shuts down.
    ShutDown,
    /// It broke, for this cause.
    Broken(String),
    /// It works, but another one is to take its place, for this reason.
    Left(&'static str),
}

/// The reason for leaving a connection if its permit to run was revoked.
const REVOKED: &str = "another task carries the session";

/// The beginning of the cause if a connection breaks because the service sent something invalid.
pub(super) const NONSENSE: &str = "the service sent something invalid";

/// How long the client waits before it polls a service again that shuts down.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// Pumps calls over one connection until the connection ends, the session is no longer needed, or `permit` is revoked.
pub(super) async fn pump(connection: &mut Connection, core: &SessionCore, permit: &RunPermit) -> ConnectionEnd {
    let end = pump_until_end(connection, core, permit).await;
    // The client has told the service, or will, that these replies have arrived, so the service does not keep them.
    let mut woken = Vec::new();
    while !matches!(end, ConnectionEnd::Left(_)) && matches!(core.deliver(usize::MAX, &mut woken), Ok(true)) {}
    end
}

async fn pump_until_end(connection: &mut Connection, core: &SessionCore, permit: &RunPermit) -> ConnectionEnd {
    // A service that is silent for this long counts as gone, even if the socket reports no error.
    let patience = match core.options.can_reconnect() {
        true => poll_patience(core.lease()),
        // Giving up early would not help a session that cannot reconnect.
        false => core.lease() * 2,
    };
    let mut silence = pin!(tokio::time::sleep(patience));
    let mut deadline = DeadlineTimer::default();
    let mut requests = Requests::default();
    // The wakers of a turn. Allocated anew for each turn, this would be the turn's largest allocation, and would make
    // the allocator consolidate its free memory.
    let mut woken = Vec::new();
    poll_fn(|cx| {
        let broken = |cause| Poll::Ready(ConnectionEnd::Broken(cause));
        if core.forked().is_some() {
            // The socket is the parent's.
            return Poll::Pending;
        }
        loop {
            // Even if writing fails, responses are read: a service that shuts down says so first.
            let written = requests.make(cx, connection, core);
            // `close` sets the flag before it alerts `wakeup`, at which `make` has just looked.
            if core.is_closing() {
                return Poll::Ready(ConnectionEnd::Closed);
            }
            match connection.poll_response(cx) {
                Poll::Pending => match written {
                    Ok(()) => break,
                    Err(cause) => return requests.ended(cause),
                },
                Poll::Ready(Ok(Some((id, response)))) => {
                    let added = requests.take(id, response).map_err(nonsense);
                    match added.and_then(|frame| add(&frame, core)) {
                        Err(cause) => return broken(cause),
                        Ok(flags) if flags & CLOSING != 0 && !requests.closing => {
                            requests.closing = true;
                            // A session that cannot reconnect has no other service to wait for.
                            if core.options.can_reconnect() {
                                core.outbox.lock().pause();
                            }
                        }
                        Ok(_) => {}
                    }
                    if requests.collecting.is_none() {
                        silence.as_mut().reset(tokio::time::Instant::now() + patience);
                    }
                    let mut delivered = Ok(false);
                    if !permit.released_during(|| delivered = core.deliver(REPLIES, &mut woken)) {
                        return Poll::Ready(ConnectionEnd::Left(REVOKED));
                    }
                    if let Err(cause) = delivered {
                        return broken(nonsense(cause));
                    }
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    return broken(nonsense(cause_of(Some(error))));
                }
                Poll::Ready(Err(error)) => return requests.ended(cause_of(Some(error))),
                Poll::Ready(Ok(None)) => {
                    // An error in writing says more than the end of the stream.
                    return requests.ended(written.err().unwrap_or_else(|| cause_of(None)));
                }
            }
        }
        let has_arrived = loop {
            let has_arrived = {
                let outbox = core.outbox.lock();
                deadline.set(outbox.next_deadline());
                outbox.has_arrived()
            };
            match deadline.poll(cx) {
                Poll::Ready(()) => {
                    if !permit.released_during(|| core.expire()) {
                        return Poll::Ready(ConnectionEnd::Left(REVOKED));
                    }
                }
                Poll::Pending => break has_arrived,
            }
        };
        if silence.as_mut().poll(cx).is_ready() {
            return broken(format!("the service was silent for {patience:?}"));
        }
        if has_arrived {
            // The next turn comes after the tasks that were just woken have run, and what they send has been written.
            let mut delivered = Ok(false);
            if !permit.released_during(|| delivered = core.deliver(REPLIES, &mut woken)) {
                return Poll::Ready(ConnectionEnd::Left(REVOKED));
            }
            if let Err(cause) = delivered {
                return broken(nonsense(cause));
            }
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// The requests of one connection.
#[derive(Default)]
struct Requests {
    /// The numbers of requests with batches of calls that have not been answered yet.
    submitted: Vec<u64>,
    /// The number of the outstanding poll.
    collecting: Option<u64>,
    /// Whether the service has said that it shuts down.
    closing: bool,
    /// The pause before the next poll.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Requests {
    /// Makes requests for what is in the outbox, and a poll if there is none, and writes them.
    fn make(&mut self, cx: &mut Context<'_>, connection: &mut Connection, core: &SessionCore) -> Result<(), String> {
        let broken = |error| cause_of(Some(error));
        while self.submitted.len() < REQUESTS && core.wakeup.poll(cx).is_ready() {
            let mut outbox = core.outbox.lock();
            if outbox.has_batch().map_err(|error| error.to_string())? {
                let submitted = connection.submit(|buffer| outbox.put_batch(buffer)).map_err(broken)?;
                self.submitted.push(submitted);
            }
            if outbox.has_work() {
                core.wakeup.raise();
            }
        }
        if self.submitted.len() >= REQUESTS {
            // Only the end of the session does not have to wait for a response.
            core.wakeup.listen(cx);
        }
        if self.collecting.is_none() && self.poll_pause(cx).is_ready() {
            let received = core.outbox.lock().preamble();
            self.collecting = Some(connection.request(WireRequest::Collect { received }).map_err(broken)?);
        }
        match connection.poll_flush(cx) {
            Poll::Ready(Err(error)) => Err(broken(error)),
            _ => Ok(()),
        }
    }

    /// How a connection ended that the client did not end.
    fn ended(&self, cause: String) -> Poll<ConnectionEnd> {
        Poll::Ready(if self.closing { ConnectionEnd::ShutDown } else { ConnectionEnd::Broken(cause) })
    }

    /// Ready if the client may poll again.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pause) = &mut self.pause else { return Poll::Ready(()) };
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(())
    }

    /// Accepts the response to a request, and returns the batch of replies in it.
    fn take(&mut self, id: u64, response: WireResponse) -> Result<Bytes, String> {
        let another = || "the service answered a request that was not made".to_owned();
        match response {
            WireResponse::Submit(frame) => {
                let index = self.submitted.iter().position(|submitted| *submitted == id).ok_or_else(another)?;
                self.submitted.swap_remove(index);
                Ok(frame)
            }
            WireResponse::Collect(frame) if self.collecting == Some(id) => {
                self.collecting = None;
                if self.closing {
                    // The service now answers polls at once, with the replies to calls that finish.
                    self.pause = Some(Box::pin(tokio::time::sleep(CLOSING_PAUSE)));
                }
                Ok(frame)
            }
            _ => Err(another()),
        }
    }
}

fn nonsense(cause: String) -> String {
    format!("{NONSENSE}: {cause}")
}

/// Adds a frame of replies to the outbox, and returns its flags.
fn add(frame: &Bytes, core: &SessionCore) -> Result<u8, String> {
    let (ReplyHead { flags, number, seen }, replies) = ReplyHead::take(frame).map_err(|e| nonsense(e.to_string()))?;
    if flags & FATAL != 0 {
        return Err(String::from_utf8_lossy(replies).into_owned());
    }
    if !replies.is_empty() {
        // Before anybody gets to know of it.
        if let Some(batch) = seen {
            core.identity.lock().saw(batch);
        }
        core.outbox.lock().arrived(number, frame.slice_ref(replies));
    }
    Ok(flags)
}

/// A timer that is reset only if its time has changed.
#[derive(Default)]
pub(super) struct DeadlineTimer {
    timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl DeadlineTimer {
    pub(super) fn set(&mut self, at: Option<Instant>) {
        match (at, &mut self.timer) {
            (None, timer) => *timer = None,
            (Some(at), Some((set, _))) if *set == at => {}
            (Some(at), timer) => *timer = Some((at, Box::pin(tokio::time::sleep_until(at.into())))),
        }
    }

    /// Ready once the time has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        Poll::Ready(())
    }
}
