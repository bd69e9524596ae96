//! Where a service listens and a client connects: options, settings files, and errors.

use super::program::{Client, Serve, finish, tarmem};
use crate::settings::Folder;

fn print_config(options: &[&str]) -> Vec<String> {
    finish(tarmem(&["serve", "--print-config"]).args(options)).succeeded()
}

#[test]
fn a_port_without_a_host_is_refused_if_the_file_has_no_host() {
    let folder = Folder::new();
    let file = folder.file("unix.toml", &format!("listen = [\"unix:{}\"]\n", folder.path("s")));
    let refused = finish(tarmem(&["serve", "--config", &file, "--port", "0"]));
    refused.refused(&["--port needs --host, too", "--host 127.0.0.1"]);
    let service = Serve::start(&["--config", &file, "--host", "127.0.0.1", "--port", "0"]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
}

#[test]
fn a_host_that_replaces_several_is_bound_once() {
    let folder = Folder::new();
    let file = folder.file("two.toml", "listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n");
    let service = Serve::start(&["--config", &file, "--host", "127.0.0.1"]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
    let stopped = service.stop("TERM");
    assert_eq!(stopped.stdout, "", "there is no second line");
}

#[test]
fn hosts_may_have_brackets_and_have_no_port() {
    assert!(print_config(&["--host", "[::1]", "--port", "5"]).contains(&"listen = [\"[::1]:5\"]".to_owned()));
    for host in ["127.0.0.1:5", "[::1]:5", "localhost:5"] {
        finish(tarmem(&["serve", "--host", host])).refused(&[host, "give the port with --port"]);
    }
    finish(tarmem(&["serve", "--host", ""])).refused(&["--host"]);
    finish(tarmem(&["serve", "--unix", ""])).refused(&["a path is needed"]);
}

#[test]
fn an_empty_address_is_refused() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    let empty = finish(tarmem(&["--addr", "", "keys"]).env("TARMEM_ADDR", service.address()));
    empty.refused(&["--addr is empty", "TARMEM_ADDR"]);
    // An empty variable counts as unset.
    finish(tarmem(&["keys"]).env("TARMEM_ADDR", "")).refused(&["no service is named"]);
}

#[test]
fn errors_say_how_to_write_the_address_of_a_unix_socket() {
    let connect = |address: &str| finish(tarmem(&["--addr", address, "keys"]));
    connect("unix:").refused(&["there is no path in it; write unix:/path"]);
    connect("/tmp/x.sock").refused(&["unix:/tmp/x.sock"]);
}

#[test]
fn errors_in_the_settings_file_name_the_line() {
    let folder = Folder::new();
    for (text, parts) in [
        ("\nlisten = \":5\"\n", ["l.toml, line 2: ", "\":5\" is not HOST:PORT"]),
        ("listen = [\n\"127.0.0.1:0\",\n\"here\"]\n", ["l.toml, line 3: ", "\"here\" is not HOST:PORT"]),
        ("\n\nlisten = []\n", ["l.toml, line 3: ", "listen is empty"]),
        ("\nworkers = 0\n", ["l.toml, line 2: ", "workers cannot be 0"]),
    ] {
        finish(tarmem(&["serve", "--config", &folder.file("l.toml", text)])).failed(1, &parts);
    }
}

#[test]
fn paths_in_the_file_are_relative_to_its_folder() {
    let folder = Folder::new();
    folder.file("secret.toml", "[tokens.alice]\ntoken = \"alices-secret\"\n");
    let text = "listen = [\"127.0.0.1:0\", \"unix:s\"]\ntokens = \"secret.toml\"\n";
    let file = folder.file("tarmem.toml", text);
    let printed = print_config(&["--config", &file]);
    for line in [
        format!("listen = [\"127.0.0.1:0\", \"unix:{}\"]", folder.path("s")),
        format!("tokens = {:?}", folder.path("secret.toml")),
    ] {
        assert!(printed.contains(&line), "{line:?} is not in {printed:#?}");
    }
    // The test runs in another folder.
    let service = Serve::start(&["--config", &file]);
    service.run_line("keys").failed(1, &["TARMEM_TOKEN"]);
    let inside = finish(tarmem(&["keys"]).env("TARMEM_ADDR", service.address()).env("TARMEM_TOKEN", "alices-secret"));
    assert_eq!(inside.succeeded(), [""; 0]);
}
