//! Calls that take the longer the more they look at: away from their connection's thread if that is much.
//!
//! A method or function says that it [`scales`](tarmem_remote::describe::Method::scales), and its object how large it
//! is. Both are asked once the object is held. A small one runs at once, and has paid for a comparison. A large one
//! goes, with what it holds, to a thread of its own: so it comes neither before nor after others that use the object,
//! and the calls behind it on its connection go on.
//!
//! # Turns
//!
//! Few of them run at one time, in turn: each may take a core for some while, and 64 MiB for its arguments. *Who has a
//! turn waits for nobody.* So whoever waits for one may hold what it likes, and they do not wait for one another in a
//! circle:
//!
//! - The turn is taken after the object. The other way round it would be waited for with a turn in hand, perhaps
//!   because of one who has the object and waits for a turn; and if the object were let go meanwhile, the calls behind
//!   it would overtake this one. What one task calls is made in its order. So others wait for the object with it, and
//!   not for ever: after [`PATIENCE`] it fails.
//! - What runs in a turn cannot wait for its own service: [`in_turn`] marks its thread, and a call from there that does
//!   not come to its end at once is refused ([`may_wait`]).
//!
//! # Charges
//!
//! A generator, what is `async` and what is `blocking` may wait, for the service too, so they have no turn while they
//! run. They have one while their arguments are decoded, if these are large; and what these take is charged to their
//! session and the service until the call ends ([`Load`]): at first the most that they may take, and what they do take
//! once that is known. Whoever waits for room holds no object. Others that have some may wait for it in turn, by what
//! their code calls, which nobody can know: so this wait is over after [`PATIENCE`], too; and at once, for the next one
//! of the session, if nothing has changed since.
//!
//! All in all, decoded arguments of large calls take no more than
//! [`OF_SERVICE`](crate::server::state::large_call_quota::OF_SERVICE) times 64 MiB, those that have turns, and
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

/// The most that is looked at on a connection's thread, in elements: about a millisecond.
const MOST: usize = 16 << 10;

/// The arguments that are looked at on a connection's thread, in bytes: an element takes one at least, and four as a
/// rule.
const MOST_ARGS: usize = 4 * MOST;

/// How long others may have to wait because a call waits for its turn, or for room: then it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A byte may be as much as this, decoded.
const MOST_OF_BYTE: usize = size_of::<Value>();

/// A turn.
type Turn = [Option<OwnedSemaphorePermit>; 2];

/// The turn of a large call of `session`, behind those before it; `holding` an object, which others may wait for.
///
/// # Errors
/// If it takes longer than these may be kept waiting.
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
        let what = "seconds that a call holds its object while it waits until other large calls are done";
        let seconds = PATIENCE.as_secs();
        Error::limit(what, seconds + 1, seconds, "make fewer large calls at one time, or smaller ones")
    })
}

/// What a call has with large arguments that may wait while it runs: room for these until it ends, and a turn until
/// they are decoded.
pub(super) struct Load {
    session: Arc<ServerSession>,
    state: Mutex<(Option<Turn>, [OwnedSemaphorePermit; 2])>,
}

impl Load {
    /// For a call of `session` with arguments of so many bytes; `None` if these are not large. To be asked for before
    /// any object is held.
    ///
    /// # Errors
    /// If there is no room for them for a while.
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

    /// Takes a turn, for its arguments to be decoded; as [`turn`].
    ///
    /// # Errors
    /// As there.
    pub(super) async fn turn(&self, holding: bool) -> Result<(), Error> {
        let turn = turn(&self.session, holding).await?;
        self.state.lock().0 = Some(turn);
        Ok(())
    }

    /// Runs `code`, which decodes the arguments first and says when it [has](Self::decoded).
    pub(super) fn decoding<T>(load: Option<&Self>, code: impl FnOnce() -> T) -> T {
        match load {
            None => code(),
            Some(_) => {
                // What has been decoded here before is none of this.
                take_decoded_weight();
                in_turn(true, code)
            }
        }
    }
}

impl OnDecoded for Load {
    /// The arguments are decoded: what they take now is what is charged, and the turn is over.
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
    /// Whether what runs on this thread has a turn.
    static IN_TURN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs `code`, which has a turn if it `has`: it cannot wait for its own service then.
pub(super) fn in_turn<T>(has: bool, code: impl FnOnce() -> T) -> T {
    /// Puts back what was, also after a panic.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_TURN.set(self.0);
        }
    }
    let _restore = Restore(IN_TURN.replace(has));
    code()
}

/// Whether a call that is made on this thread may wait for others.
///
/// # Errors
/// If what makes it has a turn, which others wait for.
pub(super) fn may_wait() -> Result<(), Error> {
    if !IN_TURN.get() {
        return Ok(());
    }
    let what = "calls that have to be waited for by a method or function which runs as a large one";
    let remedy = "make the call in one that is `async` or `blocking`, or after this one";
    Err(Error::limit(what, 1, 0, remedy))
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
        Some(extent) => panics::catch(|| extent(object)).unwrap_or(0),
        None => 0,
    }
}
