//! The operations that a client requests of a service, and the replies, as they are encoded on the wire. This is for
//! code that carries or runs operations; the results that users see are in [`results`](crate::results).
//!
//! An [`Operation`] borrows from the bytes it was decoded from, so a service can run a call without copying it. Its
//! arguments stay opaque bytes until the method that takes them is known.

mod call;
mod name;
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
pub use name::Name;
pub use reply_error::ReplyError;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The protocol version of this crate. Both sides must have the same.
pub const PROTOCOL_VERSION: u32 = 3;

/// One request of a client to a service.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Operation<'a> {
    /// Returns the object under `key`, made from `source` if there is none. Replies with [`ObjectInfo`].
    Memoize {
        /// The key.
        key: &'a str,
        /// The source of the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// The class or interface that the caller expects; empty for any.
        expect: &'a str,
    },
    /// Maps `key` to the object made from `source`. Replies with [`ObjectInfo`].
    Update {
        /// The key.
        key: &'a str,
        /// The source of the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// If set, the key must be at this generation; 0: it must not be mapped.
        generation: Option<u64>,
        /// The class or interface that the caller expects; empty for any.
        expect: &'a str,
    },
    /// Returns the object under `key`. Replies with [`ObjectInfo`].
    Get {
        /// The key.
        key: &'a str,
        /// The class or interface that the caller expects; empty for any.
        expect: &'a str,
    },
    /// Removes the mapping of `key`. Replies with `()`.
    Delete {
        /// The key.
        key: &'a str,
    },
    /// Asks whether `key` is mapped. Replies with `bool`.
    IsMemoized {
        /// The key.
        key: &'a str,
    },
    /// Lists the keys that begin with `prefix`, in order. Replies with [`KeysPage`].
    Keys {
        /// The beginning of the keys.
        prefix: &'a str,
        /// Only keys after this one.
        after: &'a str,
        /// At most this many; 0 for the service's page size.
        limit: u32,
    },
    /// Describes an object. Replies with [`ObjectDescription`].
    Describe {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Describes a module. Replies with [`ModuleDescription`].
    Import {
        /// Its name, absolute or relative.
        module: &'a str,
        /// The package in which a relative name is resolved.
        package: Option<&'a str>,
    },
    /// Asks for the versions. Replies with [`VersionInfo`].
    Version,
    /// Makes an unnamed object, and a handle to it for this session. Replies with [`ObjectInfo`].
    Create {
        /// The source of the object.
        #[serde(borrow)]
        source: SourceRef<'a>,
        /// The class or interface that the caller expects; empty for any.
        expect: &'a str,
    },
    /// Makes a handle for this session to the current object of a target. Replies with [`ObjectInfo`].
    Hold {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
        /// The class or interface that the caller expects; empty for any.
        expect: &'a str,
    },
    /// Releases `count` handles to an object. Replies with `()`.
    Release {
        /// The object.
        id: Uuid,
        /// How many handles.
        count: u32,
    },
    /// Runs a function of a module. Replies with its result.
    Run {
        /// The function.
        #[serde(borrow)]
        function: FunctionRef<'a>,
        /// The encoding of the arguments and of the result.
        encoding: Encoding,
        /// The arguments.
        #[serde(with = "serde_bytes")]
        args: &'a [u8],
    },
    /// Copies the object's value, if its class allows it. Replies with [`Value`](crate::Value).
    Snapshot {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Nobody waits for an earlier operation of this session any more: it is cancelled if it has not started, and
    /// undone if its result was [provisional](Reply::Provisional). Replies with `()`.
    Cancel {
        /// Its sequence number.
        sequence: u64,
    },
    /// The provisional result of an earlier operation has arrived. Replies with `()`.
    Acknowledge {
        /// Its sequence number.
        sequence: u64,
    },
    /// The client will not come back: the session ends with its connection. Replies with `()`.
    Goodbye,
    /// Asks whether a method panicked while changing the object. Replies with `bool`.
    IsPoisoned {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Makes an object usable again after a method panicked while changing it. Replies with `()`.
    ClearPoison {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Asks for a signature that the service was built with. Replies with
    /// [`SignatureDescription`](crate::signature::SignatureDescription).
    Signature {
        /// What it is the signature of.
        #[serde(borrow)]
        of: SignatureRef<'a>,
    },
    /// Like [`Snapshot`](Operation::Snapshot), and says whether the copied objects are poisoned. Replies with
    /// [`Snapshot`](struct@Snapshot).
    SnapshotWithInfo {
        /// The object.
        #[serde(borrow)]
        target: Target<'a>,
    },
    /// Takes a snapshot of everything that the service keeps, and reads a part of it. Replies with
    /// [`BackupPart`](crate::backup::BackupPart).
    Backup {
        /// Where the part begins; `None` for the first one, with which the snapshot is taken.
        #[serde(borrow)]
        from: Option<BackupFrom<'a>>,
    },
    // A new variant goes here: on the wire, an operation is the number of its variant, counted from the top.
    /// Calls a method. Replies with its result. It has an encoding of its own, and is the last variant because serde
    /// numbers the variants after a skipped one in two ways.
    #[serde(skip)]
    Call {
        /// The object.
        target: Target<'a>,
        /// The method.
        method: MethodRef<'a>,
        /// The encoding of the arguments and of the result.
        encoding: Encoding,
        /// The arguments.
        args: &'a [u8],
    },
}

/// A place in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupFrom<'a> {
    /// The table of the row.
    pub table: u8,
    /// Its key.
    #[serde(with = "serde_bytes")]
    pub key: &'a [u8],
    /// The place in its value.
    pub offset: u64,
}

/// The object of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target<'a> {
    /// The object that the key is mapped to when the operation runs.
    Key(&'a str),
    /// One object, to which the session has a handle.
    Id(Uuid),
}

/// Shows the target as in messages: `"alice"`, `object 0190…`.
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
        /// The encoding of the arguments.
        encoding: Encoding,
        /// The arguments.
        #[serde(with = "serde_bytes")]
        args: &'a [u8],
    },
    /// A value made by the client.
    Value {
        /// The number of the class's signature.
        signature: u64,
        /// The value, tagged with its class, in postcard.
        #[serde(with = "serde_bytes")]
        object: &'a [u8],
    },
    /// A value made by a client that was built with another signature of its class.
    ValueByNames {
        /// The class's path.
        class: &'a str,
        /// A [`Value`](crate::Value) in postcard: the object's, without the tag.
        #[serde(with = "serde_bytes")]
        value: &'a [u8],
    },
    /// An object that the service already has.
    Existing(#[serde(borrow)] Target<'a>),
}

/// Identifies a function.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum FunctionRef<'a> {
    /// By the number of its [signature](crate::signature), for typed callers.
    Id(u64),
    /// By its name, for dynamic callers. A class stands for its constructor `new`.
    Name {
        /// The module.
        module: &'a str,
        /// The name within the module.
        name: &'a str,
    },
}

impl FunctionRef<'static> {
    /// The reference that a typed caller uses for the function with this signature.
    pub(crate) fn of(signature: &'static Signature) -> Self {
        match signature.reference() {
            SignatureRef::Function { module, name } if signature.goes_by_names() => FunctionRef::Name { module, name },
            _ => FunctionRef::Id(signature.id()),
        }
    }
}

/// Identifies a method.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum MethodRef<'a> {
    /// By the number of its [signature](crate::signature), for typed callers.
    Id(u64),
    /// By its name, preceded by the interface's path and a dot where that is needed, for dynamic callers.
    Name(&'a str),
}

impl Operation<'_> {
    /// Encodes the operation.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it cannot be encoded, which does not happen in practice, because every part is plain
    /// data.
    pub fn encode(&self) -> Result<Payload, Error> {
        match *self {
            Operation::Call { target, method, encoding, args } => call::encode(target, method, encoding, args),
            _ => codec::encode(self).map(Payload::from).map_err(|e| Error::malformed("operation", e)),
        }
    }

    /// The object that the operation is for, or the key of one to be made; `None` if there is none.
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
            Operation::Keys { .. }
            | Operation::Import { .. }
            | Operation::Version
            | Operation::Create { .. }
            | Operation::Run { .. }
            | Operation::Cancel { .. }
            | Operation::Acknowledge { .. }
            | Operation::Goodbye
            | Operation::Backup { .. }
            | Operation::Signature { .. } => None,
        }
    }

    /// The name of the method with which clients request it, for messages.
    pub fn name(&self) -> &'static str {
        self.method().name
    }
}

impl<'a> Operation<'a> {
    /// Decodes an operation, which borrows from `bytes`.
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

/// The outcome of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Its result, encoded.
    Done(Payload),
    /// Its encoded result, which is undone unless the caller says that it has received it: a granted lock, a counted
    /// handle.
    Provisional(Payload),
    /// The method or generator returned an error.
    Raised(Box<Raised>),
    /// It has no result. The error is boxed, because a reply is moved often, and few have an error.
    Failed(Box<ReplyError>),
}

/// An error that a method or generator returned.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// The error's message.
    pub message: String,
    /// The encoded error.
    pub body: Payload,
}

impl Reply {
    /// A reply for an operation without a result.
    pub fn failed(error: impl Into<ReplyError>) -> Self {
        Reply::Failed(Box::new(error.into()))
    }

    /// The error of an operation without a result, if it contains everything that its caller is told.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Reply::Failed(error) => match &**error {
                ReplyError::Complete(error) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// A reply for a method or generator that returned an error.
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

#[cfg(test)]
mod tests;
