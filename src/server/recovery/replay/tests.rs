//! What is kept of calls that can be made again, and what becomes of it when the service starts.

use super::{NotReplayed, ReplayProblem};
use crate::journal::rows::calls::{self, CallRow};
use crate::journal::rows::{OBJECTS, object};
use crate::server::recovery::objects::{self, Ask};
use crate::server::recovery::{Found, Progress};
use crate::server::state::Seams;
use crate::store::Store;
use crate::{Proxy, RecoveryError, RunningService, ServeError, Service, Session, remote};
use futures::future::join_all;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_modules::builtins::{DictProxy, List, ListProxy};
use tarmem_remote::registry::Registry;
use tarmem_storage::{Batch, Hooked, MemoryDisk, MemoryStorage, Storage, StorageError, Table};

/// A disk in memory, from which a service can be cut off, as if it was killed.
#[derive(Clone, Default)]
struct Disk {
    there: MemoryDisk,
    is_off: Arc<AtomicBool>,
}

type Row = (Table, Vec<u8>, Vec<u8>);

impl Disk {
    async fn try_start(&self) -> Result<RunningService, ServeError> {
        self.is_off.store(false, Ordering::SeqCst);
        let is_off = Arc::clone(&self.is_off);
        let storage =
            Hooked::new(MemoryStorage::open(&self.there), move |_: &Batch| match is_off.load(Ordering::SeqCst) {
                true => Err(StorageError::Refused("it is off".to_owned())),
                false => Ok(()),
            });
        Service::new("127.0.0.1", 0).storage(storage).start().await
    }

    async fn start(&self) -> (RunningService, Session) {
        let service = self.try_start().await.expect("it starts");
        let session = Session::connect(service.address()).await.expect("it connects");
        (service, session)
    }

    /// Ends a service so that it can write nothing more.
    fn kill(&self, (service, session): (RunningService, Session)) {
        self.is_off.store(true, Ordering::SeqCst);
        drop((service, session));
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut storage = MemoryStorage::open(&self.there);
        let loaded = storage.load(&mut |table, key, value| {
            rows.push((table, key.to_vec(), value.to_vec()));
            Ok(())
        });
        loaded.expect("it is loaded");
        rows
    }

    fn calls(&self) -> Vec<Row> {
        self.rows().into_iter().filter(|(table, ..)| *table == calls::CALLS).collect()
    }

    fn bytes_of(&self, of: Table) -> usize {
        let rows = self.rows().into_iter().filter(|(table, ..)| *table == of);
        rows.map(|(_, key, value)| key.len() + value.len()).sum()
    }

    /// Writes another row in place of each call.
    fn tamper(&self, change: impl Fn(CallRow<'_>, &[u8]) -> Vec<u8>) {
        let mut batch = Batch::default();
        for (table, key, value) in self.calls() {
            let (row, args) = CallRow::decode(&value).expect("a call");
            batch.put(table, &key, &change(row, args));
        }
        MemoryStorage::open(&self.there).commit(0, &batch).expect("it is committed");
    }

    /// The error of a start that is refused, which changes nothing.
    async fn refusal(&self) -> RecoveryError {
        let before = self.rows();
        let Err(ServeError::Recovery(error)) = self.try_start().await else { panic!("it starts") };
        assert_eq!(self.rows(), before, "nothing has changed");
        error
    }

    /// Why a start is refused because of call 0 of `method` of the object under "ledger".
    async fn problem(&self, of: &str) -> ReplayProblem {
        let error = self.refusal().await;
        assert!(error.to_string().starts_with("the object under \"ledger\": call 0 of replay.Ledger."), "{error}");
        let RecoveryError::NotReplayed(refused) = error else { panic!("it is refused for another reason: {error}") };
        let NotReplayed { key, class, method, call, why, .. } = refused;
        assert_eq!((key.as_str(), class, method.as_str(), call), ("ledger", "replay.Ledger", of, 0));
        why
    }
}

/// What the entries of a ledger are multiplied with. One test changes it, as a new version of the program would.
static FACTOR: AtomicBool = AtomicBool::new(false);

/// While it is locked, one of the methods waits.
static HELD: Mutex<()> = Mutex::new(());

#[remote(module = "replay")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Ledger {
    sums: Vec<i64>,
    note: String,
}

#[remote]
impl Ledger {
    #[remote(inline)]
    pub fn filled() -> Self {
        Ledger { sums: vec![0], note: "a note that makes the state large: ".repeat(64) }
    }

    pub fn sums(&self) -> Vec<i64> {
        self.sums.clone()
    }

    #[remote(replay)]
    pub fn add(&mut self, amount: i64) -> i64 {
        self.sums.push(self.sums.last().unwrap_or(&0) + amount);
        self.sums[self.sums.len() - 1]
    }

    #[remote(replay)]
    pub fn change_body(&mut self, amount: i64) -> i64 {
        self.add(if FACTOR.load(Ordering::SeqCst) { 2 * amount } else { amount })
    }

    #[remote(replay)]
    pub fn add_when_free(&mut self, amount: i64) -> i64 {
        drop(HELD.lock());
        self.add(amount)
    }

    #[remote(replay = 3, blocking)]
    pub fn add_off_thread(&mut self, amount: i64) -> i64 {
        self.add(amount)
    }

    #[remote(replay)]
    pub fn add_at_most(&mut self, amount: i64) -> Result<i64, String> {
        self.sums.push(amount);
        if amount > 100 { Err(format!("{amount} is too much")) } else { Ok(amount) }
    }

    #[remote(replay)]
    pub fn panic_at(&mut self, amount: i64) {
        assert_ne!(amount, 7, "seven is not liked");
        self.sums.push(amount);
    }

    pub fn add_as_state(&mut self, amount: i64) {
        self.sums.push(amount);
    }

    pub fn shorten(&mut self) {
        self.note.clear();
    }
}

#[remote(module = "replay")]
pub(crate) fn add_to_both(one: &mut Ledger, other: &mut Ledger, amount: i64) {
    one.add(amount);
    other.add(amount);
}

async fn ledger(session: &Session) -> LedgerProxy {
    session.memoize("ledger", LedgerProxy::filled()).await.expect("it is there")
}

/// A disk with one logged call of the ledger.
async fn with_one_call() -> Disk {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.add(5).await, Ok(5));
    disk.kill((service, session));
    assert_eq!(disk.calls().len(), 1);
    disk
}

#[tokio::test]
async fn calls_are_made_again_after_a_kill_and_an_ordered_end_leaves_none() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let ledger_of = ledger(&session).await;
    ledger_of.add(1).await.expect("it adds");
    ledger_of.add_off_thread(2).await.expect("it adds");
    assert!(ledger_of.add_at_most(101).await.is_err());
    disk.kill((service, session));
    assert_eq!(disk.calls().len(), 3);
    let (service, session) = disk.start().await;
    let ledger_of = ledger(&session).await;
    assert_eq!(ledger_of.sums().await, Ok(vec![0, 1, 3, 101]));
    // The log goes on where it was.
    ledger_of.add(4).await.expect("it adds");
    assert_eq!(disk.calls().len(), 4);
    disk.kill((service, session));
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.sums().await, Ok(vec![0, 1, 3, 101, 105]));
    drop((service, session));
    assert_eq!(disk.calls(), []);
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.sums().await, Ok(vec![0, 1, 3, 101, 105]));
    service.shutdown().await;
    drop(session);
}

#[tokio::test]
async fn a_method_that_is_not_made_again_keeps_the_state_and_removes_the_calls() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let one = ledger(&session).await;
    let other = session.memoize("other", LedgerProxy::filled()).await.expect("it is there");
    one.add(1).await.expect("it adds");
    one.add_as_state(2).await.expect("it adds");
    assert_eq!(disk.calls(), []);
    one.add(3).await.expect("it adds");
    other.add(3).await.expect("it adds");
    assert_eq!(disk.calls().len(), 2);
    add_to_both::remote(&one, &other, 4).call(&session).await.expect("it adds");
    assert_eq!(disk.calls(), []);
    // A method that panics may have done anything.
    one.add(1).await.expect("it adds");
    assert!(one.panic_at(7).await.is_err());
    assert_eq!(disk.calls(), []);
    one.clear_poison().await.expect("it is poisoned");
    one.add(2).await.expect("it adds");
    let sums = one.sums().await.expect("it is there");
    disk.kill((service, session));
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.sums().await, Ok(sums));
    disk.kill((service, session));
}

#[tokio::test]
async fn small_objects_are_kept_by_their_states() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("it is made");
    for n in 1..20_i64 {
        assert_eq!(dict.incr("n", 1).await, Ok(n));
        assert_eq!(disk.calls(), []);
    }
    // Its state is larger than a call, and still small.
    let list = session.memoize("list", ListProxy::new(Vec::from_iter(0..60_i64))).await.expect("it is made");
    list.append(60).await.expect("it appends");
    assert!(disk.bytes_of(OBJECTS) > 200);
    assert_eq!(disk.calls(), []);
    let one = ledger(&session).await;
    one.add(1).await.expect("it adds");
    one.shorten().await.expect("it is there");
    one.add(1).await.expect("it adds");
    assert_eq!(disk.calls(), []);
    disk.kill((service, session));
}

#[tokio::test]
async fn the_state_is_written_again_once_the_calls_are_larger() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let numbers: Vec<i64> = (0..500).collect();
    let list = session.memoize("list", ListProxy::new(numbers.clone())).await.expect("it is made");
    let (mut most, mut states) = (0, 0);
    for n in 500..900_i64 {
        list.append(n).await.expect("it appends");
        let (calls, state) = (disk.bytes_of(calls::CALLS), disk.bytes_of(OBJECTS));
        assert!(calls <= state, "{calls} bytes of calls, {state} of states");
        states += usize::from(calls < most);
        most = calls;
    }
    assert!((2..40).contains(&states), "{states} states");
    disk.kill((service, session));
    let (service, session) = disk.start().await;
    let kept: Vec<i64> = session.proxy::<List>("list").snapshot_as().await.expect("it is there");
    assert_eq!(kept, (0..900).collect::<Vec<_>>());
    disk.kill((service, session));
}

#[tokio::test]
async fn calls_that_wait_for_their_object_are_logged_each_once() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let other = Session::connect(service.address()).await.expect("it connects");
    let (one, another) = (ledger(&session).await, ledger(&other).await);
    let calls = (0..100).map(async |n| match n % 4 {
        0 => one.add(1).await,
        1 => another.add(1).await,
        2 => one.add_off_thread(1).await,
        _ => another.add_off_thread(1).await,
    });
    let mut sums: Vec<i64> = join_all(calls).await.into_iter().collect::<Result<_, _>>().expect("they add");
    drop(other);
    disk.kill((service, session));
    sums.sort_unstable();
    assert_eq!(sums, (1..=100).collect::<Vec<_>>());
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.sums().await, Ok((0..=100).collect()));
    disk.kill((service, session));
}

#[tokio::test]
async fn an_object_that_refers_to_others_is_kept_by_its_state() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let numbers: Vec<i64> = (0..1000).collect();
    let list = session.memoize("list", ListProxy::new(numbers)).await.expect("it is made");
    list.append(1).await.expect("it appends");
    assert_eq!(disk.calls().len(), 1);
    let held = session.create(ListProxy::new(None)).await.expect("it is made");
    list.append(held.reference().expect("it has one")).await.expect("it appends");
    list.append(2).await.expect("it appends");
    assert_eq!(disk.calls(), []);
    // What it refers to is gone with the reference; the state must not refer to it then.
    drop(held);
    list.delete(-2).await.expect("it is there");
    assert_eq!(list.len().await, Ok(1002));
    disk.kill((service, session));
    let (service, session) = disk.start().await;
    assert_eq!(session.proxy::<List>("list").len().await, Ok(1002));
    assert_eq!(service.object_count(), 1);
    disk.kill((service, session));
}

#[tokio::test]
async fn the_calls_of_an_object_that_is_gone_are_removed() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let one = ledger(&session).await;
    one.add(1).await.expect("it adds");
    assert_eq!(disk.calls().len(), 1);
    session.delete("ledger").await.expect("it is there");
    assert_eq!((disk.calls(), disk.bytes_of(OBJECTS)), (vec![], 0));
    disk.kill((service, session));
}

#[tokio::test]
async fn a_changed_body_is_noticed_by_its_result() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    ledger(&session).await.change_body(5).await.expect("it adds");
    disk.kill((service, session));
    FACTOR.store(true, Ordering::SeqCst);
    let problem = disk.problem("change_body").await;
    FACTOR.store(false, Ordering::SeqCst);
    assert_eq!(problem, ReplayProblem::OtherResult);
    let (service, session) = disk.start().await;
    assert_eq!(ledger(&session).await.sums().await, Ok(vec![0, 5]));
    disk.kill((service, session));
}

#[tokio::test]
async fn a_start_with_another_signature_version_or_method_is_refused() {
    let disk = with_one_call().await;
    let then = disk.calls();
    disk.tamper(|row, args| CallRow { method: "add_all", ..row }.encode(args));
    assert_eq!(disk.problem("add_all").await, ReplayProblem::NoSuchMethod);
    disk.tamper(|row, args| CallRow { method: "sums", ..row }.encode(args));
    assert_eq!(disk.problem("sums").await, ReplayProblem::OtherVersion { then: 1, now: None });
    disk.tamper(|row, args| CallRow { method: "add_off_thread", ..row }.encode(args));
    assert_eq!(disk.problem("add_off_thread").await, ReplayProblem::OtherVersion { then: 1, now: Some(3) });
    disk.tamper(|row, args| CallRow { method: "panic_at", ..row }.encode(args));
    let now = "replay.Ledger.panic_at(amount: i64)".to_owned();
    assert_eq!(disk.problem("panic_at").await, ReplayProblem::OtherSignature { now });
    // As it was, it starts.
    disk.tamper(|row, args| CallRow { method: "add", ..row }.encode(args));
    assert_eq!(disk.calls(), then);
    disk.try_start().await.expect("it starts").shutdown().await;
}

#[tokio::test]
async fn calls_that_are_damaged_refuse_the_start() {
    let disk = with_one_call().await;
    disk.tamper(|row, args| row.encode(&args[1..]));
    assert_eq!(disk.problem("add").await, ReplayProblem::OtherResult);
    disk.tamper(|_, _| Vec::new());
    assert!(matches!(disk.problem("").await, ReplayProblem::Damaged { .. }));

    let disk = with_one_call().await;
    let mut batch = Batch::default();
    let [(table, key, value)] = disk.calls().try_into().expect("one call");
    batch.remove(table, &key);
    let of = object(&key[..8]).expect("an object");
    calls::put(&mut batch, of, 1, &value);
    MemoryStorage::open(&disk.there).commit(0, &batch).expect("it is committed");
    assert!(matches!(disk.problem("").await, ReplayProblem::Damaged { .. }));
    batch.clear();
    batch.remove(table, &[&key[..8], &1_u64.to_be_bytes()].concat());
    calls::put(&mut batch, of + 100, 0, &value);
    MemoryStorage::open(&disk.there).commit(0, &batch).expect("it is committed");
    assert!(matches!(disk.refusal().await, RecoveryError::Unreadable(_)));
}

#[tokio::test]
async fn a_method_that_panics_when_its_call_is_made_again_refuses_the_start() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    ledger(&session).await.panic_at(6).await.expect("six is liked");
    disk.kill((service, session));
    // (14 is 7 as a signed number in the typed encoding.)
    disk.tamper(|row, _| row.encode(&[14]));
    let ReplayProblem::Panicked { message } = disk.problem("panic_at").await else { panic!("another problem") };
    assert!(message.contains("seven is not liked"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_being_made_again_can_be_named() {
    let disk = Disk::default();
    let (service, session) = disk.start().await;
    let ledger = session.memoize("ledger", LedgerProxy::filled()).await.expect("it is made");
    for amount in 0..2 {
        ledger.add(amount).await.expect("it is added");
    }
    ledger.add_when_free(2).await.expect("it is added");
    disk.kill((service, session));
    let held = HELD.lock();
    let progress = Arc::new(Progress::default());
    assert_eq!((progress.call(), progress.now().objects), (None, 0));
    let loading = std::thread::spawn({
        let (progress, there) = (Arc::clone(&progress), disk.there.clone());
        move || {
            let seams = Seams::default();
            let found = Found::read(Box::new(MemoryStorage::open(&there)), &seams, &progress).expect("it is read");
            let registry = Registry::linked().expect("no names clash");
            let store = Store::new(usize::MAX, None, Some(found.keeping()), seams.faults);
            objects::make(&store, &registry, &found.stored, &progress, Ask::Least).0.unreadable.len()
        }
    });
    let named = "call 2 of replay.Ledger.add_when_free since the last state of the object under \"ledger\" is being \
                 made again";
    while progress.call().is_none_or(|call| call.to_string() != named) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!((progress.now().made, progress.now().objects), (1, 1));
    drop(held);
    assert_eq!(loading.join().expect("no panic"), 0);
    assert_eq!(progress.call(), None);
}
