//! Large states are written anew in the background, while calls go on.

use super::cut_off::CutOff;
use super::processes::Scratch;
use super::rows::{CALLS, OBJECTS, PIECES, all};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::storage::{Batch, LocalOptions, LocalStorage, RealDisk};
use tarmem::{Proxy, RunningService, Service, Session, remote};

/// A state of this many bytes is written anew.
const LARGE: usize = 1_100_000;

/// How many bytes the argument of a call has, and with how many calls the state is to be written anew.
const ARGUMENT: usize = 50_000;
const ENOUGH: usize = LARGE / ARGUMENT;

/// How many bytes calls take, besides twice as many as the state, before the state is written at once.
const MEANWHILE: usize = 64 << 20;

/// How long is waited for the thread that writes states anew.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the thread that writes states anew does when it makes the calls of a slab again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Goes,
    Stops,
    /// It does something else than the call has done.
    Errs,
}

/// What is to be done with each slab, and which ones have been come to.
static SLABS: Mutex<Option<HashMap<String, (Does, bool)>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

fn slabs() -> MutexGuard<'static, Option<HashMap<String, (Does, bool)>>> {
    SLABS.lock().expect("nobody panics")
}

/// Tells the thread what to do with this slab.
fn tell(slab: &str, does: Does) {
    slabs().get_or_insert_default().entry(slab.to_owned()).or_insert((does, false)).0 = does;
    CHANGED.notify_all();
}

/// Waits until the thread has come to this slab.
async fn come_to(slab: &'static str) {
    let waits = move || {
        let has_not = |slabs: &mut Option<HashMap<_, (Does, bool)>>| {
            !slabs.as_ref().and_then(|slabs| slabs.get(slab)).is_some_and(|(_, has_come)| *has_come)
        };
        let (_slabs, waited) = CHANGED.wait_timeout_while(slabs(), PATIENCE, has_not).expect("nobody panics");
        assert!(!waited.timed_out(), "nothing was written anew of {slab}");
    };
    tokio::task::spawn_blocking(waits).await.expect("it does not panic");
}

/// Something large.
#[remote(module = "rewriting")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Slab {
    name: String,
    filling: String,
    sum: i64,
}

#[remote]
impl Slab {
    pub fn of(name: String) -> Self {
        Slab { name, filling: "x".repeat(LARGE), sum: 0 }
    }

    /// Kept by the call.
    #[remote(replay)]
    pub fn add(&mut self, by: i64, _note: String) -> i64 {
        self.sum += by;
        if std::thread::current().name() == Some("tarmem-rewrite") {
            let mut slabs = slabs();
            if let Some((does, has_come)) = slabs.as_mut().and_then(|slabs| slabs.get_mut(&self.name)) {
                *has_come = true;
                self.sum += i64::from(*does == Does::Errs);
            }
            CHANGED.notify_all();
            let stops = |slabs: &mut Option<HashMap<_, (Does, bool)>>| {
                slabs.as_ref().and_then(|slabs| slabs.get(&self.name)).is_some_and(|(does, _)| *does == Does::Stops)
            };
            drop(CHANGED.wait_while(slabs, stops).expect("nobody panics"));
        }
        self.sum
    }

    /// Kept by the state.
    pub fn multiply(&mut self, by: i64) -> i64 {
        self.sum *= by;
        self.sum
    }

    pub fn spoil(&mut self) {
        self.sum = -1;
        panic!("it is spoiled");
    }

    pub fn sum(&self) -> i64 {
        self.sum
    }
}

async fn start(disk: &CutOff) -> (RunningService, Session) {
    let service = Service::new("127.0.0.1", 0).storage(disk.storage()).start().await.expect("it starts");
    let session = Session::connect(service.address()).await.expect("it connects");
    (service, session)
}

fn rows(disk: &CutOff, of: u8) -> usize {
    all(&disk.there).iter().filter(|(table, ..)| *table == of).count()
}

/// The version of the state of the only object; 0 if it was written in one batch.
fn version(disk: &CutOff) -> u64 {
    let rows = all(&disk.there);
    let head = rows.iter().find(|(table, _, value)| *table == OBJECTS && value.len() == 29).expect("there is one");
    u64::from_le_bytes(head.2[1..9].try_into().expect("eight bytes"))
}

/// Waits until the state of the only object is written anew.
async fn until_written_anew(disk: &CutOff, after: u64) -> u64 {
    loop {
        match version(disk) {
            version if version != after => return version,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn note() -> String {
    "n".repeat(ARGUMENT)
}

/// A slab whose state is being written anew, and the thread that does so has stopped.
async fn stopped(name: &'static str) -> (CutOff, (RunningService, Session), SlabProxy, i64) {
    let disk = CutOff::default();
    let running = start(&disk).await;
    let slab = running.1.memoize("slab", SlabProxy::of(name.to_owned())).await.expect("it is made");
    tell(name, Does::Stops);
    for n in 1..=ENOUGH as i64 {
        assert_eq!(slab.add(1, note()).await, Ok(n));
    }
    come_to(name).await;
    (disk, running, slab, ENOUGH as i64)
}

/// What a slab comes to after a restart.
async fn sum_again(disk: &CutOff, running: (RunningService, Session), name: &str) -> i64 {
    disk.cut();
    tell(name, Does::Goes);
    drop(running);
    let (service, session) = start(disk).await;
    let sum = session.get::<Slab>("slab").await.expect("it is there").sum().await.expect("it is whole");
    disk.cut();
    drop((service, session));
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_of_a_large_list_is_written_anew_and_later_calls_stay() {
    let disk = CutOff::default();
    let mut running = start(&disk).await;
    let mut expected: Vec<String> = (0..LARGE / 100).map(|n| format!("{n:0100}")).collect();
    let mut list = running.1.memoize("list", ListProxy::new(expected.clone())).await.expect("it is made");
    let (mut last, mut times) = (0, 0);
    // (Each time it is twice as large.)
    while times < 2 {
        let item = format!("{:0width$}", expected.len(), width = ARGUMENT);
        list.append(item.clone()).await.expect("it appends");
        expected.push(item);
        // What is written at once has no version.
        let now = version(&disk);
        if now != last {
            assert!(now > last, "{now} after {last}: it was written at once");
            (last, times) = (now, times + 1);
            disk.cut();
            drop(running);
            let again = disk.copy();
            running = start(&disk).await;
            list = running.1.get::<List>("list").await.expect("it is there");
            let found: Vec<String> = list.snapshot_as().await.expect("it is shown");
            assert!(found == expected, "{} of {}", found.len(), expected.len());
            // Nothing else is left of it.
            let (service, session) = start(&again).await;
            session.close().await;
            service.shutdown().await;
            assert_eq!((rows(&again, OBJECTS), rows(&again, CALLS)), (1, 0));
        } else {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_state_that_is_written_anew() {
    let (disk, running, slab, mut sum) = stopped("nobody waits").await;
    // Readers and writers of the object, from another connection, too, and of others.
    let other = Session::connect(running.0.address()).await.expect("it connects");
    let list = other.memoize("list", ListProxy::new(None)).await.expect("it is made");
    for _ in 0..3 {
        sum += 1;
        assert_eq!(slab.add(1, String::new()).await, Ok(sum));
        assert_eq!(other.get::<Slab>("slab").await.expect("it is there").sum().await, Ok(sum));
        list.append(1).await.expect("it appends");
    }
    let calls = rows(&disk, CALLS);
    tell("nobody waits", Does::Goes);
    until_written_anew(&disk, 0).await;
    // (The last call before it stopped may have come too late for the snapshot.)
    assert!((3..=4).contains(&rows(&disk, CALLS)), "{} of {calls}", rows(&disk, CALLS));
    assert_eq!(slab.add(1, String::new()).await, Ok(sum + 1));
    assert_eq!(sum_again(&disk, running, "nobody waits").await, sum + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_written_meanwhile_stays() {
    for (name, poisons) in [("meanwhile", false), ("meanwhile poisoned", true)] {
        let (disk, running, slab, sum) = stopped(name).await;
        let expected = if poisons {
            assert!(slab.spoil().await.is_err());
            slab.clear_poison().await.expect("it is poisoned");
            -1
        } else {
            assert_eq!(slab.multiply(10).await, Ok(10 * sum));
            10 * sum
        };
        assert_eq!(rows(&disk, CALLS), 0);
        // The log that begins anew is another one.
        assert_eq!(slab.add(1, note()).await, Ok(expected + 1));
        tell(name, Does::Goes);
        for n in 2..=ENOUGH as i64 {
            assert_eq!(slab.add(1, note()).await, Ok(expected + n));
        }
        // It is written anew again, by the same thread: so that is done with the first time.
        until_written_anew(&disk, 0).await;
        let pieces = rows(&disk, PIECES);
        assert_eq!(pieces, LARGE.div_ceil(256 << 10), "none is left over");
        assert_eq!(sum_again(&disk, running, name).await, expected + ENOUGH as i64);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_an_object_that_is_dropped_meanwhile() {
    let (disk, running, slab, _) = stopped("dropped").await;
    drop(slab);
    running.1.delete("slab").await.expect("it is there");
    tell("dropped", Does::Goes);
    // The next one, by the same thread.
    let name = "after a dropped one";
    let slab = running.1.memoize("slab", SlabProxy::of(name.to_owned())).await.expect("it is made");
    for _ in 0..ENOUGH {
        slab.add(1, note()).await.expect("it adds");
    }
    until_written_anew(&disk, 0).await;
    assert_eq!((rows(&disk, OBJECTS), rows(&disk, PIECES)), (1, LARGE.div_ceil(256 << 10)));
    assert_eq!(sum_again(&disk, running, name).await, ENOUGH as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_written_at_once_if_there_are_too_many_calls_meanwhile() {
    let (disk, running, slab, mut sum) = stopped("too many").await;
    let (mut most, argument) = (0, 1 << 20);
    loop {
        let calls = rows(&disk, CALLS);
        if calls < most {
            break;
        }
        most = calls;
        sum += 1;
        assert_eq!(slab.add(1, "n".repeat(argument)).await, Ok(sum));
    }
    let room = (MEANWHILE + 2 * LARGE - ENOUGH * ARGUMENT) / argument;
    assert!((room - 1..=room).contains(&(most - ENOUGH)), "{most} calls, where {room} large ones have room");
    assert_eq!((rows(&disk, CALLS), version(&disk)), (0, 0));
    assert_eq!(sum_again(&disk, running, "too many").await, sum);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_written_with_the_next_change_if_the_calls_come_to_something_else() {
    let (disk, running, slab, sum) = stopped("errs").await;
    assert_eq!(rows(&disk, CALLS), ENOUGH);
    tell("errs", Does::Errs);
    // The first call was made by then; the thread tells nobody when it has found out.
    let mut sum = sum;
    while rows(&disk, CALLS) > 0 {
        sum += 1;
        assert_eq!(slab.add(1, String::new()).await, Ok(sum));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(version(&disk), 0);
    assert_eq!(sum_again(&disk, running, "errs").await, sum);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_does_not_wait_for_all_of_it_and_leaves_states_only() {
    let (disk, (service, session), slab, sum) = stopped("ends").await;
    tell("ends", Does::Goes);
    drop(slab);
    session.close().await;
    service.shutdown().await;
    assert_eq!((rows(&disk, CALLS), rows(&disk, PIECES)), (0, LARGE.div_ceil(256 << 10)));
    let running = start(&disk).await;
    assert_eq!(sum_again(&disk, running, "ends").await, sum);
}

fn tarmem(words: &[&str], input: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tarmem"));
    let input = input.map_or(Stdio::null(), |path| std::fs::File::open(path).expect("it is there").into());
    let output = command.args(words).stdin(input).output().expect("it starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_has_a_state_in_pieces_with_the_calls_after_it() {
    let disk = CutOff::default();
    let (service, session) = start(&disk).await;
    let mut expected: Vec<String> = (0..LARGE / 100).map(|n| format!("{n:0100}")).collect();
    let list = session.memoize("list", ListProxy::new(expected.clone())).await.expect("it is made");
    while version(&disk) == 0 || rows(&disk, CALLS) == 0 {
        let item = format!("{:0width$}", expected.len(), width = ARGUMENT);
        list.append(item.clone()).await.expect("it appends");
        expected.push(item);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    disk.cut();
    drop((service, session));
    // The same rows in a directory.
    let scratch = Scratch::new("rewriting");
    let path = |name: &str| scratch.0.join(name).display().to_string();
    let (mut batch, stays) = (Batch::default(), |table: u8| table < 3 || table == CALLS || table == PIECES);
    for (table, key, value) in all(&disk.there).into_iter().filter(|(table, ..)| stays(*table)) {
        batch.put(table, &key, &value);
    }
    let real = Arc::new(RealDisk::exclusive(path("old")).expect("it can be made"));
    drop(LocalStorage::create(real, LocalOptions::default(), &batch).expect("it is written"));
    let checked: Json = serde_json::from_slice(&tarmem(&["data", "check", &path("old")], None)).expect("JSON");
    assert_eq!((&checked["objects"], &checked["unreadable"]), (&Json::from(1), &Json::from(0)), "{checked}");
    let dump = scratch.0.join("dump");
    std::fs::write(&dump, tarmem(&["data", "dump", &path("old")], None)).expect("there is room");
    tarmem(&["data", "restore", &path("new")], Some(&dump));
    for name in ["old", "new"] {
        let service = Service::new("127.0.0.1", 0).data(path(name)).start().await.expect("it starts");
        let session = Session::connect(service.address()).await.expect("it connects");
        let found: Vec<String> =
            session.get::<List>("list").await.expect("it is there").snapshot_as().await.expect("it is shown");
        assert!(found == expected, "{name}: {} of {}", found.len(), expected.len());
        session.close().await;
        service.shutdown().await;
    }
}
