//! Who looks after the object references in a message while it is encoded or decoded.

use std::cell::RefCell;
use std::sync::Arc;

use super::ObjectRef;
use crate::call::Caller;
use crate::proxy::handle;

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
}

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Who looks after references now.
#[derive(Clone)]
enum Scope {
    Given(Arc<dyn RefScope>),
    /// A client's, which would otherwise be made anew for each result.
    Client(Arc<dyn Caller>),
}

/// Runs `f` with `scope` looking after the references that this thread encodes or decodes meanwhile.
///
/// Scopes nest: the innermost is asked, and the outer one is back when `f` returns or panics. Without a scope,
/// references are passed through as they are. The scope belongs to the thread, so `f` cannot be asynchronous.
///
/// ```
/// use std::sync::Arc;
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
/// let error = with_scope(Arc::new(Refuse), || decode::<ObjectRef>(&bytes)).unwrap_err();
/// assert!(error.to_string().starts_with("there is no bank.Account"));
/// ```
pub fn with_scope<R>(scope: Arc<dyn RefScope>, f: impl FnOnce() -> R) -> R {
    within(Scope::Given(scope), f)
}

/// As [`with_scope`], for what came to a client by `caller`: references become handles, to be given up there.
pub(crate) fn with_caller<R>(caller: &Arc<dyn Caller>, f: impl FnOnce() -> R) -> R {
    within(Scope::Client(Arc::clone(caller)), f)
}

fn within<R>(scope: Scope, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Scope>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let outer = self.0.take();
            // The inner scope is dropped after the cell is free again: its drop may encode something.
            let _inner = CURRENT.try_with(|current| current.replace(outer));
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(Some(scope))));
    f()
}

/// The reference to use for one that was decoded.
pub(super) fn resolve(reference: ObjectRef) -> Result<ObjectRef, String> {
    match current() {
        Some(Scope::Given(scope)) => scope.resolve(reference),
        Some(Scope::Client(caller)) => Ok(handle(caller, &reference)),
        None => Ok(reference),
    }
}

/// Tells the scope of a reference that is being encoded.
pub(super) fn export(reference: &ObjectRef) -> Result<(), String> {
    match current() {
        Some(Scope::Given(scope)) => scope.export(reference),
        Some(Scope::Client(_)) | None => Ok(()),
    }
}

/// A clone, so that the scope's own methods may open scopes.
fn current() -> Option<Scope> {
    CURRENT.try_with(|current| current.borrow().clone()).ok()?
}
