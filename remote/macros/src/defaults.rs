//! `#[remote(default = …)]` on a parameter: what it is if a caller leaves it out.

use crate::args::is_remote;
use crate::errors::Errors;
use crate::types;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, FnArg, Lit, Meta, Token};

/// What a parameter is if it is left out.
pub(crate) enum Default {
    /// `default`: what its type has.
    OfType,
    /// `default = 60`
    Value(Box<Expr>),
}

const FORM: &str = "a parameter has only `default`: #[remote(default)], for its type's, or #[remote(default = 60)]";

/// Of a function that no caller reaches.
pub(crate) const SKIPPED: &str = "what is not remote is always called with all its arguments; remove the default";

/// Of an implementation of an interface.
pub(crate) const IMPLEMENTED: &str =
    "the default is the interface's; put it on the method in the trait, and remove it here";

/// Takes the default off a parameter. All `#[remote(…)]` goes, as rustc knows no attributes there.
pub(crate) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Default> {
    let mut default = None;
    for attr in attrs.extract_if(.., |attr| is_remote(attr)) {
        let Meta::List(list) = &attr.meta else {
            errors.at(&attr, FORM);
            continue;
        };
        let metas = match list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(metas) if !metas.is_empty() => metas,
            Ok(_) => {
                errors.at(&attr, FORM);
                continue;
            }
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for meta in metas {
            let found = match &meta {
                Meta::Path(path) if path.is_ident("default") => Default::OfType,
                Meta::NameValue(pair) if pair.path.is_ident("default") => Default::Value(Box::new(pair.value.clone())),
                other => {
                    errors.at(other, FORM);
                    continue;
                }
            };
            if default.replace(found).is_some() {
                errors.at(&meta, "`default` is given twice; remove one");
            }
        }
    }
    default
}

/// Takes defaults off the parameters of a function that has no use for them, which is an error: `remedy` says what to do.
pub(crate) fn refuse(sig: &mut syn::Signature, remedy: &str, errors: &mut Errors) {
    for input in &mut sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        if let Some(attr) = input.attrs.iter().find(|attr| is_remote(attr)) {
            errors.at(attr, remedy);
            input.attrs.retain(|attr| !is_remote(attr));
        }
    }
}

impl Default {
    /// With the class for `Self`.
    pub(crate) fn resolve(&mut self, class: &syn::Type) {
        if let Default::Value(expr) = self {
            types::replace_self_in(expr, class);
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Default::OfType => "Default::default()".to_owned(),
            Default::Value(expr) => types::pretty_tokens(expr.to_token_stream()),
        }
    }

    /// An expression of the type `owned`. A text may be written as one where a `String` is wanted.
    pub(crate) fn value(&self, owned: &TokenStream) -> TokenStream {
        match self {
            Default::OfType => quote!(<#owned as ::core::default::Default>::default()),
            Default::Value(expr) => match &**expr {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    quote_spanned!(text.span()=> <#owned as ::core::convert::From<&str>>::from(#text))
                }
                expr => quote_spanned!(expr.span()=> #expr),
            },
        }
    }
}
