//! Live Rust objects on a network service, used together by many processes.
//!
//! An object is an ordinary Rust value. It lives on a service; clients hold proxies, and a method called on a proxy runs
//! where the object is. A generator builds an object on the service, and runs only when its key is not there yet.
//!
//! # Layout
//!
//! - [`Service`]: hosts objects and answers whoever connects.
//! - [`Session`]: a client's standing with a service; its [`ClientApi`] is what it may ask for.
//! - [`blocking`]: the same for code without an async runtime.
//! - [`Limits`]: every limit of a service.
//! - [`cli`]: the `tarmem` program, to be linked with classes of your own.
//! - [`remote`](macro@remote): the attribute that makes a type, trait or function remote. The object model behind it is
//!   [`tarmem_remote`].

extern crate self as tarmem;

pub mod blocking;
mod client;
mod config;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod linear;
mod security;
mod server;
mod store;
mod sync;
mod wire;

pub mod cli;

pub use client::{Address, Reconnected, Session, SessionBuilder, SessionState};
pub use config::{LimitError, Limits};
pub use security::{ClientTls, ServerTls, TlsError, Token, Tokens, TokensError};
pub use server::{
    Accepted, BoundService, Listener, MemoryConnector, MemoryListener, RunningService, ServeError, Service, Stream,
    memory,
};
pub use tarmem_remote::call::{Call, CallError, OwnerId};
pub use tarmem_remote::client_api::{ClientApi, Module, Obtain};
pub use tarmem_remote::pipeline::PipelinedCall;
pub use tarmem_remote::source::{DynamicFunctionCall, FunctionCall, Source};
pub use tarmem_remote::{
    Class, Context, DynamicProxy, Error, Interface, Object, Proxy, Registry, Remote, Value, args, escape, modules,
    object, registry, remote, results, value,
};

#[doc(hidden)]
pub use tarmem_remote::operation;

#[doc(hidden)]
pub use tarmem_remote::__private;

/// Links crates that define classes but are not otherwise mentioned: the linker drops those, and what they registered
/// with them.
///
/// ```
/// tarmem::link!(tarmem_remote);
/// ```
#[macro_export]
macro_rules! link {
    ($($name:ident),+ $(,)?) => {
        $(#[allow(unused_extern_crates)] extern crate $name as _;)+
    };
}

/// The README's snippets, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
