//! The threads that serve connections, and how a connection gets to one of them.

use super::connection::{ConnectionEnv, NoRoom};
use super::connections::{Connections, Counted};
use super::listener::{Listener, Stream};
use super::pending_connections::{PendingConnection, PendingConnections, Shortage, has_no_descriptor};
use super::secure::{Secured, secure};
use super::serve::serve;
use crate::security::{AccessControl, Peer};
use crate::server::exec::engine::Engine;
use crate::server::state::heartbeat::Heartbeat;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// How many connections over the limit are told about it at one time, rather than just closed.
const TOLD: usize = 128;

/// How long to wait before accepting again after a listener has failed.
const PAUSE: Duration = Duration::from_millis(10);

/// How long to wait at most for a free descriptor: other things than connections may use them up.
const PATIENCE: Duration = Duration::from_millis(500);

/// A message to a worker.
pub(in crate::server) enum WorkerMessage {
    /// Serve a connection.
    Serve(Arrival),
    /// Answer, to show that everything that ran on the thread before has ended.
    Answer(oneshot::Sender<()>),
}

/// A connection on its way to a worker.
pub(in crate::server) struct Arrival {
    stream: Stream,
    counted: Counted,
    pending: PendingConnection,
    no_room: Option<NoRoom>,
}

/// Accepts connections and hands them to the workers in turn. Over `limit`, a connection without a session makes room.
/// While only reserved descriptors are left, none is accepted.
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
        // A connection without a session makes room for one that may be about to open one.
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

/// Returns once a descriptor is free besides the reserved ones, or after having waited long enough.
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

/// A thread with its own event loop, which serves each of its connections to the end. The thread ends when nobody can
/// send it another connection and all it has have ended.
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
                        tracing::debug!("a connection ended before it was served: {error}");
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

/// Completes once every worker has finished what was running on its thread.
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
    // tarpc does not set this. Without it, a small reply waits for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    let peer = Peer::Ip(stream.peer_addr()?.ip());
    let ended = env.engine.state.ended();
    let dismissed = env.dismissed();
    let deadline = Instant::now() + env.engine.state.limits.handshake_time;
    let secured = secure(stream, &peer, env.access.tls.as_ref(), deadline, &env.connections.logs);
    let secured = tokio::select! {
        biased;
        secured = secured => secured?,
        () = ended => return Ok(()),
        () = dismissed => return Ok(()),
    };
    match secured {
        Secured::Not(stream, barred) => {
            env.barred = barred;
            serve(stream, peer, env).await;
        }
        // Boxed, so that a connection without TLS, of which very many may be idle, need not have room for it.
        Secured::Tls(stream) => Box::pin(serve(*stream, peer, env)).await,
        Secured::Failed => {}
    }
    Ok(())
}

async fn serve_unix(stream: std::os::unix::net::UnixStream, env: ConnectionEnv) -> io::Result<()> {
    serve(tokio::net::UnixStream::from_std(stream)?, Peer::Local, env).await;
    Ok(())
}
