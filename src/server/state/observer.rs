//! What a listener is told of each operation: that it begins, how long it took, and what came of it.

use crate::store::ChangedBy;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarmem_remote::operation::{Operation, Reply};

/// Is called for each operation, on the operation's thread: it must be quick, and must not panic.
pub(crate) trait Observer: Send + Sync {
    /// An operation begins. It may still be refused.
    fn began(&self, operation: &Operation<'_>, by: ChangedBy);

    /// An operation has ended. Called once for each that began.
    fn ended(&self, ended: Ended);
}

/// An operation that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    /// The [name](Operation::name) of the operation.
    pub(crate) name: &'static str,
    pub(crate) by: ChangedBy,
    /// How long it took. The time that it waited for its turn in its session is not included.
    pub(crate) after: Duration,
    pub(crate) outcome: Outcome,
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Its result.
    Done,
    /// An error of the method's or function's own.
    Raised,
    /// Another error.
    Failed,
    /// It was given up, or its time was up, before it came to an end.
    GivenUp,
}

impl Outcome {
    pub(crate) fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Done(_) | Reply::Provisional(_) => Outcome::Done,
            Reply::Raised(_) => Outcome::Raised,
            Reply::Failed(_) => Outcome::Failed,
        }
    }
}

/// An operation that is observed. Dropped before its [end](Self::end), it was given up.
pub(crate) struct Observed {
    observer: Arc<dyn Observer>,
    name: &'static str,
    by: ChangedBy,
    began: Instant,
    outcome: Outcome,
}

impl Observed {
    pub(crate) fn begin(observer: &Arc<dyn Observer>, operation: &Operation<'_>, by: ChangedBy) -> Self {
        observer.began(operation, by);
        let (name, began) = (operation.name(), Instant::now());
        Observed { observer: Arc::clone(observer), name, by, began, outcome: Outcome::GivenUp }
    }

    pub(crate) fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let Observed { name, by, outcome, .. } = *self;
        self.observer.ended(Ended { name, by, after: self.began.elapsed(), outcome });
    }
}
