//! The sizes of collections, for methods that look at all elements; and how much a method looks at if that depends on
//! its arguments.

use super::builtins::{Dict, FrozenSet, List, Range, Set, Tuple};
use super::collections::{Counter, DefaultDict, Deque, NamedTuple, OrderedDict};
use super::error::Exception;
use super::multiprocessing::SharedArray;
use tarmem_remote::object::Extent;
use tarmem_remote::value::go_on;

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

/// How many characters or bytes are looked at in the time of one element.
pub(crate) const UNITS: usize = 16;

/// How many elements are moved, to make room or to close a gap, in the time that one is looked at.
pub(crate) const MOVED: usize = 16;

/// A method that looks at a range usually looks at all of its integers.
impl Extent for Range {
    fn extent(&self) -> usize {
        self.count()
    }
}

/// Up to this many elements take so little time that the service is not asked.
const FEW: usize = 4 << 10;

/// Copying an element takes as long as this many steps of a comparison, since it may have its own memory.
const COPIED: usize = 16;

/// Reports that a method is going to look at this many elements, before it has changed anything: `xs[i:j]` may be all
/// of them, where `xs[i]` is one.
///
/// # Errors
/// [`Exception::busy`], which nobody sees, if that is too much for the current thread. The method is run again
/// elsewhere.
#[inline]
pub(crate) fn looks_at(elements: usize) -> Result<(), Exception> {
    if elements <= FEW || go_on(elements.saturating_mul(COPIED)) { Ok(()) } else { Err(Exception::busy()) }
}
