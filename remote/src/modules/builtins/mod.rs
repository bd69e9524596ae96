//! Module `builtins`: Python's own types, as objects that are used together.

pub mod bytes;
pub mod dict;
pub mod float;
pub mod functions;
pub mod int;
pub mod list;
pub mod set;
pub mod str;
mod text;
pub mod tuple;

#[cfg(test)]
mod tests;

pub use bytes::{Bytes, BytesProxy};
pub use dict::{Dict, DictProxy};
pub use float::{Float, FloatProxy};
pub use int::{Bool, BoolProxy, Int, IntProxy};
pub use list::{List, ListProxy};
pub use set::{Set, SetProxy};
pub use str::{Str, StrProxy};
pub use tuple::{Tuple, TupleProxy};
