//! The service at the other end: a [`ClientApi`], as much of it as proxies and calls need. What it offers is in
//! [`client_api`](crate::client_api).

use crate::caller::{Caller, Owned};
use std::fmt;
use std::sync::Arc;

/// What a client may ask of a service: `memoize`, `get`, `update` and the rest, over any [`Caller`].
#[derive(Clone)]
pub struct ClientApi {
    pub(super) caller: Arc<dyn Caller>,
}

impl ClientApi {
    /// The service that `caller` leads to.
    #[doc(hidden)]
    pub fn new(caller: Arc<dyn Caller>) -> Self {
        ClientApi { caller }
    }

    /// Who carries the operations.
    #[doc(hidden)]
    pub fn caller(&self) -> &Arc<dyn Caller> {
        &self.caller
    }

    /// The same service, whose calls are made on behalf of this owner, as by [`Call::owner`](crate::Call::owner): all
    /// of them, and those of the proxies that come of them.
    pub fn as_owner(&self, id: u64) -> Self {
        ClientApi { caller: Owned::by(&self.caller, id) }
    }
}

impl AsRef<ClientApi> for ClientApi {
    fn as_ref(&self) -> &ClientApi {
        self
    }
}

impl fmt::Debug for ClientApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientApi")
    }
}
