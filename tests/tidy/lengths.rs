//! How long files and lines may be.

use crate::sources;

const FOLDERS: [&str; 5] = ["src", "remote", "examples", "benches", "tests"];

#[test]
fn no_file_holds_two_ideas() {
    let mut long = Vec::new();
    for folder in FOLDERS {
        for (path, text) in sources(folder) {
            // A list of tests is one idea, however long.
            let is_tests =
                ["tests", "remote/tests", "remote/modules/tests"].iter().any(|tests| path.starts_with(tests));
            let limit = if is_tests { 800 } else { 500 };
            let lines = text.lines().count();
            if lines > limit {
                long.push(format!("{} has {lines} lines; over {limit}", path.display()));
            }
        }
    }
    assert!(long.is_empty(), "{} files are too long:\n{}", long.len(), long.join("\n"));
}

/// Columns of a line, as `rustfmt.toml` has it; which does not break comments and strings.
const COLUMNS: usize = 120;

/// What cannot be broken: a raw string, a row of a table in documentation, and a word that is nearly as long as a line,
/// such as an address.
fn is_unbreakable(line: &str) -> bool {
    let line = line.trim_start();
    let is_raw = ["r\"", "r#", "br\"", "br#"].iter().any(|start| line.starts_with(start));
    let is_row = ["/// |", "//! |"].iter().any(|start| line.starts_with(start));
    is_raw || is_row || line.split_whitespace().any(|word| word.chars().count() > COLUMNS * 2 / 3)
}

#[test]
fn lines_fit_a_window() {
    let mut long = Vec::new();
    for folder in FOLDERS {
        for (path, text) in sources(folder) {
            for (line, number) in text.lines().zip(1..) {
                let columns = line.chars().count();
                if columns > COLUMNS && !is_unbreakable(line) {
                    long.push(format!("{}:{number} has {columns} columns; over {COLUMNS}", path.display()));
                }
            }
        }
    }
    assert!(long.is_empty(), "{} lines are too long:\n{}", long.len(), long.join("\n"));
}
