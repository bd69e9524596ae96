//! Large calls, which take longer the more they look at: they leave the thread of their connection.
//!
//! A method or function is marked [`scales`](tarmem_remote::describe::Method::scales), and its object says how large it
//! is. Both are checked once the object is locked. A small call runs at once, at the cost of a comparison. A large call
//! goes to another thread with its lock: so it keeps its place among those that use the object, and the calls behind it
//! on its connection go on.
//!
//! # Turns
//!
//! Only few large calls run at one time, in turn: each may take a core for a while, and 64 MiB for its arguments. *A
//! call that has a turn waits for nobody.* So a call that waits for a turn may hold anything, and such calls do not
//! wait for one another in a cycle:
//!
//! - The turn is taken after the object is locked. The other way round, a call with a turn would wait for the object,
//!   perhaps held by a call that waits for a turn; and if the object were released meanwhile, the calls behind it would
//!   overtake this one, although one task's calls run in order. So others wait for the object, too, but not for ever:
//!   after [`PATIENCE`] the call fails.
//! - Code that runs in a turn cannot wait for its own service: [`in_turn`] marks its thread, and a call from there that
//!   does not finish at once is refused ([`may_wait`]).
//!
//! # Charges
//!
//! Generators, `async` and `blocking` methods and functions may wait, also for the service, so they have no turn while
//! they run. They have a turn while their arguments are decoded, if these are large. The memory of the arguments is
//! charged to the session and the service until the call ends ([`Load`]): at first the most that they may take, and
//! then what they do take. A call that waits for room holds no object. But a call that has room may run code that waits
//! for this one, which nobody can know: so this wait ends after [`PATIENCE`], too, and the session's next call does not
//! wait at all if nothing has changed since.
//!
//! Altogether, the decoded arguments of large calls take no more than
//! [`OF_SERVICE`](crate::server::state::large_call_quota::OF_SERVICE) times 64 MiB, for those that have turns, and
//! `running_bytes`.

use crate::server::session::ServerSession;
use crate::server::state::large_call_quota::{OF_SESSION_BYTES, units};
use crate::server::state::panics;
use crate::store::Cell;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::dispatch::OnDecoded;
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::value::{DECODED_LIMIT, Value, take_decoded_weight};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// The most elements that are looked at on a connection's thread: about a millisecond.
const MOST: usize = 16 << 10;

/// The most bytes of arguments that are looked at on a connection's thread: an element takes at least one, and usually
/// four.
const MOST_ARGS: usize = 4 * MOST;

/// How long others may have to wait because a call waits for a turn or for room. Then the call fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most memory that one byte may take when it is decoded.
const MOST_OF_BYTE: usize = size_of::<Value>();

/// A turn of the session and one of the service.
type Turn = [Option<OwnedSemaphorePermit>; 2];

/// Waits for the turn of a large call of `session`, after those before it. `holding`: the call holds an object, which
/// others may wait for.
///
/// # Errors
/// If the call holds an object and this takes longer than others may be kept waiting.
pub(super) async fn turn(session: &ServerSession, holding: bool) -> Result<Turn, Error> {
    let turn = async {
        let first = session.large.turn().await;
        let second = session.state().large.turn().await;
        [first, second]
    };
    if !holding {
        return Ok(turn.await);
    }
    tokio::time::timeout(PATIENCE, turn).await.map_err(|_| {
        let what = "seconds that a call holds its object while it waits for other large calls";
        let seconds = PATIENCE.as_secs();
        Error::limit(what, seconds + 1, seconds, "make fewer large calls at one time, or smaller ones")
    })
}

/// The quota of a call with large arguments that may wait while it runs: room for the arguments until it ends, and a
/// turn until they are decoded.
pub(super) struct Load {
    session: Arc<ServerSession>,
    state: Mutex<(Option<Turn>, [OwnedSemaphorePermit; 2])>,
}

impl Load {
    /// The quota for a call of `session` with arguments of this many bytes; `None` if these are not large. To be called
    /// before any object is locked.
    ///
    /// # Errors
    /// If there is no room for a while.
    pub(super) async fn of(session: &Arc<ServerSession>, bytes: usize) -> Result<Option<Arc<Self>>, Error> {
        if bytes <= MOST_ARGS {
            return Ok(None);
        }
        let units = units(bytes.saturating_mul(MOST_OF_BYTE).min(DECODED_LIMIT));
        let end = Instant::now() + PATIENCE;
        let none = |what, limit: usize| {
            let remedy = "await some of these calls first, or pass smaller arguments";
            Error::limit(what, limit as u64 + 1, limit as u64, remedy)
        };
        let [in_vain_here, in_vain_of_all] = &session.large.in_vain;
        let Some(first) = session.large.room(units, end, in_vain_here).await else {
            return Err(none("bytes of large arguments of calls that run in this session", OF_SESSION_BYTES));
        };
        let Some(second) = session.state().large.room(units, end, in_vain_of_all).await else {
            let what = "bytes of large arguments of calls that run in all sessions (running_bytes)";
            return Err(none(what, session.state().limits.running_bytes));
        };
        let room = [first, second];
        Ok(Some(Arc::new(Load { session: Arc::clone(session), state: Mutex::new((None, room)) })))
    }

    /// Takes a turn to decode the arguments, as [`turn`] does.
    ///
    /// # Errors
    /// Those of [`turn`].
    pub(super) async fn turn(&self, holding: bool) -> Result<(), Error> {
        let turn = turn(&self.session, holding).await?;
        self.state.lock().0 = Some(turn);
        Ok(())
    }

    /// Runs `code`, which decodes the arguments first and then calls [`decoded`](Self::decoded).
    pub(super) fn decoding<T>(load: Option<&Self>, code: impl FnOnce() -> T) -> T {
        match load {
            None => code(),
            Some(_) => {
                // What was decoded on this thread before does not count.
                take_decoded_weight();
                in_turn(true, code)
            }
        }
    }
}

impl OnDecoded for Load {
    /// The arguments are decoded: from now on the memory that they take is charged, and the turn is over.
    fn decoded(&self) {
        let bytes = take_decoded_weight();
        IN_TURN.set(false);
        let mut state = self.state.lock();
        let turn = state.0.take();
        for room in &mut state.1 {
            let spare = room.num_permits().saturating_sub(units(bytes) as usize);
            drop(room.split(spare));
        }
        drop(state);
        drop(turn);
    }
}

thread_local! {
    /// Whether the code on this thread has a turn.
    static IN_TURN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `code`. If it `has` a turn, it cannot wait for its own service.
pub(super) fn in_turn<T>(has: bool, code: impl FnOnce() -> T) -> T {
    /// Restores the previous value, also after a panic.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_TURN.set(self.0);
        }
    }
    let _restore = Restore(IN_TURN.replace(has));
    code()
}

/// Checks that a call made on this thread may wait for others.
///
/// # Errors
/// If the code that makes it has a turn, which others wait for.
pub(super) fn may_wait() -> Result<(), Error> {
    if !IN_TURN.get() {
        return Ok(());
    }
    let what = "calls that have to wait, made by a large method or function";
    let remedy = "make the call in an `async` or `blocking` method, or after this one";
    Err(Error::limit(what, 1, 0, remedy))
}

/// Whether arguments have too many bytes to be looked at on a connection's thread.
pub(super) fn has_large(args: &[u8]) -> bool {
    args.len() > MOST_ARGS
}

/// Whether a locked object says that it is too large for that.
pub(super) fn is_large(cell: &Cell, object: &dyn Object) -> bool {
    extent(cell, object) > MOST
}

/// Whether objects of this total extent are too large for that.
pub(super) fn is_much(extent: usize) -> bool {
    extent > MOST
}

/// How large an object is; 0 if it does not say.
pub(super) fn extent(cell: &Cell, object: &dyn Object) -> usize {
    match (cell.class().entry().extent)() {
        // This is user code, and its answer is only advice.
        Some(extent) => panics::catch(|| extent(object)).unwrap_or(0),
        None => 0,
    }
}
