//! How a call looks into objects that it only has references to: in its arguments, or in what its object holds.
//!
//! A method that meets such a reference asks its scope to show the object. The object is tried and never waited for: a
//! call that waits while it holds something may wait in a cycle. If others use the object, the method ends without
//! having changed anything, its result is discarded, and everything that it holds is released. Then the call locks its
//! own object and all that it asked for in the order of their ids, as functions over several objects do, waiting as any
//! call waits, and the method runs again. What it was shown stays locked until it is over, so it sees all of it at one
//! moment.
//!
//! Only methods and functions of a registered package, such as tarmem's own modules, do this: they read everything
//! before they change anything. Other code never runs twice for one call: it looks into nothing, and takes a reference
//! as such.

use super::held_by_caller::HeldByCaller;
use super::large_calls;
use crate::server::state::cancellation::Cancellation;
use crate::store::{Cell, Poisoned, ReadGuard, WriteGuard};
use hashbrown::{HashMap, HashSet};
use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;
use tarmem_remote::describe::Place;
use tarmem_remote::error::Error;
use tarmem_remote::object::Object;
use tarmem_remote::value::{Looked, ObjectRef, RefScope, place_of};
use uuid::Uuid;

/// How many objects one call may look into.
pub(super) const LOOK_LIMIT: usize = 10_000;

/// How often one call runs again because it asked for an object that others used.
pub(super) const ATTEMPT_LIMIT: u32 = 100;

/// How many steps, such as comparisons of elements, a call makes on a connection's thread: a few milliseconds, and
/// enough to sort what is not too large for that thread.
const STEPS_AT_ONCE: usize = 256 << 10;

/// How many steps one call may make at all: enough to sort forty million elements.
const STEP_LIMIT: usize = 1 << 30;

/// What a call has looked into so far. It costs nothing while it is empty.
#[derive(Default)]
pub(super) struct Looks {
    state: RefCell<Option<Box<Shown>>>,
    /// How many steps it has made.
    steps: std::cell::Cell<usize>,
    /// The cancellation of a call that may take long.
    stop: Option<Arc<Cancellation>>,
    /// It is not on a connection's thread, and may look at as much as it likes.
    elsewhere: bool,
    /// It has used references to objects.
    refers: std::cell::Cell<bool>,
}

#[derive(Default)]
struct Shown {
    held: HashMap<Uuid, Arc<ReadGuard>>,
    /// The objects that others use.
    busy: Vec<Cell>,
    failed: Option<Error>,
    /// The total extent of the objects that it looked into.
    extent: usize,
    /// That is too much for a connection's thread.
    large: bool,
    counted: HashSet<Uuid>,
}

/// The objects that a call asked for, without its own, in the order of their ids and without duplicates.
#[derive(Default)]
pub(super) struct Asked {
    cells: Vec<Cell>,
    attempts: u32,
    large: bool,
}

impl Looks {
    /// For a call that already holds these.
    pub(super) fn holding(held: Vec<ReadGuard>, elsewhere: bool) -> Self {
        let stop = if elsewhere { Cancellation::current() } else { None };
        if held.is_empty() {
            return Looks { stop, elsewhere, ..Self::default() };
        }
        let held = held.into_iter().map(|guard| (guard.cell().id(), Arc::new(guard))).collect();
        let state = RefCell::new(Some(Box::new(Shown { held, ..Shown::default() })));
        Looks { state, stop, elsewhere, ..Self::default() }
    }

    /// Makes this many steps. Returns false if the call has to end.
    fn go_on(&self, steps: usize) -> bool {
        let steps = self.steps.get().saturating_add(steps);
        self.steps.set(steps);
        if !self.elsewhere {
            if steps > STEPS_AT_ONCE {
                self.state.borrow_mut().get_or_insert_default().large = true;
            }
            return steps <= STEPS_AT_ONCE;
        }
        let error = if self.stop.as_ref().is_some_and(|cancellation| cancellation.is_unwanted()) {
            Error::Cancelled
        } else if steps > STEP_LIMIT {
            let what = "steps of one call that compares, sorts or writes objects";
            let remedy = "do it in parts, with fewer or smaller elements";
            Error::limit(what, steps as u64, STEP_LIMIT as u64, remedy)
        } else {
            return true;
        };
        self.state.borrow_mut().get_or_insert_default().failed.get_or_insert(error);
        false
    }

    /// Whether the call has used references to objects: in its arguments, its result, or its object.
    pub(super) fn refer(&self) -> bool {
        self.refers.get()
    }

    /// Whether the result of the call has to be discarded.
    #[inline(always)]
    pub(super) fn are_incomplete(&self) -> bool {
        self.state
            .borrow()
            .as_ref()
            .is_some_and(|shown| shown.failed.is_some() || shown.large || !shown.busy.is_empty())
    }

    fn look(&self, reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
        let Some(cell) = reference.live().and_then(|live| live.downcast_ref::<Cell>()) else { return Looked::Closed };
        let shown = match self.state.borrow_mut().get_or_insert_default().hold(cell, self.elsewhere) {
            Some(guard) => guard,
            None => return Looked::Busy,
        };
        shown.saw();
        // Not while the state is borrowed: it may look further.
        view(&**shown);
        Looked::Shown
    }

    /// Adds what has to be locked for the next attempt, besides the call's `own` objects, and releases everything.
    ///
    /// # Errors
    /// If another attempt is useless: an object is poisoned, there are too many, or the caller's own call holds one.
    pub(super) fn ask<'a>(
        self,
        asked: &mut Asked,
        own: impl IntoIterator<Item = &'a Cell>,
        holding: Option<&Arc<HeldByCaller>>,
    ) -> Result<(), Error> {
        let Some(shown) = self.state.into_inner() else { return Ok(()) };
        let Shown { held, busy, failed, large, .. } = *shown;
        if let Some(error) = failed {
            return Err(error);
        }
        asked.attempts += 1;
        asked.large |= large;
        let before = asked.cells.len();
        // Those that could be locked, too, so that the next attempt does not fail for one of them.
        asked.cells.extend(held.values().map(|guard| guard.cell().clone()));
        drop(held);
        for cell in &busy {
            if let Some(holding) = holding
                && holding.would_wait_for_itself(cell, false)
            {
                return Err(Error::HeldByCaller { target: format!("object {}", cell.id()) });
            }
        }
        asked.cells.extend(busy);
        asked.cells.sort_by_key(Cell::id);
        asked.cells.dedup_by_key(|cell| cell.id());
        for own in own {
            asked.cells.retain(|cell| cell.id() != own.id());
        }
        // If it asks for what it already holds, it would ask for ever.
        if asked.attempts > ATTEMPT_LIMIT || (asked.cells.len() == before && !large) {
            let what = "attempts of a call that looks into objects which others use";
            let remedy = "make the call when the objects are used less, or with fewer of them";
            return Err(Error::limit(what, asked.attempts.into(), ATTEMPT_LIMIT.into(), remedy));
        }
        Ok(())
    }
}

impl Shown {
    fn hold(&mut self, cell: &Cell, elsewhere: bool) -> Option<Arc<ReadGuard>> {
        let guard = self.try_hold(cell)?;
        if !elsewhere && self.counted.insert(cell.id()) {
            self.extent = self.extent.saturating_add(large_calls::extent(cell, &**guard));
            self.large |= large_calls::is_much(self.extent);
        }
        (!self.large).then_some(guard)
    }

    fn try_hold(&mut self, cell: &Cell) -> Option<Arc<ReadGuard>> {
        let id = cell.id();
        if let Some(guard) = self.held.get(&id) {
            return Some(Arc::clone(guard));
        }
        if self.held.len() + self.busy.len() >= LOOK_LIMIT {
            let remedy = "do it in parts, or compare objects by identity";
            let (found, most) = (LOOK_LIMIT as u64 + 1, LOOK_LIMIT as u64);
            self.failed = Some(Error::limit("the objects that one call looks into", found, most, remedy));
            return None;
        }
        match cell.try_read_owned() {
            Some(Ok(guard)) => {
                let guard = Arc::new(guard);
                self.held.insert(id, Arc::clone(&guard));
                Some(guard)
            }
            Some(Err(poisoned)) => {
                self.failed = Some(cell.poisoned(poisoned));
                None
            }
            None => {
                self.busy.push(cell.clone());
                None
            }
        }
    }
}

/// The scope of a method or function that may look into objects that it has references to.
pub(super) struct LookingScope<'a> {
    pub(super) scope: &'a dyn RefScope,
    pub(super) looks: &'a Looks,
    /// The call's own objects: the one whose method runs, or those that a function works on.
    pub(super) own: &'a [Own<'a>],
    /// Whose code runs. User code is not run again, and so looks into nothing.
    pub(super) code: Place,
}

/// An object that a call has locked for itself.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    cell: &'a Cell,
    place: usize,
    /// The object to show; `None` if it may be changed, and whoever can lend it shows it.
    object: Option<&'a dyn Object>,
}

impl<'a> Own<'a> {
    pub(super) fn shared(cell: &'a Cell, object: &'a dyn Object) -> Self {
        Own { cell, place: place_of(object), object: Some(object) }
    }

    pub(super) fn exclusive(cell: &'a Cell, object: &dyn Object) -> Self {
        Own { cell, place: place_of(object), object: None }
    }
}

impl<'a> LookingScope<'a> {
    fn own(&self, reference: &ObjectRef) -> Option<Own<'a>> {
        self.own.iter().find(|own| own.cell.id() == reference.id()).copied()
    }
}

impl RefScope for LookingScope<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.looks.refers.set(true);
        self.scope.resolve(reference)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.looks.refers.set(true);
        self.scope.export(reference)
    }

    fn this(&self) -> Option<ObjectRef> {
        self.looks.refers.set(true);
        self.scope.this()
    }

    fn place(&self, reference: &ObjectRef) -> Option<usize> {
        self.looks.refers.set(true);
        self.own(reference).map(|own| own.place)
    }

    fn go_on(&self, steps: usize) -> bool {
        self.code.registered_package().is_none() || self.looks.go_on(steps)
    }

    fn look(&self, reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
        self.looks.refers.set(true);
        match self.own(reference) {
            Some(Own { object: Some(object), .. }) => {
                view(object);
                Looked::Shown
            }
            Some(Own { object: None, .. }) => Looked::Closed,
            None if self.code.registered_package().is_some() => self.looks.look(reference, view),
            None => Looked::Closed,
        }
    }
}

/// How a call takes its object, with the dispatch function for it.
#[derive(Clone, Copy)]
pub(super) enum Access<S, E> {
    Shared(S),
    Exclusive(E),
}

impl<S, E> Access<S, E> {
    pub(super) fn is_exclusive(&self) -> bool {
        matches!(self, Access::Exclusive(_))
    }
}

/// The lock of an object, and those of the objects that its method looks into.
pub(super) struct CallGuards<S, E> {
    pub(super) receiver: ReceiverGuard<S, E>,
    pub(super) others: Vec<ReadGuard>,
}

/// A locked object, with the dispatch function that will get it.
pub(super) enum ReceiverGuard<S, E> {
    Shared(ReadGuard, S),
    Exclusive(WriteGuard, E),
}

impl<S, E> ReceiverGuard<S, E> {
    async fn of(cell: &Cell, access: Access<S, E>) -> Result<Self, Poisoned> {
        Ok(match access {
            Access::Shared(invoke) => ReceiverGuard::Shared(cell.read().await?, invoke),
            Access::Exclusive(invoke) => ReceiverGuard::Exclusive(cell.write().await?, invoke),
        })
    }

    pub(super) fn object(&self) -> &dyn Object {
        match self {
            ReceiverGuard::Shared(guard, _) => &**guard,
            ReceiverGuard::Exclusive(guard, _) => &**guard,
        }
    }

    fn at_once(cell: &Cell, access: Access<S, E>) -> Option<Result<Self, Poisoned>> {
        Some(match access {
            Access::Shared(invoke) => cell.try_read_owned()?.map(|guard| ReceiverGuard::Shared(guard, invoke)),
            Access::Exclusive(invoke) => cell.try_write_owned()?.map(|guard| ReceiverGuard::Exclusive(guard, invoke)),
        })
    }
}

impl Asked {
    /// Whether a call would look at too much for a connection's thread.
    pub(super) fn are_large(&self) -> bool {
        self.large
    }

    /// Locks `cell` and what was asked for, each after those who came before, in the order in which everybody locks.
    /// `target` is how the caller names the object.
    pub(super) async fn hold<S, E>(
        &self,
        cell: &Cell,
        access: Access<S, E>,
        target: &str,
    ) -> Result<CallGuards<S, E>, Error> {
        let mut others = Vec::with_capacity(self.cells.len());
        let (before, after) = self.around(cell);
        read(before, &mut others).await?;
        let receiver = ReceiverGuard::of(cell, access).await.map_err(|poisoned| poisoned.of(target))?;
        read(after, &mut others).await?;
        Ok(CallGuards { receiver, others })
    }

    /// The same, if that needs no waiting.
    pub(super) fn try_hold<S, E>(
        &self,
        cell: &Cell,
        access: Access<S, E>,
        target: &str,
    ) -> Option<Result<CallGuards<S, E>, Error>> {
        let mut others = Vec::with_capacity(self.cells.len());
        let receiver = match ReceiverGuard::at_once(cell, access)? {
            Ok(receiver) => receiver,
            Err(poisoned) => return Some(Err(poisoned.of(target))),
        };
        for cell in &self.cells {
            match cell.try_read_owned()? {
                Ok(guard) => others.push(guard),
                Err(poisoned) => return Some(Err(cell.poisoned(poisoned))),
            }
        }
        Some(Ok(CallGuards { receiver, others }))
    }

    /// Locks what a call without an object of its own has asked for.
    pub(super) async fn hold_alone(&self) -> Result<Vec<ReadGuard>, Error> {
        let mut others = Vec::with_capacity(self.cells.len());
        read(&self.cells, &mut others).await?;
        Ok(others)
    }

    /// In the order of their ids.
    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    fn around(&self, cell: &Cell) -> (&[Cell], &[Cell]) {
        self.cells.split_at(self.cells.partition_point(|other| other.id() < cell.id()))
    }
}

async fn read(cells: &[Cell], guards: &mut Vec<ReadGuard>) -> Result<(), Error> {
    for cell in cells {
        guards.push(cell.read().await.map_err(|poisoned| cell.poisoned(poisoned))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(looks: Looks) -> Result<Asked, Error> {
        let mut asked = Asked::default();
        looks.ask(&mut asked, [], None).map(|()| asked)
    }

    #[test]
    fn a_call_of_many_steps_leaves_its_connections_thread() {
        let looks = Looks::holding(Vec::new(), false);
        assert!(looks.go_on(STEPS_AT_ONCE) && !looks.are_incomplete());
        assert!(!looks.go_on(1) && looks.are_incomplete());
        assert!(asked(looks).expect("it is run again").are_large());
    }

    #[test]
    fn the_steps_of_one_call_have_a_limit() {
        let looks = Looks::holding(Vec::new(), true);
        assert!(looks.go_on(STEP_LIMIT) && !looks.are_incomplete());
        assert!(!looks.go_on(1) && looks.are_incomplete());
        let error = asked(looks).err().expect("it has failed");
        assert!(matches!(error, Error::LimitExceeded { limit, .. } if limit == STEP_LIMIT as u64), "{error:?}");
    }

    #[test]
    fn a_call_that_has_begun_ends_once_nobody_wants_it() {
        let cancellation = Arc::new(Cancellation::default());
        assert!(cancellation.begin());
        let looks = cancellation.over(|| Looks::holding(Vec::new(), true));
        assert!(looks.go_on(1));
        assert!(!cancellation.stop(), "it has begun");
        assert!(!looks.go_on(1) && looks.are_incomplete());
        assert!(matches!(asked(looks), Err(Error::Cancelled)));
        assert!(Cancellation::current().is_none(), "no longer than it runs");
    }
}
