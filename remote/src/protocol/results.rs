//! The results of a service's operations: descriptions of objects, keys, methods and modules.

mod loading;

use crate::value::Value;
pub use loading::LoadingProgress;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// Identifies the object that an operation returned.
///
/// ```
/// use tarmem_remote::client_api::ClientApi;
/// use tarmem_remote::results::ObjectInfo;
/// use tarmem_remote::{Error, args, source::DynamicFunctionCall};
///
/// /// Whether this call made the list, or found it.
/// async fn made(session: &ClientApi) -> Result<bool, Error> {
///     let list = DynamicFunctionCall::new("builtins", "list", args![]);
///     let (_list, info): (_, ObjectInfo) = session.memoize("numbers", list).with_info().await?;
///     Ok(info.made)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The object's id.
    pub id: Uuid,
    /// The path of its class.
    pub class: String,
    /// The generation of the key's mapping; 0 for an unnamed object.
    pub generation: u64,
    /// Whether this very operation made it: false if the object already existed.
    pub made: bool,
    /// Whether a method panicked while changing it.
    pub poisoned: bool,
}

impl ObjectInfo {
    /// An object that already existed. For code that runs operations.
    #[doc(hidden)]
    pub fn new(id: Uuid, class: &str, generation: u64, poisoned: bool) -> Self {
        ObjectInfo { id, class: class.to_owned(), generation, made: false, poisoned }
    }

    /// The same, and whether this very operation made it.
    #[doc(hidden)]
    #[must_use]
    pub fn made(self, made: bool) -> Self {
        ObjectInfo { made, ..self }
    }
}

/// A page of keys, in order.
///
/// ```
/// use tarmem_remote::results::KeysPage;
/// use tarmem_remote::{ClientApi, Error};
///
/// async fn all_keys(session: &ClientApi) -> Result<Vec<String>, Error> {
///     let (mut keys, mut after) = (Vec::new(), String::new());
///     loop {
///         let page: KeysPage = session.keys("", &after, 0).await?;
///         keys.extend(page.keys);
///         match page.next {
///             Some(next) => after = next,
///             None => return Ok(keys),
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeysPage {
    /// The keys.
    pub keys: Vec<String>,
    /// The value of `after` for the next page; `None` if this is the last page.
    pub next: Option<String>,
}

impl KeysPage {
    /// For code that runs operations.
    #[doc(hidden)]
    pub fn new(keys: Vec<String>, next: Option<String>) -> Self {
        KeysPage { keys, next }
    }
}

/// The versions of a service.
///
/// ```
/// use tarmem_remote::results::VersionInfo;
/// use tarmem_remote::{ClientApi, Error};
///
/// async fn show(session: &ClientApi) -> Result<String, Error> {
///     let version: VersionInfo = session.version().await?;
///     Ok(format!("tarmem {}, protocol {}", version.service, version.protocol))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionInfo {
    /// The version of its crate.
    pub service: String,
    /// The version of the protocol.
    pub protocol: u32,
    /// How it keeps what outlives it; `None` if nothing does.
    pub data: Option<DataInfo>,
}

impl VersionInfo {
    /// For code that runs operations.
    #[doc(hidden)]
    pub fn new(service: String, protocol: u32, data: Option<DataInfo>) -> Self {
        VersionInfo { service, protocol, data }
    }
}

/// How a service keeps what outlives it, and what that takes.
///
/// ```
/// use tarmem_remote::{ClientApi, Error};
///
/// async fn is_safe(session: &ClientApi) -> Result<bool, Error> {
///     Ok(session.version().await?.data.is_some_and(|data| data.fsync == "always"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DataInfo {
    /// When changes are on disk: `always` before anybody knows of them; at most a time such as `1s` later; or `never`
    /// before the system likes.
    pub fsync: String,
    /// What the service does when the disk fails: `exit` or `refuse`.
    pub on_disk_failure: String,
    /// The bytes of keys, objects and sessions that are kept, with changes that are only in the log.
    pub used_bytes: u64,
    /// The bytes of the files.
    pub file_bytes: u64,
    /// The bytes that the disk has left, if that is known.
    pub free_bytes: Option<u64>,
    /// Why the disk has failed, if it has: the service answers only what needs no disk, until it is started again.
    pub failure: Option<String>,
}

impl DataInfo {
    /// For code that runs operations.
    #[doc(hidden)]
    pub fn new(
        fsync: String,
        on_disk_failure: String,
        (used_bytes, file_bytes): (u64, u64),
        free: Option<u64>,
        failure: Option<String>,
    ) -> Self {
        DataInfo { fsync, on_disk_failure, used_bytes, file_bytes, free_bytes: free, failure }
    }
}

/// A description of an object.
///
/// ```
/// use tarmem_remote::results::ObjectDescription;
/// use tarmem_remote::{ClientApi, Error};
///
/// async fn has_method(session: &ClientApi, key: &str, method: &str) -> Result<bool, Error> {
///     let object: ObjectDescription = session.describe(key).await?;
///     Ok(object.methods.iter().any(|candidate| candidate.name == method))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectDescription {
    /// The object's id.
    pub id: Uuid,
    /// The path of its class.
    pub class: String,
    /// The generation of the key's mapping; 0 if the description was requested by id.
    pub generation: u64,
    /// Whether a method panicked while changing it.
    pub poisoned: bool,
    /// Whether objects of its class outlive a service that has a storage: see [`MemberDescription::durable`].
    pub durable: bool,
    /// The class's documentation.
    pub docs: String,
    /// The interfaces that the class implements.
    pub interfaces: Vec<String>,
    /// Its methods.
    pub methods: Vec<MethodDescription>,
}

impl ObjectDescription {
    /// An object of a class with this documentation and these interfaces and methods. For code that runs operations.
    #[doc(hidden)]
    pub fn new(
        info: ObjectInfo,
        durable: bool,
        docs: &str,
        interfaces: Vec<String>,
        methods: Vec<MethodDescription>,
    ) -> Self {
        let ObjectInfo { id, class, generation, poisoned, .. } = info;
        ObjectDescription { id, class, generation, poisoned, durable, docs: docs.to_owned(), interfaces, methods }
    }
}

/// A copy of an object's value, and whether a method left what was copied half changed. It is the result of
/// [`Proxy::snapshot_with_info`](crate::Proxy::snapshot_with_info).
///
/// ```
/// use tarmem_remote::results::Snapshot;
/// use tarmem_remote::{Error, Proxy, Value};
///
/// async fn reliable(object: &impl Proxy) -> Result<Option<Value>, Error> {
///     let snapshot: Snapshot = object.snapshot_with_info().await?;
///     Ok((!snapshot.is_poisoned()).then_some(snapshot.value))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The value, like the result of [`Proxy::snapshot`](crate::Proxy::snapshot).
    pub value: Value,
    /// Whether a method panicked while changing the object.
    pub poisoned: bool,
    /// Whether a method panicked while changing an object that the value shows in place of a reference.
    pub poisoned_inside: bool,
}

impl Snapshot {
    /// For code that runs operations.
    #[doc(hidden)]
    pub fn new(value: Value, poisoned: bool, poisoned_inside: bool) -> Self {
        Snapshot { value, poisoned, poisoned_inside }
    }

    /// Whether anything in the value may be half changed: the object itself, or one that it refers to.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned || self.poisoned_inside
    }
}

/// A description of a method.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::results::MethodDescription;
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_methods")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Account { cents: i64 }
///
/// #[remote]
/// impl Account {
///     /// Pays in.
///     pub fn deposit(&mut self, cents: i64) { self.cents += cents; }
/// }
///
/// # fn main() {
/// let methods: Vec<MethodDescription> =
///     Registry::linked().unwrap().class("doc_methods.Account").unwrap().describe_methods();
/// assert_eq!((&*methods[0].receiver, &*methods[0].signature), ("&mut self", "deposit(cents: i64)"));
/// assert_eq!(methods[0].docs, "Pays in.");
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodDescription {
    /// Its name.
    pub name: String,
    /// The interface that it belongs to; the class's own path for an inherent method.
    pub interface: String,
    /// `&self` or `&mut self`.
    pub receiver: String,
    /// Its name, parameters and result.
    pub signature: String,
    /// Its parameters, one by one.
    pub parameters: Vec<ParameterDescription>,
    /// Its documentation.
    pub docs: String,
}

/// A description of a parameter of a method or function. It can be passed by position or by name. For a
/// [kind](ParamKind) that takes all further arguments, those are passed instead, and the parameters after
/// [`ParamKind::Args`] are passed by name only ([`ParamKind::KeywordOnly`], and the objects among them).
///
/// ```
/// use tarmem_remote::results::{ParamKind, ParameterDefault, ParameterDescription};
/// use tarmem_remote::{Registry, remote};
///
/// #[remote(module = "doc_parameters")]
/// pub fn pay(cents: i64, #[remote(default = "none")] note: &str) {}
///
/// # fn main() {
/// let module = Registry::linked().unwrap().describe_module("doc_parameters").unwrap();
/// let [cents, note]: &[ParameterDescription; 2] = module.members[0].parameters[..].try_into().unwrap();
/// assert_eq!((&*cents.name, &*cents.ty, cents.kind), ("cents", "i64", ParamKind::Value));
/// assert_eq!(cents.default, ParameterDefault::Required);
/// assert_eq!(note.default, ParameterDefault::Value("none".into()));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParameterDescription {
    /// Its name.
    pub name: String,
    /// What a caller passes.
    pub kind: ParamKind,
    /// Its type, as written in Rust.
    #[serde(rename = "type")]
    pub ty: String,
    /// Whether a dynamic caller may leave it out.
    pub optional: bool,
    /// Its default.
    pub default: ParameterDefault,
}

/// What a caller passes for a parameter, by position or by the parameter's name if it is a single argument.
///
/// ```
/// use tarmem_remote::results::ParamKind;
///
/// assert!(ParamKind::Args.is_rest() && ParamKind::Kwargs.is_rest());
/// assert!(!ParamKind::Value.is_rest());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParamKind {
    /// A value.
    Value,
    /// A value that is passed by the parameter's name only: the parameter comes after [`Args`](ParamKind::Args).
    KeywordOnly,
    /// `&T`: an object of the service, by key or by reference, which others may read at the same time.
    Object,
    /// `&mut T`: an object that the function holds exclusively.
    ExclusiveObject,
    /// All further positional arguments, as `*args` in Python.
    Args,
    /// All further named arguments, as `**kwargs` in Python.
    Kwargs,
}

impl ParamKind {
    /// Whether it takes all further arguments, of which there may be none.
    pub fn is_rest(self) -> bool {
        matches!(self, ParamKind::Args | ParamKind::Kwargs)
    }
}

/// The value of a parameter for a dynamic caller that leaves it out. In JSON it is `"required"`, `"absent"`, `{"value":
/// …}` or `{"computed": "…"}`, so no value is mistaken for the lack of one, nor `null` for either.
///
/// ```
/// use tarmem_remote::results::ParameterDefault;
///
/// let json = |default| serde_json::to_string(&default).unwrap();
/// assert_eq!(json(ParameterDefault::Required), r#""required""#);
/// assert_eq!(json(ParameterDefault::Value(60.into())), r#"{"value":60}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParameterDefault {
    /// The parameter may not be left out.
    Required,
    /// The method sees that the parameter was left out, which no value represents: `dict.pop(key)` is an error where
    /// `dict.pop(key, null)` is null. A parameter that takes all further arguments is then empty.
    Absent,
    /// This value.
    Value(#[serde(serialize_with = "shown")] Value),
    /// The value of this Rust expression, which the service evaluates for each such call.
    Computed(String),
}

/// Shows the value for people, with bytes and tuples as the command line writes them.
fn shown<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { value.to_json().serialize(serializer) } else { value.serialize(serializer) }
}

/// A description of a module.
///
/// ```
/// use tarmem_remote::results::{MemberKind, ModuleDescription};
/// use tarmem_remote::{Registry, remote};
///
/// /// The largest amount.
/// #[remote(module = "doc_module")]
/// pub const LIMIT: i64 = 1_000_000;
///
/// # fn main() {
/// let module: ModuleDescription = Registry::linked().unwrap().describe_module("doc_module").unwrap();
/// let limit = &module.members[0];
/// assert_eq!((&*limit.name, limit.kind), ("LIMIT", MemberKind::Constant));
/// assert_eq!((limit.value.clone(), &*limit.docs), (Some(1_000_000.into()), "The largest amount."));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleDescription {
    /// Its absolute name.
    pub name: String,
    /// Its members, sorted by name.
    pub members: Vec<MemberDescription>,
    /// The modules inside it.
    pub modules: Vec<String>,
}

/// A description of a member of a module. For an example, see [`ModuleDescription`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberDescription {
    /// Its name within the module.
    pub name: String,
    /// What it is.
    pub kind: MemberKind,
    /// For a function: its signature. For a constant: its type. For a class: its path.
    pub signature: String,
    /// For a function: its parameters, one by one.
    pub parameters: Vec<ParameterDescription>,
    /// Its documentation.
    pub docs: String,
    /// For a class: its methods.
    pub methods: Vec<MethodDescription>,
    /// For a constant: its value.
    pub value: Option<Value>,
    /// For a class: whether its objects outlive a service that has a storage. Those of a class that is marked
    /// `volatile` do not, nor do those of a resident class without [`Keep`](crate::object::Keep).
    pub durable: Option<bool>,
}

/// The kind of a module's member.
///
/// ```
/// use tarmem_remote::results::{MemberDescription, MemberKind};
///
/// /// What can be passed to `memoize`.
/// fn sources(members: &[MemberDescription]) -> impl Iterator<Item = &str> {
///     let is_source = |kind| matches!(kind, MemberKind::Class | MemberKind::Generator);
///     members.iter().filter(move |member| is_source(member.kind)).map(|member| &*member.name)
/// }
/// assert_eq!(sources(&[]).count(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemberKind {
    /// A class.
    Class,
    /// A function that makes an object, and so can be passed to `memoize`.
    Generator,
    /// A function that returns a value.
    Function,
    /// A constant.
    Constant,
}
