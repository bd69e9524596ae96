//! Who looks after the object references in a message while it is encoded or decoded.

use std::any::Any;
use std::cell::Cell;
use std::ptr::NonNull;

use super::ObjectRef;

/// Resolves the references that arrive in a message, and is told of those that leave in one.
pub trait RefScope {
    /// Called for each reference that is decoded from a binary format; returns the one to use, normally the same with
    /// its live object.
    ///
    /// # Errors
    ///
    /// Words for the one who sent the reference; decoding fails with them.
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String>;

    /// Called for each reference that is encoded in a binary format, before it is written.
    ///
    /// # Errors
    ///
    /// Words for the one who sends; encoding fails with them.
    fn export(&self, reference: &ObjectRef) -> Result<(), String>;

    /// The object whose method the message is about, if it is about one: what [`This`](super::This) is.
    fn this(&self) -> Option<ObjectRef> {
        None
    }

    /// Where the object of `reference` is in memory, if what runs has that object for itself: a method its own, a
    /// function those that it works on.
    fn place(&self, _reference: &ObjectRef) -> Option<usize> {
        None
    }

    /// Shows `view` the object that `reference` stands for, held for reading until the method or function that asks is
    /// over. It never waits.
    fn look(&self, _reference: &ObjectRef, _view: &mut dyn FnMut(&dyn Any)) -> Looked {
        Looked::Closed
    }

    /// Told of so many steps that are about to be taken, such as elements to be compared, by a method or function that
    /// has changed nothing yet. Whether it is to go on: if not, it comes to an end as where an object [is in
    /// use](Looked::Busy).
    fn go_on(&self, _steps: usize) -> bool {
        true
    }
}

/// What came of [`RefScope::look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The object was shown.
    Shown,
    /// There is nothing to be seen: the reference carries no object, or none that can be held here.
    Closed,
    /// Others use the object now. Whoever asked comes to an end without having changed anything, whatever its result
    /// is; it is run again once the object is held.
    Busy,
}

thread_local! {
    /// Who looks after references now. By a pointer: a scope is lent for one call, and most calls never ask it.
    /// (Counted pointers were a fifteenth of what a small call cost the service.)
    static CURRENT: Cell<Option<NonNull<dyn RefScope>>> = const { Cell::new(None) };
}

/// Runs `f` with `scope` looking after the references that this thread encodes or decodes meanwhile.
///
/// Scopes nest: the innermost is asked, and the outer one is back when `f` returns or panics. Without a scope,
/// references are passed through as they are. The scope belongs to the thread, so `f` cannot be asynchronous.
///
/// ```
/// use tarmem_remote::codec::{decode, encode};
/// use tarmem_remote::value::{ObjectRef, RefScope, with_scope};
///
/// struct Refuse;
/// impl RefScope for Refuse {
///     fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
///         Err(format!("there is no {reference}"))
///     }
///     fn export(&self, _: &ObjectRef) -> Result<(), String> {
///         Ok(())
///     }
/// }
///
/// let bytes = encode(&ObjectRef::new(uuid::Uuid::nil(), "bank.Account")).unwrap();
/// assert!(decode::<ObjectRef>(&bytes).is_ok());
/// let error = with_scope(&Refuse, || decode::<ObjectRef>(&bytes)).unwrap_err();
/// assert!(error.to_string().starts_with("there is no bank.Account"));
/// ```
pub fn with_scope<R>(scope: &dyn RefScope, f: impl FnOnce() -> R) -> R {
    // SAFETY: this only forgets how long the scope lives, and the pointer is not used longer than that: see `ask`.
    let scope: NonNull<dyn RefScope> =
        unsafe { std::mem::transmute::<&dyn RefScope, &'static dyn RefScope>(scope) }.into();
    /// The scope is in place for as long as `f` runs, and not longer, whether that returns or panics.
    struct Restore(Option<NonNull<dyn RefScope>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(Some(scope)));
    f()
}

/// The reference to use for one that was decoded.
pub(super) fn resolve(reference: ObjectRef) -> Result<ObjectRef, String> {
    ask(|current| match current {
        Some(scope) => scope.resolve(reference),
        None => Ok(reference),
    })
}

/// Tells the scope of a reference that is being encoded.
pub(super) fn export(reference: &ObjectRef) -> Result<(), String> {
    ask(|current| current.map_or(Ok(()), |scope| scope.export(reference)))
}

/// The object whose method's result is being encoded.
pub(super) fn this() -> Option<ObjectRef> {
    ask(|current| current?.this())
}

/// Shows `view` an object that is only referred to: see [`RefScope::look`]. Outside of a service there is nothing to be
/// seen. Inside of one, this is for methods and functions of [registered packages](crate::register_package).
pub fn look(reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
    ask(|current| current.map_or(Looked::Closed, |scope| scope.look(reference, view)))
}

/// Whether to go on, after so many steps: see [`RefScope::go_on`]. Outside of a service there is no end to them.
pub fn go_on(steps: usize) -> bool {
    ask(|current| current.is_none_or(|scope| scope.go_on(steps)))
}

/// Runs `f` with `object`, which what runs has for itself, to be seen by [`look`]: who may change an object lends it
/// for as long as it only searches, since nobody else could show it.
pub fn lending<R>(object: &dyn Any, f: impl FnOnce() -> R) -> R {
    ask(|current| match current {
        Some(outer) => with_scope(&Lent { outer, object }, f),
        None => f(),
    })
}

/// The address of an object.
pub fn place_of(object: &dyn Any) -> usize {
    std::ptr::from_ref(object).cast::<()>().addr()
}

/// A scope with an object that is lent.
struct Lent<'a> {
    outer: &'a dyn RefScope,
    object: &'a dyn Any,
}

impl RefScope for Lent<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.outer.resolve(reference)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.outer.export(reference)
    }

    fn this(&self) -> Option<ObjectRef> {
        self.outer.this()
    }

    fn place(&self, reference: &ObjectRef) -> Option<usize> {
        self.outer.place(reference)
    }

    fn look(&self, reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
        if self.place(reference) == Some(place_of(self.object)) {
            view(self.object);
            return Looked::Shown;
        }
        self.outer.look(reference, view)
    }

    fn go_on(&self, steps: usize) -> bool {
        self.outer.go_on(steps)
    }
}

/// Gives `f` the innermost scope. Its own methods may open scopes.
fn ask<R>(f: impl FnOnce(Option<&dyn RefScope>) -> R) -> R {
    // A thread that is ending has none.
    let current = CURRENT.try_with(Cell::get).ok().flatten();
    // SAFETY: `with_scope` put the pointer there, and takes it away before it returns or unwinds. So a call of
    // `with_scope` is running on this thread, further up the stack, and its caller borrows the scope until it is over.
    // `f` cannot keep the reference beyond its own end, and that comes before the end of that call.
    f(current.map(|scope| unsafe { scope.as_ref() }))
}
