//! [`ClientApi`]: the operations that a client may request of a service. A session provides it to clients, and a
//! [`Context`](crate::Context) to the methods and functions that run on a service.

use crate::args::Args;
use crate::backup::{BackupPart, BackupPosition};
use crate::call::{Call, Name};
use crate::codec::Encoding;
use crate::error::{Error, near_misses};
use crate::operation::{Operation, Target};
use crate::pipeline::{self, PipelinedCall};
pub use crate::proxy::Obtain;
use crate::proxy::{DynamicProxy, Proxy, ProxyCore, Remote};
use crate::results::{KeysPage, MemberDescription, MemberKind, ModuleDescription, ObjectDescription, VersionInfo};
pub use crate::service::ClientApi;
use crate::source::{DynamicFunctionCall, Source};
use crate::value::Value;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

impl ClientApi {
    /// Returns the object under `key`. If there is none, it is made from `source`, exactly once however many callers
    /// race. If there is one, the source is not even decoded.
    ///
    /// # Errors
    /// The error of the source, for every caller that waited for it. Nothing is stored then, and the next caller tries
    /// again. [`Error::Cycle`] if a generator needs its own key. [`Error::WrongClass`] if the existing object is of
    /// another class.
    pub fn memoize<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        Obtain::from_source(&self.caller, Some(key), &Name::MEMOIZE, source, |source| {
            Operation::Memoize { key, source, expect: S::EXPECT }.encode()
        })
    }

    /// Maps `key` to a new object, whether or not it was mapped. The object is made first, and then replaces the old
    /// one atomically.
    ///
    /// # Errors
    /// The error of the source. The mapping is unchanged then.
    pub fn update<S: Source>(&self, key: &str, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.update_with(key, None, source)
    }

    /// Like [`update`](Self::update), but only if the key still has this `generation` (0: it is not mapped).
    ///
    /// # Errors
    /// [`Error::WrongGeneration`] if another caller was faster; and those of `update`.
    pub fn update_if<S: Source>(&self, key: &str, generation: u64, source: S) -> Obtain<S::Proxy, S::Failure> {
        self.update_with(key, Some(generation), source)
    }

    fn update_with<S: Source>(&self, key: &str, generation: Option<u64>, source: S) -> Obtain<S::Proxy, S::Failure> {
        let name = if generation.is_some() { &Name::UPDATE_IF } else { &Name::UPDATE };
        Obtain::from_source(&self.caller, Some(key), name, source, |source| {
            Operation::Update { key, source, generation, expect: S::EXPECT }.encode()
        })
    }

    /// Returns a proxy for the object under `key`: `get::<Account>("alice")`, or `get::<dyn Shape>("k")` for any class
    /// that implements the interface.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::WrongClass`].
    pub fn get<R: Remote + ?Sized>(&self, key: &str) -> Obtain<R::Proxy> {
        self.get_expecting(key, R::PATH)
    }

    /// Returns a proxy without types for the object under `key`.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn get_dynamic(&self, key: &str) -> Obtain<DynamicProxy> {
        self.get_expecting(key, "")
    }

    fn get_expecting<P>(&self, key: &str, expect: &str) -> Obtain<P> {
        Obtain::new(&self.caller, &Name::GET, Operation::Get { key, expect }.encode(), Some(key))
    }

    /// Returns a proxy that follows `key`, without asking whether the key is mapped.
    pub fn proxy<R: Remote + ?Sized>(&self, key: &str) -> R::Proxy {
        R::Proxy::from_core(ProxyCore::by_key(Arc::clone(&self.caller), key))
    }

    /// Like [`proxy`](Self::proxy), without types.
    pub fn proxy_dynamic(&self, key: &str) -> DynamicProxy {
        DynamicProxy::from_core(ProxyCore::by_key(Arc::clone(&self.caller), key))
    }

    /// Makes an unnamed object. It lives as long as there is a proxy of it, or an object that refers to it.
    ///
    /// # Errors
    /// The error of the source.
    pub fn create<S: Source>(&self, source: S) -> Obtain<S::Proxy, S::Failure> {
        Obtain::from_source(&self.caller, None, &Name::CREATE, source, |source| {
            Operation::Create { source, expect: S::EXPECT }.encode()
        })
    }

    /// Removes the mapping of `key`. The object lives on while it is referred to by id.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn delete(&self, key: &str) -> Call<()> {
        self.plain(Operation::Delete { key })
    }

    /// Whether `key` is mapped.
    ///
    /// # Errors
    /// Those of the session.
    pub fn is_memoized(&self, key: &str) -> Call<bool> {
        self.plain(Operation::IsMemoized { key })
    }

    /// The keys that begin with `prefix` and come after `after` (empty: from the first), in order; at most `limit` of
    /// them (0: the service's page size).
    ///
    /// This is not a snapshot of all keys at one moment: the service reads one part of its keys after another, so a key
    /// that another caller maps or deletes meanwhile may be in the page or not.
    ///
    /// # Errors
    /// Those of the session.
    pub fn keys(&self, prefix: &str, after: &str, limit: u32) -> Call<KeysPage> {
        self.plain(Operation::Keys { prefix, after, limit })
    }

    /// Returns the class, generation and methods of the object under `key`.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn describe(&self, key: &str) -> Call<ObjectDescription> {
        self.plain(Operation::Describe { target: Target::Key(key) })
    }

    /// Whether the object under `key` is poisoned, because a method panicked while changing it. A poisoned object
    /// refuses calls with [`Error::Poisoned`], but can be described and copied in a snapshot.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn is_poisoned(&self, key: &str) -> Call<bool> {
        self.plain(Operation::IsPoisoned { target: Target::Key(key) })
    }

    /// Makes the object under `key` usable again after a method panicked while changing it, like
    /// [`Mutex::clear_poison`](std::sync::Mutex::clear_poison). The object stays as that method left it: look at it in
    /// a [`snapshot`](Proxy::snapshot_with_info) first, and repair it with the next calls. This does nothing to an
    /// object that is not poisoned.
    ///
    /// ```
    /// # use tarmem_remote::{Error, Proxy};
    /// # async fn example(session: tarmem_remote::client_api::ClientApi) -> Result<(), Error> {
    /// let snapshot = session.proxy_dynamic("stock").snapshot_with_info().await?;
    /// if snapshot.poisoned {
    ///     println!("half changed: {}", snapshot.value);
    ///     session.clear_poison("stock").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchKey`]; [`Error::NotPermitted`] for a session that may only read.
    pub fn clear_poison(&self, key: &str) -> Call<()> {
        self.plain(Operation::ClearPoison { target: Target::Key(key) })
    }

    /// Imports a module of the service, by its absolute name, or by a relative one with [`Import::package`].
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NotAModule`], [`Error::BadImport`].
    pub fn remote_import(&self, module: &str) -> Import {
        Import { service: self.clone(), module: module.to_owned(), package: None, call: None }
    }

    /// Returns the versions of the service.
    ///
    /// # Errors
    /// Those of the session.
    pub fn version(&self) -> Call<VersionInfo> {
        self.plain(Operation::Version)
    }

    /// Takes a backup of everything that the service keeps, and reads its first part, or reads another part of it.
    ///
    /// # Errors
    /// [`Error::NoBackup`], [`Error::NotPermitted`].
    #[doc(hidden)]
    pub fn backup_part(&self, from: Option<&BackupPosition>) -> Call<BackupPart> {
        self.plain(Operation::Backup { from: from.map(BackupPosition::as_ref) })
    }

    /// Sends all `calls` together, without waiting in between, and returns their results in order (explicit
    /// pipelining). All calls have one type: calls of one method, typed or by name, or of several methods with the same
    /// result.
    ///
    /// ```
    /// # use tarmem_modules::builtins::DictProxy;
    /// # use tarmem_remote::{ClientApi, Error, Value};
    /// # async fn example(session: ClientApi, ages: DictProxy) -> Result<(), Box<dyn std::error::Error>> {
    /// let found = session.pipeline(["alice", "bob"].map(|name| ages.get::<i64>(name))).await;
    /// for age in found {
    ///     println!("{:?}", age?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Each call has its own outcome.
    pub async fn pipeline<C: PipelinedCall>(&self, calls: impl IntoIterator<Item = C>) -> Vec<C::Output> {
        pipeline::run(calls).await
    }

    fn plain<T>(&self, operation: Operation<'_>) -> Call<T> {
        Call::new(Arc::clone(&self.caller), operation.encode(), operation.method(), Encoding::Typed)
    }
}

/// A `remote_import` as a future of the module.
///
/// ```
/// use tarmem_remote::client_api::{ClientApi, Import};
/// use tarmem_remote::{Error, Value};
///
/// async fn pi(session: &ClientApi) -> Result<Option<Value>, Error> {
///     let import: Import = session.remote_import(".constants").package("shop");
///     Ok(import.await?.constant("PI").cloned())
/// }
/// ```
#[must_use = "it does nothing until it is awaited"]
pub struct Import {
    service: ClientApi,
    module: String,
    package: Option<String>,
    call: Option<Call<ModuleDescription>>,
}

impl Import {
    /// Sets the package that a relative name (`..util`) is resolved in, by importlib's rules.
    pub fn package(mut self, package: impl Into<String>) -> Self {
        self.package = Some(package.into());
        self
    }
}

impl Import {
    fn call(&mut self) -> &mut Call<ModuleDescription> {
        self.call.get_or_insert_with(|| {
            let package = self.package.as_deref();
            self.service.plain(Operation::Import { module: &self.module, package })
        })
    }
}

impl Future for Import {
    type Output = Result<Module, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(self.call()).poll(cx);
        polled.map_ok(|description| Module { service: self.service.clone(), description })
    }
}

impl PipelinedCall for Import {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.call().poll_send(cx)
    }
}

/// A module of a service: its members by name.
///
/// ```
/// use tarmem_remote::client_api::{ClientApi, Module};
/// use tarmem_remote::{DynamicProxy, Error, args};
///
/// async fn numbers(session: &ClientApi) -> Result<DynamicProxy, Error> {
///     let builtins: Module = session.remote_import("builtins").await?;
///     session.memoize("numbers", builtins.function("list", args![[1, 2]])).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Module {
    service: ClientApi,
    description: ModuleDescription,
}

impl Module {
    /// The module's absolute name.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// Its members: names, kinds, signatures, documentation.
    pub fn members(&self) -> &[MemberDescription] {
        &self.description.members
    }

    /// The member `name`: its kind, signature and documentation, and its methods or value.
    ///
    /// # Errors
    /// [`Error::NoSuchMember`].
    pub fn member(&self, name: &str) -> Result<&MemberDescription, Error> {
        self.members().iter().find(|member| member.name == name).ok_or_else(|| {
            let names = self.members().iter().map(|member| &*member.name);
            let near = near_misses(name, names);
            Error::NoSuchMember { module: self.name().to_owned(), name: name.to_owned(), near }
        })
    }

    /// The member that a [`DynamicFunctionCall`](crate::source::DynamicFunctionCall) of `name` runs: for a class its
    /// constructor `new`, otherwise the member of that name.
    ///
    /// # Errors
    /// [`Error::NoSuchMember`], and [`Error::NoConstructor`] for a class without one.
    pub fn maker(&self, name: &str) -> Result<&MemberDescription, Error> {
        let member = self.member(name)?;
        if member.kind != MemberKind::Class {
            return Ok(member);
        }
        let new = format!("{name}.new");
        self.members().iter().find(|member| member.name == new).ok_or_else(|| {
            let makers = self.members().iter().filter(|member| member.kind == MemberKind::Generator);
            Error::no_constructor(self.name(), name, makers.map(|member| &*member.name))
        })
    }

    /// The sorted names of its members, like Python's `dir`.
    ///
    /// ```
    /// # async fn example(session: tarmem_remote::client_api::ClientApi) -> Result<(), tarmem_remote::Error> {
    /// let builtins = session.remote_import("builtins").await?;
    /// assert!(builtins.dir().contains(&"list"));
    /// assert!(builtins.member("list")?.methods.iter().any(|method| method.name == "append"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn dir(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.members().iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        names
    }

    /// The absolute names of the modules inside it.
    pub fn modules(&self) -> &[String] {
        &self.description.modules
    }

    /// The value of the constant `name`.
    pub fn constant(&self, name: &str) -> Option<&Value> {
        self.members().iter().find(|member| member.name == name)?.value.as_ref()
    }

    /// Makes an unnamed object with the class or generator `name`.
    ///
    /// # Errors
    /// [`Error::NoSuchMember`], [`Error::NoConstructor`], [`Error::NotAGenerator`], [`Error::BadArguments`], and the
    /// error of the generator.
    pub fn construct(&self, name: &str, args: impl Into<Args>) -> Obtain<DynamicProxy> {
        self.service.create(self.function(name, args))
    }

    /// A call of the class or generator `name`, as a source for `memoize` and `update`.
    pub fn function(&self, name: &str, args: impl Into<Args>) -> DynamicFunctionCall {
        DynamicFunctionCall::new(self.name(), name, args)
    }

    /// Runs the function `name`.
    ///
    /// # Errors
    /// [`Error::NoSuchMember`], [`Error::BadArguments`], [`Error::Raised`].
    pub fn call(&self, name: &str, args: impl Into<Args>) -> Call<Value> {
        self.function(name, args).call(&self.service)
    }
}
