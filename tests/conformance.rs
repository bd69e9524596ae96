//! CPython as the oracle, as in `remote/modules/tests/conformance.rs`, for objects on a service, over a socket: the
//! same random operations, after each of which results, kinds of errors and states have to agree; also on a service
//! that is killed and started again between them.

#![allow(clippy::duplicate_mod, reason = "the same checks, on two services")]

#[path = "conformance/mod.rs"]
mod python;
#[path = "conformance/restarts/mod.rs"]
mod restarts;
