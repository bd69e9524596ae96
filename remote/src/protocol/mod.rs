//! What client and service exchange: operations and their results, how both are encoded, and how the two sides find out
//! whether they were built with the same types.

pub mod args;
#[doc(hidden)]
pub mod backup;
pub mod codec;
pub mod error;
pub(crate) mod object;
pub mod operation;
pub mod params;
pub mod payload;
pub mod results;
pub mod shape;
pub mod signature;
