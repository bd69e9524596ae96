//! How a session is connected, as its user is told.

/// How a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionState {
    /// Calls are on their way.
    Connected,
    /// The connection broke, or the service shut down, and another one is being made. Calls wait for it, each until its
    /// own deadline.
    Reconnecting,
    /// It was closed, or could not be kept: [`Session::ended`](crate::Session::ended) says why. Calls fail until
    /// [`Session::reconnect`](crate::Session::reconnect).
    Closed,
}

/// A session that is connected again: what [`SessionBuilder::on_reconnect`](crate::SessionBuilder::on_reconnect) is
/// told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnected {
    /// It is the same session, and nothing of it was lost. Otherwise it is a new one, of a service that was started
    /// again or after [`Session::reconnect`](crate::Session::reconnect): handles, locks and waits of the old one are
    /// gone.
    pub resumed: bool,
    /// How many attempts it took.
    pub attempts: usize,
}
