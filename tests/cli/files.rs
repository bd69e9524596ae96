//! Files that are endless or block when they are read.

use super::authority::Authority;
use super::program::{Client, Finished, Serve, finish, finish_reading, tarmem};
use super::settings::Folder;
use std::fs;
use std::path::Path;
use std::process::Command;

fn fifo(path: &str) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn serve(options: &[&str]) -> Finished {
    finish(tarmem(&["serve", "--host", "127.0.0.1"]).args(options))
}

fn keys(options: &[&str]) -> Finished {
    finish(tarmem(&["--retries", "0", "keys"]).args(options))
}

#[test]
fn a_service_keeps_its_tokens_and_handles_signals_if_the_token_file_becomes_a_pipe() {
    let folder = Folder::new();
    let file = folder.file("tokens.toml", "[tokens.alice]\ntoken = \"alices-secret\"\n");
    let service = Serve::start(&["--host", "127.0.0.1", "--tokens", &file]);
    fs::remove_file(&file).unwrap();
    fifo(&file);
    service.signal("HUP");
    service.says("the tokens stay as they were");
    let url = format!("tarmem://alices-secret@{}", service.address());
    assert_eq!(keys(&["--addr", &url]).succeeded(), [""; 0]);
    // Once the file is a regular one again, the service reads it.
    fs::remove_file(&file).unwrap();
    folder.file("tokens.toml", "[tokens.bob]\ntoken = \"bobs-secret\"\n");
    service.signal("HUP");
    service.says("1 of those before are revoked");
    let stopped = service.stop("TERM");
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(stopped.stderr.contains("not a regular file"), "{stopped:?}");
}

#[test]
fn a_service_refuses_files_that_are_endless_or_block() {
    let (folder, authority) = (Folder::new(), Authority::new());
    let pipe = folder.path("pipe");
    fifo(&pipe);
    let identity = authority.identity("localhost");
    let [cert, key] = [&identity.cert, &identity.key].map(|path| Path::to_str(path).unwrap());
    for endless in ["/dev/zero", &pipe] {
        let parts = &[endless, "not a regular file"];
        serve(&["--tls-cert", endless, "--tls-key", key]).failed(1, parts);
        serve(&["--tls-cert", cert, "--tls-key", endless]).failed(1, parts);
        serve(&["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", endless]).failed(1, parts);
        serve(&["--tokens", endless]).failed(1, parts);
        serve(&["--config", endless]).failed(1, parts);
    }
    let large = folder.path("large");
    fs::File::create(&large).unwrap().set_len(17 << 20).unwrap();
    serve(&["--tls-cert", &large, "--tls-key", key]).failed(1, &["over the limit of 16777216 bytes"]);
    serve(&["--tls-cert", cert, "--tls-key", &large]).failed(1, &["over the limit of 16777216 bytes"]);
}

#[test]
fn a_client_refuses_endless_files() {
    let (authority, service) = (Authority::new(), Serve::start(&["--host", "127.0.0.1"]));
    let identity = authority.identity("client");
    let [cert, key] = [&identity.cert, &identity.key].map(|path| Path::to_str(path).unwrap());
    let address = service.address();
    let with = |options: &[&str]| keys(&[&["--addr", address], options].concat());
    let zero = "/dev/zero";
    with(&["--ca", zero]).failed(1, &[zero, "not a regular file"]);
    with(&["--system-roots", "--cert", zero, "--key", key]).failed(1, &[zero, "not a regular file"]);
    with(&["--system-roots", "--cert", cert, "--key", zero]).failed(1, &[zero, "not a regular file"]);
    with(&["--token-file", zero]).failed(1, &[zero, "over the limit of 16777216 bytes"]);
}

#[test]
fn a_token_may_come_from_a_pipe() {
    let folder = Folder::new();
    let file = folder.file("tokens.toml", "[tokens.alice]\ntoken = \"alices-secret\"\n");
    let service = Serve::start(&["--host", "127.0.0.1", "--tokens", &file]);
    let mut command = tarmem(&["--addr", service.address(), "--token-file", "/dev/stdin", "keys"]);
    assert_eq!(finish_reading(&mut command, b"alices-secret\n").succeeded(), [""; 0]);
}
