//! The objects that a function over several objects has to lock: how they are locked, and what becomes of them.

use super::holding::{Guard, Holding, Wanted};
use crate::server::exec::checks::label;
use crate::server::exec::large_calls;
use crate::server::exec::looking::Asked;
use crate::server::refs::references::SessionScope;
use crate::server::state::panics;
use crate::server::state::suspects::Suspects;
use crate::store::{Cell, ChangedBy, Poisoned, ReadGuard};
use std::sync::Arc;
use tarmem_remote::describe::Function;
use tarmem_remote::dispatch::{DispatchError, Encoding, Produced};
use tarmem_remote::error::Error;
use tarmem_remote::multi_object::{ObjectArg, ObjectParam};
use tarmem_remote::value::with_scope;
use uuid::Uuid;

/// What a call has to lock.
pub(super) struct Wants {
    pub(super) function: Function,
    pub(super) encoding: Encoding,
    pub(super) session: Uuid,
    pub(super) params: &'static [ObjectParam],
    /// Whether the objects that it could change are copied first, to be restored if it fails.
    pub(super) copies: bool,
    /// The objects as the caller named them, for messages.
    pub(super) named: Vec<ObjectArg<'static>>,
    /// Each object once, in the order in which they are locked.
    pub(super) objects: Vec<Wanted>,
    /// The objects that the function could not look into, to be locked, too.
    pub(super) asked: Asked,
}

impl Wants {
    pub(super) fn is_exclusive(&self) -> bool {
        self.objects.iter().any(|wanted| wanted.exclusive)
    }

    /// Whether the function would look at too much for a connection's thread.
    pub(super) fn are_large(&self, holding: &Holding) -> bool {
        if self.asked.are_large() {
            return true;
        }
        let extents = self.objects.iter().zip(&holding.guards).map(|(wanted, guard)| match guard {
            Guard::Shared(object) => large_calls::extent(&wanted.cell, &**object),
            Guard::Exclusive(object) => large_calls::extent(&wanted.cell, &**object),
        });
        self.function.scales && large_calls::is_much(extents.fold(0, usize::saturating_add))
    }

    /// Locks all objects, if that needs no waiting.
    pub(super) fn try_hold(&self) -> Option<Result<Holding, Error>> {
        let mut guards = Vec::with_capacity(self.objects.len());
        for wanted in &self.objects {
            let guard = if wanted.exclusive {
                wanted.cell.try_write_owned()?.map(Guard::Exclusive)
            } else {
                wanted.cell.try_read_owned()?.map(Guard::Shared)
            };
            match guard {
                Ok(guard) => guards.push(guard),
                Err(poisoned) => return Some(Err(self.poisoned(wanted, poisoned))),
            }
        }
        let try_read = |cell: &Cell| Some(cell.try_read_owned()?.map_err(|poisoned| cell.poisoned(poisoned)));
        let others: Option<Result<_, _>> = self.asked.cells().iter().map(try_read).collect();
        Some(others?.and_then(|others| self.holding(guards, others)))
    }

    /// Locks all objects, one after the other, each after those who came before.
    pub(super) async fn hold(&self) -> Result<Holding, Error> {
        let mut guards = Vec::with_capacity(self.objects.len());
        let mut others = Vec::with_capacity(self.asked.cells().len());
        let mut asked = self.asked.cells().iter().peekable();
        for wanted in &self.objects {
            while let Some(cell) = asked.next_if(|cell| cell.id() < wanted.cell.id()) {
                others.push(cell.read().await.map_err(|poisoned| cell.poisoned(poisoned))?);
            }
            let guard = if wanted.exclusive {
                wanted.cell.write().await.map(Guard::Exclusive)
            } else {
                wanted.cell.read().await.map(Guard::Shared)
            };
            guards.push(guard.map_err(|poisoned| self.poisoned(wanted, poisoned))?);
        }
        for cell in asked {
            others.push(cell.read().await.map_err(|poisoned| cell.poisoned(poisoned))?);
        }
        self.holding(guards, others)
    }

    /// Makes the copies from which the objects are restored.
    pub(super) fn holding(&self, guards: Vec<Guard>, others: Vec<ReadGuard>) -> Result<Holding, Error> {
        for guard in &guards {
            if let Guard::Exclusive(object) = guard {
                object.before_long_use();
            }
        }
        let mut copies = Vec::with_capacity(guards.len());
        for (wanted, guard) in self.objects.iter().zip(&guards) {
            copies.push(match guard {
                Guard::Exclusive(object) if self.copies => {
                    let copy = panics::catch_in(&self.function, self.session, || {
                        (wanted.cell.class().entry().copy)(&**object)
                    });
                    Some(copy?.map_err(|error| self.function.error(error, self.encoding))?)
                }
                _ => None,
            });
        }
        Ok(Holding { guards, copies, others })
    }

    fn poisoned(&self, wanted: &Wanted, poisoned: Poisoned) -> Error {
        poisoned.of(label(self.named[wanted.first].target()))
    }

    /// Keeps the changes if the function succeeded and its result is on its way. `produced` is an error if it panicked.
    pub(super) fn settle<T, E: From<Error>>(
        &self,
        holding: Holding,
        produced: Result<Result<Produced, DispatchError>, Error>,
        refers: bool,
        scope: Arc<SessionScope>,
        finish: impl FnOnce(Produced) -> Result<T, E>,
    ) -> Result<T, E> {
        let state = scope.session.state();
        let by = ChangedBy { session: self.session, sequence: scope.sequence };
        if !self.copies && produced.is_err() {
            // Nobody knows what state they are in.
            self.objects.iter().filter(|wanted| wanted.exclusive).for_each(|wanted| wanted.cell.poison());
            holding.changed(&state.store, by);
        }
        let produced = produced?.map_err(|error| self.function.error(error, self.encoding))?;
        let failed = matches!(produced, Produced::Raised(..));
        // What it has changed and what it comes to are in one batch.
        let _entered = state.enter();
        let finished = with_scope(&*scope, || finish(produced))?;
        if !failed {
            self.suspect(refers, &state.suspects);
            holding.keep(&state.store, by);
            if self.is_exclusive() {
                // They may have dropped references.
                state.suspects.loosen();
            }
        }
        Ok(finished)
    }

    /// References in the arguments, or from one object to the next, may have closed a cycle.
    pub(super) fn suspect(&self, refers: bool, suspects: &Suspects) {
        if refers || self.objects.iter().any(|wanted| suspects.contains(&wanted.cell)) {
            self.objects.iter().filter(|wanted| wanted.exclusive).for_each(|wanted| suspects.add(&wanted.cell));
        }
    }
}
