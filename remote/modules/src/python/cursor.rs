//! Iteration in chunks: where it stands, and whether it may go on.
//!
//! A collection keeps nothing for those who iterate over it. Each chunk comes with a [`Cursor`], which asks for the
//! next one; so an iteration that is abandoned leaves nothing behind. The cursor carries the [`Stamp`] of the
//! collection, by which it is told whether that was changed meanwhile.

use crate::Exception;
use serde::{Deserialize, Serialize};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tarmem_remote::context::Context;
use tarmem_remote::value::Value;

/// How many elements a chunk has if nobody says.
pub const CHUNK_ITEMS: u32 = 1_024;

/// The most elements that a chunk has, so that one is quickly made.
pub const CHUNK_ITEMS_LIMIT: u32 = 16_384;

/// About the most bytes that a chunk takes on its way: 256 KiB, and less where results have to be smaller. A single
/// element that is larger comes alone.
pub const CHUNK_BYTES: usize = 256 << 10;

/// What a chunk takes besides its elements, at most.
const CHUNK_FRAME: usize = 256;

/// Tells one state of a collection from another: a number that no other state has, nor any other collection.
///
/// It is given out when somebody asks, and forgotten with each change; so changes cost nothing but that. A clone is in
/// the same state, until one of the two changes.
#[derive(Debug, Default)]
pub struct Stamp(AtomicU64);

impl Stamp {
    /// Returns the number of this state.
    pub fn get(&self) -> u64 {
        // Whoever changes the collection has it alone: nothing but the number itself is to be agreed upon here.
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

    /// It is another state from now on.
    pub fn change(&mut self) {
        *self.0.get_mut() = 0;
    }
}

/// A number that was not given out yet. The first one is random, so that a service does not take the cursors of the one
/// before it for its own; all fit the 53 bits that a number has in JSON.
fn fresh() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new((RandomState::new().hash_one(0) >> 12) | 1));
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Clone for Stamp {
    fn clone(&self) -> Self {
        Stamp(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

/// It is no part of what a collection is worth.
impl PartialEq for Stamp {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Stamp {}

/// Where an iteration stands. Only the collection that gave it can tell what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    at: u64,
    len: u64,
    stamp: u64,
}

impl Cursor {
    /// Returns the cursor that was given, if it is of this very state; an iteration that begins, without one.
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

    /// As [`resume`](Self::resume), of what is called `what` and may change, but has to be the same object still.
    ///
    /// # Errors
    /// `RuntimeError` if it is another one.
    pub(crate) fn of_same(cursor: Option<Cursor>, stamp: &Stamp, what: &str) -> Result<Self, Exception> {
        Self::resume(cursor, stamp, 0)
            .map_err(|_| Exception::RuntimeError(format!("another {what} took its place during iteration")))
    }

    /// Returns the position that it stands at; beyond the end for one that nobody gave out.
    pub(crate) fn at(&self) -> usize {
        usize::try_from(self.at).unwrap_or(usize::MAX)
    }
}

/// Some elements of a collection, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// The elements.
    pub items: Vec<Value>,
    /// What to ask for the rest with; null at the end.
    pub next: Option<Cursor>,
    /// Whether there was a rest when this chunk was made. Without one, the next chunk tells whether it is still so.
    pub more: bool,
}

impl Chunk {
    /// Returns the first of `items`, within the bounds of a chunk: `limit` elements, and what the result of this call
    /// may take. Each comes with the position after it.
    ///
    /// Of a collection that can change, the end is told by a chunk without elements: so that a change is noticed until
    /// then. `fixed` says that it cannot. A limit of zero gives no element, and the cursor at which it stands: so that
    /// a change is noticed from then on.
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

/// Returns the most bytes that a value takes on the wire.
fn encoded(value: &Value) -> usize {
    /// A kind, and a length.
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
