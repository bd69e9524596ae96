//! What a client holds: a stand-in for an object that lives on a service.

use crate::args::Args;
use crate::call::{Call, Name};
use crate::caller::{Caller, Owned};
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::handle::Handle;
use crate::operation::{MethodRef, Operation, Target};
use crate::payload::Payload;
use crate::protocol::object::Object;
use crate::results::{ObjectDescription, Snapshot};
use crate::service::ClientApi;
use crate::signature::Signature;
use crate::value::{ObjectRef, This, Value, from_value, shown_type, to_value};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

mod obtain;

pub use obtain::Obtain;

/// What every proxy has. `#[remote]` generates one proxy type per class and per interface, with a method for each of
/// theirs; [`DynamicProxy`] does without types.
///
/// A proxy **by key** follows the key: each call goes to whatever object the key is mapped to by then. A proxy **by
/// id** stays with one object and keeps it alive; its last clone gives it up when dropped.
pub trait Proxy: Clone + Send + Sync + Sized + 'static {
    /// A proxy over `core`.
    fn from_core(core: ProxyCore) -> Self;

    /// What it is made of.
    fn core(&self) -> &ProxyCore;

    /// The key it follows; `None` for a proxy by id.
    fn key(&self) -> Option<&str> {
        match &self.core().target {
            OwnedTarget::Key(key) => Some(key),
            OwnedTarget::Handle(_) => None,
        }
    }

    /// The id of its object; `None` for a proxy by key.
    fn id(&self) -> Option<Uuid> {
        match &self.core().target {
            OwnedTarget::Key(_) => None,
            OwnedTarget::Handle(handle) => Some(handle.id),
        }
    }

    /// The same object through another class or interface. Whether it fits shows with the first call.
    fn cast<R: Remote + ?Sized>(&self) -> R::Proxy {
        R::Proxy::from_core(self.core().clone())
    }

    /// The same object without types.
    fn dynamic(&self) -> DynamicProxy {
        DynamicProxy::from_core(self.core().clone())
    }

    /// The same object, whose calls are made on behalf of this owner, as by [`Call::owner`]: all of them, those of its
    /// guards, and of the proxies in its results. A call may still name another.
    ///
    /// ```no_run
    /// # use tarmem_remote::Proxy;
    /// # use tarmem_modules::threading::LockProxy;
    /// # async fn example(lock: LockProxy) -> Result<(), Box<dyn std::error::Error>> {
    /// let (one, other) = (lock.as_owner(1), lock.as_owner(2));
    /// let guard = one.acquire().await?;
    /// assert!(other.try_acquire().await?.is_none());
    /// # drop(guard);
    /// # Ok(())
    /// # }
    /// ```
    fn as_owner(&self, id: u64) -> Self {
        let ProxyCore { caller, target } = self.core();
        Self::from_core(ProxyCore { caller: Owned::by(caller, id), target: target.clone() })
    }

    /// A proxy by id for the object that is there now: it stays with that object, whatever becomes of the key.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and the session's.
    fn hold(&self) -> Obtain<Self> {
        let core = self.core();
        Obtain::by_id(&core.caller, Operation::Hold { target: core.target.as_ref(), expect: "" })
    }

    /// A reference to its object, to be put into a collection or passed as an argument: the live object, not a copy.
    /// `None` for a proxy by key: [`hold`](Self::hold) it first.
    fn reference(&self) -> Option<ObjectRef> {
        match &self.core().target {
            OwnedTarget::Key(_) => None,
            OwnedTarget::Handle(handle) => {
                let live: Arc<Handle> = Arc::clone(handle);
                Some(ObjectRef::with_live(handle.id, "", live))
            }
        }
    }

    /// The names of its object's methods, sorted and each once, as Python's `dir`. [`describe`](Self::describe) tells
    /// their signatures, receivers and documentation, too.
    ///
    /// # Errors
    /// As [`describe`](Self::describe).
    fn dir(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        let description = self.describe();
        async move {
            let mut names: Vec<String> = description.await?.methods.into_iter().map(|method| method.name).collect();
            names.sort_unstable();
            names.dedup();
            Ok(names)
        }
    }

    /// Class, generation, and methods with their documentation.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and the session's.
    fn describe(&self) -> Call<ObjectDescription> {
        let core = self.core();
        core.plain(Operation::Describe { target: core.target.as_ref() })
    }

    /// A copy of the object's value, as of now, as the type `T`.
    ///
    /// # Errors
    /// [`Error::UnexpectedResult`] if the value does not fit `T`, as a reference to an object of a resident class does
    /// not; and those of [`snapshot`](Self::snapshot).
    fn snapshot_as<T: DeserializeOwned>(&self) -> impl Future<Output = Result<T, Error>> + Send {
        let snapshot = self.snapshot();
        async move {
            from_value(snapshot.await?).map_err(|error| {
                let reason = format!("is not {}: {error}", shown_type::<T>());
                Error::UnexpectedResult { what: "snapshot".to_owned(), reason, value: None, undone: false }
            })
        }
    }

    /// As [`ClientApi::is_poisoned`].
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and the session's.
    fn is_poisoned(&self) -> Call<bool> {
        let core = self.core();
        core.plain(Operation::IsPoisoned { target: core.target.as_ref() })
    }

    /// As [`ClientApi::clear_poison`].
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::NotPermitted`] and the session's.
    fn clear_poison(&self) -> Call<()> {
        let core = self.core();
        core.plain(Operation::ClearPoison { target: core.target.as_ref() })
    }

    /// A copy of the object's value, as of now, with the objects that it refers to in the places of the references.
    /// Those of resident classes, which have no value, stay [references](Value::Ref), with a handle for this client to
    /// each. Of a [poisoned](Self::is_poisoned) object, too, which may be half changed:
    /// [`snapshot_with_info`](Self::snapshot_with_info) says whether it is.
    ///
    /// # Errors
    /// [`Error::BadResult`] for an object of a resident class, which has none; [`Error::NoSuchKey`] and the session's.
    fn snapshot(&self) -> Call<Value> {
        let core = self.core();
        core.plain(Operation::Snapshot { target: core.target.as_ref() })
    }

    /// As [`snapshot`](Self::snapshot), marked if it cannot be relied upon: whether a method panicked while changing
    /// the object, or one that it refers to, as of the moment when each was copied.
    ///
    /// ```
    /// # use tarmem_remote::{Error, Proxy};
    /// # async fn example(stock: impl Proxy) -> Result<(), Error> {
    /// let snapshot = stock.snapshot_with_info().await?;
    /// if snapshot.is_poisoned() {
    ///     eprintln!("half changed: {}", snapshot.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    fn snapshot_with_info(&self) -> Call<Snapshot> {
        let core = self.core();
        core.plain(Operation::SnapshotWithInfo { target: core.target.as_ref() })
    }
}

/// A Rust type whose values may live on a service; implemented by `#[remote]`.
pub trait Class: Object + Remote + Sized {}

/// A trait whose methods may be called remotely: implemented by `#[remote]` for the trait's `dyn` type.
pub trait Interface: Remote {}

/// A class, or the `dyn` type of an interface: what a typed proxy stands for.
pub trait Remote {
    /// The path of the class or interface, `module.Name`.
    const PATH: &'static str;
    /// The proxy through which it is used.
    type Proxy: Proxy;
}

/// A proxy of objects of one class, or of one interface: what `#[remote]` makes. The methods of an interface are
/// callable on every proxy whose class implements it, by the trait of calls that `#[remote]` makes of the interface.
pub trait TypedProxy: Proxy {
    /// The class, or the `dyn` type of the interface.
    type Of: Remote<Proxy = Self> + ?Sized;
}

/// What proxies are made of: who carries the calls, and which object they are for.
#[derive(Clone)]
pub struct ProxyCore {
    caller: Arc<dyn Caller>,
    target: OwnedTarget,
}

/// Which object a proxy is for.
#[derive(Clone)]
pub(crate) enum OwnedTarget {
    Key(Arc<str>),
    Handle(Arc<Handle>),
}

impl OwnedTarget {
    pub(crate) fn as_ref(&self) -> Target<'_> {
        match self {
            OwnedTarget::Key(key) => Target::Key(key),
            OwnedTarget::Handle(handle) => Target::Id(handle.id),
        }
    }
}

impl ProxyCore {
    pub(crate) fn by_key(caller: Arc<dyn Caller>, key: &str) -> Self {
        ProxyCore { caller, target: OwnedTarget::Key(key.into()) }
    }

    /// Takes over a handle that the service has counted for this session.
    pub(crate) fn by_id(caller: Arc<dyn Caller>, id: Uuid) -> Self {
        let handle = Handle { id, caller: Arc::clone(&caller) };
        ProxyCore { caller, target: OwnedTarget::Handle(Arc::new(handle)) }
    }

    pub(crate) fn target(&self) -> &OwnedTarget {
        &self.target
    }

    /// The service that the object lives on.
    pub fn service(&self) -> ClientApi {
        ClientApi::new(Arc::clone(&self.caller))
    }

    /// Calls the method of that name; `args` is a tuple. For generated code.
    pub fn call<T, E>(&self, name: &'static Name, signature: &'static Signature, args: &impl Serialize) -> Call<T, E> {
        if signature.goes_by_names() {
            return self.call_by_names(name, signature, args);
        }
        let operation = with_scratch(|scratch| {
            codec::encode_into(args, scratch, usize::MAX)
                .map_err(|e| Error::BadArguments { signature: name.to_string(), reason: e.to_string() })?;
            self.encode(MethodRef::Id(signature.id()), Encoding::Typed, scratch)
        });
        Call::new(Arc::clone(&self.caller), operation, name, Encoding::Typed)
    }

    #[cold]
    fn call_by_names<T, E>(
        &self,
        name: &'static Name,
        signature: &'static Signature,
        args: &impl Serialize,
    ) -> Call<T, E> {
        let args = signature.values_by_names(args).and_then(|args| args.encode().map_err(|e| e.to_string()));
        let operation = args
            .map_err(|reason| Error::BadArguments { signature: name.to_string(), reason })
            .and_then(|args| self.encode(MethodRef::Name(&signature.full_name()), Encoding::Dynamic, &args));
        Call::new(Arc::clone(&self.caller), operation, name, Encoding::Dynamic)
    }

    fn encode(&self, method: MethodRef<'_>, encoding: Encoding, args: &[u8]) -> Result<Payload, Error> {
        Operation::Call { target: self.target.as_ref(), method, encoding, args }.encode()
    }

    fn plain<T>(&self, operation: Operation<'_>) -> Call<T> {
        let name = Name::of_operation(operation.name());
        Call::new(Arc::clone(&self.caller), operation.encode(), name, Encoding::Typed)
    }
}

/// Lends a buffer that this thread keeps for it, empty: arguments are encoded there on their way into an operation.
fn with_scratch<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    thread_local! {
        static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // Taken out meanwhile: encoding may run code that makes calls itself.
    let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
    scratch.clear();
    let result = f(&mut scratch);
    if scratch.capacity() <= 64 * 1024 {
        let _ = SCRATCH.try_with(|kept| kept.set(scratch));
    }
    result
}

impl fmt::Debug for ProxyCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            OwnedTarget::Key(key) => write!(f, "proxy of key {key:?}"),
            OwnedTarget::Handle(handle) => write!(f, "proxy of object {}", handle.id),
        }
    }
}

/// A proxy without types: methods by name, arguments and results as [`Value`]s.
#[derive(Clone, Debug)]
pub struct DynamicProxy {
    core: ProxyCore,
}

impl Proxy for DynamicProxy {
    fn from_core(core: ProxyCore) -> Self {
        DynamicProxy { core }
    }

    fn core(&self) -> &ProxyCore {
        &self.core
    }
}

/// A proxy is what a reference in a result is read as: the live object. What is no reference, or was made by hand, is
/// refused.
impl<'de> Deserialize<'de> for DynamicProxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reference = ObjectRef::deserialize(deserializer)?;
        DynamicProxy::from_reference(&reference).ok_or_else(|| {
            serde::de::Error::custom("the reference did not come in a result: there is no way to its object")
        })
    }
}

/// A proxy by id goes into a collection as a reference to its object, the live one. One by key is refused.
impl Serialize for DynamicProxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        proxy_as_reference(self, serializer)
    }
}

impl DynamicProxy {
    /// The object that `reference` stands for, as it came in a result; `None` for one that was made by hand.
    pub fn from_reference(reference: &ObjectRef) -> Option<Self> {
        let handle = Arc::clone(reference.live()?).downcast::<Handle>().ok()?;
        let caller = Arc::clone(&handle.caller);
        Some(DynamicProxy { core: ProxyCore { caller, target: OwnedTarget::Handle(handle) } })
    }

    /// Calls `method`. Where two interfaces of the class have a method of that name, put the interface's path and a dot
    /// before it.
    ///
    /// # Errors
    /// [`Error::NoSuchMethod`], [`Error::BadArguments`], [`Error::Raised`] if the method itself fails, and the
    /// session's.
    pub fn call(&self, method: &str, args: impl Into<Args>) -> Call<Value> {
        self.call_with_args(method, Ok(args.into()))
    }

    /// As [`call`](Self::call), with arguments of any type (a tuple of them), and what fails as the caller chooses: an
    /// [`Error`], or a [`CallError`](crate::CallError) of what the method is known to fail with.
    ///
    /// ```no_run
    /// use tarmem_remote::CallError;
    /// use tarmem_modules::Exception;
    /// # async fn example(dict: tarmem_remote::proxy::DynamicProxy) {
    /// match dict.call_with::<CallError<Exception>>("__getitem__", &("k",)).await {
    ///     Err(CallError::Method(Exception::KeyError(key))) => println!("there is no {key}"),
    ///     other => println!("{other:?}"),
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call); [`Error::BadArguments`] if `args` are no tuple or cannot be values.
    pub fn call_with<E>(&self, method: &str, args: &impl Serialize) -> Call<Value, E> {
        let args = to_value(args).map_err(|e| e.to_string()).and_then(|args| match args {
            Value::List(args) => Ok(Args::from(args)),
            other => Err(format!("arguments are a tuple, not {other}")),
        });
        self.call_with_args(method, args)
    }

    fn call_with_args<E>(&self, method: &str, args: Result<Args, String>) -> Call<Value, E> {
        let operation = with_scratch(|scratch| {
            args.and_then(|args| args.encode_into(scratch).map_err(|e| e.to_string()))
                .map_err(|reason| Error::BadArguments { signature: method.to_owned(), reason })?;
            self.core.encode(MethodRef::Name(method), Encoding::Dynamic, scratch)
        });
        Call::new(Arc::clone(&self.core.caller), operation, &Name::UNKNOWN, Encoding::Dynamic).labelled(method)
    }
}

impl This {
    /// A proxy by id of the object; `None` if it did not come from a service.
    pub fn proxy<P: Proxy>(&self) -> Option<P> {
        DynamicProxy::from_reference(self.reference()?).map(|proxy| P::from_core(proxy.core().clone()))
    }
}

/// Writes a proxy as a reference to its object.
pub fn proxy_as_reference<P: Proxy, S: serde::Serializer>(proxy: &P, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::Serialize;
    use serde::ser::Error;
    match (proxy.reference(), proxy.key()) {
        (Some(reference), _) => reference.serialize(serializer),
        (None, key) => Err(S::Error::custom(format_args!(
            "a proxy by key ({:?}) follows the key, and is a reference to no object: pass `proxy.hold().await?` for the object \
             that is there now",
            key.unwrap_or_default()
        ))),
    }
}
