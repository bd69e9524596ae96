//! Every code point has the properties and mappings that it has in CPython.
//!
//! The two know different versions of Unicode. [`CHANGED`] lists what a later version changed for existing characters;
//! a code point that Python does not know yet is not compared.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use tarmem_modules::builtins::{Int, Str};
use tarmem_remote::Value;
use tarmem_remote::args::Arg;

/// The version of Python's Unicode for which [`CHANGED`] was written.
const VERSION: &str = "14.0.0";

/// What differs, by property, for the code points of Unicode 14, up to Unicode 17.
const CHANGED: &[(&str, &[u32])] = &[
    // The upper case of these letters was added later.
    ("capitalize", NEW_CAPITALS),
    ("swapcase", NEW_CAPITALS),
    ("title", NEW_CAPITALS),
    ("upper", NEW_CAPITALS),
    // Joiners and middle dots.
    ("inside an identifier", &[0x200c, 0x200d, 0x30fb, 0xff65]),
    // Modifier letters count as lower case, and a few others have changed.
    ("islower", &[0x295, 0x10fc, 0xa7f2, 0xa7f3, 0xa7f4, 0xab69]),
    ("sigma", &[0x295, 0x10fc, 0xa7f2, 0xa7f3, 0xa7f4, 0xab69, 0x1171e]),
    // Ideographs and cuneiform signs that have become numbers, or are no longer numbers.
    (
        "isnumeric",
        &[
            0x4e24, 0x4eac, 0x4fe9, 0x5006, 0x62d0, 0x6d1e, 0x7695, 0x79ed, 0x920e, 0x94a9, 0x12038, 0x12039, 0x12079,
            0x12226, 0x1222b, 0x1230b, 0x1230d, 0x12399,
        ],
    ),
];

const NEW_CAPITALS: &[u32] = &[0x19b, 0x264, 0x277, 0x27c, 0xa7d3, 0xa7d5, 0xab4b, 0xab4c];

#[derive(Deserialize)]
struct Python {
    version: String,
    unassigned: Vec<(u32, bool)>,
    questions: BTreeMap<String, Vec<(u32, bool)>>,
    mappings: BTreeMap<String, BTreeMap<u32, String>>,
    sigma: Vec<(u32, u32)>,
    decimal: BTreeMap<u32, i64>,
}

impl Python {
    fn ask() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/unicode.py");
        match Command::new("python3").arg(script).output() {
            Ok(output) => Some(serde_json::from_slice(&output.stdout).expect("the script answers in JSON")),
            Err(error) => {
                println!("NOTICE: skipped, for there is no python3 to compare with: {error}");
                None
            }
        }
    }
}

/// Expands ranges, each of which is given by its first code point, to an answer for each code point.
fn spread<T: Copy>(ranges: &[(u32, T)]) -> Vec<T> {
    let mut ends = ranges.iter().skip(1).map(|range| range.0);
    let spread = |(from, answer): &(u32, T)| {
        let to = ends.next().unwrap_or(0x110000);
        std::iter::repeat_n(*answer, (to - from) as usize)
    };
    ranges.iter().flat_map(spread).collect()
}

/// Neither a letter nor a mark, so that it separates what is before it from what is after it.
const BETWEEN: char = '\u{e000}';

/// Every code point, but only a few of the planes in which none is assigned.
fn points() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|c| !(0x4_0000..0xe_0000).contains(&u32::from(*c)) || u32::from(*c) % 257 == 0)
}

fn text(text: String) -> Str {
    Str::new(text.into(), Arg::Absent, Arg::Absent).expect("a text is one")
}

fn plain(value: Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn answer(question: &str, c: char) -> bool {
    let one = text(c.to_string());
    match question {
        "isalpha" => one.isalpha(),
        "isdecimal" => one.isdecimal(),
        "isdigit" => one.isdigit(),
        "isnumeric" => one.isnumeric(),
        "isalnum" => one.isalnum(),
        "isspace" => one.isspace(),
        "isupper" => one.isupper(),
        "islower" => one.islower(),
        "istitle" => one.istitle(),
        "isprintable" => one.isprintable(),
        "isidentifier" => one.isidentifier(),
        "inside an identifier" => text(format!("a{c}")).isidentifier(),
        other => panic!("{other} is not asked"),
    }
}

fn mapped(mapping: &str, original: &Str) -> String {
    match mapping {
        "upper" => original.upper(),
        "lower" => original.lower(),
        "casefold" => original.casefold(),
        "title" => plain(original.title()),
        "capitalize" => plain(original.capitalize()),
        "swapcase" => plain(original.swapcase()),
        other => panic!("{other} is no mapping"),
    }
}

/// Returns what a mapping makes of each code point alone.
fn one_by_one(mapping: &str) -> Vec<String> {
    if mapping == "capitalize" {
        return points().map(|c| mapped(mapping, &text(c.to_string()))).collect();
    }
    // Many at a time, which is faster.
    let joined: String = points().flat_map(|c| [c, BETWEEN]).collect();
    let mut parts: Vec<String> = mapped(mapping, &text(joined)).split(BETWEEN).map(str::to_owned).collect();
    // The separator is one of the code points itself, and looks like two empty results.
    let at = points().position(|c| c == BETWEEN).expect("it is one of them");
    assert_eq!([&*parts[at], &*parts[at + 1]], ["", ""]);
    parts.splice(at..=at + 1, [BETWEEN.to_string()]);
    parts
}

/// Returns, for each code point as in the script, in which contexts a capital sigma ends a word.
fn sigma(all: &[char]) -> Vec<u32> {
    let mut found = Vec::with_capacity(all.len());
    for some in all.chunks(4096) {
        let surroundings = |c: &char| {
            // For the separator itself, another character of the same kind takes its place.
            let c = if *c == BETWEEN { '\u{e001}' } else { *c };
            format!("aΣ{c}{BETWEEN}aΣ{c}b{BETWEEN}a{c}Σ{BETWEEN}{c}Σ{BETWEEN}")
        };
        let joined = text(some.iter().map(surroundings).collect());
        let mut bits = vec![0; some.len()];
        for (method, name) in ["lower", "title", "capitalize", "swapcase"].into_iter().enumerate() {
            let changed = mapped(name, &joined);
            for (at, part) in changed.split(BETWEEN).take(4 * some.len()).enumerate() {
                bits[at / 4] |= u32::from(part.contains('ς')) << (4 * method + at % 4);
            }
        }
        found.extend(bits);
    }
    found
}

#[test]
fn every_code_point_is_as_in_python() {
    let Some(python) = Python::ask() else { return };
    if python.version != VERSION {
        println!(
            "NOTICE: skipped, for python3 has Unicode {}, and the differences to {VERSION} are known",
            python.version
        );
        return;
    }
    let index = |c: char| c as usize;
    let unassigned = spread(&python.unassigned);
    let mut differing: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut compared = 0_u64;
    let mut compare = |what: &'static str, c: char, same: bool| {
        compared += 1;
        if !same && !unassigned[index(c)] {
            differing.entry(what).or_default().insert(c.into());
        }
    };
    let names = [
        "isalpha",
        "isdecimal",
        "isdigit",
        "isnumeric",
        "isalnum",
        "isspace",
        "isupper",
        "islower",
        "istitle",
        "isprintable",
        "isidentifier",
        "inside an identifier",
    ];
    assert_eq!(python.questions.len(), names.len());
    for name in names {
        let theirs = spread(&python.questions[name]);
        points().for_each(|c| compare(name, c, answer(name, c) == theirs[index(c)]));
    }
    let names = ["upper", "lower", "casefold", "title", "capitalize", "swapcase"];
    assert_eq!(python.mappings.len(), names.len());
    for name in names {
        let theirs = &python.mappings[name];
        let ours = one_by_one(name);
        points().zip(ours).for_each(|(c, ours)| {
            let same = theirs.get(&c.into()).map_or_else(|| c.to_string(), String::clone);
            compare(name, c, ours == same);
        });
    }
    let theirs = spread(&python.sigma);
    // For ideographs, Hangul and private use it makes no difference which character it is.
    let many = [0x3400..0xa000, 0xac00..0xd7a4, 0xe000..0xf900, 0x2_0000..0x4_0000, 0xf_0000..0x11_0000];
    let few = |c: &char| many.iter().all(|many| !many.contains(&u32::from(*c))) || u32::from(*c) % 257 == 0;
    let asked: Vec<char> = points().filter(few).collect();
    asked.iter().zip(sigma(&asked)).for_each(|(c, ours)| compare("sigma", *c, ours == theirs[index(*c)]));
    for c in points() {
        let ours = Int::new(c.to_string().into(), Arg::Absent).ok().map(|n| plain(n.repr().into()));
        compare("decimal", c, ours == python.decimal.get(&c.into()).map(i64::to_string));
    }
    let expected: BTreeMap<&str, BTreeSet<u32>> =
        CHANGED.iter().map(|(what, codes)| (*what, codes.iter().copied().collect())).collect();
    assert_eq!(differing, expected, "of {compared} answers");
    assert_eq!(compared, 19 * points().count() as u64 + asked.len() as u64);
}
