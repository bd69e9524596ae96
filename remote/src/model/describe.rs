//! What is known about classes, methods, functions and constants: what `#[remote]` writes down.
//!
//! All of it is `const`, so that it can be registered before `main` without running any code.

use crate::context::Context;
use crate::dispatch::{Arguments, Encoding, Finish, Output, Produced};
use crate::error::Error;
use crate::multi_object::{AnyViews, OnObjects};
use crate::object::Object;
use crate::results::ParameterDefault;
use crate::signature::Signature;
use crate::value::Value;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
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

impl Place {
    /// It is in one of tarmem's own [`modules`](crate::modules). Their methods and functions read all that their arguments refer
    /// to before they change anything, so that a service may run them again: see
    /// [`RefScope::look`](crate::value::RefScope::look).
    pub fn is_built_in(&self) -> bool {
        self.package == Some(env!("CARGO_PKG_NAME"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One parameter of a method or function, as a caller sees it.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What a caller passes.
    pub kind: ParamKind,
    /// Its type, as written.
    pub ty: &'static str,
    /// Whether a dynamic caller may leave it out: its type is an `Option`, and what is left out is `None`; or an
    /// [`Arg`](crate::args::Arg), or it has a default.
    pub optional: bool,
    /// What it is then, as written in Rust; `None` for an [`Arg`](crate::args::Arg), which tells that it was left out, and for
    /// what takes all further arguments, which is empty then.
    pub default: Option<&'static str>,
    /// The same as a value, where that is plain from how it is written; for an [`Arg`](crate::args::Arg) what the method takes it
    /// for when it is left out, where there is such a value.
    pub value: Option<fn() -> Option<Value>>,
}

/// What a caller passes for a parameter: by its place or by the parameter's name, if it is one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// A value.
    Value,
    /// A value that goes by the parameter's name only: it stands after [`Args`](ParamKind::Args).
    KeywordOnly,
    /// `&T`: an object of the service, by its key or by reference, which others may read meanwhile.
    Object,
    /// `&mut T`: the same, and the function has it for itself.
    ExclusiveObject,
    /// All further arguments by place, as `*args` in Python.
    Args,
    /// All further arguments by name, as `**kwargs` in Python.
    Kwargs,
}

impl ParamKind {
    /// Whether it takes all further arguments, of which there may be none.
    pub fn is_rest(self) -> bool {
        matches!(self, ParamKind::Args | ParamKind::Kwargs)
    }
}

/// How a method takes its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// `&self`: runs beside other readers.
    Shared,
    /// `&mut self`: runs alone.
    Exclusive,
}

/// A class: a type whose values may live on a service.
#[derive(Clone, Copy)]
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
    /// A copy of one of its values: what is put back if a function that was changing the object fails. By `Clone` if the
    /// class has it, otherwise by way of its encoding; an error, which names the class, if it has neither.
    pub copy: fn(&dyn Object) -> Result<NewObject, Error>,
    /// What tells of the references in one of its values. A function, since a constant cannot find it out; `None` if that is
    /// done by encoding them.
    pub trace: fn() -> Option<Trace>,
    /// What tells how large one of its values is. A function, as `trace` is; `None` if nothing does.
    pub extent: fn() -> Option<Measure>,
    /// What of its values has to be the same at a client.
    pub signature: fn() -> &'static Signature,
    /// Where it is defined.
    pub place: Place,
}

/// How large an object is: its [`Extent`](crate::object::Extent).
pub type Measure = fn(&dyn Object) -> usize;

/// Shows each value that an object holds, for the references in it.
pub type Trace = fn(&dyn Object, &mut dyn FnMut(&Value));

/// The methods a class offers under one interface, or under its own name.
#[derive(Clone, Copy)]
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
    /// Whether it takes the longer the larger its object and its arguments are: then it is moved off the async threads if
    /// these are large.
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
pub enum Invoke {
    /// `fn(&self, …)`
    Shared(fn(&dyn Object, &Context, &mut Arguments<'_>, &mut Output<'_>) -> Result<(), Error>),
    /// `fn(&mut self, …)`
    Exclusive(fn(&mut dyn Object, &Context, &mut Arguments<'_>, &mut Output<'_>) -> Result<(), Error>),
    /// `async fn(&self, …)`
    SharedAsync(for<'a> fn(&'a dyn Object, &'a Context, &mut Arguments<'_>) -> Started<'a>),
    /// `async fn(&mut self, …)`
    ExclusiveAsync(for<'a> fn(&'a mut dyn Object, &'a Context, &mut Arguments<'_>) -> Started<'a>),
}

/// An async method that is running, if its arguments were good.
pub type Started<'a> = Result<BoxFuture<'a, Finish>, Error>;

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
    /// Whether it takes the longer the larger its arguments and objects are: then it is moved off the async threads if these are
    /// large.
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
pub enum FunctionInvoke {
    /// `fn(…)`
    Sync(fn(&Context, &mut Arguments<'_>) -> Result<Produced, Error>),
    /// `async fn(…)`
    Async(fn(Context, &mut Arguments<'_>) -> Result<BoxFuture<'static, Produced>, Error>),
    /// `fn(object: &mut T, …)` or `async fn(object: &mut T, …)`: works on objects of the service.
    OnObjects(OnObjects),
}

/// A constant of a module.
#[derive(Clone, Copy)]
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

/// The stable 64-bit name of `name` in `scope`: FNV-1a over `scope/name`
/// (Fowler, Noll and Vo; draft-eastlake-fnv). Collisions are refused at start-up.
///
/// ```
/// use tarmem_remote::describe::stable_id;
/// assert_ne!(stable_id("bank.Account", "deposit"), stable_id("bank.Account", "balance"));
/// ```
pub const fn stable_id(scope: &str, name: &str) -> u64 {
    const fn mix(mut hash: u64, bytes: &[u8]) -> u64 {
        let mut i = 0;
        while i < bytes.len() {
            hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            i += 1;
        }
        hash
    }
    mix(mix(mix(0xcbf2_9ce4_8422_2325, scope.as_bytes()), b"/"), name.as_bytes())
}

/// `name(a: i64, b: Option<String>) -> Result<i64, BankError>`, as shown to people.
pub(crate) fn signature_text(name: &str, params: &[Param], returns: &str) -> String {
    let param = |p: &Param| match p.default {
        Some(default) if !p.ty.starts_with("Option<") || default != "None" => {
            format!("{}: {} = {default}", p.name, p.ty)
        }
        _ => {
            let stars = match p.kind {
                ParamKind::Args => "*",
                ParamKind::Kwargs => "**",
                _ => "",
            };
            format!("{stars}{}: {}", p.name, p.ty)
        }
    };
    let params: Vec<String> = params.iter().map(param).collect();
    let arrow = if returns.is_empty() || returns == "()" { String::new() } else { format!(" -> {returns}") };
    format!("{name}({}){arrow}", params.join(", "))
}

/// `bank.Account.deposit(cents, note=null)`, as a dynamic caller could write it: a parameter that may be left out is shown with what
/// it is then, and with `...` where no value says that.
fn called_text(name: &str, params: &[Param]) -> String {
    let param = |p: &Param| match (p.kind, p.default_value()) {
        (ParamKind::Args, _) => format!("*{}", p.name),
        (ParamKind::Kwargs, _) => format!("**{}", p.name),
        (_, ParameterDefault::Required) => p.name.to_owned(),
        (_, ParameterDefault::Value(value)) => format!("{}={value}", p.name),
        (_, ParameterDefault::Absent | ParameterDefault::Computed(_)) => format!("{}=...", p.name),
    };
    let params: Vec<String> = params.iter().map(param).collect();
    format!("{name}({})", params.join(", "))
}

impl Param {
    /// What a dynamic caller gets that leaves it out.
    pub fn default_value(&self) -> ParameterDefault {
        // The expression is its author's, and may panic.
        let value = || std::panic::catch_unwind(self.value?).ok().flatten();
        match (self.optional, value(), self.default) {
            (false, ..) => ParameterDefault::Required,
            (true, Some(value), _) => ParameterDefault::Value(value),
            (true, None, Some(text)) => ParameterDefault::Computed(text.to_owned()),
            (true, None, None) => ParameterDefault::Absent,
        }
    }
}

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
    /// [signature](Self::full_signature), a dynamic one names that it could have written: `bank.Account.deposit(cents)`.
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
}

impl Function {
    /// Its signature as shown to people.
    pub fn signature(&self) -> String {
        signature_text(&self.full_name(), self.params, self.returns)
    }

    /// As [`Method::called_as`]. A dynamic caller sees a constructor `new` under the name of its class: `builtins.list(items=...)`.
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
}

/// An object freshly made by a generator.
pub type NewObject = Box<dyn Object>;
