//! The limits of nesting, and the depth counter that every recursion over values carries.

use std::fmt;

use super::Value;

/// How many lists, tuples, sets and maps may be nested in a [`Value`]: 64. A 65th level is refused.
pub const DEPTH_LIMIT: usize = 64;

/// How many levels of Rust types may be nested in anything that is encoded, decoded or converted into a [`Value`]: 192.
///
/// Every struct, tuple, sequence, map, enum, newtype and `Some` is a level, so that a recursive type such as `struct
/// Node(Option<Box<Node>>)` cannot overflow the stack. The limit is higher than [`DEPTH_LIMIT`] because one level of a
/// value is two levels of types. Measured in debug builds, with a recursive enum of five fields behind erased-serde, it
/// takes 0.8 MiB of stack, where threads have 2 MiB; a `Value` takes 0.4 MiB.
pub const NESTING_LIMIT: usize = 192;

/// The error for nesting that is too deep. `CodecError` recognises its message and turns it into a variant.
pub(crate) struct TooDeep {
    pub(crate) limit: usize,
}

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nested deeper than {} levels", self.limit)
    }
}

/// The current depth of a recursion. It is passed down by value, so nothing has to be undone on the way up.
#[derive(Clone, Copy, Default)]
pub(super) struct Depth {
    containers: u16,
    nesting: u16,
}

impl Depth {
    /// The depth inside a list, tuple, set or map.
    #[inline]
    pub(super) fn container(self) -> Result<Depth, TooDeep> {
        if usize::from(self.containers) >= DEPTH_LIMIT {
            return Err(TooDeep { limit: DEPTH_LIMIT });
        }
        let inside = self.wrapper()?;
        Ok(Depth { containers: self.containers + 1, ..inside })
    }

    /// The depth inside a wrapper that a `Value` does not show: a `Some` or a newtype.
    #[inline]
    pub(super) fn wrapper(self) -> Result<Depth, TooDeep> {
        if usize::from(self.nesting) >= NESTING_LIMIT {
            return Err(TooDeep { limit: NESTING_LIMIT });
        }
        Ok(Depth { nesting: self.nesting + 1, ..self })
    }

    /// Checks that a whole value fits below the current depth.
    pub(super) fn check(self, value: &Value) -> Result<(), TooDeep> {
        match value {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
                let inside = self.container()?;
                items.iter().try_for_each(|item| inside.check(item))
            }
            Value::Map(entries) => {
                let inside = self.container()?;
                entries.iter().try_for_each(|(key, value)| {
                    inside.check(key)?;
                    inside.check(value)
                })
            }
            _ => Ok(()),
        }
    }
}
