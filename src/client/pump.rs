//! Pumps calls and replies over one connection.
//!
//! Whatever is in the outbox when a request can be sent goes into it; while one is on its way, more gathers. So a lone
//! call is sent at once, and many callers share requests, without a timer.

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

/// Requests on their way at one time. More does not help: while these are, the outbox gathers.
const REQUESTS: usize = 4;

/// Replies handed out in one turn. The tasks that they wake run before the next ones are, and what these send goes out
/// while the service is idle: client and service work at one time, and not in turns. Fewer make more requests. (512
/// tasks on one session, times bare tarpc, medians of six runs: 64, 3.3; 96, 3.8; 128, 3.7; 160, 3.6; 256 less.)
const REPLIES: usize = 128;

/// How a connection ended.
pub(super) enum ConnectionEnd {
    /// Nobody needs it any more.
    Closed,
    /// The service ended it, and said that it shuts down.
    ShutDown,
    /// It broke.
    Broken(String),
    /// It is as good as ever, but is to be left for another one, for this reason.
    Left(&'static str),
}

/// Why a connection is left whose permit to run was revoked.
const REVOKED: &str = "another task carries the session";

/// How the cause begins if a connection breaks by what the service said on it.
pub(super) const NONSENSE: &str = "what the service said makes no sense";

/// How long the client waits before it polls a service again that shuts down.
const CLOSING_PAUSE: Duration = Duration::from_millis(5);

/// Pumps calls over one connection until it ends, or nobody needs it any more, or its `permit` is revoked.
pub(super) async fn pump(connection: &mut Connection, core: &SessionCore, permit: &RunPermit) -> ConnectionEnd {
    let end = pump_until_end(connection, core, permit).await;
    // The service need not keep them any longer: it was told, or will be, that they are here.
    let mut woken = Vec::new();
    while !matches!(end, ConnectionEnd::Left(_)) && matches!(core.deliver(usize::MAX, &mut woken), Ok(true)) {}
    end
}

async fn pump_until_end(connection: &mut Connection, core: &SessionCore, permit: &RunPermit) -> ConnectionEnd {
    // One of which nothing is heard is not there, whatever the socket says.
    let patience = match core.options.can_reconnect() {
        true => poll_patience(core.lease()),
        // There is nothing to be gained by leaving early.
        false => core.lease() * 2,
    };
    let mut silence = pin!(tokio::time::sleep(patience));
    let mut deadline = DeadlineTimer::default();
    let mut requests = Requests::default();
    // Room for those who are to be woken: made anew for each turn, it would be the largest piece of memory that a turn
    // takes, and has the allocator tidy up.
    let mut woken = Vec::new();
    poll_fn(|cx| {
        let broken = |cause| Poll::Ready(ConnectionEnd::Broken(cause));
        if core.forked().is_some() {
            // The socket is the parent's.
            return Poll::Pending;
        }
        loop {
            // What has come is read although nothing can be written any more: a service that shuts down says so first.
            let written = requests.make(cx, connection, core);
            // Whoever closes it alerts those who look at the signal, as was just done.
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
                            // There is no other service for what has no way to one.
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
                    // Why nothing can be written tells more than that nothing more comes.
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
            return broken(format!("nothing was heard of the service for {patience:?}"));
        }
        if has_arrived {
            // The next ones after those that were woken have run, and what they send has gone.
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
    /// Those that carry batches of calls, and are not answered yet.
    submitted: Vec<u64>,
    /// The poll that is out.
    collecting: Option<u64>,
    /// The service has said that it shuts down.
    closing: bool,
    /// Before the next poll.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Requests {
    /// Makes those that there is something to ask by, and writes them.
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
            // There is one thing that does not wait for a response: the session's end.
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

    /// How a connection has ended that ends by itself.
    fn ended(&self, cause: String) -> Poll<ConnectionEnd> {
        Poll::Ready(if self.closing { ConnectionEnd::ShutDown } else { ConnectionEnd::Broken(cause) })
    }

    /// Ready if there may be another poll.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pause) = &mut self.pause else { return Poll::Ready(()) };
        ready!(pause.as_mut().poll(cx));
        self.pause = None;
        Poll::Ready(())
    }

    /// Takes a response for the request that it answers; the batch of replies in it.
    fn take(&mut self, id: u64, response: WireResponse) -> Result<Bytes, String> {
        let another = || "the service answered another request than was made".to_owned();
        match response {
            WireResponse::Submit(frame) => {
                let index = self.submitted.iter().position(|submitted| *submitted == id).ok_or_else(another)?;
                self.submitted.swap_remove(index);
                Ok(frame)
            }
            WireResponse::Collect(frame) if self.collecting == Some(id) => {
                self.collecting = None;
                if self.closing {
                    // It answers polls at once now; what is left it says as it finishes.
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

/// Takes in a frame of replies; gives its flags.
fn add(frame: &Bytes, core: &SessionCore) -> Result<u8, String> {
    let (ReplyHead { flags, number }, replies) = ReplyHead::take(frame).map_err(|e| nonsense(e.to_string()))?;
    if flags & FATAL != 0 {
        return Err(String::from_utf8_lossy(replies).into_owned());
    }
    if !replies.is_empty() {
        core.outbox.lock().arrived(number, frame.slice_ref(replies));
    }
    Ok(flags)
}

/// A timer that is set again only when its time has changed.
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

    /// Ready once it has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        Poll::Ready(())
    }
}
