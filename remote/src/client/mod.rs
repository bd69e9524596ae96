//! The client's side of an operation, over any [`Caller`](call::Caller): the operations of a service, proxies of its
//! objects, and calls in flight.

pub mod call;
pub(crate) mod caller;
pub mod client_api;
pub(crate) mod handle;
pub mod pipeline;
pub mod proxy;
pub(crate) mod service;
pub mod source;
