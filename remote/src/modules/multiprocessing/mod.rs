//! Module `multiprocessing`: Value and Array, numbers of C's types that processes share.

mod array;
mod typecode;
mod value;

#[cfg(test)]
mod tests;

pub use array::{SharedArray, SharedArrayProxy};
pub use value::{SharedValue, SharedValueProxy};
