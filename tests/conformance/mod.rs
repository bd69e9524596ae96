//! The oracle, the operations and the comparison are those of `remote/modules/tests/python`, but [`service`] is a real
//! service.

#[allow(clippy::explicit_auto_deref, reason = "there it is a `dyn Object` in its box")]
#[path = "../../remote/modules/tests/python/check.rs"]
mod check;
#[path = "../../remote/modules/tests/python/oracle.rs"]
mod oracle;
#[allow(dead_code, reason = "numbers and texts are compared there, where a call is cheaper")]
#[path = "../../remote/modules/tests/python/random.rs"]
mod random;
pub(crate) mod service;

#[path = "../../remote/modules/tests/python/dicts.rs"]
mod dicts;
#[path = "../../remote/modules/tests/python/lists.rs"]
mod lists;
#[path = "../../remote/modules/tests/python/sets.rs"]
mod sets;
