//! The sequential behaviour of counters, dicts, locks and keys.

use super::Model;

/// One number: a `multiprocessing.Value`, or the value of one key of a dict.
pub(super) struct Number;

#[derive(Clone, Debug)]
pub(super) enum NumberCall {
    Get,
    Add(i64),
    Set(i64),
    CompareAndSet(i64, i64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum NumberOutcome {
    Is(i64),
    Done,
    Was(bool),
}

impl Model for Number {
    type State = i64;
    type Call = NumberCall;
    type Outcome = NumberOutcome;

    fn step(state: &i64, call: &NumberCall, outcome: Option<&NumberOutcome>) -> Option<i64> {
        let (after, told) = match call {
            NumberCall::Get => (*state, NumberOutcome::Is(*state)),
            NumberCall::Add(by) => (state + by, NumberOutcome::Is(state + by)),
            NumberCall::Set(to) => (*to, NumberOutcome::Done),
            NumberCall::CompareAndSet(expected, new) if expected == state => (*new, NumberOutcome::Was(true)),
            NumberCall::CompareAndSet(..) => (*state, NumberOutcome::Was(false)),
        };
        outcome.is_none_or(|outcome| *outcome == told).then_some(after)
    }
}

/// A lock, with its holder and its last token.
pub(super) struct LockModel;

#[derive(Clone, Debug)]
pub(super) enum LockCall {
    /// With the caller's number.
    TryAcquire(usize),
    Release(usize),
}

#[derive(Clone, Debug)]
pub(super) enum LockOutcome {
    Acquired(u64),
    Taken,
    Released,
}

impl Model for LockModel {
    type State = (Option<usize>, u64);
    type Call = LockCall;
    type Outcome = LockOutcome;

    fn step((holder, last): &Self::State, call: &LockCall, outcome: Option<&LockOutcome>) -> Option<Self::State> {
        match (call, outcome?) {
            (LockCall::TryAcquire(caller), LockOutcome::Acquired(token)) => {
                (holder.is_none() && token > last).then_some((Some(*caller), *token))
            }
            (LockCall::TryAcquire(_), LockOutcome::Taken) => holder.is_some().then_some((*holder, *last)),
            (LockCall::Release(caller), LockOutcome::Released) => (*holder == Some(*caller)).then_some((None, *last)),
            _ => None,
        }
    }
}

/// A key, with its generation.
pub(super) struct Key;

#[derive(Clone, Debug)]
pub(super) enum KeyCall {
    Get,
    Memoize,
    Update,
    UpdateIf(u64),
    Delete,
}

#[derive(Clone, Debug)]
pub(super) enum KeyOutcome {
    /// The key is at this generation, which the call has found or made.
    At(u64),
    Missing,
    /// The key is at this generation, and another one was expected.
    Refused(u64),
    Deleted,
}

impl Model for Key {
    /// The generation; 0 if the key is not mapped.
    type State = u64;
    type Call = KeyCall;
    type Outcome = KeyOutcome;

    fn step(state: &u64, call: &KeyCall, outcome: Option<&KeyOutcome>) -> Option<u64> {
        match (call, outcome?) {
            (KeyCall::Get, KeyOutcome::At(generation)) => (generation == state).then_some(*state),
            (KeyCall::Get | KeyCall::Delete, KeyOutcome::Missing) => (*state == 0).then_some(0),
            (KeyCall::Memoize, KeyOutcome::At(generation)) => {
                (*state == 0 || generation == state).then_some(*generation)
            }
            (KeyCall::Update, KeyOutcome::At(generation)) => Some(*generation),
            (KeyCall::UpdateIf(expected), KeyOutcome::At(generation)) => (expected == state).then_some(*generation),
            (KeyCall::UpdateIf(_), KeyOutcome::Refused(found)) => (found == state).then_some(*state),
            (KeyCall::Delete, KeyOutcome::Deleted) => (*state != 0).then_some(0),
            _ => None,
        }
    }
}
