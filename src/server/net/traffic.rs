//! The requests of one connection and their responses, on one task.
//!
//! A request is polled once where it arrives; most are done then, and answered at once. Only what waits (a `collect`)
//! stays behind, on the same task. Nothing more is read while a client does not take its replies: then it cannot make
//! more of them, and what it sends waits in the network, where it is the client's own. The same holds while it sends
//! faster than it is served. (tarpc's channel reads as long as there are requests, and keeps their responses.)

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

/// A client sends no more batches at one time.
const BATCHES: usize = 4;

/// The number of a client's first request, which asks for a session.
const FIRST: u64 = 1;

/// One connection's requests and responses.
pub(super) struct Traffic<S> {
    channel: Channel<S>,
    connection: Arc<Connection>,
    /// tarpc's, for every request alike: a call has its own.
    context: tarpc::context::Context,
    events: FuturesUnordered<BoxFuture<'static, Event>>,
    /// Requests among the events, and their bytes.
    waiting: usize,
    unserved: usize,
    /// When the client is next taken for heard that is not read from, since it sends too much.
    alive: Option<Pin<Box<Sleep>>>,
    /// The stream did not take all that it was given.
    blocked: bool,
    /// When a frame that is arriving has to be there; and since when it is arriving.
    overdue: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Another connection needs its place.
    dismissed: bool,
}

/// What is waited for.
enum Event {
    /// A request, of so many bytes, has its response.
    Responded(u64, usize, Result<WireResponse, ServerError>),
    /// The connection is to end.
    End(ConnectionEnd),
    Nothing,
}

/// Why a connection ends.
pub(super) enum ConnectionEnd {
    /// Its client sends no more.
    HungUp,
    Broken(io::Error),
    /// The client said what makes no sense.
    Lost,
    /// It opened no session in time.
    NotOpened,
    /// It opened no session yet, and another connection needs its place.
    Displaced,
    /// It does not speak tarmem's protocol.
    Foreign(ForeignProtocol),
    /// Its session has ended, or another connection carries it.
    LetGo,
    /// It has so many requests in flight, over the limit.
    TooManyRequests(usize),
    /// A frame took too long.
    Overdue,
    ServiceEnded,
}

impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionEnd::HungUp => f.write_str("its client has hung up"),
            ConnectionEnd::Broken(error) => error.fmt(f),
            ConnectionEnd::Lost => f.write_str("what it said made no sense, or it was refused"),
            ConnectionEnd::NotOpened => f.write_str("it opened no session in time"),
            ConnectionEnd::Displaced => f.write_str("it had opened no session, and there is no room for it any more"),
            ConnectionEnd::Foreign(foreign) => foreign.fmt(f),
            ConnectionEnd::LetGo => f.write_str("its session has ended, or another connection carries it"),
            ConnectionEnd::TooManyRequests(requests) => write!(f, "{requests} requests in flight are over the limit"),
            ConnectionEnd::Overdue => f.write_str("a frame took longer than its limit"),
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
            blocked: false,
            overdue: None,
            dismissed: false,
        }
    }

    /// Answers requests until the connection is to end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        let (mut frames, mut begun) = (0, None);
        loop {
            // First of all: while this is written, the client can go on.
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
            // A client that has results to receive says by its polls which it has: these are read, behind as many
            // batches as it may have on their way.
            let spare = if self.connection.is_starved() { limits.frame_bytes.saturating_mul(BATCHES) } else { 0 };
            if self.must_go() && self.waiting > 0 {
                return Poll::Ready(ConnectionEnd::Displaced);
            }
            let too_fast = self.unserved > limits.unserved_bytes.max(spare);
            if too_fast || self.channel.unsent() > limits.unsent_bytes {
                self.channel.excuse_partial();
                if self.must_go() {
                    return Poll::Ready(ConnectionEnd::Displaced);
                }
                if too_fast {
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
            // A lone call pays for no look at the clock: each batch minds its own time, and this is for many of them.
            if frames > 1 && begun.get_or_insert_with(Instant::now).elapsed() > TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// It has to make room for another connection, and has no session yet.
    fn must_go(&self) -> bool {
        self.dismissed && !self.connection.has_session()
    }

    /// Puts in line what a client is told that may not stay: the answer to its first request, whether that has come or
    /// not.
    pub(super) fn turn_away(&mut self, reason: String) {
        let says_something_else = self.channel.unread().first().is_some_and(|first| *first != 0);
        if self.waiting > 0 || says_something_else {
            return;
        }
        let answer = Answer::Refused { reason, temporary: true }.encode();
        let _ = self.respond(FIRST, Ok(WireResponse::Open(answer)));
    }

    /// That what came first is no frame, if it is none.
    fn foreign(&self) -> Option<ConnectionEnd> {
        if self.connection.has_session() {
            return None;
        }
        ForeignProtocol::recognise(self.channel.unread()).map(ConnectionEnd::Foreign)
    }

    /// What it is all about; for the last words to who does not understand others.
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
            // The client takes its replies: it is there, although it may not be read from just now.
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
            // What it has sent is read first: it may be about to open a session.
            Event::End(ConnectionEnd::Displaced) => {
                self.dismissed = true;
                Ok(())
            }
            Event::End(end) => Err(end),
            Event::Nothing => Ok(()),
        }
    }

    /// Takes in a frame from the client.
    fn hear(&mut self, cx: &mut Context<'_>, frame: &Bytes) -> Result<(), ConnectionEnd> {
        let message = ClientMessage::decode(frame).map_err(|error| match self.connection.has_session() {
            true => ConnectionEnd::Broken(error),
            false => ConnectionEnd::Foreign(ForeignProtocol::Other),
        });
        let (id, request) = match message? {
            ClientMessage::Request { id, request } => (id, request),
            // Of what was begun there is a reply to be kept, whoever waits for the response.
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

    /// A client that is not read from is heard all the same: its polls, by which it is, are not read either.
    fn keep_alive(&mut self, cx: &mut Context<'_>) {
        let pause = self.connection.limits().lease / 8;
        let timer = self.alive.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        while timer.as_mut().poll(cx).is_ready() {
            self.connection.hear();
            timer.as_mut().reset(Instant::now() + pause);
        }
    }

    /// Ready once the frame that is arriving has taken too long.
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

    /// Writes what has been answered, and what still is; ready once nothing is left to write. What the client says
    /// meanwhile is not heard any more, but read: a connection that ends with something unread may be cut off before
    /// all of it arrived.
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
        // The connection ends either way.
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
