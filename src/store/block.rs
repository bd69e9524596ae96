//! The memory of one object: a single allocation that holds its header, the object itself, and the key that it was made
//! for.
//!
//! A service hosts millions of small objects. Four allocations for each (the key, the cell, the object in its box, the
//! entry of the table) took 247 bytes where one takes 99, and a call had to follow four pointers, each to memory that
//! is in no cache, where it now follows one.

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

/// What stands before the object.
pub(super) struct Header {
    /// How many [cells](super::Cell) share the object. At 0 it goes.
    pub(super) shares: AtomicU32,
    /// How many [`Block`]s there are. At 0 the memory goes.
    blocks: AtomicU32,
    pub(super) lock: Lock,
    /// The length of the name, in bytes.
    name: u32,
    /// Which object of its service it is.
    pub(super) count: u64,
    /// Of its mapping under its own name, if there is one: written and read under the lock of that name's shard.
    pub(super) generation: AtomicU64,
    pub(super) kind: Arc<Kind>,
}

/// One hold on the memory, counted. It says nothing of the object in it: that is there until [`Block::object`] is
/// dropped in place, which this does not.
pub(super) struct Block(NonNull<Header>);

// SAFETY: the header is `Send + Sync`, the name is never written again, and the object is `Send + Sync` (supertraits of
// `Object`); who comes to it, and when, is for `Cell` to say.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// Moves `object` out of its box, to lie beside its name.
    ///
    /// # Panics
    /// If `object` is not of that kind.
    pub(super) fn new(object: NewObject, kind: Arc<Kind>, name: &str, count: u64) -> Self {
        assert!(kind.is_of(&*object), "an object is hosted as what it is");
        let length = u32::try_from(name.len()).expect("a key is no longer than the limit, which is a u32");
        let (layout, object_at, name_at) = (layout(&kind, name.len()), kind.object_at(), kind.name_at());
        let header = Header {
            shares: AtomicU32::new(1),
            blocks: AtomicU32::new(1),
            lock: Lock::default(),
            name: length,
            count,
            generation: AtomicU64::new(0),
            kind,
        };
        // SAFETY: the layout has a size, that of the header at least.
        let memory = unsafe { alloc(layout) };
        let Some(block) = NonNull::new(memory.cast::<Header>()) else { handle_alloc_error(layout) };
        let object = Box::into_raw(object);
        // SAFETY: the three places lie within the new allocation, beside one another and aligned: so says the kind, and
        // the object is of that kind. Once its bytes are copied the value lives here; the box is freed as that of a
        // `ManuallyDrop`, which drops no value.
        unsafe {
            block.as_ptr().write(header);
            memory.add(object_at).copy_from_nonoverlapping(object.cast::<u8>(), size_of_val(&*object));
            memory.add(name_at).copy_from_nonoverlapping(name.as_ptr(), name.len());
            drop(Box::from_raw(object as *mut ManuallyDrop<dyn Object>));
        }
        Block(block)
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: written in `new`, dropped with the last block only; and never borrowed exclusively before.
        unsafe { self.0.as_ref() }
    }

    /// The key that the object was made for; empty if for none.
    pub(super) fn name(&self) -> &str {
        let header = self.header();
        // SAFETY: the bytes of a `str` were written there in `new`, that many, and nothing writes there again.
        unsafe {
            let name = self.0.as_ptr().cast::<u8>().add(header.kind.name_at());
            str::from_utf8_unchecked(slice::from_raw_parts(name, header.name as usize))
        }
    }

    /// Where the object is. To use it is up to who knows that it is still there, and that nobody else is at it.
    pub(super) fn object(&self) -> *mut dyn Object {
        let kind = &self.header().kind;
        // SAFETY: it lies within the allocation, which has room for the kind's objects there.
        let object = unsafe { self.0.as_ptr().cast::<u8>().add(kind.object_at()) };
        kind.view(object.cast())
    }

    /// Exchanges the object for another of its kind, which is in the box afterwards; otherwise gives `false`.
    ///
    /// # Safety
    /// The object is there, and nobody else uses it meanwhile.
    pub(super) unsafe fn exchange(&self, other: &mut dyn Object) -> bool {
        if !self.header().kind.is_of(other) {
            return false;
        }
        let size = size_of_val(other);
        // SAFETY: both are values of one type, of that size, in different places; the caller says that nobody is at
        // ours, and the other is borrowed exclusively.
        unsafe { ptr::swap_nonoverlapping(self.object().cast::<u8>(), ptr::from_mut(other).cast::<u8>(), size) };
        true
    }

    /// Another pointer to the same, which is not counted. It can be used as long as the one that it was made from, or
    /// one that was counted in its stead.
    pub(super) fn uncounted(&self) -> ManuallyDrop<Block> {
        ManuallyDrop::new(Block(self.0))
    }
}

/// One hold more.
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
        // What others did with it before they let go comes before what is done here.
        fence(Ordering::Acquire);
        let layout = layout(&self.header().kind, self.header().name as usize);
        // SAFETY: this was the last, so nobody borrows the header, and nobody comes to the memory again. The layout is
        // that which it was allocated with: of the same kind and the same name.
        unsafe {
            ptr::drop_in_place(self.0.as_ptr());
            dealloc(self.0.as_ptr().cast(), layout);
        }
    }
}

/// Adds to a count of holds.
pub(super) fn count_one(count: &AtomicU32) {
    // As in `Arc`: holds are forgotten, not made, in such numbers, and a count that overflows would free what is in
    // use.
    if count.fetch_add(1, Ordering::Relaxed) > u32::MAX / 2 {
        std::process::abort();
    }
}

/// The layout of a block for an object of that kind, with a name so long.
fn layout(kind: &Kind, name: usize) -> Layout {
    let size = kind.name_at().checked_add(name);
    let layout = size.and_then(|size| Layout::from_size_align(size, kind.align()).ok());
    layout.expect("an object and a key that are in memory leave room for one another")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_object_takes_little() {
        assert_eq!(size_of::<Header>(), 40, "each byte is there a million times");
    }
}
