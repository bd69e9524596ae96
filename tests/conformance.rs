//! CPython as the oracle, as in `remote/modules/tests/conformance.rs`, for objects on a service, over a socket: the
//! same random operations, after each of which results, kinds of errors and states have to agree.

#[path = "conformance/mod.rs"]
mod python;
