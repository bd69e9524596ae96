//! One object: its lock, its guards, and whether it is poisoned.

use super::block::{Block, count_one};
use super::bury::{Remains, bury};
use super::kind::Kind;
use super::lock::Use;
use std::borrow::Borrow;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use tarmem_remote::describe::NewObject;
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::registry::ClassInfo;
use uuid::Uuid;

/// A share in an object and its lock, which admits many readers or one writer, in order of arrival.
///
/// Works like an `Arc`: a clone is another share in the same object, and the object is dropped with the last share.
///
/// A guard borrows the cell or owns a share in it. With its own share, a call that holds the object can move to another
/// task or thread.
pub(crate) struct Cell {
    /// All shares of an object have one block together, which the last share drops.
    block: ManuallyDrop<Block>,
}

/// A place for an object that is not there yet, although others may refer to it already. Who wants to use the object
/// finds it poisoned.
pub(crate) struct Vacant {
    cell: Cell,
}

/// Knows an object without keeping it alive.
pub(crate) struct WeakCell {
    block: Block,
}

/// A method panicked while it was changing the object. Who knows what the caller calls the object makes an error of it.
#[derive(Debug)]
pub(crate) struct Poisoned;

impl Poisoned {
    /// The error for the caller, who named the object so.
    #[cold]
    pub(crate) fn of(self, target: impl Into<String>) -> Error {
        Error::Poisoned { target: target.into() }
    }
}

impl Cell {
    /// Places `object` in memory, beside `name`, the key that it is made for (empty if there is none).
    pub(super) fn new(object: NewObject, kind: Arc<Kind>, name: &str, count: u64) -> Self {
        kind.begins();
        // The block starts with a count of one share, this one, and one block for all shares.
        Cell { block: ManuallyDrop::new(Block::new(object, kind, name, count)) }
    }

    /// The object's number within its service.
    pub(crate) fn count(&self) -> u64 {
        self.block.header().count
    }

    pub(crate) fn id(&self) -> Uuid {
        let header = self.block.header();
        header.kind.id(header.count)
    }

    pub(crate) fn class(&self) -> &Arc<ClassInfo> {
        self.block.header().kind.class()
    }

    /// Whether calls of the object may be kept in place of its state.
    pub(super) fn replays(&self) -> bool {
        self.block.header().kind.replays()
    }

    /// The key that the object was made for; empty if there was none. It need not be mapped to the object now.
    pub(super) fn name(&self) -> &str {
        self.block.name()
    }

    /// The generation of the object's mapping under its name. To be read and set under the lock of that key's shard.
    pub(super) fn generation(&self) -> u64 {
        self.block.header().generation.load(Ordering::Relaxed)
    }

    pub(super) fn set_generation(&self, generation: u64) {
        self.block.header().generation.store(generation, Ordering::Relaxed);
    }

    /// How many shares there are.
    pub(crate) fn shares(&self) -> usize {
        self.block.header().shares.load(Ordering::Acquire) as usize
    }

    pub(crate) fn downgrade(&self) -> WeakCell {
        WeakCell { block: Block::clone(&self.block) }
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.block.header().lock.is_poisoned()
    }

    /// Marks the object as poisoned: a method panicked while it was changing the object, whose state is now unknown.
    pub(crate) fn poison(&self) {
        self.block.header().lock.poison();
    }

    /// Clears the poison.
    pub(crate) fn clear_poison(&self) {
        self.block.header().lock.clear_poison();
    }

    /// Whether the object has changed, and that is not on disk yet.
    #[inline]
    pub(super) fn is_changed(&self) -> bool {
        self.block.header().lock.is_changed()
    }

    pub(super) fn set_changed(&self, changed: bool) {
        self.block.header().lock.set_changed(changed);
    }

    /// Whether the object was taken away.
    pub(super) fn is_empty(&self) -> bool {
        self.block.header().lock.is_empty()
    }

    fn check(&self) -> Result<(), Poisoned> {
        if self.is_poisoned() { Err(Poisoned) } else { Ok(()) }
    }

    /// That it is poisoned, for callers that know it by a reference only.
    pub(crate) fn poisoned(&self, poisoned: Poisoned) -> Error {
        poisoned.of(format!("object {}", self.id()))
    }

    fn try_acquire(&self, wants: Use) -> bool {
        self.block.header().lock.try_acquire(wants)
    }

    /// Locks the object for shared use, unless that would have to wait.
    pub(crate) fn try_read(&self) -> Option<Result<ReadGuard<&Cell>, Poisoned>> {
        self.try_acquire(Use::Shared).then(|| ReadGuard { cell: self }.checked())
    }

    /// Locks the object for exclusive use, unless that would have to wait.
    pub(crate) fn try_write(&self) -> Option<Result<WriteGuard<&Cell>, Poisoned>> {
        self.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: self }.checked())
    }

    /// Like [`try_read`](Self::try_read), with a guard that owns a share.
    pub(crate) fn try_read_owned(&self) -> Option<Result<ReadGuard, Poisoned>> {
        self.try_acquire(Use::Shared).then(|| ReadGuard { cell: self.clone() }.checked())
    }

    /// Like [`try_write`](Self::try_write), with a guard that owns a share.
    pub(crate) fn try_write_owned(&self) -> Option<Result<WriteGuard, Poisoned>> {
        self.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: self.clone() }.checked())
    }

    /// Locks the object for shared use, after those who came before.
    pub(crate) async fn read(&self) -> Result<ReadGuard, Poisoned> {
        self.block.header().lock.acquire(Use::Shared).await;
        ReadGuard { cell: self.clone() }.checked()
    }

    /// Like [`read_even_poisoned`](Self::read_even_poisoned), unless that would have to wait.
    pub(super) fn try_read_even_poisoned(&self) -> Option<Result<ReadGuard<&Cell>, Poisoned>> {
        self.try_acquire(Use::Shared).then(|| {
            let guard = ReadGuard { cell: self };
            if self.block.header().lock.is_empty() { Err(Poisoned) } else { Ok(guard) }
        })
    }

    /// Like [`read`](Self::read), but also locks a poisoned object, unless it was taken away.
    pub(crate) async fn read_even_poisoned(&self) -> Result<ReadGuard, Poisoned> {
        self.block.header().lock.acquire(Use::Shared).await;
        let guard = ReadGuard { cell: self.clone() };
        // The object cannot be taken away while this guard holds the lock.
        if self.block.header().lock.is_empty() { Err(Poisoned) } else { Ok(guard) }
    }

    /// Locks the object for exclusive use, after those who came before.
    pub(crate) async fn write(&self) -> Result<WriteGuard, Poisoned> {
        self.block.header().lock.acquire(Use::Exclusive).await;
        WriteGuard { cell: self.clone() }.checked()
    }
}

impl Vacant {
    /// Makes a place for an object of this kind, beside `name`, the key that it is mapped to (empty if there is none).
    pub(super) fn new(kind: Arc<Kind>, name: &str, count: u64) -> Self {
        let cell = Cell { block: ManuallyDrop::new(Block::vacant(kind, name, count)) };
        // The last share drops no object.
        cell.block.header().lock.empty();
        Vacant { cell }
    }

    /// The place, for references to the object that will be there.
    pub(crate) fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Puts the object there, which may be poisoned. Returns false if it is of another class: then there will never be
    /// one.
    pub(crate) fn fill(self, object: NewObject, is_poisoned: bool) -> bool {
        let header = self.cell.block.header();
        if !header.kind.is_of(&*object) || !header.lock.try_acquire(Use::Exclusive) {
            return false;
        }
        header.kind.begins();
        // SAFETY: there is no object, since only this value can put one there, and it ends here; the object is of this
        // kind; and the lock is held exclusively.
        unsafe { self.cell.block.place(object) };
        header.lock.filled();
        if is_poisoned {
            header.lock.poison();
        }
        header.lock.release(Use::Exclusive);
        true
    }
}

impl Clone for Cell {
    fn clone(&self) -> Self {
        count_one(&self.block.header().shares);
        Cell { block: self.block.uncounted() }
    }
}

impl Drop for Cell {
    #[inline]
    fn drop(&mut self) {
        if self.block.header().shares.fetch_sub(1, Ordering::Release) == 1 {
            self.drop_last();
        }
    }
}

impl Cell {
    /// The last share is gone, and so is the object.
    #[inline(never)]
    fn drop_last(&mut self) {
        // Everything that was done through other shares happens before what follows.
        fence(Ordering::Acquire);
        let taken = self.block.header().lock.is_empty();
        // SAFETY: this was the last share, and it is not used again. So the block that all shares have together is
        // taken once.
        let block = unsafe { ManuallyDrop::take(&mut self.block) };
        block.header().kind.dropped(block.header().count);
        if !taken {
            // SAFETY: no share is left, so there is no guard and there will be none; and nobody took the object before.
            bury(unsafe { Remains::new(block) });
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class().entry().path, self.id())
    }
}

impl Clone for WeakCell {
    fn clone(&self) -> Self {
        WeakCell { block: Block::clone(&self.block) }
    }
}

impl WeakCell {
    /// A new share, unless none is left.
    pub(crate) fn upgrade(&self) -> Option<Cell> {
        let one_more = |shares: u32| (shares != 0 && shares <= u32::MAX / 2).then(|| shares + 1);
        let shares = &self.block.header().shares;
        shares.fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more).ok()?;
        Some(Cell { block: self.block.uncounted() })
    }

    /// Whether any share is left.
    pub(crate) fn is_alive(&self) -> bool {
        self.block.header().shares.load(Ordering::Acquire) > 0
    }
}

// Why the guards may hand out references: only a cell makes them, whose share keeps the object in its place, and only
// after the lock was acquired for that use. They are kept only if `checked` or `read_even_poisoned` finds that the
// object is there (an object that was taken away is poisoned, and stays so). The lock is released in their `Drop` and
// nowhere else. So there is any number of `ReadGuard`s, or one `WriteGuard`.

/// Shared use of an object. Dropping the guard releases the lock.
pub(crate) struct ReadGuard<C: Borrow<Cell> = Cell> {
    cell: C,
}

impl<C: Borrow<Cell>> ReadGuard<C> {
    /// The running operation looks at the object: its result does not leave before the object's last change is on disk.
    pub(crate) fn saw(&self) {
        let cell = self.cell.borrow();
        if let Some(keeping) = cell.block.header().kind.keeping() {
            keeping.saw(cell);
        }
    }

    fn checked(self) -> Result<Self, Poisoned> {
        self.cell.borrow().check()?;
        Ok(self)
    }

    pub(crate) fn class(&self) -> &ClassInfo {
        self.cell.borrow().class()
    }

    pub(crate) fn cell(&self) -> &Cell {
        self.cell.borrow()
    }
}

impl ReadGuard<&Cell> {
    /// The same guard, with its own share.
    pub(crate) fn into_owned(self) -> ReadGuard {
        let cell = self.cell.clone();
        // The lock stays acquired; the new guard will release it.
        std::mem::forget(self);
        ReadGuard { cell }
    }
}

impl<C: Borrow<Cell>> Deref for ReadGuard<C> {
    type Target = dyn Object;

    fn deref(&self) -> &Self::Target {
        // SAFETY: this guard holds the lock shared, so no `WriteGuard` exists, and the object is there: see above.
        unsafe { &*self.cell.borrow().block.object() }
    }
}

impl<C: Borrow<Cell>> Drop for ReadGuard<C> {
    fn drop(&mut self) {
        self.cell.borrow().block.header().lock.release(Use::Shared);
    }
}

/// Exclusive use of an object. Dropping the guard releases the lock.
pub(crate) struct WriteGuard<C: Borrow<Cell> = Cell> {
    cell: C,
}

impl<C: Borrow<Cell>> WriteGuard<C> {
    pub(crate) fn cell(&self) -> &Cell {
        self.cell.borrow()
    }

    fn checked(self) -> Result<Self, Poisoned> {
        self.cell.borrow().check()?;
        Ok(self)
    }

    pub(crate) fn class(&self) -> &ClassInfo {
        self.cell.borrow().class()
    }

    /// To be called before the object is used for longer than a batch of the journal is open.
    pub(crate) fn before_long_use(&self) {
        let cell = self.cell.borrow();
        if let Some(keeping) = cell.block.header().kind.keeping() {
            keeping.before_long_use(cell, &**self);
        }
    }

    /// Takes the object away for good. Later callers find it poisoned.
    pub(crate) fn take(self) -> Remains {
        let block = &self.cell.borrow().block;
        block.header().lock.empty();
        // SAFETY: this guard holds the lock exclusively and ends here; no other is made, since the object is poisoned
        // now. The last share leaves the object alone, since the lock says that it was taken away.
        unsafe { Remains::new(Block::clone(block)) }
    }

    /// Replaces the object with another value of its class, and returns the old value. A value of another class is
    /// returned, and the object poisoned.
    pub(crate) fn replace(&mut self, mut object: NewObject) -> NewObject {
        let cell = self.cell.borrow();
        // SAFETY: as for `deref_mut`.
        if !unsafe { cell.block.exchange(&mut *object) } {
            cell.poison();
        }
        object
    }
}

impl WriteGuard<&Cell> {
    /// The same guard, with its own share.
    pub(crate) fn into_owned(self) -> WriteGuard {
        let cell = self.cell.clone();
        // As for a `ReadGuard`.
        std::mem::forget(self);
        WriteGuard { cell }
    }
}

impl<C: Borrow<Cell>> Deref for WriteGuard<C> {
    type Target = dyn Object;

    fn deref(&self) -> &Self::Target {
        // SAFETY: this guard holds the lock exclusively, so no other guard exists, and the object is there: see above.
        unsafe { &*self.cell.borrow().block.object() }
    }
}

impl<C: Borrow<Cell>> DerefMut for WriteGuard<C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as in `deref`; and this guard is itself borrowed exclusively.
        unsafe { &mut *self.cell.borrow().block.object() }
    }
}

impl<C: Borrow<Cell>> Drop for WriteGuard<C> {
    fn drop(&mut self) {
        self.cell.borrow().block.header().lock.release(Use::Exclusive);
    }
}

#[cfg(test)]
mod tests;
