//! A panic of a user's code is an error of that call, and of nothing else.

use futures::FutureExt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::{Function, Method};
use tarmem_remote::error::Error;
use tokio::task::JoinError;
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

    /// What it said.
    pub(crate) fn into_message(self) -> String {
        self.message
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

/// The result of a task that ran a part of a call of `what`, from what its handle returned.
///
/// Only a task that was stopped before it had ended is an [`Error::Cancelled`], which tells the client that the call
/// was not made. A panic that was not caught within the task is an [`Error::Panicked`], after which the outcome is
/// unknown: the user's code may have run.
pub(crate) fn joined<T, E: From<Error>>(
    returned: Result<Result<T, E>, JoinError>,
    what: impl FnOnce() -> String,
) -> Result<T, E> {
    returned.unwrap_or_else(|error| Err(without_result(error, what).into()))
}

/// The error for a task that has no result.
#[cold]
fn without_result(error: JoinError, what: impl FnOnce() -> String) -> Error {
    let Ok(panic) = error.try_into_panic() else { return Error::Cancelled };
    let (what, panic) = (what(), caught(panic));
    tracing::error!("the task for {what} panicked: {}", panic.message);
    panic.of(what)
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

    #[tokio::test]
    async fn only_a_stopped_task_is_cancelled() {
        let it = || "it".to_owned();
        let done = tokio::task::spawn_blocking(|| Ok::<_, Error>(7)).await;
        assert_eq!(joined(done, it), Ok(7));
        let failed = tokio::spawn(async { Err::<(), _>(Error::ShuttingDown) }).await;
        assert_eq!(joined(failed, it), Err(Error::ShuttingDown));
        let panicked = tokio::task::spawn_blocking(|| -> Result<(), Error> { panic!("a bug") }).await;
        let expected = Error::Panicked { what: it(), message: "a bug".into() };
        assert!(!expected.is_not_applied() && !expected.is_retryable());
        assert_eq!(joined(panicked, it), Err(expected));
        let stopped = tokio::spawn(std::future::pending::<Result<(), Error>>());
        stopped.abort();
        assert_eq!(joined(stopped.await, it), Err(Error::Cancelled));
    }
}
