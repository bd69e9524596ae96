//! What comes between the steps of a rewriting, and in which batch.

use super::*;
use crate::config::Durability;
use crate::faults::PlantedFaults;
use crate::journal::rows::calls::CALLS;
use crate::journal::rows::pieces::{IN_ONE_BATCH, PIECES};
use crate::journal::{Committing, Journal};
use crate::store::{Cell, ChangedBy, LoggedCall, Next, Sizes, Store, state};
use tarmem_modules::builtins::List;
use tarmem_remote::codec::Encoding;
use tarmem_remote::object::Remote;
use tarmem_remote::registry::Registry;
use tarmem_remote::value::Value;
use tarmem_storage::{MemoryDisk, MemoryStorage, Storage};
use uuid::Uuid;

const SIZES: Sizes = Sizes { piece: 1_000, rewritten: 2_000, meanwhile: 0 };

/// A store with a large list, whose state is to be written anew.
struct Kept {
    store: Store,
    keeping: Arc<Keeping>,
    cell: Cell,
    disk: MemoryDisk,
    committing: Option<Committing>,
    calls: u64,
}

impl Kept {
    async fn new() -> (Self, Rewriting) {
        let disk = MemoryDisk::default();
        let journal = Journal::new(1, Durability::Always, PlantedFaults::default());
        let committing = Committing::start(&journal, Box::new(MemoryStorage::open(&disk)), None).expect("it starts");
        let keeping = Arc::new(Keeping::new(journal, 0, PlantedFaults::default(), SIZES));
        let next = Next { id: Uuid::from_u128(1), object: 1, generation: 1, token: 0 };
        let store = Store::new(9, None, Some((Arc::clone(&keeping), next)), PlantedFaults::default());
        let registry = Registry::linked().expect("no names clash");
        let mut list = List::default();
        for n in 0..500 {
            list.append(Value::from(format!("item {n}"))).expect("there is room");
        }
        let cell = store.host(Box::new(list), registry.class(List::PATH).expect("it is there"), "list");
        let mut kept = Kept { store, keeping, cell, disk, committing: Some(committing), calls: 0 };
        kept.keeping.rewrites(true);
        kept.settled().await;
        let state = kept.state().len();
        while kept.rows(CALLS).iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() <= state {
            kept.call();
            kept.settled().await;
        }
        let rewriting = kept.keeping.next_rewriting().expect("it was asked for");
        (kept, rewriting)
    }

    fn journal(&self) -> &Journal {
        self.keeping.journal()
    }

    /// Waits until everything that was noted is on disk.
    async fn settled(&self) {
        assert!(self.journal().opens_for(self.journal().noted()).await);
    }

    fn state(&self) -> Vec<u8> {
        let object = self.cell.try_read().expect("nobody has it").expect("it is whole");
        state::encode(&*object, 0).0
    }

    fn changes(&self, call: Option<LoggedCall<'_>>) {
        let object = loop {
            match self.cell.try_write() {
                Some(object) => break object.expect("it is whole"),
                // Its state is being encoded.
                None => std::thread::yield_now(),
            }
        };
        self.store.before_change(&self.cell, &*object);
        let by = ChangedBy { session: Uuid::nil(), sequence: 0 };
        self.store.changed(&self.cell, &*object, || Some(by), || call);
    }

    /// A call that is kept.
    fn call(&mut self) {
        let method = self.cell.class().method("append").expect("it has one");
        let (encoding, by, args) = (Encoding::Typed, (0, 0), &[0; 500]);
        self.changes(Some(LoggedCall { method, version: 1, encoding, args, body: &[], raised: None, by }));
        self.calls += 1;
    }

    /// A change that is kept by the state.
    fn change(&mut self) {
        self.changes(None);
        self.calls = 0;
    }

    fn rows(&self, of: tarmem_storage::Table) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        let loaded = MemoryStorage::open(&self.disk).load(&mut |table, key, value| {
            if table == of {
                rows.push((key.to_vec(), value.to_vec()));
            }
            Ok(())
        });
        loaded.expect("it is loaded");
        rows
    }

    /// What is on disk of the list: the version of its state, the number of its first call, and those of the calls.
    /// There are no pieces but those of that state.
    fn found(&self) -> (u64, u64, Vec<u64>) {
        let objects = self.rows(rows::OBJECTS);
        let head = Head::read(&objects[0].1).expect("it is one").expect("it is in pieces");
        let pieces = self.rows(PIECES);
        let is_of_head = |key: &[u8]| pieces::of_key(key).expect("a piece").1 == head.version;
        assert!(pieces.iter().all(|(key, _)| is_of_head(key)), "{} pieces, for {head:?}", pieces.len());
        assert_eq!(pieces.len(), head.pieces as usize);
        let first = |key: &[u8]| rows::calls::object_and_number(key).expect("a call").1;
        let rows = self.rows(CALLS);
        let numbers = rows.iter().flat_map(|(key, value)| (first(key)..).zip(rows::calls::each(value)));
        (head.version, head.first_call, numbers.map(|(number, _)| number).collect())
    }

    /// Notes these pieces of the state. Returns whether they are of use.
    fn note(&self, rewriting: &mut Rewriting, which: std::ops::RangeFrom<usize>) -> bool {
        let state = self.state();
        let pieces: Vec<_> = pieces::cut(&state, SIZES.piece).collect();
        self.keeping.note_pieces(rewriting, &pieces[which]).is_some()
    }

    /// Notes the head of a state in which all calls below this one are.
    fn finish(&self, rewriting: &Rewriting, next_call: u64) -> bool {
        let new = NewState { state: &self.state(), next_call, call_bytes: 0 };
        self.keeping.finish_rewriting(rewriting, &new).is_some()
    }
}

#[tokio::test]
async fn a_new_state_takes_the_place_of_the_calls_that_are_in_it() {
    let (mut kept, mut rewriting) = Kept::new().await;
    let first = kept.calls;
    assert_eq!(kept.found(), (IN_ONE_BATCH, 0, (0..first).collect()));
    assert!(kept.note(&mut rewriting, 0..));
    // One that is noted before the head in the same batch, and one after it.
    let entered = kept.keeping.journal().clone();
    let entered = entered.enter();
    kept.call();
    assert!(kept.finish(&rewriting, first));
    kept.call();
    drop(entered);
    kept.settled().await;
    let version = rewriting.version;
    assert_eq!(kept.found(), (version, first, vec![first, first + 1]));
    // The next state is another one.
    kept.change();
    kept.settled().await;
    assert_eq!(kept.found(), (IN_ONE_BATCH, 0, vec![]));
}

#[tokio::test]
async fn a_change_that_is_noted_and_not_encoded_makes_a_rewriting_void() {
    let (kept, mut rewriting) = Kept::new().await;
    let (calls, state) = (kept.calls, kept.state());
    assert!(kept.note(&mut rewriting, 1..));
    let object = kept.cell.try_write().expect("nobody has it").expect("it is whole");
    let by = ChangedBy { session: Uuid::nil(), sequence: 0 };
    kept.store.before_change(&kept.cell, &*object);
    let batch = kept.journal().open();
    kept.store.changed(&kept.cell, &*object, || Some(by), || None);
    // Its batch is closed, and cannot be written while the object is in use.
    while kept.journal().open() == batch {
        tokio::task::yield_now().await;
    }
    assert_eq!(kept.rows(CALLS).len() as u64, calls);
    let pieces: Vec<_> = pieces::cut(&state, SIZES.piece).collect();
    assert!(!kept.keeping.is_wanted(&rewriting));
    assert!(kept.keeping.note_pieces(&mut rewriting, &pieces[..1]).is_none());
    let new = NewState { state: &state, next_call: calls, call_bytes: 0 };
    assert!(kept.keeping.finish_rewriting(&rewriting, &new).is_none());
    drop(object);
    kept.keeping.abandon_rewriting(&rewriting, Instead::WhenFull);
    kept.settled().await;
    assert_eq!(kept.found(), (IN_ONE_BATCH, 0, vec![]));
}

#[tokio::test]
async fn a_change_in_the_batch_of_a_head_replaces_it_and_one_before_keeps_it_out() {
    for before in [false, true] {
        let (mut kept, mut rewriting) = Kept::new().await;
        assert!(kept.note(&mut rewriting, 1..));
        let journal = kept.keeping.journal().clone();
        let entered = journal.enter();
        assert!(kept.note(&mut rewriting, 0..));
        if before {
            kept.change();
        }
        assert_eq!(kept.finish(&rewriting, kept.calls), !before);
        if !before {
            kept.change();
        }
        drop(entered);
        kept.keeping.abandon_rewriting(&rewriting, Instead::WhenFull);
        kept.settled().await;
        assert_eq!(kept.found(), (IN_ONE_BATCH, 0, vec![]), "{before}");
        // The log that begins then goes on.
        kept.call();
        kept.settled().await;
        assert_eq!(kept.found(), (IN_ONE_BATCH, 0, vec![0]), "{before}");
    }
}

#[tokio::test]
async fn nothing_stays_of_an_object_that_is_dropped_meanwhile() {
    let (mut kept, mut rewriting) = Kept::new().await;
    let state = kept.state();
    let pieces: Vec<_> = pieces::cut(&state, SIZES.piece).collect();
    assert!(kept.note(&mut rewriting, 1..));
    kept.settled().await;
    // The last change has a share in it until a moment after it is on disk.
    while kept.cell.shares() > 1 {
        tokio::task::yield_now().await;
    }
    let other = kept.store.host(Box::new(List::default()), kept.cell.class(), "other");
    kept.cell = other;
    assert!(kept.keeping.note_pieces(&mut rewriting, &pieces[..1]).is_none());
    let new = NewState { state: &state, next_call: 1, call_bytes: 0 };
    assert!(kept.keeping.finish_rewriting(&rewriting, &new).is_none());
    kept.keeping.abandon_rewriting(&rewriting, Instead::WhenFull);
    kept.settled().await;
    assert_eq!((kept.rows(PIECES), kept.rows(CALLS), kept.rows(rows::OBJECTS).len()), (vec![], vec![], 1));
}

#[tokio::test]
async fn a_rewriting_that_was_given_up_leaves_the_state_to_the_next_change_for_which_there_is_no_room() {
    // There is none for any.
    for instead in [Instead::Next, Instead::WhenFull] {
        let (mut kept, rewriting) = Kept::new().await;
        let calls = kept.calls;
        kept.keeping.abandon_rewriting(&rewriting, instead);
        kept.call();
        kept.settled().await;
        assert!(kept.found().2.is_empty());
        for _ in 0..=calls {
            kept.call();
        }
        kept.settled().await;
        assert!(kept.found().2.len() as u64 <= calls + 1, "they would take more than the state");
    }
}

#[tokio::test]
async fn nothing_is_noted_when_the_journal_is_over() {
    let (mut kept, mut rewriting) = Kept::new().await;
    let found = kept.found();
    kept.committing = None;
    assert!(!kept.note(&mut rewriting, 0..) && !kept.finish(&rewriting, kept.calls));
    kept.keeping.abandon_rewriting(&rewriting, Instead::WhenFull);
    assert_eq!(kept.found(), found);
}
