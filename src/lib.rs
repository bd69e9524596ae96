//! Live Rust objects on a network service, shared by many processes.
//!
//! An object is an ordinary Rust value that lives on a service. Clients hold proxies for it: calling a method on a
//! proxy runs the method on the service, on the one object that all clients share. There is no schema to write: one
//! attribute, [`remote`](macro@remote), makes a type's methods callable by clients.
//!
//! This page shows each part by an example, and ends with a [map](#where-to-read-on). A guide in ten chapters, each
//! with a program that runs, is in the repository, in `docs/guide`.
//!
//! # The smallest program
//!
//! This runs a service and a client in one process. The class of the list comes with tarmem ([`modules`]).
//!
//! ```
//! use tarmem::modules::builtins::ListProxy;
//! use tarmem::{Service, Session};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let service = Service::new("localhost", 0).start().await?; // port 0: any free one
//!
//!     let session = Session::connect(service.address()).await?;
//!     let list = session.memoize("numbers", ListProxy::new(vec![1, 2])).await?;
//!     list.append(3).await?;
//!     assert_eq!(list.len().await?, 3);
//!
//!     service.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! # A class
//!
//! On a type, the attribute makes it a class, which is named by its module and its name. On an `impl` block, it makes
//! the `pub` functions callable by clients. Methods with `&self` run concurrently; a method with `&mut self` runs
//! alone.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tarmem::{Service, remote};
//!
//! #[remote(module = "counters")] // the class `counters.Counter`
//! #[derive(Serialize, Deserialize)]
//! pub struct Counter {
//!     value: i64,
//! }
//!
//! #[remote]
//! impl Counter {
//!     pub fn starting_at(value: i64) -> Self {
//!         Counter { value }
//!     }
//!
//!     pub fn value(&self) -> i64 {
//!         self.value
//!     }
//!
//!     pub fn add(&mut self, by: i64) -> i64 {
//!         self.value += by;
//!         self.value
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! // The attribute has generated `CounterProxy`.
//! let hits = session.memoize("hits", CounterProxy::starting_at(0)).await?;
//! assert_eq!(hits.add(1).await?, 1);
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # A generator
//!
//! A function that returns an object of a class is a generator. The service runs it for
//! [`memoize`](ClientApi::memoize), if the key is missing: once, however many clients ask at the same time. A
//! constructor, such as `starting_at` above, is a generator too.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use tarmem::{Service, remote};
//! # #[remote(module = "indexes")]
//! # #[derive(Serialize, Deserialize)]
//! # pub struct Index { words: Vec<String> }
//! # #[remote]
//! # impl Index {
//! #     pub fn has(&self, word: String) -> bool { self.words.contains(&word) }
//! # }
//! #[remote(module = "indexes")]
//! pub async fn read_index(path: String) -> Result<Index, String> {
//!     let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
//!     Ok(Index { words: text.split_whitespace().map(str::to_owned).collect() })
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! let index = session.memoize("index", read_index::remote("Cargo.toml".into())).await?;
//! assert!(index.has("[package]".into()).await?);
//!
//! // A generator that fails stores nothing.
//! assert!(session.memoize("none", read_index::remote("/no/such/file".into())).await.is_err());
//! assert!(!session.is_memoized("none").await?);
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Proxies
//!
//! A proxy by key calls the object that is under its key at that moment. A proxy by id stays with its object, and keeps
//! it alive. A [`DynamicProxy`] has no types, and calls methods by name.
//!
//! ```
//! use tarmem::modules::builtins::{List, ListProxy};
//! use tarmem::{Proxy, Service, args};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! session.memoize("list", ListProxy::new(vec![1])).await?;
//! let by_key = session.get::<List>("list").await?;
//! let by_id = by_key.hold().await?;
//! session.update("list", ListProxy::new(vec![1, 2, 3])).await?; // another object under the key
//! assert_eq!((by_key.len().await?, by_id.len().await?), (3, 1));
//!
//! let untyped = session.get_dynamic("list").await?;
//! untyped.call("append", args![4]).await?;
//! assert_eq!(by_key.snapshot_as::<Vec<i64>>().await?, [1, 2, 3, 4]);
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # An interface
//!
//! A `#[remote]` trait is an interface. `get::<dyn Shape>(key)` returns a proxy of the object under the key if its
//! class implements the interface.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tarmem::{Service, remote};
//!
//! #[remote(module = "shapes")]
//! pub trait Shape {
//!     fn area(&self) -> f64;
//! }
//!
//! #[remote(module = "shapes")]
//! #[derive(Serialize, Deserialize)]
//! pub struct Square {
//!     side: f64,
//! }
//!
//! #[remote]
//! impl Shape for Square {
//!     fn area(&self) -> f64 {
//!         self.side * self.side
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! session.update("tile", Square { side: 2.0 }).await?; // a value moves to the service
//! let shape = session.get::<dyn Shape>("tile").await?;
//! assert_eq!(shape.area().await?, 4.0);
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # A function over several objects
//!
//! A function whose parameters are references to classes runs while it holds all of these objects. If it fails, its
//! changes are undone. Such calls cannot deadlock with one another.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use tarmem::{Service, remote};
//! #[remote(module = "purses")]
//! #[derive(Clone, Serialize, Deserialize)]
//! pub struct Purse {
//!     coins: i64,
//! }
//! # #[remote]
//! # impl Purse {
//! #     pub fn coins(&self) -> i64 { self.coins }
//! # }
//!
//! #[remote(module = "purses")]
//! pub fn pay(from: &mut Purse, to: &mut Purse, coins: i64) -> Result<(), String> {
//!     to.coins += coins;
//!     from.coins -= coins;
//!     if from.coins < 0 { Err("too few coins".into()) } else { Ok(()) }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! let alice = session.memoize("alice", Purse { coins: 10 }).await?;
//! let bob = session.memoize("bob", Purse { coins: 0 }).await?;
//! pay::remote(&alice, &bob, 4).call(&session).await?;
//! assert!(pay::remote(&alice, &bob, 100).call(&session).await.is_err());
//! assert_eq!((alice.coins().await?, bob.coins().await?), (6, 4));
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! If a method returns a `Result`, its own error arrives with its own type, in [`CallError::Method`]. Everything else
//! that can go wrong is an [`Error`], in [`CallError::Failed`]. Calls of a method that returns no `Result` fail with an
//! [`Error`].
//!
//! ```
//! use tarmem::modules::{Exception, builtins::ListProxy};
//! use tarmem::{CallError, Error, Service};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! let list = session.memoize("list", ListProxy::default()).await?;
//! match list.pop::<i64>().await {
//!     Err(CallError::Method(Exception::IndexError(message))) => assert_eq!(message, "pop from empty list"),
//!     other => panic!("{other:?}"),
//! }
//!
//! session.delete("list").await?;
//! let gone = list.len().await.expect_err("the key is not mapped");
//! assert!(matches!(gone, Error::NoSuchKey { .. }) && gone.is_not_applied());
//! assert_eq!(gone.to_string(), "no object is stored under \"list\"; memoize or update it first");
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Timeouts
//!
//! A call times out after 30 seconds, unless you set another timeout for its session
//! ([`SessionBuilder::call_timeout`]) or for the call ([`Call::timeout`]). `memoize`, `update` and `create` wait 10
//! minutes if they are given a generator. A call that has not started by then never runs. One that has started is
//! stopped where it waits if its method takes `&self`; a `&mut self` method runs to its end. Dropping its future
//! cancels a call in the same way.
//!
//! ```
//! use std::time::Duration;
//! use tarmem::Service;
//! use tarmem::modules::threading::EventProxy;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let service = Service::without_listener().start().await?;
//! # let session = service.session();
//! let event = session.memoize("ready", EventProxy::new()).await?;
//! let late = event.wait().timeout(Duration::from_millis(20)).await.expect_err("nobody sets it");
//! assert!(late.is_timeout());
//! # service.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Testing in process
//!
//! [`RunningService::session`] opens a session without a socket that behaves like any other. Code that takes a
//! [`ClientApi`] works with any session.
//!
//! ```
//! use tarmem::modules::builtins::DictProxy;
//! use tarmem::{ClientApi, Service};
//!
//! async fn count_visit(api: &ClientApi, page: &str) -> Result<i64, Box<dyn std::error::Error>> {
//!     let visits = api.memoize("visits", DictProxy::default()).await?;
//!     Ok(visits.incr(page, 1).await?)
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let service = Service::without_listener().start().await?;
//!     assert_eq!(count_visit(&service.session(), "/").await?, 1);
//!     assert_eq!(count_visit(&service.session(), "/").await?, 2);
//!     Ok(())
//! }
//! ```
//!
//! # Deploying
//!
//! The service of your classes is the `tarmem` program, linked with the crate that defines them:
//!
//! ```no_run
//! tarmem::link!(serde); // instead of `serde`, name the crate that defines your classes
//!
//! fn main() -> std::process::ExitCode {
//!     tarmem::cli::main()
//! }
//! ```
//!
//! Run it as `my-service serve --tokens FILE --tls-cert FILE --tls-key FILE`; without tokens or client certificates it
//! accepts connections only from its own host. A service within your own program has the same settings in code:
//!
//! ```no_run
//! use tarmem::{Limits, ServerTls, Service, Tokens};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut limits = Limits::default();
//!     limits.keys = 1_000_000;
//!     let service = Service::new("0.0.0.0", 18813)
//!         .tokens(Tokens::from_file("tokens.toml")?)
//!         .tls(ServerTls::new("server.pem", "server.key"))
//!         .limits(limits);
//!     service.run().await?;
//!     Ok(())
//! }
//! ```
//!
//! # Features
//!
//! All features are on by default. A program that is only a client needs only `client`
//! (`default-features = false, features = ["client"]`), and `modules` for the typed proxies of lists, dicts and locks,
//! or `tls` on untrusted networks.
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `client` | [`Session`], [`SessionBuilder`] |
//! | `server` | [`Service`], [`RunningService`], [`Limits`], [`Tokens`] |
//! | `tls` | `tarmems://`, [`ClientTls`], [`ServerTls`] |
//! | `modules` | [`mod@modules`] |
//! | `blocking` | [`mod@blocking`]; includes `client` |
//! | `cli` | [`mod@cli`] and the `tarmem` program; includes `client`, `server` and `tls` |
//!
//! Of tarmem's crates, a crate of models needs only [`tarmem_remote`], which has no sockets.
//!
//! # Where to read on
//!
//! In this order:
//!
//! 1. [`Session`] and [`ClientApi`]: all operations of a client. [`SessionBuilder`]: how a session connects and
//!    reconnects.
//! 2. [`remote`](macro@remote): the options of the attribute, and what it generates. [`Context`]: what a method can
//!    learn about its call.
//! 3. [`Proxy`] and [`DynamicProxy`]; [`Call`], a call on its way; [`Source`], what an object is made from.
//! 4. [`Error`] and [`CallError`].
//! 5. [`modules`]: lists, dicts, locks, queues and the rest of what comes with tarmem.
//! 6. [`blocking`]: the client for code without an async runtime.
//! 7. [`Service`], [`RunningService`] and [`Limits`]; [`Tokens`], [`ServerTls`] and [`ClientTls`]; [`Listener`] and
//!    [`memory()`] for connections of other kinds.
//! 8. [`cli`]: the `tarmem` program.
//! 9. [`value`] and [`args!`]: calls without types. [`Registry`]: what a service offers.
//! 10. [`tarmem_remote`]: the object model behind all this, and what a crate of models depends on.

// The docs show which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Some code that client and service share is used by only one of them. Code that is not used at all is found in builds
// with all features: `cli` needs the others.
#![cfg_attr(
    not(all(feature = "cli", feature = "blocking")),
    allow(dead_code, unused_imports, unused_macros, unreachable_pub)
)]

extern crate self as tarmem;

#[cfg(feature = "blocking")]
pub mod blocking;
mod byte_stream;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
mod client;
mod config;
#[cfg(feature = "server")]
mod faults;
#[cfg(all(any(fuzzing, test), feature = "server"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(feature = "client", feature = "server"))]
mod in_process;
#[cfg(feature = "server")]
mod journal;
#[cfg(all(test, feature = "client", feature = "server"))]
mod linear;
#[cfg(all(test, feature = "client", feature = "server"))]
mod power_loss;
mod security;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod store;
mod sync;
mod wire;

#[cfg(feature = "client")]
pub use client::{Address, Reconnected, ServiceState, Session, SessionBuilder, SessionState};
#[cfg(feature = "server")]
pub use config::{LimitError, Limits};
#[cfg(all(feature = "client", feature = "tls"))]
pub use security::ClientTls;
#[cfg(all(feature = "server", feature = "tls"))]
pub use security::ServerTls;
pub use security::TlsError;
#[cfg(feature = "server")]
pub use security::{Token, Tokens, TokensError};
#[cfg(feature = "server")]
pub use server::{
    Accepted, BoundService, Durability, Listener, MemoryConnector, MemoryListener, NotReplayed, OnStorageFailure,
    RecoveryError, ReplayProblem, RunningService, ServeError, Service, Stream, Unreadable, UnreadableList, memory,
};
#[cfg(feature = "modules")]
pub use tarmem_modules as modules;
pub use tarmem_remote::call::{Call, CallError, OwnerId};
pub use tarmem_remote::client_api::{ClientApi, Module, Obtain};
pub use tarmem_remote::pipeline::PipelinedCall;
pub use tarmem_remote::source::{DynamicFunctionCall, FunctionCall, Source};
pub use tarmem_remote::{
    Class, Context, DynamicProxy, Error, Interface, Object, Proxy, Registry, Remote, Value, args, escape, object,
    registry, remote, results, value,
};
#[cfg(feature = "server")]
pub use tarmem_storage as storage;

#[doc(hidden)]
pub use tarmem_remote::operation;

#[doc(hidden)]
pub use tarmem_remote::__private;

/// Links crates that define classes but are not mentioned otherwise. Without this, the linker drops such a crate, and
/// its classes are not registered.
///
/// ```
/// tarmem::link!(tarmem_modules);
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
