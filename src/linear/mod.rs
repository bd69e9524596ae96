//! Checks that what concurrent callers have seen could have happened one call after the other: linearizability (Herlihy
//! and Wing, 1990). The check is the search of Wing and Gong (1993), which remembers the states it has tried, as in
//! Lowe (2017). A call without a known outcome may have taken effect at any time after it began, or never.

mod models;
mod tests;

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The sequential behaviour that the calls must have.
pub(crate) trait Model {
    type State: Clone + Eq + Hash + Debug + Default;
    type Call: Clone + Debug;
    type Outcome: Clone + Debug;

    /// The state after a call with this outcome; `None` if the call cannot have this outcome in `state`. If the outcome
    /// is not known, any is possible.
    fn step(state: &Self::State, call: &Self::Call, outcome: Option<&Self::Outcome>) -> Option<Self::State>;
}

/// One call.
pub(crate) struct Entry<M: Model> {
    begun: u64,
    /// `u64::MAX` if the outcome is not known.
    ended: u64,
    call: M::Call,
    outcome: Option<M::Outcome>,
}

/// The recorded calls of all callers, by a logical clock.
pub(crate) struct History<M: Model> {
    clock: AtomicU64,
    entries: Mutex<Vec<Entry<M>>>,
}

impl<M: Model> History<M> {
    pub(crate) fn new() -> Self {
        History { clock: AtomicU64::new(0), entries: Mutex::default() }
    }

    /// Makes a call, and records it. Returns `None` if its outcome is not known.
    pub(crate) async fn call(
        &self,
        call: M::Call,
        run: impl Future<Output = Option<M::Outcome>>,
    ) -> Option<M::Outcome> {
        let begun = self.clock.fetch_add(1, Ordering::SeqCst);
        let outcome = run.await;
        let now = self.clock.fetch_add(1, Ordering::SeqCst);
        let ended = if outcome.is_some() { now } else { u64::MAX };
        self.entries.lock().expect("nobody panics with it").push(Entry {
            begun,
            ended,
            call,
            outcome: outcome.clone(),
        });
        outcome
    }

    pub(crate) fn into_entries(self) -> Vec<Entry<M>> {
        self.entries.into_inner().expect("nobody panics with it")
    }
}

/// After this many states, the check gives up.
const MOST: usize = 3_000_000;

/// A set of calls, by their numbers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Made(Vec<u64>);

impl Made {
    fn has(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn toggle(&mut self, index: usize) {
        self.0[index / 64] ^= 1 << (index % 64);
    }
}

/// Checks that the calls could have taken effect one after the other, each between its beginning and its end.
///
/// # Errors
/// If not; the error shows the end of the longest order that was found, and the calls that could not come next.
pub(crate) fn check<M: Model>(mut entries: Vec<Entry<M>>) -> Result<(), String> {
    entries.sort_by_key(|entry| entry.begun);
    let known = entries.iter().filter(|entry| entry.outcome.is_some()).count();
    let mut made = Made(vec![0; entries.len().div_ceil(64)]);
    let mut seen: HashSet<(Made, M::State)> = HashSet::new();
    let mut state = M::State::default();
    // The calls in the order found so far, each with the state before it.
    let mut order: Vec<(usize, M::State)> = Vec::new();
    let (mut from, mut done, mut longest) = (0, 0, Vec::new());
    while done < known {
        assert!(seen.len() < MOST, "inconclusive: too many concurrent calls, or too many without an outcome");
        // A call that began after another one had ended cannot come before it.
        let first_end = (0..entries.len()).filter(|&index| !made.has(index)).map(|index| entries[index].ended).min();
        let first_end = first_end.unwrap_or(u64::MAX);
        let mut candidates = (from..entries.len()).take_while(|&index| entries[index].begun <= first_end);
        let next = candidates.find_map(|index| {
            if made.has(index) {
                return None;
            }
            let Entry { call, outcome, .. } = &entries[index];
            let after = M::step(&state, call, outcome.as_ref())?;
            made.toggle(index);
            if seen.insert((made.clone(), after.clone())) {
                return Some((index, after));
            }
            made.toggle(index);
            None
        });
        match next {
            Some((index, after)) => {
                order.push((index, std::mem::replace(&mut state, after)));
                done += usize::from(entries[index].outcome.is_some());
                if order.len() > longest.len() {
                    longest = order.iter().map(|(index, _)| *index).collect();
                }
                from = 0;
            }
            None => {
                let Some((index, before)) = order.pop() else { return Err(explain(&entries, &longest)) };
                made.toggle(index);
                done -= usize::from(entries[index].outcome.is_some());
                state = before;
                from = index + 1;
            }
        }
    }
    Ok(())
}

fn explain<M: Model>(entries: &[Entry<M>], longest: &[usize]) -> String {
    let mut state = M::State::default();
    for &index in longest {
        let Entry { call, outcome, .. } = &entries[index];
        state = M::step(&state, call, outcome.as_ref()).unwrap_or(state);
    }
    let shown = |index: usize| {
        let Entry { begun, ended, call, outcome } = &entries[index];
        let ended = if *ended == u64::MAX { "…".to_owned() } else { ended.to_string() };
        format!("  {begun}–{ended} {call:?}: {outcome:?}")
    };
    let last: Vec<String> = longest.iter().rev().take(8).rev().map(|&index| shown(index)).collect();
    let left: Vec<String> = (0..entries.len()).filter(|index| !longest.contains(index)).take(8).map(shown).collect();
    format!(
        "no order of the calls is possible. After {} of {}, the last of which were\n{}\nthe state is {state:?}, and \
         none of these can come next:\n{}",
        longest.len(),
        entries.len(),
        last.join("\n"),
        left.join("\n")
    )
}
