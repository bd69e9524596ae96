//! Parses `#[remote(…)]` on a parameter: its default, or that it takes all further arguments.

use crate::args::is_remote;
use crate::errors::Errors;
use crate::signature::{Param, Passing};
use crate::types;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, FnArg, Lit, Meta, Token};

/// The value of a parameter that a caller leaves out.
pub(crate) enum Default {
    /// `default`: the default of its type.
    OfType,
    /// `default = 60`
    Value(Box<Expr>),
}

/// A parameter that takes all further arguments.
#[derive(Clone, Copy)]
pub(crate) struct Rest {
    pub(crate) kind: RestKind,
    /// Where the attribute says so.
    span: Span,
}

/// Which arguments a `Rest` takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestKind {
    /// `args`: positional arguments.
    Args,
    /// `kwargs`: named arguments.
    Kwargs,
}

/// What a parameter's attributes say.
#[derive(std::default::Default)]
pub(crate) struct Marks {
    pub(crate) default: Option<Default>,
    pub(crate) rest: Option<Rest>,
}

const FORM: &str = "a parameter may have `default`, for that of its type, `default = 60`, `args`, for all further \
     positional arguments, or `kwargs`, for all further named ones: #[remote(default)]";

/// The remedy for a function that is not remote.
pub(crate) const SKIPPED: &str =
    "a function that is not remote is always called with all its arguments; remove this, or make it remote";

/// The remedy for an implementation of an interface.
pub(crate) const IMPLEMENTED: &str =
    "only the interface can say this; put it on the method in the trait, and remove it here";

/// Removes the `#[remote(…)]` attributes from a parameter, because rustc accepts none there, and parses them.
pub(crate) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Marks {
    let mut marks = Marks::default();
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
        metas.iter().for_each(|meta| marks.add(meta, errors));
    }
    marks
}

impl Marks {
    fn add(&mut self, meta: &Meta, errors: &mut Errors) {
        let rest = |kind| Some(Rest { kind, span: meta.span() });
        let (default, rest) = match meta {
            Meta::Path(path) if path.is_ident("default") => (Some(Default::OfType), None),
            Meta::NameValue(pair) if pair.path.is_ident("default") => {
                (Some(Default::Value(Box::new(pair.value.clone()))), None)
            }
            Meta::Path(path) if path.is_ident("args") => (None, rest(RestKind::Args)),
            Meta::Path(path) if path.is_ident("kwargs") => (None, rest(RestKind::Kwargs)),
            other => return errors.at(other, FORM),
        };
        let had_default = self.default.is_some();
        match (default, rest) {
            (Some(_), _) if had_default => errors.at(meta, "`default` is given twice; remove one"),
            (_, Some(_)) if self.rest.is_some() => {
                errors.at(meta, "a parameter takes either positional or named arguments; remove one");
            }
            (Some(_), _) if self.rest.is_some() => errors.at(meta, EMPTY),
            (_, Some(_)) if had_default => errors.at(meta, EMPTY),
            (default, rest) => {
                self.default = self.default.take().or(default);
                self.rest = self.rest.or(rest);
            }
        }
    }
}

const EMPTY: &str = "this is empty if there are no further arguments; remove the default";

/// Checks the order of the parameters that take all further arguments.
pub(crate) fn check_rests(params: &[Param], errors: &mut Errors) {
    let mut before: Vec<RestKind> = Vec::new();
    for param in params.iter().filter(|param| !matches!(param.passing, Passing::Context)) {
        match &param.rest {
            Some(rest) if before.contains(&rest.kind) => {
                let message = match rest.kind {
                    RestKind::Args => "another parameter takes all further positional arguments; remove this one",
                    RestKind::Kwargs => "another parameter takes all further named arguments; remove this one",
                };
                errors.push(syn::Error::new(rest.span, message));
            }
            _ if before.contains(&RestKind::Kwargs) => {
                errors.at(&param.ident, "`kwargs` takes all remaining names, so it comes last; put this before it");
            }
            _ => {}
        }
        before.extend(param.rest.map(|rest| rest.kind));
    }
}

impl Rest {
    /// Refuses types that cannot hold such arguments, as far as the tokens show.
    pub(crate) fn check(&self, ty: &syn::Type, passing: &Passing, errors: &mut Errors) {
        let instead = match self.kind {
            RestKind::Args => "take a Vec<Value>, or a slice",
            RestKind::Kwargs => "take Kwargs, or a map whose keys are Strings",
        };
        match passing {
            Passing::Object(_) => errors.at(ty, format!("an object is a single argument; {instead}")),
            Passing::Context => errors.at(ty, "the service passes this, not the caller; remove the attribute"),
            _ if types::ends_in(ty, "Option") || types::ends_in(ty, "Arg") => {
                errors.at(ty, format!("this is empty if there are no further arguments; {instead}"));
            }
            _ => {}
        }
    }
}

/// Removes the attributes from the parameters of a function that cannot have them, and reports an error that says what
/// to do: `remedy`.
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
    /// Replaces `Self` with the class.
    pub(crate) fn resolve(&mut self, class: &syn::Type) {
        if let Default::Value(expr) = self {
            types::replace_self_in(expr, class);
        }
    }

    /// The default as text.
    pub(crate) fn text(&self) -> String {
        match self {
            Default::OfType => "Default::default()".to_owned(),
            Default::Value(expr) => types::pretty_tokens(expr.to_token_stream()),
        }
    }

    /// A `fn() -> Option<Value>` that returns the default, if its expression is plain. Another expression may have a
    /// different value for each call, and a description must not evaluate it.
    pub(crate) fn described(&self, owned: &TokenStream, private: &TokenStream) -> Option<TokenStream> {
        if let Default::Value(expr) = self {
            if !is_plain(expr) {
                return None;
            }
            // If the literal does not have the parameter's type, the error is reported once, where the default is
            // filled in.
            if let Some(value) = literal(expr) {
                return Some(quote!(|| #private::to_value(&#value).ok()));
            }
        }
        let value = self.value(owned);
        // `None` for a type that cannot be encoded, which is reported elsewhere.
        Some(quote!(|| {
            #[allow(unused_imports)]
            use #private::{NoOutgoingWay as _, OutgoingWay as _};
            let __value: #owned = #value;
            #private::to_value((&#private::Outgoing(__value)).sendable()).ok()
        }))
    }

    /// The same for an `Arg`, about whose type nothing is known except that a value can be made from it.
    pub(crate) fn told(&self, private: &TokenStream) -> Option<TokenStream> {
        match self {
            Default::OfType => None,
            Default::Value(expr) if is_none(expr) => {
                Some(quote!(|| ::core::option::Option::Some(#private::Value::Null)))
            }
            Default::Value(expr) => Some(quote_spanned!(expr.span()=> || #private::to_value(&#expr).ok())),
        }
    }

    /// An expression of type `owned`. A string literal is converted if the type is `String`.
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

/// A literal that has the same value whatever its type.
fn literal(expr: &Expr) -> Option<TokenStream> {
    let Expr::Lit(ExprLit { lit, .. }) = expr else { return None };
    match lit {
        Lit::Int(number) => number.base10_parse::<i128>().ok().map(|number| quote!(#number)),
        Lit::Bool(_) | Lit::Char(_) | Lit::Float(_) => Some(lit.to_token_stream()),
        _ => None,
    }
}

fn is_none(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(path) if path.path.is_ident("None"))
}

/// Whether the expression has the same value for each call, as far as the tokens show: it consists of literals and
/// constants.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Unary(unary) => is_plain(&unary.expr),
        Expr::Binary(binary) => is_plain(&binary.left) && is_plain(&binary.right),
        Expr::Paren(paren) => is_plain(&paren.expr),
        Expr::Group(group) => is_plain(&group.expr),
        Expr::Reference(reference) => is_plain(&reference.expr),
        Expr::Array(array) => array.elems.iter().all(is_plain),
        Expr::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Some")) && call.args.iter().all(is_plain)
        }
        _ => false,
    }
}
