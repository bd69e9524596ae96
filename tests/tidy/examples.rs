//! Every public type has an example in its documentation.

use super::attributes::{add_names, is_for_tests, is_hidden, paths_of};
use super::sources;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use syn::{Attribute, Expr, Ident, Item, Lit, Meta, Visibility};

/// The public types without an example, by crate, and why they have none.
const WITHOUT: &[(&str, &str, &str)] = &[("remote/src", "Place", "a file and a line; registry errors print it")];

/// A type of a crate, as its source has it.
struct Type {
    name: String,
    file: PathBuf,
    has_example: bool,
}

#[test]
fn every_public_type_has_an_example() {
    let mut missing = Vec::new();
    for folder in ["src", "remote/src", "remote/modules/src"] {
        let types = public_types(folder);
        // The scan finds them at all.
        assert!(types.len() > 20, "{folder} has {} public types", types.len());
        missing.extend(types.into_iter().filter(|found| !found.has_example).map(|found| (folder, found)));
    }
    let unknown: Vec<_> = missing
        .iter()
        .filter(|(folder, found)| !WITHOUT.iter().any(|(of, name, _)| of == folder && *name == found.name))
        .map(|(_, found)| format!("{} in {}", found.name, found.file.display()))
        .collect();
    assert!(unknown.is_empty(), "{} public types have no example:\n{}", unknown.len(), unknown.join("\n"));
    for (folder, name, _) in WITHOUT {
        let is_missing = missing.iter().any(|(of, found)| of == folder && found.name == *name);
        assert!(is_missing, "{name} of {folder} has an example, or is not there: take it off the list");
    }
}

/// The types of a crate that its documentation shows: those in public modules, and those that `pub use` takes out of
/// private ones, unless the type or a module around it is `#[doc(hidden)]`.
fn public_types(folder: &str) -> Vec<Type> {
    let files: HashMap<PathBuf, syn::File> =
        sources(folder).into_iter().map(|(path, text)| (path, syn::parse_file(&text).expect("Rust"))).collect();
    let (mut reexported, mut hidden) = (HashSet::new(), HashSet::new());
    for item in files.values().flat_map(|file| &file.items) {
        if let Item::Use(item) = item
            && is_public(&item.vis)
        {
            add_names(&item.tree, if is_hidden(&item.attrs) { &mut hidden } else { &mut reexported });
        }
    }
    let is_reexported = |name: &str| reexported.contains(name) && !hidden.contains(name);
    let mut found = Vec::new();
    let mut to_do = vec![(PathBuf::from(folder).join("lib.rs"), PathBuf::from(folder), true)];
    while let Some((path, below, is_visible)) = to_do.pop() {
        for item in &files[&path].items {
            match item {
                Item::Mod(module) if module.content.is_none() && !is_for_tests(&module.attrs) => {
                    let name = module.ident.to_string();
                    if is_hidden(&module.attrs) || hidden.contains(&name) {
                        continue;
                    }
                    let folder = below.join(&name);
                    let file = paths_of(&module.attrs).next().map(|name| path.with_file_name(name));
                    let places = file.into_iter().chain([folder.with_extension("rs"), folder.join("mod.rs")]);
                    let file = places.into_iter().find(|place| files.contains_key(place));
                    let file = file.unwrap_or_else(|| panic!("{} has no file", folder.display()));
                    to_do.push((file, folder, is_public(&module.vis) && (is_visible || is_reexported(&name))));
                }
                _ => {
                    let Some((ident, attrs)) = type_of(item) else { continue };
                    let name = ident.to_string();
                    if !is_hidden(attrs) && (is_visible && !hidden.contains(&name) || is_reexported(&name)) {
                        found.push(Type { name, file: path.clone(), has_example: has_example(attrs) });
                    }
                }
            }
        }
    }
    found
}

/// The name and attributes of a public struct, enum, union, trait or alias.
fn type_of(item: &Item) -> Option<(&Ident, &[Attribute])> {
    let (vis, ident, attrs) = match item {
        Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Enum(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Union(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Trait(item) => (&item.vis, &item.ident, &item.attrs),
        Item::Type(item) => (&item.vis, &item.ident, &item.attrs),
        _ => return None,
    };
    is_public(vis).then_some((ident, attrs))
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn has_example(attrs: &[Attribute]) -> bool {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| text(&attr.meta));
    docs.into_iter().any(|line| line.contains("```") || line.contains("For an example, see ["))
}

/// The text of `#[name = "text"]`.
fn text(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
