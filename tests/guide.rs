//! Checks the guide: each of its snippets is part of a file that is compiled, and each program prints what its chapter
//! says.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A fenced block of a chapter.
struct Block {
    language: String,
    text: String,
}

/// A chapter of docs/guide.
struct Chapter {
    name: String,
    blocks: Vec<Block>,
}

#[test]
fn each_snippet_stands_in_a_file_that_is_compiled() {
    for Chapter { name, blocks } in chapters() {
        let sources = sources_of(&blocks);
        assert!(!sources.is_empty(), "{name} ends with nothing that runs");
        for Block { language, text } in blocks.iter().filter(|block| ["rust", "toml"].contains(&&*block.language)) {
            let found = sources.iter().any(|source| has(source, text));
            assert!(found, "{name}: this {language} is in none of the files that it is about:\n{text}");
        }
    }
}

#[test]
fn each_program_prints_what_its_chapter_says() {
    for Chapter { name, blocks } in chapters() {
        let mut program = None;
        for Block { language, text } in &blocks {
            match language.as_str() {
                "sh" => program = example_in(text),
                "text" => {
                    if let Some(example) = program.take() {
                        assert_eq!(output_of(&example), *text, "{name}: {example}");
                    }
                }
                _ => {}
            }
        }
    }
}

#[test]
fn chapters_are_listed_in_their_order() {
    let list = fs::read_to_string(root().join("docs/guide/README.md")).expect("there");
    let listed: Vec<&str> = list.split('(').filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect();
    let listed: Vec<&str> = listed.into_iter().filter(|link| link.starts_with(|c: char| c.is_ascii_digit())).collect();
    let chapters: Vec<String> = chapters().into_iter().map(|chapter| chapter.name).collect();
    assert_eq!(listed, chapters);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All chapters, in order.
fn chapters() -> Vec<Chapter> {
    let files = fs::read_dir(root().join("docs/guide")).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = files.filter(|path| !path.ends_with("README.md")).collect();
    files.sort();
    let name = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    files
        .iter()
        .map(|path| Chapter { name: name(path), blocks: blocks(&fs::read_to_string(path).expect("text")) })
        .collect()
}

fn blocks(chapter: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in chapter.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some(Block { language: language.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// The files that a chapter's snippets are from: the examples that it runs, and the crates in
/// `examples/bank` and `examples/web`.
fn sources_of(blocks: &[Block]) -> Vec<String> {
    let commands = || blocks.iter().filter(|block| block.language == "sh").map(|block| block.text.as_str());
    let mut paths: HashSet<PathBuf> =
        commands().filter_map(example_in).map(|name| root().join("examples").join(name).with_extension("rs")).collect();
    if commands().any(|command| command.contains("-p bank-")) {
        for (folder, main) in [("models", "lib.rs"), ("service", "main.rs"), ("client", "main.rs")] {
            let folder = root().join("examples/bank").join(folder);
            paths.extend([folder.join("Cargo.toml"), folder.join("src").join(main)]);
        }
    }
    if commands().any(|command| command.contains("-p web")) {
        paths.insert(root().join("examples/web/src/main.rs"));
    }
    paths.iter().map(|path| fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect()
}

fn example_in(command: &str) -> Option<String> {
    let (_, rest) = command.split_once("--example ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// Whether `source` contains `text`, indented or not.
fn has(source: &str, text: &str) -> bool {
    [0, 4, 8].into_iter().any(|by| {
        let lines = text.lines().map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("{}{line}\n", " ".repeat(by)),
        });
        source.contains(&lines.collect::<String>())
    })
}

/// What an example prints. Its standard error (a panic's message, for example) is not in the guide.
fn output_of(example: &str) -> String {
    // target/<profile>/deps/<this test>, beside target/<profile>/examples.
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.parent().and_then(Path::parent).expect("two folders up");
    let path = profile.join("examples").join(example);
    assert!(path.exists(), "{} is not there: run `cargo test`, or build it with --examples first", path.display());
    let output = Command::new(path).stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{example}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
