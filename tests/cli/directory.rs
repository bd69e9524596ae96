//! `tarmem data`: check, dump and restore.

use super::program::{Client, Finished, Serve, finish, finish_reading, tarmem};
use super::settings::Folder;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tarmem::storage::{Batch, LocalOptions, LocalStorage, RealDisk, Storage};

fn data(words: &[&str]) -> Finished {
    finish(tarmem(&["data"]).args(words))
}

fn lines(of: Vec<String>) -> Vec<Json> {
    of.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn restore(directory: &str, dump: &[String]) -> Finished {
    let text: String = dump.iter().map(|line| format!("{line}\n")).collect();
    finish_reading(tarmem(&["data", "restore", directory]), text.as_bytes())
}

/// The names of all files, with their contents.
fn files(directory: &str) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
    fs::read_dir(directory).unwrap().map(|entry| file(entry.unwrap())).collect()
}

/// A directory of a service that was killed, with objects of many kinds. Returns the values under some keys.
fn filled(directory: &str) -> BTreeMap<&'static str, String> {
    let service = Serve::start(&["--host", "127.0.0.1", "--data", directory]);
    let odd =
        r#"[1,-70000,2.5,null,true,"é\u202e",{"$bytes":"00ff"},{"$float":"nan"},{"$float":"-inf"},{"$tuple":[1]}]"#;
    service.run(&["memoize", "odd", "builtins.list", odd]).succeeded();
    service.run(&[
        "memoize",
        "map",
        "builtins.dict",
        r#"{"$map":[[1,"one"],["$ref",{"$int":"99999999999999999999"}]]}"#,
    ]);
    service.run(&["memoize", "outer", "builtins.list", r#"[{"$key":"odd"},{"$key":"map"},[[[[7]]]]]"#]).succeeded();
    let deep = format!("{}{}", "[".repeat(50), "]".repeat(50));
    service.run(&["memoize", "deep", "builtins.list", &deep]).succeeded();
    service.prints("memoize counts collections.Counter");
    service.prints("memoize queue queue.Queue");
    service.prints("call queue put \"first\"");
    service.prints("memoize lock threading.Lock");
    service.prints("update odd builtins.list [0]");
    service.run(&["update", "odd", "builtins.list", odd]).succeeded();
    let keys = ["odd", "map", "outer", "deep", "counts"];
    let values = keys.map(|key| (key, service.prints(&format!("get {key}")).join("\n")));
    service.stop("KILL");
    values.into()
}

/// The lines of a dump without the ids of the directory and of its objects.
fn without_ids(lines: &[String]) -> Vec<String> {
    let half_of = |line: &Json| line["id"].as_str().unwrap()[..18].to_owned();
    let object = lines
        .iter()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .find(|line| line["id"].is_string() && line["object"].is_u64());
    let half = object.as_ref().map(half_of).unwrap();
    let mut head: Json = serde_json::from_str(&lines[0]).unwrap();
    (head["id"], head["batch"]) = (json!(""), json!(0));
    let rest = lines[1..].iter().map(|line| line.replace(&half, "ID"));
    [head.to_string()].into_iter().chain(rest).collect()
}

#[test]
fn what_is_dumped_and_restored_is_what_was_there() {
    let folder = Folder::new();
    let (old, new) = (folder.path("old"), folder.path("new"));
    let values = filled(&old);
    let dump = data(&["dump", &old]).succeeded();
    let head: Json = serde_json::from_str(&dump[0]).unwrap();
    assert_eq!(head["tarmem_dump"], 1);
    let odd = lines(dump.clone()).into_iter().find(|line| line["keys"].get("odd").is_some()).expect("it is there");
    assert_eq!((&odd["class"], odd["keys"]["odd"].is_u64()), (&json!("builtins.list"), true), "{odd}");
    assert!(odd["state"].to_string().contains(r#"{"$float":"nan"}"#), "{odd}");
    let restored = &lines(restore(&new, &dump).succeeded())[0];
    assert_eq!((&restored["directory"], restored["keys"].as_u64()), (&json!(new), Some(7)), "{restored}");
    assert_ne!(restored["id"], head["id"], "it is another history");
    assert_eq!(without_ids(&data(&["dump", &new]).succeeded()), without_ids(&dump));
    let checked = &lines(data(&["check", &new]).succeeded())[0];
    assert_eq!((&checked["keys"], &checked["unreadable"]), (&json!(7), &json!(0)), "{checked}");
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &new]);
    for (key, value) in &values {
        let there = service.prints(&format!("get {key}")).join("\n");
        // References have other ids.
        assert_eq!(there.len(), value.len(), "{key}: {there} instead of {value}");
        assert!(*key == "outer" || there == *value, "{key}: {there} instead of {value}");
    }
    assert_eq!(service.prints("call queue get"), ["\"first\""]);
    assert_eq!(service.run_line("call lock acquire").parts().1, ["true"]);
    let made = service.prints_json("update odd builtins.list [0]");
    assert_eq!(made, [json!([0])]);
}

#[test]
fn reading_a_directory_changes_nothing_in_it() {
    let folder = Folder::new();
    let directory = folder.path("data");
    filled(&directory);
    let before = files(&directory);
    let first = data(&["dump", &directory]).succeeded();
    let checked = &lines(data(&["check", &directory]).succeeded())[0];
    assert_eq!((&checked["keys"], &checked["objects"]), (&json!(7), &json!(8)), "{checked}");
    assert_eq!((&checked["classes"]["builtins.list"], &checked["classes"]["queue.Queue"]), (&json!(4), &json!(1)));
    assert!(files(&directory) == before, "a file was changed");
    assert_eq!(data(&["dump", &directory]).succeeded(), first);
    // A copy of it may lack the file that is locked.
    fs::remove_file(format!("{directory}/lock")).unwrap();
    assert_eq!(data(&["dump", &directory]).succeeded(), first);
    assert!(!Path::new(&format!("{directory}/lock")).exists());
}

#[test]
fn a_directory_in_use_is_refused_with_the_name_of_its_holder() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &directory]);
    let who = format!("is in use by process {}, since 2", service.id());
    for command in ["check", "dump"] {
        data(&[command, &directory]).failed(1, &[&directory, &who]);
    }
    restore(&directory, &["{\"tarmem_dump\":1,\"program\":\"\",\"id\":\"00000000-0000-0000-0000-000000000000\",\"batch\":0,\"numbers\":{}}".to_owned()])
        .failed(1, &[&directory, &who]);
}

#[test]
fn what_is_no_directory_is_named() {
    let folder = Folder::new();
    let (letter, none) = (folder.file("letter", "dear"), folder.path("none"));
    let empty = Folder::new().path("");
    fs::create_dir_all(&empty).unwrap();
    for command in ["check", "dump"] {
        data(&[command, &none]).failed(1, &[&none, "No such file"]);
        data(&[command, &letter]).failed(1, &[&letter, "cannot be read"]);
        data(&[command, &folder.path("")]).failed(1, &[&folder.path(""), "letter", "name a data directory"]);
        data(&[command, &empty]).failed(1, &[&empty, "nothing is in it"]);
        data(&[command]).failed(2, &["DIR"]);
        data(&[command, &none, "--addr", "h:1"]).failed(2, &["--addr", "connects to no service"]);
    }
    assert!(!Path::new(&none).exists());
    fs::remove_dir(empty).unwrap();
}

#[test]
fn a_flipped_bit_is_found_or_does_not_count() {
    let folder = Folder::new();
    let directory = folder.path("data");
    filled(&directory);
    let dump = data(&["dump", &directory]).succeeded();
    let mut found = 0;
    let counts = |name: &str| name.starts_with("log") || name.starts_with("states") || name == "identity";
    for (name, bytes) in files(&directory).into_iter().filter(|(name, _)| counts(name)) {
        // The log ends with zeros, which do not count.
        let length = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1);
        for place in 0..8 {
            let mut damaged = bytes.clone();
            damaged[(length - 1) * place / 7] ^= 0x10;
            fs::write(format!("{directory}/{name}"), &damaged).unwrap();
            let (status, _, told) = data(&["check", &directory]).parts();
            match status {
                // The last batch, which is empty, may look as if it had never been finished.
                Some(0) => {
                    let dumped = data(&["dump", &directory]).succeeded();
                    assert_eq!(without_ids(&dumped), without_ids(&dump), "{name}, {place}");
                }
                _ => {
                    found += 1;
                    assert!(status == Some(1) && told.contains(&directory), "{name}, {place}: {status:?} {told}");
                    assert!(told.contains(&name) && told.lines().count() == 1, "{name}, {place}: {told}");
                }
            }
        }
        fs::write(format!("{directory}/{name}"), &bytes).unwrap();
    }
    assert!(found > 8, "{found} of them were found");
}

#[test]
fn a_directory_of_which_a_part_is_gone_is_refused() {
    let folder = Folder::new();
    let directory = folder.path("data");
    filled(&directory);
    let all = files(&directory);
    // It has been made for what comes next, and nobody can know of it yet.
    let next = all.keys().filter(|name| name.starts_with("log.")).max().cloned().unwrap();
    for (name, bytes) in all {
        let path = format!("{directory}/{name}");
        let cut = &bytes[..bytes.len() / 2];
        fs::remove_file(&path).unwrap();
        let (status, _, told) = data(&["check", &directory]).parts();
        let counts = !name.starts_with("spare") && name != "lock" && name != "reserve" && name != next;
        assert_eq!(status, Some(i32::from(counts)), "without {name}: {told}");
        assert!(!counts || told.contains(&directory) && told.lines().count() == 1, "without {name}: {told}");
        fs::write(&path, cut).unwrap();
        let (status, _, told) = data(&["check", &directory]).parts();
        assert!(status == Some(0) || told.contains(&directory), "half of {name}: {status:?} {told}");
        fs::write(&path, bytes).unwrap();
    }
    data(&["check", &directory]).succeeded();
}

/// What another program has left: objects of classes that this one does not have, or has otherwise.
#[test]
fn what_would_not_load_is_named_and_is_dumped_all_the_same() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let disk = RealDisk::exclusive(&directory).unwrap();
    let mut storage = LocalStorage::open(Arc::new(disk), LocalOptions::default()).unwrap();
    let mut batch = Batch::default();
    let state = |bytes: &[u8]| [&[0], bytes].concat();
    // MessagePack: {"bank.Account": {"balance": 7}}, {"builtins.list": 5}, and something else.
    batch.put(2, &7_u64.to_be_bytes(), &state(b"\x81\xacbank.Account\x81\xa7balance\x07"));
    batch.put(2, &8_u64.to_be_bytes(), &state(b"\x81\xadbuiltins.list\x05"));
    batch.put(2, &9_u64.to_be_bytes(), &state(b"\xc1"));
    for (key, object) in [("alice", 7_u64), ("numbers", 8), ("nothing", 10)] {
        batch.put(1, key.as_bytes(), &[object.to_le_bytes(), 1_u64.to_le_bytes()].concat());
    }
    storage.commit(0, &batch).unwrap();
    drop(storage);
    let (status, printed, told) = data(&["check", &directory]).parts();
    assert_eq!(status, Some(1), "{told}");
    let printed = lines(printed);
    let named =
        |what: &str| printed.iter().find(|line| line["unreadable"].as_str().is_some_and(|it| it.contains(what)));
    let alice = named("\"alice\"").unwrap_or_else(|| panic!("{printed:?}"));
    assert_eq!(alice["class"], "bank.Account");
    assert!(alice["reason"].as_str().is_some_and(|reason| reason.contains("bank")), "{alice}");
    assert_eq!(named("\"numbers\"").map(|line| &line["class"]), Some(&json!("builtins.list")), "{printed:?}");
    assert!(named("object 9").is_some() && named("\"nothing\"").is_some(), "{printed:?}");
    assert_eq!(printed.last().map(|last| &last["unreadable"]), Some(&json!(4)));
    assert!(
        told.contains("4 things cannot be read") && told.contains("--skip-unreadable") && told.contains(&directory),
        "{told}"
    );

    let dump = data(&["dump", &directory]).succeeded();
    let alice = lines(dump.clone()).into_iter().find(|line| line["keys"].get("alice").is_some()).expect("there");
    assert_eq!(alice["state"], json!({"balance": 7}));
    let new = folder.path("new");
    restore(&new, &dump).succeeded();
    assert_eq!(without_ids(&data(&["dump", &new]).succeeded())[1..], without_ids(&dump)[1..]);
}

#[test]
fn a_dump_that_is_not_whole_makes_no_directory() {
    let folder = Folder::new();
    let old = folder.path("old");
    filled(&old);
    let dump = data(&["dump", &old]).succeeded();
    let mut count = 0;
    let mut refused = |dump: &[String], parts: &[&str]| {
        count += 1;
        let new = folder.path(&format!("new {count}"));
        restore(&new, dump).failed(1, parts);
        if Path::new(&new).exists() {
            finish(tarmem(&["serve", "--host", "127.0.0.1", "--data", &new]).env("TARMEM_LOG", "error"))
                .failed(1, &[&new, "a restore was cut off"]);
            data(&["check", &new]).failed(1, &[&new, "a restore was cut off"]);
        }
    };
    let last = dump.len() - 1;
    refused(&[], &["there is no dump"]);
    refused(&["{}".to_owned()], &["line 1", "does not begin as a dump does"]);
    refused(&[dump[0].replacen('1', "2", 1)], &["format 2", "use a newer one"]);
    refused(&dump[..last], &["ends before it is complete", "remove it before"]);
    refused(&dump[1..], &["line 1"]);
    refused(&[&dump[..1], &dump[2..]].concat(), &["there should be 8 objects"]);
    refused(&[&dump[..2], &dump[1..]].concat(), &["line 3", "was there before"]);
    refused(&[&dump[..], &dump[last..]].concat(), &["the dump was over"]);
    let mut other = dump.clone();
    other[1] = other[1].replacen("\"state\":", "\"state\":{\"$what\":1},\"flags\":", 1);
    refused(&other, &["line 2"]);
    other[1] = "{\"object\":1}".to_owned();
    refused(&other, &["line 2", "this line of an object is malformed", "missing field `id`"]);
    other[1] = "{\"something\":1}".to_owned();
    refused(&other, &["line 2", "no line of a dump", "none of the fields object, undos, row and end"]);
    // Numbers after which there would be none, and names of others.
    let highest = u64::MAX >> 2;
    for (name, number, told) in [
        ("next token", u64::MAX, "next token is 18446744073709551615"),
        ("next thing", 1, "there is no number \"next thing\""),
    ] {
        let mut head: Json = serde_json::from_str(&dump[0]).unwrap();
        head["numbers"][name] = json!(number);
        refused(&[head.to_string()], &["line 1", told]);
    }
    let keyed = dump.iter().position(|line| line.contains("\"keys\":{\"")).unwrap();
    let object: Json = serde_json::from_str(&dump[keyed]).unwrap();
    let key = object["keys"].as_object().unwrap().keys().next().unwrap().clone();
    for (field, value) in [("object", json!(highest + 1)), ("keys", json!({ key: highest + 1 }))] {
        let (mut object, mut other) = (object.clone(), dump.clone());
        object[field] = value;
        other[keyed] = object.to_string();
        let line = format!("line {}", keyed + 1);
        refused(&other, &[&line, &format!("is {}, and none is above {highest}", highest + 1)]);
    }
    restore(&old, &dump).failed(1, &[&old, "is a data directory already"]);
    restore(&folder.path(""), &dump).failed(1, &["not empty"]);
}

#[test]
fn what_would_exceed_the_limit_of_data_is_refused_until_there_is_room() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let large = folder.file("large.json", &format!("[\"{}\"]", "x".repeat(3 << 20)));
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &directory, "--limit", "data_bytes=16MiB"]);
    let source = format!("@{large}");
    let add = |n: usize| service.run(&["memoize", &format!("large {n}"), "builtins.list", &source]).parts();
    service.prints("memoize small builtins.list [1]");
    let refused = (0..20).find_map(|n| match add(n) {
        (Some(0), ..) => None,
        (_, _, told) => Some((n, told)),
    });
    let (count, told) = refused.expect("there is a limit");
    assert!((3..=12).contains(&count), "it was refused after {count} times 3 MiB");
    assert!(told.contains("bytes of data on disk") && told.contains("data_bytes"), "{told}");
    let (status, _, told) = service.run(&["call", "small", "append", &format!("\"{}\"", "y".repeat(300))]).parts();
    assert!(status == Some(1) && told.contains("data_bytes"), "{told}");
    // What is there is there, and what makes it smaller goes on.
    assert_eq!(service.prints("get small"), ["[1]"]);
    assert_eq!(service.prints("call small clear"), ["null"]);
    for n in 0..count {
        assert_eq!(service.run(&["delete", &format!("large {n}")]).succeeded().len(), 1);
    }
    // The room is free when the log has been folded.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut added = add(20);
    while added.0 != Some(0) {
        assert!(std::time::Instant::now() < patience, "there is no room again: {}", added.2);
        added = add(20);
    }
    let used = |service: &Serve| service.prints_json("version")[0]["data"]["used_bytes"].as_u64().unwrap();
    assert!(used(&service) < 17 << 20, "{}", used(&service));
    service.stop("KILL");
    let checked = &lines(data(&["check", &directory]).succeeded())[0];
    assert_eq!(checked["keys"], 2, "{checked}");
}

/// A directory with so many objects that loading them takes a while.
fn large(directory: &str, objects: u64) {
    let disk = RealDisk::exclusive(directory).unwrap();
    let mut storage = LocalStorage::open(Arc::new(disk), LocalOptions::default()).unwrap();
    for hundred in 0..objects / 100 {
        let mut batch = Batch::default();
        for object in hundred * 100 + 1..=hundred * 100 + 100 {
            batch.put(2, &object.to_be_bytes(), b"\x00\x81\xadbuiltins.list\x90");
            batch.put(1, format!("k{object}").as_bytes(), &[object.to_le_bytes(), object.to_le_bytes()].concat());
        }
        storage.commit(0, &batch).unwrap();
    }
}

#[test]
fn a_probe_tells_a_service_that_loads_from_one_that_is_ready_and_one_that_has_failed() {
    const OBJECTS: u64 = 200_000;
    let folder = Folder::new();
    let (directory, socket) = (folder.path("data"), folder.path("socket"));
    large(&directory, OBJECTS);
    let address = format!("unix:{socket}");
    let ping = || state(&["--addr", &address, "--timeout", "5"]);
    assert_eq!(ping().0, (4, "unreachable".to_owned()));
    let mut command = tarmem(&["serve", "--unix", &socket, "--data", &directory]);
    let service = std::thread::spawn(move || Serve::of(&mut command));
    while ping().0.0 == 4 {}
    let (seen, line) = ping();
    assert_eq!(seen, (1, "loading".to_owned()));
    assert!(line["seconds"].is_f64() && line["entries"].is_u64() && line["made"].is_u64(), "{line}");
    // A client waits, however few attempts it makes, and is served.
    let patient = tarmem(&["version", "--addr", &address, "--timeout", "60", "--retries", "0"]);
    let (status, printed, told) = finish(patient).parts();
    assert!(status == Some(0) && printed[0].contains("protocol"), "{told}");
    assert_eq!(ping().0, (0, "ready".to_owned()));
    let service = service.join().unwrap();
    service.says(&format!("{OBJECTS} keys, {OBJECTS} objects"));
    service.says(&format!("loading {directory}: "));
    service.stop("KILL");
    // A signal ends it while it loads, which its log says.
    std::fs::remove_file(&socket).unwrap();
    let mut command = tarmem(&["serve", "--unix", &socket, "--data", &directory]);
    let loading = command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    while !Path::new(&socket).exists() {
        std::thread::yield_now();
    }
    let id = loading.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let ended = loading.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("stopped by signal 15 before it was ready"), "{told}");
    std::fs::write(format!("{directory}/identity"), "damaged").unwrap();
    finish(tarmem(&["serve", "--unix", &socket, "--data", &directory]).env("TARMEM_LOG", "error"))
        .failed(1, &[&directory, "damaged"]);
    let ((status, _), line) = ping();
    assert!(status == 4 && line["reason"].as_str().unwrap().contains("no service answers"), "{line}");
}

/// The exit status of `tarmem ping`, the state that it prints, and the line.
fn state(options: &[&str]) -> ((i32, String), serde_json::Value) {
    let (status, printed, told) = finish(tarmem(&["ping"]).args(options)).parts();
    assert!(printed.len() == 1 && told.is_empty(), "{printed:?} {told}");
    let line: serde_json::Value = serde_json::from_str(&printed[0]).unwrap();
    ((status.unwrap(), line["state"].as_str().unwrap().to_owned()), line)
}
