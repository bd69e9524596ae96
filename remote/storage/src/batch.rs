//! Batches: changes of keys that are made together or not at all.

use std::ops::{Range, RangeInclusive};

/// A table: keys of different tables never meet.
pub type Table = u8;

/// Tables for rows of which most are removed soon, before they are folded into the states. A storage remembers which of
/// their rows are in the states, and does not look for others there when they are removed.
///
/// ```
/// use tarmem_storage::{Batch, SHORT_LIVED};
///
/// let mut batch = Batch::default();
/// batch.put(*SHORT_LIVED.start(), b"call 7", b"its outcome");
/// ```
pub const SHORT_LIVED: RangeInclusive<Table> = 128..=159;

/// Changes that are committed together, in their order.
///
/// ```
/// use tarmem_storage::{Batch, Change};
///
/// let mut batch = Batch::default();
/// batch.put(1, b"key", b"value");
/// batch.remove(1, b"other");
/// let changes: Vec<Change<'_>> = batch.changes().collect::<Result<_, _>>().unwrap();
/// assert_eq!(changes[0], Change::Put { table: 1, key: b"key", value: b"value" });
/// assert_eq!(changes[1], Change::Remove { table: 1, key: b"other" });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
}

/// One change of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// The key has this value from now on.
    Put {
        /// The table.
        table: Table,
        /// The key.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
    },
    /// The key has no value any more.
    Remove {
        /// The table.
        table: Table,
        /// The key.
        key: &'a [u8],
    },
    /// The keys from `from` on that are below `to` have no values any more.
    RemoveRange {
        /// The table.
        table: Table,
        /// The first key.
        from: &'a [u8],
        /// The key after the last.
        to: &'a [u8],
    },
}

/// The first byte of a change.
const PUT: u8 = 1;
const REMOVE: u8 = 2;
const REMOVE_RANGE: u8 = 3;

/// A batch is not what [`Batch`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where in the batch.
    pub at: usize,
}

impl Batch {
    /// Sets the value of a key.
    pub fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(&[PUT, table]);
        self.length(key.len());
        self.bytes.extend_from_slice(key);
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// Removes the value of a key.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.bytes.extend_from_slice(&[REMOVE, table]);
        self.length(key.len());
        self.bytes.extend_from_slice(key);
    }

    /// Removes the values of the keys from `from` on that are below `to`.
    pub fn remove_range(&mut self, table: Table, from: &[u8], to: &[u8]) {
        self.bytes.extend_from_slice(&[REMOVE_RANGE, table]);
        self.length(from.len());
        self.bytes.extend_from_slice(from);
        self.length(to.len());
        self.bytes.extend_from_slice(to);
    }

    /// Appends the changes of another batch.
    pub fn append(&mut self, other: &Batch) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Whether there is no change in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes it takes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Its bytes, as they are on disk.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its changes.
    ///
    /// # Errors
    /// None for a batch that was made with these methods.
    pub fn changes(&self) -> Changes<'_> {
        Changes::of(&self.bytes)
    }

    fn length(&mut self, length: usize) {
        let mut left = length as u64;
        while left >= 0x80 {
            self.bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        self.bytes.push(left as u8);
    }
}

/// The changes of a batch, in order.
#[derive(Clone, Debug)]
pub struct Changes<'a> {
    bytes: &'a [u8],
    at: usize,
    failed: bool,
}

impl<'a> Changes<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Changes { bytes, at: 0, failed: false }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn length(&mut self) -> Option<usize> {
        let mut length = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(length).ok();
            }
        }
        None
    }

    fn piece(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let range: Range<usize> = self.at..self.at.checked_add(length)?;
        let piece = self.bytes.get(range.clone())?;
        self.at = range.end;
        Some(piece)
    }

    fn change(&mut self) -> Option<Change<'a>> {
        let (kind, table) = (self.byte()?, self.byte()?);
        Some(match kind {
            PUT => Change::Put { table, key: self.piece()?, value: self.piece()? },
            REMOVE => Change::Remove { table, key: self.piece()? },
            REMOVE_RANGE => Change::RemoveRange { table, from: self.piece()?, to: self.piece()? },
            _ => return None,
        })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Result<Change<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.at == self.bytes.len() {
            return None;
        }
        let at = self.at;
        let change = self.change().ok_or(Malformed { at });
        self.failed = change.is_err();
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn changes_are_read_back(
            changes in prop::collection::vec((0_u8..3, any::<u8>(), any::<Vec<u8>>(), any::<Vec<u8>>()), 0..20),
        ) {
            let mut batch = Batch::default();
            let mut expected = Vec::new();
            for (kind, table, a, b) in &changes {
                match kind {
                    0 => { batch.put(*table, a, b); expected.push(Change::Put { table: *table, key: a, value: b }) }
                    1 => { batch.remove(*table, a); expected.push(Change::Remove { table: *table, key: a }) }
                    _ => {
                        batch.remove_range(*table, a, b);
                        expected.push(Change::RemoveRange { table: *table, from: a, to: b })
                    }
                }
            }
            let read: Result<Vec<_>, _> = batch.changes().collect();
            prop_assert_eq!(read, Ok(expected));
        }

        #[test]
        fn any_bytes_can_be_read(bytes in any::<Vec<u8>>()) {
            let changes: Vec<_> = Changes::of(&bytes).collect();
            prop_assert!(changes.len() <= bytes.len());
        }
    }
}
