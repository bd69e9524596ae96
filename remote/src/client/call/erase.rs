//! Calls that fail only with an [`Error`], which names the method.

use super::failure::raised_by;
use super::{Call, CallError, Failure, State};
use crate::codec::Encoding;
use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Makes an [`Error`] from the error that a method returned; it gets the arguments of [`Failure::raised`].
pub(super) type Erase = fn(&str, String, &[u8], Encoding) -> Error;

/// An error that names the method and contains the method's own error.
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
    /// Makes the call fail only with an [`Error`]: if the method returns an error, it becomes an [`Error::Raised`] that
    /// names the method and contains the method's error as a value ([`Error::raised`]).
    ///
    /// This is for code that handles all errors alike. (`?` converts a [`CallError`] into an [`Error`], too, but that
    /// does not name the method.)
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
            // The state that is left behind does nothing when it is dropped.
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
