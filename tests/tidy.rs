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

/// A file of the server without its unit tests, which may stand above it.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests").map_or(text, |(code, _)| code)
}

/// net → exec → refs → session → state.
#[test]
fn rooms_of_the_server_know_those_below_them() {
    let rooms = ["net", "exec", "refs", "session", "state"];
    for (index, room) in rooms.iter().enumerate() {
        for (path, text) in sources(&format!("src/server/{room}")) {
            if path.ends_with("tests.rs") {
                continue;
            }
            for above in &rooms[..index] {
                let words = [format!("server::{above}"), format!("super::{above}::"), format!("super::{above};")];
                let names = |line: &&str| words.iter().any(|word| line.contains(word));
                let code = without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//"));
                assert_eq!(code.into_iter().find(names), None, "{} names {above}, which is above it", path.display());
            }
        }
    }
}

/// The paths of a tree of imports: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<String> {
    let Some((front, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match parts.last_mut() {
            Some(part) if letter != ',' || depth > 0 => part.push(letter),
            _ => parts.push(String::new()),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| paths(part).into_iter().map(|path| format!("{}{path}", front.trim()))).collect()
}

/// The modules that a file imports from, as paths from the crate's root.
fn imports(module: &str, text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = format!("\n{}", code.join("\n"));
    let uses = code.split("\nuse ").skip(1).filter_map(|rest| Some(rest.split_once(';')?.0.replace('\n', " ")));
    let full = |path: String| {
        let (mut at, mut rest) = (module, path.as_str());
        while let Some(above) = rest.strip_prefix("super::") {
            at = at.rsplit_once("::").map_or("", |(parent, _)| parent);
            rest = above;
        }
        match rest.strip_prefix("crate::") {
            Some(rest) => rest.to_owned(),
            None => format!("{at}::{rest}"),
        }
    };
    uses.flat_map(|tree| paths(&tree)).map(full).collect()
}

/// A file may be read after those that it imports from, and no other way round. (A file and the parts of it in the folder of its
/// name are one.)
#[test]
fn files_of_the_server_import_in_no_circle() {
    let mut files: Vec<(String, String)> = Vec::new();
    for (path, text) in sources("src/server") {
        if path.ends_with("tests.rs") {
            continue;
        }
        let module = path.with_extension("").display().to_string().replace('/', "::");
        let module = module.trim_start_matches("src::").trim_end_matches("::mod").to_owned();
        files.push((module, without_tests(&text).to_owned()));
    }
    let is_of = |path: &str, module: &str| {
        path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let mut left: Vec<(&str, Vec<&str>)> = Vec::new();
    for (module, text) in &files {
        let mut named: Vec<&str> = Vec::new();
        for path in imports(module, text) {
            let of = files
                .iter()
                .map(|(other, _)| other.as_str())
                .filter(|other| is_of(&path, other))
                .max_by_key(|other| other.len());
            named.extend(of.filter(|other| !is_of(other, module) && !is_of(module, other)));
        }
        left.push((module, named));
    }
    assert!(left.iter().any(|(_, named)| !named.is_empty()), "nothing imports anything");
    loop {
        let here: Vec<&str> = left.iter().map(|(module, _)| *module).collect();
        let before = left.len();
        left.retain(|(_, named)| named.iter().any(|other| here.contains(other)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "these import from one another in a circle: {left:#?}");
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
