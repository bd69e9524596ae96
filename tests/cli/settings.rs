//! The settings of a service, and the options of its clients.

use super::program::{Client, Finished, Serve, finish, tarmem};
use crate::authority::Authority;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("tarmem-settings-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        shown(&self.0.join(name))
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        shown(&path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn serve(options: &[&str]) -> Finished {
    finish(tarmem(&["serve"]).args(options))
}

/// Runs `tarmem keys` with `address`.
fn ask(address: &str, options: &[&str], variables: &[(&str, &str)]) -> Finished {
    finish(tarmem(&["--retries", "0", "--addr", address]).args(options).args(["keys"]).envs(variables.iter().copied()))
}

#[test]
fn printed_settings_can_be_read_back() {
    let folder = Folder::new();
    let lines = serve(&["--print-config"]).succeeded();
    let text = lines.join("\n");
    for part in [
        "listen = [\"0.0.0.0:0\"]",
        "unprotected = false",
        "# tokens =",
        "# data =",
        "frame_bytes = \"16MiB\"",
        "# Unit: bytes. Default: 16MiB; 4KiB to 2GiB.",
        "handshake_time = \"10s\"",
        "# Unit: time.",
        "connections = 10000",
        "lease = \"10s\"",
        "held_bytes = \"1GiB\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let file = folder.file("printed.toml", &text);
    assert_eq!(serve(&["--config", &file, "--print-config"]).succeeded(), lines);
}

#[test]
fn options_override_the_settings_file() {
    let folder = Folder::new();
    let file = folder.file(
        "tarmem.toml",
        "listen = [\"127.0.0.1:0\"]\nmodules = [\"builtins\"]\n[limits]\nkey_bytes = 4\nname_bytes = \"64\"\n",
    );
    let printed =
        serve(&["--config", &file, "--limit", "name_bytes=32", "--workers", "3", "--print-config"]).succeeded();
    for line in [
        "listen = [\"127.0.0.1:0\"]",
        "modules = [\"builtins\"]",
        "workers = 3",
        "key_bytes = \"4\"",
        "name_bytes = \"32\"",
    ] {
        assert!(printed.contains(&line.to_owned()), "{line:?} is not in {printed:#?}");
    }
    let service = Serve::start(&["--config", &file, "--limit", "page_keys=2"]);
    assert!(service.address.starts_with("127.0.0.1:"), "{}", service.address);
    service.prints("memoize 1234 builtins.list");
    service.run_line("memoize 12345 builtins.list").failed(1, &["5", "limit", "4"]);
    service.run_line("import queue").failed(1, &["queue"]);
}

#[test]
fn options_replace_places_of_the_same_kind_in_the_file() {
    let folder = Folder::new();
    let file = folder.file("two.toml", "listen = [\"127.0.0.1:1\", \"unix:/a\"]\nunprotected = true\n");
    let one = folder.file("one.toml", "listen = \"127.0.0.1:1\"\nmodules = \"builtins\"\n");
    let kept = folder.file("kept.toml", "data = \"/c\"");
    let cases: [(&[&str], &str); 8] = [
        (&["--data", "/d"], r#"data = "/d""#),
        (&["--config", &kept, "--data", "/d"], r#"data = "/d""#),
        (&["--config", &file, "--port", "7"], r#"listen = ["127.0.0.1:7", "unix:/a"]"#),
        (&["--config", &file, "--unix", "/b"], r#"listen = ["127.0.0.1:1", "unix:/b"]"#),
        (&["--unix", "/b"], r#"listen = ["unix:/b"]"#),
        (&["--config", &one], r#"listen = ["127.0.0.1:1"]"#),
        (&["--config", &one], r#"modules = ["builtins"]"#),
        (&["--config", &file, "--unprotected=false"], "unprotected = false"),
    ];
    for (options, line) in cases {
        let printed = serve(&[options, &["--print-config"]].concat()).succeeded();
        assert!(printed.contains(&line.to_owned()), "{options:?}: {line:?} is not in {printed:#?}");
    }
}

#[test]
fn a_token_on_the_command_line_overrides_the_environment() {
    let folder = Folder::new();
    let file = folder.file("tokens.toml", "[tokens.alice]\ntoken = \"alices-secret\"\n");
    let service = Serve::start(&["--host", "127.0.0.1", "--tokens", &file]);
    let with_token = format!("tarmem://alices-secret@{}", service.address);
    assert_eq!(ask(&with_token, &[], &[("TARMEM_TOKEN", "wrong")]).succeeded(), [""; 0]);
    let right = folder.file("token", "alices-secret");
    let wrong = format!("tarmem://wrong@{}", service.address);
    assert_eq!(ask(&wrong, &["--token-file", &right], &[("TARMEM_TOKEN", "wrong")]).succeeded(), [""; 0]);
    ask(&service.address, &[], &[("TARMEM_TOKEN", "wrong")]).failed(1, &["TARMEM_TOKEN"]);
}

#[test]
fn errors_in_settings_are_one_line() {
    let folder = Folder::new();
    let cases: [(&[&str], &[&str]); 11] = [
        (&["--limit", "frame_bytes"], &["NAME=VALUE"]),
        (&["--limit", "frame_byte=1MiB"], &["frame_byte", "did you mean frame_bytes"]),
        (&["--limit", "frame_bytes=1"], &["frame_bytes cannot be 1", "4KiB to 2GiB"]),
        (&["--limit", "lease=soon"], &["lease cannot be \"soon\"", "30s"]),
        (&["--config", "/nowhere/tarmem.toml"], &["/nowhere/tarmem.toml cannot be read"]),
        (&["--config", &folder.file("a.toml", "\n[limits]\nlease = \"1ms\"\n")], &["a.toml, line 3", "100ms to"]),
        (&["--config", &folder.file("b.toml", "listen = [\"here\"]\n")], &["\"here\" is not HOST:PORT"]),
        (&["--config", &folder.file("d.toml", "workers = 0\n")], &["workers cannot be 0", "1 to 1024"]),
        (&["--config", &folder.file("e.toml", "workers = 60000\n")], &["workers cannot be 60000", "1 to 1024"]),
        (&["--config", &folder.file("f.toml", "listen = []\n")], &["listen is empty"]),
        (&["--tokens", &folder.file("c.toml", "[tokens.a]\ntoken = \"\"\n")], &["c.toml, line 1", "is empty"]),
    ];
    for (options, parts) in cases {
        serve(options).failed(1, parts);
    }
    serve(&["--tls-cert", "x.pem"]).refused(&["--tls-key", "try 'tarmem serve --help'"]);
    serve(&["--tls-client-ca", "x.pem"]).refused(&["--tls-cert and --tls-key"]);
    serve(&["--token-file", "x"]).refused(&["--token-file is for a client"]);
}

#[test]
fn tokens_are_read_from_a_file_and_a_variable_and_reloaded_on_sighup() {
    let folder = Folder::new();
    let file = folder.file("tokens.toml", "[tokens.alice]\ntoken = \"alices-secret\"\n");
    let mut command = tarmem(&["serve", "--host", "127.0.0.1", "--tokens", &file]);
    let service = Serve::of(command.env("TARMEM_TOKENS", "bob:bobs-secret").env("TARMEM_LOG", "trace"));
    let address = service.address.clone();
    let url = |token: &str| format!("tarmem://{token}@{address}");
    assert_eq!(ask(&url("alices-secret"), &[], &[]).succeeded(), [""; 0]);
    assert_eq!(ask(&address, &[], &[("TARMEM_TOKEN", "bobs-secret")]).succeeded(), [""; 0]);
    let token = folder.file("token", "bobs-secret\n");
    assert_eq!(ask(&address, &["--token-file", &token], &[]).succeeded(), [""; 0]);
    ask(&address, &[], &[]).failed(1, &["TARMEM_TOKEN"]);
    ask(&url("carols-secret"), &[], &[]).failed(1, &["TARMEM_TOKEN"]);
    ask(&address, &["--token-file", "/nowhere/token"], &[]).failed(1, &["/nowhere/token"]);

    // An invalid file changes nothing.
    fs::write(&file, "[tokens.alice]\ntoken = carols-secret\n").unwrap();
    service.signal("HUP");
    service.says("the tokens stay as they were");
    assert_eq!(ask(&url("alices-secret"), &[], &[]).succeeded(), [""; 0]);
    fs::write(&file, "[tokens.carol]\ntoken = \"carols-secret\"\n").unwrap();
    service.signal("HUP");
    service.says("1 of those before are revoked");
    assert_eq!(ask(&url("carols-secret"), &[], &[]).succeeded(), [""; 0]);
    assert_eq!(ask(&url("bobs-secret"), &[], &[]).succeeded(), [""; 0]);
    ask(&url("alices-secret"), &[], &[]).failed(1, &["TARMEM_TOKEN"]);

    let stopped = service.stop("TERM");
    assert!(stopped.status.success());
    for secret in ["alices-secret", "bobs-secret", "carols-secret"] {
        assert!(!stopped.stderr.contains(secret), "{secret} was logged");
    }
    assert!(stopped.stderr.contains("alice"), "names are logged, at this level");
}

#[test]
fn tls_is_set_up_by_options() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let (server, client) = (authority.identity("localhost"), clients.identity("client"));
    let (cert, key) = (shown(&server.cert), shown(&server.key));
    let roots = shown(&clients.root());
    let service =
        Serve::start(&["--host", "127.0.0.1", "--tls-cert", &cert, "--tls-key", &key, "--tls-client-ca", &roots]);
    let address = format!("tarmems://{}", service.address.replace("127.0.0.1", "localhost"));
    let (ca, cert, key) = (shown(&authority.root()), shown(&client.cert), shown(&client.key));
    assert_eq!(ask(&address, &["--ca", &ca, "--cert", &cert, "--key", &key], &[]).succeeded(), [""; 0]);
    ask(&address, &["--ca", &ca], &[]).failed(1, &["no secure connection", "--cert and --key"]);
    ask(&address, &[], &[]).failed(1, &["no secure connection", "--ca"]);
    ask(&service.address, &[], &[]).failed(1, &["tarmems://"]);
    ask(&address, &["--ca", &ca, "--cert", &cert], &[]).refused(&["--key"]);
    ask(&address.replace("tarmems", "tarmem"), &["--ca", &ca], &[]).failed(1, &["tarmems://"]);
}
