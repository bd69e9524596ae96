//! Finds the path under which the expansion reaches tarmem.

use crate::errors::Errors;
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Path;

/// The path of the module that generated code refers to.
///
/// The option `crate = path` (`given`) comes first. Otherwise it is `tarmem`, under whatever name the user's crate
/// depends on it, or `tarmem-remote`, on which tarmem itself and crates of models depend.
pub(crate) fn private(given: Option<&Path>, errors: &mut Errors) -> TokenStream {
    if let Some(path) = given {
        return quote!(#path::__private);
    }
    // Both crates have `extern crate self as …`. So their own tests and examples, which cargo builds under the same
    // package name, find them under the name that other crates use.
    let name = match (crate_name("tarmem"), crate_name("tarmem-remote")) {
        (Ok(FoundCrate::Name(name)), _) | (Err(_), Ok(FoundCrate::Name(name))) => name,
        (Ok(FoundCrate::Itself), _) => "tarmem".to_owned(),
        (Err(_), Ok(FoundCrate::Itself)) => "tarmem_remote".to_owned(),
        (Err(_), Err(_)) => {
            errors.push(syn::Error::new(
                Span::call_site(),
                "tarmem is not among this crate's dependencies; add it, or say where it is: #[remote(crate = path)]",
            ));
            "tarmem".to_owned()
        }
    };
    let name = format_ident!("{name}");
    quote!(::#name::__private)
}
