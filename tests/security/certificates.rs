//! Making certificates, by `tarmem tls init` and by the lines of docs/security.md, and the errors about unusable ones.

use crate::support::authority::{Authority, Identity};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tarmem::{ClientTls, Error, RunningService, ServerTls, Service, Session, Tokens};

/// A folder that is removed at the end of the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tarmem-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the shell lines of docs/security.md that contain `part`, in `folder`. Prints a note and returns `None` if there
/// is no openssl.
fn run_lines(part: &str, folder: &Path) -> Option<Output> {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("not tested: there is no openssl here");
        return None;
    }
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md")).expect("there");
    let blocks = docs.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.into_iter().find(|lines| lines.contains(part)).expect("the lines are there").to_owned();
    let run = Command::new("sh").args(["-e", "-c", &lines]).current_dir(folder).output().expect("a shell");
    assert!(run.status.success(), "{lines}\n{}", String::from_utf8_lossy(&run.stderr));
    Some(run)
}

fn tarmem(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tarmem"));
    command.args(words).env_remove("TARMEM_ADDR").output().expect("it runs")
}

/// Connects with the certificates in `folder`, with and without mutual TLS.
async fn assert_certificates_work(folder: &Path, hosts: &[&str]) {
    let file = |name: &str| folder.join(name);
    let tls = || ServerTls::new(file("server.pem"), file("server.key"));
    let trusting = || ClientTls::new().ca_file(file("ca.pem"));
    let start = async |tls| Service::new("127.0.0.1", 0).tls(tls).start().await.expect("the service starts");
    let (simple, mutual) = (start(tls()).await, start(tls().client_ca(file("ca.pem"))).await);
    let connect = async |service: &RunningService, host: &str, tls: ClientTls| {
        let port = service.local_addr().expect("TCP").port();
        Session::builder(format!("tarmems://{host}:{port}")).tls(tls).max_retry(0).connect().await
    };
    for host in hosts {
        connect(&simple, host, trusting()).await.expect("trusted").version().await.expect("answered");
        let named = trusting().identity(file("client.pem"), file("client.key"));
        connect(&mutual, host, named).await.expect("both are trusted").version().await.expect("answered");
        let error = connect(&mutual, host, trusting()).await.expect_err("it shows none");
        assert!(error.to_string().contains("--cert"), "{error}");
        // A service's certificate is not accepted as a client's.
        let wrong = trusting().identity(file("server.pem"), file("server.key"));
        let error = connect(&mutual, host, wrong).await.expect_err("it is for another purpose");
        assert!(error.to_string().contains("extendedKeyUsage"), "{error}");
    }
}

#[tokio::test]
async fn the_openssl_lines_of_the_docs_make_working_certificates() {
    let folder = Folder::new("openssl");
    if run_lines("openssl x509", &folder.0).is_some() {
        assert_certificates_work(&folder.0, &["localhost", "127.0.0.1"]).await;
    }
}

#[tokio::test]
async fn the_sha256sum_line_of_the_docs_prints_the_digest_of_the_token() {
    let folder = Folder::new("sha256sum");
    let Some(run) = run_lines("sha256sum", &folder.0) else { return };
    let digest = String::from_utf8(run.stdout).expect("text");
    let file = folder.file("tokens.toml");
    std::fs::write(&file, format!("[tokens.reports]\ntoken_sha256 = \"{}\"\n", digest.trim())).expect("written");
    let tokens = Tokens::from_file(&file).expect("a digest");
    let service = Service::new("127.0.0.1", 0).tokens(tokens).start().await.expect("the service starts");
    // The program strips the end of the line from the token file.
    let found = tarmem(&[
        "--addr",
        &service.address(),
        "--token-file",
        folder.file("reports.token").to_str().expect("text"),
        "keys",
    ]);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
}

#[tokio::test]
async fn tls_init_makes_working_certificates_and_overwrites_none() {
    let folder = Folder::new("init");
    let dir = folder.file("a/certs");
    let dir = dir.to_str().expect("text");
    let run = tarmem(&["tls", "init", dir]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).expect("text");
    let printed: Vec<String> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(printed.len(), 6);
    for path in &printed {
        let mode = std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert!(mode & 0o077 == 0 || !path.ends_with(".key"), "{path} has mode {mode:o}");
    }
    assert_certificates_work(Path::new(dir), &["localhost", "127.0.0.1"]).await;

    // A second run overwrites nothing, and does not make some of the files either.
    let before: Vec<_> = printed.iter().map(|path| std::fs::read(path).expect("it is there")).collect();
    std::fs::remove_file(&printed[0]).expect("removed");
    let again = tarmem(&["tls", "init", dir]);
    let message = String::from_utf8(again.stderr).expect("text");
    assert_eq!((again.status.code(), again.stdout.len(), message.lines().count()), (Some(1), 0, 1), "{message}");
    assert!(message.contains("exists already") && message.contains("another folder"), "{message}");
    assert!(!Path::new(&printed[0]).exists());
    for (path, before) in printed.iter().zip(&before).skip(1) {
        assert!(std::fs::read(path).expect("it is there") == *before, "{path} was changed");
    }
}

#[tokio::test]
async fn tls_init_uses_the_names_that_it_is_given() {
    let folder = Folder::new("names");
    let dir = folder.file("certs");
    let dir = dir.to_str().expect("text");
    for (wrong, part) in [
        ("a:18813", "without a port"),
        ("", "a host's name"),
        ("*.127.0.0.1", "must not begin with *."),
        ("a b", "a host's name"),
    ] {
        let run = tarmem(&["tls", "init", dir, "--name", wrong]);
        let message = String::from_utf8(run.stderr).expect("text");
        assert!(run.status.code() == Some(2) && message.contains(part), "{wrong}: {message}");
    }
    let run = tarmem(&["tls", "init", dir, "--ca", "ca.pem"]);
    assert_eq!(run.status.code(), Some(2), "it connects to no service");
    assert!(!Path::new(dir).exists());
    let run =
        tarmem(&["tls", "init", dir, "--name", "db.example.org,*.example.net", "--days", "1", "--client", "reports"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let file = |name: &str| Path::new(dir).join(name);
    let service = Service::new("127.0.0.1", 0).tls(ServerTls::new(file("server.pem"), file("server.key")));
    let service = service.start().await.expect("the service starts");
    let connect = async |name: &str| {
        let tls = ClientTls::new().ca_file(file("ca.pem")).server_name(name);
        Session::builder(format!("tarmems://{}", service.address())).tls(tls).max_retry(0).connect().await
    };
    for name in ["db.example.org", "any.example.net"] {
        connect(name).await.expect(name);
    }
    let error = connect("localhost").await.expect_err("it is for other names").to_string();
    for part in ["db.example.org", "*.example.net", "localhost", "--server-name"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

/// A running `tarmem serve`, and the lines of its log.
struct Serve {
    child: Child,
    address: String,
    log: mpsc::Receiver<String>,
}

impl Serve {
    fn start(options: &[&Path]) -> Self {
        let names = ["--tls-cert", "--tls-key", "--tls-client-ca"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_tarmem"));
        command.args(["serve", "--host", "127.0.0.1", "--port", "0"]);
        for (name, file) in names.iter().zip(options) {
            command.arg(name).arg(file);
        }
        let mut child =
            command.env("TARMEM_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says where it is");
        let address = line.trim().strip_prefix("listening on 127.0.0.1").expect("an address").to_owned();
        Serve { child, address, log }
    }

    /// Waits for a line of the log that contains `part`.
    fn logs(&self, part: &str) {
        let mut all = Vec::new();
        while let Ok(line) = self.log.recv_timeout(Duration::from_secs(20)) {
            if line.contains(part) {
                return;
            }
            all.push(line);
        }
        panic!("it never logged {part:?}, but {all:?}");
    }

    async fn connect(&self, tls: ClientTls) -> Result<Session, Error> {
        Session::builder(format!("tarmems://localhost{}", self.address)).tls(tls).max_retry(0).connect().await
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn insecure(result: Result<Session, Error>, parts: &[&str]) {
    let error = result.expect_err("it is not to be trusted");
    assert!(matches!(error, Error::Insecure { .. }), "{error:?}");
    let message = error.to_string();
    assert!(parts.iter().all(|part| message.contains(part)), "{parts:?} in {message}");
}

/// Something that makes a certificate unusable: its name, how to make it, and a part of the error about it.
type Flaw = (&'static str, fn(&mut CertificateParams), &'static str);

fn flaws() -> Vec<Flaw> {
    vec![
        ("ca", |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "that of a CA"),
        ("expired", |params| params.not_after = date_time_ymd(2001, 2, 3), "expired on 2001-02-03"),
        ("early", |params| params.not_before = date_time_ymd(2999, 1, 1), "not valid before 2999-01-01"),
        (
            "purpose",
            |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning],
            "extendedKeyUsage",
        ),
    ]
}

#[tokio::test]
async fn errors_explain_what_is_wrong_with_a_services_certificate() {
    let authority = Authority::new();
    let trusting = || ClientTls::new().ca_file(authority.root());
    for (name, change, part) in flaws() {
        let Identity { cert, key } = authority.identity_but("localhost", change);
        let serve = Serve::start(&[&cert, &key]);
        // The service says it at start-up, and the client when it connects.
        serve.logs(part);
        insecure(serve.connect(trusting()).await, &["its certificate", part]);
        serve.logs(match name {
            "expired" | "early" => "this service's certificate, which has expired, or is not valid yet",
            "purpose" => "this service's certificate, which is for another purpose",
            _ => "this service's certificate, which cannot be used: it is that of a CA",
        });
    }
    // Flaws that only the client can know.
    let Identity { cert, key } = authority.identity("localhost");
    let serve = Serve::start(&[&cert, &key]);
    insecure(serve.connect(ClientTls::new().ca_file(Authority::new().root())).await, &["another one", "--ca"]);
    serve.logs("no TLS");
    insecure(serve.connect(trusting().server_name("db.example.org")).await, &["db.example.org", "for localhost"]);
    serve.logs("is for another name");
    let Identity { cert, key } = authority.identity_but("localhost", |params| params.subject_alt_names.clear());
    let serve = Serve::start(&[&cert, &key]);
    insecure(serve.connect(trusting()).await, &["subjectAltName", "localhost"]);
}

#[tokio::test]
async fn errors_explain_what_is_wrong_with_a_clients_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let Identity { cert, key } = authority.identity("localhost");
    let serve = Serve::start(&[&cert, &key, &clients.root()]);
    let connect = async |Identity { cert, key }: Identity| {
        serve.connect(ClientTls::new().ca_file(authority.root()).identity(cert, key)).await
    };
    for (name, change, part) in flaws() {
        let told = match name {
            "expired" | "early" => "has expired, or is not valid yet",
            "purpose" => "for another purpose",
            _ => "cannot be used: it is that of a CA",
        };
        insecure(connect(clients.identity_but("client", change)).await, &["this client's certificate", told, "--cert"]);
        serve.logs(part);
    }
    insecure(connect(Authority::new().identity("client")).await, &["client CA", "--cert"]);
    serve.logs("not signed by the trusted CA");
    connect(clients.identity("client")).await.expect("it is known");
    insecure(serve.connect(ClientTls::new().ca_file(authority.root())).await, &["requires a client certificate"]);
    serve.logs("it has shown no certificate");
}

/// A certificate that `openssl x509 -req` made without -extfile, valid for a hundred years.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBJTCBywIUZIdcol++gcCxG40geQQyM4JmYO8wCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODExMjc0NloYDzIxMjYxMTA0MTEyNzQ2
WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAQZ2i8qxYU6PSF4xSWmQSooo29dB00Wu7K9nv9x5LlhDmak4CIApRyYYn61fOsM
LEzQSBvt+huxV5UdixY7K+bNMAoGCCqGSM49BAMCA0kAMEYCIQDtglrTxCfEUw6O
bXwJ8BzpI7uuoUc99KMRDVOfkSc45gIhAIzbAOzdd/Z+SWw8+pMcQ7nRU4kfWhlv
0HMxJXkpXy6H
-----END CERTIFICATE-----
";
const VERSION_1_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgDa3rHrGUQbfruPcB
VhNONxKQ64KeYT2up0b2ckGs/wOhRANCAAQZ2i8qxYU6PSF4xSWmQSooo29dB00W
u7K9nv9x5LlhDmak4CIApRyYYn61fOsMLEzQSBvt+huxV5UdixY7K+bN
-----END PRIVATE KEY-----
";

#[tokio::test]
async fn errors_say_that_a_certificate_is_of_version_1() {
    let folder = Folder::new("version-1");
    let (cert, key) = (folder.file("v1.pem"), folder.file("v1.key"));
    std::fs::write(&cert, VERSION_1).expect("written");
    std::fs::write(&key, VERSION_1_KEY).expect("written");
    let error = Service::new("127.0.0.1", 0).tls(ServerTls::new(&cert, &key)).bind().await.map(drop).expect_err("none");
    let message = error.to_string();
    assert!(["v1.pem", "version 1", "-extfile"].iter().all(|part| message.contains(part)), "{message}");
    let authority = Authority::new();
    let Identity { cert: server, key: server_key } = authority.identity("localhost");
    let serve = Serve::start(&[&server, &server_key, &cert]);
    let client = ClientTls::new().ca_file(authority.root()).identity(&cert, &key);
    insecure(serve.connect(client).await, &["v1.pem", "the client's certificate", "version 1"]);
    // A client of another TLS library can show one.
    if Command::new("openssl").arg("version").output().is_err() {
        return println!("not tested: there is no openssl here");
    }
    let port = serve.address.trim_start_matches(':');
    let mut client = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-tls1_3", "-cert"])
        .arg(&cert)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    serve.logs("of version 1");
    client.wait().expect("it has ended");
    // So can a service.
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "0", "-tls1_3", "-cert"])
        .arg(&cert)
        .arg("-key")
        .arg(&key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(server.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    let accept =
        lines.into_iter().find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned)).expect("an address");
    let port = accept.rsplit(':').next().expect("a port");
    let tls = ClientTls::new().ca_file(authority.root());
    let session = Session::builder(format!("tarmems://localhost:{port}")).tls(tls).max_retry(0).connect().await;
    server.kill().expect("it runs");
    server.wait().expect("it has ended");
    insecure(session, &["its certificate", "version 1"]);
}
