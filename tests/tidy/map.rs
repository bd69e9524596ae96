//! The map in docs/architecture.md: its table names each file, and its drawings are what the imports say.

use crate::drawing::{Drawing, cycle_of_files};
use crate::imports::{self, Import};
use crate::{root, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// The packages that are drawn.
const PACKAGES: [&str; 5] = ["", "remote", "remote/macros", "remote/modules", "remote/storage"];

/// What has to be drawn. There may be more.
const FOLDERS: [&str; 5] = ["the repository", "remote/src", "src", "src/client", "src/server"];

/// The sources in which files may not refer to one another in a cycle, with the folders in them.
const SOURCES: [&str; 5] = ["src", "remote/src", "remote/macros/src", "remote/modules/src", "remote/storage/src"];

/// References that lead back to the file that they come from, which are allowed: the sources, the file or folder that
/// refers, what it refers to (empty for any file of the sources), and why. A row that is not needed any more is a
/// mistake.
const LEAD_BACK: &[(&str, &str, &str, &str)] = &[
    ("src", "security/attempts", "security/access_control", "failed attempts are counted for each Peer"),
    ("src", "security/tokens", "security/file", "Tokens::read reads the file that is written in their terms"),
    ("src", "server/session/delivery", "server/session/calls", "replies are those of the calls that hold them"),
    ("src", "store/kind", "store/block", "a kind knows the layout of a block, whose header names its kind"),
    ("src", "store/kind", "store/keeping", "an object notes its own changes, by what all objects of its kind share"),
    ("src", "store/queues", "store/lock", "the queue of a lock is found by the lock's address"),
    ("remote/src", "value/scope", "value/reference", "a scope resolves the references that are decoded within it"),
    ("remote/src", "value/equality", "value/key", "sets and maps in values are compared by hash, and keys by equality"),
    ("remote/macros/src", "defaults", "signature", "the marks of a parameter are checked against how it is passed"),
    ("remote/macros/src", "multi_object", "dispatch", "a function over objects is dispatched in its own way"),
    ("remote/macros/src", "multi_object", "emit", "its code is put together from the same pieces"),
    (
        "remote/modules/src",
        "python",
        "",
        "Python's rules hold for every class, and look into live objects of each: python/live knows the classes, whose \
         methods are written with these rules and raise the errors that quote values by them",
    ),
    (
        "remote/modules/src",
        "extents",
        "",
        "part of the same cycle: it has the sizes of the classes, which count by them",
    ),
];

fn map() -> String {
    fs::read_to_string(root().join("docs/architecture.md")).expect("there")
}

/// Arrows are drawn where something refers to something, nowhere else, and all of them lead downwards.
#[test]
fn the_drawings_are_what_the_imports_say() {
    let (packages, imports) = imports::scan(root(), &PACKAGES);
    let drawings = Drawing::all(&map());
    for folder in FOLDERS {
        assert!(drawings.iter().any(|drawing| drawing.name() == folder), "{folder} is not drawn");
    }
    let files: Vec<PathBuf> = packages
        .iter()
        .flat_map(|package| sources(&package.folder.join("src").to_string_lossy()))
        .map(|(file, _)| file)
        .filter(|file| !file.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))))
        .collect();
    let mut mistakes = Vec::new();
    for drawing in drawings {
        let name = drawing.name();
        mistakes
            .extend(drawing.compare(&files, &imports, &packages).iter().map(|mistake| format!("{name}: {mistake}")));
    }
    assert!(mistakes.is_empty(), "docs/architecture.md is not what the sources are:\n{}", mistakes.join("\n"));
}

/// A file can be read after those that it refers to.
#[test]
fn files_refer_to_one_another_in_no_cycle() {
    let (_, imports) = imports::scan(root(), &PACKAGES);
    let mut mistakes = Vec::new();
    for folder in SOURCES {
        let of_folder =
            imports.iter().filter(|import| import.from.starts_with(folder) && import.to.starts_with(folder));
        let of_folder: Vec<&Import> = of_folder.collect();
        assert!(!of_folder.is_empty(), "nothing in {folder} refers to anything");
        let rows: Vec<_> = LEAD_BACK.iter().filter(|(of, ..)| *of == folder).collect();
        let cycle = |rows: &[&(&str, &str, &str, &str)]| {
            let leads_back = |import: &&&Import| {
                rows.iter().any(|(_, from, to, _)| is_in(&import.from, folder, from) && is_in(&import.to, folder, to))
            };
            cycle_of_files(Path::new(folder), of_folder.iter().filter(|import| !leads_back(import)).copied())
        };
        mistakes.extend(cycle(&rows).map(|cycle| format!("in {folder}, files refer to one another: {cycle}")));
        for row @ (_, from, to, _) in &rows {
            let others: Vec<_> = rows.iter().filter(|other| *other != row).copied().collect();
            if cycle(&others).is_none() {
                let to = if to.is_empty() { "others" } else { to };
                mistakes.push(format!("{from} of {folder} may refer to {to}: take it off LEAD_BACK"));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// Whether a file is the one, or in the folder, with this name in `folder`.
fn is_in(file: &Path, folder: &str, name: &str) -> bool {
    let file = file.strip_prefix(folder).unwrap_or(file);
    file.starts_with(name) || file.with_extension("") == Path::new(name)
}

/// Each folder and each file of the map exists, and each room of the sources is on it.
#[test]
fn the_map_is_true() {
    let map = map();
    let places = map.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once('|'));
    let mut named = Vec::new();
    for (places, _) in places {
        let mut folder = PathBuf::new();
        for place in places.split(", ").map(|place| place.trim().trim_matches('`')) {
            // A second file of a row is in the folder of the first.
            let path = if place.contains('/') { PathBuf::from(place) } else { folder.join(place) };
            assert!(root().join(&path).exists(), "the map names {}, which is not there", path.display());
            folder = path.parent().map(Path::to_owned).unwrap_or_default();
            named.push(path);
        }
    }
    for folder in ["src", "remote/src", "remote/modules/src"] {
        for (path, _) in sources(folder) {
            let file = path.file_name().expect("a file");
            let known = file == "lib.rs"
                || named.iter().any(|place| path.starts_with(place))
                || map.contains(&*file.to_string_lossy());
            assert!(known, "{} is not on the map in docs/architecture.md", path.display());
        }
    }
}
