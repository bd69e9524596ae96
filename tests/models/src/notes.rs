//! Notebooks, which can be encoded and not cloned.

use crate::bank::BankError;
use serde::{Deserialize, Serialize};
use shared_objects::{Value, remote};

/// A notebook, which is not `Clone` but can be encoded.
#[remote(module = "lab")]
#[derive(Debug, Serialize, Deserialize)]
pub struct Notes {
    lines: Vec<Value>,
}

#[remote]
impl Notes {
    /// An empty notebook.
    pub fn new() -> Self {
        Notes { lines: Vec::new() }
    }

    /// Adds a line, which may refer to another object.
    pub fn add(&mut self, line: Value) -> u64 {
        self.lines.push(line);
        self.lines.len() as u64
    }

    /// All lines.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.clone()
    }
}

impl Default for Notes {
    fn default() -> Self {
        Self::new()
    }
}

/// Moves the lines of one notebook to another, and fails at the end if asked to.
#[remote(module = "lab")]
pub fn move_lines(from: &mut Notes, to: &mut Notes, fail: bool) -> Result<u64, BankError> {
    to.lines.append(&mut from.lines);
    if fail { Err(BankError::Overdrawn { missing: 4 }) } else { Ok(to.lines.len() as u64) }
}
