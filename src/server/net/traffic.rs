//! The requests of one connection and their responses, on one task.
//!
//! Each request is polled once when it arrives. Most are complete then, and are answered at once. Only a request that
//! waits (`collect`) is kept, on the same task. While a client does not take its replies, nothing more is read from it:
//! so it cannot cause more replies, and what it sends waits in the network, in the client's own buffers. The same holds
//! while a client sends faster than it is served. (tarpc's channel goes on reading as long as there are requests, and
//! keeps the responses.)

use super::connection::{Connection, Handler};
use super::foreign_protocol::ForeignProtocol;
use crate::server::exec::batch::TURN;
use crate::wire::channel::Channel;
use crate::wire::handshake::Answer;
use crate::wire::transport::{ClientMessage, ServerMessage};
use crate::wire::{Wire, WireResponse};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tarpc::ServerError;
use tarpc::server::Serve;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};

/// The largest number of batches that a client has on their way at one time.
const BATCHES: usize = 4;

/// The number of a client's first request, which asks for a session.
const FIRST: u64 = 1;

/// The requests and responses of one connection.
pub(super) struct Traffic<S> {
    channel: Channel<S>,
    connection: Arc<Connection>,
    /// tarpc's context, the same for all requests: each call has its own deadline.
    context: tarpc::context::Context,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
    /// How many requests are among the events, and how many bytes they have.
    waiting: usize,
    unserved: usize,
    /// When a client that is not read from, since it sends too much, next counts as heard.
    alive: Option<Pin<Box<Sleep>>>,
    /// One of the events is that the disk has caught up.
    waits_for_disk: bool,
    /// The stream did not take everything that it was given.
    blocked: bool,
    /// The deadline of the frame that is arriving, and since when that frame has been arriving.
    overdue: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Another connection needs this one's place.
    dismissed: bool,
}

/// What the task waits for.
enum Event {
    /// The response to a request of this many bytes.
    Responded(u64, usize, Result<WireResponse, ServerError>),
    /// The connection has to end.
    End(ConnectionEnd),
    /// The disk has caught up with what is to be kept.
    CaughtUp,
    Nothing,
}

/// Why a connection ends.
pub(super) enum ConnectionEnd {
    /// Its client closed it.
    HungUp,
    Broken(io::Error),
    /// The client sent something malformed, or was refused.
    Lost,
    /// It opened no session in time.
    NotOpened,
    /// It has not opened a session, and another connection needs its place.
    Displaced,
    /// Its peer does not speak tarmem's protocol.
    Foreign(ForeignProtocol),
    /// Its session has ended, or another connection carries it.
    LetGo,
    /// It has this many requests in flight, which is over the limit.
    TooManyRequests(usize),
    /// A frame took too long to arrive.
    Overdue,
    ServiceEnded,
}

impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionEnd::HungUp => f.write_str("its client closed it"),
            ConnectionEnd::Broken(error) => error.fmt(f),
            ConnectionEnd::Lost => f.write_str("it sent something malformed, or was refused"),
            ConnectionEnd::NotOpened => f.write_str("it opened no session in time"),
            ConnectionEnd::Displaced => {
                f.write_str("it had not opened a session, and there was no room for it any more")
            }
            ConnectionEnd::Foreign(foreign) => foreign.fmt(f),
            ConnectionEnd::LetGo => f.write_str("its session has ended, or another connection carries it"),
            ConnectionEnd::TooManyRequests(requests) => {
                write!(f, "it has {requests} requests in flight, over the limit")
            }
            ConnectionEnd::Overdue => f.write_str("a frame took longer than the limit allows"),
            ConnectionEnd::ServiceEnded => f.write_str("the service has ended"),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Traffic<S> {
    pub(super) fn new(channel: Channel<S>, connection: Arc<Connection>) -> Self {
        let events = FuturesUnordered::new();
        let (opening, time) = (Arc::clone(&connection), connection.limits().handshake_time);
        let not_opened: BoxFuture<'static, Event> = Box::pin(async move {
            let end = tokio::select! {
                () = tokio::time::sleep(time) => ConnectionEnd::NotOpened,
                () = opening.dismissed() => ConnectionEnd::Displaced,
            };
            if opening.has_session() { Event::Nothing } else { Event::End(end) }
        });
        events.push(not_opened);
        let let_go = connection.let_go();
        events.push(Box::pin(async move {
            let_go.await;
            Event::End(ConnectionEnd::LetGo)
        }));
        let ended = connection.service_ended();
        events.push(Box::pin(async move {
            ended.await;
            Event::End(ConnectionEnd::ServiceEnded)
        }));
        let context = tarpc::context::current();
        Traffic {
            channel,
            connection,
            context,
            events,
            waiting: 0,
            unserved: 0,
            alive: None,
            waits_for_disk: false,
            blocked: false,
            overdue: None,
            dismissed: false,
        }
    }

    /// Answers requests until the connection has to end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        let (mut frames, mut begun) = (0, None);
        loop {
            // First of all, so that the client can go on while the rest is done.
            if let Err(error) = self.write(cx) {
                return Poll::Ready(ConnectionEnd::Broken(error));
            }
            if self.connection.is_lost() {
                return Poll::Ready(ConnectionEnd::Lost);
            }
            let limits = self.connection.limits();
            if self.waiting > limits.requests_in_flight {
                return Poll::Ready(ConnectionEnd::TooManyRequests(self.waiting));
            }
            let event = self.events.poll_next_unpin(cx);
            if let Poll::Ready(Some(event)) = event {
                match self.take(event) {
                    Ok(()) => continue,
                    Err(end) => return Poll::Ready(end),
                }
            }
            // A client that has results to receive acknowledges them in its polls. These come after as many batches as
            // it may have on their way, so all of them are read.
            let spare = if self.connection.is_starved() { limits.frame_bytes.saturating_mul(BATCHES) } else { 0 };
            if self.must_go() && self.waiting > 0 {
                return Poll::Ready(ConnectionEnd::Displaced);
            }
            let too_fast = self.unserved > limits.unserved_bytes.max(spare);
            let behind = self.connection.is_behind();
            if behind && !self.waits_for_disk {
                self.waits_for_disk = true;
                let caught_up = self.connection.caught_up();
                self.events.push(Box::pin(async move {
                    caught_up.await;
                    Event::CaughtUp
                }));
                continue;
            }
            if too_fast || behind || self.channel.unsent() > limits.unsent_bytes {
                self.channel.excuse_partial();
                if self.must_go() {
                    return Poll::Ready(ConnectionEnd::Displaced);
                }
                if too_fast || behind {
                    self.keep_alive(cx);
                }
                return Poll::Pending;
            }
            let heard = match self.channel.poll_frame(cx) {
                Poll::Ready(Ok(Some(frame))) => self.hear(cx, &frame),
                Poll::Ready(Ok(None)) => Err(self.foreign().unwrap_or(ConnectionEnd::HungUp)),
                Poll::Ready(Err(error)) => Err(self.foreign().unwrap_or(ConnectionEnd::Broken(error))),
                Poll::Pending if self.must_go() => Err(ConnectionEnd::Displaced),
                Poll::Pending => {
                    ready!(self.poll_overdue(cx));
                    Err(ConnectionEnd::Overdue)
                }
            };
            if let Err(end) = heard {
                return Poll::Ready(end);
            }
            frames += 1;
            // A lone call does not read the clock: each batch limits its own time, and this limits many of them
            // together.
            if frames > 1 && begun.get_or_insert_with(Instant::now).elapsed() > TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Whether the connection has to make room for another and has no session yet.
    fn must_go(&self) -> bool {
        self.dismissed && !self.connection.has_session()
    }

    /// Queues an answer to the first request of a client that has to go, whether that request has arrived or not.
    pub(super) fn turn_away(&mut self, reason: String) {
        let says_something_else = self.channel.unread().first().is_some_and(|first| *first != 0);
        if self.waiting > 0 || says_something_else {
            return;
        }
        let answer = Answer::Refused { reason, temporary: true }.encode();
        let _ = self.respond(FIRST, Ok(WireResponse::Open(answer)));
    }

    /// Why the connection ends, if the first bytes are no frame.
    fn foreign(&self) -> Option<ConnectionEnd> {
        if self.connection.has_session() {
            return None;
        }
        ForeignProtocol::recognise(self.channel.unread()).map(ConnectionEnd::Foreign)
    }

    /// The stream itself, for a last answer to a peer that speaks another protocol.
    pub(super) fn stream(&mut self) -> &mut S {
        self.channel.stream()
    }

    /// Writes as much as the stream takes.
    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.channel.is_flushed() {
            return Ok(());
        }
        let before = self.channel.unsent();
        let flushed = self.channel.poll_flush(cx)?;
        if self.blocked && self.channel.unsent() < before {
            // The client takes its replies, so it is alive even if it is not read from at the moment.
            self.connection.hear();
        }
        self.blocked = flushed.is_pending();
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), ConnectionEnd> {
        match event {
            Event::Responded(id, bytes, response) => {
                self.waiting -= 1;
                self.unserved -= bytes;
                self.connection.hold_less(bytes);
                self.respond(id, response)
            }
            // What the client has sent is read first: it may be about to open a session.
            Event::End(ConnectionEnd::Displaced) => {
                self.dismissed = true;
                Ok(())
            }
            Event::End(end) => Err(end),
            Event::CaughtUp => {
                self.waits_for_disk = false;
                Ok(())
            }
            Event::Nothing => Ok(()),
        }
    }

    /// Handles a frame from the client.
    fn hear(&mut self, cx: &mut Context<'_>, frame: &Bytes) -> Result<(), ConnectionEnd> {
        let message = ClientMessage::decode(frame).map_err(|error| match self.connection.has_session() {
            true => ConnectionEnd::Broken(error),
            false => ConnectionEnd::Foreign(ForeignProtocol::Other),
        });
        let (id, request) = match message? {
            ClientMessage::Request { id, request } => (id, request),
            // A call that has begun has a reply to be kept, even if nobody waits for the response.
            ClientMessage::Cancel { .. } => return Ok(()),
        };
        let handler = Handler::new(&self.connection).serve();
        let context = self.context;
        let mut responding = Box::pin(async move { (id, handler.serve(context, request).await) });
        match responding.as_mut().poll(cx) {
            Poll::Ready((id, response)) => self.respond(id, response),
            Poll::Pending => {
                let bytes = frame.len();
                self.waiting += 1;
                self.unserved += bytes;
                self.connection.hold_more(bytes);
                self.events.push(Box::pin(async move {
                    let (id, response) = responding.await;
                    Event::Responded(id, bytes, response)
                }));
                Ok(())
            }
        }
    }

    fn respond(&mut self, id: u64, response: Result<WireResponse, ServerError>) -> Result<(), ConnectionEnd> {
        let response = response.map_err(|error| error.detail);
        let message = ServerMessage { id, response }.encode().map_err(ConnectionEnd::Broken)?;
        self.channel.put(message.head(), message.body.clone()).map_err(ConnectionEnd::Broken)
    }

    /// Counts a client as heard even if it is not read from: its polls, by which it would be heard, are not read
    /// either.
    fn keep_alive(&mut self, cx: &mut Context<'_>) {
        let pause = self.connection.limits().lease / 8;
        let timer = self.alive.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        while timer.as_mut().poll(cx).is_ready() {
            self.connection.hear();
            timer.as_mut().reset(Instant::now() + pause);
        }
    }

    /// Completes when the frame that is arriving has taken too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(since) = self.channel.partial_since() else {
            self.overdue = None;
            return Poll::Pending;
        };
        let by = since + self.connection.limits().frame_time;
        let (known, timer) = self.overdue.get_or_insert_with(|| (since, Box::pin(tokio::time::sleep_until(by))));
        if *known != since {
            *known = since;
            timer.as_mut().reset(by);
        }
        timer.as_mut().poll(cx)
    }

    /// Writes the responses that there are and those that still come; completes when nothing is left to write. What the
    /// client sends meanwhile is read and ignored: if a connection is closed with unread bytes, what was sent last may
    /// not arrive.
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Some(event)) = self.events.poll_next_unpin(cx) {
            if matches!(event, Event::Responded(..)) && self.take(event).is_err() {
                return Poll::Ready(());
            }
        }
        while let Poll::Ready(read) = self.channel.poll_frame(cx) {
            if !matches!(read, Ok(Some(_))) {
                break;
            }
        }
        if self.waiting > 0 {
            let _ = self.write(cx);
            return Poll::Pending;
        }
        // The connection ends whether this succeeds or not.
        self.channel.poll_close(cx).map(|_| ())
    }
}

impl<S> Drop for Traffic<S> {
    fn drop(&mut self) {
        self.connection.hold_less(self.unserved);
    }
}

#[cfg(test)]
mod tests;
