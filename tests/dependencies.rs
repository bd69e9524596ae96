//! The dependencies of a build, as cargo reports them: how many crates each feature needs and which it must not need,
//! their licences, which of them are built twice, and which Rust they need.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The largest number of crates for a program that is only a client, itself included. docs/features.md promises it.
const CLIENT_CRATES: usize = 120;

/// The largest number of crates for a crate of models, itself included. docs/features.md promises it.
const MODELS_CRATES: usize = 85;

/// The largest number of crates for a program with all features, itself included. docs/features.md promises it.
const ALL_CRATES: usize = 185;

/// The largest number of crates that the web server in examples/web adds to those of its client: axum's.
const WEB_CRATES: usize = 20;

/// Licences under which a dependency may be passed on with a program if it is named.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that are built in two versions, and who needs the older one. None of them is visible in tarmem's public API.
const TWICE: &[(&str, &str)] = &[
    ("cpufeatures", "sha2 0.10; the newer one is of rand's"),
    ("getrandom", "ring; the newer one is of uuid's and rand's"),
    ("syn", "pin-project, tracing-attributes and tarmem-macros; the newer one is of serde's, tokio's and thiserror's"),
];

/// The crates that are published.
const PUBLISHED: &[&str] = &["tarmem", "tarmem-modules", "tarmem-remote", "tarmem-macros", "tarmem-storage"];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).args(["--offline", "--locked"]).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The names of the crates that `package` is built from with just these features. A crate that is built in two versions
/// is there twice.
fn crates(package: &str, features: &str) -> Vec<String> {
    let tree = cargo(&[
        "tree",
        "--package",
        package,
        "--no-default-features",
        "--features",
        features,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let mut words = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    words.retain(|word| !word.is_empty());
    words.sort();
    words.dedup();
    words.into_iter().filter_map(|word| Some(word.split_once(' ')?.0.to_owned())).collect()
}

fn assert_free_of(crates: &[String], forbidden: &[&str], what: &str) {
    let found: Vec<_> = crates.iter().filter(|name| forbidden.contains(&name.as_str())).collect();
    assert!(found.is_empty(), "{what} takes {found:?} with it");
}

const COMMAND_LINE: &[&str] =
    &["clap", "clap_builder", "clap_derive", "rcgen", "matchers", "regex-automata", "nu-ansi-term"];
const CRYPTOGRAPHY: &[&str] =
    &["rustls", "tokio-rustls", "rustls-webpki", "rustls-native-certs", "rustls-pki-types", "ring"];
/// Crates that need a C compiler.
const NATIVE: &[&str] = &["cc", "ring", "stacker", "psm"];
const MODULES: &[&str] = &["tarmem-modules", "icu_casemap"];
const SERVICE: &[&str] = &["toml", "sha2", "rlimit", "bytesize"];
const SOCKETS: &[&str] = &["tarpc", "mio", "socket2", "tokio-util"];

#[test]
fn client_needs_few_crates_and_nothing_of_the_service() {
    let crates = crates("tarmem", "client");
    assert!(crates.len() <= CLIENT_CRATES, "{} crates: {}", crates.len(), crates.join(", "));
    for forbidden in [COMMAND_LINE, CRYPTOGRAPHY, SERVICE, MODULES, NATIVE] {
        assert_free_of(&crates, forbidden, "a client");
    }
}

#[test]
fn all_features_together_need_a_bounded_number_of_crates() {
    let crates = crates("tarmem", "default");
    assert!(crates.len() <= ALL_CRATES, "{} crates: {}", crates.len(), crates.join(", "));
}

#[test]
fn each_feature_needs_only_its_own_crates() {
    let (secure, service) = (crates("tarmem", "client,tls"), crates("tarmem", "server"));
    assert!(secure.iter().any(|name| name == "rustls") && service.iter().any(|name| name == "toml"));
    for forbidden in [COMMAND_LINE, SERVICE, MODULES] {
        assert_free_of(&secure, forbidden, "a client with TLS");
    }
    for forbidden in [COMMAND_LINE, CRYPTOGRAPHY, MODULES, NATIVE] {
        assert_free_of(&service, forbidden, "a service");
    }
    assert_eq!(crates("tarmem", "blocking"), crates("tarmem", "client"));
}

#[test]
fn models_need_no_sockets() {
    let crates = crates("tarmem-remote", "");
    assert!(crates.len() <= MODELS_CRATES, "{} crates: {}", crates.len(), crates.join(", "));
    for forbidden in [COMMAND_LINE, CRYPTOGRAPHY, SERVICE, SOCKETS, MODULES, NATIVE] {
        assert_free_of(&crates, forbidden, "a crate of models");
    }
}

#[test]
fn web_example_needs_few_crates_beside_the_client() {
    let client = crates("tarmem", "client,modules");
    let mut added = crates("web", "");
    added.retain(|name| !client.contains(name));
    assert!(added.len() <= WEB_CRATES, "{} crates: {}", added.len(), added.join(", "));
    assert_free_of(&added, COMMAND_LINE, "the web server");
    assert_free_of(&added, CRYPTOGRAPHY, "the web server");
    assert_free_of(&added, SERVICE, "the web server");
}

#[test]
fn docs_name_the_bounds() {
    let docs = include_str!("../docs/features.md");
    // The bounds are promised in lines that are wrapped somewhere.
    let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
    for (what, bound) in [("client", CLIENT_CRATES), ("models", MODELS_CRATES), ("all features", ALL_CRATES)] {
        assert!(docs.contains(&format!("at most {bound} crates")), "{what}: docs/features.md does not say {bound}");
    }
}

/// The output of `cargo metadata` for all crates that are built on this host.
static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let version = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output();
    let version = String::from_utf8(version.expect("rustc runs").stdout).expect("text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", host]);
    serde_json::from_str(&metadata).expect("JSON")
});

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The published crates and all their dependencies.
fn shipped() -> Vec<&'static Value> {
    let packages = list(&METADATA, "packages");
    let nodes: HashMap<&str, &Value> =
        list(&METADATA["resolve"], "nodes").iter().map(|node| (text(node, "id"), node)).collect();
    let roots = packages.iter().filter(|package| PUBLISHED.contains(&text(package, "name")));
    let mut open: Vec<&str> = roots.map(|package| text(package, "id")).collect();
    assert_eq!(open.len(), PUBLISHED.len());
    let mut seen: HashSet<&str> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for dependency in list(nodes[id], "deps") {
            let is_built = list(dependency, "dep_kinds").iter().any(|kind| kind["kind"] != "dev");
            let id = text(dependency, "pkg");
            if is_built && seen.insert(id) {
                open.push(id);
            }
        }
    }
    packages.iter().filter(|package| seen.contains(text(package, "id"))).collect()
}

/// Whether an SPDX expression permits the choice of a licence on the list.
fn is_free(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        part.trim_matches(['(', ')', ' '])
            .split(" OR ")
            .any(|licence| LICENCES.contains(&licence.trim_matches(['(', ')', ' '])))
    })
}

#[test]
fn licences_can_be_passed_on() {
    assert!(is_free("MIT OR GPL-3.0") && is_free("(MIT OR Apache-2.0) AND Unicode-3.0") && is_free("MIT/Unlicense"));
    assert!(!is_free("GPL-3.0") && !is_free("MIT AND GPL-3.0") && !is_free(""));
    for package in shipped() {
        let licence = text(package, "license");
        assert!(is_free(licence), "{}: {licence:?} is not among the licences that we know", text(package, "id"));
    }
}

#[test]
fn only_known_crates_are_built_in_two_versions() {
    let crates = crates("tarmem", "cli,blocking,modules");
    let twice: Vec<&str> = crates.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].as_str()).collect();
    let known: Vec<&str> = TWICE.iter().map(|(name, _)| *name).collect();
    assert_eq!(twice, known, "built in two versions, and known to be");
}

fn rust_version(package: &Value) -> Vec<u32> {
    let mut version: Vec<u32> = text(package, "rust_version").split('.').filter_map(|part| part.parse().ok()).collect();
    version.resize(3, 0);
    version
}

#[test]
fn no_dependency_needs_a_newer_rust() {
    let shipped = shipped();
    let own =
        shipped.iter().find(|package| text(package, "name") == "tarmem").map(|own| rust_version(own)).expect("there");
    assert_eq!(own[0], 1, "{own:?}");
    for package in shipped {
        assert!(rust_version(package) <= own, "{} needs Rust {}", text(package, "id"), text(package, "rust_version"));
    }
}

/// So that `cargo check --all-targets` works with any set of features.
#[test]
fn targets_say_which_features_they_need() {
    let package = list(&METADATA, "packages").iter().find(|package| text(package, "name") == "tarmem").expect("there");
    for target in list(package, "targets") {
        let name = text(target, "name");
        let kind = list(target, "kind").first().and_then(Value::as_str).expect("a target has a kind");
        if kind != "lib" && name != "tidy" {
            let needs = list(target, "required-features");
            assert!(!needs.is_empty(), "the {kind} {name} is to have `required-features` in Cargo.toml");
        }
    }
}
