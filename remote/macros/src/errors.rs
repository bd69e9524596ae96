//! Collects the errors of one item, so that all of them are reported at once.

use proc_macro2::TokenStream;
use quote::ToTokens;
use std::fmt::Display;

/// The errors found in an item so far.
#[derive(Default)]
pub(crate) struct Errors {
    combined: Option<syn::Error>,
}

impl Errors {
    /// Adds an error with `message` that points at `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.combined {
            Some(combined) => combined.combine(error),
            None => self.combined = Some(error),
        }
    }

    /// Adds the errors in `others`.
    pub(crate) fn extend(&mut self, others: Errors) {
        if let Some(error) = others.combined {
            self.push(error);
        }
    }

    /// Whether there are no errors.
    pub(crate) fn is_empty(&self) -> bool {
        self.combined.is_none()
    }

    /// The errors as `compile_error!` invocations; empty if there are none.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.combined.map(syn::Error::into_compile_error).unwrap_or_default()
    }
}
