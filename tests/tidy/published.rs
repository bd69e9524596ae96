//! What the manifests of the crates say that are published.

use crate::root;
use std::fs;

/// What a registry shows of a crate, and what it refuses one without.
#[test]
fn crates_that_are_published_say_what_they_are() {
    for folder in ["", "remote", "remote/macros", "remote/modules", "remote/storage"] {
        let folder = root().join(folder);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("there");
        let package = manifest.split_once("[package]\n").expect("a package").1;
        let package = package.split_once("\n[").map_or(package, |(package, _)| package);
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= "));
            line.unwrap_or_else(|| panic!("{} has no {key}", folder.display()))
        };
        assert!(!value("description").is_empty() && package.contains("license.workspace = true"));
        let readme = folder.join(value("readme").trim_matches('"'));
        assert!(readme.exists(), "{} is not there", readme.display());
        for list in ["keywords", "categories"] {
            let count = value(list).split(',').count();
            assert!((1..=5).contains(&count), "{}: {count} {list}, of which there may be 5", folder.display());
        }
    }
}

/// One heading for each kind of change, those of Keep a Changelog, in its order.
#[test]
fn changelog_is_by_kind() {
    const KINDS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).expect("there");
    let mut releases = changelog.split("\n## ");
    assert!(releases.next().is_some_and(|head| head.starts_with("# Changelog\n")));
    let mut names = Vec::new();
    for release in releases {
        let (name, text) = release.split_once('\n').expect("a release has entries");
        names.push(name);
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        let known: Vec<&str> = KINDS.into_iter().filter(|kind| kinds.contains(kind)).collect();
        assert_eq!(kinds, known, "{name}: not the kinds of Keep a Changelog, each once, in its order");
    }
    assert_eq!(names.first(), Some(&"[Unreleased]"));
}
