//! Every public type has an example in its documentation, and of the public functions and methods ever more.

use super::attributes::{add_names, docs_of, is_for_tests, is_hidden, paths_of};
use super::sources;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use syn::{Attribute, Ident, ImplItem, Item, ItemImpl, ItemTrait, TraitItem, Type, Visibility};

/// The public types without an example, by crate, and why they have none.
const WITHOUT: &[(&str, &str, &str)] = &[("remote/src", "Place", "a file and a line; registry errors print it")];

/// How many public functions, methods and macros have no example, by crate: a number that only falls. What a macro of
/// the crate writes, such as `passed_on!`, is not counted.
const FUNCTIONS_WITHOUT: &[(&str, usize)] = &[("src", 38), ("remote/src", 148), ("remote/modules/src", 394)];

/// A public item of a crate, as its source has it.
struct Public {
    name: String,
    file: PathBuf,
    /// The code of its examples.
    code: String,
    has_example: bool,
}

impl Public {
    fn new(name: impl ToString, file: &Path, attrs: &[Attribute]) -> Self {
        let (code, refers) = example(attrs);
        let has_example = refers || !code.is_empty();
        Public { name: name.to_string(), file: file.to_owned(), code, has_example }
    }

    /// A method of this type, in an `impl` with these attributes. The example of the type, or of the `impl`, is one of
    /// each method that it calls.
    fn method(&self, name: &Ident, file: &Path, attrs: &[Attribute], of_impl: &[Attribute]) -> Self {
        let code = self.code.clone() + &example(of_impl).0;
        let is_called = [".", "::"].iter().any(|before| code.contains(&format!("{before}{name}(")));
        let mut method = Public::new(format!("{}::{name}", self.name), file, attrs);
        method.has_example |= is_called;
        method
    }
}

#[test]
fn every_public_type_has_an_example() {
    let mut missing = Vec::new();
    for folder in ["src", "remote/src", "remote/modules/src"] {
        let types = public_items(folder).types;
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

#[test]
fn ever_more_public_functions_have_an_example() {
    for (folder, bound) in FUNCTIONS_WITHOUT {
        let functions = public_items(folder).functions;
        assert!(functions.len() > 20, "{folder} has {} public functions", functions.len());
        let without: Vec<_> = functions.iter().filter(|found| !found.has_example).collect();
        let list = || without.iter().map(|found| format!("{} in {}", found.name, found.file.display()));
        assert!(
            without.len() <= *bound,
            "{} functions and methods of {folder} have no example, and {bound} may have none; give the new one an \
             example, or say \"Like [...]\" where there is one:\n{}",
            without.len(),
            list().collect::<Vec<_>>().join("\n")
        );
        let found = without.len();
        assert_eq!(found, *bound, "fewer functions of {folder} are without an example now: lower FUNCTIONS_WITHOUT");
    }
}

/// What the documentation of a crate shows.
struct PublicItems {
    types: Vec<Public>,
    /// Functions, methods of types and traits, and macros.
    functions: Vec<Public>,
}

/// The items of a crate that its documentation shows: those in public modules, and those that `pub use` takes out of
/// private ones, unless the item or a module around it is `#[doc(hidden)]`.
fn public_items(folder: &str) -> PublicItems {
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
    let (mut types, mut functions, mut impls) = (Vec::new(), Vec::new(), Vec::new());
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
                Item::Impl(item) if item.trait_.is_none() && !is_for_tests(&item.attrs) && !is_hidden(&item.attrs) => {
                    impls.push((path.clone(), item));
                }
                Item::Macro(item) if item.attrs.iter().any(|attr| attr.path().is_ident("macro_export")) => {
                    if let Some(name) = item.ident.as_ref().filter(|_| !is_hidden(&item.attrs)) {
                        functions.push(Public::new(name, &path, &item.attrs));
                    }
                }
                _ => {
                    let Some((ident, attrs)) = item_of(item) else { continue };
                    let name = ident.to_string();
                    if is_hidden(attrs) || !(is_visible && !hidden.contains(&name) || is_reexported(&name)) {
                        continue;
                    }
                    let found = Public::new(name, &path, attrs);
                    if matches!(item, Item::Fn(_)) {
                        functions.push(found)
                    } else {
                        types.push(found)
                    }
                    if let Item::Trait(item) = item {
                        let of = types.last().expect("the trait");
                        functions.extend(methods_of_trait(item, of, &path));
                    }
                }
            }
        }
    }
    for (path, item) in impls {
        let Some(name) = name_of(&item.self_ty) else { continue };
        // Of two types with this name, the one that is nearer in the tree of files.
        let shared = |of: &&Public| of.file.iter().zip(path.iter()).take_while(|(one, other)| one == other).count();
        if let Some(of) = types.iter().filter(|found| found.name == name).max_by_key(shared) {
            functions.extend(methods_of(item, of, &path));
        }
    }
    PublicItems { types, functions }
}

fn methods_of_trait(item: &ItemTrait, of: &Public, path: &Path) -> Vec<Public> {
    let methods = item.items.iter().filter_map(|method| match method {
        TraitItem::Fn(method) if !is_hidden(&method.attrs) => Some((&method.sig.ident, &*method.attrs)),
        _ => None,
    });
    methods.map(|(name, attrs)| of.method(name, path, attrs, &[])).collect()
}

fn methods_of(item: &ItemImpl, of: &Public, path: &Path) -> Vec<Public> {
    let methods = item.items.iter().filter_map(|method| match method {
        ImplItem::Fn(method) if is_public(&method.vis) && !is_hidden(&method.attrs) => {
            Some((&method.sig.ident, &*method.attrs))
        }
        _ => None,
    });
    methods.map(|(name, attrs)| of.method(name, path, attrs, &item.attrs)).collect()
}

/// The last name in a type's path.
fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// The name and attributes of a public function, struct, enum, union, trait or alias.
fn item_of(item: &Item) -> Option<(&Ident, &[Attribute])> {
    let (vis, ident, attrs) = match item {
        Item::Fn(item) => (&item.vis, &item.sig.ident, &item.attrs),
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

/// The examples in Rust in documentation, and whether it says where there is one.
fn example(attrs: &[Attribute]) -> (String, bool) {
    let (mut code, mut refers) = (String::new(), false);
    // Within a fence: whether it is Rust.
    let mut fence = None;
    for line in docs_of(attrs) {
        let line = line.trim();
        if let Some(words) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(is_rust(words)) };
        } else if fence == Some(true) {
            code.extend([line, "\n"]);
        } else if fence.is_none() {
            refers |= line.starts_with("Like [`") || line.contains("For an example, see [");
        }
    }
    (code, refers)
}

/// Whether the words behind the fence of a code block say that it is Rust that rustdoc compiles.
fn is_rust(words: &str) -> bool {
    let mut words = words.split([',', ' ']).filter(|word| !word.is_empty());
    words.all(|word| ["rust", "no_run", "should_panic", "compile_fail"].contains(&word))
}
