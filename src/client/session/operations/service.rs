//! Modules, the version of the service, and calls as an owner or many at once.

use crate::client::session::Session;
use tarmem_remote::backup::{BackupPart, BackupPosition};
use tarmem_remote::call::Call;
use tarmem_remote::client_api::{ClientApi, Import};
#[cfg(doc)]
use tarmem_remote::error::Error;
use tarmem_remote::pipeline::PipelinedCall;
use tarmem_remote::results::VersionInfo;

/// # Modules, versions, owners and pipelines
impl Session {
    /// Imports a module of the service, by its absolute name, or by a relative one with [`Import::package`].
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::args;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let builtins = session.remote_import("builtins").await?;
    /// let numbers = session.memoize("numbers", builtins.function("list", args![[1, 2]])).await?;
    /// assert_eq!(numbers.call("__len__", args![]).await?, 2.into());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NotAModule`], [`Error::BadImport`].
    pub fn remote_import(&self, module: &str) -> Import {
        self.api().remote_import(module)
    }

    /// Returns the versions of the service.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// assert_eq!(session.version().await?.service, env!("CARGO_PKG_VERSION"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of the session.
    pub fn version(&self) -> Call<VersionInfo> {
        self.api().version()
    }

    /// Takes a backup of everything that the service keeps, and reads its first part, or reads another part of it.
    ///
    /// # Errors
    /// [`Error::NoBackup`], [`Error::NotPermitted`].
    #[doc(hidden)]
    pub fn backup_part(&self, from: Option<&BackupPosition>) -> Call<BackupPart> {
        self.api().backup_part(from)
    }

    /// The same service, whose calls are made on behalf of this owner, as with [`Call::owner`](crate::Call::owner).
    /// This includes the calls of the proxies that it returns.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::threading::{RLock, RLockProxy};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let lock = session.as_owner(1).memoize("lock", RLockProxy::new()).await?;
    /// assert!(lock.acquire_bool(None, None).await?);
    /// let same = session.as_owner(2).get::<RLock>("lock").await?;
    /// assert!(!same.acquire_bool(false, None).await?, "the lock belongs to owner 1");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_owner(&self, id: u64) -> ClientApi {
        self.api().as_owner(id)
    }

    /// Sends all `calls` together, without waiting in between, and returns their results in order (explicit
    /// pipelining). All calls have one type: calls of one method, typed or by name, or of several methods with the same
    /// result.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::DictProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let ages = session.memoize("ages", DictProxy::new([("alice", 5), ("bob", 7)])).await?;
    /// let found = session.pipeline(["alice", "bob"].map(|name| ages.get::<i64>(name))).await;
    /// assert_eq!(found.into_iter().collect::<Result<Vec<_>, _>>()?, [Some(5), Some(7)]);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Each call has its own outcome.
    pub async fn pipeline<C: PipelinedCall>(&self, calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
        self.api().pipeline(calls).await
    }
}
