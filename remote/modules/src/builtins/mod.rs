//! Module `builtins`: Python's own types, as shared objects.

pub mod bytearray;
pub mod bytes;
mod codecs;
pub mod complex;
pub mod dict;
pub mod float;
pub mod frozenset;
pub mod functions;
pub mod int;
pub mod list;
pub mod range;
pub mod set;
pub mod str;
mod text;
pub mod tuple;

#[cfg(test)]
mod tests;

pub use bytearray::{ByteArray, ByteArrayProxy};
pub use bytes::{Bytes, BytesProxy};
pub use complex::{Complex, ComplexProxy};
pub use dict::{Dict, DictProxy};
pub use float::{Float, FloatProxy};
pub use frozenset::{FrozenSet, FrozenSetProxy};
pub use int::{Bool, BoolProxy, Int, IntProxy};
pub use list::{List, ListProxy};
pub use range::{Range, RangeProxy};
pub use set::{Set, SetProxy};
pub use str::{Str, StrProxy};
pub use tuple::{Tuple, TupleProxy};
