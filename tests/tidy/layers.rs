//! What parts of the sources may not know, beyond what the drawing in docs/architecture.md says.

use crate::{root, sources};
use std::fs;
use std::path::Path;

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

/// protocol ← model and client, which know of one another what docs/architecture.md says.
#[test]
fn rooms_of_the_object_model_know_those_below_them() {
    let (model, client) = (rooms("remote/src/model"), rooms("remote/src/client"));
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let except = |rooms: &[String], known: &[&str]| {
        rooms.iter().filter(|room| !known.contains(&room.as_str())).cloned().collect::<Vec<_>>()
    };
    assert!(model.contains(&"object".to_owned()) && client.contains(&"proxy".to_owned()));
    let above_protocol = [model.clone(), client.clone(), named(&["__private"])].concat();
    let mut forbidden = vec![("remote/src/protocol", above_protocol)];
    // A class has a proxy, a context gives what it runs the client's side, and functions over objects are given
    // proxies.
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
