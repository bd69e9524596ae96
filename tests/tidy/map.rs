//! The map in docs/architecture.md: its table names each file, and its drawings are what the imports say.

use crate::drawing::{Drawing, circle_of_files};
use crate::imports;
use crate::{root, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// The packages that are drawn.
const PACKAGES: [&str; 4] = ["", "remote", "remote/macros", "remote/modules"];

/// What has to be drawn. There may be more.
const FOLDERS: [&str; 5] = ["the repository", "remote/src", "src", "src/client", "src/server"];

/// Folders no two files of which refer to one another.
const WITHOUT_CIRCLES: [&str; 11] = [
    "remote/src/client",
    "remote/src/model",
    "remote/src/protocol",
    "src/cli",
    "src/client",
    "src/config",
    "src/server/exec",
    "src/server/net",
    "src/server/refs",
    "src/server/state",
    "src/wire",
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
fn files_refer_to_one_another_in_no_circle() {
    let (_, imports) = imports::scan(root(), &PACKAGES);
    for folder in WITHOUT_CIRCLES {
        assert!(imports.iter().any(|import| import.from.starts_with(folder)), "nothing in {folder} refers to anything");
        let circle = circle_of_files(Path::new(folder), &imports);
        assert_eq!(circle, None, "in {folder}, files refer to one another in a circle");
    }
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
