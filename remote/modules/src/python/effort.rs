//! Counts the steps of a call while it runs, so that the service can decide whether it goes on.

use crate::error::Exception;
use std::cell::Cell;
use tarmem_remote::value::{Value, go_on};

/// How many bytes are looked at in the time of one element.
const BYTES: usize = 64;

/// How many elements are looked at in the time in which a key is found.
const KEY: usize = 4;

/// How many steps are counted before they are reported.
const TOLD: usize = 1 << 10;

/// Counts steps. Comparing or showing an element is a step, and so is looking at [`BYTES`] bytes of a text. Every visit
/// counts, even if it leads to the same object again.
///
/// A method that looks at live objects, or compares elements, takes its steps before it changes anything. So it can be
/// stopped at any step, as if an object that it looks into were in use.
///
/// Steps that are not reported yet are counted per thread, so many small efforts count as much as a large one.
#[derive(Default)]
pub(crate) struct Effort(());

thread_local! {
    static UNTOLD: Cell<usize> = const { Cell::new(0) };
}

impl Effort {
    /// Counts this many steps.
    ///
    /// # Errors
    /// [`Exception::busy`], which nobody sees, if the call must not go on here. The service tells its caller why, or
    /// runs it again elsewhere.
    #[inline]
    pub(crate) fn take(&mut self, steps: usize) -> Result<(), Exception> {
        let untold = UNTOLD.get().saturating_add(steps);
        UNTOLD.set(untold);
        if untold < TOLD { Ok(()) } else { self.tell() }
    }

    /// Counts the steps of looking at this many bytes.
    #[inline]
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> Result<(), Exception> {
        self.take(bytes / BYTES)
    }

    /// Counts the steps of finding a value as a key of a table, or of inserting it.
    pub(crate) fn take_key(&mut self, key: &Value) -> Result<(), Exception> {
        self.take(steps_of_key(key))
    }

    #[cold]
    fn tell(&mut self) -> Result<(), Exception> {
        if go_on(UNTOLD.take()) { Ok(()) } else { Err(Exception::busy()) }
    }
}

fn steps_of_key(key: &Value) -> usize {
    let inside = match key {
        Value::Text(text) => text.len() / BYTES,
        Value::Bytes(bytes) => bytes.len() / BYTES,
        Value::Int(n) => n.weight() / BYTES,
        // This recurses no deeper than values are nested.
        Value::Tuple(items) | Value::Set(items) => items.iter().map(steps_of_key).fold(0, usize::saturating_add),
        _ => 0,
    };
    inside.saturating_add(KEY)
}
