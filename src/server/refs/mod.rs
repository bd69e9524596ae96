//! References between objects.
//!
//! - [`references`]: object references in arguments and results: live objects here, counted handles at clients.
//! - [`snapshot`]: plain copies of an object and of what it refers to.
//! - [`cycle_gc`]: objects that only refer to one another, and are garbage.

pub(crate) mod cycle_gc;
pub(super) mod references;
pub(super) mod snapshot;
