//! The everyday methods of a [`Session`], at the top of its page: each asks the service what its [`ClientApi`] asks.

use super::Session;
use tarmem_remote::call::Call;
use tarmem_remote::client_api::{ClientApi, Import, Obtain};
#[cfg(doc)]
use tarmem_remote::error::Error;
use tarmem_remote::pipeline::PipelinedCall;
#[cfg(doc)]
use tarmem_remote::proxy::Proxy;
use tarmem_remote::proxy::{DynamicProxy, Remote};
use tarmem_remote::results::{KeysPage, ObjectDescription, VersionInfo};
use tarmem_remote::source::Source;

/// # Objects and keys
impl Session {
    /// Returns the object under `key`. If there is none, it is made from `source`, exactly once however many callers
    /// race. If there is one, the source is not even decoded.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let numbers = session.memoize("numbers", ListProxy::new([1, 2])).await?;
    /// numbers.append(3).await?;
    /// // It is there now, so this source is not used.
    /// let same = session.memoize("numbers", ListProxy::new(())).await?;
    /// assert_eq!(same.len().await?, 3);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The error of the source, for every caller that waited for it. Nothing is stored then, and the next caller tries
    /// again. [`Error::Cycle`] if a generator needs its own key. [`Error::WrongClass`] if the existing object is of
    /// another class.
    pub fn memoize<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().memoize(key, source)
    }

    /// Returns a proxy for the object under `key`: `get::<Account>("alice")`, or `get::<dyn Shape>("k")` for any class
    /// that implements the interface.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::modules::builtins::List;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// let numbers = session.get::<List>("numbers").await?;
    /// assert_eq!(numbers.len().await?, 2);
    /// assert!(session.get::<List>("nothing").await.is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::WrongClass`].
    pub fn get<R: Remote + ?Sized>(&self, key: &str) -> Obtain<R::Proxy> {
        self.api().get::<R>(key)
    }

    /// Maps `key` to a new object, whether or not it was mapped. The object is made first, and then replaces the old
    /// one atomically.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1])).await?;
    /// let numbers = session.update("numbers", ListProxy::new([1, 2])).await?;
    /// assert_eq!(numbers.len().await?, 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The error of the source. The mapping is unchanged then.
    pub fn update<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().update(key, source)
    }

    /// Like [`update`](Self::update), but only if the key still has this `generation` (0: it is not mapped).
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update_if("numbers", 0, ListProxy::new([1])).await?;
    /// let found = session.describe("numbers").await?;
    /// session.update_if("numbers", found.generation, ListProxy::new([2])).await?;
    /// assert!(session.update_if("numbers", found.generation, ListProxy::new([3])).await.is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongGeneration`] if another caller was faster; and those of `update`.
    pub fn update_if<S: Source>(&self, key: &str, generation: u64, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().update_if(key, generation, source)
    }

    /// Makes an unnamed object. It lives as long as there is a proxy of it, or an object that refers to it.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let scratch = session.create(ListProxy::new([1, 2])).await?;
    /// assert_eq!(scratch.len().await?, 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The error of the source.
    pub fn create<S: Source>(&self, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().create(source)
    }

    /// Removes the mapping of `key`. The object lives on while it is referred to by id.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1])).await?;
    /// session.delete("numbers").await?;
    /// assert!(!session.is_memoized("numbers").await?);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn delete(&self, key: &str) -> Call<()> {
        self.api().delete(key)
    }

    /// Whether `key` is mapped.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// assert!(!session.is_memoized("numbers").await?);
    /// session.update("numbers", ListProxy::new([1])).await?;
    /// assert!(session.is_memoized("numbers").await?);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of the session.
    pub fn is_memoized(&self, key: &str) -> Call<bool> {
        self.api().is_memoized(key)
    }

    /// The keys that begin with `prefix` and come after `after` (empty: from the first), in order; at most `limit` of
    /// them (0: the service's page size).
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// for key in ["user:1", "user:2", "other"] {
    ///     session.update(key, ListProxy::new(())).await?;
    /// }
    /// let page = session.keys("user:", "", 0).await?;
    /// assert_eq!(page.keys, ["user:1", "user:2"]);
    /// assert_eq!(page.next, None);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of the session.
    pub fn keys(&self, prefix: &str, after: &str, limit: u32) -> Call<KeysPage> {
        self.api().keys(prefix, after, limit)
    }

    /// Returns a proxy that follows `key`, without asking whether the key is mapped.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::modules::builtins::List;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// let numbers = session.proxy::<List>("numbers");
    /// assert!(numbers.len().await.is_err());
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// assert_eq!(numbers.len().await?, 2);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy<R: Remote + ?Sized>(&self, key: &str) -> R::Proxy {
        self.api().proxy::<R>(key)
    }

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

    /// Returns a proxy without types for the object under `key`.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::args;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// let numbers = session.get_dynamic("numbers").await?;
    /// assert_eq!(numbers.call("__len__", args![]).await?, 2.into());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn get_dynamic(&self, key: &str) -> Obtain<DynamicProxy> {
        self.api().get_dynamic(key)
    }

    /// Like [`proxy`](Self::proxy), without types.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::args;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// assert_eq!(session.proxy_dynamic("numbers").call("__len__", args![]).await?, 2.into());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy_dynamic(&self, key: &str) -> DynamicProxy {
        self.api().proxy_dynamic(key)
    }

    /// Returns the class, generation and methods of the object under `key`.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// let described = session.describe("numbers").await?;
    /// assert_eq!((&*described.class, described.generation), ("builtins.list", 1));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn describe(&self, key: &str) -> Call<ObjectDescription> {
        self.api().describe(key)
    }

    /// Whether the object under `key` is poisoned, because a method panicked while changing it. A poisoned object
    /// refuses calls with [`Error::Poisoned`], but can be described and copied in a snapshot.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("numbers", ListProxy::new([1, 2])).await?;
    /// assert!(!session.is_poisoned("numbers").await?);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn is_poisoned(&self, key: &str) -> Call<bool> {
        self.api().is_poisoned(key)
    }

    /// Makes the object under `key` usable again after a method panicked while changing it, like
    /// [`Mutex::clear_poison`](std::sync::Mutex::clear_poison). The object stays as that method left it: look at it in
    /// a [`snapshot`](Proxy::snapshot_with_info) first, and repair it with the next calls. This does nothing to an
    /// object that is not poisoned.
    ///
    /// ```
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::Proxy;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let service = Service::new("127.0.0.1", 0).start().await?;
    /// # let session = service.session();
    /// session.update("stock", ListProxy::new([1, 2])).await?;
    /// let snapshot = session.proxy_dynamic("stock").snapshot_with_info().await?;
    /// if snapshot.poisoned {
    ///     println!("half changed: {}", snapshot.value);
    ///     session.clear_poison("stock").await?;
    /// }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`]; [`Error::NotPermitted`] for a session that may only read.
    pub fn clear_poison(&self, key: &str) -> Call<()> {
        self.api().clear_poison(key)
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

    fn api(&self) -> &ClientApi {
        self
    }
}
