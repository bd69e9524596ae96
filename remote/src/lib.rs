//! The object model of tarmem: what a remote object is, without a socket in sight.
//!
//! Read in this order:
//!
//! - [`object`]: an [`Object`] is a value of a class; a [`Class`] is a Rust type with a path.
//! - [`describe`]: what is known about classes, methods, functions and constants.
//! - [`registry`]: everything `#[remote]` registered, checked once at start-up.
//! - [`import`]: importlib's rules for module names.
//! - [`value`] and [`codec`]: the dynamic and the typed encoding of arguments and results.
//! - [`dispatch`]: how one function per method serves both encodings.
//! - [`objects`]: functions over several objects, and how they are given them.
//! - [`operation`]: what a client may ask of a service, and what it may answer.
//! - [`call`], [`proxy`], [`source`], [`routines`]: the client's side of an operation, over any [`Caller`].
//! - [`context`]: what a method or generator may know about its call.
//! - [`error`]: what can go wrong, and what to do about it.
//!
//! [`Caller`]: call::Caller
//! [`Object`]: object::Object
//! [`Class`]: object::Class

// The expansion of `#[remote]` names this crate by its path; that also has to work in here.
extern crate self as tarmem_remote;

pub mod call;
pub mod codec;
pub mod context;
pub mod describe;
pub mod dispatch;
pub mod error;
pub mod import;
pub mod modules;
pub mod object;
pub mod objects;
pub mod operation;
pub mod proxy;
pub mod registry;
pub mod routines;
pub mod source;
pub mod value;

#[doc(hidden)]
pub mod __private;

pub use call::{Call, CallError};
pub use context::Context;
pub use error::Error;
pub use object::{Class, Interface, Object, Remote};
pub use proxy::{DynamicProxy, Proxy};
pub use registry::Registry;
pub use routines::Routines;
pub use source::{FunctionCall, Source};
pub use tarmem_macros::remote;
pub use value::Value;
