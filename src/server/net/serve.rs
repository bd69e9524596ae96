//! Serves one connection, from its first byte to its end.

use super::connection::{Connection, ConnectionEnv};
use super::traffic::{ConnectionEnd, Traffic};
use crate::security::Peer;
use crate::wire::channel::Channel;
use crate::wire::frame::FrameLimit;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// The initial size of a connection's read buffer, in bytes. It grows as needed.
const BUFFER: usize = 1024;

/// How long a connection that ends has to send its last answers.
const FLUSH_TIME: Duration = Duration::from_millis(200);

/// Serves one connection until it ends or the service does.
pub(crate) async fn serve<S>(stream: S, peer: Peer, env: ConnectionEnv)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limit = FrameLimit::new(env.engine.state.limits.handshake_frame_bytes);
    let connection = Arc::new(Connection::new(peer, env, limit.clone()));
    let _leave = LeaveOnDrop(Arc::clone(&connection));
    let mut traffic = Traffic::new(Channel::new(stream, limit, BUFFER), Arc::clone(&connection));
    let end = poll_fn(|cx| traffic.poll(cx)).await;
    let logs = &connection.env.connections.logs;
    if let ConnectionEnd::Displaced = end {
        traffic.turn_away(connection.displaced());
    }
    match end {
        ConnectionEnd::TooManyRequests(_) | ConnectionEnd::Overdue | ConnectionEnd::Displaced => {
            logs.ended.log(|| tracing::info!("{}: {end}; disconnected", connection.peer));
        }
        ConnectionEnd::Foreign(foreign) => {
            if foreign.is_news() {
                logs.foreign.log(|| tracing::info!("{}: {end}; disconnected", connection.peer));
            } else {
                tracing::debug!("{}: {end}; disconnected", connection.peer);
            }
            let (ended, dismissed) = (connection.service_ended(), connection.dismissed());
            tokio::select! {
                biased;
                () = Box::pin(foreign.send_away(traffic.stream(), connection.env.barred)) => {}
                () = ended => {}
                () = dismissed => {}
            }
            return;
        }
        _ => tracing::debug!("connection with {} ended: {end}", connection.peer),
    }
    if let ConnectionEnd::HungUp = end {
        // This also answers the poll that is waiting.
        connection.leave_session();
    }
    if connection.env.engine.state.is_ended_by_storage() {
        // What still waits tells of what is not on disk.
        return;
    }
    // The last answers are sent before the connection ends, for which it has a moment and no more.
    let _ = tokio::time::timeout(FLUSH_TIME, poll_fn(|cx| traffic.poll_finish(cx))).await;
}

/// Makes a connection leave its session, however it ends.
struct LeaveOnDrop(Arc<Connection>);

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        self.0.leave_session();
    }
}
