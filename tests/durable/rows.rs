//! Rows as an earlier program may have written them.

use serde::Serialize;
use serde_json::Value as Json;
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage};

pub(crate) const META: u8 = 0;
pub(crate) const KEYS: u8 = 1;
pub(crate) const OBJECTS: u8 = 2;
pub(crate) const SESSIONS: u8 = 3;
pub(crate) const HANDLES: u8 = 5;
pub(crate) const RUNS: u8 = 9;
pub(crate) const CALLS: u8 = 10;
pub(crate) const PIECES: u8 = 11;
pub(crate) const UNREADABLE: u8 = 100;
pub(crate) const OUTCOMES: u8 = 128;
pub(crate) const UNDOS: u8 = 129;

/// Puts rows on a disk.
pub(crate) struct Rows {
    disk: MemoryDisk,
    batch: Batch,
}

impl Rows {
    pub(crate) fn on(disk: &MemoryDisk) -> Self {
        let mut batch = Batch::default();
        batch.put(0, b"next object", &1_000_u64.to_le_bytes());
        batch.put(0, b"next generation", &1_000_u64.to_le_bytes());
        Rows { disk: disk.clone(), batch }
    }

    /// An object, whose state has its fields by name.
    pub(crate) fn object(self, number: u64, class: &str, state: &Json) -> Self {
        let mut bytes = vec![0];
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        serde_json::json!({ class: state }).serialize(&mut serializer).expect("it is encoded");
        self.bytes(number, &bytes)
    }

    /// An object, as it is on disk.
    pub(crate) fn bytes(mut self, number: u64, bytes: &[u8]) -> Self {
        self.batch.put(OBJECTS, &number.to_be_bytes(), bytes);
        self
    }

    pub(crate) fn key(mut self, key: &str, object: u64) -> Self {
        let value = [object.to_le_bytes(), (object + 100).to_le_bytes()].concat();
        self.batch.put(KEYS, key.as_bytes(), &value);
        self
    }

    pub(crate) fn write(self) {
        MemoryStorage::open(&self.disk).commit(0, &self.batch).expect("it is written");
    }
}

/// Writes one path of a class in place of another one, everywhere. They are equally long.
pub(crate) fn rename(disk: &MemoryDisk, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let (mut batch, mut renamed) = (Batch::default(), 0);
    for (table, key, mut value) in all(disk) {
        while let Some(at) = value.windows(from.len()).position(|part| part == from.as_bytes()) {
            value[at..at + from.len()].copy_from_slice(to.as_bytes());
            renamed += 1;
        }
        batch.put(table, &key, &value);
    }
    assert!(renamed > 0, "{from} is nowhere");
    MemoryStorage::open(disk).commit(0, &batch).expect("it is written");
}

/// Everything on a disk: the table, the key and the value of each row.
pub(crate) fn all(disk: &MemoryDisk) -> Vec<(u8, Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut add = |table, key: &[u8], value: &[u8]| {
        rows.push((table, key.to_vec(), value.to_vec()));
        Ok(())
    };
    MemoryStorage::open(disk).load(&mut add).expect("it is read");
    rows
}
