//! Module `multiprocessing`: Value and Array, numbers of C's types that processes share; Queue and JoinableQueue.

mod array;
mod queue;
mod typecode;
mod value;

#[cfg(test)]
mod tests;

pub use array::{SharedArray, SharedArrayProxy};
pub use queue::{JoinableQueue, JoinableQueueProxy, SharedQueue, SharedQueueProxy};
pub use value::{SharedValue, SharedValueProxy};
