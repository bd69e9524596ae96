//! `tarmem data dump`.

use super::lines::{EndLine, FORMAT, Head, ObjectLine, RowLine, UndosLine};
use super::state::{self, Ids, Item, to_hex};
use super::tokens::{self, Token};
use crate::cli::output::{Failure, Output};
use crate::journal::rows;
use crate::journal::rows::pieces::{self, Gathered, Gathering};
use std::collections::{BTreeMap, HashMap};
use tarmem_storage::{LocalReader, StorageError, Table};
use uuid::Uuid;

pub(super) fn run(reader: &LocalReader, output: &mut Output) -> Result<(), Failure> {
    let mut dump = DumpLines::new(reader.id(), reader.last(), output);
    let mut failure = None;
    let read = reader.each(&mut |table, key, value| {
        dump.row(table, key, value).map_err(|failed| {
            failure = Some(failed);
            StorageError::Refused("the output cannot be written".to_owned())
        })
    });
    match failure {
        Some(failure) => return Err(failure),
        None => read?,
    }
    dump.end().map(|_| ())
}

/// Rows on their way to the lines of a dump. They come in the order of tables and keys.
pub(in crate::cli) struct DumpLines<'a> {
    output: &'a mut Output,
    ids: Ids,
    /// The first line, until it is written.
    head: Option<Head>,
    /// The keys that lead to each object that has not come yet.
    keys: HashMap<u64, BTreeMap<String, u64>>,
    /// States that are in pieces.
    gathering: Gathering,
    end: EndLine,
}

impl<'a> DumpLines<'a> {
    pub(in crate::cli) fn new(id: Uuid, batch: u64, output: &'a mut Output) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        DumpLines {
            output,
            ids: Ids::of(id),
            head: Some(Head { format: FORMAT, program, id, batch, numbers: BTreeMap::new() }),
            keys: HashMap::new(),
            gathering: Gathering::default(),
            end: EndLine { end: true, objects: 0, keys: 0 },
        }
    }

    /// Writes what is to be written of a row.
    pub(in crate::cli) fn row(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        match table {
            rows::META => match (&mut self.head, std::str::from_utf8(key), rows::meta(value)) {
                // No sessions are remembered.
                _ if key == rows::FORGOTTEN => Ok(()),
                (Some(head), Ok(name), Ok(number)) => {
                    head.numbers.insert(name.to_owned(), number);
                    Ok(())
                }
                _ => self.as_it_is(table, key, value),
            },
            rows::KEYS => match (std::str::from_utf8(key), rows::key(value)) {
                (Ok(key), Ok((object, generation))) => {
                    self.keys.entry(object).or_default().insert(key.to_owned(), generation);
                    Ok(())
                }
                _ => self.as_it_is(table, key, value),
            },
            rows::OBJECTS => match (rows::object(key), pieces::Head::read(value)) {
                (Ok(object), Ok(Some(head))) => {
                    self.gathering.head(object, head);
                    Ok(())
                }
                (Ok(object), Ok(None)) => self.object(object, 0, value),
                _ => self.as_it_is(table, key, value),
            },
            pieces::PIECES => {
                let piece = pieces::of_key(key).map_err(|error| Failure::failed(error.to_string()))?;
                match self.gathering.piece(piece, value).map_err(|error| Failure::failed(error.to_string()))? {
                    Gathered::LeftOver | Gathered::Part => Ok(()),
                    Gathered::State(head, state) => self.object(piece.0, head.first_call, &state),
                }
            }
            rows::UNDOS => match (rows::session_and_other(key), state::read(value, &self.ids)) {
                (Ok((session, call)), Some(undos)) => self.line(&UndosLine { undos: &undos, session, call }),
                _ => self.as_it_is(table, key, value),
            },
            // Another directory has another history, and nothing else of sessions.
            rows::RUNS | rows::SESSIONS | rows::EXPIRED | rows::OUTCOMES | rows::HANDLES => Ok(()),
            _ => self.as_it_is(table, key, value),
        }
    }

    /// Writes an object. `first_call`: the number of the first call after this state.
    fn object(&mut self, object: u64, first_call: u64, value: &[u8]) -> Result<(), Failure> {
        let ids = self.ids;
        let Some((flags, class, state)) = state_of(value, &ids) else {
            return self.as_it_is(rows::OBJECTS, &object.to_be_bytes(), value);
        };
        let keys = self.keys.remove(&object).unwrap_or_default();
        self.end.objects += 1;
        self.end.keys += keys.len() as u64;
        let id = ids.id(object);
        self.line(&ObjectLine { object, id, class, keys: &keys, flags, first_call, state: &state })
    }

    fn as_it_is(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        self.line(&RowLine { row: (table, to_hex(key), to_hex(value)) })
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<(), Failure> {
        if let Some(head) = self.head.take() {
            self.output.line(&head)?;
        }
        self.output.line(line)
    }

    /// Writes what is left, and the last line. Returns how many objects and keys there are.
    pub(in crate::cli) fn end(mut self) -> Result<(u64, u64), Failure> {
        self.gathering.end().map_err(|error| Failure::failed(error.to_string()))?;
        // Keys whose objects are not shown.
        for (object, keys) in std::mem::take(&mut self.keys) {
            for (key, generation) in keys {
                self.as_it_is(rows::KEYS, key.as_bytes(), &rows::key_value(object, generation))?;
            }
        }
        let end = EndLine { ..self.end };
        self.line(&end)?;
        Ok((end.objects, end.keys))
    }
}

/// The flags, the class and the state of an encoded object.
fn state_of<'a>(value: &'a [u8], ids: &Ids) -> Option<(u8, &'a str, Item<'a>)> {
    let (flags, mut rest) = value.split_first()?;
    match (tokens::take(&mut rest)?, tokens::take(&mut rest)?) {
        (Token::Map(1), Token::Text(class)) => Some((*flags, class, state::read(rest, ids)?)),
        _ => None,
    }
}
