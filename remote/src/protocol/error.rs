//! What can go wrong with a call, and what to do about it.

mod near;
mod verdict;
mod words;

use crate::codec::CodecError;
use crate::value::Value;
#[doc(hidden)]
pub use near::near_misses;
use near::{MEMBER_REMEDY, hint, method_remedy, no_constructor_remedy, no_module_remedy, no_such_module, or_link};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;
use words::{duration, is_unix, late_words, listed, shown, undone_words};

/// Why an operation came to no result.
///
/// It travels from the service to its caller. Every message names the thing, the limit where there is
/// one, and a remedy. An error that a method itself returned is not one of these: see
/// [`CallError`](crate::CallError).
///
/// ```
/// use tarmem_remote::Error;
///
/// let error = Error::NoSuchKey { key: "alice".into() };
/// assert_eq!(error.to_string(), r#"no object is stored under "alice"; memoize or update it first"#);
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Error {
    /// No object is mapped to the key.
    #[error("no object is stored under {key:?}; memoize or update it first")]
    NoSuchKey {
        /// The key that was asked for.
        key: String,
    },
    /// The session holds no handle to this object.
    #[error("this session holds no object {id}; get it again by its key")]
    NoSuchObject {
        /// The object's id.
        id: Uuid,
    },
    /// The service knows no class or interface of that path.
    #[error("the service knows no class or interface {class:?}{}", or_link(near))]
    NoSuchClass {
        /// The path that was asked for.
        class: String,
        /// Paths that look alike.
        near: Vec<String>,
    },
    /// The class has no such method.
    #[error("{class} has no method {method:?}{}", hint(near, method_remedy(method)))]
    NoSuchMethod {
        /// The object's class.
        class: String,
        /// The method that was asked for.
        method: String,
        /// Methods that look alike.
        near: Vec<String>,
    },
    /// More than one interface of the class has a method of that name.
    #[error("{class} has more than one method {method:?}; name one of {}", candidates.join(", "))]
    AmbiguousMethod {
        /// The object's class.
        class: String,
        /// The name that was asked for.
        method: String,
        /// The full names to choose from.
        candidates: Vec<String>,
    },
    /// The service offers no module of that name.
    #[error("the service offers no module {module:?}{}", no_such_module(module, near))]
    NoSuchModule {
        /// The module's absolute name.
        module: String,
        /// Modules that look alike.
        near: Vec<String>,
    },
    /// The module has no such member.
    #[error("module {module:?} has no member {name:?}{}", hint(near, MEMBER_REMEDY))]
    NoSuchMember {
        /// The module.
        module: String,
        /// The member that was asked for.
        name: String,
        /// Members that look alike.
        near: Vec<String>,
    },
    /// A relative import that leads nowhere.
    #[error("cannot import {name:?}: {}", shown(reason))]
    BadImport {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The function exists but does not build an object.
    #[error("{function} returns {returns}, not an object of a class, so it is no generator; call it instead")]
    NotAGenerator {
        /// The function's full name.
        function: String,
        /// What it returns.
        returns: String,
    },
    /// The object is of another class than was expected.
    #[error("{target} is a {found}, not a {expected}; ask for {found}, or update the key")]
    WrongClass {
        /// The key or id.
        target: String,
        /// The class or interface that was expected.
        expected: String,
        /// The class found.
        found: String,
    },
    /// `update_if` came too late.
    #[error("{key:?} is at generation {found}, not {expected}; get it again and retry")]
    WrongGeneration {
        /// The key.
        key: String,
        /// The generation that was expected (0: none).
        expected: u64,
        /// The generation found (0: none).
        found: u64,
    },
    /// The arguments do not fit the method.
    #[error("{}: {}", shown(signature), shown(reason))]
    BadArguments {
        /// The signature of the method or function: for a typed caller as in Rust, for a dynamic one in the names that
        /// it could have written, `builtins.dict.pop(key, default=...)`.
        signature: String,
        /// What does not fit.
        reason: String,
    },
    /// A value does not fit its class.
    #[error("this value does not fit {}: {}", shown(class), shown(reason))]
    BadValue {
        /// The class.
        class: String,
        /// What does not fit.
        reason: String,
    },
    /// The result of a method could not be sent.
    #[error("the result of {} cannot be sent: {}", shown(what), shown(reason))]
    BadResult {
        /// The method or function.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The result of the call has come, and is none of what its caller asked for. Where the service can undo the call,
    /// it does: an item that was taken out of a queue is back there. Otherwise the result is in here, so that it is not
    /// lost.
    #[error("the result of {} {}; {}", shown(what), shown(reason), undone_words(*undone, value.is_some()))]
    UnexpectedResult {
        /// The method or function.
        what: String,
        /// What came, and what was expected.
        reason: String,
        /// The result of a call that was made, where it is a value.
        value: Option<Box<Value>>,
        /// Whether what the call did was undone.
        undone: bool,
    },
    /// An earlier exclusive method panicked half way.
    #[error(
        "{target} is poisoned: a method panicked while changing it; look at it by a snapshot, then clear_poison it, or update the key with a new object"
    )]
    Poisoned {
        /// The key or id.
        target: String,
    },
    /// The method, function or generator panicked.
    #[error("{} panicked: {}", shown(what), shown(message))]
    Panicked {
        /// The method, function or generator.
        what: String,
        /// The panic's message.
        message: String,
    },
    /// The method, function or generator returned an error of its own.
    #[error("{} failed: {}", shown(what), shown(message))]
    Raised {
        /// The method, function or generator.
        what: String,
        /// The error's own message.
        message: String,
        /// The error itself, if the call was a dynamic one: see [`Error::raised`].
        error: Option<Box<Value>>,
    },
    /// A generator came to need its own key.
    #[error("a generator needs its own key: {}; break the circle", shown(&chain.join(" -> ")))]
    Cycle {
        /// The keys, in the order in which they need one another; the last is the first again.
        chain: Vec<String>,
    },
    /// A method or generator asked for an object that the call which it runs for holds.
    #[error(
        "{target} is held by the call that this one is made for, which would wait for itself; do it in that method, or after it"
    )]
    HeldByCaller {
        /// The object.
        target: String,
    },
    /// The deadline passed.
    #[error("{}", late_words(what, *after))]
    DeadlineExceeded {
        /// What was waited for.
        what: String,
        /// How long it was given. Zero if that was no time at all: then it was not made.
        after: Duration,
    },
    /// A generator took longer than the service allows.
    #[error(
        "{what} is not done within {}; that is the service's generator_time; make it quicker, or raise the limit",
        duration(*limit)
    )]
    GeneratorLate {
        /// What was waited for.
        what: String,
        /// The limit.
        limit: Duration,
    },
    /// The call was cancelled before it began.
    #[error("the call was cancelled before it began")]
    Cancelled,
    /// A limit of the service, or of the client, would be passed.
    #[error("{what} is {found}, over the limit of {limit}; {remedy}")]
    LimitExceeded {
        /// What is limited, with its unit.
        what: String,
        /// The limit.
        limit: u64,
        /// What was asked for.
        found: u64,
        /// What to do.
        remedy: String,
    },
    /// A key that cannot be one.
    #[error("{}", shown(reason))]
    BadKey {
        /// What is wrong with the key, with the remedy.
        reason: String,
    },
    /// Client and service speak different versions of the protocol.
    #[error(
        "the service speaks protocol {service}, this client {client}; use the same version of tarmem on both sides, \
         or ask to ignore the difference"
    )]
    ProtocolMismatch {
        /// The client's version.
        client: u32,
        /// The service's version.
        service: u32,
    },
    /// The service refused the connection.
    #[error("the service refused the connection: {}", shown(reason))]
    Refused {
        /// Why, with the remedy.
        reason: String,
    },
    /// The service cannot be reached.
    #[error(
        "no service answers at {address} ({cause}; attempts: {attempts}); start one with `tarmem serve{}` or check the {}",
        if is_unix(address) { " --unix PATH" } else { "" }, if is_unix(address) { "path" } else { "address" }
    )]
    Unreachable {
        /// The address.
        address: String,
        /// How often it was tried.
        attempts: usize,
        /// The last failure.
        cause: String,
    },
    /// Something answers there, and not as a service does.
    #[error(
        "connected to {address}, but nothing there speaks tarmem's protocol: {}; check the {}", shown(seen),
        if is_unix(address) { "path" } else { "address and the port" }
    )]
    NotAService {
        /// The address.
        address: String,
        /// What was seen of it: what it speaks, where that can be told.
        seen: String,
    },
    /// The connection ended before the call was answered. Whether it was applied is not known. Calls that may be made
    /// twice are never told so: they are made again, or get the error with which the session ended.
    #[error("the connection to {address} ended ({cause}); whether the call was applied is not known; connect again")]
    OutcomeUnknown {
        /// The address.
        address: String,
        /// How it ended.
        cause: String,
    },
    /// The session has ended. The call was not sent, or it is one that may be made twice ([`Call::idempotent`]).
    ///
    /// [`Call::idempotent`]: crate::call::Call::idempotent
    #[error("the session with {address} has ended ({cause}); connect again")]
    Closed {
        /// The address.
        address: String,
        /// How it ended.
        cause: String,
    },
    /// Nothing was heard of the session for its lease, and the service has given it up: its locks, waits and handles
    /// are gone. The call was not made, or it is one that may be made twice.
    #[error(
        "the session with {address} has expired: nothing was heard of it for its lease; its locks and handles are gone; reconnect"
    )]
    SessionExpired {
        /// The address.
        address: String,
    },
    /// The service is shutting down and takes no new calls: this one was not made. A session that has a way back keeps
    /// it for the service that comes next; so this is for those in process and over streams.
    #[error("the service is shutting down; connect again when it is back")]
    ShuttingDown,
    /// What arrived makes no sense in this protocol.
    #[error("malformed {}: {}", shown(what), shown(reason))]
    Malformed {
        /// Which part.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The session's token does not permit the operation.
    #[error("this session may not {}: {}; ask for another token", shown(what), shown(reason))]
    NotPermitted {
        /// The operation, and on what.
        what: String,
        /// What the token permits instead.
        reason: String,
    },
    /// Client and service were built with different signatures of the method, and this call cannot be carried from one
    /// to the other. See [`signature`](crate::signature).
    #[error(
        "{}; the signature is {} at the client, {} at the service{}; \
         build both with the same one, or add what is new as an Option or with #[serde(default)]",
        shown(reason),
        shown(client),
        shown(service),
        listed(differences)
    )]
    SignatureChanged {
        /// The signature that the client was built with.
        client: String,
        /// The service's.
        service: String,
        /// What differs, a line each.
        differences: Vec<String>,
        /// What could not be carried, and whether the call was made.
        reason: String,
    },
    /// The service was built with another signature, or with none of that name. A client does not show it: it asks for
    /// the service's, and goes on by names.
    #[doc(hidden)]
    #[error("the service knows no such signature of {class}")]
    SignatureUnknown {
        /// The class of the object; or of the value, or the word for a function.
        class: String,
    },
    /// No secure connection came about.
    #[error("no secure connection with {}: {}", shown(address), shown(reason))]
    Insecure {
        /// The address.
        address: String,
        /// Why not, with the remedy.
        reason: String,
    },
    /// This process was forked from the one that made the session, which goes on using it.
    #[error(
        "the session with {address} was made before this process was forked, and belongs to its parent; connect again in this process"
    )]
    Forked {
        /// The address.
        address: String,
    },
    /// What was taken for a module is a class, a function or a constant of one.
    #[error("{} is a {}, and no module; {}", shown(name), shown(kind), no_module_remedy(name, kind))]
    NotAModule {
        /// Its full name: that of the module, a dot, and its own.
        name: String,
        /// What it is: `class`, `function` or `constant`.
        kind: String,
    },
    /// A class was to make an object by its name alone, which stands for its constructor `new`, and has none.
    #[error("{} is a class without a constructor `new`; {}", shown(class), no_constructor_remedy(class, constructors))]
    NoConstructor {
        /// The class's path.
        class: String,
        /// The full names of the constructors that it has.
        constructors: Vec<String>,
    },
}

impl Error {
    /// For a class without `new`, of whose module these are the generators.
    pub(crate) fn no_constructor<'a>(module: &str, name: &str, generators: impl Iterator<Item = &'a str>) -> Self {
        let its = generators.filter(|generator| generator.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
        Error::NoConstructor {
            class: format!("{module}.{name}"),
            constructors: its.map(|generator| format!("{module}.{generator}")).collect(),
        }
    }

    /// The error that a method, function or generator returned, as a value: whatever its type serialises to. `None` if
    /// this is no [`Error::Raised`], or is one of a typed call, which has the error as a
    /// [`CallError::Method`](crate::CallError::Method).
    pub fn raised(&self) -> Option<&Value> {
        match self {
            Error::Raised { error, .. } => error.as_deref(),
            _ => None,
        }
    }

    /// The class of the error that a method returned, such as `KeyError`: for the `Exception`s of tarmem's own modules,
    /// and for any type that serialises to a map with a text `class` in it. Of [`Error::BadArguments`], arguments that
    /// do not fit, it is `TypeError`, as in Python: a bridge needs no case of its own for them. The message is the
    /// error's text.
    ///
    /// ```
    /// use tarmem_modules::Exception;
    /// use tarmem_remote::value::to_value;
    /// use tarmem_remote::{Error, Value};
    ///
    /// let error = to_value(&Exception::KeyError("k".into())).ok().map(Box::new);
    /// let error = Error::Raised { what: "__getitem__".into(), message: "KeyError: 'k'".into(), error };
    /// assert_eq!(error.raised_class(), Some("KeyError"));
    /// assert_eq!(error.raised_args(), Some(&[Value::from("k")][..]));
    ///
    /// let (signature, reason) = ("builtins.list(items=...)".into(), "takes 0 to 1 arguments, but 2 were given".into());
    /// assert_eq!(Error::BadArguments { signature, reason }.raised_class(), Some("TypeError"));
    /// ```
    ///
    pub fn raised_class(&self) -> Option<&str> {
        match self {
            Error::BadArguments { .. } => Some("TypeError"),
            _ => self.raised()?.get("class")?.as_str(),
        }
    }

    /// The arguments of the error that a method returned, where [`raised_class`](Self::raised_class) knows one: the key
    /// of a `KeyError`, the message of the others. `None` of an error that no method returned, such as
    /// [`Error::BadArguments`].
    pub fn raised_args(&self) -> Option<&[Value]> {
        self.raised_class()?;
        self.raised()?.get("args")?.as_list()
    }

    /// A limit that was passed: what it limits (with its unit), what was asked for, what to do.
    pub fn limit(what: impl Into<String>, found: u64, limit: u64, remedy: impl Into<String>) -> Self {
        Error::LimitExceeded { what: what.into(), limit, found, remedy: remedy.into() }
    }

    /// A result that cannot be encoded, with the remedy.
    pub fn bad_result(what: impl Into<String>, error: &CodecError) -> Self {
        let remedy = match error {
            CodecError::TooLarge { .. } => {
                "; return less at once, or raise the frame limit: the service's, or the client's max_frame"
            }
            CodecError::TooDeep { .. } => "; return it in parts, or as references to objects",
            _ => "",
        };
        Error::BadResult { what: what.into(), reason: format!("{error}{remedy}") }
    }

    /// Something that arrived and makes no sense.
    pub fn malformed(what: impl Into<String>, reason: impl ToString) -> Self {
        Error::Malformed { what: what.into(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests;
