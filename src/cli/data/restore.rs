//! `tarmem data restore`.

use super::lines::{FORMAT, Head, Line, ReadEnd, ReadObject, ReadRow, ReadUndos};
use super::state::{self, Ids, from_hex};
use super::tokens::{Token, put};
use crate::cli::output::{Failure, Output};
use crate::journal::rows::pieces::{self, IN_PIECES, PIECE_BYTES};
use crate::journal::rows::{self, SessionRow};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use tarmem_storage::{Batch, LocalOptions, LocalStorage, RealDisk, Storage};
use uuid::Uuid;

/// How many bytes are committed together, at least.
const BATCH_BYTES: usize = 4 << 20;

/// No token has this name, so what is undone for the sessions is undone at the first start.
const NO_TOKEN: &str = "\0restored";

pub(super) fn run(directory: &Path, input: &mut impl BufRead, output: &mut Output) -> Result<(), Failure> {
    let mut lines = Lines { input, number: 0, line: Vec::new() };
    let head = lines.next()?.ok_or_else(|| Failure::failed("there is no dump on standard input"))?;
    let head: Head = serde_json::from_slice(head)
        .map_err(|error| Failure::failed(format!("line 1: this does not begin as a dump does: {error}")))?;
    if head.format > FORMAT {
        return Err(Failure::failed(format!(
            "the dump has format {}, and this program reads up to {FORMAT}; use a newer one",
            head.format
        )));
    }
    check_numbers(&head)?;
    let disk = RealDisk::exclusive(directory)?;
    let mut options = LocalOptions::default();
    options.sync_each = false;
    // Until everything is there, no service takes it.
    let mut unfinished = Batch::default();
    rows::put_meta(&mut unfinished, rows::UNFINISHED, 1);
    let storage = LocalStorage::create(Arc::new(disk), options, &unfinished)?;
    let summary = Restoring::new(storage, &head).run(&mut lines);
    let summary = summary.map_err(|failure| {
        Failure::failed(format!(
            "{failure}; {} is incomplete, and no service takes it: remove it before you try again",
            directory.display()
        ))
    })?;
    output.line(&Restored { directory: &directory.display().to_string(), ..summary })
}

/// Beyond this there are no numbers of objects, generations or tokens.
const HIGHEST: u64 = u64::MAX >> 2;

fn check_number(what: &str, number: u64) -> Result<(), String> {
    if number <= HIGHEST { Ok(()) } else { Err(format!("{what} is {number}, and none is above {HIGHEST}")) }
}

fn check_numbers(head: &Head) -> Result<(), Failure> {
    for (name, number) in &head.numbers {
        if ![rows::NEXT_OBJECT, rows::NEXT_GENERATION, rows::NEXT_TOKEN, rows::FORGOTTEN].contains(&name.as_bytes()) {
            return Err(Failure::failed(format!("line 1: there is no number {name:?} in a dump")));
        }
        check_number(name, *number).map_err(|why| Failure::failed(format!("line 1: {why}")))?;
    }
    Ok(())
}

/// What was restored.
#[derive(Serialize)]
struct Restored<'a> {
    directory: &'a str,
    id: Uuid,
    objects: u64,
    keys: u64,
}

/// The lines of the input.
struct Lines<'a, R> {
    input: &'a mut R,
    /// The number of the last one.
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Option<&[u8]>, Failure> {
        self.line.clear();
        let read = self.input.read_until(b'\n', &mut self.line);
        read.map_err(|error| Failure::failed(format!("standard input cannot be read: {error}")))?;
        self.number += 1;
        Ok((!self.line.is_empty()).then_some(&*self.line))
    }
}

/// A directory that is being made of a dump.
struct Restoring {
    storage: LocalStorage,
    batch: Batch,
    from: Ids,
    to: Ids,
    numbers: BTreeMap<String, u64>,
    seen: HashSet<String>,
    objects: HashSet<u64>,
    /// The sessions for which something is undone.
    sessions: HashSet<u32>,
}

impl Restoring {
    fn new(storage: LocalStorage, head: &Head) -> Self {
        let (from, to) = (Ids::of(head.id), Ids::of(storage.id()));
        Restoring {
            storage,
            batch: Batch::default(),
            from,
            to,
            numbers: head.numbers.clone(),
            seen: HashSet::new(),
            objects: HashSet::new(),
            sessions: HashSet::new(),
        }
    }

    fn run<R: BufRead>(mut self, lines: &mut Lines<'_, R>) -> Result<Restored<'static>, Failure> {
        loop {
            let number = lines.number + 1;
            let failed = |what: String| Failure::failed(format!("line {number}: {what}"));
            let line = lines.next()?.ok_or_else(|| failed("the dump ends before it is complete".to_owned()))?;
            match Line::read(line).map_err(failed)? {
                Line::End(ReadEnd { objects, keys, .. }) => {
                    let found = (self.objects.len() as u64, self.seen.len() as u64);
                    if found != (objects, keys) {
                        let (objects_found, keys_found) = found;
                        return Err(failed(format!(
                            "there should be {objects} objects and {keys} keys, and there were {objects_found} and \
                             {keys_found}"
                        )));
                    }
                    if lines.next()?.is_some() {
                        return Err(Failure::failed(format!("line {}: the dump was over", lines.number)));
                    }
                    return self.finish();
                }
                line => self.take(line).map_err(failed)?,
            }
            if self.batch.len() >= BATCH_BYTES {
                self.storage.commit(0, &self.batch)?;
                self.batch.clear();
            }
        }
    }

    fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Object(ReadObject { object, class, keys, flags, first_call, state, .. }) => {
                check_number("the number of an object", object)?;
                check_number("the number of a call", first_call)?;
                if flags & IN_PIECES != 0 {
                    return Err(format!("no object has the flags {flags}"));
                }
                let mut bytes = vec![flags];
                put(&mut bytes, Token::Map(1));
                put(&mut bytes, Token::Text(&class));
                state::write(&mut bytes, &state)?;
                self.from.move_to(&self.to, &mut bytes[1..]);
                if first_call > 0 {
                    pieces::put_all(&mut self.batch, object, &bytes, first_call, PIECE_BYTES);
                } else {
                    rows::put_object(&mut self.batch, object, &bytes, false, PIECE_BYTES);
                }
                if !self.objects.insert(object) {
                    return Err(format!("object {object} was there before"));
                }
                self.at_least("next object", object);
                for (key, generation) in keys {
                    check_number("a generation", generation)?;
                    rows::put_key(&mut self.batch, &key, object, generation);
                    self.at_least("next generation", generation);
                    if !self.seen.insert(key.clone()) {
                        return Err(format!("the key {key:?} was there before"));
                    }
                }
            }
            Line::Undos(ReadUndos { undos, session, call }) => {
                if self.sessions.insert(session) {
                    // Nobody goes on with it.
                    let row = SessionRow { id: Uuid::new_v4(), secret: Uuid::new_v4(), credential: NO_TOKEN };
                    rows::put_session(&mut self.batch, session, &row);
                }
                let mut bytes = Vec::new();
                state::write(&mut bytes, &undos)?;
                self.from.move_to(&self.to, &mut bytes);
                rows::put_undos(&mut self.batch, session, call, &bytes);
            }
            Line::Row(ReadRow { row: (table, key, value) }) => {
                let bytes = |hex: &str| from_hex(hex).ok_or_else(|| "a row is not in hexadecimal digits".to_owned());
                let mut value = bytes(&value)?;
                self.from.move_to(&self.to, &mut value);
                self.batch.put(table, &bytes(&key)?, &value);
            }
            Line::End(_) => {}
        }
        Ok(())
    }

    /// This number was given.
    fn at_least(&mut self, name: &str, given: u64) {
        match self.numbers.get_mut(name) {
            Some(next) => *next = (*next).max(given.saturating_add(1)),
            None => {
                self.numbers.insert(name.to_owned(), given.saturating_add(1));
            }
        }
    }

    fn finish(mut self) -> Result<Restored<'static>, Failure> {
        for (name, number) in &self.numbers {
            rows::put_meta(&mut self.batch, name.as_bytes(), *number);
        }
        self.batch.remove(rows::META, rows::UNFINISHED);
        self.storage.commit(0, &self.batch)?;
        self.batch.clear();
        // By a batch behind it, damage of the last one is known as such.
        self.storage.sync()?;
        self.storage.commit(0, &self.batch)?;
        self.storage.sync()?;
        Ok(Restored {
            directory: "",
            id: self.storage.id(),
            objects: self.objects.len() as u64,
            keys: self.seen.len() as u64,
        })
    }
}
