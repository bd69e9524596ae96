//! What a call has to do, counted while it is done: the service that runs it decides whether it goes on.

use crate::error::Exception;
use std::cell::Cell;
use tarmem_remote::value::{Value, go_on};

/// So many bytes are looked at in the time that an element takes.
const BYTES: usize = 64;

/// A key is found in the time that so many elements take.
const KEY: usize = 4;

/// How many steps are taken before they are told of.
const TOLD: usize = 1 << 10;

/// Counts steps: an element that is compared or written is one, and so are [`BYTES`] bytes of a text. Each visit
/// counts, however often it leads to the same object.
///
/// What looks at live objects, or compares elements, takes its steps before it changes anything: then it can come to an
/// end at any of them, as if an object that it looks into were in use.
///
/// What is not told yet is the thread's: so many small efforts are as much as a large one.
#[derive(Default)]
pub(crate) struct Effort(());

thread_local! {
    static UNTOLD: Cell<usize> = const { Cell::new(0) };
}

impl Effort {
    /// So many steps are to be taken.
    ///
    /// # Errors
    /// [`Exception::busy`], which nobody sees, if it is not to go on here. The service tells its caller why, or runs it
    /// again elsewhere.
    #[inline]
    pub(crate) fn take(&mut self, steps: usize) -> Result<(), Exception> {
        let untold = UNTOLD.get().saturating_add(steps);
        UNTOLD.set(untold);
        if untold < TOLD { Ok(()) } else { self.tell() }
    }

    /// Those of looking at so many bytes.
    #[inline]
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> Result<(), Exception> {
        self.take(bytes / BYTES)
    }

    /// Those of finding a value, as a key, in a table or putting it there.
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
        // No deeper than values are.
        Value::Tuple(items) | Value::Set(items) => items.iter().map(steps_of_key).fold(0, usize::saturating_add),
        _ => 0,
    };
    inside.saturating_add(KEY)
}
