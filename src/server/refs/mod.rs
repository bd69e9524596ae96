//! References between objects.
//!
//! - [`references`]: object references in arguments and results: live objects on the service, counted handles at its
//!   clients.
//! - [`snapshot`]: plain copies of an object and of the objects it refers to.
//! - [`cycle_gc`]: garbage collection of objects that refer only to one another.

pub(crate) mod cycle_gc;
pub(super) mod references;
pub(super) mod snapshot;
