//! The scope that handles the object references in a message while it is encoded or decoded.

use std::any::Any;
use std::cell::Cell;
use std::ptr::NonNull;

use super::ObjectRef;

/// Resolves the references that arrive in a message, and checks those that leave in one.
///
/// ```
/// use tarmem_remote::value::{ObjectRef, RefScope, to_value, with_scope};
///
/// /// Knows which object's method runs.
/// struct Method(ObjectRef);
/// impl RefScope for Method {
///     fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
///         Ok(reference)
///     }
///     fn export(&self, _: &ObjectRef) -> Result<(), String> {
///         Ok(())
///     }
///     fn this(&self) -> Option<ObjectRef> {
///         Some(self.0.clone())
///     }
/// }
///
/// let object = ObjectRef::new(uuid::Uuid::from_u128(7), "bank.Account");
/// let this = with_scope(&Method(object.clone()), || to_value(&tarmem_remote::value::This::default())).unwrap();
/// assert_eq!(this.as_object(), Some(&object));
/// ```
pub trait RefScope {
    /// Called for each reference that is decoded from a binary format. Returns the reference to use, normally the same
    /// one with its live object.
    ///
    /// # Errors
    ///
    /// A message for the sender of the reference, with which decoding fails.
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String>;

    /// Called for each reference that is encoded in a binary format, before it is written.
    ///
    /// # Errors
    ///
    /// A message for the sender, with which encoding fails.
    fn export(&self, reference: &ObjectRef) -> Result<(), String>;

    /// The object whose method the message is about, if there is one: the object that [`This`](super::This) refers to.
    fn this(&self) -> Option<ObjectRef> {
        None
    }

    /// The address of the object of `reference`, if the running method or function holds it exclusively: a method its
    /// own object, a function its object parameters.
    fn place(&self, _reference: &ObjectRef) -> Option<usize> {
        None
    }

    /// Shows `view` the object that `reference` refers to, held for reading until the calling method or function ends.
    /// This never waits.
    fn look(&self, _reference: &ObjectRef, _view: &mut dyn FnMut(&dyn Any)) -> Looked {
        Looked::Closed
    }

    /// Called before a method or function that has not changed anything yet takes this many steps, such as comparing
    /// elements. Returns whether it may go on. If not, it ends in the same way as if an object [is in
    /// use](Looked::Busy).
    fn go_on(&self, _steps: usize) -> bool {
        true
    }
}

/// The outcome of [`RefScope::look`].
///
/// ```
/// use tarmem_remote::value::{Looked, ObjectRef, look};
///
/// // Outside a service, a reference contains no object.
/// let account = ObjectRef::new(uuid::Uuid::from_u128(7), "bank.Account");
/// assert_eq!(look(&account, &mut |_| panic!("there is nothing to see")), Looked::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The object was shown.
    Shown,
    /// There is no object to see: the reference contains none, or none that can be held here.
    Closed,
    /// Other calls use the object now. The method or function that asked ends without having changed anything, and its
    /// result is discarded. It runs again once the object is held.
    Busy,
}

thread_local! {
    /// The current scope of this thread. It is a pointer, because a scope is borrowed for one call, and most calls
    /// never use it. (Counted pointers took a fifteenth of what a small call cost the service.)
    static CURRENT: Cell<Option<NonNull<dyn RefScope>>> = const { Cell::new(None) };
}

/// Runs `f`, while `scope` handles the references that this thread encodes or decodes.
///
/// Scopes nest: the innermost is used, and the outer one is restored when `f` returns or panics. Without a scope,
/// references are passed through unchanged. The scope belongs to the thread, so `f` cannot be asynchronous.
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
    // SAFETY: this only erases the lifetime of the scope, and the pointer is not used for longer than that lifetime:
    // see `ask`.
    let scope: NonNull<dyn RefScope> =
        unsafe { std::mem::transmute::<&dyn RefScope, &'static dyn RefScope>(scope) }.into();
    /// Restores the previous scope when `f` returns or panics, so that the new one is in place exactly while `f` runs.
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

/// Asks the scope whether a reference may be encoded.
pub(super) fn export(reference: &ObjectRef) -> Result<(), String> {
    ask(|current| current.map_or(Ok(()), |scope| scope.export(reference)))
}

/// The object whose method's result is being encoded.
pub(super) fn this() -> Option<ObjectRef> {
    ask(|current| current?.this())
}

/// Shows `view` an object that is only referred to; see [`RefScope::look`]. Outside a service there is nothing to see.
/// Inside one, this is for the methods and functions of [registered packages](crate::register_package).
pub fn look(reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
    ask(|current| current.map_or(Looked::Closed, |scope| scope.look(reference, view)))
}

/// Whether to go on, before this many steps; see [`RefScope::go_on`]. Outside a service this is always so.
pub fn go_on(steps: usize) -> bool {
    ask(|current| current.is_none_or(|scope| scope.go_on(steps)))
}

/// Runs `f` while [`look`] can see `object`, which the running method or function holds exclusively. A method that may
/// change an object lends it for as long as it only searches, because otherwise nothing could show it.
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

/// A scope with a lent object.
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

/// Passes the innermost scope to `f`. Its methods may open scopes themselves.
fn ask<R>(f: impl FnOnce(Option<&dyn RefScope>) -> R) -> R {
    // A thread that is ending has no scope.
    let current = CURRENT.try_with(Cell::get).ok().flatten();
    // SAFETY: `with_scope` put the pointer there, and takes it away before it returns or unwinds. So a call of
    // `with_scope` is running on this thread, further up the stack, and its caller borrows the scope until it is over.
    // `f` cannot keep the reference beyond its own end, and that comes before the end of that call.
    f(current.map(|scope| unsafe { scope.as_ref() }))
}
