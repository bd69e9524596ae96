//! The two sides of the conformance test: the service's classes, through the dispatch layer, and CPython.

mod oracle;
mod random;
mod service;

pub(crate) use oracle::{Oracle, Outcome};
pub(crate) use random::Random;
pub(crate) use service::Service;
