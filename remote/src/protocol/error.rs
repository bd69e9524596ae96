//! [`Error`]: what can go wrong with a call, and what to do about it.

mod made;
mod near;
mod raised;
mod verdict;
mod words;

use crate::protocol::results::LoadingProgress;
use crate::value::Value;
#[doc(hidden)]
pub use near::near_misses;
use near::{MEMBER_REMEDY, hint, method_remedy, no_constructor_remedy, no_module_remedy, no_such_module, or_link};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;
use words::{duration, is_unix, kept_in, late_words, left_words, listed, shown, undone_words};

/// Why an operation has no result.
///
/// The service sends it to the caller. Every message names the thing, the limit if there is one, and a remedy. An error
/// that a method itself returned is not one of these: see [`CallError`](crate::CallError).
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
        /// The requested key.
        key: String,
    },
    /// The session has no handle to this object.
    #[error("this session holds no object {id}; get it again by its key")]
    NoSuchObject {
        /// The object's id.
        id: Uuid,
    },
    /// The service knows no class or interface with that path.
    #[error("the service knows no class or interface {class:?}{}", or_link(near))]
    NoSuchClass {
        /// The requested path.
        class: String,
        /// Similar paths.
        near: Vec<String>,
    },
    /// The class has no such method.
    #[error("{class} has no method {method:?}{}", hint(near, method_remedy(method)))]
    NoSuchMethod {
        /// The object's class.
        class: String,
        /// The requested method.
        method: String,
        /// Similar methods.
        near: Vec<String>,
    },
    /// More than one interface of the class has a method with that name.
    #[error("{class} has more than one method {method:?}; name one of {}", candidates.join(", "))]
    AmbiguousMethod {
        /// The object's class.
        class: String,
        /// The requested name.
        method: String,
        /// The full names to choose from.
        candidates: Vec<String>,
    },
    /// The service has no module with that name.
    #[error("the service offers no module {module:?}{}", no_such_module(module, near))]
    NoSuchModule {
        /// The module's absolute name.
        module: String,
        /// Similar modules.
        near: Vec<String>,
    },
    /// The module has no such member.
    #[error("module {module:?} has no member {name:?}{}", hint(near, MEMBER_REMEDY))]
    NoSuchMember {
        /// The module.
        module: String,
        /// The requested member.
        name: String,
        /// Similar members.
        near: Vec<String>,
    },
    /// A relative import that cannot be resolved.
    #[error("cannot import {name:?}: {}", shown(reason))]
    BadImport {
        /// The name that was passed.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The function exists but does not return an object.
    #[error(
        "{function} returns {returns}, not an object of a class, so it cannot be used as a generator; call it instead"
    )]
    NotAGenerator {
        /// The function's full name.
        function: String,
        /// What it returns.
        returns: String,
    },
    /// The object is of another class than the one expected.
    #[error("{target} is a {found}, not a {expected}; ask for {found}, or update the key")]
    WrongClass {
        /// The key or id.
        target: String,
        /// The expected class or interface.
        expected: String,
        /// The class of the object.
        found: String,
    },
    /// `update_if` was called with an outdated generation.
    #[error("{key:?} is at generation {found}, not {expected}; get it again and retry")]
    WrongGeneration {
        /// The key.
        key: String,
        /// The expected generation (0: none).
        expected: u64,
        /// The current generation (0: none).
        found: u64,
    },
    /// The arguments do not fit the method.
    #[error("{}: {}", shown(signature), shown(reason))]
    BadArguments {
        /// The signature of the method or function: for a typed caller as in Rust, for a dynamic one with the names
        /// that it could have written, `builtins.dict.pop(key, default=...)`.
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
    /// The result of a method cannot be sent.
    #[error("the result of {} cannot be sent: {}", shown(what), shown(reason))]
    BadResult {
        /// The method or function.
        what: String,
        /// Why it cannot be sent.
        reason: String,
    },
    /// The result of the call arrived, but is not what the caller asked for. The service undoes the call if it can: an
    /// item that was taken out of a queue is back there. Otherwise this error contains the result, so that it is not
    /// lost.
    #[error("the result of {} {}; {}", shown(what), shown(reason), undone_words(*undone, value.is_some()))]
    UnexpectedResult {
        /// The method or function.
        what: String,
        /// What arrived, and what was expected.
        reason: String,
        /// The result of a call that was made and not undone, if it is a value.
        value: Option<Box<Value>>,
        /// Whether the effect of the call was undone.
        undone: bool,
    },
    /// A method panicked while it was changing the object.
    #[error(
        "{target} is poisoned: a method panicked while changing it; look at it by a snapshot, then \
         clear_poison it, or update the key with a new object"
    )]
    Poisoned {
        /// The key or id.
        target: String,
    },
    /// The method, function or generator panicked.
    #[error("{} panicked: {}; the service's standard error says where", shown(what), shown(message))]
    Panicked {
        /// The method, function or generator.
        what: String,
        /// The panic's message.
        message: String,
    },
    /// The method, function or generator returned an error.
    #[error("{} failed: {}", shown(what), shown(message))]
    Raised {
        /// The method, function or generator.
        what: String,
        /// The error's own message.
        message: String,
        /// The error itself, if this was a dynamic call: see [`Error::raised`].
        error: Option<Box<Value>>,
    },
    /// A generator needs its own key.
    #[error("a generator needs its own key: {}; break the cycle", shown(&chain.join(" -> ")))]
    Cycle {
        /// The keys, in the order in which they need one another; the last one is the first one again.
        chain: Vec<String>,
    },
    /// A method or generator called an object that is held by the call for which it runs.
    #[error(
        "{target} is held by the call that this one is made for, which would wait for itself; do it in that \
         method, or after it"
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
        /// The timeout. If it was zero, the call was not made.
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
    /// The call was cancelled before it started.
    #[error("the call was cancelled before it began; make it again if it is still needed")]
    Cancelled,
    /// A limit of the service or of the client would be exceeded.
    #[error("{what} is {found}, over the limit of {limit}; {remedy}")]
    LimitExceeded {
        /// The limited quantity, with its unit.
        what: String,
        /// The limit.
        limit: u64,
        /// The requested amount.
        found: u64,
        /// The remedy.
        remedy: String,
    },
    /// A key is invalid.
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
        /// The reason, with the remedy.
        reason: String,
    },
    /// The service cannot be reached.
    #[error(
        "no service answers at {address} ({cause}; attempts: {attempts}); start one with `tarmem serve{}` or check \
         the {}",
        if is_unix(address) { " --unix PATH" } else { "" }, if is_unix(address) { "path" } else { "address" }
    )]
    Unreachable {
        /// The address.
        address: String,
        /// How many attempts were made.
        attempts: usize,
        /// The cause of the last failure.
        cause: String,
    },
    /// Something that is not a tarmem service answers at the address.
    #[error(
        "connected to {address}, but nothing there speaks tarmem's protocol: {}; check the {}", shown(seen),
        if is_unix(address) { "path" } else { "address and the port" }
    )]
    NotAService {
        /// The address.
        address: String,
        /// What it sent, and which protocol that is, if it was recognised.
        seen: String,
    },
    /// The connection ended before the call was answered. It is not known whether the call was applied. Calls that are
    /// idempotent never get this error: they are made again, or get the error with which the session ended.
    #[error("the connection to {address} ended ({cause}); whether the call was applied is not known; connect again")]
    OutcomeUnknown {
        /// The address.
        address: String,
        /// How it ended.
        cause: String,
    },
    /// The session has ended. The call was not sent, or it is idempotent ([`Call::idempotent`]).
    ///
    /// [`Call::idempotent`]: crate::call::Call::idempotent
    #[error("the session with {address} has ended ({cause}); connect again")]
    Closed {
        /// The address.
        address: String,
        /// How it ended.
        cause: String,
    },
    /// The service heard nothing from the session for its lease and ended it: its locks, waits and handles are gone.
    /// The call was not made, or it is idempotent.
    #[error(
        "the session with {address} has expired: nothing was heard of it for its lease; its locks and handles \
         are gone; reconnect"
    )]
    SessionExpired {
        /// The address.
        address: String,
    },
    /// The service is shutting down and accepts no new calls. This one was not made. A session that can reconnect keeps
    /// the call for the next service, so only sessions in process and over streams return this error.
    #[error("the service is shutting down; connect again when it is back")]
    ShuttingDown,
    /// What arrived is not valid in this protocol.
    #[error("malformed {}: {}", shown(what), shown(reason))]
    Malformed {
        /// The part that is not valid.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The session's token does not permit the operation.
    #[error("this session may not {}: {}; ask for another token", shown(what), shown(reason))]
    NotPermitted {
        /// The operation, and what it was for.
        what: String,
        /// What the token permits instead.
        reason: String,
    },
    /// Client and service were built with different signatures of the method, and this call cannot be converted from
    /// one to the other. See [`signature`](crate::signature).
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
        /// The signature that the service was built with.
        service: String,
        /// The differences, one per line.
        differences: Vec<String>,
        /// What could not be converted, and whether the call was made.
        reason: String,
    },
    /// The service was built with another signature, or has none with that name. A client does not show this error: it
    /// asks for the service's signature, and continues by names.
    #[doc(hidden)]
    #[error("the service knows no such signature of {class}; build both sides from the same version of it")]
    SignatureUnknown {
        /// The class of the object or of the value, or the word for a function.
        class: String,
    },
    /// No secure connection could be made.
    #[error("no secure connection with {}: {}", shown(address), shown(reason))]
    Insecure {
        /// The address.
        address: String,
        /// The reason, with the remedy.
        reason: String,
    },
    /// This process was forked from the process that made the session, which still uses it.
    #[error(
        "the session with {address} was made before this process was forked, and belongs to its \
         parent; connect again in this process"
    )]
    Forked {
        /// The address.
        address: String,
    },
    /// The name of a module was expected, but this is the name of a class, a function or a constant.
    #[error("{} is a {}, not a module; {}", shown(name), shown(kind), no_module_remedy(name, kind))]
    NotAModule {
        /// Its full name: the module's name, a dot, and its own name.
        name: String,
        /// What it is: `class`, `function` or `constant`.
        kind: String,
    },
    /// A class was named as a source without its constructor, which stands for `new`, but it has no `new`.
    #[error("{} is a class without a constructor `new`; {}", shown(class), no_constructor_remedy(class, constructors))]
    NoConstructor {
        /// The class's path.
        class: String,
        /// The full names of its constructors.
        constructors: Vec<String>,
    },
    /// The service cannot write to its disk, so it is unknown whether what the call did, or what it saw, will be there
    /// after a restart.
    #[error("the service cannot write to its disk: {}; mend that, and start it again", shown(reason))]
    StorageFailed {
        /// The disk's error.
        reason: String,
    },
    /// The service at the address keeps its objects in another directory than the one that this session began with, or
    /// in none: perhaps because a volume was not mounted. The session has ended. It is not known whether calls that
    /// were on their way were applied in the directory that it began with; they were not in the other one.
    #[error(
        "the session with {address} belongs to directory {expected}, but the service there {}; start it on that \
         directory (is its volume mounted?), or reconnect to begin anew with what is there", kept_in(*found)
    )]
    OtherHistory {
        /// The address.
        address: String,
        /// The id of the directory that the session began with.
        expected: Uuid,
        /// The id of the directory of the service that answered; `None` if it keeps nothing.
        found: Option<Uuid>,
    },
    /// The service keeps its objects in the directory that this session began with, but the directory has lost changes
    /// that the session may have seen: it is an older copy, or was not synced when the power failed. The session has
    /// ended, and its locks and handles are gone. It is not known whether calls that were on their way are applied.
    #[error(
        "the directory {directory} of the service at {address} has lost changes that this session may have seen: {}, \
         and the session has seen batch {seen}; start the service on the newest copy, or reconnect and look at what \
         is there", left_words(*recovered)
    )]
    HistoryLost {
        /// The address.
        address: String,
        /// The directory's id.
        directory: Uuid,
        /// The last batch of changes that the session may have seen.
        seen: u64,
        /// The last batch that is there of the run in which the session saw that; later ones are lost. 0 if nothing of
        /// that run is there.
        recovered: u64,
    },
    /// No backup can be taken, or it cannot go on. Nothing was changed.
    #[error("no backup: {}", shown(reason))]
    NoBackup {
        /// Why, and what to do about it.
        reason: String,
    },
    /// The service is there, and is still loading what it keeps, so it opens no session yet. The client has waited for
    /// it for as long as it may. The call was not sent, or it is idempotent.
    #[error(
        "the service at {address} is still loading what it keeps: {progress}; connect again later, or let the client \
         wait longer (--timeout, SessionBuilder::loading_timeout and connect_timeout)"
    )]
    StillLoading {
        /// The address.
        address: String,
        /// How far it is.
        progress: LoadingProgress,
    },
    // A new variant goes here: on the wire, an error is the number of its variant, counted from the top.
}

#[cfg(test)]
mod tests;
