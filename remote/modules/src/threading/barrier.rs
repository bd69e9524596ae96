//! `Barrier`.

use crate::waiting::{Attempt, Door, KeptState, Line, Monitor, Patience, Woken, enter, haunt, kept, seconds};
use crate::{Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::context::Context;
use tarmem_remote::object::Sessions;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// A point where a number of parties wait for one another, again and again, as Python's `Barrier`.
///
/// If one of the parties stops waiting (its timeout passes, its call is cancelled, or its session ends), the others
/// would wait in vain. So the barrier breaks: their waits fail with `BrokenBarrierError`, and so do all later ones
/// until it is reset.
///
/// # Examples
///
/// ```
/// use tarmem_modules::threading::BarrierProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let start = session.memoize("start", BarrierProxy::new(2, None, None)).await?;
/// let (one, other) = tokio::join!(start.wait(), start.wait());
/// assert_eq!(one? + other?, 1); // their indices are 0 and 1
/// # Ok(())
/// # }
/// ```
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Barrier {
    gate: Arc<Monitor<Gate>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Gate {
    parties: usize,
    /// How long parties wait that give no timeout.
    patience: Patience,
    broken: bool,
    /// Each waiting party wants its index; it is granted that, or `None` if the barrier breaks.
    line: Line<usize, Option<usize>>,
}

impl Door for Gate {
    type State = Gate;
    type Want = usize;
    type Admission = Option<usize>;

    fn line(state: &mut Gate) -> &mut Line<usize, Option<usize>> {
        &mut state.line
    }

    fn left(state: &mut Gate, woken: &mut Woken) {
        state.break_up(woken);
    }

    /// Does nothing: the others have gone on already.
    fn pass_on(_: &mut Gate, _: Option<usize>, _: &mut Woken) {}
}

impl Gate {
    fn break_up(&mut self, woken: &mut Woken) {
        self.broken = true;
        self.line.grant_all(woken, |_| None);
    }

    fn arrive(&mut self, woken: &mut Woken) -> Attempt<Gate> {
        let index = self.line.len();
        if self.broken {
            Attempt::Granted(None)
        } else if index + 1 == self.parties {
            self.line.grant_all(woken, Some);
            Attempt::Granted(Some(index))
        } else {
            Attempt::Wait(index)
        }
    }
}

impl KeptState for Gate {
    type Done = ();

    fn undo(&mut self, (): (), _: &mut Woken) {}

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Gate>(monitor, sessions);
    }
}

kept!(Barrier, gate: Gate);

#[remote]
impl Barrier {
    /// Makes a barrier for that many `parties`. `timeout`, in seconds, applies to waits without a timeout.
    ///
    /// `ValueError` if there is less than one party. `action` must be null, since functions cannot be sent.
    #[remote(inline)]
    pub fn new(parties: i64, action: Option<Value>, timeout: Option<f64>) -> Result<Self, Exception> {
        if action.is_some_and(|action| !action.is_null()) {
            let message = "a barrier of a service has no action; let the party whose index is 0 do it";
            return Err(Exception::of_type(message));
        }
        let parties = usize::try_from(parties).ok().filter(|parties| *parties > 0);
        let parties = parties.ok_or_else(|| Exception::value("parties must be >= 1"))?;
        let patience = Patience::to_wait(timeout)?;
        Ok(Barrier { gate: Monitor::new(Gate { parties, patience, broken: false, line: Line::default() }) })
    }

    /// Waits until all parties wait, and returns the caller's index among them, from 0, in the order in which they
    /// came.
    ///
    /// `BrokenBarrierError` if the barrier is broken or breaks. It breaks for all parties if this wait takes longer
    /// than `timeout` seconds. The call's own timeout breaks it as well: disable it if the wait may be long.
    #[remote(proxy = "wait_index")]
    pub async fn wait(&self, ctx: &Context, timeout: Option<f64>) -> Result<usize, Exception> {
        let patience = match timeout {
            None => self.gate.read(|gate| gate.patience),
            timeout => Patience::to_wait(timeout)?,
        };
        let arrived = enter::<Gate>(ctx, &self.gate, patience, |gate, woken| Ok(gate.arrive(woken))).await?;
        if arrived.is_none() && patience == Patience::None {
            // It did not even get in line.
            self.gate.with(|gate, woken| gate.break_up(woken));
        }
        arrived.flatten().ok_or_else(|| Exception::BrokenBarrierError(String::new()))
    }

    /// Resets the barrier to its initial state. Waits that are under way fail with `BrokenBarrierError`.
    pub fn reset(&self) {
        self.gate.with(|gate, woken| {
            gate.break_up(woken);
            gate.broken = false;
        });
    }

    /// Breaks the barrier.
    #[remote(idempotent)]
    pub fn abort(&self) {
        self.gate.with(|gate, woken| gate.break_up(woken));
    }

    /// Returns the number of parties that the barrier is for.
    pub fn parties(&self) -> usize {
        self.gate.read(|gate| gate.parties)
    }

    /// Returns the number of parties that wait.
    pub fn n_waiting(&self) -> usize {
        self.gate.read(|gate| gate.line.len())
    }

    /// Returns whether it is broken.
    pub fn broken(&self) -> bool {
        self.gate.read(|gate| gate.broken)
    }
}

/// Methods for typed callers. Dropping one of their futures breaks the barrier.
impl BarrierProxy {
    /// Waits until all parties wait, as long as necessary, and returns the caller's index among them.
    pub fn wait(&self) -> Fallible<usize> {
        self.wait_index(None).no_timeout()
    }

    /// Waits until all parties wait. Breaks the barrier if that takes longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Fallible<usize> {
        self.wait_index(seconds(timeout)).no_timeout()
    }
}
