//! Module `collections`: `deque`, `Counter`, `OrderedDict`, `defaultdict`, `namedtuple` and `ChainMap`.

mod attributes;
pub mod chain_map;
pub mod counter;
pub mod default_dict;
pub mod deque;
pub mod named_tuple;
pub mod ordered_dict;

#[cfg(test)]
mod tests;

pub use chain_map::{ChainMap, ChainMapProxy};
pub use counter::{Counter, CounterProxy};
pub use default_dict::{DefaultDict, DefaultDictProxy};
pub use deque::{Deque, DequeProxy};
pub use named_tuple::{NamedTuple, NamedTupleProxy};
pub use ordered_dict::{OrderedDict, OrderedDictProxy};
