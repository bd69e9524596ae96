//! How large the collections are, for those of their methods that look at all that they hold; and how much a method
//! looks at for which that depends on its arguments.

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

/// The same of a text or of bytes: so many of them are looked at in the time that an element takes.
pub(crate) const UNITS: usize = 16;

/// So many elements are moved, to make room or to close a gap, in the time that one is looked at.
pub(crate) const MOVED: usize = 16;

/// Whoever looks at it looks at all of the integers, as a rule.
impl Extent for Range {
    fn extent(&self) -> usize {
        self.count()
    }
}

/// Less takes no time to speak of, and is not asked for.
const FEW: usize = 4 << 10;

/// An element that is copied takes as long as so many steps of a comparison: it may have memory of its own.
const COPIED: usize = 16;

/// Called by a method before it has changed anything, which looks at so many elements: `xs[i:j]` may be all of them,
/// where `xs[i]` is one.
///
/// # Errors
/// [`Exception::busy`], which nobody sees, if that is too much for where it runs: then it is run again elsewhere.
#[inline]
pub(crate) fn looks_at(elements: usize) -> Result<(), Exception> {
    if elements <= FEW || go_on(elements.saturating_mul(COPIED)) { Ok(()) } else { Err(Exception::busy()) }
}
