//! What passes between a client and a service: operations and what comes of them, how both stand in bytes, and what
//! tells whether the two sides were built with the same types.

pub mod args;
pub mod codec;
pub mod error;
pub(crate) mod object;
pub mod operation;
pub mod params;
pub mod payload;
pub mod results;
pub mod shape;
pub mod signature;
