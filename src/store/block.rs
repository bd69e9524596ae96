//! The memory of one object: a single allocation that holds its header, the object itself, and the key that it was made
//! for.
//!
//! A service hosts millions of small objects. With four allocations for each (the key, the cell, the boxed object and
//! the table entry), an object took 247 bytes; with one it takes 99. A call now follows one pointer to memory that is
//! in no cache, instead of four.

use super::kind::Kind;
use super::lock::Lock;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use tarmem_remote::describe::NewObject;
use tarmem_remote::object::Object;

/// What precedes the object in a block.
pub(super) struct Header {
    /// How many [cells](super::Cell) share the object. When it reaches 0, the object is dropped.
    pub(super) shares: AtomicU32,
    /// How many [`Block`]s there are. When it reaches 0, the memory is freed.
    blocks: AtomicU32,
    pub(super) lock: Lock,
    /// The length of the name, in bytes.
    name: u32,
    /// The object's number within its service.
    pub(super) count: u64,
    /// The generation of the mapping under the object's own name, if it is mapped. Read and written under the lock of
    /// that name's shard.
    pub(super) generation: AtomicU64,
    pub(super) kind: Arc<Kind>,
}

/// A counted hold on the memory of one object. It says nothing about the object itself, which is there until
/// [`Block::object`] is dropped in place. Dropping a `Block` does not do that.
pub(super) struct Block(NonNull<Header>);

// SAFETY: the header is `Send + Sync`, the name is never written again, and the object is `Send + Sync` (supertraits of
// `Object`). `Cell` decides who may use the object, and when.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// Moves `object` out of its box and places it beside its name.
    ///
    /// # Panics
    /// If `object` is not of the given kind.
    pub(super) fn new(object: NewObject, kind: Arc<Kind>, name: &str, count: u64) -> Self {
        assert!(kind.is_of(&*object), "an object is hosted as one of its own class");
        let block = Self::vacant(kind, name, count);
        // SAFETY: nobody else has the block yet, and it has room for an object of this kind.
        unsafe { block.place(object) };
        block
    }

    /// Makes room for an object of this kind beside its name, without an object in it.
    pub(super) fn vacant(kind: Arc<Kind>, name: &str, count: u64) -> Self {
        let length = u32::try_from(name.len()).expect("a key is no longer than the limit, which is a u32");
        let (layout, name_at) = (layout(&kind, name.len()), kind.name_at());
        let header = Header {
            shares: AtomicU32::new(1),
            blocks: AtomicU32::new(1),
            lock: Lock::default(),
            name: length,
            count,
            generation: AtomicU64::new(0),
            kind,
        };
        // SAFETY: the layout has a size: at least that of the header.
        let memory = unsafe { alloc(layout) };
        let Some(block) = NonNull::new(memory.cast::<Header>()) else { handle_alloc_error(layout) };
        // SAFETY: the kind says that the places lie within the new allocation, aligned and without overlap.
        unsafe {
            block.as_ptr().write(header);
            memory.add(name_at).copy_from_nonoverlapping(name.as_ptr(), name.len());
        }
        Block(block)
    }

    /// Moves `object` out of its box, to where it belongs.
    ///
    /// # Safety
    /// The object is of this block's kind, there is none in the block, and nobody else uses its place during the call.
    pub(super) unsafe fn place(&self, object: NewObject) {
        let object = Box::into_raw(object);
        // SAFETY: the kind says that the place lies within the allocation, and the object is of that kind. Once its
        // bytes are copied, the value lives here; the box is freed as a box of `ManuallyDrop`, which drops no value.
        unsafe {
            let place = self.0.as_ptr().cast::<u8>().add(self.header().kind.object_at());
            place.copy_from_nonoverlapping(object.cast::<u8>(), size_of_val(&*object));
            drop(Box::from_raw(object as *mut ManuallyDrop<dyn Object>));
        }
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: the header is written in `new`, is dropped only with the last block, and is not borrowed exclusively
        // before that.
        unsafe { self.0.as_ref() }
    }

    /// The key that the object was made for; empty if there was none.
    pub(super) fn name(&self) -> &str {
        let header = self.header();
        // SAFETY: `new` wrote the bytes of a `str` of this length there, and nothing writes there again.
        unsafe {
            let name = self.0.as_ptr().cast::<u8>().add(header.kind.name_at());
            str::from_utf8_unchecked(slice::from_raw_parts(name, header.name as usize))
        }
    }

    /// Where the object is. Before using it, the caller has to make sure that it is still there and that nobody else is
    /// using it.
    pub(super) fn object(&self) -> *mut dyn Object {
        let kind = &self.header().kind;
        // SAFETY: the place lies within the allocation, which has room for an object of this kind there.
        let object = unsafe { self.0.as_ptr().cast::<u8>().add(kind.object_at()) };
        kind.view(object.cast())
    }

    /// Exchanges the object with `other`, if that is of the same kind. Returns whether it was.
    ///
    /// # Safety
    /// The object is there, and nobody else uses it during the call.
    pub(super) unsafe fn exchange(&self, other: &mut dyn Object) -> bool {
        if !self.header().kind.is_of(other) {
            return false;
        }
        let size = size_of_val(other);
        // SAFETY: both are values of one type, of that size, in different places; the caller guarantees that nobody
        // uses ours, and the other is borrowed exclusively.
        unsafe { ptr::swap_nonoverlapping(self.object().cast::<u8>(), ptr::from_mut(other).cast::<u8>(), size) };
        true
    }

    /// Another pointer to the same block, which is not counted. It may be used as long as the block it was made from,
    /// or a counted one that replaces it, is alive.
    pub(super) fn uncounted(&self) -> ManuallyDrop<Block> {
        ManuallyDrop::new(Block(self.0))
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        count_one(&self.header().blocks);
        Block(self.0)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.header().blocks.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Everything that others did with the block before they dropped theirs happens before what follows.
        fence(Ordering::Acquire);
        let layout = layout(&self.header().kind, self.header().name as usize);
        // SAFETY: this was the last block, so nobody borrows the header, and nobody can reach the memory again. The
        // layout is the one it was allocated with, made from the same kind and the same name.
        unsafe {
            ptr::drop_in_place(self.0.as_ptr());
            dealloc(self.0.as_ptr().cast(), layout);
        }
    }
}

/// Adds one to a count of shares or blocks.
pub(super) fn count_one(count: &AtomicU32) {
    // As in `Arc`: such a number can only be reached by forgetting them, and a count that overflows would free memory
    // that is in use.
    if count.fetch_add(1, Ordering::Relaxed) > u32::MAX / 2 {
        std::process::abort();
    }
}

/// The layout of a block for an object of `kind`, with a name of `name` bytes.
fn layout(kind: &Kind, name: usize) -> Layout {
    let size = kind.name_at().checked_add(name);
    let layout = size.and_then(|size| Layout::from_size_align(size, kind.align()).ok());
    layout.expect("an object and a key that are in memory leave room for one another")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_object_takes_little_memory() {
        assert_eq!(size_of::<Header>(), 40, "each byte is there a million times");
    }
}
