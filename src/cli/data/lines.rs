//! The lines of a dump.
//!
//! ```text
//! {"tarmem_dump": 1, "program": "0.1.0", "id": "…", "batch": 7, "numbers": {"next object": 12, …}}
//! {"object": 3, "id": "…", "class": "builtins.list", "keys": {"alice": 5}, "state": …}
//! {"undos": …, "session": 1, "call": 9}      what is undone at the next start
//! {"row": [table, "key", "value"]}           anything else, as it is stored, in hexadecimal digits
//! {"end": true, "objects": 1, "keys": 1}
//! ```

use super::state::Item;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The format of the lines.
pub(super) const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Head {
    #[serde(rename = "tarmem_dump")]
    pub(super) format: u32,
    /// The version of the program that has written it.
    pub(super) program: String,
    /// The id of the directory.
    pub(super) id: Uuid,
    /// The number of the last batch.
    pub(super) batch: u64,
    /// What the service knows about itself, by name.
    pub(super) numbers: BTreeMap<String, u64>,
}

/// A line for an object.
#[derive(Serialize)]
pub(super) struct ObjectLine<'a> {
    pub(super) object: u64,
    pub(super) id: Uuid,
    pub(super) class: &'a str,
    /// The keys that lead to it, with their generations.
    pub(super) keys: &'a BTreeMap<String, u64>,
    /// Whether it is poisoned, and more like that.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) flags: u8,
    /// The number of the first logged call after this state.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) first_call: u64,
    pub(super) state: &'a Item<'a>,
}

fn is_default<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// A line for what is undone if the result of a call does not reach its caller.
#[derive(Serialize)]
pub(super) struct UndosLine<'a> {
    pub(super) undos: &'a Item<'a>,
    pub(super) session: u32,
    pub(super) call: u64,
}

/// A line for a row that is not shown.
#[derive(Serialize)]
pub(super) struct RowLine {
    pub(super) row: (u8, String, String),
}

/// The last line.
#[derive(Serialize)]
pub(super) struct EndLine {
    pub(super) end: bool,
    pub(super) objects: u64,
    pub(super) keys: u64,
}

/// A line after the first one, as it is read.
pub(super) enum Line {
    Object(ReadObject),
    Undos(ReadUndos),
    Row(ReadRow),
    End(ReadEnd),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadObject {
    pub(super) object: u64,
    #[serde(rename = "id")]
    _id: Uuid,
    pub(super) class: String,
    pub(super) keys: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) flags: u8,
    #[serde(default)]
    pub(super) first_call: u64,
    pub(super) state: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadUndos {
    pub(super) undos: Json,
    pub(super) session: u32,
    pub(super) call: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadRow {
    pub(super) row: (u8, String, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadEnd {
    #[serde(rename = "end")]
    _end: bool,
    pub(super) objects: u64,
    pub(super) keys: u64,
}

impl Line {
    /// Reads a line. The error says what is wrong with it.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let not_one = |error: serde_json::Error| format!("this is no line of a dump: {error}");
        let line: serde_json::Map<String, Json> = serde_json::from_slice(text).map_err(not_one)?;
        // What a line is about is the name of one of its fields.
        let kind = ["object", "undos", "row", "end"].into_iter().find(|kind| line.contains_key(*kind));
        let wrong = |what: &str, error: serde_json::Error| format!("this line of {what} is malformed: {error}");
        let line = Json::Object(line);
        match kind {
            Some("object") => {
                ReadObject::deserialize(line).map(Line::Object).map_err(|error| wrong("an object", error))
            }
            Some("undos") => ReadUndos::deserialize(line).map(Line::Undos).map_err(|error| wrong("undos", error)),
            Some("row") => ReadRow::deserialize(line).map(Line::Row).map_err(|error| wrong("a row", error)),
            Some(_) => ReadEnd::deserialize(line).map(Line::End).map_err(|error| wrong("the end", error)),
            None => Err("this is no line of a dump: it has none of the fields object, undos, row and end".to_owned()),
        }
    }
}
