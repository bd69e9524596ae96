//! Module `collections`: deque, Counter, OrderedDict and defaultdict.

mod attributes;
pub mod counter;
pub mod default_dict;
pub mod deque;
pub mod ordered_dict;

#[cfg(test)]
mod tests;

pub use counter::{Counter, CounterProxy};
pub use default_dict::{DefaultDict, DefaultDictProxy};
pub use deque::{Deque, DequeProxy};
pub use ordered_dict::{OrderedDict, OrderedDictProxy};
