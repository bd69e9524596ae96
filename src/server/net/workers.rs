//! The threads that connections are served on, and the way of a connection to one of them.

use super::connection::{ConnectionEnv, NoRoom};
use super::connections::{Connections, Counted};
use super::foreign_protocol::linger;
use super::listener::{Listener, Stream};
use super::pending_connections::{PendingConnection, PendingConnections, Shortage, has_no_descriptor};
use super::serve::serve;
use crate::security::{AccessControl, Peer, ServerSide, ServerTlsStream, explain_to_service};
use crate::server::exec::engine::Engine;
use crate::server::state::heartbeat::Heartbeat;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The first byte of a TLS connection. That of a tarmem frame is 0 before a session is open.
const TLS_BYTE: u8 = 0x16;

/// Connections over the limit that are still told so, rather than just dropped.
const TOLD: usize = 128;

/// What a client hears that speaks no TLS and should.
const PLAIN: &str =
    "it speaks TLS only; connect to tarmems://HOST:PORT, and say whom to trust (--ca, ClientTls::ca_file)";

/// How long to wait before a listener is asked again that fails.
const PAUSE: Duration = Duration::from_millis(10);

/// How long to wait at most for a descriptor to come back: what uses them up may be no connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a worker is told.
pub(in crate::server) enum WorkerMessage {
    /// Serve a connection.
    Serve(Arrival),
    /// Say that the thread has got to this: what ran on it before has come to its end.
    Answer(oneshot::Sender<()>),
}

/// A connection on its way to a worker.
pub(in crate::server) struct Arrival {
    stream: Stream,
    counted: Counted,
    pending: PendingConnection,
    no_room: Option<NoRoom>,
}

/// Takes connections and hands them to the workers in turn. Over `limit`, one without a session makes room.
/// None is taken while only those descriptors are left that are kept back.
pub(in crate::server) async fn accept(
    mut listener: Box<dyn Listener>,
    workers: Vec<mpsc::Sender<WorkerMessage>>,
    connections: Arc<Connections>,
    limit: usize,
) {
    let pending_connections = &connections.pending;
    for worker in workers.iter().cycle() {
        let stream = loop {
            let error = match std::future::poll_fn(|cx| listener.poll_accept(cx)).await {
                Ok(accepted) => break accepted.stream,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(error) => error,
            };
            connections.logs.accept.log(|| tracing::warn!("cannot accept a connection: {error}"));
            if has_no_descriptor(&error) {
                pending_connections.give_back(Shortage::complete().missing);
                descriptor_is_back(pending_connections).await;
            } else if error.kind() != io::ErrorKind::ConnectionAborted {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let (count, counted) = connections.add();
        let shortage = Shortage::now();
        // Who has not said who it is makes room for who may be about to.
        let mut no_room = None;
        if count >= limit && !pending_connections.make_place() {
            no_room = Some(NoRoom::Connections);
        }
        if shortage.is_some_and(|shortage| !pending_connections.give_back(shortage.missing)) {
            no_room = no_room.or(Some(NoRoom::Descriptors));
        }
        if count >= limit + TOLD {
            continue;
        }
        let pending = pending_connections.arrive(no_room.is_none());
        let arrival = Arrival { stream, counted, pending, no_room };
        if worker.send(WorkerMessage::Serve(arrival)).await.is_err() {
            return;
        }
        if shortage.is_some_and(|shortage| shortage.at_reserve) {
            descriptor_is_back(pending_connections).await;
        }
    }
}

/// Returns once there is a descriptor besides those that are kept back, or enough has been waited for one.
async fn descriptor_is_back(pending_connections: &PendingConnections) {
    let back = async {
        loop {
            let gone = pending_connections.gone();
            if Shortage::now().is_none_or(|shortage| !shortage.at_reserve) {
                return;
            }
            pending_connections.cut_short();
            gone.await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, back).await;
}

/// A thread with an event loop of its own: a connection's work stays on it. It ends when nobody can send it connections
/// any more, and those it has are gone.
pub(in crate::server) fn worker(
    index: usize,
    engine: &Arc<Engine>,
    access: &Arc<AccessControl>,
    connections: &Arc<Connections>,
) -> mpsc::Sender<WorkerMessage> {
    let (sender, mut messages) = mpsc::channel::<WorkerMessage>(1024);
    let (engine, access, connections) = (Arc::clone(engine), Arc::clone(access), Arc::clone(connections));
    let serve = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!("a worker cannot start: {error}"),
        };
        runtime.block_on(async {
            let heartbeat = Arc::new(Heartbeat::default());
            let (beating, lease) = (Arc::clone(&heartbeat), engine.state.limits.lease);
            tokio::spawn(async move { beating.beat(lease).await });
            let tasks = tokio_util::task::TaskTracker::new();
            while let Some(message) = messages.recv().await {
                let Arrival { stream, counted, pending, no_room } = match message {
                    WorkerMessage::Serve(arrival) => arrival,
                    WorkerMessage::Answer(answer) => {
                        let _ = answer.send(());
                        continue;
                    }
                };
                let env = ConnectionEnv {
                    engine: Arc::clone(&engine),
                    connections: Arc::clone(&connections),
                    heartbeat: Arc::clone(&heartbeat),
                    access: Arc::clone(&access),
                    no_room,
                    barred: None,
                    pending: Mutex::new(Some(pending)),
                };
                tasks.spawn(async move {
                    let _counted = counted;
                    let served = match stream {
                        Stream::Tcp(stream) => serve_tcp(stream, env).await,
                        Stream::Unix(stream) => serve_unix(stream, env).await,
                        Stream::Other(stream) => {
                            serve(stream, Peer::Local, env).await;
                            Ok(())
                        }
                    };
                    if let Err(error) = served {
                        tracing::debug!("a connection was gone before it was served: {error}");
                    }
                });
            }
            tasks.close();
            tasks.wait().await;
        });
    };
    if let Err(error) = std::thread::Builder::new().name(format!("tarmem-{index}")).spawn(serve) {
        tracing::error!("worker {index} cannot start: {error}");
    }
    sender
}

/// Ready once each of the workers has come to the end of what runs on its thread.
pub(in crate::server) async fn at_rest(workers: &[mpsc::Sender<WorkerMessage>]) {
    let answers = workers.iter().map(async |worker| {
        let (answer, answered) = oneshot::channel();
        if worker.send(WorkerMessage::Answer(answer)).await.is_ok() {
            let _ = answered.await;
        }
    });
    futures::future::join_all(answers).await;
}

async fn serve_tcp(stream: std::net::TcpStream, mut env: ConnectionEnv) -> io::Result<()> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    // tarpc does not set it, and without it a small reply waits for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    let peer = Peer::Ip(stream.peer_addr()?.ip());
    let ended = env.engine.state.ended();
    let dismissed = env.dismissed();
    let secured = tokio::select! {
        biased;
        secured = secure(stream, &peer, &env) => secured?,
        () = ended => return Ok(()),
        () = dismissed => return Ok(()),
    };
    match secured {
        Secured::Not(stream, barred) => {
            env.barred = barred;
            serve(stream, peer, env).await;
        }
        // Of its own size: a connection in the clear, of which there may be very many idle ones, has no place for it.
        Secured::Tls(stream) => Box::pin(serve(*stream, peer, env)).await,
        Secured::Failed => {}
    }
    Ok(())
}

async fn serve_unix(stream: std::os::unix::net::UnixStream, env: ConnectionEnv) -> io::Result<()> {
    serve(tokio::net::UnixStream::from_std(stream)?, Peer::Local, env).await;
    Ok(())
}

/// Speaks TLS if the service does. It has the handshake's time for that.
async fn secure(stream: tokio::net::TcpStream, peer: &Peer, env: &ConnectionEnv) -> io::Result<Secured> {
    match &env.access.tls {
        None => Ok(Secured::Not(stream, None)),
        Some(tls) => Box::pin(accept_tls(stream, peer, env, tls)).await,
    }
}

async fn accept_tls(
    stream: tokio::net::TcpStream,
    peer: &Peer,
    env: &ConnectionEnv,
    tls: &ServerSide,
) -> io::Result<Secured> {
    let deadline = Instant::now() + env.engine.state.limits.handshake_time;
    let mut first = [0];
    if tokio::time::timeout_at(deadline, stream.peek(&mut first)).await?? == 0 {
        return Ok(Secured::Failed);
    }
    if first != [TLS_BYTE] {
        return Ok(Secured::Not(stream, Some(PLAIN)));
    }
    match tokio::time::timeout_at(deadline, tls.accept(stream)).await? {
        Ok(stream) => Ok(Secured::Tls(Box::new(stream))),
        Err((error, mut stream)) => {
            env.connections.logs.foreign.log(|| tracing::info!("{peer}: no TLS: {}", explain_to_service(&error)));
            // The client is to read why.
            let _ = linger(&mut stream).await;
            Ok(Secured::Failed)
        }
    }
}

/// A connection as it is served.
enum Secured {
    /// In the clear; and why it is to be sent away, if it is.
    Not(tokio::net::TcpStream, Option<&'static str>),
    Tls(Box<ServerTlsStream>),
    Failed,
}
