//! `tarmem serve`: its addresses, its log, its end.

use super::program::{Client, Serve, finish, tarmem};

#[test]
fn signals_shut_it_down_gracefully() {
    for signal in ["TERM", "INT"] {
        let service = Serve::start(&[]);
        service.prints("is-memoized k");
        let stopped = service.stop(signal);
        assert_eq!((stopped.status.code(), stopped.stdout.as_str()), (Some(0), ""), "after SIG{signal}: {stopped:?}");
        assert!(stopped.stderr.contains("shutting down"), "{stopped:?}");
        assert!(!stopped.stderr.contains('\u{1b}'), "colours, and no terminal: {stopped:?}");
    }
}

#[test]
fn the_log_is_filtered_by_the_environment() {
    let logs = |variables: &[(&str, &str)]| {
        let mut command = tarmem(&["serve", "--host", "127.0.0.1"]);
        let service = Serve::of(command.envs(variables.iter().copied()));
        service.prints("is-memoized k");
        service.stop("TERM").stderr
    };
    assert!(!logs(&[]).contains("tarpc"), "tarpc's requests are not logged by default");
    assert_eq!(logs(&[("TARMEM_LOG", "error")]), "");
    assert_eq!(logs(&[("RUST_LOG", "error")]), "");
    assert!(logs(&[("RUST_LOG", "error"), ("TARMEM_LOG", "info")]).contains("shutting down"));
    let wrong = finish(tarmem(&["serve"]).env("TARMEM_LOG", "tarmem=loudly"));
    wrong.failed(1, &["TARMEM_LOG", "loudly", "info"]);
}

#[test]
fn it_listens_on_the_given_address() {
    assert!(Serve::start(&["--host", "127.0.0.1"]).address.starts_with("127.0.0.1:"));
    assert!(Serve::of(&mut tarmem(&["serve"])).address.starts_with("0.0.0.0:"));

    let folder = std::env::temp_dir().join(format!("tarmem-cli-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let service = Serve::start(&["--unix", path.to_str().unwrap(), "--workers", "1", "--unprotected"]);
    let unix = format!("unix:{}", path.display());
    assert_eq!(finish(tarmem(&["is-memoized", "k", "--addr", &unix])).succeeded(), ["false"]);
    assert_eq!(service.stop("TERM").status.code(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn it_prints_each_address_that_it_listens_on() {
    let folder = crate::settings::Folder::new();
    let socket = folder.path("socket");
    let listen = format!("listen = [\"127.0.0.1:0\", \"unix:{socket}\", \"127.0.0.1:0\"]\n");
    let service = Serve::start(&["--config", &folder.file("tarmem.toml", &listen)]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
    let first = service.address.clone();
    let stopped = service.stop("TERM");
    let [unix, tcp] = &stopped.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stopped:?}") };
    assert_eq!(*unix, format!("listening on unix:{socket}"));
    assert!(tcp.starts_with("listening on 127.0.0.1:") && !tcp.ends_with(&first), "{tcp}");
    // With --unix alone, it listens on no TCP port.
    let service = Serve::start(&["--unix", &socket]);
    assert_eq!(service.address, format!("unix:{socket}"));
    assert_eq!(service.prints("is-memoized k"), ["false"]);
    assert_eq!(service.stop("TERM").stdout, "");
}

#[test]
fn errors_say_why_a_unix_socket_cannot_be_made() {
    let folder = crate::settings::Folder::new();
    let (file, none) = (folder.file("file", "precious"), folder.path("none/socket"));
    let serve = |path: &str| finish(tarmem(&["serve", "--unix", path]));
    serve(&file).failed(1, &[&format!("unix:{file}: a file is there, not a socket"), "another path"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    serve(&folder.path("")).failed(1, &["a folder is there"]);
    serve(&none).failed(1, &["there is no folder", "create it"]);
    serve(&format!("{file}/socket")).failed(1, &["is not a folder"]);
    serve(&folder.path(&"x".repeat(120))).failed(1, &["over the limit of 107"]);
    let socket = folder.path("socket");
    let _service = Serve::start(&["--unix", &socket]);
    serve(&socket).failed(1, &["another process listens there"]);
}

#[test]
fn logs_name_peers_by_their_addresses() {
    let mut command = tarmem(&["serve", "--host", "127.0.0.1"]);
    let service = Serve::of(command.env("TARMEM_LOG", "debug"));
    service.prints("is-memoized k");
    service.says("127.0.0.1 opened session");
    let logs = service.stop("TERM").stderr;
    assert!(!logs.contains("Ip("), "{logs}");
}

#[test]
fn it_offers_only_the_given_modules() {
    let service = Serve::start(&["--modules", "builtins"]);
    assert_eq!(service.prints("memoize k builtins.list [1]"), ["[1]"]);
    finish(tarmem(&["serve", "--modules", "builtins,nope"])).failed(1, &["nope"]);
}

#[test]
fn a_port_in_use_is_an_error_of_one_line() {
    let service = Serve::start(&["--host", "127.0.0.1"]);
    let port = service.address.rsplit(':').next().unwrap();
    let second = finish(tarmem(&["serve", "--host", "127.0.0.1", "--port", port]));
    second.failed(1, &[&service.address, "in use", "port 0"]);
    assert_eq!(service.prints("is-memoized k"), ["false"]);
}

#[test]
fn an_unknown_host_is_an_error_of_one_line() {
    finish(tarmem(&["serve", "--host", "no-such-host.invalid"])).failed(1, &["no-such-host.invalid"]);
}
