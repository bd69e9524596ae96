//! Module `multiprocessing`: `Value` and `Array`, which are shared numbers of C's types; `Queue` and `JoinableQueue`.

mod array;
mod queue;
mod typecode;
mod value;

#[cfg(test)]
mod tests;

pub use array::{SharedArray, SharedArrayProxy};
pub use queue::{JoinableQueue, JoinableQueueProxy, SharedQueue, SharedQueueProxy};
pub use value::{SharedValue, SharedValueProxy};
