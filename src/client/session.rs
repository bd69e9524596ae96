//! What a user of the client has: [`Session`].

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

/// One client's standing with a service. Its [`ClientApi`] is the contract: `memoize`, `get`, `update` and the rest.
///
/// Clones share the session. It ends with [`close`](Self::close), or when the last clone and the last proxy are
/// dropped: then its handles to unnamed objects are given up.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tarmem::{Service, Session, args, Proxy};
///
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::connect(service.address()).await?;
/// let builtins = session.remote_import("builtins").await?;
/// let list = session.memoize("numbers", builtins.function("list", args![[1, 2]])).await?;
/// list.call("append", args![3]).await?;
/// assert_eq!(list.snapshot().await?, vec![1, 2, 3].into());
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Session {
    api: ClientApi,
    /// `None` in process.
    handle: Option<Arc<SessionHandle>>,
    /// In process; otherwise the handle knows it.
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

    /// What the service knows the session by: the [`Context`](crate::Context) of its calls has the same.
    pub fn id(&self) -> Uuid {
        self.handle.as_ref().map_or(self.id, |handle| handle.session())
    }

    /// How it is connected now. Always [`SessionState::Connected`] in process.
    pub fn state(&self) -> SessionState {
        self.handle.as_ref().map_or(SessionState::Connected, |handle| *handle.states().borrow())
    }

    /// Ready once the session is in `state`. Never in process, but for [`SessionState::Connected`].
    ///
    /// # Cancellation
    /// Dropping it changes nothing.
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

    /// Connects again after the session was closed, has expired or could not be kept: as a new session of the same
    /// service. Proxies by key go on with it; those of unnamed objects answer [`Error::NoSuchObject`], and locks are no
    /// longer held. At once if it is connected.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). [`Error::Refused`] for a session [`over`](Self::over) a stream.
    ///
    /// # Cancellation
    /// Dropping it does not stop what it began.
    pub async fn reconnect(&self) -> Result<(), Error> {
        match &self.handle {
            Some(handle) => handle.reconnect().await,
            None => Ok(()),
        }
    }

    /// Ends the session: calls in flight fail, its handles are given up, and nothing connects again before
    /// [`reconnect`](Self::reconnect). In process there is nothing to end before the last
    /// clone and proxy are dropped.
    pub async fn close(&self) {
        if let Some(handle) = &self.handle {
            handle.close().await;
        }
    }

    /// Ready once the task that keeps it connected has ended; does not keep the session alive. At once in process.
    pub(crate) fn task_ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let ended = self.handle.as_ref().map(|handle| handle.task_ended());
        async move {
            if let Some(ended) = ended {
                ended.await;
            }
        }
    }

    /// Why the session has ended; `None` while it has not.
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
