//! What a client may ask of a service, and what the service may answer, as it stands on the wire. For whoever carries
//! operations or runs them; what comes of them for a user is in [`results`](crate::results).
//!
//! An [`Operation`] borrows from the bytes it was decoded from, so a service can run a call without copying it. Its
//! arguments stay opaque bytes until the method that takes them is known.

mod call;
mod reply_error;

use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::payload::Payload;
#[doc(no_inline)]
pub use crate::results::{
    KeysPage, MemberDescription, MemberKind, MethodDescription, ModuleDescription, ObjectDescription, ObjectInfo,
    ParameterDefault, ParameterDescription, Snapshot, VersionInfo,
};
use crate::signature::{Signature, SignatureRef};
pub use reply_error::ReplyError;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The version of the protocol that this crate speaks. Both sides must have the same.
pub const PROTOCOL_VERSION: u32 = 2;

/// One thing a client asks of a service.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operation<'a> {
    /// The object under `key`; made from `source` if there is none. Answers [`ObjectInfo`].
    Memoize {
        /// The key.
        key: &'a str,
        /// What makes the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// The class or interface the caller expects; empty for any.
        expect: &'a str,
    },
    /// Maps `key` to the object made from `source`. Answers [`ObjectInfo`].
    Update {
        /// The key.
        key: &'a str,
        /// What makes the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// Only if the key is at this generation; 0: only if it is not mapped.
        generation: Option<u64>,
        /// The class or interface the caller expects; empty for any.
        expect: &'a str,
    },
    /// The object under `key`. Answers [`ObjectInfo`].
    Get {
        /// The key.
        key: &'a str,
        /// The class or interface the caller expects; empty for any.
        expect: &'a str,
    },
    /// Removes the mapping of `key`. Answers `()`.
    Delete {
        /// The key.
        key: &'a str,
    },
    /// Whether `key` is mapped. Answers `bool`.
    IsMemoized {
        /// The key.
        key: &'a str,
    },
    /// The keys that begin with `prefix`, in order. Answers [`KeysPage`].
    Keys {
        /// How they begin.
        prefix: &'a str,
        /// Only keys after this one.
        after: &'a str,
        /// At most so many; 0 for the service's page size.
        limit: u32,
    },
    /// What is known about the object. Answers [`ObjectDescription`].
    Describe {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// A module. Answers [`ModuleDescription`].
    Import {
        /// Its name, absolute or relative.
        module: &'a str,
        /// The package a relative name is seen from.
        package: Option<&'a str>,
    },
    /// Answers [`VersionInfo`].
    Version,
    /// Makes an unnamed object, and a handle to it for this session. Answers [`ObjectInfo`].
    Create {
        /// What makes the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// The class or interface the caller expects; empty for any.
        expect: &'a str,
    },
    /// A handle for this session to the object that is now there. Answers [`ObjectInfo`].
    Hold {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
        /// The class or interface the caller expects; empty for any.
        expect: &'a str,
    },
    /// Gives up `count` handles to an object. Answers `()`.
    Release {
        /// The object.
        id: Uuid,
        /// How many handles.
        count: u32,
    },
    /// Runs a function of a module. Answers its result.
    Run {
        /// The function.
        #[serde(borrow)]
        function: FunctionRef<'a>,
        /// How the arguments are encoded, and the result is to be.
        encoding: Encoding,
        /// The arguments.
        #[serde(with = "serde_bytes")]
        args: &'a [u8],
    },
    /// A copy of the object's value, where its class can show one. Answers [`Value`](crate::Value).
    Snapshot {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Nobody waits for an earlier operation of this session any more: it is given up if it has not begun, and undone
    /// if its result was [provisional](Reply::Provisional). Answers `()`.
    Cancel {
        /// Its sequence number.
        sequence: u64,
    },
    /// The provisional result of an earlier operation has arrived. Answers `()`.
    Acknowledge {
        /// Its sequence number.
        sequence: u64,
    },
    /// The client will not come back: the session ends with its connection. Answers `()`.
    Goodbye,
    /// Whether a method panicked while it changed the object. Answers `bool`.
    IsPoisoned {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// The object can be used again, although a method panicked while it changed it. Answers `()`.
    ClearPoison {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// The signature that the service was built with. Answers
    /// [`SignatureDescription`](crate::signature::SignatureDescription).
    Signature {
        /// Of what.
        #[serde(borrow)]
        of: SignatureRef<'a>,
    },
    /// As [`Snapshot`](Operation::Snapshot), with whether what is copied is poisoned. Answers
    /// [`Snapshot`](struct@Snapshot).
    SnapshotWithInfo {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Calls a method. Answers its result. It has a form of its own in bytes, and stands
    /// last here: serde numbers what comes after one that it skips in two ways.
    #[serde(skip)]
    Call {
        /// The object.
        target: Target<'a>,
        /// The method.
        method: MethodRef<'a>,
        /// How the arguments are encoded, and the result is to be.
        encoding: Encoding,
        /// The arguments.
        args: &'a [u8],
    },
}

/// The object of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target<'a> {
    /// Whatever the key is mapped to when the operation runs.
    Key(&'a str),
    /// One object, to which the session holds a handle.
    Id(Uuid),
}

/// As in messages: `"alice"`, `object 0190…`.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Key(key) => write!(f, "{key:?}"),
            Target::Id(id) => write!(f, "object {id}"),
        }
    }
}

/// What `memoize` and `update` make an object from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum SourceRef<'a> {
    /// A function that the service runs.
    Generator {
        /// The function.
        #[serde(borrow)]
        function: FunctionRef<'a>,
        /// How the arguments are encoded.
        encoding: Encoding,
        /// The arguments.
        #[serde(with = "serde_bytes")]
        args: &'a [u8],
    },
    /// A value made by the client.
    Value {
        /// The class's signature, by its number.
        signature: u64,
        /// The value, tagged with its class, in postcard.
        #[serde(with = "serde_bytes")]
        object: &'a [u8],
    },
    /// A value made by a client that has another signature of its class.
    ValueByNames {
        /// The class's path.
        class: &'a str,
        /// A [`Value`](crate::Value) in postcard: of the object, without the tag.
        #[serde(with = "serde_bytes")]
        value: &'a [u8],
    },
    /// An object that the service already has.
    Existing(#[serde(borrow)] Target<'a>),
}

/// Names a function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum FunctionRef<'a> {
    /// By the number of its [signature](crate::signature): typed callers.
    Id(u64),
    /// By its name: dynamic callers. A class stands for its constructor `new`.
    Name {
        /// The module.
        module: &'a str,
        /// The name within the module.
        name: &'a str,
    },
}

impl FunctionRef<'static> {
    /// How a typed caller names the function that has this signature.
    pub(crate) fn of(signature: &'static Signature) -> Self {
        match signature.reference() {
            SignatureRef::Function { module, name } if signature.goes_by_names() => FunctionRef::Name { module, name },
            _ => FunctionRef::Id(signature.id()),
        }
    }
}

/// Names a method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum MethodRef<'a> {
    /// By the number of its [signature](crate::signature): typed callers.
    Id(u64),
    /// By its name, with the interface's path and a dot before it where that is needed: dynamic callers.
    Name(&'a str),
}

impl Operation<'_> {
    /// The operation's bytes.
    ///
    /// # Errors
    /// Never in practice: every part is plain data. [`Error::Malformed`] if it cannot be encoded all the same.
    pub fn encode(&self) -> Result<Payload, Error> {
        match *self {
            Operation::Call { target, method, encoding, args } => call::encode(target, method, encoding, args),
            _ => codec::encode(self).map(Payload::from).map_err(|e| Error::malformed("operation", e)),
        }
    }

    /// The object that it is for, or the key of one to be; `None` if it is for none.
    pub fn target(&self) -> Option<Target<'_>> {
        match *self {
            Operation::Memoize { key, .. }
            | Operation::Update { key, .. }
            | Operation::Get { key, .. }
            | Operation::Delete { key }
            | Operation::IsMemoized { key } => Some(Target::Key(key)),
            Operation::Describe { target }
            | Operation::Hold { target, .. }
            | Operation::Call { target, .. }
            | Operation::Snapshot { target }
            | Operation::SnapshotWithInfo { target }
            | Operation::IsPoisoned { target }
            | Operation::ClearPoison { target } => Some(target),
            Operation::Release { id, .. } => Some(Target::Id(id)),
            _ => None,
        }
    }

    /// The name of what asks for it, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Operation::Memoize { .. } => "memoize",
            Operation::Update { generation: None, .. } => "update",
            Operation::Update { .. } => "update_if",
            Operation::Get { .. } => "get",
            Operation::Delete { .. } => "delete",
            Operation::IsMemoized { .. } => "is_memoized",
            Operation::Keys { .. } => "keys",
            Operation::Describe { .. } => "describe",
            Operation::Import { .. } => "remote_import",
            Operation::Version => "version",
            Operation::Create { .. } => "create",
            Operation::Hold { .. } => "hold",
            Operation::Release { .. } => "release",
            Operation::Call { .. } => "call",
            Operation::Run { .. } => "run",
            Operation::Snapshot { .. } | Operation::SnapshotWithInfo { .. } => "snapshot",
            Operation::Cancel { .. } => "cancel",
            Operation::Acknowledge { .. } => "acknowledge",
            Operation::Goodbye => "goodbye",
            Operation::IsPoisoned { .. } => "is_poisoned",
            Operation::ClearPoison { .. } => "clear_poison",
            Operation::Signature { .. } => "signature",
        }
    }
}

impl<'a> Operation<'a> {
    /// Decodes an operation; it borrows from `bytes`.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        if call::is_call(bytes) {
            return call::decode(bytes);
        }
        codec::decode(bytes).map_err(|e| Error::malformed("operation", e))
    }
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Its result, encoded.
    Done(Payload),
    /// Its result, encoded, which is undone unless the caller says that it has it: a lock granted, a handle counted.
    Provisional(Payload),
    /// The method or generator returned an error of its own.
    Raised(Box<Raised>),
    /// It came to no result. Boxed, as errors are: a reply is moved from hand to hand, and most bring none.
    Failed(Box<ReplyError>),
}

/// What a method or generator returned that is an error of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// The error's message.
    pub message: String,
    /// The error, encoded.
    pub body: Payload,
}

impl Reply {
    /// It came to no result.
    pub fn failed(error: impl Into<ReplyError>) -> Self {
        Reply::Failed(Box::new(error.into()))
    }

    /// The error with which it came to no result, if that says all that its caller is told.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Reply::Failed(error) => match &**error {
                ReplyError::Complete(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// The method or generator returned an error of its own.
    pub fn raised(message: String, body: Payload) -> Self {
        Reply::Raised(Box::new(Raised { message, body }))
    }

    /// A reply with `value` as its result.
    pub fn done(value: &impl Serialize) -> Self {
        match codec::encode(value) {
            Ok(bytes) => Reply::Done(bytes.into()),
            Err(e) => Reply::failed(Error::malformed("result", e)),
        }
    }
}

impl From<Result<Reply, Error>> for Reply {
    fn from(result: Result<Reply, Error>) -> Self {
        result.unwrap_or_else(Reply::failed)
    }
}
