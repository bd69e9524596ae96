//! Carries calls over a connection.
//!
//! Whatever is in the outbox when a request can be sent goes into it; while one is on its way, more gathers. So a lone call
//! is sent at once, and many callers share requests, without a timer.

use super::connection::Shared;
use super::link::{Dispatch, Link, context, root_cause};
use crate::wire::WireClient;
use crate::wire::batch::{CLOSING, FATAL, ReplyHead};
use crate::wire::handshake::poll_patience;
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use std::collections::VecDeque;
use std::iter;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use tarpc::client::RpcError;

/// Requests on their way at one time. More does not help: while these are, the outbox gathers.
const REQUESTS: usize = 4;

/// Replies handed out in one turn. The tasks that they wake run before the next ones are, and what these send goes out while
/// the service is idle: client and service work at one time, and not in turns. (512 tasks on one session, both cores free:
/// 1.11 million calls/s with all at once, 1.63 million with 64, when a call cost half as much again.)
const REPLIES: usize = 64;

/// How a connection ended.
pub(super) enum End {
    /// Nobody needs it any more.
    Closed,
    /// The service ended it, and said that it shuts down.
    ShutDown,
    /// It broke.
    Broken(String),
}

type Answers = Pin<Box<dyn Future<Output = Result<Bytes, RpcError>> + Send>>;

/// Carries calls over one connection until it ends, or nobody needs it any more.
pub(super) async fn carry(link: &mut Link, shared: &Shared) -> End {
    let Link { client, dispatch } = link;
    let mut replies = Replies::default();
    let end = carry_with(client, dispatch, shared, &mut replies).await;
    // The service need not keep them any longer: it was told, or will be, that they are here.
    while !replies.is_empty() {
        if replies.deliver(shared).is_err() {
            break;
        }
    }
    end
}

async fn carry_with(client: &WireClient, dispatch: &mut Dispatch, shared: &Shared, replies: &mut Replies) -> End {
    let mut submitted: FuturesUnordered<Answers> = FuturesUnordered::new();
    let mut collecting = collect(client, shared);
    let mut closing = false;
    let mut expiry = Expiry::default();
    // One of which nothing is heard is not there, whatever the socket says.
    let patience = match shared.options.can_come_back() {
        true => poll_patience(shared.lease()),
        // There is nothing to be gained by leaving early.
        false => shared.lease() * 2,
    };
    let mut silence = pin!(tokio::time::sleep(patience));
    loop {
        expiry.set(shared.outbox.lock().next_deadline());
        tokio::select! {
            biased;
            // The requests before the dispatch, so that what they hand to it is sent in the same turn.
            Some(answer) = submitted.next(), if !submitted.is_empty() => {
                let answer = answered(answer).and_then(|frame| {
                    replies.add(&frame, shared)?;
                    replies.deliver(shared)
                });
                if let Err(cause) = answer {
                    return End::Broken(cause);
                }
            }
            answer = &mut collecting => {
                let answer = answered(answer).and_then(|frame| {
                    closing |= replies.add(&frame, shared)? & CLOSING != 0;
                    replies.deliver(shared)
                });
                if let Err(cause) = answer {
                    return End::Broken(cause);
                }
                if closing {
                    // It answers polls at once now; what is left it says as it finishes.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                collecting = collect(client, shared);
                silence.as_mut().reset(tokio::time::Instant::now() + patience);
            }
            cause = &mut *dispatch => {
                // Answers that came in the same turn as the end.
                let mut last: Vec<_> = iter::from_fn(|| submitted.next().now_or_never().flatten()).collect();
                last.extend((&mut collecting).now_or_never());
                for frame in last.into_iter().flatten() {
                    closing |= replies.add(&frame, shared).is_ok_and(|flags| flags & CLOSING != 0);
                }
                return if closing { End::ShutDown } else { End::Broken(cause) };
            }
            () = shared.close.notified() => return End::Closed,
            () = expiry.passed() => shared.expire(),
            () = &mut silence => {
                return End::Broken(format!("nothing was heard of the service for {patience:?}"));
            }
            () = shared.work.notified(), if submitted.len() < REQUESTS => {
                let (batch, more) = {
                    let mut outbox = shared.outbox.lock();
                    (outbox.take_batch(), outbox.has_work())
                };
                match batch {
                    Err(error) => return End::Broken(error.to_string()),
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
                    return End::Broken(cause);
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
    /// Takes in a frame, unless it is one that came before; gives its flags.
    fn add(&mut self, frame: &Bytes, shared: &Shared) -> Result<u8, String> {
        let (ReplyHead { flags, number }, replies) = ReplyHead::take(frame).map_err(|e| e.to_string())?;
        if flags & FATAL != 0 {
            return Err(String::from_utf8_lossy(replies).into_owned());
        }
        if !replies.is_empty() && (number == 0 || shared.outbox.lock().received(number)) {
            self.batches.push_back(frame.slice_ref(replies));
        }
        Ok(flags)
    }

    fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Hands out the first [`REPLIES`].
    fn deliver(&mut self, shared: &Shared) -> Result<(), String> {
        if let Some(replies) = self.batches.pop_front() {
            let rest = shared.deliver(&replies, REPLIES)?;
            if !rest.is_empty() {
                self.batches.push_front(rest);
            }
        }
        Ok(())
    }
}

fn collect(client: &WireClient, shared: &Shared) -> Answers {
    let (client, received) = (client.clone(), shared.outbox.lock().preamble());
    Box::pin(async move { client.collect(context(), received).await })
}

fn answered(answer: Result<Bytes, RpcError>) -> Result<Bytes, String> {
    answer.map_err(|error| root_cause(&error))
}

/// A timer that is set again only when its time has changed.
#[derive(Default)]
pub(super) struct Expiry {
    timer: Option<(Instant, Pin<Box<tokio::time::Sleep>>)>,
}

impl Expiry {
    pub(super) fn set(&mut self, at: Option<Instant>) {
        match (at, &mut self.timer) {
            (None, timer) => *timer = None,
            (Some(at), Some((set, _))) if *set == at => {}
            (Some(at), timer) => *timer = Some((at, Box::pin(tokio::time::sleep_until(at.into())))),
        }
    }

    pub(super) async fn passed(&mut self) {
        match &mut self.timer {
            Some((_, timer)) => timer.as_mut().await,
            None => std::future::pending().await,
        }
    }
}
