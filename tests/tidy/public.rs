//! What is public can grow: an enum may get variants, and a struct fields, without breaking a program of a user, unless
//! there is a reason why not.

use super::attributes::{add_names, is_hidden};
use super::sources;
use std::collections::HashSet;
use std::path::Path;
use syn::{Fields, Item, Visibility};

/// The public enums, and structs with public fields, that are not `#[non_exhaustive]`; and why.
const EXHAUSTIVE: &[(&str, &str)] = &[
    ("Accepted", "whoever implements a Listener makes it"),
    ("Arg", "an argument is given or left out"),
    ("CallError", "a call failed in the method or before it"),
    ("Chunk", "whoever implements Iterable makes it"),
    ("Comparison", "Python has these six"),
    ("Complex", "a number has two parts, and users make it"),
    ("Counted", "whoever writes a method with a count makes it"),
    ("Encoding", "there are two, and who runs calls has to know all"),
    ("Granted", "a method that grants something makes it"),
    ("Looked", "whoever implements RefScope makes it, and who looks has to know all"),
    ("Misfit", "whoever wraps a call in a future makes it"),
    ("Owner", "whoever runs methods, such as a test of them, makes it"),
    ("Package", "register_package! makes it in a user's crate"),
    ("Place", "the expansion of #[remote] makes it"),
    ("Slice", "Python's slices have three parts, and users make it"),
    ("Span", "a range of indices, which users make"),
    ("Value", "users match on all that can be sent; a new kind of value is a new version of the protocol"),
];

#[test]
fn what_is_public_can_grow_or_says_why_not() {
    let mut closed = Vec::new();
    for folder in ["src", "remote/src", "remote/modules/src"] {
        let files: Vec<_> = sources(folder).into_iter().filter(|(path, _)| is_public(path)).collect();
        let parsed: Vec<_> = files.iter().map(|(path, text)| (path, syn::parse_file(text).expect("Rust"))).collect();
        let mut hidden = HashSet::new();
        parsed.iter().for_each(|(_, file)| add_hidden(&file.items, &mut hidden));
        let is_below_hidden =
            |path: &Path| path.iter().any(|part| hidden.contains(part.to_string_lossy().trim_end_matches(".rs")));
        for (path, file) in &parsed {
            if is_below_hidden(path) {
                continue;
            }
            for item in &file.items {
                if let Some(name) = closed_item(item).filter(|name| !hidden.contains(name)) {
                    closed.push((name, path.display().to_string()));
                }
            }
        }
    }
    for (name, path) in &closed {
        assert!(
            EXHAUSTIVE.iter().any(|(known, _)| known == name),
            "{name} in {path} is public and can never grow: make it #[non_exhaustive], or #[doc(hidden)] if no \
             user needs it, or say in tests/tidy/public.rs why it is as it is"
        );
    }
    for (known, _) in EXHAUSTIVE {
        assert!(closed.iter().any(|(name, _)| name == known), "{known} need not be listed in tests/tidy/public.rs");
    }
}

/// The program's own code has no users, nor has what is for tests.
fn is_public(path: &Path) -> bool {
    let path = path.to_string_lossy();
    !["src/cli/", "src/fuzzing/", "src/linear/", "tests"].iter().any(|part| path.contains(part))
}

/// Adds the modules and items that a file hides as it names them.
fn add_hidden(items: &[Item], hidden: &mut HashSet<String>) {
    for item in items {
        match item {
            Item::Use(item) if is_hidden(&item.attrs) => add_names(&item.tree, hidden),
            Item::Mod(item) if is_hidden(&item.attrs) => drop(hidden.insert(item.ident.to_string())),
            _ => {}
        }
    }
}

/// The name of a public enum, or a struct with public fields, to which nothing can be added.
fn closed_item(item: &Item) -> Option<String> {
    let (vis, attrs, ident, is_open) = match item {
        Item::Enum(item) => (&item.vis, &item.attrs, &item.ident, item.variants.is_empty()),
        Item::Struct(item) => (&item.vis, &item.attrs, &item.ident, !has_public_fields(&item.fields)),
        _ => return None,
    };
    let may_grow = is_open || attrs.iter().any(|attr| attr.path().is_ident("non_exhaustive"));
    (matches!(vis, Visibility::Public(_)) && !may_grow && !is_hidden(attrs)).then(|| ident.to_string())
}

/// A struct with a private field cannot be made by users anyway.
fn has_public_fields(fields: &Fields) -> bool {
    !fields.is_empty() && fields.iter().all(|field| matches!(field.vis, Visibility::Public(_)))
}
