//! How large the collections are, for those of their methods that look at all that they hold.

use super::builtins::{Dict, FrozenSet, List, Set, Tuple};
use super::collections::{Counter, DefaultDict, Deque, NamedTuple, OrderedDict};
use super::multiprocessing::SharedArray;
use crate::object::Extent;

macro_rules! by_length {
    ($($class:ident)*) => {$(
        impl Extent for $class {
            fn extent(&self) -> usize {
                self.len()
            }
        }
    )*};
}

by_length!(List Tuple NamedTuple Set FrozenSet Dict OrderedDict DefaultDict Counter Deque SharedArray);

/// The same of a text or of bytes: so many of them are looked at in the time that an element takes.
pub(crate) const UNITS: usize = 16;
