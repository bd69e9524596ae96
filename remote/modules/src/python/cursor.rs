//! Iteration in chunks: its position, and whether it can go on.
//!
//! A collection keeps nothing for its iterations. Each chunk comes with a [`Cursor`], by which the next one is
//! requested; so an iteration that is abandoned leaves nothing behind. The cursor carries the [`Stamp`] of the
//! collection, which tells whether the collection was changed between chunks.

use crate::Exception;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tarmem_remote::context::Context;
use tarmem_remote::value::Value;

/// The number of elements in a chunk by default.
pub const CHUNK_ITEMS: u32 = 1_024;

/// The maximum number of elements in a chunk, so that a chunk is made quickly.
pub const CHUNK_ITEMS_LIMIT: u32 = 16_384;

/// The approximate maximum size of a chunk on the wire: 256 KiB, or less where results must be smaller. A single
/// element that is larger comes alone.
pub const CHUNK_BYTES: usize = 256 << 10;

/// The maximum size of a chunk without its elements.
const CHUNK_FRAME: usize = 256;

/// Identifies a state of a collection by a number that no other state has, nor any state of another collection.
///
/// The number is chosen when it is asked for, and forgotten with each change, so changes cost hardly anything. A clone
/// is in the same state until one of the two changes.
///
/// # Examples
///
/// ```
/// use tarmem_modules::python::Stamp;
///
/// let mut stamp = Stamp::default();
/// let before = stamp.get();
/// assert_eq!(stamp.get(), before);
/// stamp.change();
/// assert_ne!(stamp.get(), before);
/// ```
#[derive(Debug, Default)]
pub struct Stamp(AtomicU64);

impl Stamp {
    /// Returns the number of this state.
    pub fn get(&self) -> u64 {
        // Only one caller at a time can change the collection, so no other memory has to be synchronized.
        let known = self.0.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let fresh = fresh();
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => fresh,
            Err(known) => known,
        }
    }

    /// Marks a change: the state is another one from now on.
    pub fn change(&mut self) {
        *self.0.get_mut() = 0;
    }
}

/// Returns a number that was not given out yet. The first one is random, so that a service does not accept the cursors
/// of an earlier one. All fit the 53 bits of a number in JSON.
fn fresh() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new((RandomState::new().hash_one(0) >> 12) | 1));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Clone for Stamp {
    fn clone(&self) -> Self {
        Stamp(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// Stamps are always equal: they are not part of a collection's contents.
impl PartialEq for Stamp {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Stamp {}

/// The position of an iteration. Only the collection that made it can interpret it.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ListProxy;
/// use tarmem_modules::python::Cursor;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let list = session.memoize("numbers", ListProxy::new(vec![1, 2, 3])).await?;
/// let first = list.iter_chunk(None, Some(2)).await?;
/// let cursor: Cursor = first.next.expect("there are more elements");
/// let second = list.iter_chunk(Some(cursor), Some(2)).await?;
/// assert_eq!(second.items, [3.into()]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    at: u64,
    len: u64,
    stamp: u64,
}

impl Cursor {
    /// Returns the given cursor if it belongs to this very state, or, without one, a cursor at the beginning.
    ///
    /// # Errors
    /// The length that the collection had, if it was changed since.
    pub(crate) fn resume(cursor: Option<Cursor>, stamp: &Stamp, len: usize) -> Result<Self, usize> {
        let stamp = stamp.get();
        match cursor {
            None => Ok(Cursor { at: 0, len: len as u64, stamp }),
            Some(cursor) if cursor.stamp == stamp => Ok(cursor),
            Some(cursor) => Err(usize::try_from(cursor.len).unwrap_or(usize::MAX)),
        }
    }

    /// As [`resume`](Self::resume), for a collection that may change between chunks, but must be the same object.
    /// `what` is its name in errors.
    ///
    /// # Errors
    /// `RuntimeError` if it is another object.
    pub(crate) fn of_same(cursor: Option<Cursor>, stamp: &Stamp, what: &str) -> Result<Self, Exception> {
        Self::resume(cursor, stamp, 0)
            .map_err(|_| Exception::RuntimeError(format!("another {what} took its place during iteration")))
    }

    /// Returns the position, which is beyond the end if the cursor is not one that was given out.
    pub(crate) fn at(&self) -> usize {
        usize::try_from(self.at).unwrap_or(usize::MAX)
    }
}

/// A part of the elements of a collection, in their order.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ListProxy;
/// use tarmem_modules::python::Chunk;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let list = session.memoize("numbers", ListProxy::new(vec![1, 2, 3])).await?;
/// let chunk: Chunk = list.iter_chunk(None, Some(2)).await?;
/// assert_eq!(chunk.items, [1.into(), 2.into()]);
/// assert!(chunk.more);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// The elements.
    pub items: Vec<Value>,
    /// The cursor by which to request the next chunk; null at the end.
    pub next: Option<Cursor>,
    /// Whether there were more elements when this chunk was made. If not, the next chunk tells whether that is still
    /// so.
    pub more: bool,
}

impl Chunk {
    /// Collects the first of `items` into a chunk: up to `limit` elements, and as many bytes as the result of this call
    /// can have. Each item comes with the position after it.
    ///
    /// If the collection can change, the end is reported by a chunk without elements, so that a change before that is
    /// noticed. `fixed` means that it cannot change. With a limit of zero, the chunk has no elements, and the cursor of
    /// the current position, so that a change after that is noticed.
    pub(crate) fn collect(
        ctx: &Context,
        cursor: Cursor,
        limit: Option<u32>,
        fixed: bool,
        items: impl Iterator<Item = (usize, Value)>,
    ) -> Self {
        let most = limit.unwrap_or(CHUNK_ITEMS).min(CHUNK_ITEMS_LIMIT) as usize;
        let mut room = CHUNK_BYTES.min(ctx.result_bytes()).saturating_sub(CHUNK_FRAME);
        let mut chunk = Chunk { items: Vec::new(), next: None, more: false };
        let mut at = cursor.at;
        for (after, item) in items {
            let bytes = encoded(&item);
            if chunk.items.len() == most || (bytes > room && !chunk.items.is_empty()) {
                chunk.more = true;
                break;
            }
            room = room.saturating_sub(bytes);
            chunk.items.push(item);
            at = after as u64;
        }
        let ended = fixed || (chunk.items.is_empty() && most > 0);
        if chunk.more || !ended {
            chunk.next = Some(Cursor { at, ..cursor });
        }
        chunk
    }
}

/// Returns the maximum size of a value on the wire.
fn encoded(value: &Value) -> usize {
    /// The kind and the length.
    const HEAD: usize = 11;
    HEAD + match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Int(n) => 9 + HEAD + n.weight(),
        Value::Float(_) => 9 + HEAD,
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Ref(reference) => 2 * HEAD + reference.class().len(),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(encoded).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| encoded(key) + encoded(value)).sum(),
    }
}
