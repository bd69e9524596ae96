//! [`ClientApi`] itself, with the parts that proxies and calls need. Its operations are in
//! [`client_api`](crate::client_api).

use crate::caller::{Caller, Owned};
use std::fmt;
use std::sync::Arc;

/// The operations of a service for clients: `memoize`, `get`, `update` and the rest, over any [`Caller`].
///
/// ```
/// use tarmem_remote::{ClientApi, DynamicProxy, Error, Value, args};
///
/// /// Works with a session as with the context of a running method.
/// async fn stock(service: &ClientApi, item: &str) -> Result<Value, Error> {
///     let stock: DynamicProxy = service.get_dynamic("stock").await?;
///     stock.call("get", args![item]).await
/// }
/// ```
#[derive(Clone)]
pub struct ClientApi {
    pub(super) caller: Arc<dyn Caller>,
}

impl ClientApi {
    /// The service that `caller` reaches.
    #[doc(hidden)]
    pub fn new(caller: Arc<dyn Caller>) -> Self {
        ClientApi { caller }
    }

    /// The caller that carries the operations.
    #[doc(hidden)]
    pub fn caller(&self) -> &Arc<dyn Caller> {
        &self.caller
    }

    /// The same service, whose calls are made on behalf of this owner, as with [`Call::owner`](crate::Call::owner).
    /// This includes the calls of the proxies that it returns.
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
