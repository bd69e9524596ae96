//! The two sides of the conformance test, and what is done to both.
//!
//! - [`service`]: the classes, through the dispatch layer, as a service calls them. [`oracle`] is CPython.
//! - [`random`]: operations and values that come out the same for the same seed.
//! - [`check`]: applies and compares. The rest is a test for each type.
//! - [`proxies`] is not about Python: the same classes from Rust, with types.

mod check;
mod oracle;
mod random;
mod service;

mod bytearrays;
mod chain_maps;
mod complexes;
mod dicts;
mod frozensets;
mod functions;
mod lists;
mod members;
mod named_tuples;
mod numbers;
mod parameters;
mod proxies;
mod ranges;
mod sets;
mod texts;
mod unicode;
