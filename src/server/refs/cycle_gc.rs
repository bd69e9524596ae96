//! Garbage collection of cycles: objects that refer to one another and to which nothing else refers.
//!
//! Objects are reference-counted: an object is dropped with the last key, handle and reference to it. A cycle keeps
//! itself alive. So every object that was ever given a reference is a *suspect*, and from time to time the references
//! among the suspects are subtracted from their counts. The suspects with a count of zero that are not reachable from
//! another suspect with a higher count are garbage. (Trial deletion, as in CPython's collector; see also Bacon and
//! Rajan, ECOOP 2001.)

use super::references::live;
use crate::server::state::suspects::Suspects;
use crate::server::state::{State, panics};
use crate::store::{Cell, Remains, WriteGuard, bury};
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tarmem_remote::value::{ObjectRef, RefScope, with_scope};
use tarmem_remote::{Object, codec};
use uuid::Uuid;

/// A collection begins this long after something may have become garbage, at the earliest.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a collection works before it sleeps for as long, since it is never in a hurry.
const TURN: Duration = Duration::from_millis(1);

/// After a collection the collector sleeps this many times as long as the collection took.
const REST: u32 = 20;

/// Collects garbage whenever there may be some, until its task ends.
pub(in crate::server) async fn run(state: Weak<State>) {
    loop {
        let Some(loosened) = state.upgrade() else { return };
        let waiting = async move { loosened.suspects.loosened().await };
        waiting.await;
        tokio::time::sleep(PAUSE).await;
        let Some(state) = state.upgrade() else { return };
        let begun = Instant::now();
        let collected = tokio::task::spawn_blocking(move || collect(&state.suspects)).await;
        if let Ok(collected @ 1..) = collected {
            tracing::debug!("collected {collected} objects that referred only to one another");
        }
        tokio::time::sleep(begun.elapsed() * REST).await;
    }
}

/// Drops the garbage among the suspects. Returns how many objects that was.
pub(crate) fn collect(suspects: &Suspects) -> usize {
    collect_at(suspects, &mut Pace::of(TURN))
}

fn collect_at(suspects: &Suspects, pace: &mut Pace) -> usize {
    let cells = suspects.living();
    let candidates = garbage(&cells, |cell| {
        // Between two objects it holds no lock.
        pace.keep();
        cell.try_read_owned()?.ok().map(|object| references(cell, &*object))
    });
    if candidates.is_empty() {
        return 0;
    }
    // While all of them are locked for exclusive use, nobody who is not counted can reach them. A second look shows
    // what has changed in between.
    let held: Option<Vec<(Cell, WriteGuard)>> = cells
        .into_iter()
        .filter(|cell| candidates.contains(&cell.id()))
        .map(|cell| {
            let guard = cell.try_write_owned()?.ok()?;
            Some((cell, guard))
        })
        .collect();
    let Some(held) = held else { return 0 };
    let cells: Vec<Cell> = held.iter().map(|(cell, _)| cell.clone()).collect();
    let objects: HashMap<Uuid, &WriteGuard> = held.iter().map(|(cell, guard)| (cell.id(), guard)).collect();
    pace.looks_again();
    // The three shares are: this list of cells, the one it was made from, and the guard's own.
    let still = garbage_with(&cells, 3, |cell| {
        // The collector sleeps although it holds all locks: only a caller with a reference that the first look did not
        // see could wait for one of them, which is rare.
        pace.keep();
        objects.get(&cell.id()).map(|object| references(cell, &***object))
    });
    drop(objects);
    if still.len() != held.len() {
        return 0;
    }
    // Each lock is released on its own, in any order: nobody else can be waiting for one of them.
    let taken: Vec<Remains> = held.into_iter().map(|(_, guard)| guard.take()).collect();
    drop(cells);
    let count = taken.len();
    taken.into_iter().for_each(bury);
    count
}

/// Makes a collection sleep from time to time.
struct Pace {
    /// How long the collection works before it sleeps, and how long it sleeps.
    length: Duration,
    turn: Instant,
    /// How often it slept, in the first look and in the second.
    pauses: [u32; 2],
    second: bool,
}

impl Pace {
    fn of(length: Duration) -> Self {
        Pace { length, turn: Instant::now(), pauses: [0; 2], second: false }
    }

    /// Sleeps if that is due. Called between two objects.
    fn keep(&mut self) {
        if self.turn.elapsed() >= self.length {
            std::thread::sleep(self.length);
            self.turn = Instant::now();
            self.pauses[usize::from(self.second)] += 1;
        }
    }

    /// Notes that the second look begins.
    fn looks_again(&mut self) {
        self.second = true;
    }
}

/// Those of `cells` that are reachable only from one another. An object that cannot be traced counts as reachable.
fn garbage(cells: &[Cell], trace: impl FnMut(&Cell) -> Option<Vec<ObjectRef>>) -> HashSet<Uuid> {
    garbage_with(cells, 1, trace)
}

fn garbage_with(cells: &[Cell], ours: usize, mut trace: impl FnMut(&Cell) -> Option<Vec<ObjectRef>>) -> HashSet<Uuid> {
    let traced: HashMap<Uuid, Option<Vec<ObjectRef>>> = cells.iter().map(|cell| (cell.id(), trace(cell))).collect();
    // Several references may share one allocation. It holds its object once, and belongs to the suspects alone if all
    // its holders were found. Each was found by making one more holder.
    let mut found: HashMap<usize, (Uuid, usize, usize)> = HashMap::new();
    for reference in traced.values().flatten().flatten() {
        // The share that the reference carries may have been moved elsewhere. Then this reference is not the only
        // holder.
        if reference.live().is_none_or(|live| Arc::strong_count(live) > 1) {
            continue;
        }
        let (identity, holders) = reference.sharing();
        let entry = found.entry(identity).or_insert((reference.id(), 0, holders));
        entry.1 += 1;
    }
    let mut inside: HashMap<Uuid, usize> = HashMap::new();
    for (id, times, holders) in found.into_values() {
        if holders == 2 * times {
            *inside.entry(id).or_default() += 1;
        }
    }
    let outside = |cell: &Cell| {
        let counted = inside.get(&cell.id()).copied().unwrap_or(0) + ours;
        cell.shares() > counted || traced.get(&cell.id()).is_none_or(Option::is_none)
    };
    let mut alive: HashSet<Uuid> = HashSet::new();
    let mut reached: Vec<Uuid> = cells.iter().filter(|cell| outside(cell)).map(|cell| cell.id()).collect();
    while let Some(id) = reached.pop() {
        if alive.insert(id) {
            reached.extend(traced.get(&id).into_iter().flatten().flatten().map(ObjectRef::id));
        }
    }
    cells.iter().map(|cell| cell.id()).filter(|id| !alive.contains(id)).collect()
}

/// The live references in the object of a cell, found by encoding it or named by its class.
fn references(cell: &Cell, object: &dyn Object) -> Vec<ObjectRef> {
    struct Tracer(Mutex<Vec<ObjectRef>>);
    impl RefScope for Tracer {
        fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
            Ok(reference)
        }

        fn export(&self, reference: &ObjectRef) -> Result<(), String> {
            if live(reference).is_some() {
                self.0.lock().push(reference.clone());
            }
            Ok(())
        }
    }
    let tracer = Tracer(Mutex::default());
    let trace = (cell.class().entry().trace)();
    let _ = panics::catch(|| {
        with_scope(&tracer, || match trace {
            Some(trace) => trace(object, &mut |value| drop(codec::encode(value))),
            // A resident class cannot be encoded; if it does not name its references, it counts as having none.
            None => drop(codec::encode(object as &dyn erased_serde::Serialize)),
        });
    });
    std::mem::take(&mut *tracer.0.lock())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Limits;
    use crate::server::exec::engine::Engine;
    use crate::server::state::Seams;
    use tarmem_modules::builtins::ListProxy;
    use tarmem_remote::client_api::ClientApi;
    use tarmem_remote::proxy::Proxy;
    use tarmem_remote::registry::Registry;
    use tarmem_remote::value::Value;

    #[tokio::test]
    async fn a_collection_sleeps_in_its_first_look_and_in_its_second() {
        const CYCLES: usize = 16;
        let registry = Registry::linked().expect("no names clash");
        let engine = Engine::new(registry, Limits::default(), tokio::runtime::Handle::current(), Seams::default());
        let session = ClientApi::new(engine.in_process().0);
        let numbers = Value::List((0..10).map(Value::from).collect());
        let mut lists = Vec::new();
        for _ in 0..CYCLES {
            let list = session.create(ListProxy::new(Some(numbers.clone()))).await.expect("made");
            list.append(Value::Ref(list.reference().expect("it is unnamed"))).await.expect("appended");
            lists.push(list);
        }
        let mut pace = Pace::of(Duration::ZERO);
        assert_eq!(collect_at(&engine.state.suspects, &mut pace), 0, "there are handles");
        assert_eq!(pace.pauses[1], 0, "so there was no second look");
        drop(lists);
        let mut pace = Pace::of(Duration::ZERO);
        assert_eq!(collect_at(&engine.state.suspects, &mut pace), CYCLES);
        // One sleep per object at least, since the turn is zero here.
        assert!(pace.pauses.iter().all(|&pauses| pauses as usize >= CYCLES), "{:?}", pace.pauses);
    }
}
