//! Signatures of methods and functions, as client and service were each built with them.
//!
//! A typed call identifies its method by a number that is derived from the method's name *and* its signature: its
//! parameters, result and error, with the shapes of their types in depth. So a service that was built with another
//! signature does not know the number, and nothing is ever decoded as something else. The client then asks once for the
//! service's [`SignatureDescription`], and continues by names: the arguments are sent as a map of self-describing
//! values, so that serde's own rules decide whether they fit ([`Changes`] records which methods are called in this
//! way). If both sides have the same signature, this costs a call nothing.

use crate::args::Args;
use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::params::{Param, signature_text};
use crate::shape::{ERROR, RETURN, Shape, Shapes, Tracer};
use crate::value::Value;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

/// A signature that this program was built with. `#[remote]` makes one for each method, constructor, function and
/// class.
#[doc(hidden)]
pub struct Signature {
    kind: Kind,
    scope: &'static str,
    name: &'static str,
    stable: u64,
    params: &'static [Param],
    returns: &'static str,
    idempotent: bool,
    trace: fn(&mut Tracer) -> Vec<(String, Shape)>,
    to_values: ToValues,
    known: OnceLock<Known>,
}

/// What a signature is the signature of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Kind {
    /// A method.
    Method,
    /// A function of a module, or a constructor.
    Function,
    /// The values of a class.
    Class,
}

/// Decodes the arguments of a typed call, and returns those that are given as values.
type ToValues = fn(&[u8]) -> Result<Vec<Option<Value>>, String>;

/// What is found out when it is first needed.
struct Known {
    id: u64,
    /// That of calls that are logged.
    logged: u64,
    shapes: Shapes,
    /// Whether the types are known in depth.
    learned: bool,
}

/// Identifies what a signature is the signature of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[doc(hidden)]
pub enum SignatureRef<'a> {
    /// A method.
    Method {
        /// The path of its interface, or of its class.
        interface: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// A function of a module, or a constructor.
    Function {
        /// The module.
        module: &'a str,
        /// The name within the module: `load`, `Account.open`.
        name: &'a str,
    },
    /// The values of a class.
    Class {
        /// Its path.
        path: &'a str,
    },
}

/// A signature, as it is sent to the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[doc(hidden)]
pub struct SignatureDescription {
    /// The signature as text.
    pub text: String,
    /// Whether making the call twice is the same as making it once.
    pub idempotent: bool,
    /// The shapes of its parameters, its result and its error.
    pub shapes: Shapes,
}

impl Signature {
    /// For generated code: the signature of `name` in `scope`, the method or function with that stable id.
    #[allow(clippy::too_many_arguments, reason = "for generated code")]
    pub const fn new(
        kind: Kind,
        scope: &'static str,
        name: &'static str,
        stable: u64,
        params: &'static [Param],
        returns: &'static str,
        idempotent: bool,
        trace: fn(&mut Tracer) -> Vec<(String, Shape)>,
        to_values: ToValues,
    ) -> Self {
        Signature { kind, scope, name, stable, params, returns, idempotent, trace, to_values, known: OnceLock::new() }
    }

    /// For generated code: the signature of the values of the class `path`.
    pub const fn of_class(path: &'static str, trace: fn(&mut Tracer) -> Vec<(String, Shape)>) -> Self {
        Self::new(Kind::Class, "", path, stable_id(path, ""), &[], "", true, trace, |_| {
            Err("an object is sent as a whole".to_owned())
        })
    }

    /// The number that identifies it on the wire.
    pub fn id(&'static self) -> u64 {
        self.known().id
    }

    /// Like [`id`](Self::id), but it does not depend on the names of the class and the method, and is known for each
    /// signature: for calls that are logged.
    pub fn logged_id(&'static self) -> u64 {
        self.known().logged
    }

    fn known(&'static self) -> &'static Known {
        self.known.get_or_init(|| {
            let mut tracer = Tracer::default();
            let roots = (self.trace)(&mut tracer);
            let shapes = tracer.finish(roots);
            let fingerprint = shapes.fingerprint();
            let learned = fingerprint.is_some();
            // The text shows the types that are not known in depth.
            let text = || stable_id(&signature_text("", self.params, self.returns), "");
            let logged = fingerprint.unwrap_or_else(text);
            if !learned {
                tracing::debug!("the types of {self} are not known in depth: its calls go by names");
            }
            let fingerprint = fingerprint.unwrap_or_default();
            let idempotent = u64::from(self.idempotent);
            let id = (self.stable ^ fingerprint.rotate_left(32))
                .wrapping_add(idempotent)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            BY_ID.lock().unwrap_or_else(PoisonError::into_inner).insert(id, self);
            Known { id, logged, shapes, learned }
        })
    }

    /// The description that is sent to the other side.
    pub fn describe(&'static self) -> SignatureDescription {
        SignatureDescription {
            text: self.to_string(),
            idempotent: self.idempotent,
            shapes: self.known().shapes.clone(),
        }
    }

    /// What it is the signature of.
    pub fn reference(&self) -> SignatureRef<'static> {
        match self.kind {
            Kind::Method => SignatureRef::Method { interface: self.scope, name: self.name },
            Kind::Function => SignatureRef::Function { module: self.scope, name: self.name },
            Kind::Class => SignatureRef::Class { path: self.name },
        }
    }

    /// The encoding that a typed caller uses for arguments.
    pub(crate) fn encoding(&'static self) -> Encoding {
        if self.goes_by_names() { Encoding::Dynamic } else { Encoding::Typed }
    }

    /// The full name: `bank.Account.deposit`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.scope, self.name)
    }

    /// Whether its calls always go by names, because its types are not known in depth: they check their content in ways
    /// that no sample data passes, or ask what the data is, which the typed encoding cannot tell (`#[serde(untagged)]`,
    /// `#[serde(flatten)]`).
    pub fn goes_by_names(&'static self) -> bool {
        !self.known().learned
    }

    /// The arguments of a typed call, by names.
    ///
    /// # Errors
    /// A message, if they cannot be converted.
    pub fn by_names(&self, args: &[u8]) -> Result<Args, String> {
        (self.to_values)(args).map(|values| self.name(values))
    }

    /// The arguments of a call, by names.
    ///
    /// # Errors
    /// A message, if they cannot be converted.
    pub(crate) fn values_by_names(&self, args: &impl Serialize) -> Result<Args, String> {
        crate::args::present(args).map(|values| self.name(values))
    }

    fn name(&self, values: Vec<Option<Value>>) -> Args {
        let named = self.params.iter().zip(values).filter_map(|(param, value)| {
            // If there are no further arguments, nothing has to be sent.
            let value = value.filter(|value| !(param.kind.is_rest() && is_empty(value)))?;
            Some((param.name.to_owned(), value))
        });
        Args::by_names(named.collect())
    }

    /// This program's signature with this number, if its number has been used yet.
    pub(crate) fn by_id(id: u64) -> Option<&'static Self> {
        BY_ID.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// The difference between this signature, which is the client's, and the service's.
    pub(crate) fn compare(&'static self, service: SignatureDescription) -> Change {
        let ours = self.describe();
        let differences = ours.shapes.differences(&service.shapes);
        let ignores_result = ours.shapes.root(RETURN) == Some(&Shape::Unit);
        let refused = !ours.shapes.result_may_fit(&service.shapes);
        Change {
            ours: ours.text,
            idempotent: service.idempotent && ours.idempotent,
            theirs: service.text,
            differences,
            ignores_result,
            refused,
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_list().is_some_and(<[_]>::is_empty) || value.as_map().is_some_and(<[_]>::is_empty)
}

/// The signatures of this program whose number was used.
static BY_ID: LazyLock<Mutex<HashMap<u64, &'static Signature>>> = LazyLock::new(Mutex::default);

/// Shows the signature as in Rust, with its full name; for a class its path.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_empty() {
            return f.write_str(self.name);
        }
        f.write_str(&signature_text(&format!("{}.{}", self.scope, self.name), self.params, self.returns))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

/// A method for which client and service were built with different signatures.
#[derive(Debug)]
pub(crate) struct Change {
    ours: String,
    theirs: String,
    differences: Vec<String>,
    /// Whether both sides say that the call is idempotent.
    pub(crate) idempotent: bool,
    /// The client expects no result.
    pub(crate) ignores_result: bool,
    /// The service's result can never be what the client expects, so the method is not called at all.
    pub(crate) refused: bool,
}

impl Change {
    /// The error about what could not be converted.
    pub(crate) fn error(&self, reason: impl Into<String>) -> Error {
        Error::SignatureChanged {
            client: self.ours.clone(),
            service: self.theirs.clone(),
            differences: self.differences.clone(),
            reason: reason.into(),
        }
    }
}

/// The methods that are called by names in a session, because its service was built with other signatures of them. It
/// is checked before each typed call is sent.
#[derive(Debug, Default)]
#[doc(hidden)]
pub struct Changes {
    any: AtomicBool,
    by_id: Mutex<HashMap<u64, Arc<Change>>>,
}

impl Changes {
    /// Whether there are no such methods.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Change>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Adds a change. There is at most one for each signature of this program.
    pub(crate) fn insert(&self, id: u64, change: Change) -> Arc<Change> {
        let change = Arc::new(change);
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&change));
        self.any.store(true, Ordering::Relaxed);
        change
    }

    /// Forgets all changes, because another service has replaced the one that was asked.
    pub fn clear(&self) {
        self.any.store(false, Ordering::Relaxed);
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The stable 64-bit id of `name` in `scope`: FNV-1a over `scope/name` (Fowler, Noll and Vo; draft-eastlake-fnv).
/// Collisions are refused at start-up.
///
/// ```
/// use tarmem_remote::signature::stable_id;
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

/// For generated code: the arguments of a typed call as values, with absent ones as `None`.
///
/// # Errors
/// A message.
#[doc(hidden)]
pub fn to_values<T: DeserializeOwned + Serialize>(args: &[u8]) -> Result<Vec<Option<Value>>, String> {
    let args: T = codec::decode(args).map_err(|e| e.to_string())?;
    crate::args::present(&args)
}

/// Distinguishes types whose shape can be learned from those that only a service can encode, as
/// [`Kind`](crate::__private::Kind) does: `(&Returned::<T>::new()).shape(tracer, "T")`.
#[doc(hidden)]
pub struct Returned<T>(PhantomData<fn() -> T>);

impl<T> Returned<T> {
    /// The shape of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Returned(PhantomData)
    }
}

/// See [`Returned`].
#[doc(hidden)]
pub trait KnownShape {
    /// The shape of the type.
    fn shape(&self, tracer: &mut Tracer, text: &str) -> Shape;
}

impl<T: DeserializeOwned> KnownShape for Returned<T> {
    fn shape(&self, tracer: &mut Tracer, _: &str) -> Shape {
        tracer.shape::<T>()
    }
}

/// See [`Returned`].
#[doc(hidden)]
pub trait OpaqueShape {
    /// The name of the type.
    fn shape(&self, tracer: &mut Tracer, text: &str) -> Shape;
}

impl<T> OpaqueShape for &Returned<T> {
    fn shape(&self, _: &mut Tracer, text: &str) -> Shape {
        Shape::Opaque(text.to_owned())
    }
}

/// For generated code: the name of a result among the roots.
#[doc(hidden)]
pub const RESULT_ROOT: &str = RETURN;

/// For generated code: the name of an error among the roots.
#[doc(hidden)]
pub const ERROR_ROOT: &str = ERROR;
