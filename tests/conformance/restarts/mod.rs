//! The same tests as in `tests/conformance`, but [`service`] is killed, or ends in order, and is started again between
//! the operations on an object.

#[allow(clippy::explicit_auto_deref, reason = "there it is a `dyn Object` in its box")]
#[path = "../../../remote/modules/tests/python/check.rs"]
mod check;
#[allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#[path = "../../support/cut_off.rs"]
mod cut_off;
#[path = "../../../remote/modules/tests/python/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "numbers and texts are compared there, where a call is cheaper")]
#[path = "../../../remote/modules/tests/python/random.rs"]
mod random;
mod service;

#[path = "../../../remote/modules/tests/python/dicts.rs"]
mod dicts;
#[path = "../../../remote/modules/tests/python/lists.rs"]
mod lists;
#[path = "../../../remote/modules/tests/python/sets.rs"]
mod sets;
