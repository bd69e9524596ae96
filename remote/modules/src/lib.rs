//! The modules that come with tarmem: Python's own types, under Python's names.
//!
//! - [`builtins`]: `list`, `dict`, `set`, `frozenset`, `tuple`, `range`, `str`, `bytes`, `bytearray`, `int`, `float`,
//!   `complex`, `bool`; and the functions in [`builtins::functions`]: `len`, `sorted`, `sum` and their like.
//! - [`collections`]: `deque`, `Counter`, `OrderedDict`, `defaultdict`, `namedtuple`, `ChainMap`.
//! - [`types`]: `SimpleNamespace`. [`multiprocessing`]: `Value`, `Array`, `Queue`, `JoinableQueue`.
//! - [`threading`]: `Lock`, `RLock`, `Semaphore`, `BoundedSemaphore`, `Event`, `Condition`, `Barrier`.
//! - [`queue`]: `Queue`, `LifoQueue`, `PriorityQueue`, `SimpleQueue`.
//! - [`heapq`] and [`bisect`]: functions over lists. [`itertools`]: `count`.
//! - [`Elements`] iterates over any of these collections as a stream; [`Iterable`] does so if the class is not known.
//! - [`error`]: the errors of their methods, which are [`Exception`]s.
//! - [`python`]: what these types have in common, such as equality, order, keys and slices.
//!
//! A class can be used in three ways. By name, with Python's method names and [`Value`](tarmem_remote::Value)s: `tarmem
//! call k append 3`. Through its proxy, with plain Rust values: `list.append(3)`. And as the Rust type itself, with
//! `Value`s and the same names: `List::append`. For each method that takes or returns `Value`s, a proxy also has a form
//! that does so, whose name ends in `_value` or `_values`. Operators have names such as `getitem`.

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

/// A call of a method that can fail with an [`Exception`].
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ListProxy;
/// use tarmem_modules::{Exception, Fallible};
/// use tarmem_remote::CallError;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let list = session.memoize("empty", ListProxy::default()).await?;
/// let call: Fallible<()> = list.remove(1);
/// let error = call.await.unwrap_err();
/// assert_eq!(error, CallError::Method(Exception::ValueError("list.remove(x): x not in list".into())));
/// # Ok(())
/// # }
/// ```
pub type Fallible<T> = tarmem_remote::call::Call<T, tarmem_remote::call::CallError<Exception>>;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
