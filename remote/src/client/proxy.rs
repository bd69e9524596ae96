//! Proxies: what a client holds in place of an object that lives on a service.

use crate::args::Args;
use crate::call::{Call, Name};
use crate::caller::{Caller, Owned};
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::handle::Handle;
use crate::operation::{MethodRef, Operation, Target};
use crate::payload::Payload;
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
mod remote;

pub use obtain::Obtain;
pub use remote::{Class, Interface, Remote, TypedProxy};

/// The trait of all proxies. `#[remote]` generates a proxy type for each class and interface, with a method for each of
/// theirs; [`DynamicProxy`] is the proxy without types.
///
/// A proxy **by key** follows the key: each call goes to the object that the key is mapped to at the time. A proxy **by
/// id** stays with one object and keeps it alive; when its last clone is dropped, the object is released.
///
/// ```
/// use tarmem_remote::{Error, Proxy};
///
/// /// Works with a proxy of any class.
/// async fn describe(object: impl Proxy) -> Result<String, Error> {
///     let description = object.describe().await?;
///     Ok(format!("a {} with {} methods", description.class, description.methods.len()))
/// }
/// ```
pub trait Proxy: Clone + Send + Sync + Sized + 'static {
    /// Makes a proxy from its core.
    fn from_core(core: ProxyCore) -> Self;

    /// The core of the proxy.
    fn core(&self) -> &ProxyCore;

    /// The key that it follows; `None` for a proxy by id.
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

    /// A proxy of the same object through another class or interface. Whether the object has it is checked by the first
    /// call.
    fn cast<R: Remote + ?Sized>(&self) -> R::Proxy {
        R::Proxy::from_core(self.core().clone())
    }

    /// A proxy of the same object without types.
    fn dynamic(&self) -> DynamicProxy {
        DynamicProxy::from_core(self.core().clone())
    }

    /// A proxy of the same object whose calls are made on behalf of this owner, as with [`Call::owner`]. This includes
    /// the calls of its guards and of the proxies in its results. A single call may still name another owner.
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

    /// Returns a proxy by id for the current object. It stays with that object, whatever the key is mapped to later.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and those of the session.
    fn hold(&self) -> Obtain<Self> {
        let core = self.core();
        Obtain::by_id(&core.caller, Operation::Hold { target: core.target.as_ref(), expect: "" })
    }

    /// A reference to its object, which can be stored in a collection or passed as an argument: the live object, not a
    /// copy. `None` for a proxy by key: [`hold`](Self::hold) it first.
    fn reference(&self) -> Option<ObjectRef> {
        match &self.core().target {
            OwnedTarget::Key(_) => None,
            OwnedTarget::Handle(handle) => {
                let live: Arc<Handle> = Arc::clone(handle);
                Some(ObjectRef::with_live(handle.id, "", live))
            }
        }
    }

    /// The sorted names of its object's methods, without duplicates, like Python's `dir`. [`describe`](Self::describe)
    /// also returns their signatures, receivers and documentation.
    ///
    /// # Errors
    /// Those of [`describe`](Self::describe).
    fn dir(&self) -> impl Future<Output = Result<Vec<String>, Error>> + Send {
        let description = self.describe();
        async move {
            let mut names: Vec<String> = description.await?.methods.into_iter().map(|method| method.name).collect();
            names.sort_unstable();
            names.dedup();
            Ok(names)
        }
    }

    /// Returns the object's class and generation, and its methods with their documentation.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and those of the session.
    fn describe(&self) -> Call<ObjectDescription> {
        let core = self.core();
        core.plain(Operation::Describe { target: core.target.as_ref() })
    }

    /// Returns a copy of the object's current value as a `T`.
    ///
    /// # Errors
    /// [`Error::UnexpectedResult`] if the value does not fit `T`, for example because it contains a reference to an
    /// object of a resident class; and those of [`snapshot`](Self::snapshot).
    fn snapshot_as<T: DeserializeOwned>(&self) -> impl Future<Output = Result<T, Error>> + Send {
        let snapshot = self.snapshot();
        async move {
            from_value(snapshot.await?).map_err(|error| {
                let reason = format!("is not {}: {error}", shown_type::<T>());
                Error::UnexpectedResult { what: "snapshot".to_owned(), reason, value: None, undone: false }
            })
        }
    }

    /// Like [`ClientApi::is_poisoned`].
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] and those of the session.
    fn is_poisoned(&self) -> Call<bool> {
        let core = self.core();
        core.plain(Operation::IsPoisoned { target: core.target.as_ref() })
    }

    /// Like [`ClientApi::clear_poison`].
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::NotPermitted`] and those of the session.
    fn clear_poison(&self) -> Call<()> {
        let core = self.core();
        core.plain(Operation::ClearPoison { target: core.target.as_ref() })
    }

    /// Returns a copy of the object's current value, in which references are replaced by the objects that they refer
    /// to. Objects of resident classes, which have no value, stay [references](Value::Ref), each with a handle for this
    /// client. A [poisoned](Self::is_poisoned) object can be copied, too, and may be half changed:
    /// [`snapshot_with_info`](Self::snapshot_with_info) says whether it is poisoned.
    ///
    /// # Errors
    /// [`Error::BadResult`] if the object is of a resident class, which has no value; [`Error::NoSuchKey`] and those of
    /// the session.
    fn snapshot(&self) -> Call<Value> {
        let core = self.core();
        core.plain(Operation::Snapshot { target: core.target.as_ref() })
    }

    /// Like [`snapshot`](Self::snapshot), and says whether the value can be relied on: whether a method panicked while
    /// changing the object, or one that it refers to, at the moment when each was copied.
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
    /// Those of [`snapshot`](Self::snapshot).
    fn snapshot_with_info(&self) -> Call<Snapshot> {
        let core = self.core();
        core.plain(Operation::SnapshotWithInfo { target: core.target.as_ref() })
    }
}

/// The parts of a proxy: the caller that carries its calls, and the object that it is a proxy of.
#[derive(Clone)]
#[doc(hidden)]
pub struct ProxyCore {
    caller: Arc<dyn Caller>,
    target: OwnedTarget,
}

/// The object that a proxy is for.
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

    /// Takes over a handle that the service has already counted for this session.
    pub(crate) fn by_id(caller: Arc<dyn Caller>, id: Uuid) -> Self {
        let handle = Handle { id, caller: Arc::clone(&caller) };
        ProxyCore { caller, target: OwnedTarget::Handle(Arc::new(handle)) }
    }

    pub(crate) fn target(&self) -> &OwnedTarget {
        &self.target
    }

    /// The service on which the object lives.
    pub fn service(&self) -> ClientApi {
        ClientApi::new(Arc::clone(&self.caller))
    }

    /// Calls the method `name`; `args` is a tuple. For generated code.
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
        Call::new(Arc::clone(&self.caller), operation.encode(), operation.method(), Encoding::Typed)
    }
}

/// Passes `f` an empty buffer that belongs to this thread, in which arguments are encoded before they are put into an
/// operation.
fn with_scratch<R>(f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    thread_local! {
        static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    // The buffer is taken out meanwhile, because encoding may run code that makes calls itself.
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

/// A proxy without types: methods are called by name, and arguments and results are [`Value`]s.
///
/// ```
/// use tarmem_remote::{ClientApi, DynamicProxy, Error, Value, args};
///
/// async fn deposit(session: &ClientApi) -> Result<Value, Error> {
///     let alice: DynamicProxy = session.get_dynamic("alice").await?;
///     alice.call("deposit", args![20]).await
/// }
/// ```
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

/// A reference in a result is read as a proxy of the live object. Anything else, and a reference made by hand, is
/// refused.
impl<'de> Deserialize<'de> for DynamicProxy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reference = ObjectRef::deserialize(deserializer)?;
        DynamicProxy::from_reference(&reference).ok_or_else(|| {
            serde::de::Error::custom("the reference did not come in a result, so its object cannot be reached")
        })
    }
}

/// A proxy by id is stored in a collection as a reference to its live object. A proxy by key is refused.
impl Serialize for DynamicProxy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        proxy_as_reference(self, serializer)
    }
}

impl DynamicProxy {
    /// A proxy of the object that `reference` refers to, if the reference came in a result; `None` for one that was
    /// made by hand.
    pub fn from_reference(reference: &ObjectRef) -> Option<Self> {
        let handle = Arc::clone(reference.live()?).downcast::<Handle>().ok()?;
        let caller = Arc::clone(&handle.caller);
        Some(DynamicProxy { core: ProxyCore { caller, target: OwnedTarget::Handle(handle) } })
    }

    /// Calls `method`. If two interfaces of the class have a method of that name, write the interface's path and a dot
    /// before it.
    ///
    /// # Errors
    /// [`Error::NoSuchMethod`], [`Error::BadArguments`], [`Error::Raised`] if the method itself fails, and those of the
    /// session.
    pub fn call(&self, method: &str, args: impl Into<Args>) -> Call<Value> {
        self.call_with_args(method, Ok(args.into()))
    }

    /// Like [`call`](Self::call), with arguments of any type (a tuple of them) and an error type chosen by the caller:
    /// an [`Error`], or a [`CallError`](crate::CallError) of the error that the method returns.
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
    /// Those of [`call`](Self::call); [`Error::BadArguments`] if `args` is not a tuple or cannot be converted into
    /// values.
    pub fn call_with<E>(&self, method: &str, args: &impl Serialize) -> Call<Value, E> {
        let args = to_value(args).map_err(|e| e.to_string()).and_then(|args| match args {
            Value::List(args) => Ok(Args::from(args)),
            other => Err(format!("the arguments have to be a tuple, not {other}")),
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
    /// A proxy by id of the object; `None` if the reference did not come from a service.
    pub fn proxy<P: Proxy>(&self) -> Option<P> {
        DynamicProxy::from_reference(self.reference()?).map(|proxy| P::from_core(proxy.core().clone()))
    }
}

/// Serializes a proxy as a reference to its object.
pub fn proxy_as_reference<P: Proxy, S: serde::Serializer>(proxy: &P, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::Serialize;
    use serde::ser::Error;
    match (proxy.reference(), proxy.key()) {
        (Some(reference), _) => reference.serialize(serializer),
        (None, key) => Err(S::Error::custom(format_args!(
            "a proxy by key ({:?}) follows the key and refers to no particular object: pass `proxy.hold().await?` for \
             the current object",
            key.unwrap_or_default()
        ))),
    }
}
