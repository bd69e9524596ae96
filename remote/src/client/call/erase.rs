//! Calls whose every failure is an [`Error`], which names the method.

use super::failure::raised_by;
use super::{Call, CallError, Failure, State};
use crate::codec::Encoding;
use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// How a call makes an [`Error`] of what its method returned: given what [`Failure::raised`] is given.
pub(super) type Erase = fn(&str, String, &[u8], Encoding) -> Error;

/// As an error that names the method, and has the method's own in it.
fn erased<E>(what: &str, message: String, body: &[u8], encoding: Encoding) -> Error
where
    E: fmt::Display + Serialize + DeserializeOwned,
{
    match CallError::<E>::raised(what, message, body, encoding) {
        CallError::Method(error) => raised_by(what, &error),
        CallError::Failed(error) => error,
    }
}

impl<T, E: fmt::Display + Serialize + DeserializeOwned> Call<T, CallError<E>> {
    /// Fails with an [`Error`] in every case: what the method returned is an [`Error::Raised`] that names the method,
    /// and has the method's error as a value in it ([`Error::raised`]).
    ///
    /// For code that tells all errors alike. (`?` makes an [`Error`] of a [`CallError`], too, but there is no method's
    /// name in that.)
    ///
    /// ```
    /// # use tarmem_modules::builtins::ListProxy;
    /// # use tarmem_remote::Error;
    /// # async fn example(list: ListProxy) -> Result<(), Error> {
    /// // On an empty list: builtins.list.pop failed: IndexError: pop from empty list
    /// let last: i64 = list.pop().erase_error().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn erase_error(mut self) -> Call<T> {
        self.rare_mut().erase = Some(erased::<E>);
        Call {
            caller: Arc::clone(&self.caller),
            // What is dropped here is over.
            state: std::mem::replace(&mut self.state, State::Over),
            name: self.name,
            label: self.label.take(),
            encoding: self.encoding,
            timeout: self.timeout,
            idempotent: self.idempotent,
            cancellable: self.cancellable,
            rare: self.rare.take(),
            result: PhantomData,
        }
    }
}
