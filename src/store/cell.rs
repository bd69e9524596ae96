//! One object: its lock, and whether it is poisoned.

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

/// A share in an object with its lock: many readers, or one writer, in the order in which they come.
///
/// It is as an `Arc` would be: a clone is another share in the same object, which goes with the last of them.
///
/// A guard borrows the cell, or owns a share, so that a call can be moved to another task or thread while it holds the
/// object.
pub(crate) struct Cell {
    /// All shares of an object have one hold on its memory together; the last share gives it up.
    block: ManuallyDrop<Block>,
}

/// What knows an object without keeping it.
pub(crate) struct WeakCell {
    block: Block,
}

impl Cell {
    /// Gives `object` a place, with the key beside it that it is made for, if there is one.
    pub(super) fn new(object: NewObject, kind: Arc<Kind>, name: &str, count: u64) -> Self {
        kind.begins();
        // It begins with one share, this one, and with the one hold of all shares.
        Cell { block: ManuallyDrop::new(Block::new(object, kind, name, count)) }
    }

    pub(crate) fn id(&self) -> Uuid {
        let header = self.block.header();
        header.kind.id(header.count)
    }

    pub(crate) fn class(&self) -> &Arc<ClassInfo> {
        self.block.header().kind.class()
    }

    /// The key that it was made for; empty if for none. It need not be mapped to it, or not any more.
    pub(super) fn name(&self) -> &str {
        self.block.name()
    }

    /// The generation of its mapping under its name. To be asked for, and set, under the lock of that key's shard.
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

    /// A method panicked while it was changing the object: nobody knows what state it is in.
    pub(crate) fn poison(&self) {
        self.block.header().lock.poison();
    }

    /// Somebody knows what state it is in, or does not mind.
    pub(crate) fn clear_poison(&self) {
        self.block.header().lock.clear_poison();
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_poisoned() { Err(self.poisoned()) } else { Ok(()) }
    }

    fn poisoned(&self) -> Error {
        Error::Poisoned { target: format!("object {}", self.id()) }
    }

    fn try_acquire(&self, wants: Use) -> bool {
        self.block.header().lock.try_acquire(wants)
    }

    /// The object, shared, if that needs no waiting.
    pub(crate) fn try_read(&self) -> Option<Result<ReadGuard<&Cell>, Error>> {
        self.try_acquire(Use::Shared).then(|| ReadGuard { cell: self }.checked())
    }

    /// The object, alone, if that needs no waiting.
    pub(crate) fn try_write(&self) -> Option<Result<WriteGuard<&Cell>, Error>> {
        self.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: self }.checked())
    }

    /// As [`try_read`](Self::try_read), with a guard that owns a share.
    pub(crate) fn try_read_owned(&self) -> Option<Result<ReadGuard, Error>> {
        self.try_acquire(Use::Shared).then(|| ReadGuard { cell: self.clone() }.checked())
    }

    /// As [`try_write`](Self::try_write), with a guard that owns a share.
    pub(crate) fn try_write_owned(&self) -> Option<Result<WriteGuard, Error>> {
        self.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: self.clone() }.checked())
    }

    /// The object, shared, after those who came before.
    pub(crate) async fn read(&self) -> Result<ReadGuard, Error> {
        self.block.header().lock.acquire(Use::Shared).await;
        ReadGuard { cell: self.clone() }.checked()
    }

    /// As [`read`](Self::read), of an object that is poisoned, too, if it is there.
    pub(crate) async fn read_even_poisoned(&self) -> Result<ReadGuard, Error> {
        self.block.header().lock.acquire(Use::Shared).await;
        let guard = ReadGuard { cell: self.clone() };
        // It is not taken away while this guard holds the lock.
        if self.block.header().lock.is_empty() { Err(self.poisoned()) } else { Ok(guard) }
    }

    /// The object, alone, after those who came before.
    pub(crate) async fn write(&self) -> Result<WriteGuard, Error> {
        self.block.header().lock.acquire(Use::Exclusive).await;
        WriteGuard { cell: self.clone() }.checked()
    }
}

impl Clone for Cell {
    fn clone(&self) -> Self {
        count_one(&self.block.header().shares);
        Cell { block: self.block.uncounted() }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let header = self.block.header();
        if header.shares.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // What was done by way of other shares comes before what is done here.
        fence(Ordering::Acquire);
        let taken = header.lock.is_empty();
        // SAFETY: this was the last share, and is used no more; so the hold that all shares have together is taken by
        // one.
        let block = unsafe { ManuallyDrop::take(&mut self.block) };
        if !taken {
            // SAFETY: no share is left, so no guard is, and none will be; and nobody took the object before.
            bury(unsafe { Remains::new(block) });
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class().entry().path, self.id())
    }
}

impl WeakCell {
    /// A share, unless there was none left.
    pub(crate) fn upgrade(&self) -> Option<Cell> {
        let one_more = |shares: u32| (shares != 0 && shares <= u32::MAX / 2).then(|| shares + 1);
        let shares = &self.block.header().shares;
        shares.fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more).ok()?;
        Some(Cell { block: self.block.uncounted() })
    }

    /// Whether there is a share left.
    pub(crate) fn is_alive(&self) -> bool {
        self.block.header().shares.load(Ordering::Acquire) > 0
    }
}

// Why the guards may hand out references: they are made only by a cell, whose share keeps the object in its place,
// after the lock was acquired for that use, and they are kept only if `checked`, or `read_even_poisoned`, finds that
// the object is there (one that was taken is poisoned, and stays so). The lock is given back in their `Drop` and
// nowhere else. So there is any number of `ReadGuard`s, or one `WriteGuard`.

/// Shared use of an object.
pub(crate) struct ReadGuard<C: Borrow<Cell> = Cell> {
    cell: C,
}

impl<C: Borrow<Cell>> ReadGuard<C> {
    fn checked(self) -> Result<Self, Error> {
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
    /// The same, with a share of its own.
    pub(crate) fn into_owned(self) -> ReadGuard {
        let cell = self.cell.clone();
        // The lock stays acquired, and is the other one's to give back.
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

/// Exclusive use of an object.
pub(crate) struct WriteGuard<C: Borrow<Cell> = Cell> {
    cell: C,
}

impl<C: Borrow<Cell>> WriteGuard<C> {
    pub(crate) fn cell(&self) -> &Cell {
        self.cell.borrow()
    }

    fn checked(self) -> Result<Self, Error> {
        self.cell.borrow().check()?;
        Ok(self)
    }

    pub(crate) fn class(&self) -> &ClassInfo {
        self.cell.borrow().class()
    }

    /// Takes the object away, for good: whoever comes for it finds it poisoned.
    pub(crate) fn take(self) -> Remains {
        let block = &self.cell.borrow().block;
        block.header().lock.empty();
        // SAFETY: this guard holds the lock alone, and ends here; none is made again, since the object is poisoned now.
        // And the last share leaves the object alone, since the lock says that it was taken.
        unsafe { Remains::new(Block::clone(block)) }
    }

    /// Puts another value of the class in the object's place; what was there. A value of another class is given back,
    /// and the object poisoned.
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
    /// The same, with a share of its own.
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
        // SAFETY: this guard holds the lock alone, so no other guard exists, and the object is there: see above.
        unsafe { &*self.cell.borrow().block.object() }
    }
}

impl<C: Borrow<Cell>> DerefMut for WriteGuard<C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as in `deref`; and this guard is borrowed exclusively itself.
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
