//! `Barrier`.

use crate::waiting::{Attempt, Door, Line, Monitor, Patience, Woken, enter, seconds};
use crate::{Exception, Fallible};
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// A place where so many parties wait for one another, again and again, as Python's.
///
/// If one of those who wait leaves (its timeout passes, its call is cancelled, its session ends), the others would wait
/// in vain: the barrier breaks, and they get `BrokenBarrierError`, as does everybody else until it is reset.
#[remote(module = "threading", resident)]
#[derive(Debug)]
pub struct Barrier {
    gate: Arc<Monitor<Gate>>,
    /// Of those who do not say how long they wait.
    patience: Patience,
}

#[derive(Debug)]
struct Gate {
    parties: usize,
    broken: bool,
    /// Each wants its index, and gets it; `None` if the barrier breaks.
    line: Line<usize, Option<usize>>,
}

impl Door for Gate {
    type State = Gate;
    type Want = usize;
    type Grant = Option<usize>;

    fn line(state: &mut Gate) -> &mut Line<usize, Option<usize>> {
        &mut state.line
    }

    fn left(state: &mut Gate, woken: &mut Woken) {
        state.break_up(woken);
    }

    /// Returns the others have gone on already.
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

#[remote]
impl Barrier {
    /// A barrier for so many `parties`. `timeout`, in seconds, is for those who do not give one of their own.
    ///
    /// `ValueError` for less than one party. There is no `action`: functions stay where they are, so it has to be null.
    #[remote(inline)]
    pub fn new(parties: i64, action: Option<Value>, timeout: Option<f64>) -> Result<Self, Exception> {
        if action.is_some_and(|action| !action.is_null()) {
            let message = "a barrier of a service has no action; let the party whose index is 0 do it";
            return Err(Exception::of_type(message));
        }
        let parties = usize::try_from(parties).ok().filter(|parties| *parties > 0);
        let parties = parties.ok_or_else(|| Exception::value("parties must be >= 1"))?;
        let gate = Monitor::new(Gate { parties, broken: false, line: Line::default() });
        Ok(Barrier { gate, patience: Patience::to_wait(timeout)? })
    }

    /// Waits until all parties are here, and gives the caller's index among them: in the order in which they came, from
    /// 0.
    ///
    /// `BrokenBarrierError` if the barrier is broken or breaks, and if the wait takes longer than `timeout` seconds:
    /// then it breaks for all. The call's own timeout applies as well, and breaks it, too: give it none, if the wait
    /// may be long.
    #[remote(proxy = "wait_index")]
    pub async fn wait(&self, ctx: &Context, timeout: Option<f64>) -> Result<usize, Exception> {
        let patience = match timeout {
            None => self.patience,
            timeout => Patience::to_wait(timeout)?,
        };
        let arrived = enter::<Gate>(ctx, &self.gate, patience, |gate, woken| Ok(gate.arrive(woken))).await?;
        if arrived.is_none() && patience == Patience::None {
            // It was not even in line.
            self.gate.with(|gate, woken| gate.break_up(woken));
        }
        arrived.flatten().ok_or_else(|| Exception::BrokenBarrierError(String::new()))
    }

    /// Makes it as it was at first. Whoever waits gets `BrokenBarrierError`.
    pub fn reset(&self) {
        self.gate.with(|gate, woken| {
            gate.break_up(woken);
            gate.broken = false;
        });
    }

    /// Breaks it.
    #[remote(idempotent)]
    pub fn abort(&self) {
        self.gate.with(|gate, woken| gate.break_up(woken));
    }

    /// How many parties it is for.
    pub fn parties(&self) -> usize {
        self.gate.with(|gate, _| gate.parties)
    }

    /// How many wait.
    pub fn n_waiting(&self) -> usize {
        self.gate.with(|gate, _| gate.line.len())
    }

    /// Returns whether it is broken.
    pub fn broken(&self) -> bool {
        self.gate.with(|gate, _| gate.broken)
    }
}

/// For typed callers. Dropping one of these futures breaks the barrier.
impl BarrierProxy {
    /// Waits until all parties are here, however long that takes; gives the caller's index among them.
    pub fn wait(&self) -> Fallible<usize> {
        self.wait_index(None).no_timeout()
    }

    /// Waits until all parties are here; breaks the barrier if that takes longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Fallible<usize> {
        self.wait_index(seconds(timeout)).no_timeout()
    }
}
