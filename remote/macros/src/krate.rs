//! The path under which the expansion finds tarmem.

use crate::errors::Errors;
use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Path;

/// The path of the module that generated code stands on.
///
/// That is `tarmem`, under whatever name the user's crate depends on it; otherwise `tarmem-remote`, which tarmem itself
/// and model crates depend on; `given` (the option `crate = path`) goes before both.
pub(crate) fn private(given: Option<&Path>, errors: &mut Errors) -> TokenStream {
    if let Some(path) = given {
        return quote!(#path::__private);
    }
    // Both have `extern crate self as …`, so their tests and examples, which cargo calls by the same package name, find
    // them under the name that everybody else uses.
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
