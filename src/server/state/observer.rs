//! What a listener hears of each operation: that it begins, how long it took, and how it ended.

use crate::store::ChangedBy;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tarmem_remote::operation::{Operation, Reply};

/// Receives every operation. Called on the operation's thread, so its methods must be quick and must not panic.
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
    /// How long it took, not counting the wait for its turn in its session.
    pub(crate) after: Duration,
    pub(crate) outcome: Ending,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    /// With its result.
    Done,
    /// With an error that the method or function returned.
    Raised,
    /// With another error.
    Failed,
    /// It was dropped before its end: nobody waited for it any more, or its time was up.
    GivenUp,
}

impl Ending {
    pub(crate) fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Done(_) | Reply::Provisional(_) => Ending::Done,
            Reply::Raised(_) => Ending::Raised,
            Reply::Failed(_) => Ending::Failed,
        }
    }
}

/// An operation that is being observed. If it is dropped before [`end`](Self::end), it was given up.
pub(crate) struct Observed {
    observer: Arc<dyn Observer>,
    name: &'static str,
    by: ChangedBy,
    began: Instant,
    outcome: Ending,
}

impl Observed {
    pub(crate) fn begin(observer: &Arc<dyn Observer>, operation: &Operation<'_>, by: ChangedBy) -> Self {
        observer.began(operation, by);
        let (name, began) = (operation.name(), Instant::now());
        Observed { observer: Arc::clone(observer), name, by, began, outcome: Ending::GivenUp }
    }

    pub(crate) fn end(mut self, outcome: Ending) {
        self.outcome = outcome;
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let Observed { name, by, outcome, .. } = *self;
        self.observer.ended(Ended { name, by, after: self.began.elapsed(), outcome });
    }
}
