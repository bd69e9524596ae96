//! A panic of a user's code is an error of that call, and of nothing else.

use futures::FutureExt;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::error::Error;

/// Runs `code`; its panic is an error that says what panicked.
///
/// Nothing broken can be seen afterwards: an object whose exclusive method panicked is poisoned by the caller of this.
pub(crate) fn catch<T>(what: impl Into<String>, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panicked(what.into(), &*panic))
}

/// As [`catch`], for a future.
pub(crate) async fn catch_async<T>(what: impl Into<String>, code: impl Future<Output = T>) -> Result<T, Error> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|panic| panicked(what.into(), &*panic))
}

fn panicked(what: String, panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned());
    Error::Panicked { what, message }
}
