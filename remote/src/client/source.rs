//! Sources: what `memoize` and `update` take.

use crate::args::Args;
use crate::call::{Call, Failure, Name};
use crate::caller::Caller;
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::operation::{FunctionRef, Operation, SourceRef};
use crate::payload::Payload;
use crate::protocol::object::{Object, untagged};
use crate::proxy::{Class, DynamicProxy, Obtain, OwnedTarget, Proxy, Remote};
use crate::service::ClientApi;
use crate::signature::Signature;
use crate::value::Value;
use serde::Serialize;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// What an object can be made from.
///
/// - A **generator**: a [`FunctionCall`] or [`DynamicFunctionCall`]. The service runs it, and only if it is needed.
/// - A **value** of a class, which is moved to the service.
/// - An **existing object**, by a reference to its proxy.
///
/// ```
/// use tarmem_remote::source::{DynamicFunctionCall, Source};
/// use tarmem_remote::{ClientApi, args};
///
/// /// Stores an object from any source, unless there is one.
/// async fn store<S: Source>(service: &ClientApi, source: S) -> Result<S::Proxy, S::Failure> {
///     service.memoize("numbers", source).await
/// }
///
/// let list = DynamicFunctionCall::new("builtins", "list", args![[1, 2]]);
/// assert!(list.prepare().is_ok());
/// ```
pub trait Source {
    /// The type of the proxy of the object that it makes.
    type Proxy: Proxy;
    /// The error type.
    type Failure: Failure;
    /// The path of the class that it makes; empty if that is not known.
    const EXPECT: &'static str;

    /// Encodes the source.
    ///
    /// # Errors
    /// [`Error::BadArguments`] or [`Error::BadValue`] if it cannot be encoded.
    fn prepare(self) -> Result<Prepared, Error>;
}

/// An encoded source.
#[doc(hidden)]
pub struct Prepared {
    form: Form,
}

enum Form {
    Generator { name: &'static Name, signature: &'static Signature, args: Vec<u8> },
    Named { module: String, name: String, args: Vec<u8> },
    Value { signature: &'static Signature, object: Vec<u8> },
    ValueByNames { class: &'static str, value: Vec<u8> },
    Existing(OwnedTarget),
}

impl Prepared {
    /// A value of a class. For generated code.
    ///
    /// # Errors
    /// [`Error::BadValue`] if it cannot be encoded.
    pub fn value(object: &dyn Object, signature: &'static Signature) -> Result<Self, Error> {
        let class = object.class();
        let unfit = |reason| Error::BadValue { class: class.to_owned(), reason };
        if signature.goes_by_names() {
            let value = untagged(object).map_err(unfit)?;
            let value = codec::encode(&value).map_err(|e| unfit(e.to_string()))?;
            return Ok(Prepared { form: Form::ValueByNames { class, value } });
        }
        let encoded = codec::encode(object).map_err(|e| unfit(e.to_string()))?;
        Ok(Prepared { form: Form::Value { signature, object: encoded } })
    }

    /// Names `call` for messages: after the generator, if this is one.
    pub(crate) fn name<T, E>(&self, call: Call<T, E>) -> Call<T, E> {
        match &self.form {
            Form::Generator { name, .. } => call.named_as(name),
            Form::Named { module, name, .. } => call.labelled(format!("{module}.{name}")),
            Form::Value { .. } | Form::ValueByNames { .. } | Form::Existing(_) => call,
        }
    }

    pub(crate) fn is_generator(&self) -> bool {
        matches!(self.form, Form::Generator { .. } | Form::Named { .. })
    }

    pub(crate) fn as_ref(&self) -> SourceRef<'_> {
        match &self.form {
            Form::Generator { signature, args, .. } => {
                SourceRef::Generator { function: FunctionRef::of(signature), encoding: signature.encoding(), args }
            }
            Form::Named { module, name, args } => {
                SourceRef::Generator { function: FunctionRef::Name { module, name }, encoding: Encoding::Dynamic, args }
            }
            Form::Value { signature, object } => SourceRef::Value { signature: signature.id(), object },
            Form::ValueByNames { class, value } => SourceRef::ValueByNames { class, value },
            Form::Existing(target) => SourceRef::Existing(target.as_ref()),
        }
    }
}

impl<P: Proxy> Source for &P {
    type Proxy = P;
    type Failure = Error;
    const EXPECT: &'static str = "";

    fn prepare(self) -> Result<Prepared, Error> {
        Ok(Prepared { form: Form::Existing(self.core().target().clone()) })
    }
}

/// How long a caller waits for a generator, if it does not set a timeout.
const GENERATOR_TIMEOUT: Duration = Duration::from_secs(600);

impl<P, E> Obtain<P, E> {
    pub(crate) fn from_source<S: Source>(
        caller: &Arc<dyn Caller>,
        key: Option<&str>,
        name: &'static Name,
        source: S,
        operation: impl FnOnce(SourceRef<'_>) -> Result<Payload, Error>,
    ) -> Self {
        match source.prepare() {
            Err(error) => Self::new(caller, name, Err(error), key),
            Ok(source) => {
                let obtain = Self::new(caller, name, operation(source.as_ref()), key);
                let obtain = obtain.map_call(|call| source.name(call));
                if source.is_generator() { obtain.timeout(GENERATOR_TIMEOUT) } else { obtain }
            }
        }
    }
}

/// A call of a module's function with its arguments. It can be run with [`call`](Self::call). If it returns an object
/// of a class, it can also be passed to `memoize`, `update` or `create` as a generator.
///
/// ```
/// use tarmem_remote::source::FunctionCall;
/// use tarmem_remote::{ClientApi, remote};
///
/// #[remote(module = "words")]
/// fn shout(text: &str) -> String {
///     text.to_uppercase()
/// }
///
/// async fn example(service: ClientApi) -> Result<(), tarmem_remote::Error> {
///     let call: FunctionCall<String> = shout::remote("hey");
///     assert_eq!(call.call(&service).await?, "HEY");
///     Ok(())
/// }
/// ```
#[must_use = "a function call does nothing until it is called, memoized or created"]
pub struct FunctionCall<R, E = Error> {
    name: &'static Name,
    signature: &'static Signature,
    args: Result<Vec<u8>, Error>,
    result: PhantomData<fn() -> (R, E)>,
}

impl<R, E> FunctionCall<R, E> {
    /// A call of the function `name`; `args` is a tuple. For generated code.
    pub fn new(name: &'static Name, signature: &'static Signature, args: &impl Serialize) -> Self {
        let args = if signature.goes_by_names() {
            signature.values_by_names(args).and_then(|args| args.encode().map_err(|e| e.to_string()))
        } else {
            codec::encode(args).map_err(|e| e.to_string())
        };
        let args = args.map_err(|reason| Error::BadArguments { signature: name.to_string(), reason });
        FunctionCall { name, signature, args, result: PhantomData }
    }

    /// Runs the function on the service. If it returns an object, the result is a copy of its value.
    ///
    /// # Errors
    /// Those of the function and of the session.
    pub fn call(self, service: impl AsRef<ClientApi>) -> Call<R, E> {
        let operation = self.args.and_then(|args| {
            let (function, encoding) = (FunctionRef::of(self.signature), self.signature.encoding());
            Operation::Run { function, encoding, args: &args }.encode()
        });
        Call::new(Arc::clone(service.as_ref().caller()), operation, self.name, self.signature.encoding())
    }
}

impl<R: Class, E: Failure> Source for FunctionCall<R, E> {
    type Proxy = <R as Remote>::Proxy;
    type Failure = E;
    const EXPECT: &'static str = R::PATH;

    fn prepare(self) -> Result<Prepared, Error> {
        Ok(Prepared { form: Form::Generator { name: self.name, signature: self.signature, args: self.args? } })
    }
}

impl<R, E> fmt::Debug for FunctionCall<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FunctionCall({})", self.name)
    }
}

/// A call of a generator by name, with its arguments as [`Value`]s.
///
/// An existing object under the key has to be of the class that the generator makes, as with a [`FunctionCall`]; the
/// service knows the class.
///
/// ```
/// use tarmem_remote::source::DynamicFunctionCall;
/// use tarmem_remote::{ClientApi, DynamicProxy, Error, args};
///
/// async fn numbers(service: &ClientApi) -> Result<DynamicProxy, Error> {
///     service.memoize("numbers", DynamicFunctionCall::new("builtins", "list", args![[1, 2]])).await
/// }
/// ```
#[must_use = "a function call does nothing until it is memoized or created"]
#[derive(Clone, Debug)]
pub struct DynamicFunctionCall {
    module: String,
    name: String,
    args: Args,
}

impl DynamicFunctionCall {
    /// A call of the function `name` of `module`. A class stands for its constructor `new`.
    pub fn new(module: impl Into<String>, name: impl Into<String>, args: impl Into<Args>) -> Self {
        DynamicFunctionCall { module: module.into(), name: name.into(), args: args.into() }
    }

    /// Runs the function on the service. If it returns an object, the result is a copy of its value.
    ///
    /// # Errors
    /// [`Error::NoSuchModule`], [`Error::NoSuchMember`], [`Error::NoConstructor`], [`Error::BadArguments`],
    /// [`Error::Raised`], and those of the session.
    pub fn call(self, service: impl AsRef<ClientApi>) -> Call<Value> {
        let operation = self.encode_args().and_then(|args| {
            let function = FunctionRef::Name { module: &self.module, name: &self.name };
            Operation::Run { function, encoding: Encoding::Dynamic, args: &args }.encode()
        });
        let label = format!("{}.{}", self.module, self.name);
        Call::new(Arc::clone(service.as_ref().caller()), operation, &Name::UNKNOWN, Encoding::Dynamic).labelled(label)
    }

    fn encode_args(&self) -> Result<Vec<u8>, Error> {
        self.args.encode().map_err(|e| Error::BadArguments {
            signature: format!("{}.{}", self.module, self.name),
            reason: e.to_string(),
        })
    }
}

impl Source for DynamicFunctionCall {
    type Proxy = DynamicProxy;
    type Failure = Error;
    const EXPECT: &'static str = "";

    fn prepare(self) -> Result<Prepared, Error> {
        let args = self.encode_args()?;
        Ok(Prepared { form: Form::Named { module: self.module, name: self.name, args } })
    }
}
