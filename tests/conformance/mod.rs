//! The oracle, the operations and the comparison are those of `remote/tests/python`; [`service`] is a real one.

#[allow(clippy::explicit_auto_deref, reason = "there it is a `dyn Object` in its box")]
#[path = "../../remote/tests/python/check.rs"]
mod check;
#[path = "../../remote/tests/python/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "numbers and texts are compared there, where a call is cheaper")]
#[path = "../../remote/tests/python/random.rs"]
mod random;
mod service;

#[path = "../../remote/tests/python/dicts.rs"]
mod dicts;
#[path = "../../remote/tests/python/lists.rs"]
mod lists;
#[path = "../../remote/tests/python/sets.rs"]
mod sets;
