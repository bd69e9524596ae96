//! Support for the code that `#[remote]` generates. This is not a public API: anything in here may change.

pub use crate::args::Arg;
pub use crate::call::{Call, CallError, Name};
pub use crate::context::Context;
pub use crate::describe::{
    ClassEntry, Constant, Function, FunctionInvoke, Implementation, InterfaceEntry, Invoke, Method, Param, Place,
    Receiver, Registration, stable_id,
};
pub use crate::dispatch::{Arguments, DispatchError, Finish, Output, Produced};
pub use crate::error::Error;
pub use crate::multi_object::{AnyViews, HeldObjects, ObjectArg, ObjectParam, OnObjects, PreparedCall, Views};
pub use crate::object::{Class, Encodable, Interface, Object, Remote};
pub use crate::protocol::results::ParamKind;
pub use crate::proxy::{Proxy, ProxyCore, TypedProxy, proxy_as_reference};
pub use crate::shape::Shape;
pub use crate::signature::{
    ERROR_ROOT, Kind as SignatureKind, KnownShape, OpaqueShape, RESULT_ROOT, Returned, Signature,
};
pub use crate::source::{FunctionCall, Prepared, Source};
pub use crate::value::{Value, to_value};
pub use async_trait::async_trait;
pub use copying::{CloneWay, Copying, EncodingWay, NoWay};
pub use encodings::{
    ErrorWay, Incoming, IncomingWay, MadeObject, MadeValue, NoIncomingWay, NoOutgoingWay, Of, OutcomeWay, Outgoing,
    OutgoingWay,
};
pub use futures::future::BoxFuture;
pub use keeping::{KeepWay, Keeping, NoKeepWay};
pub use measuring::{ExtentWay, Measuring, NoExtentWay};
pub use replaying::{Replayed, replayed};
pub use tracing::{EncodedWay, Tracing, TraverseWay};
pub use ways::{EncodableWay, UnencodableWay, Ways, encodable};
pub use {inventory, serde, typetag};

mod copying;
mod encodings;
mod keeping;
mod measuring;
mod replaying;
mod tracing;
mod ways;

/// Reads an object reference as a proxy of its object.
pub fn proxy_of_reference<'de, P: Proxy, D: serde::Deserializer<'de>>(deserializer: D) -> Result<P, D::Error> {
    use serde::Deserialize;
    let dynamic = crate::proxy::DynamicProxy::deserialize(deserializer)?;
    Ok(P::from_core(Proxy::core(&dynamic).clone()))
}

/// How typetag reads an object of a class.
pub type ReadObject =
    fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Box<dyn Object + Send + Sync>, erased_serde::Error>;

/// Reads a value of a resident class, which always fails. [`Tracer`](crate::shape::Tracer) recognises the class by
/// `name`.
pub fn resident<'de, T, D: serde::Deserializer<'de>>(
    deserializer: D,
    name: &'static str,
    message: &'static str,
) -> Result<T, D::Error> {
    struct Never<T>(&'static str, PhantomData<fn() -> T>);
    impl<'de, T> serde::de::Visitor<'de> for Never<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("nothing")
        }

        fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, _: D) -> Result<T, D::Error> {
            Err(serde::de::Error::custom(self.0))
        }
    }
    deserializer.deserialize_newtype_struct(name, Never(message, PhantomData))
}

use serde::Serialize;
use std::any::Any;
use std::marker::PhantomData;

/// The methods of an interface, for one class that implements it. This is implemented for the `dyn` type of the trait,
/// so that the coherence rules let the trait's own crate implement it for every class at once.
#[diagnostic::on_unimplemented(
    message = "`{C}` cannot be registered under `{Self}`: one of them is not remote",
    label = "this trait, or the type it is implemented for",
    note = "put #[remote(module = \"…\")] on the trait, and on the type"
)]
pub trait InterfaceTable<C>: Interface {
    /// The class's path.
    const CLASS: &'static str;
    /// The methods.
    const METHODS: &'static [Method];
    /// How an object of the class is viewed as the interface.
    const VIEWS: &'static AnyViews;
}

/// The methods of the class `C` under the interface `I`.
pub const fn implementation<I: InterfaceTable<C> + ?Sized, C>(place: Place) -> Implementation {
    Implementation { class: I::CLASS, interface: I::PATH, methods: I::METHODS, views: Some(I::VIEWS), place }
}

/// The two sides of a `Result`, under whatever alias it was written.
pub trait Fallible {
    /// The type of a success.
    type Ok;
    /// The type of an error.
    type Err;
    /// Returns the result itself.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// A type that a parameter with `#[remote(args)]` may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold all further positional arguments",
    label = "not a list",
    note = "take a Vec<Value>, a Vec of another element type, or a slice"
)]
pub trait FurtherArgs {}

impl<T> FurtherArgs for Vec<T> {}

/// A type that a parameter with `#[remote(kwargs)]` may have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold all further named arguments",
    label = "not a map of names",
    note = "take Kwargs (tarmem_remote::args::Kwargs), or a HashMap or BTreeMap whose keys are Strings"
)]
pub trait FurtherKwargs {}

impl FurtherKwargs for crate::args::Kwargs {}
impl<T, S> FurtherKwargs for std::collections::HashMap<String, T, S> {}
impl<T> FurtherKwargs for std::collections::BTreeMap<String, T> {}

/// A class or the `dyn` type of an interface, as the parameter of a function over objects: [`Remote`] with a different
/// error message for other types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a class nor an interface: there are no objects of it on a service",
    label = "no remote type",
    note = "put #[remote(module = \"…\")] on the type or trait; or take an argument that is not an object by value"
)]
pub trait ObjectType {
    /// The path of the class or interface.
    const PATH: &'static str;
    /// The type that a caller passes.
    type Proxy: Proxy;
}

#[diagnostic::do_not_recommend]
impl<T: Remote + ?Sized> ObjectType for T {
    const PATH: &'static str = T::PATH;
    type Proxy = T::Proxy;
}

/// The module in a class's path: `bank` of `bank.Account`.
pub const fn module_of(path: &'static str) -> &'static str {
    path.split_at(last_dot(path)).0
}

/// The length of the name that [`member`] makes.
pub const fn member_len(path: &str, name: &str) -> usize {
    path.len() - last_dot(path) + name.len()
}

/// The name of a constructor within its module: `Account.open` for `open` of `bank.Account`.
pub const fn member<const N: usize>(path: &str, name: &str) -> [u8; N] {
    let (mut joined, mut at) = ([b'.'; N], 0);
    let (class, name) = (path.as_bytes(), name.as_bytes());
    let mut from = last_dot(path) + 1;
    while from < class.len() {
        joined[at] = class[from];
        from += 1;
        at += 1;
    }
    // The dot between them is already there.
    from = 0;
    while from < name.len() {
        joined[at + 1 + from] = name[from];
        from += 1;
    }
    joined
}

/// Converts the result of [`member`] into text.
pub const fn text(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("two strings form a string"),
    }
}

const fn last_dot(path: &str) -> usize {
    let bytes = path.as_bytes();
    let mut at = bytes.len();
    while at > 0 {
        at -= 1;
        if bytes[at] == b'.' {
            return at;
        }
    }
    panic!("a class's path has a module")
}

/// The value of a constant of a module.
pub fn constant<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Value, Error> {
    to_value(value).map_err(|e| Error::BadResult { what: name.to_owned(), reason: e.to_string() })
}

/// The object as its class. The service finds a method in the class of this very object, so this fails only if a
/// dispatch table is wrong, with an error instead of a panic.
pub fn shared<T: 'static>(object: &dyn Object) -> Result<&T, Error> {
    let class = object.class();
    (object as &dyn Any).downcast_ref().ok_or_else(|| mismatch::<T>(class))
}

/// Like [`shared`].
pub fn exclusive<T: 'static>(object: &mut dyn Object) -> Result<&mut T, Error> {
    let class = object.class();
    (object as &mut dyn Any).downcast_mut().ok_or_else(|| mismatch::<T>(class))
}

fn mismatch<T>(found: &str) -> Error {
    Error::WrongClass {
        target: "the object".to_owned(),
        expected: std::any::type_name::<T>().to_owned(),
        found: found.to_owned(),
    }
}

/// Distinguishes a function that makes an object from one that returns a value, by the type it returns:
/// `(&&Kind::<T>::new()).kind()` finds [`ObjectKind`] if `T` is a class, otherwise [`ValueKind`], which is one
/// reference further, otherwise [`NoKind`], for a type that cannot be serialized, which has been reported.
pub struct Kind<T>(PhantomData<fn() -> T>);

impl<T> Kind<T> {
    /// The kind of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Kind(PhantomData)
    }
}

/// See [`Kind`].
pub trait ObjectKind {
    /// The class of the object.
    type Made: Class;

    /// The function makes an object.
    fn kind(&self) -> MakesObject<Self::Made> {
        MakesObject(PhantomData)
    }
}

impl<T: Class> ObjectKind for &Kind<T> {
    type Made = T;
}

/// See [`Kind`].
pub trait ValueKind {
    /// The function returns a value.
    fn kind(&self) -> GivesValue {
        GivesValue
    }
}

impl<T: Serialize> ValueKind for &&Kind<T> {}

/// See [`Kind`].
pub trait NoKind {
    /// The function returns neither, in a program that does not compile.
    fn kind(&self) -> GivesNothing {
        GivesNothing
    }
}

impl<T> NoKind for Kind<T> {}

/// See [`Kind`].
pub struct GivesNothing;

impl GivesNothing {
    /// `None`: it makes no object.
    pub fn makes(self) -> Option<&'static str> {
        None
    }

    /// Produces nothing.
    pub fn produce<T>(self, _: T) -> Produced {
        Produced::Value(Box::new(()))
    }
}

/// See [`Kind`].
pub struct MakesObject<T>(PhantomData<fn() -> T>);

impl<T: Class> MakesObject<T> {
    /// The class of the object.
    pub fn makes(self) -> Option<&'static str> {
        Some(T::PATH)
    }

    /// Produces the object.
    pub fn produce(self, value: T) -> Produced {
        Produced::Object(Box::new(value))
    }
}

/// See [`Kind`].
pub struct GivesValue;

impl GivesValue {
    /// `None`: it makes no object.
    pub fn makes(self) -> Option<&'static str> {
        None
    }

    /// Produces the value.
    pub fn produce<T: Serialize + Send + 'static>(self, value: T) -> Produced {
        Produced::Value(Box::new(value))
    }
}

/// Registers the package in which it is used as one whose methods and functions look into the objects that they have
/// references to, and read everything before they change anything. See [`Package`](crate::package::Package).
///
/// ```
/// use tarmem_remote::describe::Function;
/// use tarmem_remote::{Error, Value};
///
/// fn explain(function: &Function, found: &Value) -> Option<Error> {
///     let reason = format!("{} sorts lists, and {} is not one", function.name, found.kind());
///     Some(Error::BadArguments { signature: function.name.to_owned(), reason })
/// }
///
/// tarmem_remote::register_package!(explain);
/// ```
#[macro_export]
macro_rules! register_package {
    ($explain:expr) => {
        $crate::__private::inventory::submit! {
            $crate::package::Package { name: env!("CARGO_PKG_NAME"), explain: $explain }
        }
    };
}
