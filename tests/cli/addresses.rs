//! Where a service listens and where a client connects to: what is said on the command line and in the file, and what
//! is refused.

use super::program::{Client, Serve, finish, tarmem};
use crate::settings::Folder;

fn print_config(options: &[&str]) -> Vec<String> {
    finish(tarmem(&["serve", "--print-config"]).args(options)).succeeded()
}

#[test]
fn a_port_alone_opens_no_address_where_the_file_has_none() {
    let folder = Folder::new();
    let file = folder.file("unix.toml", &format!("listen = [\"unix:{}\"]\n", folder.path("s")));
    let refused = finish(tarmem(&["serve", "--config", &file, "--port", "0"]));
    refused.refused(&["--port needs --host, too", "--host 127.0.0.1"]);
    let service = Serve::start(&["--config", &file, "--host", "127.0.0.1", "--port", "0"]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
}

#[test]
fn a_host_in_place_of_several_is_listened_on_once() {
    let folder = Folder::new();
    let file = folder.file("two.toml", "listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n");
    let service = Serve::start(&["--config", &file, "--host", "127.0.0.1"]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
    let stopped = service.stop("TERM");
    assert_eq!(stopped.stdout, "", "there is no second line");
}

#[test]
fn a_host_may_be_in_brackets_and_has_no_port() {
    assert!(print_config(&["--host", "[::1]", "--port", "5"]).contains(&"listen = [\"[::1]:5\"]".to_owned()));
    for host in ["127.0.0.1:5", "[::1]:5", "localhost:5"] {
        finish(tarmem(&["serve", "--host", host])).refused(&[host, "give the port with --port"]);
    }
    finish(tarmem(&["serve", "--host", ""])).refused(&["--host"]);
    finish(tarmem(&["serve", "--unix", ""])).refused(&["a path is needed"]);
}

#[test]
fn an_empty_address_leads_nowhere_else() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    let empty = finish(tarmem(&["--addr", "", "keys"]).env("TARMEM_ADDR", service.address()));
    empty.refused(&["--addr is empty", "TARMEM_ADDR"]);
    // A variable that is empty is as good as none.
    finish(tarmem(&["keys"]).env("TARMEM_ADDR", "")).refused(&["no service is named"]);
}

#[test]
fn what_is_nearly_a_unix_socket_is_told_how_to_be_one() {
    let connect = |address: &str| finish(tarmem(&["--addr", address, "keys"]));
    connect("unix:").refused(&["there is no path in it; write unix:/path"]);
    connect("/tmp/x.sock").refused(&["unix:/tmp/x.sock"]);
}

#[test]
fn what_is_wrong_with_listen_is_told_with_its_line() {
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
fn paths_in_the_file_are_seen_from_its_folder() {
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
