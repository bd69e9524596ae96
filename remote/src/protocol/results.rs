//! What a service tells of objects, keys, methods and modules: the results of the operations that a client may ask for.

use crate::value::Value;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// Which object an operation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The object's id.
    pub id: Uuid,
    /// The path of its class.
    pub class: String,
    /// The generation of the key's mapping; 0 for an unnamed object.
    pub generation: u64,
    /// Whether this very operation made it: false on a hit, and for an object that was there before.
    pub made: bool,
    /// Whether a method panicked while changing it.
    pub poisoned: bool,
}

impl ObjectInfo {
    /// Of an object that was there before. For those who run operations.
    #[doc(hidden)]
    pub fn new(id: Uuid, class: &str, generation: u64, poisoned: bool) -> Self {
        ObjectInfo { id, class: class.to_owned(), generation, made: false, poisoned }
    }

    /// The same of one that was made by this very operation, if `made`.
    #[doc(hidden)]
    #[must_use]
    pub fn made(self, made: bool) -> Self {
        ObjectInfo { made, ..self }
    }
}

/// Some keys, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeysPage {
    /// The keys.
    pub keys: Vec<String>,
    /// What to ask `after` for the next page; `None` if this was the last.
    pub next: Option<String>,
}

impl KeysPage {
    /// For those who run operations.
    #[doc(hidden)]
    pub fn new(keys: Vec<String>, next: Option<String>) -> Self {
        KeysPage { keys, next }
    }
}

/// The versions of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionInfo {
    /// Of its crate.
    pub service: String,
    /// Of the protocol.
    pub protocol: u32,
}

impl VersionInfo {
    /// For those who run operations.
    #[doc(hidden)]
    pub fn new(service: String, protocol: u32) -> Self {
        VersionInfo { service, protocol }
    }
}

/// What is known about an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectDescription {
    /// The object's id.
    pub id: Uuid,
    /// The path of its class.
    pub class: String,
    /// The generation of the key's mapping; 0 if it was asked for by id.
    pub generation: u64,
    /// Whether a method panicked while changing it.
    pub poisoned: bool,
    /// The class's documentation.
    pub docs: String,
    /// The interfaces that the class implements.
    pub interfaces: Vec<String>,
    /// Its methods.
    pub methods: Vec<MethodDescription>,
}

impl ObjectDescription {
    /// Of an object of a class with these documentation, interfaces and methods. For those who run operations.
    #[doc(hidden)]
    pub fn new(info: ObjectInfo, docs: &str, interfaces: Vec<String>, methods: Vec<MethodDescription>) -> Self {
        let ObjectInfo { id, class, generation, poisoned, .. } = info;
        ObjectDescription { id, class, generation, poisoned, docs: docs.to_owned(), interfaces, methods }
    }
}

/// A copy of an object's value, and whether a method left half changed what is copied:
/// [`Proxy::snapshot_with_info`](crate::Proxy::snapshot_with_info) takes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The value, as [`Proxy::snapshot`](crate::Proxy::snapshot) gives it.
    pub value: Value,
    /// Whether a method panicked while changing the object.
    pub poisoned: bool,
    /// Whether one panicked while changing an object that the value shows in the place of a reference.
    pub poisoned_inside: bool,
}

impl Snapshot {
    /// For those who run operations.
    #[doc(hidden)]
    pub fn new(value: Value, poisoned: bool, poisoned_inside: bool) -> Self {
        Snapshot { value, poisoned, poisoned_inside }
    }

    /// Whether anything in the value may be half changed: the object itself, or one that it refers to.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned || self.poisoned_inside
    }
}

/// What is known about a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodDescription {
    /// Its name.
    pub name: String,
    /// The interface it belongs to; the class's own path for an inherent method.
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

/// What is known about a parameter of a method or function. It may be passed by its place, or by its name; one of a
/// [kind](ParamKind) that takes all further arguments is passed by passing those, and those after [`ParamKind::Args`]
/// go by their names only ([`ParamKind::KeywordOnly`], and the objects among them).
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
    /// What it is then.
    pub default: ParameterDefault,
}

/// What a caller passes for a parameter: by its place or by the parameter's name, if it is one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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

/// What a parameter is for a dynamic caller that leaves it out. In JSON `"required"`, `"absent"`, `{"value": …}` or
/// `{"computed": "…"}`; so no value is mistaken for there being none, nor `null` for either.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParameterDefault {
    /// It may not be left out.
    Required,
    /// The method is told that it was left out, which no value stands for: `dict.pop(key)` is an error where
    /// `dict.pop(key, null)` is null. What takes all further arguments is empty then.
    Absent,
    /// This value.
    Value(#[serde(serialize_with = "shown")] Value),
    /// What the service finds by this Rust expression, for each such call.
    Computed(String),
}

/// For people, with bytes and tuples as the command line writes them.
fn shown<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() { value.to_json().serialize(serializer) } else { value.serialize(serializer) }
}

/// What a module offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModuleDescription {
    /// Its absolute name.
    pub name: String,
    /// Its members, by name.
    pub members: Vec<MemberDescription>,
    /// The modules inside it.
    pub modules: Vec<String>,
}

/// What is known about a member of a module.
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
}

/// What a member of a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemberKind {
    /// A class.
    Class,
    /// A function that makes an object: good for `memoize`.
    Generator,
    /// A function that gives a value.
    Function,
    /// A constant.
    Constant,
}
