//! The two sides of the conformance test, and the operations on both.
//!
//! - [`service`] calls the classes through the dispatch layer, as a service does. [`oracle`] is CPython.
//! - [`random`] makes operations and values that are the same for the same seed.
//! - [`check`] applies and compares. The others are tests for one type each.
//! - [`proxies`] is not about Python: it uses the same classes from Rust, with types.

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
