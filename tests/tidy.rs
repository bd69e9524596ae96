//! Tidiness is a test: file lengths, layering, what may not be in the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut folders, mut sources) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                sources.push((path.strip_prefix(root).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(!sources.is_empty(), "{folder} is empty");
    sources
}

#[test]
fn no_file_holds_two_ideas() {
    for folder in ["src", "remote", "examples", "benches", "tests"] {
        for (path, text) in sources(folder) {
            // A list of tests is one idea, however long.
            let limit = if path.starts_with("tests") || path.starts_with("remote/tests") { 800 } else { 500 };
            let lines = text.lines().count();
            assert!(lines <= limit, "{} has {lines} lines; over {limit}", path.display());
        }
    }
}

/// cli → server, client → wire → remote → macros.
#[test]
fn arrows_go_one_way() {
    let forbidden = [
        ("remote/src", &["std::net", "tokio::net", "std::os::unix", "tarpc"][..]),
        ("remote/macros/src", &["tarmem_remote::registry"][..]),
        ("src/wire", &["crate::server", "crate::client", "crate::store", "crate::cli::"][..]),
        ("src/store", &["crate::server", "crate::client", "crate::wire", "crate::cli::"][..]),
        ("src/server", &["crate::cli::"][..]),
        ("src/client", &["crate::cli::", "crate::store"][..]),
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(folder).join("mod.rs")).expect("there");
    let rooms = text.lines().filter_map(|line| Some(line.split_once("mod ")?.1.strip_suffix(';')?.to_owned()));
    rooms.collect()
}

/// Whether the code refers to a module of its crate.
fn refers(text: &str, room: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = [format!("crate::{room}::"), format!("crate::{room};")];
    code.into_iter().any(|line| paths.iter().any(|path| line.contains(path)))
}

/// protocol ← model and client, which know of one another what docs/architecture.md says.
#[test]
fn rooms_of_the_object_model_know_those_below_them() {
    let (model, client) = (rooms("remote/src/model"), rooms("remote/src/client"));
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let except = |rooms: &[String], known: &[&str]| {
        rooms.iter().filter(|room| !known.contains(&room.as_str())).cloned().collect::<Vec<_>>()
    };
    assert!(model.contains(&"object".to_owned()) && client.contains(&"proxy".to_owned()));
    let above_protocol = [model.clone(), client.clone(), named(&["modules", "__private"])].concat();
    let mut forbidden = vec![("remote/src/protocol", above_protocol)];
    // A class has a proxy, a context gives what it runs the client's side, and functions over objects are given proxies.
    let no_client = except(&model, &["object", "context", "multi_object"]);
    let no_client: Vec<_> = no_client.iter().map(|room| format!("remote/src/model/{room}")).collect();
    forbidden.extend(no_client.iter().map(|place| (place.as_str(), client.clone())));
    // What a class is, and which there are.
    forbidden.push(("remote/src/client", except(&model, &["object", "describe"])));
    // A call knows none of those that make calls.
    let above_call = except(&client, &["call", "handle"]);
    forbidden.extend(["remote/src/client/call", "remote/src/client/handle"].map(|place| (place, above_call.clone())));
    for (place, rooms) in forbidden {
        let mut seen = false;
        let (folder, _) = place.rsplit_once('/').expect("a folder");
        for (path, text) in sources(folder) {
            // The folder itself, or the file of that name and what is in the folder of that name.
            if !path.starts_with(place) && path.with_extension("") != Path::new(place) || path.ends_with("tests.rs") {
                continue;
            }
            seen = true;
            let found = rooms.iter().find(|room| refers(&text, room));
            assert_eq!(found, None, "{} refers to what it may not know", path.display());
        }
        assert!(seen, "{place} is not there");
    }
}

#[test]
fn nothing_is_left_undone() {
    for folder in ["src", "remote/src", "remote/macros/src", "examples"] {
        for (path, text) in sources(folder) {
            for word in
                [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME"), concat!("XX", "X")]
            {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}

/// What a registry shows of a crate, and what it refuses one without.
#[test]
fn crates_that_are_published_say_what_they_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["", "remote", "remote/macros"] {
        let folder = root.join(folder);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("there");
        let package = manifest.split_once("[package]\n").expect("a package").1;
        let package = package.split_once("\n[").map_or(package, |(package, _)| package);
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= "));
            line.unwrap_or_else(|| panic!("{} has no {key}", folder.display()))
        };
        assert!(!value("description").is_empty() && package.contains("license.workspace = true"));
        let readme = folder.join(value("readme").trim_matches('"'));
        assert!(readme.exists(), "{} is not there", readme.display());
        for list in ["keywords", "categories"] {
            let count = value(list).split(',').count();
            assert!((1..=5).contains(&count), "{}: {count} {list}, of which there may be 5", folder.display());
        }
    }
}

/// Each folder and each file of the map exists, and each room of the sources is on it.
#[test]
fn the_map_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(root.join("docs/architecture.md")).expect("there");
    let places = map.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once('|'));
    let mut named = Vec::new();
    for (places, _) in places {
        let mut folder = PathBuf::new();
        for place in places.split(", ").map(|place| place.trim().trim_matches('`')) {
            // A second file of a row is in the folder of the first.
            let path = if place.contains('/') { PathBuf::from(place) } else { folder.join(place) };
            assert!(root.join(&path).exists(), "the map names {}, which is not there", path.display());
            folder = path.parent().map(Path::to_owned).unwrap_or_default();
            named.push(path);
        }
    }
    for folder in ["src", "remote/src"] {
        for (path, _) in sources(folder) {
            let file = path.file_name().expect("a file");
            let known = file == "lib.rs"
                || named.iter().any(|place| path.starts_with(place))
                || map.contains(&*file.to_string_lossy());
            assert!(known, "{} is not on the map in docs/architecture.md", path.display());
        }
    }
}
