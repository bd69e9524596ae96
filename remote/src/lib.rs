//! The object model of tarmem: what a remote object is, independently of sockets.
//!
//! A crate of models (the types, traits and functions that clients and services share) depends on this crate alone.
//! This crate has no sockets, no TLS and no command line, and everything that `#[remote]` generates refers to it.
//! Programs depend on `tarmem`, which has the client and the service, and re-exports this crate.
//!
//! Read the modules in this order:
//!
//! - The model, which `#[remote]` makes from a user's types, traits and functions:
//!   - [`object`]: an [`Object`] is a value of a class; a [`Class`] is a Rust type with a path.
//!   - [`describe`]: the descriptions of classes, methods, functions and constants.
//!   - [`registry`]: everything that `#[remote]` registered, checked once at start-up.
//!   - [`import`]: importlib's rules for module names.
//!   - [`dispatch`]: how one function per method serves both encodings.
//!   - [`package`]: what a package promises for all of its methods and functions.
//!   - [`multi_object`]: functions over several objects, and how they get them.
//!   - [`context`]: what a method or generator can find out about its call.
//! - The protocol, which client and service have in common:
//!   - [`params`]: the parameters of methods and functions.
//!   - [`results`]: descriptions of objects, keys, methods and modules that a service returns.
//!   - [`payload`]: the bytes of an operation, or of its result.
//!   - [`codec`] and [`mod@args`]: the typed encoding of arguments and results; the arguments of a dynamic call.
//!   - [`shape`] and [`signature`]: the types that client and service were each built with, and what happens if they
//!     differ.
//!   - [`error`]: what can go wrong, and what to do about it.
//! - The client's side of an operation, over any [`Caller`]:
//!   - [`client_api`]: the operations of a service; [`source`]: what objects can be made from.
//!   - [`proxy`] and [`call`]: an object of the service, and one operation in flight; [`pipeline`]: many of these.
//! - The modules that all of these use: [`value`], the dynamic encoding, and [`escape`].
//!
//! The classes that come with tarmem are in a crate of their own, `tarmem-modules`, which users of `tarmem` find as
//! `tarmem::modules`.
//!
//! [`Caller`]: call::Caller
//! [`Object`]: object::Object
//! [`Class`]: object::Class

// The expansion of `#[remote]` refers to this crate by its name, which also has to work inside the crate.
extern crate self as tarmem_remote;

pub mod escape;
pub mod value;

// Each module has a short public path, which does not depend on the folder that it is in.
mod client;
mod model;
mod protocol;

pub use client::{call, client_api, pipeline, proxy, source};
use client::{caller, handle, service};
pub use model::{context, describe, import, object, package, registry};
#[doc(hidden)]
pub use protocol::backup;
pub use protocol::{args, codec, error, params, results, signature};

// For the expansion of `#[remote]`, and for those who carry and run operations.
#[doc(hidden)]
pub use model::{dispatch, multi_object};
#[doc(hidden)]
pub use protocol::{operation, payload, shape};

#[doc(hidden)]
pub mod __private;

pub use call::{Call, CallError};
pub use client_api::ClientApi;
pub use context::Context;
pub use error::Error;
pub use object::{Class, Interface, Object, Remote};
pub use proxy::{DynamicProxy, Proxy};
pub use registry::Registry;
pub use source::{FunctionCall, Source};
/// Makes a type, its methods, a trait, a function or a constant remote: everything at once, in a crate of models.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::{CallError, ClientApi, Context, Proxy, remote};
///
/// /// An account.
/// #[remote(module = "doc_bank")]                       // a class: doc_bank.Account
/// #[derive(Clone, Serialize, Deserialize)]
/// pub struct Account {
///     cents: i64,
///     audits: Vec<String>,
/// }
///
/// /// Why the bank refuses.
/// #[derive(Debug, thiserror::Error, Serialize, Deserialize)]
/// pub enum BankError {
///     /// There is not enough.
///     #[error("{missing} cents are missing")]
///     Overdrawn { missing: i64 },
/// }
///
/// #[remote]                                            // its constructors and methods: whatever is `pub`
/// impl Account {
///     /// Opens an account.
///     pub fn open(cents: i64) -> Self {
///         Account { cents, audits: Vec::new() }
///     }
///
///     /// Runs beside other readers.
///     pub fn balance(&self) -> i64 {
///         self.cents
///     }
///
///     /// Runs alone.
///     #[remote(replay)]                                // it is deterministic, so a call may be kept, and made again
///     pub fn withdraw(&mut self, cents: i64) -> Result<i64, BankError> {
///         if cents > self.cents {
///             return Err(BankError::Overdrawn { missing: cents - self.cents });
///         }
///         self.cents -= cents;
///         Ok(self.cents)
///     }
/// }
///
/// /// What can be audited.
/// #[remote(module = "doc_bank")]                       // an interface: doc_bank.Audited
/// pub trait Audited {
///     fn last_audit(&self) -> Option<String>;
///     async fn audit(&mut self, by: &str);
/// }
///
/// #[remote]                                            // which doc_bank.Account implements
/// impl Audited for Account {
///     fn last_audit(&self) -> Option<String> {
///         self.audits.last().cloned()
///     }
///
///     async fn audit(&mut self, by: &str) {
///         self.audits.push(by.to_owned());
///     }
/// }
///
/// /// Loads an account; runs on the service, and only if the key is missing.
/// #[remote(module = "doc_bank")]                       // it makes an object, so it is a generator
/// pub async fn load(ctx: &Context, path: String) -> Result<Account, BankError> {
///     println!("{} loads {path}", ctx.session());
///     Ok(Account::open(5))
/// }
///
/// /// Runs on the service with both accounts held: all or nothing, never a deadlock.
/// #[remote(module = "doc_bank")]                       // a function over several objects
/// pub fn transfer(from: &mut Account, to: &mut Account, cents: i64) -> Result<(), BankError> {
///     to.cents += cents;                               // taken back if the next line fails
///     from.withdraw(cents)?;
///     Ok(())
/// }
///
/// /// The most that an account may hold.
/// #[remote(module = "doc_bank")]                       // a constant
/// pub const LIMIT: i64 = 1_000_000;
///
/// // And at a client; `Session` is a `ClientApi`.
/// async fn client(session: &ClientApi) -> Result<(), Box<dyn std::error::Error>> {
///     let alice = session.memoize("alice", AccountProxy::open(100)).await?;
///     let bob = session.memoize("bob", load::remote("bob.json".into())).await?;
///     match alice.withdraw(200).await {
///         Err(CallError::Method(BankError::Overdrawn { missing })) => println!("{missing} more, please"),
///         other => println!("{} are left", other?),
///     }
///     transfer::remote(&alice, &bob, 30).call(session).await?;
///     alice.cast::<dyn Audited>().audit("carol").await?;
///     Ok(())
/// }
/// ```
pub use tarmem_macros::remote;
pub use value::Value;
