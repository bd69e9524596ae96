//! [`Session`], the client's view of a service.

mod operations;

use super::session_handle::SessionHandle;
use super::session_state::SessionState;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use tarmem_remote::call::Caller;
use tarmem_remote::client_api::ClientApi;
use tarmem_remote::error::Error;
use uuid::Uuid;

/// One client's state at a service: its handles, its calls in flight, its lease.
///
/// A session outlives a connection that breaks. It derefs to [`ClientApi`], so that code which takes a `&ClientApi`
/// runs over any session, and within a service.
///
/// Clones share the session. It ends with [`close`](Self::close), or when the last clone and the last proxy have been
/// dropped. Its handles to unnamed objects are then released.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tarmem::{Proxy, Service, Session, SessionState, args};
///
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::connect(service.address()).await?;
/// let builtins = session.remote_import("builtins").await?;
/// let list = session.memoize("numbers", builtins.function("list", args![[1, 2]])).await?;
/// list.call("append", args![3]).await?;
/// assert_eq!(list.snapshot().await?, vec![1, 2, 3].into());
/// session.close().await;
/// assert_eq!(session.state(), SessionState::Closed);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Session {
    api: ClientApi,
    /// `None` for an in-process session.
    handle: Option<Arc<SessionHandle>>,
    /// The id of an in-process session; other sessions have it in their handle.
    id: Uuid,
}

impl Session {
    pub(super) fn of(handle: SessionHandle) -> Session {
        let handle = Arc::new(handle);
        let (caller, id): (Arc<dyn Caller>, _) = (handle.clone(), handle.session());
        Session { api: ClientApi::new(caller), handle: Some(handle), id }
    }

    pub(crate) fn in_process(caller: Arc<dyn Caller>, id: Uuid) -> Session {
        Session { api: ClientApi::new(caller), handle: None, id }
    }

    /// Returns the id of the session, which the service also gives to methods in their [`Context`](crate::Context).
    pub fn id(&self) -> Uuid {
        self.handle.as_ref().map_or(self.id, |handle| handle.session())
    }

    /// Returns whether the session is connected, reconnecting or closed. An in-process session is always
    /// [`SessionState::Connected`].
    pub fn state(&self) -> SessionState {
        self.handle.as_ref().map_or(SessionState::Connected, |handle| *handle.states().borrow())
    }

    /// Waits until the session is in `state`. An in-process session is always [`SessionState::Connected`], so waiting
    /// for another state never ends.
    ///
    /// # Cancellation
    /// Dropping the future changes nothing.
    pub async fn wait_for(&self, state: SessionState) {
        match &self.handle {
            Some(handle) => {
                let reached = handle.states().wait_for(|now| *now == state).await.is_ok();
                if !reached {
                    std::future::pending::<()>().await;
                }
            }
            None if state == SessionState::Connected => {}
            None => std::future::pending().await,
        }
    }

    /// Connects again after the session was closed, has expired or has failed to reconnect. This opens a new session
    /// with the same service: proxies by key work with it, calls on proxies of unnamed objects fail with
    /// [`Error::NoSuchObject`], and locks are no longer held. Returns at once if the session is connected.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). [`Error::Refused`] for a session [`over`](Self::over) a stream.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the attempt.
    pub async fn reconnect(&self) -> Result<(), Error> {
        match &self.handle {
            Some(handle) => handle.reconnect().await,
            None => Ok(()),
        }
    }

    /// Ends the session: calls in flight fail, its handles are released, and it stays closed until
    /// [`reconnect`](Self::reconnect) is called. This does nothing for an in-process session, which ends when its last
    /// clone and proxy have been dropped.
    pub async fn close(&self) {
        if let Some(handle) = &self.handle {
            handle.close().await;
        }
    }

    /// Waits until the task that keeps the session connected has ended, without keeping the session alive. Returns at
    /// once for an in-process session.
    pub(crate) fn task_ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let ended = self.handle.as_ref().map(|handle| handle.task_ended());
        async move {
            if let Some(ended) = ended {
                ended.await;
            }
        }
    }

    /// Returns why the session has ended; `None` if it has not.
    pub fn ended(&self) -> Option<Error> {
        self.handle.as_ref().and_then(|handle| handle.ended())
    }
}

impl Deref for Session {
    type Target = ClientApi;

    fn deref(&self) -> &ClientApi {
        &self.api
    }
}

impl AsRef<ClientApi> for Session {
    fn as_ref(&self) -> &ClientApi {
        &self.api
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.handle {
            Some(handle) => write!(f, "Session({})", handle.address()),
            None => f.write_str("Session(in process)"),
        }
    }
}
