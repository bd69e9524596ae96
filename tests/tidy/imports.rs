//! Which file refers to which: the paths in the sources, resolved to the files that define what they name. Paths are
//! found by a parser, wherever they stand: in `use`, types, expressions, macros and attributes. Code for tests only is
//! left out.

use super::attributes::{is_for_tests, paths_of};
use super::reader::Reader;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::Item;
use syn::visit::Visit;

/// A package whose sources are read.
pub(crate) struct Package {
    /// As its manifest has it.
    pub(crate) name: String,
    /// Its folder, below the repository's.
    pub(crate) folder: PathBuf,
    /// What it depends on.
    dependencies: HashSet<String>,
}

/// One path in one file that names something of another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
    /// The path, as it is written.
    pub(crate) path: String,
}

/// The packages in these folders of the repository, and all that their files refer to in one another.
pub(crate) fn scan(root: &Path, folders: &[&str]) -> (Vec<Package>, Vec<Import>) {
    let packages: Vec<Package> = folders.iter().map(|folder| Package::read(root, folder)).collect();
    let mut tree =
        Tree { root: root.to_owned(), modules: Vec::new(), libraries: HashMap::new(), dependencies: Vec::new() };
    for package in &packages {
        for (file, is_library) in [("src/lib.rs", true), ("src/main.rs", false)] {
            let file = package.folder.join(file);
            if !root.join(&file).exists() {
                continue;
            }
            let mut names = package.dependencies.clone();
            names.insert(package.name.clone());
            let crate_root = tree.add_crate(&file, names);
            if is_library {
                tree.libraries.insert(package.name.replace('-', "_"), crate_root);
            }
        }
    }
    let imports = tree.imports();
    (packages, imports)
}

impl Package {
    fn read(root: &Path, folder: &str) -> Self {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).expect("a package");
        let mut package = Package { name: String::new(), folder: folder.into(), dependencies: HashSet::new() };
        let mut section = "";
        for line in manifest.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            } else if section == "package" && line.starts_with("name = ") {
                package.name = line["name = ".len()..].trim_matches('"').to_owned();
            } else if section == "dependencies" {
                let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
                package.dependencies.insert(line[..end].to_owned());
            }
        }
        assert!(!package.name.is_empty(), "{folder}/Cargo.toml names no package");
        package
    }
}

/// All modules of all crates.
struct Tree {
    root: PathBuf,
    modules: Vec<Module>,
    /// The roots of the libraries, by their names in paths.
    libraries: HashMap<String, usize>,
    /// Which packages each crate may name, by its root.
    dependencies: Vec<(usize, HashSet<String>)>,
}

/// A module, and what its code refers to.
pub(crate) struct Module {
    file: PathBuf,
    parent: Option<usize>,
    crate_root: usize,
    children: HashMap<String, usize>,
    /// What is defined here; or elsewhere, for a macro that is exported from here.
    items: HashMap<String, usize>,
    /// What is imported, by the names that it has here.
    pub(super) imported: HashMap<String, Vec<Vec<String>>>,
    /// Modules all of whose names are imported.
    pub(super) globs: Vec<Vec<String>>,
    /// The paths in its code.
    pub(super) paths: Vec<Vec<String>>,
    /// Those of its imports.
    pub(super) uses: Vec<Vec<String>>,
}

/// What a path names.
#[derive(Clone, Copy)]
enum Named {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

impl Tree {
    fn add_crate(&mut self, file: &Path, names: HashSet<String>) -> usize {
        let crate_root = self.modules.len();
        self.dependencies.push((crate_root, names));
        self.add_file(file, None, crate_root);
        crate_root
    }

    fn add_module(&mut self, file: &Path, parent: Option<usize>, crate_root: usize) -> usize {
        self.modules.push(Module {
            file: file.to_owned(),
            parent,
            crate_root,
            children: HashMap::new(),
            items: HashMap::new(),
            imported: HashMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
            uses: Vec::new(),
        });
        self.modules.len() - 1
    }

    fn add_file(&mut self, file: &Path, parent: Option<usize>, crate_root: usize) -> usize {
        let text = fs::read_to_string(self.root.join(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let module = self.add_module(file, parent, crate_root);
        // Modules of a `mod.rs` are beside it, those of another file in the folder of its name.
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let folder = match name {
            "mod.rs" | "lib.rs" | "main.rs" => file.parent().expect("a folder").to_owned(),
            _ => file.with_extension(""),
        };
        self.add_items(&parsed.items, module, &folder);
        module
    }

    fn add_items(&mut self, items: &[Item], module: usize, folder: &Path) {
        for item in items {
            let Item::Mod(inner) = item else {
                self.add_item(item, module);
                continue;
            };
            let name = inner.ident.to_string();
            // A file for tests has that name, be it within a module for tests or beside the code; other modules for
            // tests only are rooms like all others, if they have files of their own.
            if name == "tests" || is_for_tests(&inner.attrs) && inner.content.is_some() {
                continue;
            }
            let (crate_root, file) = (self.modules[module].crate_root, self.modules[module].file.clone());
            let child = match &inner.content {
                Some((_, items)) => {
                    let child = self.add_module(&file, Some(module), crate_root);
                    self.add_items(items, child, &folder.join(&name));
                    child
                }
                None => {
                    let beside = folder.join(format!("{name}.rs"));
                    let within = folder.join(&name).join("mod.rs");
                    let file = if self.root.join(&beside).exists() { beside } else { within };
                    // What may stand in for it in some builds is read, too.
                    for other in paths_of(&inner.attrs).map(|path| folder.join(path)) {
                        self.add_file(&other, Some(module), crate_root);
                    }
                    self.add_file(&file, Some(module), crate_root)
                }
            };
            self.modules[module].children.insert(name, child);
        }
    }

    fn add_item(&mut self, item: &Item, module: usize) {
        if let Some(name) = defined_name(item) {
            self.modules[module].items.insert(name.clone(), module);
            if matches!(item, Item::Macro(item) if item.attrs.iter().any(|a| a.path().is_ident("macro_export"))) {
                let crate_root = self.modules[module].crate_root;
                self.modules[crate_root].items.insert(name, module);
            }
        }
        Reader { module: &mut self.modules[module] }.visit_item(item);
    }

    /// The module that a name means in a module, or whose item it is; `None` if it is of another package, or the name
    /// of something local.
    fn look_up(&self, module: usize, name: &str, seen: &mut HashSet<(usize, String)>) -> Option<Named> {
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Named::Module(child));
        }
        if let Some(&definer) = here.items.get(name) {
            return Some(Named::Item(definer));
        }
        let imported = here.imported.get(name).into_iter().flatten();
        if let Some(named) = imported.clone().find_map(|path| self.resolve(module, path, seen)) {
            return Some(named);
        }
        here.globs.iter().find_map(|path| match self.resolve(module, path, seen)? {
            Named::Module(glob) => self.look_up(glob, name, seen),
            Named::Item(_) => None,
        })
    }

    fn library(&self, module: usize, name: &str) -> Option<Named> {
        let crate_root = self.modules[module].crate_root;
        let (_, known) = self.dependencies.iter().find(|(root, _)| *root == crate_root)?;
        known.contains(&name.replace('_', "-")).then(|| self.libraries.get(name).copied().map(Named::Module))?
    }

    fn is_within(&self, mut module: usize, outer: usize) -> bool {
        while let Some(parent) = self.modules[module].parent {
            if parent == outer {
                return true;
            }
            module = parent;
        }
        false
    }

    fn is_dependency(&self, crate_root: usize, of: usize) -> bool {
        let name = self.libraries.iter().find(|(_, root)| **root == of).map(|(name, _)| name);
        name.is_some_and(|name| self.library(crate_root, name).is_some())
    }

    fn resolve(&self, module: usize, path: &[String], seen: &mut HashSet<(usize, String)>) -> Option<Named> {
        let (first, mut rest) = path.split_first()?;
        let mut named = match first.as_str() {
            "crate" => Named::Module(self.modules[module].crate_root),
            "self" => Named::Module(module),
            "super" => Named::Module(self.modules[module].parent?),
            name => self.look_up(module, name, seen).or_else(|| self.library(module, name))?,
        };
        while let (Named::Module(within), Some((name, more))) = (named, rest.split_first()) {
            named = match name.as_str() {
                "super" => Named::Module(self.modules[within].parent?),
                // What a macro defines is not seen; it is taken to be the module's own.
                name => self.look_up(within, name, seen).unwrap_or(Named::Item(within)),
            };
            rest = more;
        }
        Some(named)
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            for (path, is_use) in
                module.paths.iter().map(|path| (path, false)).chain(module.uses.iter().map(|path| (path, true)))
            {
                // A name that stands alone may be that of a variable: it is no module then.
                if path.len() == 1 && module.children.contains_key(&path[0]) {
                    continue;
                }
                let Some(Named::Module(to) | Named::Item(to)) = self.resolve(index, path, &mut HashSet::new()) else {
                    continue;
                };
                // What a module imports of its own modules is for its code, which is looked at, too, or for others.
                if is_use && self.is_within(to, index) {
                    continue;
                }
                // What another crate shows of a third one is its own affair.
                let (to, to_root) = (&self.modules[to].file, self.modules[to].crate_root);
                let is_known = to_root == module.crate_root || self.is_dependency(module.crate_root, to_root);
                if *to != module.file && is_known {
                    imports.push(Import { from: module.file.clone(), to: to.clone(), path: path.join("::") });
                }
            }
        }
        imports.sort();
        imports.dedup();
        imports
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
