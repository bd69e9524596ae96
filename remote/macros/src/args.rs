//! Parses the options in `#[remote(…)]`.

use crate::errors::Errors;
use proc_macro2::{Span, TokenStream};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, MetaNameValue, Path, Token};

/// The options that were given. Whether they are allowed where they stand has already been checked.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) module: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) proxy: Option<Ident>,
    pub(crate) krate: Option<Path>,
    pub(crate) resident: Option<Span>,
    pub(crate) volatile: Option<Span>,
    /// The paths that a class had before.
    pub(crate) was: Vec<LitStr>,
    pub(crate) idempotent: Option<Span>,
    pub(crate) blocking: Option<Span>,
    pub(crate) inline: Option<Span>,
    pub(crate) skip: Option<Span>,
    pub(crate) all_or_nothing: Option<Span>,
    pub(crate) scales: Option<Span>,
    pub(crate) replay: Option<Replay>,
}

/// The option `replay`, with its version.
#[derive(Clone, Copy)]
pub(crate) struct Replay {
    pub(crate) span: Span,
    pub(crate) version: u32,
}

/// A place where the attribute can stand, and the options that it may have there.
pub(crate) struct Place {
    what: &'static str,
    known: &'static [&'static str],
}

pub(crate) const CLASS: Place =
    Place { what: "a class", known: &["module", "name", "resident", "volatile", "was", "crate"] };
pub(crate) const INTERFACE: Place = Place { what: "an interface", known: &["module", "name", "crate"] };
pub(crate) const FUNCTION: Place = Place {
    what: "a function",
    known: &["module", "name", "idempotent", "inline", "blocking", "scales", "all_or_nothing", "crate"],
};
pub(crate) const CONSTANT: Place = Place { what: "a constant", known: &["module", "name", "crate"] };
pub(crate) const IMPL: Place = Place { what: "an impl block", known: &["replay", "crate"] };
pub(crate) const TRAIT_IMPL: Place = Place { what: "an implementation of an interface", known: &["crate"] };
pub(crate) const METHOD: Place =
    Place { what: "a method", known: &["name", "proxy", "idempotent", "blocking", "scales", "replay", "skip"] };
pub(crate) const CONSTRUCTOR: Place =
    Place { what: "a constructor", known: &["name", "idempotent", "inline", "blocking", "scales", "skip"] };
pub(crate) const INTERFACE_METHOD: Place =
    Place { what: "a method of an interface", known: &["name", "idempotent", "blocking", "scales", "skip"] };
pub(crate) const IMPLEMENTED_METHOD: Place = Place { what: "an implemented method", known: &[] };

impl Options {
    /// Parses the options of an attribute on an item.
    pub(crate) fn parse(tokens: TokenStream, place: &Place, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
            Ok(metas) => metas.iter().for_each(|meta| options.add(meta, place, errors)),
            Err(error) => errors.push(error),
        }
        options
    }

    /// Removes the `#[remote(…)]` helper attributes from a method and parses their options.
    pub(crate) fn take(attrs: &mut Vec<Attribute>, place: &Place, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        for attr in attrs.extract_if(.., |attr| is_remote(attr)) {
            match &attr.meta {
                Meta::Path(_) if place.known.is_empty() => {}
                Meta::Path(path) => errors.at(
                    path,
                    "the #[remote] of the block makes its methods remote; remove this one, or give it options: \
                     #[remote(name = \"…\")]",
                ),
                Meta::NameValue(pair) => errors.at(pair, "write the options in parentheses: #[remote(name = \"…\")]"),
                Meta::List(list) => match list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
                    Ok(metas) => metas.iter().for_each(|meta| options.add(meta, place, errors)),
                    Err(error) => errors.push(error),
                },
            }
        }
        options
    }

    fn add(&mut self, meta: &Meta, place: &Place, errors: &mut Errors) {
        let Some(option) = meta.path().get_ident().map(ToString::to_string) else {
            return errors.at(meta.path(), unknown(place));
        };
        if !place.known.contains(&option.as_str()) {
            return errors.at(meta.path(), refusal(&option, place));
        }
        let span = syn::spanned::Spanned::span(meta);
        let twice = match option.as_str() {
            "module" => {
                // An invalid name is taken for a name, so that only one error is reported.
                let module = text(meta, errors).unwrap_or_else(|| LitStr::new("unknown", span));
                self.module.replace(module).is_some()
            }
            "name" => text(meta, errors).and_then(|text| self.name.replace(text)).is_some(),
            "proxy" => ident(meta, errors).and_then(|ident| self.proxy.replace(ident)).is_some(),
            "crate" => path(meta, errors).and_then(|path| self.krate.replace(path)).is_some(),
            // A class may have had several.
            "was" => {
                self.was.extend(text(meta, errors));
                false
            }
            "volatile" => flag(meta, errors) && self.volatile.replace(span).is_some(),
            "resident" => flag(meta, errors) && self.resident.replace(span).is_some(),
            "idempotent" => flag(meta, errors) && self.idempotent.replace(span).is_some(),
            "blocking" => flag(meta, errors) && self.blocking.replace(span).is_some(),
            "inline" => flag(meta, errors) && self.inline.replace(span).is_some(),
            "scales" => flag(meta, errors) && self.scales.replace(span).is_some(),
            "replay" => replay(meta, span, errors).and_then(|replay| self.replay.replace(replay)).is_some(),
            "all_or_nothing" => flag(meta, errors) && self.all_or_nothing.replace(span).is_some(),
            _ => flag(meta, errors) && self.skip.replace(span).is_some(),
        };
        if twice {
            errors.at(meta, format!("`{option}` is given twice; remove one"));
        }
    }

    /// The module, checked. If it is missing, this reports an error and returns an empty name.
    pub(crate) fn module(&self, place: &Place, errors: &mut Errors) -> String {
        let Some(module) = &self.module else {
            let message = format!("{} belongs to a module; name it: #[remote(module = \"bank\")]", place.what);
            errors.push(syn::Error::new(Span::call_site(), message));
            return String::new();
        };
        if !module.value().split('.').all(is_name) {
            errors.at(module, "a module's name consists of names joined by single dots, such as \"shop.pricing\"");
        }
        module.value()
    }

    /// The paths that a class had before, checked; `path` is the one that it has.
    pub(crate) fn former_paths(&self, path: &str, errors: &mut Errors) -> Vec<String> {
        let mut former: Vec<String> = Vec::new();
        for was in &self.was {
            let value = was.value();
            if !value.contains('.') || !value.split('.').all(is_name) {
                errors.at(was, "this is the whole path that the class had, with its module: was = \"bank.Account\"");
            } else if value == path {
                errors.at(was, "this is the path that the class has; name the one that it had before");
            } else if former.contains(&value) {
                errors.at(was, "this path is given twice; remove one");
            } else {
                former.push(value);
            }
        }
        former
    }

    /// The name on the wire: the `name` option, checked, or else `ident`.
    pub(crate) fn name(&self, ident: &syn::Ident, errors: &mut Errors) -> String {
        match &self.name {
            None => syn::ext::IdentExt::unraw(ident).to_string(),
            Some(name) => {
                if !is_name(&name.value()) {
                    errors.at(
                        name,
                        "a name consists of letters, digits and underscores, and does not begin with a digit",
                    );
                }
                name.value()
            }
        }
    }
}

/// Whether an attribute is `#[remote]`, under any path.
pub(crate) fn is_remote(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "remote")
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn refusal(option: &str, place: &Place) -> String {
    match (option, place.what) {
        ("inline", "a method" | "a method of an interface") => "only a constructor or a function can be `inline`; \
            methods are inline unless they are `blocking`"
            .to_owned(),
        ("module", "an impl block" | "an implementation of an interface") => {
            "the module is that of the class; give it there, and remove it here".to_owned()
        }
        ("replay", "a class") => "the methods of a class are made again, each by itself; put `replay` on its \
            `impl` block, or on methods there"
            .to_owned(),
        ("replay", "an interface" | "a method of an interface" | "an implementation of an interface") => {
            "each class has another body for a method of an interface, so none is made again; put `replay` on methods \
             of the class itself"
                .to_owned()
        }
        ("replay", "a function" | "a constructor") => "only a method with `&mut self` is made again: what a function \
            changes or makes is kept as it is then; remove `replay`"
            .to_owned(),
        _ => unknown(place),
    }
}

/// The version in `replay`, which is 1 in `replay` alone.
fn replay(meta: &Meta, span: Span, errors: &mut Errors) -> Option<Replay> {
    match meta {
        Meta::Path(_) => return Some(Replay { span, version: 1 }),
        Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Int(number), .. }), .. }) => {
            if let Some(version) = number.base10_parse().ok().filter(|version| *version > 0) {
                return Some(Replay { span, version });
            }
        }
        _ => {}
    }
    errors.at(meta, "the version of a method that is made again is a number from 1 on: `replay`, or `replay = 2`");
    None
}

fn unknown(place: &Place) -> String {
    let Place { what, known } = place;
    match *known {
        [] => format!("{what} has no options of its own; put them on the method in the trait"),
        [one] => format!("unknown option; {what} has only `{one}`"),
        [most @ .., last] => format!("unknown option; {what} has `{}` and `{last}`", most.join("`, `")),
    }
}

fn flag(meta: &Meta, errors: &mut Errors) -> bool {
    let ok = matches!(meta, Meta::Path(_));
    if !ok {
        errors.at(meta, "this option takes no value; write its name alone");
    }
    ok
}

fn text(meta: &Meta, errors: &mut Errors) -> Option<LitStr> {
    if let Meta::NameValue(pair) = meta
        && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
    {
        return Some(text.clone());
    }
    errors.at(meta, "this option is a string: write it as in name = \"list\"");
    None
}

fn ident(meta: &Meta, errors: &mut Errors) -> Option<Ident> {
    let text = text(meta, errors)?;
    let ident = text.parse().ok();
    if ident.is_none() {
        errors.at(text, "the proxy's method needs a Rust name, such as \"get_value\"");
    }
    ident
}

fn path(meta: &Meta, errors: &mut Errors) -> Option<Path> {
    if let Meta::NameValue(pair) = meta {
        match &pair.value {
            Expr::Path(path) if path.qself.is_none() => return Some(path.path.clone()),
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match text.parse() {
                Ok(path) => return Some(path),
                Err(error) => errors.push(error),
            },
            _ => errors.at(&pair.value, "this is not a path; write it as in crate = my_crate::tarmem"),
        }
        return None;
    }
    errors.at(meta, "this option is a path; write it as in crate = my_crate::tarmem");
    None
}
