//! `tarmem serve --data`: what is kept in a directory.

use super::program::{Client, Serve, finish, tarmem};
use super::settings::Folder;

fn serve(options: &[&str]) -> super::program::Finished {
    finish(tarmem(&["serve", "--host", "127.0.0.1"]).args(options).env("TARMEM_LOG", "error"))
}

#[test]
fn a_killed_service_goes_on_where_it_was() {
    let folder = Folder::new();
    let config = folder.file("tarmem.toml", "data = \"in/here\"\nlisten = \"127.0.0.1:0\"");
    let (in_file, option) = (["--config", &config], ["--host", "127.0.0.1", "--data", &folder.path("in/here")]);
    let service = Serve::start(&in_file);
    assert_eq!(service.prints("memoize k builtins.list [1,2]"), ["[1,2]"]);
    assert_eq!(service.prints("call k append 3"), ["null"]);
    service.stop("KILL");
    let service = Serve::start(&option);
    assert_eq!(service.prints("get k"), ["[1,2,3]"]);
    assert_eq!(service.prints("delete k").len(), 1);
    assert!(service.stop("TERM").status.success());
    let service = Serve::start(&option);
    service.run_line("get k").failed(1, &["k"]);
}

#[test]
fn a_second_service_is_told_who_has_the_directory() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &directory]);
    let who = format!("is in use by process {}, since 2", service.id());
    serve(&["--data", &directory]).failed(1, &[&directory, &who]);
    assert_eq!(service.prints("memoize k builtins.list [1,2]"), ["[1,2]"]);
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let folder = Folder::new();
    let file = folder.file("letter", "dear");
    serve(&["--data", &file]).failed(1, &[&file, "may write"]);
    serve(&["--data", &folder.path("")]).failed(1, &[&folder.path(""), "letter", "name an empty or a new directory"]);
    serve(&["--data", ""]).failed(2, &["a path is needed"]);
    serve(&["--data", "/proc/tarmem"]).failed(1, &["/proc/tarmem", "may write"]);
}

#[test]
fn a_damaged_directory_is_refused() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let options = ["--host", "127.0.0.1", "--data", &directory];
    Serve::start(&options).stop("KILL");
    std::fs::write(format!("{directory}/identity"), "something else").unwrap();
    serve(&["--data", &directory])
        .failed(1, &[&format!("{directory}/identity is damaged"), "restore the directory from a backup"]);
}

#[test]
fn a_service_says_how_it_keeps_its_data() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let options = |more: &[&str]| Serve::start(&[&["--host", "127.0.0.1", "--data", &directory], more].concat());
    let service = options(&[]);
    let kept = &service.prints_json("version")[0]["data"];
    assert_eq!((&kept["fsync"], &kept["on_disk_failure"]), (&"always".into(), &"exit".into()), "{kept}");
    service.says(&format!("keeping everything in {directory}: fsync always, on disk failure exit; 0 keys"));
    assert!(service.stop("TERM").status.success());
    let service = options(&["--fsync", "250ms", "--on-disk-failure=refuse"]);
    service.prints("memoize k builtins.list [1]");
    let kept = &service.prints_json("version")[0]["data"];
    assert_eq!((&kept["fsync"], &kept["on_disk_failure"]), (&"250ms".into(), &"refuse".into()), "{kept}");
    assert!(kept["file_bytes"].as_u64() >= kept["used_bytes"].as_u64() && kept["free_bytes"].is_u64(), "{kept}");
    service.says("fsync 250ms, on disk failure refuse");
    assert_eq!(Serve::start(&["--host", "127.0.0.1"]).prints_json("version")[0].get("data"), None);
}

#[test]
fn the_settings_file_says_how_data_is_kept() {
    let folder = Folder::new();
    let config = folder
        .file("a.toml", "data = \"d\"\nlisten = \"127.0.0.1:0\"\nfsync = \"never\"\non_disk_failure = \"refuse\"");
    let printed = finish(tarmem(&["serve", "--config", &config, "--fsync", "2s", "--print-config"])).succeeded();
    for line in ["fsync = \"2s\"", "on_disk_failure = \"refuse\""] {
        assert!(printed.iter().any(|printed| printed == line), "{printed:?}");
    }
    let service = Serve::start(&["--config", &config]);
    assert_eq!(service.prints_json("version")[0]["data"]["fsync"], "never");
}

#[test]
fn how_data_is_kept_needs_a_directory() {
    let folder = Folder::new();
    let file = folder.file("a.toml", "fsync = \"1s\"");
    serve(&["--fsync", "1s"]).failed(2, &["--fsync", "give --data"]);
    serve(&["--on-disk-failure", "exit"]).failed(2, &["--on-disk-failure", "give --data"]);
    serve(&["--config", &file]).failed(1, &["fsync", "set data"]);
    serve(&["--data", "d", "--fsync", "soon"]).failed(2, &["soon", "write always, a time such as 1s"]);
    serve(&["--data", "d", "--on-disk-failure", "stop"]).failed(2, &["stop", "exit or refuse"]);
}
