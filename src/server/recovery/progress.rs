//! How far loading is.

use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tarmem_remote::results::LoadingProgress;

/// How far loading is, for those who ask while it goes on.
pub(in crate::server) struct Progress {
    begun: Instant,
    /// How many entries have been read.
    pub(super) read: AtomicU64,
    /// How many objects are to be made of them; 0 until all entries have been read.
    pub(super) objects: AtomicU64,
    /// How many have been made.
    pub(super) made: AtomicU64,
    /// The call that is being made again.
    call: Mutex<Option<CallAgain>>,
}

/// A call of an earlier run that is being made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct CallAgain {
    /// The object, named by its key.
    object: String,
    /// The path of its class, and the name of the method.
    method: (&'static str, &'static str),
    /// The number of the call, counted from 0 since the last state of the object.
    number: u64,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            begun: Instant::now(),
            read: AtomicU64::default(),
            objects: AtomicU64::default(),
            made: AtomicU64::default(),
            call: Mutex::default(),
        }
    }
}

impl Progress {
    /// How far it is now.
    pub(in crate::server) fn now(&self) -> LoadingProgress {
        let [read, made, objects] = [&self.read, &self.made, &self.objects].map(|count| count.load(Ordering::Relaxed));
        LoadingProgress::new(read, (made, objects), self.begun.elapsed())
    }

    /// The call that is being made again; `None` if none is.
    pub(in crate::server) fn call(&self) -> Option<CallAgain> {
        self.call.lock().as_ref().filter(|call| !call.method.1.is_empty()).cloned()
    }

    /// Calls of this object are being made again from here on.
    pub(super) fn begin_calls(&self, object: String) {
        *self.call.lock() = Some(CallAgain { object, method: ("", ""), number: 0 });
    }

    /// This call of the object is being made again.
    pub(super) fn makes_again(&self, method: (&'static str, &'static str), number: u64) {
        if let Some(call) = &mut *self.call.lock() {
            (call.method, call.number) = (method, number);
        }
    }

    /// No call is being made again any more.
    pub(super) fn end_calls(&self) {
        *self.call.lock() = None;
    }
}

impl fmt::Display for CallAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CallAgain { object, method: (class, method), number } = self;
        write!(f, "call {number} of {class}.{method} since the last state of {object} is being made again")
    }
}
