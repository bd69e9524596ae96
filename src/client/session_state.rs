//! The states of a session, and the reports of its reconnections.

/// Whether a session is connected.
///
/// ```
/// use tarmem::{Service, Session, SessionState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::connect(service.address()).await?;
/// assert_eq!(session.state(), SessionState::Connected);
/// session.close().await;
/// assert_eq!(session.state(), SessionState::Closed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// The session has a connection.
    Connected,
    /// The connection broke or the service shut down, and the client is connecting again. Calls wait for this, each
    /// until its own deadline.
    Reconnecting,
    /// The session was closed, or reconnecting failed: [`Session::ended`](crate::Session::ended) says why. Calls fail
    /// until [`Session::reconnect`](crate::Session::reconnect) is called.
    Closed,
}

/// A report of a reconnection, for the hook [`SessionBuilder::on_reconnect`](crate::SessionBuilder::on_reconnect).
///
/// ```
/// use tarmem::{Reconnected, Service, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let (sender, mut reports) = tokio::sync::mpsc::unbounded_channel();
/// let report = move |reconnected: Reconnected| drop(sender.send(reconnected));
/// let session = Session::builder(service.address()).on_reconnect(report).connect().await?;
/// session.close().await;
/// session.reconnect().await?;
/// let reconnected = reports.recv().await.expect("the hook was called");
/// assert!(!reconnected.resumed && reconnected.attempts == 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnected {
    /// Whether this is still the same session, which has lost nothing. Otherwise it is a new one, because the service
    /// was restarted or [`Session::reconnect`](crate::Session::reconnect) was called: the handles, locks and waits of
    /// the old session are gone.
    pub resumed: bool,
    /// How many attempts it took to connect.
    pub attempts: usize,
}
