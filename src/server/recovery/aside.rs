//! Moves aside what cannot be read, so that the service can start without it, and finds out what that breaks.
//!
//! What is moved aside is no longer among what is stored. It is in a file of its own, in the folder `unreadable` of the
//! directory: a line of JSON for each row, with what is known of it, and its bytes. A storage that is no directory has
//! such lines as rows of a table of their own.

use super::Progress;
use super::objects::{Ask, Made, RowKey, UnreadableRow, make};
use super::stored::Stored;
use super::unreadable::{NAMED, Unreadable, object_named};
use crate::journal::Journal;
use crate::journal::rows;
use crate::store::Store;
use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tarmem_remote::registry::Registry;

/// The folder in a data directory.
const FOLDER: &str = "unreadable";

/// What is moved aside.
pub(crate) struct Aside {
    rows: Vec<UnreadableRow>,
    /// What stays there, too.
    copies: Vec<UnreadableRow>,
    /// What is broken without it.
    breaks: Vec<String>,
}

/// What a file says of one row.
#[derive(Serialize)]
struct Line<'a> {
    what: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    class: &'a str,
    reason: &'a str,
    table: &'static str,
    key: String,
    /// What was stored, in hexadecimal digits. That of an object is a byte, which is 1 if it is poisoned, and its state
    /// in MessagePack: a map with one entry, from the path of its class.
    row: String,
}

/// What a file says of what is broken.
#[derive(Serialize)]
struct Breaks<'a> {
    breaks: &'a str,
}

impl Stored {
    /// Takes out what cannot be read. `None` if everything can.
    pub(crate) fn set_aside(&mut self, registry: &Registry) -> Option<Aside> {
        let store = Store::to_try(self.next);
        let (mut made, undos) = make(&store, registry, self, &Progress::default(), Ask::References);
        if made.unreadable.is_empty() {
            return None;
        }
        let gone: HashSet<u64> = made.unreadable.iter().filter_map(UnreadableRow::object).collect();
        let breaks = self.broken_by(&made, &gone);
        let by_keys = || self.keys.iter().map(|(_, object, _)| *object);
        let by_undos = undos.iter().flat_map(|(.., undos)| undos).map(|(object, _)| *object);
        let kept = reached(by_keys().chain(by_undos), &made, &gone);
        let handles = self.sessions.values().flat_map(|session| &session.handles).map(|(object, _)| *object);
        let held = reached(handles, &made, &gone);
        let mut rows = std::mem::take(&mut made.unreadable);
        let is_made = |object: &u64| made.cells.contains_key(object) && !gone.contains(object);
        let others = || self.objects.iter().filter(|(object, _)| is_made(object) && !kept.contains(object));
        let (held, lost): (Vec<_>, Vec<_>) = others().partition(|(object, _)| held.contains(object));
        rows.extend(lost.into_iter().map(|(object, value)| {
            UnreadableRow::of_object(*object, value, "nothing refers to it but what cannot be read")
        }));
        // They may be dropped when the sessions end.
        let why = "nothing refers to it but what cannot be read, and sessions, with which it stays for now";
        let mut copies: Vec<_> =
            held.into_iter().map(|(object, value)| UnreadableRow::of_object(*object, value, why)).collect();
        let unmapped: Vec<_> = self.keys.iter().filter(|(_, object, _)| gone.contains(object)).cloned().collect();
        rows.extend(unmapped.into_iter().map(|(key, object, generation)| UnreadableRow {
            about: Unreadable {
                what: format!("the key {key:?}"),
                class: String::new(),
                reason: format!("its object, {object}, cannot be read"),
            },
            row: RowKey::Key(key),
            value: rows::key_value(object, generation).to_vec(),
        }));
        for rows in [&mut rows, &mut copies] {
            self.add_calls(rows);
        }
        let aside = Aside { rows, copies, breaks };
        self.remove(&aside);
        Some(aside)
    }

    /// Adds the calls that go with the states of objects.
    fn add_calls(&self, rows: &mut Vec<UnreadableRow>) {
        for object in rows.iter().filter_map(UnreadableRow::object).collect::<HashSet<_>>() {
            let calls = self.calls.get(&object).into_iter().flatten();
            rows.extend(calls.map(|(number, value)| UnreadableRow {
                row: RowKey::Call(object, *number),
                value: value.clone(),
                about: Unreadable {
                    what: format!("call {number} of object {object}"),
                    class: String::new(),
                    reason: "the object is moved aside".to_owned(),
                },
            }));
        }
    }

    /// The first key of each object.
    fn names(&self) -> HashMap<u64, &str> {
        let mut names = HashMap::new();
        for (key, object, _) in &self.keys {
            names.entry(*object).or_insert(&**key);
        }
        names
    }

    /// What refers to objects that are gone.
    fn broken_by(&self, made: &Made, gone: &HashSet<u64>) -> Vec<String> {
        let names = self.names();
        let name = |object: &u64| object_named(names.get(object).copied().unwrap_or_default(), *object);
        let keys = self.keys.iter().filter(|(_, object, _)| gone.contains(object));
        let mut breaks: Vec<String> = keys.map(|(key, ..)| format!("the key {key:?} is not mapped any more")).collect();
        let references = made.references.iter().filter(|(from, to)| gone.contains(to) && !gone.contains(from));
        let referring: HashSet<&(u64, u64)> = references.collect();
        let mut referring: Vec<&(u64, u64)> = referring.into_iter().collect();
        referring.sort_unstable();
        breaks.extend(referring.into_iter().map(|(from, to)| format!("{} refers to {}", name(from), name(to))));
        for session in self.sessions.values() {
            let handles = session.handles.iter().filter(|(object, _)| gone.contains(object));
            breaks.extend(handles.map(|(object, _)| format!("session {} has a proxy of {}", session.id, name(object))));
        }
        breaks
    }

    fn remove(&mut self, aside: &Aside) {
        let objects: HashSet<u64> = aside.rows.iter().filter_map(UnreadableRow::object).collect();
        self.objects.retain(|(object, _)| !objects.contains(object));
        let keys: HashSet<&str> = aside.rows.iter().filter_map(|unreadable| unreadable.row.key()).collect();
        self.keys.retain(|(key, ..)| !keys.contains(&**key));
        for unreadable in &aside.rows {
            if let RowKey::Call(object, _) = unreadable.row {
                self.calls.remove(&object);
            }
        }
        for unreadable in &aside.rows {
            if let RowKey::Undos(session, sequence) = &unreadable.row
                && let Some(session) = self.sessions.get_mut(session)
            {
                session.undos.retain(|(other, _)| other != sequence);
            }
        }
        for session in self.sessions.values_mut() {
            session.handles.retain(|(object, _)| !objects.contains(object));
        }
    }
}

/// The objects that are reached from these without what is gone.
fn reached(from: impl Iterator<Item = u64>, made: &Made, gone: &HashSet<u64>) -> HashSet<u64> {
    let mut to: HashMap<u64, Vec<u64>> = HashMap::new();
    for (from, object) in made.references.iter().filter(|(from, _)| !gone.contains(from)) {
        to.entry(*from).or_default().push(*object);
    }
    let mut next: Vec<u64> = from.collect();
    let mut reached = HashSet::new();
    while let Some(object) = next.pop() {
        if !gone.contains(&object) && reached.insert(object) {
            next.extend(to.get(&object).into_iter().flatten());
        }
    }
    reached
}

impl UnreadableRow {
    /// An object that has no key.
    fn of_object(object: u64, value: &[u8], reason: &str) -> Self {
        let class = crate::store::state::class(value).unwrap_or_default();
        let about = Unreadable { what: object_named("", object), class, reason: reason.to_owned() };
        UnreadableRow { row: RowKey::Object(object), value: value.to_vec(), about }
    }

    fn object(&self) -> Option<u64> {
        match self.row {
            RowKey::Object(object) => Some(object),
            RowKey::Key(_) | RowKey::Undos(..) | RowKey::Call(..) => None,
        }
    }

    fn line(&self) -> String {
        let Unreadable { what, class, reason } = &self.about;
        let row = self.value.iter().map(|byte| format!("{byte:02x}")).collect();
        let (table, key) = match &self.row {
            RowKey::Key(key) => ("keys", key.clone()),
            RowKey::Object(object) => ("objects", object.to_string()),
            RowKey::Undos(session, sequence) => ("undos", format!("{session} {sequence}")),
            RowKey::Call(object, number) => ("calls", format!("{object} {number}")),
        };
        json(&Line { what, class, reason, table, key, row })
    }
}

impl RowKey {
    fn key(&self) -> Option<&str> {
        match self {
            RowKey::Key(key) => Some(key),
            RowKey::Object(_) | RowKey::Undos(..) | RowKey::Call(..) => None,
        }
    }
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("strings can be encoded")
}

impl Aside {
    /// Puts it where it goes: into a file of this directory; or, if the storage is none, into a table.
    ///
    /// # Errors
    /// If the file cannot be written. Nothing was changed then.
    pub(crate) fn put(&self, journal: &Journal, directory: Option<&Path>) -> io::Result<()> {
        let file = directory.map(|directory| self.write(directory)).transpose()?;
        // What is removed is in the file, or is put into the table in the same batch.
        let entered = journal.enter();
        for (n, unreadable) in self.rows.iter().enumerate() {
            journal.note(|batch| {
                match &unreadable.row {
                    RowKey::Key(key) => rows::remove_key(batch, key),
                    RowKey::Object(object) => rows::remove_object(batch, *object, true),
                    RowKey::Undos(session, sequence) => rows::remove_undos(batch, *session, *sequence),
                    RowKey::Call(object, _) => rows::calls::remove_all(batch, *object),
                }
                if file.is_none() {
                    rows::put_unreadable(batch, journal.open(), n, unreadable.line().as_bytes());
                }
            });
        }
        if file.is_none() {
            for (n, copy) in self.copies.iter().enumerate() {
                let line = copy.line();
                journal.note(|batch| {
                    rows::put_unreadable(batch, journal.open(), self.rows.len() + n, line.as_bytes());
                });
            }
        }
        drop(entered);
        self.tell(file.as_deref());
        Ok(())
    }

    fn write(&self, directory: &Path) -> io::Result<PathBuf> {
        let folder = directory.join(FOLDER);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let now = humantime::format_rfc3339_micros(SystemTime::now()).to_string().replace(':', ".");
        let path = folder.join(format!("{now}.jsonl"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut out = io::BufWriter::new(&file);
        for unreadable in self.rows.iter().chain(&self.copies) {
            writeln!(out, "{}", unreadable.line())?;
        }
        for breaks in &self.breaks {
            writeln!(out, "{}", json(&Breaks { breaks }))?;
        }
        out.flush()?;
        drop(out);
        file.sync_all()?;
        File::open(&folder)?.sync_all()?;
        File::open(directory)?.sync_all()?;
        Ok(path)
    }

    /// Says what was moved aside, and what that breaks.
    fn tell(&self, file: Option<&Path>) {
        let place = file.map_or_else(|| "a table of the storage".to_owned(), |file| file.display().to_string());
        tracing::warn!("{} rows cannot be read, and were moved aside, to {place}", self.rows.len());
        tell_first(self.rows.iter().map(|unreadable| format!("moved aside: {}", unreadable.about)));
        tell_first(self.breaks.iter().map(|breaks| format!("without what was moved aside: {breaks}")));
    }
}

/// Says the first of them, and how many more there are.
fn tell_first(mut lines: impl Iterator<Item = String>) {
    for line in lines.by_ref().take(NAMED) {
        tracing::warn!("{line}");
    }
    let more = lines.count();
    if more > 0 {
        tracing::warn!("and {more} more of these");
    }
}
