//! Descriptions of classes, methods, functions and constants, as `#[remote]` generates them.
//!
//! All of them are `const`, so that they can be registered before `main` without running any code.

use crate::codec::Encoding;
use crate::context::Context;
use crate::dispatch::{Arguments, DispatchError, Finish, Output, Produced};
use crate::error::Error;
use crate::multi_object::{AnyViews, OnObjects};
use crate::object::{Kept, Object, View};
#[doc(no_inline)]
pub use crate::params::Param;
use crate::params::{called_text, signature_text};
pub use crate::protocol::object::NewObject;
#[doc(no_inline)]
pub use crate::protocol::results::ParamKind;
use crate::signature::Signature;
#[doc(no_inline)]
pub use crate::signature::stable_id;
use crate::value::Value;
use futures::future::BoxFuture;
use std::alloc::Layout;
use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

/// A place in a user's source, for errors at start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the compiler saw it.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
    /// The package that contains it, if it was built by cargo.
    pub package: Option<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How a method takes its object.
///
/// ```
/// use tarmem_remote::describe::Receiver;
///
/// assert_ne!(Receiver::Shared, Receiver::Exclusive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receiver {
    /// `&self`: runs at the same time as other readers.
    Shared,
    /// `&mut self`: runs alone.
    Exclusive,
}

/// A class: a type whose values may live on a service.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct ClassEntry {
    /// Its path, `module.Name`, which is also its typetag tag.
    pub path: &'static str,
    /// The module, the path's first part.
    pub module: &'static str,
    /// The name within the module.
    pub name: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Whether its values can be encoded. Those of a resident class cannot, and so can be neither sent nor shown.
    pub encodable: bool,
    /// Whether its values end with the service, although they could outlive it.
    pub volatile: bool,
    /// The paths that it had before, under which its values may have been stored.
    pub was: &'static [&'static str],
    /// Copies one of its values, in order to restore it if a function that changes the object fails: with `Clone` if
    /// the class implements it, otherwise through its encoding. If it has neither, this returns an error that names the
    /// class.
    pub copy: fn(&dyn Object) -> Result<NewObject, DispatchError>,
    /// Returns the function that reports the references in one of its values. It is a function because a constant
    /// cannot find it out; it returns `None` if the references are found by encoding the value.
    pub trace: fn() -> Option<Trace>,
    /// Returns the function that reports the size of one of its values; `None` if there is none.
    pub extent: fn() -> Option<Measure>,
    /// Returns how its values are kept if it is resident; `None` if they are not.
    pub keep: fn() -> Option<Resident>,
    /// The signature that has to be the same at a client.
    pub signature: fn() -> &'static Signature,
    /// Returns how its values are kept in memory. `None` for a type that does not compile.
    pub memory: fn() -> Option<Memory>,
    /// Where it is defined.
    pub place: Place,
}

impl ClassEntry {
    /// How the values of a resident class outlive a service that has a storage; `None` if they do not, or if the class
    /// is not resident.
    pub fn resident(&self) -> Option<Resident> {
        if self.encodable || self.volatile { None } else { (self.keep)() }
    }

    /// Whether its values outlive a service that has a storage.
    pub fn is_durable(&self) -> bool {
        !self.volatile && (self.encodable || (self.keep)().is_some())
    }
}

/// How the values of a resident class outlive a service that has a storage.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Resident {
    /// The part of a value that is kept. `None` for a value of another class.
    pub kept: fn(&dyn Object) -> Option<Arc<dyn Kept>>,
    /// Decodes the state of a value, and makes the value.
    pub restore: RestoreResident,
}

/// Decodes the state of a value of a resident class, and makes the value.
#[doc(hidden)]
pub type RestoreResident = fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<NewObject, erased_serde::Error>;

/// How the values of a class are kept in memory.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Memory {
    /// Their layout.
    pub layout: Layout,
    /// Their type.
    pub type_id: TypeId,
    /// Views the memory of one as an object.
    pub view: View,
}

impl Memory {
    /// How values of `T` are kept.
    pub fn of<T: Object>() -> Self {
        Memory { layout: Layout::new::<T>(), type_id: TypeId::of::<T>(), view: |place| place.cast::<T>() }
    }
}

/// Returns the size of an object: its [`Extent`](crate::object::Extent).
#[doc(hidden)]
pub type Measure = fn(&dyn Object) -> usize;

/// Passes on each value that an object contains, for the references in it.
#[doc(hidden)]
pub type Trace = fn(&dyn Object, &mut dyn FnMut(&Value));

/// The methods that a class has under one interface, or under its own name.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Implementation {
    /// The class's path.
    pub class: &'static str,
    /// The interface's path; the class's own path for its inherent methods.
    pub interface: &'static str,
    /// The methods.
    pub methods: &'static [Method],
    /// How its objects are viewed as the interface, by a function that takes a `dyn` type; `None` for inherent methods.
    pub views: Option<&'static AnyViews>,
    /// Where the implementation is.
    pub place: Place,
}

/// An interface: a trait whose methods may be called remotely.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct InterfaceEntry {
    /// Its path, `module.Name`.
    pub path: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Where it is defined.
    pub place: Place,
}

/// One method of a class.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::describe::{Method, Receiver};
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_method")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Account { cents: i64 }
///
/// #[remote]
/// impl Account {
///     pub fn deposit(&mut self, cents: i64) { self.cents += cents; }
/// }
///
/// # fn main() {
/// let registry = Registry::linked().unwrap();
/// let deposit: &Method = registry.class("doc_method.Account").unwrap().method("deposit").unwrap();
/// assert_eq!(deposit.full_signature(), "doc_method.Account.deposit(cents: i64)");
/// assert!(deposit.receiver == Receiver::Exclusive && !deposit.idempotent);
/// # }
/// ```
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Method {
    /// The path of the interface that it belongs to, or of the class.
    pub interface: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The [`stable_id`] of the interface and the name.
    pub id: u64,
    /// How it takes its object.
    pub receiver: Receiver,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its return type, as written; empty if there is none.
    pub returns: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Whether applying it twice is the same as applying it once, so that it may be sent again.
    pub idempotent: bool,
    /// Whether it runs off the async threads.
    pub blocking: bool,
    /// Whether its running time grows with the size of its object and arguments. It then runs off the async threads if
    /// these are large.
    pub scales: bool,
    /// Its version, if it is deterministic: then a call of it may be kept in place of the object's state, and is made
    /// again after a restart.
    pub replay: Option<u32>,
    /// Its signature, whose number identifies it on the wire, and which has to be the same at a client.
    pub signature: fn() -> &'static Signature,
    /// Where it is defined.
    pub place: Place,
    /// The dispatch function.
    pub invoke: Invoke,
}

/// The dispatch function of a method: decodes the arguments, runs the method, encodes the result.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub enum Invoke {
    /// `fn(&self, …)`
    Shared(SharedMethod),
    /// `fn(&mut self, …)`
    Exclusive(ExclusiveMethod),
    /// `async fn(&self, …)`
    SharedAsync(SharedAsyncMethod),
    /// `async fn(&mut self, …)`
    ExclusiveAsync(ExclusiveAsyncMethod),
}

/// The dispatch function of a `fn(&self, …)`.
#[doc(hidden)]
pub type SharedMethod = fn(&dyn Object, &Context, &mut Arguments<'_>, &mut Output<'_>) -> Result<(), DispatchError>;

/// The dispatch function of a `fn(&mut self, …)`.
#[doc(hidden)]
pub type ExclusiveMethod =
    fn(&mut dyn Object, &Context, &mut Arguments<'_>, &mut Output<'_>) -> Result<(), DispatchError>;

/// The dispatch function of an `async fn(&self, …)`.
#[doc(hidden)]
pub type SharedAsyncMethod = for<'a> fn(&'a dyn Object, &'a Context, &mut Arguments<'_>) -> Started<'a>;

/// The dispatch function of an `async fn(&mut self, …)`.
#[doc(hidden)]
pub type ExclusiveAsyncMethod = for<'a> fn(&'a mut dyn Object, &'a Context, &mut Arguments<'_>) -> Started<'a>;

/// A running async method, unless its arguments were refused.
#[doc(hidden)]
pub type Started<'a> = Result<BoxFuture<'a, Finish>, DispatchError>;

/// A function of a module, or a constructor of a class.
///
/// ```
/// use tarmem_remote::describe::Function;
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_function")]
/// pub fn twice(n: i64) -> i64 { 2 * n }
///
/// # fn main() {
/// let registry = Registry::linked().unwrap();
/// let twice: &Function = registry.function("doc_function", "twice").unwrap();
/// assert_eq!(twice.full_name(), "doc_function.twice");
/// assert_eq!((twice.makes)(), None, "it returns a value, and so is not a generator");
/// # }
/// ```
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Function {
    /// The module.
    pub module: &'static str,
    /// The name within the module: `load_ledger`, or `Account.open` for a constructor.
    pub name: &'static str,
    /// For a constructor: the class's path.
    pub class: Option<&'static str>,
    /// The [`stable_id`] of the module (the class's path for a constructor) and the last name.
    pub id: u64,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its return type, as written; empty if there is none.
    pub returns: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Whether it promises to be quick, so that it may run on the connection's own thread although it makes an object.
    pub inline: bool,
    /// Whether it runs off the async threads although it makes no object.
    pub blocking: bool,
    /// Whether its running time grows with the size of its arguments and objects. It then runs off the async threads if
    /// these are large.
    pub scales: bool,
    /// Whether applying it twice is the same as applying it once.
    pub idempotent: bool,
    /// The path of the class whose object it makes, so that it can be a generator; `None` if it returns a value.
    pub makes: fn() -> Option<&'static str>,
    /// Its signature, whose number identifies it on the wire, and which has to be the same at a client.
    pub signature: fn() -> &'static Signature,
    /// Where it is defined.
    pub place: Place,
    /// The dispatch function.
    pub invoke: FunctionInvoke,
}

/// The dispatch function of a module function.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub enum FunctionInvoke {
    /// `fn(…)`
    Sync(SyncFunction),
    /// `async fn(…)`
    Async(AsyncFunction),
    /// `fn(object: &mut T, …)` or `async fn(object: &mut T, …)`: works on objects of the service.
    OnObjects(OnObjects),
}

/// The dispatch function of a `fn(…)`.
#[doc(hidden)]
pub type SyncFunction = fn(&Context, &mut Arguments<'_>) -> Result<Produced, DispatchError>;

/// The dispatch function of an `async fn(…)`.
#[doc(hidden)]
pub type AsyncFunction = fn(Context, &mut Arguments<'_>) -> Result<BoxFuture<'static, Produced>, DispatchError>;

/// A constant of a module.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Constant {
    /// The module.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its type, as written.
    pub ty: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Its value.
    pub value: fn() -> Result<Value, Error>,
    /// Where it is defined.
    pub place: Place,
}

/// Anything that `#[remote]` registers.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub enum Registration {
    /// A class.
    Class(ClassEntry),
    /// An interface.
    Interface(InterfaceEntry),
    /// The methods of a class under one interface.
    Implementation(Implementation),
    /// The functions of a module, or constructors of a class.
    Functions(&'static [Function]),
    /// A constant of a module.
    Constant(Constant),
}

inventory::collect!(Registration);

impl Method {
    /// Its signature as text, without the receiver.
    pub fn signature(&self) -> String {
        signature_text(self.name, self.params, self.returns)
    }

    /// Its signature with its full name, for messages: `bank.Account.deposit(cents: i64) -> i64`.
    pub fn full_signature(&self) -> String {
        signature_text(&self.full_name(), self.params, self.returns)
    }

    /// Its signature for messages to a caller who uses this encoding: a typed caller sees the
    /// [signature](Self::full_signature), and a dynamic caller sees names that it could have written:
    /// `bank.Account.deposit(cents)`.
    pub fn called_as(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Typed => self.full_signature(),
            Encoding::Dynamic => called_text(&self.full_name(), self.params),
        }
    }

    /// Its full name: `bank.Account.deposit`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.interface, self.name)
    }

    /// The error for a caller who uses this encoding, from an error of the dispatch function.
    #[cold]
    pub fn error(&self, error: DispatchError, encoding: Encoding) -> Error {
        error.named(|| self.called_as(encoding), || self.full_name())
    }
}

impl Function {
    /// Its signature as text.
    pub fn signature(&self) -> String {
        signature_text(&self.full_name(), self.params, self.returns)
    }

    /// Like [`Method::called_as`]. A dynamic caller sees a constructor `new` under the name of its class:
    /// `builtins.list(items=...)`.
    pub fn called_as(&self, encoding: Encoding) -> String {
        let name = self.full_name();
        let class = name.strip_suffix(".new").filter(|_| self.class.is_some());
        match encoding {
            Encoding::Typed => self.signature(),
            Encoding::Dynamic => called_text(class.unwrap_or(&name), self.params),
        }
    }

    /// Its full name: `bank.load_ledger`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    /// The error for a caller who uses this encoding, from an error of the dispatch function.
    #[cold]
    pub fn error(&self, error: DispatchError, encoding: Encoding) -> Error {
        error.named(|| self.called_as(encoding), || self.full_name())
    }
}
