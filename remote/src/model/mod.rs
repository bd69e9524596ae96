//! What `#[remote]` generates from a user's types, traits and functions, and how a service calls them.

pub mod context;
pub mod describe;
pub mod dispatch;
pub mod import;
mod keep;
pub mod multi_object;
pub mod object;
pub mod package;
pub mod registry;
