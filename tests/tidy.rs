//! Tidiness is a test: lengths, layering, what may not be in the sources, what is published.

#[path = "tidy/attributes.rs"]
mod attributes;
#[path = "tidy/drawing.rs"]
mod drawing;
#[path = "tidy/examples.rs"]
mod examples;
#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/lengths.rs"]
mod lengths;
#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/public.rs"]
mod public;
#[path = "tidy/published.rs"]
mod published;
#[path = "tidy/reader.rs"]
mod reader;
#[path = "tidy/twins.rs"]
mod twins;

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files of a folder, below the repository's.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut sources) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                sources.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(!sources.is_empty(), "{folder} is empty");
    sources
}

#[test]
fn nothing_is_left_undone() {
    for folder in ["src", "remote/src", "remote/macros/src", "remote/modules/src", "examples"] {
        for (path, text) in sources(folder) {
            for word in
                [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X")]
            {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}
