//! A panic of a user's code is an error of that call, and of nothing else.

use futures::FutureExt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::Function;
use tarmem_remote::error::Error;
use uuid::Uuid;

/// Runs `code`; its panic is an error that says what panicked.
///
/// Nothing broken can be seen afterwards: an object whose exclusive method panicked is poisoned by the caller of this.
pub(crate) fn catch<T>(what: impl Into<String>, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panicked(what.into(), panic))
}

/// As [`catch`], for a future.
pub(crate) async fn catch_async<T>(what: impl Into<String>, code: impl Future<Output = T>) -> Result<T, Error> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|panic| panicked(what.into(), panic))
}

/// As [`catch`], for what a function or constructor does for a session. Its panic is logged: its caller may not know
/// whom to tell.
pub(crate) fn catch_in<T>(function: &Function, session: Uuid, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch(String::new(), code).map_err(|error| logged(function, session, error))
}

/// As [`catch_in`], for a future.
pub(crate) async fn catch_async_in<T>(
    function: &Function,
    session: Uuid,
    code: impl Future<Output = T>,
) -> Result<T, Error> {
    catch_async(String::new(), code).await.map_err(|error| logged(function, session, error))
}

#[cold]
fn logged(function: &Function, session: Uuid, error: Error) -> Error {
    let Error::Panicked { message, .. } = error else { return error };
    let what = function.full_name();
    tracing::error!(module = function.module, function = function.name, %session, "{what} panicked: {message}");
    Error::Panicked { what, message }
}

fn panicked(what: String, panic: Box<dyn Any + Send>) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned());
    // What it panicked with is a user's value, too, whose destructor may panic; then what that panics with is let be.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    Error::Panicked { what, message }
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
        let expected = Error::Panicked { what: "it".into(), message: "it did not say why".into() };
        assert_eq!(catch("it", || std::panic::panic_any(Bomb)), Err::<(), _>(expected.clone()));
        assert_eq!(catch_async("it", async { std::panic::panic_any(Bomb) }).await, Err::<(), _>(expected));
    }
}
