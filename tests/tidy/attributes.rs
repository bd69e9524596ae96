//! What the attributes of an item say, and the names that a `use` takes.

use proc_macro2::TokenTree;
use quote::ToTokens;
use std::collections::HashSet;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta, MetaNameValue, Token, UseTree};

/// Whether an item is `#[doc(hidden)]`.
pub(crate) fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("doc") && attribute.parse_args::<Ident>().is_ok_and(|word| word == "hidden")
    })
}

/// The lines of documentation, as far as they are written out.
pub(crate) fn docs_of(attributes: &[Attribute]) -> Vec<String> {
    let text = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue { path, value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. })
            if path.is_ident("doc") =>
        {
            Some(text.value())
        }
        _ => None,
    };
    attributes.iter().filter_map(text).flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The files that `path` names, on a condition or not.
pub(crate) fn paths_of(attributes: &[Attribute]) -> impl Iterator<Item = String> {
    let path = |attribute: &Attribute| {
        let tokens: Vec<TokenTree> = attribute.meta.to_token_stream().into_iter().collect();
        let inner = tokens.iter().find_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream().into_iter().collect()),
            _ => None,
        });
        let is_conditional = attribute.path().is_ident("cfg_attr");
        let tokens: Vec<TokenTree> = if is_conditional { inner.unwrap_or_default() } else { tokens };
        let at = tokens.iter().rposition(|token| matches!(token, TokenTree::Ident(name) if name == "path"))?;
        Some(syn::parse_str::<syn::LitStr>(&tokens.get(at + 2)?.to_string()).ok()?.value())
    };
    attributes.iter().filter_map(path).collect::<Vec<_>>().into_iter()
}

/// Whether what has these attributes is compiled for tests only.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    fn needs_test(meta: &Meta) -> bool {
        let inner = |list: &syn::MetaList| list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        match meta {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("any") => {
                inner(list).is_ok_and(|metas| metas.iter().all(needs_test))
            }
            Meta::List(list) if list.path.is_ident("all") => {
                inner(list).is_ok_and(|metas| metas.iter().any(needs_test))
            }
            _ => false,
        }
    }
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.any(|condition| condition.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta)))
}

/// Adds the names that a `use` makes visible, except those of a glob.
pub(crate) fn add_names(tree: &UseTree, found: &mut HashSet<String>) {
    match tree {
        UseTree::Path(path) => add_names(&path.tree, found),
        UseTree::Name(name) => drop(found.insert(name.ident.to_string())),
        UseTree::Rename(rename) => drop(found.insert(rename.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add_names(tree, found)),
        UseTree::Glob(_) => {}
    }
}
