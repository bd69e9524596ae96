//! One object: its lock, and whether it is poisoned.

use super::lock::{Lock, Use};
use super::{Living, bury};
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::describe::NewObject;
use tarmem_remote::error::Error;
use tarmem_remote::modules::builtins::List;
use tarmem_remote::object::Object;
use tarmem_remote::registry::ClassInfo;
use uuid::Uuid;

/// An object with its lock: many readers, or one writer, in the order in which they come.
///
/// A guard borrows the cell, or owns its share of it, so that a call can be moved to another task or thread while it holds
/// the object.
pub(crate) struct Cell {
    id: Uuid,
    class: Arc<ClassInfo>,
    poisoned: AtomicBool,
    lock: Lock,
    object: UnsafeCell<ManuallyDrop<NewObject>>,
    _living: Living,
}

// SAFETY: the object itself is `Send + Sync` (supertraits of `Object`), and the only ways to it are the two guards.
// A `ReadGuard` exists only while it holds the lock shared, a `WriteGuard` only while it holds it alone; the lock is given
// back in the guards' `Drop` and nowhere else. So there is either any number of shared references or one exclusive one.
unsafe impl Sync for Cell {}

impl Cell {
    pub(super) fn new(id: Uuid, object: NewObject, class: Arc<ClassInfo>, living: Living) -> Self {
        Cell {
            id,
            class,
            poisoned: AtomicBool::new(false),
            lock: Lock::default(),
            object: UnsafeCell::new(ManuallyDrop::new(object)),
            _living: living,
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn class(&self) -> &Arc<ClassInfo> {
        &self.class
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// A method panicked while it was changing the object: nobody knows what state it is in.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    fn check(&self) -> Result<(), Error> {
        if self.is_poisoned() { Err(Error::Poisoned { target: format!("object {}", self.id) }) } else { Ok(()) }
    }

    /// The object, shared, if that needs no waiting.
    pub(crate) fn try_read(&self) -> Option<Result<ReadGuard<&Cell>, Error>> {
        self.lock.try_acquire(Use::Shared).then(|| ReadGuard { cell: self }.checked())
    }

    /// The object, alone, if that needs no waiting.
    pub(crate) fn try_write(&self) -> Option<Result<WriteGuard<&Cell>, Error>> {
        self.lock.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: self }.checked())
    }

    /// As [`try_read`](Self::try_read), with a guard that owns its share of the cell.
    pub(crate) fn try_read_owned(self: &Arc<Self>) -> Option<Result<ReadGuard, Error>> {
        self.lock.try_acquire(Use::Shared).then(|| ReadGuard { cell: Arc::clone(self) }.checked())
    }

    /// As [`try_write`](Self::try_write), with a guard that owns its share of the cell.
    pub(crate) fn try_write_owned(self: &Arc<Self>) -> Option<Result<WriteGuard, Error>> {
        self.lock.try_acquire(Use::Exclusive).then(|| WriteGuard { cell: Arc::clone(self) }.checked())
    }

    /// The object, shared, after those who came before.
    pub(crate) async fn read(self: &Arc<Self>) -> Result<ReadGuard, Error> {
        self.lock.acquire(Use::Shared).await;
        ReadGuard { cell: Arc::clone(self) }.checked()
    }

    /// The object, alone, after those who came before.
    pub(crate) async fn write(self: &Arc<Self>) -> Result<WriteGuard, Error> {
        self.lock.acquire(Use::Exclusive).await;
        WriteGuard { cell: Arc::clone(self) }.checked()
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // SAFETY: the cell is being dropped, so nobody uses the object, now or later; and it is taken here only.
        bury(unsafe { ManuallyDrop::take(self.object.get_mut()) });
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class.entry().path, self.id)
    }
}

/// Shared use of an object.
pub(crate) struct ReadGuard<C: Deref<Target = Cell> = Arc<Cell>> {
    cell: C,
}

impl<C: Deref<Target = Cell>> ReadGuard<C> {
    fn checked(self) -> Result<Self, Error> {
        self.cell.check()?;
        Ok(self)
    }

    pub(crate) fn class(&self) -> &ClassInfo {
        &self.cell.class
    }
}

impl<C: Deref<Target = Cell>> Deref for ReadGuard<C> {
    type Target = dyn Object;

    fn deref(&self) -> &Self::Target {
        // SAFETY: this guard holds the lock shared, so no `WriteGuard` exists (see `Cell`).
        unsafe { &***self.cell.object.get() }
    }
}

impl<C: Deref<Target = Cell>> Drop for ReadGuard<C> {
    fn drop(&mut self) {
        self.cell.lock.release(Use::Shared);
    }
}

/// Exclusive use of an object.
pub(crate) struct WriteGuard<C: Deref<Target = Cell> = Arc<Cell>> {
    cell: C,
}

impl<C: Deref<Target = Cell>> WriteGuard<C> {
    /// Takes the object out, for good: nobody may be left who could reach the cell.
    pub(crate) fn take(&mut self) -> NewObject {
        self.cell.poison();
        // SAFETY: as in `deref_mut`.
        let object: &mut NewObject = unsafe { &mut *self.cell.object.get() };
        #[allow(clippy::mem_replace_with_default, reason = "the default of a `NewObject` is not what it says")]
        std::mem::replace(object, Box::<List>::default())
    }

    fn checked(self) -> Result<Self, Error> {
        self.cell.check()?;
        Ok(self)
    }

    pub(crate) fn class(&self) -> &ClassInfo {
        &self.cell.class
    }

    /// Puts another value of the class in the object's place; what was there.
    pub(crate) fn replace(&mut self, object: NewObject) -> NewObject {
        // SAFETY: as for `deref_mut`.
        std::mem::replace(unsafe { &mut **self.cell.object.get() }, object)
    }
}

impl<C: Deref<Target = Cell>> Deref for WriteGuard<C> {
    type Target = dyn Object;

    fn deref(&self) -> &Self::Target {
        // SAFETY: this guard holds the lock alone, so no other guard exists (see `Cell`).
        unsafe { &***self.cell.object.get() }
    }
}

impl<C: Deref<Target = Cell>> DerefMut for WriteGuard<C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: this guard holds the lock alone, so no other guard exists, and it is borrowed exclusively itself.
        unsafe { &mut ***self.cell.object.get() }
    }
}

impl<C: Deref<Target = Cell>> Drop for WriteGuard<C> {
    fn drop(&mut self) {
        self.cell.lock.release(Use::Exclusive);
    }
}
