//! Asking about keys and the objects under them; removing a key, and clearing the poison of an object.

use crate::client::session::Session;
use tarmem_remote::call::Call;
#[cfg(doc)]
use tarmem_remote::error::Error;
#[cfg(doc)]
use tarmem_remote::proxy::Proxy;
use tarmem_remote::results::{KeysPage, ObjectDescription};

/// # Keys
impl Session {
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
    /// This is not a snapshot of all keys at one moment: the service reads one part of its keys after another, so a key
    /// that another caller maps or deletes meanwhile may be in the page or not.
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
}
