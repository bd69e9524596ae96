//! What parts of the sources may not know, beyond what the drawing in docs/architecture.md says.

use crate::{root, sources};
use std::fs;

/// The object model has no sockets, and what it expands to is in one place.
#[test]
fn the_object_model_knows_no_sockets() {
    let forbidden = [
        ("remote/src", &["std::net", "tokio::net", "std::os::unix", "tarpc"][..]),
        ("remote/macros/src", &["tarmem_remote::registry"][..]),
        // It is written as a user's classes are: on what is public.
        ("remote/modules/src", &["__private", "std::net", "tokio::net", "tarpc"][..]),
    ];
    for (folder, words) in forbidden {
        for (path, text) in sources(folder) {
            for word in words {
                let found = text.lines().filter(|line| !line.trim_start().starts_with("//")).find(|l| l.contains(word));
                assert_eq!(found, None, "{} refers to {word}", path.display());
            }
        }
    }
}

/// The modules of a folder of the object model.
fn rooms(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(folder).join("mod.rs")).expect("there");
    let rooms = text.lines().filter_map(|line| Some(line.split_once("mod ")?.1.strip_suffix(';')?.to_owned()));
    rooms.collect()
}

/// Whether the code refers to a module of its crate.
fn refers(text: &str, room: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = [format!("crate::{room}::"), format!("crate::{room};")];
    code.into_iter().any(|line| paths.iter().any(|path| line.contains(path)))
}

/// value ← protocol ← client ← model: none of them knows those above it.
#[test]
fn rooms_of_the_object_model_know_those_below_them() {
    let folders = ["model", "client", "protocol"];
    // The modules of a folder have short paths of their own, beside that through the folder.
    let above = |at: usize| {
        let rooms = folders[..at].iter().flat_map(|folder| rooms(&format!("remote/src/{folder}")));
        let all: Vec<String> = rooms.chain(folders[..at].iter().chain(&["__private"]).map(|&f| f.to_owned())).collect();
        // Of its own folder's files, whose names may be those of files above.
        let own = folders.get(at).map_or(Vec::new(), |folder| self::rooms(&format!("remote/src/{folder}")));
        all.into_iter().filter(|room| !own.contains(room)).collect::<Vec<_>>()
    };
    assert!(above(1).contains(&"context".to_owned()) && above(2).contains(&"proxy".to_owned()));
    for (folder, at) in [("client", 1), ("protocol", 2), ("value", 3)] {
        for (path, text) in sources(&format!("remote/src/{folder}")) {
            if path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs"))) {
                continue;
            }
            let found = above(at).into_iter().find(|room| refers(&text, room));
            assert_eq!(found, None, "{} refers to what is above it", path.display());
        }
    }
}
