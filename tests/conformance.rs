//! CPython as the oracle, as in `remote/modules/tests/conformance.rs`, for objects that live on a service, over a
//! socket: the same random operations, and results, kinds of errors and states have to agree after each.

#[path = "conformance/mod.rs"]
mod python;
