//! Large states, which are kept in pieces.

use super::cut_off::CutOff;
use super::rows::{CALLS, OBJECTS, PIECES, all};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::storage::{Batch, MemoryStorage, Storage};
use tarmem::{Proxy, RunningService, ServeError, Service, Session, remote};

/// How many bytes of a state are in one row, at most.
const PIECE: usize = 256 << 10;

/// Something whose changes are kept by its state.
#[remote(module = "large")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Tube {
    filling: String,
}

#[remote]
impl Tube {
    pub fn of(length: u64) -> Self {
        Tube { filling: "x".repeat(length as usize) }
    }

    pub fn fill(&mut self, length: u64) {
        self.filling = "y".repeat(length as usize);
    }

    pub fn length(&self) -> u64 {
        self.filling.len() as u64
    }
}

async fn start(disk: &CutOff) -> (RunningService, Session) {
    let service = Service::new("127.0.0.1", 0).storage(disk.storage()).start().await.expect("it starts");
    let session = Session::connect(service.address()).await.expect("it connects");
    (service, session)
}

/// Items of 1000 bytes, each another one.
fn items(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("{n:01000}")).collect()
}

async fn found(session: &Session, key: &str) -> Vec<String> {
    session.get::<List>(key).await.expect("it is there").snapshot_as().await.expect("it is shown")
}

/// How many rows each table has.
fn count(disk: &CutOff) -> BTreeMap<u8, usize> {
    let mut tables = BTreeMap::new();
    for (table, _, value) in all(&disk.there) {
        assert!(value.len() <= PIECE, "a row has {} bytes", value.len());
        *tables.entry(table).or_default() += 1;
    }
    tables
}

#[tokio::test]
async fn a_state_that_is_too_large_for_a_row_is_there_after_a_restart_and_goes_with_its_object() {
    let disk = CutOff::default();
    let (service, session) = start(&disk).await;
    let list = session.memoize("list", ListProxy::new(items(0, 700))).await.expect("it is made");
    let small = session.memoize("small", ListProxy::new(items(0, 10))).await.expect("it is made");
    assert_eq!(count(&disk).get(&PIECES), Some(&3), "700,000 bytes");
    // Kept as a call, and as a state that replaces the other one.
    list.append("last").await.expect("it appends");
    small.extend(items(10, 600)).await.expect("it extends");
    assert_eq!(count(&disk).get(&PIECES), Some(&6));
    disk.cut();
    drop((service, session));

    let (service, session) = start(&disk).await;
    assert_eq!(found(&session, "list").await, [items(0, 700), vec!["last".to_owned()]].concat());
    assert_eq!(found(&session, "small").await, items(0, 600));
    // An orderly end leaves states only, in pieces, too.
    assert!(count(&disk).contains_key(&CALLS));
    session.close().await;
    service.shutdown().await;
    assert_eq!(count(&disk).get(&CALLS), None);
    assert_eq!(count(&disk).get(&PIECES), Some(&6));

    let (service, session) = start(&disk).await;
    assert_eq!(found(&session, "list").await, [items(0, 700), vec!["last".to_owned()]].concat());
    // States that fit into their rows again, written by an orderly end, and at once.
    let small = session.get::<List>("small").await.expect("it is there");
    small.clear().await.expect("it is there");
    small.extend(items(0, 10)).await.expect("it extends");
    assert_eq!(count(&disk).get(&PIECES), Some(&6));
    session.close().await;
    service.shutdown().await;
    assert_eq!(count(&disk).get(&PIECES), Some(&3));
    let (service, session) = start(&disk).await;
    let tube = session.memoize("tube", TubeProxy::of(10)).await.expect("it is made");
    for (length, pieces) in [(PIECE, 5), (5 * PIECE / 2, 6), (10, 3), (PIECE - 50, 3), (PIECE, 5)] {
        tube.fill(length as u64).await.expect("it is there");
        assert_eq!(count(&disk).get(&PIECES), Some(&pieces), "{length}");
    }
    session.delete("list").await.expect("it is there");
    disk.cut();
    drop((service, session));
    let (service, session) = start(&disk).await;
    assert_eq!(found(&session, "small").await, items(0, 10));
    assert_eq!(session.get::<Tube>("tube").await.expect("it is there").length().await, Ok(PIECE as u64));
    session.delete("tube").await.expect("it is there");
    assert_eq!(count(&disk).get(&PIECES), None);
    drop((service, session));
}

/// Makes changes to what is on a disk, and says why a service does not start from it then.
async fn refusal(disk: &CutOff, change: impl FnOnce(&mut Batch, &[(u8, Vec<u8>, Vec<u8>)])) -> String {
    let mut batch = Batch::default();
    let rows: Vec<_> = all(&disk.there).into_iter().filter(|(table, ..)| *table == PIECES).collect();
    change(&mut batch, &rows);
    MemoryStorage::open(&disk.there).commit(0, &batch).expect("it is committed");
    match Service::new("127.0.0.1", 0).storage(disk.storage()).start().await {
        Err(ServeError::Recovery(error)) => error.to_string(),
        other => panic!("it should be refused: {:?}", other.is_ok()),
    }
}

#[tokio::test]
async fn a_missing_or_surplus_piece_refuses_the_start_and_one_that_was_left_over_is_removed() {
    let disk = CutOff::default();
    let (service, session) = start(&disk).await;
    session.memoize("list", ListProxy::new(items(0, 700))).await.expect("it is made");
    disk.cut();
    drop((service, session));
    let copy = disk.copy();
    let why = refusal(&copy, |batch, rows| batch.remove(PIECES, &rows[1].1)).await;
    assert!(why.contains("is damaged: its piece 1, of 3, is missing"), "{why}");
    let copy = disk.copy();
    let why = refusal(&copy, |batch, rows| {
        let mut key = rows[2].1.clone();
        key[19] += 1;
        batch.put(PIECES, &key, b"more");
    })
    .await;
    assert!(why.contains("is damaged: it has a piece 3, of 3"), "{why}");
    // Of a state that never came to be, and of an object that is gone.
    let mut batch = Batch::default();
    for (table, key, value) in all(&disk.there).into_iter().filter(|(table, ..)| *table == PIECES) {
        for at in [7, 15] {
            let mut other = key.clone();
            other[at] += 7;
            batch.put(table, &other, &value);
        }
    }
    MemoryStorage::open(&disk.there).commit(0, &batch).expect("it is committed");
    assert_eq!(count(&disk).get(&PIECES), Some(&9));
    let (service, session) = start(&disk).await;
    assert_eq!(found(&session, "list").await, items(0, 700));
    drop((service, session));
    assert_eq!(count(&disk).get(&PIECES), Some(&3));
    assert_eq!(count(&disk).get(&OBJECTS), Some(&1));
}
