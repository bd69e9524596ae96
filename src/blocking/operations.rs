//! The everyday methods of a blocking [`Session`], at the top of its page: each asks the service what its [`ClientApi`]
//! asks.

use super::Session;
use tarmem_remote::call::Call;
use tarmem_remote::client_api::{ClientApi, Import, Obtain};
#[cfg(doc)]
use tarmem_remote::error::Error;
use tarmem_remote::pipeline::PipelinedCall;
use tarmem_remote::proxy::{DynamicProxy, Remote};
use tarmem_remote::results::{KeysPage, ObjectDescription, VersionInfo};
use tarmem_remote::source::Source;

/// # Objects and keys
impl Session {
    /// The object under `key`. On a miss the service makes it from `source`, exactly once however many callers race; on
    /// a hit the source is not even decoded.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let numbers = session.memoize("numbers", ListProxy::new([1, 2])).wait()?;
    /// numbers.append(3).wait()?;
    /// // It is there now, so this source is not used.
    /// let same = session.memoize("numbers", ListProxy::new(())).wait()?;
    /// assert_eq!(same.len().wait()?, 3);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the source fails with, for every caller that waited for it; nothing is stored then, and the next caller
    /// tries again. [`Error::Cycle`] if a generator comes to need its own key. [`Error::WrongClass`] on a hit of
    /// another class.
    pub fn memoize<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().memoize(key, source)
    }

    /// A proxy of the object under `key`: `get::<Account>("alice")`, or `get::<dyn Shape>("k")` for any class that
    /// implements the interface.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::modules::builtins::List;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// let numbers = session.get::<List>("numbers").wait()?;
    /// assert_eq!(numbers.len().wait()?, 2);
    /// assert!(session.get::<List>("nothing").wait().is_err());
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::WrongClass`].
    pub fn get<R: Remote + ?Sized>(&self, key: &str) -> Obtain<R::Proxy> {
        self.api().get::<R>(key)
    }

    /// Maps `key` to a new object, whether or not it was mapped. The object is made first, then swapped in at once.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1])).wait()?;
    /// let numbers = session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// assert_eq!(numbers.len().wait()?, 2);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the source fails with; the mapping is as before then.
    pub fn update<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().update(key, source)
    }

    /// As [`update`](Self::update), but only if the key is still at `generation` (0: not mapped).
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update_if("numbers", 0, ListProxy::new([1])).wait()?;
    /// let found = session.describe("numbers").wait()?;
    /// session.update_if("numbers", found.generation, ListProxy::new([2])).wait()?;
    /// assert!(session.update_if("numbers", found.generation, ListProxy::new([3])).wait().is_err());
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::WrongGeneration`] if another client was faster; and those of `update`.
    pub fn update_if<S: Source>(&self, key: &str, generation: u64, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().update_if(key, generation, source)
    }

    /// Makes an unnamed object. It lives as long as a proxy of it, or an object that refers to it.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let scratch = session.create(ListProxy::new([1, 2])).wait()?;
    /// assert_eq!(scratch.len().wait()?, 2);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the source fails with.
    pub fn create<S: Source>(&self, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.api().create(source)
    }

    /// Removes the mapping of `key`. The object lives on while something refers to it by its id.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1])).wait()?;
    /// session.delete("numbers").wait()?;
    /// assert!(!session.is_memoized("numbers").wait()?);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
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
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// assert!(!session.is_memoized("numbers").wait()?);
    /// session.update("numbers", ListProxy::new([1])).wait()?;
    /// assert!(session.is_memoized("numbers").wait()?);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The session's.
    pub fn is_memoized(&self, key: &str) -> Call<bool> {
        self.api().is_memoized(key)
    }

    /// The keys that begin with `prefix` and come after `after` (empty: from the first), in order; at most `limit` (0:
    /// the service's page size).
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// for key in ["user:1", "user:2", "other"] {
    ///     session.update(key, ListProxy::new(())).wait()?;
    /// }
    /// let page = session.keys("user:", "", 0).wait()?;
    /// assert_eq!(page.keys, ["user:1", "user:2"]);
    /// assert_eq!(page.next, None);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The session's.
    pub fn keys(&self, prefix: &str, after: &str, limit: u32) -> Call<KeysPage> {
        self.api().keys(prefix, after, limit)
    }

    /// A proxy that follows `key`, without asking whether it is mapped yet.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::modules::builtins::List;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let numbers = session.proxy::<List>("numbers");
    /// assert!(numbers.len().wait().is_err());
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// assert_eq!(numbers.len().wait()?, 2);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy<R: Remote + ?Sized>(&self, key: &str) -> R::Proxy {
        self.api().proxy::<R>(key)
    }

    /// A module of the service, by its absolute name, or by a relative one with [`Import::package`].
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::args;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let builtins = session.remote_import("builtins").wait()?;
    /// let numbers = session.memoize("numbers", builtins.function("list", args![[1, 2]])).wait()?;
    /// assert_eq!(numbers.call("__len__", args![]).wait()?, 2.into());
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NotAModule`], [`Error::BadImport`].
    pub fn remote_import(&self, module: &str) -> Import {
        self.api().remote_import(module)
    }

    /// A proxy without types of the object under `key`: its methods are called by their names.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::args;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// let numbers = session.get_dynamic("numbers").wait()?;
    /// assert_eq!(numbers.call("__len__", args![]).wait()?, 2.into());
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn get_dynamic(&self, key: &str) -> Obtain<DynamicProxy> {
        self.api().get_dynamic(key)
    }

    /// As [`proxy`](Self::proxy), without types.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::args;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// assert_eq!(session.proxy_dynamic("numbers").call("__len__", args![]).wait()?, 2.into());
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy_dynamic(&self, key: &str) -> DynamicProxy {
        self.api().proxy_dynamic(key)
    }

    /// The class, the generation and the methods of the object under `key`.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// let described = session.describe("numbers").wait()?;
    /// assert_eq!((&*described.class, described.generation), ("builtins.list", 1));
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn describe(&self, key: &str) -> Call<ObjectDescription> {
        self.api().describe(key)
    }

    /// Whether a method panicked while it changed the object under `key`; then the object answers [`Error::Poisoned`]
    /// to all calls, and can only be looked at by a snapshot.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("numbers", ListProxy::new([1, 2])).wait()?;
    /// assert!(!session.is_poisoned("numbers").wait()?);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn is_poisoned(&self, key: &str) -> Call<bool> {
        self.api().is_poisoned(key)
    }

    /// Lets the object under `key` be used again although a method panicked while it changed it, as
    /// [`Mutex::clear_poison`](std::sync::Mutex::clear_poison) does. The object is as that method left it: look at it
    /// by a [snapshot](crate::Proxy::snapshot_with_info) first. Does nothing to an object that is not poisoned.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::ListProxy;
    /// # use tarmem::Proxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// session.update("stock", ListProxy::new([1, 2])).wait()?;
    /// let snapshot = session.proxy_dynamic("stock").snapshot_with_info().wait()?;
    /// if snapshot.poisoned {
    ///     println!("half changed: {}", snapshot.value);
    ///     session.clear_poison("stock").wait()?;
    /// }
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`]; [`Error::NotPermitted`] for a session that may only read.
    pub fn clear_poison(&self, key: &str) -> Call<()> {
        self.api().clear_poison(key)
    }

    /// The versions of the service.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// assert_eq!(session.version().wait()?.service, env!("CARGO_PKG_VERSION"));
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The session's.
    pub fn version(&self) -> Call<VersionInfo> {
        self.api().version()
    }

    /// The same service, with calls on behalf of the owner `id`, as by [`Call::owner`]: all of them, and those of the
    /// proxies that come of them. Locks belong to owners.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::threading::{RLock, RLockProxy};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let lock = session.as_owner(1).memoize("lock", RLockProxy::new()).wait()?;
    /// assert!(lock.acquire_bool(None, None).wait()?);
    /// let same = session.as_owner(2).get::<RLock>("lock").wait()?;
    /// assert!(!same.acquire_bool(false, None).wait()?, "the lock belongs to owner 1");
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
    /// ```
    pub fn as_owner(&self, id: u64) -> ClientApi {
        self.api().as_owner(id)
    }

    /// Sends all `calls` together, without waiting in between, and gives their results in order. The calls are of one
    /// type: calls of one method, typed or by name, or of several that give the same.
    ///
    /// ```
    /// # use tarmem::blocking::{self, Session, Wait};
    /// # use tarmem::Service;
    /// # use tarmem::modules::builtins::DictProxy;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let service = blocking::start(Service::new("127.0.0.1", 0))?;
    /// # let session = Session::connect(service.address())?;
    /// let ages = session.memoize("ages", DictProxy::new([("alice", 5), ("bob", 7)])).wait()?;
    /// let found = session.pipeline(["alice", "bob"].map(|name| ages.get::<i64>(name))).wait();
    /// assert_eq!(found.into_iter().collect::<Result<Vec<_>, _>>()?, [Some(5), Some(7)]);
    /// # blocking::shutdown(service);
    /// # Ok(())
    /// # }
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
