//! The modules that come with tarmem: Python's own types, by Python's names.
//!
//! - [`builtins`]: list, dict, set, frozenset, tuple, range, str, bytes, bytearray, int, float, complex, bool.
//! - [`collections`]: deque, Counter, OrderedDict, defaultdict, namedtuple, ChainMap.
//! - [`types`]: SimpleNamespace. [`multiprocessing`]: Value, Array, Queue, JoinableQueue.
//! - [`Elements`]: iteration over any of them, as a stream; [`Iterable`]: over one whose class is not known.
//! - [`error`]: what their methods refuse, as [`Exception`]s.
//! - [`threading`]: Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier.
//! - [`queue`]: Queue, LifoQueue, PriorityQueue, SimpleQueue.
//! - [`builtins::functions`]: len, sorted, sum and their like. [`heapq`], [`bisect`]: functions over lists.
//!   [`itertools`]: count.
//! - [`python`]: what these types have in common: equality, order, keys, slices.
//!
//! Every class here is used in three ways. By name, with Python's method names and [`Value`](tarmem_remote::Value)s:
//! `tarmem call k append 3`. Through its proxy, with plain Rust values: `list.append(3)`. And as the Rust type that it
//! is, with `Value`s, and the same names: `List::append`. A proxy has a form of each method that takes and gives
//! `Value`s, too, under the name that ends in `_value` or `_values`; operators have names of their own, such as
//! `getitem`.

pub mod bisect;
pub mod builtins;
pub mod collections;
mod decoded;
mod elements;
mod empty;
pub mod error;
mod extents;
mod given;
pub mod heapq;
pub mod itertools;
pub mod multiprocessing;
pub mod python;
pub mod queue;
mod shared;
pub mod threading;
pub mod types;
mod waiting;

pub use decoded::{Decoded, DecodedPairs};
pub use elements::{Elements, Iterable};
pub use error::{Exception, UnicodeError};
pub(crate) use given::{Given, given};

/// A call of a method that may refuse with an [`Exception`].
pub type Fallible<T> = tarmem_remote::call::Call<T, tarmem_remote::call::CallError<Exception>>;

/// The snippets of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
