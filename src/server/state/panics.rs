//! A panic of a user's code is an error of that call, and of nothing else.

use futures::FutureExt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::{Function, Method};
use tarmem_remote::error::Error;
use uuid::Uuid;

/// A panic of a user's code. Who knows what panicked makes an error of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Panic {
    message: String,
}

impl Panic {
    /// The error for the caller of `what`.
    pub(crate) fn of(self, what: impl Into<String>) -> Error {
        Error::Panicked { what: what.into(), message: self.message }
    }

    /// As [`of`](Self::of), for what `function` does for a session. It is logged: the caller may not know whom to tell.
    #[cold]
    fn of_function(self, function: &Function, session: Uuid) -> Error {
        let (what, message) = (function.full_name(), &self.message);
        tracing::error!(module = function.module, function = function.name, %session, "{what} panicked: {message}");
        self.of(what)
    }

    /// As [`of`](Self::of), for what `method` does for a session. It is logged, too.
    #[cold]
    pub(crate) fn of_method(self, class: &str, method: &Method, session: Uuid) -> Error {
        let (what, message) = (method.full_name(), &self.message);
        tracing::error!(class, method = method.name, %session, "{what} panicked: {message}");
        self.of(what)
    }
}

/// Runs `code`.
///
/// Nothing broken can be seen after a panic: the caller of this poisons an object whose exclusive method panicked.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(code)).map_err(caught)
}

/// As [`catch`], for a future.
pub(crate) async fn catch_async<T>(code: impl Future<Output = T>) -> Result<T, Panic> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(caught)
}

/// As [`catch`], for what a function or constructor does for a session.
pub(crate) fn catch_in<T>(function: &Function, session: Uuid, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch(code).map_err(|panic| panic.of_function(function, session))
}

/// As [`catch_in`], for a future.
pub(crate) async fn catch_async_in<T>(
    function: &Function,
    session: Uuid,
    code: impl Future<Output = T>,
) -> Result<T, Error> {
    catch_async(code).await.map_err(|panic| panic.of_function(function, session))
}

#[cold]
fn caught(panic: Box<dyn Any + Send>) -> Panic {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned());
    // What it panicked with is a user's value, too, whose destructor may panic; then what that panics with is let be.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    Panic { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics with another one when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Bomb);
        }
    }

    #[tokio::test]
    async fn a_panic_with_a_value_that_panics_is_one_error() {
        let expected = || Error::Panicked { what: "it".into(), message: "it did not say why".into() };
        let of_it = |result: Result<(), Panic>| result.map_err(|panic| panic.of("it"));
        assert_eq!(of_it(catch(|| std::panic::panic_any(Bomb))), Err(expected()));
        assert_eq!(of_it(catch_async(async { std::panic::panic_any(Bomb) }).await), Err(expected()));
    }
}
