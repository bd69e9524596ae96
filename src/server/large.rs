//! Calls that take the longer the more they look at: away from their connection's thread if that is much.
//!
//! A method or function says that it [`scales`](tarmem_remote::describe::Method::scales), and its object how large it is. Both are
//! asked once the object is held. A small one runs at once, and has paid for a comparison. A large one goes, with what it holds,
//! to a thread of its own: so it comes neither before nor after others that use the object, and the calls behind it on its
//! connection go on.
//!
//! Few of them run at one time, in turn: each may take a core for some while. Whoever waits for its turn holds its object, and
//! nobody who has a turn waits for an object; so they do not wait for one another in a circle.

use super::panics;
use super::session::ServerSession;
use crate::store::Cell;
use std::sync::Arc;
use tarmem_remote::object::Object;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most that is looked at on a connection's thread, in elements: about a millisecond.
const MOST: usize = 16 << 10;

/// The arguments that are looked at on a connection's thread, in bytes: an element takes one at least, and four as a rule.
const MOST_ARGS: usize = 4 * MOST;

/// How many large calls run at one time, of one session and of all.
const OF_SESSION: usize = 2;
const OF_SERVICE: usize = 4;

/// The turns of large calls.
pub(crate) struct Large(Arc<Semaphore>);

/// A turn.
pub(super) type Turn = [Option<OwnedSemaphorePermit>; 2];

impl Large {
    pub(super) fn of_session() -> Self {
        Large(Arc::new(Semaphore::new(OF_SESSION)))
    }

    pub(super) fn of_service() -> Self {
        Large(Arc::new(Semaphore::new(OF_SERVICE)))
    }

    /// The turn of a call of `session`, behind those before it.
    pub(super) async fn turn(session: &ServerSession) -> Turn {
        // None is ever closed.
        let first = Arc::clone(&session.large.0).acquire_owned().await.ok();
        let second = Arc::clone(&session.engine().large.0).acquire_owned().await.ok();
        [first, second]
    }
}

/// Whether arguments are too many bytes to be looked at on a connection's thread.
pub(super) fn has_large(args: &[u8]) -> bool {
    args.len() > MOST_ARGS
}

/// Whether an object, which is held, is too large for that. It says so itself.
pub(super) fn is_large(cell: &Cell, object: &dyn Object) -> bool {
    extent(cell, object) > MOST
}

/// Whether objects of this extent, all in all, are.
pub(super) fn is_much(extent: usize) -> bool {
    extent > MOST
}

/// How large an object is; 0 if it does not say.
pub(super) fn extent(cell: &Cell, object: &dyn Object) -> usize {
    match (cell.class().entry().extent)() {
        // A user's code; what it has to say is no more than advice.
        Some(extent) => panics::catch(String::new(), || extent(object)).unwrap_or(0),
        None => 0,
    }
}
