//! Module `builtins`: Python's own types, as objects that are used together.

pub mod dict;
pub mod list;

pub use dict::{Dict, DictProxy};
pub use list::{List, ListProxy};
