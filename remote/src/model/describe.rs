//! What is known about classes, methods, functions and constants: what `#[remote]` writes down.
//!
//! All of it is `const`, so that it can be registered before `main` without running any code.

use crate::codec::Encoding;
use crate::context::Context;
use crate::dispatch::{Arguments, DispatchError, Finish, Output, Produced};
use crate::error::Error;
use crate::multi_object::{AnyViews, OnObjects};
use crate::object::Object;
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
use std::fmt;

/// A place in a user's source, to name in an error at start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the compiler saw it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The package that it is in, if it was built by cargo.
    pub package: Option<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How a method takes its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receiver {
    /// `&self`: runs beside other readers.
    Shared,
    /// `&mut self`: runs alone.
    Exclusive,
}

/// A class: a type whose values may live on a service.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct ClassEntry {
    /// Its path, `module.Name`; also its typetag tag.
    pub path: &'static str,
    /// The module, the path's first part.
    pub module: &'static str,
    /// The name within the module.
    pub name: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// False for a resident class: one whose values cannot be encoded, and so neither sent nor shown.
    pub encodable: bool,
    /// A copy of one of its values: what is put back if a function that was changing the object fails. By `Clone` if
    /// the class has it, otherwise by way of its encoding; an error, which names the class, if it has neither.
    pub copy: fn(&dyn Object) -> Result<NewObject, DispatchError>,
    /// What tells of the references in one of its values. A function, since a constant cannot find it out; `None` if
    /// that is done by encoding them.
    pub trace: fn() -> Option<Trace>,
    /// What tells how large one of its values is. A function, as `trace` is; `None` if nothing does.
    pub extent: fn() -> Option<Measure>,
    /// What of its values has to be the same at a client.
    pub signature: fn() -> &'static Signature,
    /// Where it is defined.
    pub place: Place,
}

/// How large an object is: its [`Extent`](crate::object::Extent).
#[doc(hidden)]
pub type Measure = fn(&dyn Object) -> usize;

/// Shows each value that an object holds, for the references in it.
#[doc(hidden)]
pub type Trace = fn(&dyn Object, &mut dyn FnMut(&Value));

/// The methods a class offers under one interface, or under its own name.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Implementation {
    /// The class's path.
    pub class: &'static str,
    /// The interface's path; the class's own path for its inherent methods.
    pub interface: &'static str,
    /// The methods.
    pub methods: &'static [Method],
    /// How its objects are seen as the interface, by a function that takes a `dyn` type; `None` for inherent methods.
    pub views: Option<&'static AnyViews>,
    /// Where the implementation stands.
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
#[derive(Clone, Copy)]
pub struct Method {
    /// The path of the interface it belongs to, or of the class.
    pub interface: &'static str,
    /// Its name.
    pub name: &'static str,
    /// [`stable_id`] of the interface and the name.
    pub id: u64,
    /// How it takes its object.
    pub receiver: Receiver,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its return type, as written; empty for none.
    pub returns: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Whether applying it twice is the same as applying it once, so that it may be sent again.
    pub idempotent: bool,
    /// Whether it is moved off the async threads.
    pub blocking: bool,
    /// Whether it takes the longer the larger its object and its arguments are: then it is moved off the async threads
    /// if these are large.
    pub scales: bool,
    /// What it is on the wire, and what of it has to be the same at a client.
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

/// An async method that is running, if its arguments were good.
#[doc(hidden)]
pub type Started<'a> = Result<BoxFuture<'a, Finish>, DispatchError>;

/// A function of a module, or a constructor of a class.
#[derive(Clone, Copy)]
pub struct Function {
    /// The module.
    pub module: &'static str,
    /// The name within the module: `load_ledger`, or `Account.open` for a constructor.
    pub name: &'static str,
    /// For a constructor: the class's path.
    pub class: Option<&'static str>,
    /// [`stable_id`] of the module (the class's path for a constructor) and the last name.
    pub id: u64,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its return type, as written; empty for none.
    pub returns: &'static str,
    /// Its documentation.
    pub docs: &'static str,
    /// Whether it promises to be quick, so that it may run on the connection's own thread although it makes an object.
    pub inline: bool,
    /// Whether it is moved off the async threads although it makes no object.
    pub blocking: bool,
    /// Whether it takes the longer the larger its arguments and objects are: then it is moved off the async threads if
    /// these are large.
    pub scales: bool,
    /// Whether applying it twice is the same as applying it once.
    pub idempotent: bool,
    /// The path of the class of which it makes an object, so that it can be a generator; `None` if it gives a value.
    pub makes: fn() -> Option<&'static str>,
    /// What it is on the wire, and what of it has to be the same at a client.
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
    /// Its signature as shown to people, without the receiver.
    pub fn signature(&self) -> String {
        signature_text(self.name, self.params, self.returns)
    }

    /// The same with its full name, for messages: `bank.Account.deposit(cents: i64) -> i64`.
    pub fn full_signature(&self) -> String {
        signature_text(&self.full_name(), self.params, self.returns)
    }

    /// How it is called, for messages to a caller who uses this encoding: a typed one sees the
    /// [signature](Self::full_signature), a dynamic one names that it could have written:
    /// `bank.Account.deposit(cents)`.
    pub fn called_as(&self, encoding: Encoding) -> String {
        match encoding {
            Encoding::Typed => self.full_signature(),
            Encoding::Dynamic => called_text(&self.full_name(), self.params),
        }
    }

    /// `bank.Account.deposit`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.interface, self.name)
    }

    /// What its caller, who uses this encoding, is told of an error of its dispatch function.
    #[cold]
    pub fn error(&self, error: DispatchError, encoding: Encoding) -> Error {
        error.named(|| self.called_as(encoding), || self.full_name())
    }
}

impl Function {
    /// Its signature as shown to people.
    pub fn signature(&self) -> String {
        signature_text(&self.full_name(), self.params, self.returns)
    }

    /// As [`Method::called_as`]. A dynamic caller sees a constructor `new` under the name of its class:
    /// `builtins.list(items=...)`.
    pub fn called_as(&self, encoding: Encoding) -> String {
        let name = self.full_name();
        let class = name.strip_suffix(".new").filter(|_| self.class.is_some());
        match encoding {
            Encoding::Typed => self.signature(),
            Encoding::Dynamic => called_text(class.unwrap_or(&name), self.params),
        }
    }

    /// `bank.load_ledger`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    /// What its caller, who uses this encoding, is told of an error of its dispatch function.
    #[cold]
    pub fn error(&self, error: DispatchError, encoding: Encoding) -> Error {
        error.named(|| self.called_as(encoding), || self.full_name())
    }
}
