//! What connections are told while the service loads what it keeps: how far it is.
//!
//! A client that hears this comes again, and a probe knows. Nobody is asked for a token, so the answer tells nothing
//! else. A connection is answered once, and closed. When loading is done, those that have not been accepted yet are
//! accepted by the service.

use super::connections::{Connections, Counted};
use super::foreign_protocol::{ForeignProtocol, linger};
use super::listener::{Accepted, Listener, Stream};
use super::pending_connections::PendingConnection;
use super::secure::{Secured, secure};
use crate::config::Limits;
use crate::security::{AccessControl, Peer};
use crate::server::recovery::Progress;
use crate::wire::WireRequest;
use crate::wire::WireResponse;
use crate::wire::channel::Channel;
use crate::wire::frame::FrameLimit;
use crate::wire::handshake::{Answer, Hello};
use crate::wire::transport::{ClientMessage, ServerMessage};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tarmem_remote::operation::PROTOCOL_VERSION;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// How many connections are answered at one time, unless the limit of connections, or an eighth of the file descriptors
/// that the process may have, is less: loading needs files, too.
const MOST: usize = 256;

/// How long a connection may take to ask, and to receive its answer.
const TIME: Duration = Duration::from_secs(5);

/// How long to wait before accepting again after a listener has failed.
const PAUSE: Duration = Duration::from_millis(10);

/// The initial size of a connection's read buffer, in bytes.
const BUFFER: usize = 1024;

/// What answering needs.
pub(in crate::server) struct LoadingEnv {
    access: Arc<AccessControl>,
    connections: Arc<Connections>,
    progress: Arc<Progress>,
    /// How many connections are answered at one time.
    most: usize,
    /// How long a connection may take.
    time: Duration,
    frame_bytes: usize,
}

impl LoadingEnv {
    pub(in crate::server) fn new(
        limits: &Limits,
        access: &Arc<AccessControl>,
        connections: &Arc<Connections>,
        progress: &Arc<Progress>,
    ) -> Self {
        let descriptors =
            rlimit::Resource::NOFILE.get_soft().map_or(MOST, |most| usize::try_from(most / 8).unwrap_or(usize::MAX));
        LoadingEnv {
            access: Arc::clone(access),
            connections: Arc::clone(connections),
            progress: Arc::clone(progress),
            most: MOST.min(limits.connections).min(descriptors).max(1),
            time: TIME.min(limits.handshake_time),
            frame_bytes: limits.handshake_frame_bytes,
        }
    }

    /// What a client is told. (Its token is not looked at.)
    fn answer(&self, hello: &[u8], peer: &Peer, barred: Option<&'static str>) -> Answer {
        let hello = match Hello::decode(hello, PROTOCOL_VERSION) {
            Ok(hello) => hello,
            Err(error) => return Answer::Refused { reason: error.to_string(), temporary: false },
        };
        if hello.protocol != PROTOCOL_VERSION && !hello.details.ignore_version {
            return Answer::Protocol { service: PROTOCOL_VERSION };
        }
        match barred.or_else(|| self.access.bars(peer)) {
            Some(reason) => {
                self.connections.logs.refused.log(|| tracing::info!("{peer} was refused: {reason}"));
                Answer::Refused { reason: reason.to_owned(), temporary: false }
            }
            None => Answer::Loading(self.progress.now()),
        }
    }
}

/// Listeners whose connections are answered while the service loads.
pub(in crate::server) struct WhileLoading {
    done: CancellationToken,
    accepting: Vec<AbortOnDropHandle<Box<dyn Listener>>>,
}

impl WhileLoading {
    /// Begins to answer the connections of these listeners.
    pub(in crate::server) fn begin(listeners: Vec<Box<dyn Listener>>, env: LoadingEnv, runtime: &Handle) -> Self {
        let (env, done) = (Arc::new(env), CancellationToken::new());
        let accept = |listener| {
            let accept = accept(listener, Arc::clone(&env), done.clone());
            AbortOnDropHandle::new(runtime.spawn(accept))
        };
        let accepting = listeners.into_iter().map(accept).collect();
        WhileLoading { done, accepting }
    }

    /// Accepts no more. Returns the listeners. Connections that were accepted before get their answers.
    pub(in crate::server) async fn end(self) -> Vec<Box<dyn Listener>> {
        self.done.cancel();
        let mut listeners = Vec::new();
        for accepting in self.accepting {
            match accepting.await {
                Ok(listener) => listeners.push(listener),
                Err(error) => tracing::error!("a listener is lost: {error}"),
            }
        }
        listeners
    }
}

/// Answers the connections of a listener until loading is done.
async fn accept(mut listener: Box<dyn Listener>, env: Arc<LoadingEnv>, done: CancellationToken) -> Box<dyn Listener> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = done.cancelled() => return listener,
            accepted = poll_fn(|cx| listener.poll_accept(cx)) => accepted,
        };
        let stream = match accepted {
            // Its client cannot connect again, so it waits.
            Ok(first @ Accepted { stream: Stream::Other(_) }) => {
                return Box::new(FirstAccepted { first: Some(first), listener });
            }
            Ok(accepted) => accepted.stream,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => return listener,
            Err(error) => {
                env.connections.logs.accept.log(|| tracing::warn!("cannot accept a connection: {error}"));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (_, counted) = env.connections.add();
        loop {
            let gone = env.connections.pending.gone();
            if env.connections.count() <= env.most {
                break;
            }
            // The oldest makes room.
            env.connections.pending.make_place();
            gone.await;
        }
        let pending = env.connections.pending.arrive(true);
        tokio::spawn(attend(stream, Arc::clone(&env), counted, pending));
    }
}

/// Answers one connection, for which it has a while at most, and less if another one needs its place.
async fn attend(stream: Stream, env: Arc<LoadingEnv>, counted: Counted, pending: PendingConnection) {
    let _counted = counted;
    let deadline = Instant::now() + env.time;
    let answered = async {
        match stream {
            Stream::Tcp(stream) => answer_tcp(stream, &env, deadline).await,
            Stream::Unix(stream) => answer(tokio::net::UnixStream::from_std(stream)?, &Peer::Local, None, &env).await,
            Stream::Other(stream) => answer(stream, &Peer::Local, None, &env).await,
        }
    };
    let answered = tokio::select! {
        answered = tokio::time::timeout_at(deadline, answered) => answered.unwrap_or_else(|late| Err(late.into())),
        () = pending.dismissed() => Err(io::Error::other("another connection needs its place")),
    };
    if let Err(error) = answered {
        tracing::debug!("a connection ended before it was told that the service is loading: {error}");
    }
}

async fn answer_tcp(stream: std::net::TcpStream, env: &LoadingEnv, deadline: Instant) -> io::Result<()> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    let peer = Peer::Ip(stream.peer_addr()?.ip());
    match secure(stream, &peer, env.access.tls.as_ref(), deadline, &env.connections.logs).await? {
        Secured::Not(stream, barred) => answer(stream, &peer, barred, env).await,
        Secured::Tls(stream) => answer(*stream, &peer, None, env).await,
        Secured::Failed => Ok(()),
    }
}

/// Reads what a client asks, and answers; or what speaks another protocol, and says where it is.
async fn answer<S>(stream: S, peer: &Peer, barred: Option<&'static str>, env: &LoadingEnv) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut channel = Channel::new(stream, FrameLimit::new(env.frame_bytes), BUFFER);
    let asked = loop {
        let frame = match poll_fn(|cx| channel.poll_frame(cx)).await {
            Ok(Some(frame)) => frame,
            ended => {
                let Some(foreign) = ForeignProtocol::recognise(channel.unread()) else { return ended.map(drop) };
                return send_away(foreign, &mut channel, peer, barred, env).await;
            }
        };
        match ClientMessage::decode(&frame) {
            Ok(ClientMessage::Request { id, request: WireRequest::Open { hello } }) => break Some((id, hello)),
            Ok(ClientMessage::Request { .. }) => break None,
            Ok(ClientMessage::Cancel { .. }) => {}
            Err(_) => return send_away(ForeignProtocol::Other, &mut channel, peer, barred, env).await,
        }
    };
    // Without a session there is nothing else to ask for.
    let Some((id, hello)) = asked else { return Ok(()) };
    let answer = env.answer(&hello, peer, barred).encode();
    let message = ServerMessage { id, response: Ok(WireResponse::Open(answer)) }.encode()?;
    channel.put(message.head(), message.body.clone())?;
    poll_fn(|cx| channel.poll_flush(cx)).await?;
    linger(channel.stream()).await
}

async fn send_away<S>(
    foreign: ForeignProtocol,
    channel: &mut Channel<S>,
    peer: &Peer,
    barred: Option<&'static str>,
    env: &LoadingEnv,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if foreign.is_news() {
        env.connections.logs.foreign.log(|| tracing::info!("{peer}: {foreign}; disconnected"));
    }
    foreign.send_away(channel.stream(), barred).await;
    Ok(())
}

/// A listener that has already accepted a connection.
struct FirstAccepted {
    first: Option<Accepted>,
    listener: Box<dyn Listener>,
}

impl Listener for FirstAccepted {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Ok(first)),
            None => self.listener.poll_accept(cx),
        }
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.listener.local_addr()
    }

    fn address(&self) -> Option<String> {
        self.listener.address()
    }
}
