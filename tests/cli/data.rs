//! `tarmem serve --data`: what is kept in a directory.

use super::program::{Client, Serve, finish, tarmem, text};
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

#[test]
fn what_cannot_be_read_refuses_the_start_unless_it_is_skipped() {
    let folder = Folder::new();
    let directory = folder.path("data");
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &directory]);
    service.prints("memoize gone builtins.list [1,2]");
    service.prints("memoize jobs queue.Queue");
    service.prints(r#"call jobs put {"$key":"gone"}"#);
    service.stop("TERM");
    // A program without this class.
    let without = ["--data", &directory, "--modules", "queue"];
    serve(&without).failed(1, &["the object under \"gone\"", "builtins.list", &directory]);
    serve(&without).failed(1, &["--skip-unreadable"]);
    let service =
        Serve::start(&["--host", "127.0.0.1", "--data", &directory, "--modules", "queue", "--skip-unreadable"]);
    assert_eq!(service.prints("keys"), ["\"jobs\""]);
    assert_eq!(service.prints("call jobs qsize"), ["1"]);
    service.stop("TERM");
    let mut files = std::fs::read_dir(format!("{directory}/unreadable")).unwrap().map(|file| file.unwrap().path());
    let lines = std::fs::read_to_string(files.next().unwrap()).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["class"], &lines[0]["table"]), (&"builtins.list".into(), &"objects".into()));
    let breaks: Vec<&str> = lines.iter().filter_map(|line| line["breaks"].as_str()).collect();
    assert_eq!(
        breaks,
        ["the key \"gone\" is not mapped any more", "the object under \"jobs\" refers to the object under \"gone\""]
    );
    assert!(files.next().is_none());
    // From now on it can be read.
    let service = Serve::start(&["--host", "127.0.0.1", "--data", &directory]);
    assert_eq!(service.prints("keys"), ["\"jobs\""]);
    serve(&["--skip-unreadable"]).failed(2, &["--data"]);
}

/// A write beyond the limit of a file's size fails, as one to a full disk does, and kills nobody.
#[test]
fn a_service_whose_disk_fails_ends_or_says_so_to_a_probe() {
    let folder = Folder::new();
    let large = folder.file("large.json", &format!("[\"{}\"]", "x".repeat(3_000_000)));
    for does in ["refuse", "exit"] {
        let socket = folder.path("socket");
        // In units of 512 bytes, or of 1024 in some shells: more than any file has at first.
        let script = "ulimit -f 40960; exec \"$0\" \"$@\"";
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_tarmem"), "serve", "--unix", &socket]);
        command.args(["--data", &folder.path(does), "--on-disk-failure", does]);
        let service = Serve::of(&mut command);
        let ping = || finish(tarmem(&["ping", "--addr", &service.address])).parts();
        assert_eq!(ping(), (Some(0), vec!["{\"state\":\"ready\"}".to_owned()], String::new()));
        for n in 0..40 {
            service.run(&["memoize", &format!("k{n}"), "builtins.list", &format!("@{large}"), "--retries", "0"]);
            if ping().0 != Some(0) {
                break;
            }
        }
        let (status, printed, _) = ping();
        let line: serde_json::Value = serde_json::from_str(&printed[0]).unwrap();
        if does == "refuse" {
            assert_eq!((status, &line["state"]), (Some(3), &"failed".into()), "{line}");
            assert!(text(&line["reason"]).contains("File too large"), "{line}");
            assert!(service.stop("TERM").status.success());
        } else {
            assert_eq!((status, &line["state"]), (Some(4), &"unreachable".into()), "{line}");
            let ended = service.ended();
            assert_eq!(ended.status.code(), Some(1), "{ended:?}");
            assert!(ended.stderr.contains("File too large"), "{ended:?}");
        }
    }
}

#[test]
fn a_probe_needs_no_token_and_its_status_says_that_nothing_was_asked() {
    let folder = Folder::new();
    let tokens = folder.file("tokens.toml", "[tokens.alice]\ntoken = \"a long random text\"\n");
    let service = Serve::start(&["--host", "127.0.0.1", "--tokens", &tokens]);
    service.run_line("keys").failed(1, &["token"]);
    assert_eq!(service.prints("ping"), ["{\"state\":\"ready\"}"]);
    service.run(&["ping", "--token-file", &folder.path("none")]).failed(2, &["none"]);
    finish(tarmem(&["ping"])).failed(2, &["--addr"]);
}
