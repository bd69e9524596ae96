//! Module `builtins`: Python's own types, as objects that are used together.

pub mod dict;
pub mod list;
pub mod set;
pub mod tuple;

pub use dict::{Dict, DictProxy};
pub use list::{List, ListProxy};
pub use set::{Set, SetProxy};
pub use tuple::{Tuple, TupleProxy};
