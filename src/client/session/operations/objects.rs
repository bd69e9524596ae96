//! Making objects, finding them under keys, and changing what a key maps to.

use crate::client::session::Session;
use tarmem_remote::client_api::Obtain;
#[cfg(doc)]
use tarmem_remote::error::Error;
use tarmem_remote::proxy::{DynamicProxy, Remote};
use tarmem_remote::source::Source;

/// # Objects
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
}
