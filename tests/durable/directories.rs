//! Directories that released versions have written are opened by this one. `directories/README.md` says how they get
//! there.
//!
//! Each version has two: `killed`, as it was at a moment while a client was connected, with calls in place of states;
//! and `ended`, after the service was shut down in order. `expected.json` beside them says what has to be found.

use super::processes::Scratch;
use super::rows::{CALLS, HANDLES, KEYS, META, OBJECTS, OUTCOMES, RUNS, SESSIONS, UNDOS};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{Condition, ConditionProxy, Lock, LockProxy, RLockProxy, SemaphoreProxy};
use tarmem::storage::{LocalOptions, LocalStorage, RealDisk, Storage};
use tarmem::{Limits, Proxy, RunningService, Service, Session, Value, args, remote};

/// A class of a user's, with values in it of most kinds that serde knows.
#[remote(module = "released")]
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    number: u64,
    total: f64,
    lines: Vec<Line>,
    notes: BTreeMap<String, Option<String>>,
    state: State,
    #[serde(with = "serde_bytes")]
    seal: Vec<u8>,
    pair: (i8, bool),
    customer: Value,
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    name: String,
    count: i64,
}

#[derive(Clone, Serialize, Deserialize)]
enum State {
    Sent { by: String, at: i64 },
}

#[remote]
impl Order {
    pub fn shown(&self) -> String {
        let State::Sent { by, at } = &self.state;
        let lines: Vec<String> = self.lines.iter().map(|line| format!("{} {}", line.count, line.name)).collect();
        let (lines, notes) = (lines.join(", "), &self.notes);
        let (number, total, seal, pair, customer) = (self.number, self.total, &self.seal, self.pair, &self.customer);
        format!("{number}: {total} for {lines}; {notes:?}; {by} at {at}; {seal:?} {pair:?} {customer}")
    }

    pub fn spoil(&mut self) {
        self.total = -1.0;
        panic!("it is spoiled");
    }
}

fn order() -> Order {
    let line = |name: &str, count| Line { name: name.to_owned(), count };
    Order {
        number: u64::MAX,
        total: 12.5,
        lines: vec![line("apples", 3), line("pears", -1)],
        notes: [("gift".to_owned(), None), ("to".to_owned(), Some("Zoë".to_owned()))].into(),
        state: State::Sent { by: "post".to_owned(), at: -7 },
        seal: vec![0, 255, 7],
        pair: (-8, true),
        customer: Value::Map(vec![(Value::Tuple(vec![1.into(), "a".into()]), Value::Bytes(vec![1]))]),
    }
}

/// What was in a directory when it was written.
#[derive(Serialize, Deserialize)]
struct Expected {
    keys: BTreeMap<String, Key>,
    objects: usize,
    /// The last number that was given as a fencing token.
    token: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Key {
    id: String,
    class: String,
    generation: u64,
    poisoned: bool,
    /// What it shows of itself, and answers.
    shown: Option<String>,
    answers: BTreeMap<String, Json>,
}

/// What objects are asked, by their classes.
const ASKED: &[(&str, &[&str])] = &[
    ("queue.Queue", &["qsize", "leased", "waiting"]),
    ("queue.LifoQueue", &["qsize", "leased"]),
    ("queue.PriorityQueue", &["qsize", "leased"]),
    ("queue.SimpleQueue", &["qsize", "leased"]),
    ("multiprocessing.Queue", &["qsize"]),
    ("multiprocessing.JoinableQueue", &["qsize"]),
    ("threading.Lock", &["locked", "holder", "token"]),
    ("threading.RLock", &["locked", "holder", "token"]),
    ("threading.Condition", &["sleeping"]),
    ("threading.Semaphore", &["value", "waiting"]),
    ("threading.BoundedSemaphore", &["value", "waiting"]),
    ("threading.Event", &["is_set"]),
    ("threading.Barrier", &["parties", "broken"]),
    ("released.Order", &["shown"]),
];

async fn found(session: &Session, objects: usize) -> Expected {
    let mut keys = BTreeMap::new();
    for key in session.keys("", "", 0).await.expect("they are listed").keys {
        let (object, info) = session.get_dynamic(&key).with_info().await.expect("it is there");
        let mut answers = BTreeMap::new();
        for (_, methods) in ASKED.iter().filter(|(class, _)| *class == info.class) {
            for method in *methods {
                let answer = object.call(method, args![]).await.map_or(Json::Null, |value| value.to_json());
                answers.insert((*method).to_owned(), answer);
            }
        }
        let shown = object.snapshot().await.ok().map(|value| value.to_string());
        let (id, poisoned) = (info.id.to_string(), info.poisoned);
        keys.insert(key, Key { id, class: info.class, generation: info.generation, poisoned, shown, answers });
    }
    Expected { keys, objects, token: 0 }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/durable/directories")
}

fn options() -> LocalOptions {
    let mut options = LocalOptions::default();
    (options.segment_bytes, options.log_bytes, options.reserve_bytes) = (SEGMENT_BYTES, SEGMENT_BYTES, 0);
    (options.fold_rate, options.in_background) = (None, false);
    options
}

/// So small that the files are, and that some of what is there is folded into the states.
const SEGMENT_BYTES: u64 = 16 << 10;

async fn start(directory: &Path, lease: Duration) -> (RunningService, Session) {
    let disk = RealDisk::exclusive(directory).expect("it is free");
    let storage = LocalStorage::open(Arc::new(disk), options()).expect("it opens");
    let mut limits = Limits::default();
    limits.lease = lease;
    let service = Service::new("127.0.0.1", 0).limits(limits).storage(storage).start().await.expect("it starts");
    let session = Session::connect(service.address()).await.expect("it connects");
    (service, session)
}

/// A class, what an object of it is made of, and calls to it.
type Made = (&'static str, Vec<Value>, Vec<(&'static str, Vec<Value>)>);

fn pairs() -> Value {
    Value::Map(vec![("a".into(), 1.into()), (Value::Tuple(vec![1.into(), 2.5.into()]), Value::Null)])
}

/// An object of each class of the modules.
fn made() -> Vec<Made> {
    let numbers = || Value::List(vec![3.into(), 1.into(), 2.into(), 1.into()]);
    vec![
        ("builtins.list", vec![numbers()], vec![("append", args![vec!["nested"]])]),
        ("builtins.dict", vec![pairs()], vec![("__setitem__", args!["b", Value::Bytes(vec![0, 255])])]),
        ("builtins.set", vec![numbers()], vec![("add", args!["x"])]),
        ("builtins.frozenset", vec![numbers()], vec![]),
        ("builtins.tuple", vec![numbers()], vec![]),
        ("builtins.bytearray", args![Value::Bytes(vec![1, 2])], vec![("append", args![255])]),
        ("builtins.bytes", args![Value::Bytes(vec![1, 255])], vec![]),
        ("builtins.str", args!["Zoë\n😀"], vec![]),
        ("builtins.int", args![i128::MAX / 3], vec![]),
        ("builtins.bool", args![true], vec![]),
        ("builtins.float", args![-0.5], vec![]),
        ("builtins.complex", args![1, -2], vec![]),
        ("builtins.range", args![1, 10, 3], vec![]),
        ("collections.deque", args![numbers(), 5], vec![("appendleft", args![0]), ("rotate", args![1])]),
        ("collections.Counter", vec![numbers()], vec![("update", args!["aab"])]),
        ("collections.OrderedDict", vec![pairs()], vec![("move_to_end", args!["a"])]),
        ("collections.defaultdict", args!["int", pairs()], vec![("incr", args!["n", 2])]),
        ("collections.ChainMap", vec![pairs(), pairs()], vec![("__setitem__", args!["a", 9])]),
        ("collections.namedtuple", args!["Point", vec!["x", "y"], 1, 2], vec![]),
        ("itertools.count", args![5, 2], vec![("__next__", args![])]),
        ("types.SimpleNamespace", args![pairs_by_name()], vec![]),
        ("multiprocessing.Value", args!["i", 7], vec![]),
        ("multiprocessing.Array", args!["d", vec![1.5, 2.5]], vec![]),
        ("multiprocessing.Queue", args![3], vec![("put", args![1])]),
        ("multiprocessing.JoinableQueue", args![], vec![("put", args![2])]),
        ("queue.Queue", args![9], vec![("put", args![1]), ("put", args![vec![2]])]),
        ("queue.LifoQueue", args![], vec![("put", args!["a"])]),
        ("queue.PriorityQueue", args![], vec![("put", args![2]), ("put", args![1])]),
        ("queue.SimpleQueue", args![], vec![("put", args![1])]),
        ("threading.Lock", args![], vec![]),
        ("threading.RLock", args![], vec![]),
        ("threading.Condition", args![], vec![]),
        ("threading.Semaphore", args![3], vec![]),
        ("threading.BoundedSemaphore", args![2], vec![]),
        ("threading.Event", args![], vec![("set", args![])]),
        ("threading.Barrier", args![3], vec![]),
    ]
}

fn pairs_by_name() -> Value {
    Value::Map(vec![("a".into(), 1.into())])
}

/// Makes what is in a directory. Returns what has to live until it is copied.
async fn fill(session: &Session) -> Box<dyn std::any::Any> {
    for (class, args, calls) in made() {
        let (module, name) = class.split_once('.').expect("a path");
        let module = session.remote_import(module).await.expect("it is there");
        let object = module.function(name, args);
        let object = session.memoize(class, object).await.unwrap_or_else(|error| panic!("{class}: {error}"));
        for (method, args) in calls {
            object.call(method, args).await.unwrap_or_else(|error| panic!("{class}.{method}: {error}"));
        }
    }
    for module in ["builtins", "collections", "itertools", "types", "multiprocessing", "queue", "threading"] {
        let import = session.remote_import(module).await.expect("it is there");
        let made: BTreeSet<_> = made().iter().map(|(class, ..)| (*class).to_owned()).collect();
        let missing = import.members().iter().filter(|member| member.durable == Some(true));
        let missing: Vec<_> = missing.map(|member| format!("{module}.{}", member.name)).collect();
        let missing: Vec<_> = missing.iter().filter(|class| !made.contains(*class)).collect();
        assert!(missing.is_empty(), "there is no object of {missing:?}");
    }
    session.memoize("order", order()).await.expect("it is made");
    let spoiled = session.memoize("spoiled order", order()).await.expect("it is made");
    assert!(spoiled.spoil().await.is_err());
    // Calls in place of the states of large objects.
    let list = session.memoize("long list", ListProxy::new(None)).await.expect("it is made");
    list.extend((0..1_200).map(|n| n % 100)).await.expect("it extends");
    for n in 0..20 {
        list.append(n).await.expect("it appends");
    }
    list.pop_at::<i64>(7).await.expect("it is there");
    // A reference to an object with a key, and to one without.
    let outer = session.memoize("outer list", ListProxy::new(None)).await.expect("it is made");
    let inner = session.create(ListProxy::new(None)).await.expect("it is made");
    inner.append("inside").await.expect("it appends");
    outer.append(inner.reference().expect("it has an id")).await.expect("it appends");
    outer.append(list.hold().await.expect("it is there").reference().expect("it has an id")).await.expect("it appends");
    // What only the session has, and holds.
    let own = session.create(ListProxy::new(None)).await.expect("it is made");
    own.append("of the session").await.expect("it appends");
    let jobs = session.memoize("jobs", QueueProxy::new(None)).await.expect("it is made");
    for n in 0..3 {
        jobs.put(n).await.expect("there is room");
    }
    let leased = jobs.get_leased::<i64>().await.expect("there is one");
    let reentrant = session.memoize("reentrant lock", RLockProxy::new()).await.expect("it is made");
    let twice = (reentrant.acquire().await.expect("free"), reentrant.acquire().await.expect("its own"));
    let gate = session.memoize("gate", SemaphoreProxy::new(Some(2))).await.expect("it is made");
    let permit = gate.acquire().await.expect("there are two");
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    let guard = lock.acquire().await.expect("it is free");
    session.memoize("condition", ConditionProxy::on(&lock)).await.expect("it is made");
    Box::new((inner, own, leased, twice, permit, guard))
}

/// Copies the files of a directory, without those that mean nothing.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for file in std::fs::read_dir(from).expect("it is there") {
        let (path, name) = file.map(|file| (file.path(), file.file_name())).expect("it is there");
        let name = name.to_str().expect("it is UTF-8");
        if name != "lock" && name != "reserve" && !name.starts_with("spare.") {
            std::fs::write(to.join(name), std::fs::read(path).expect("it is read")).expect("there is room");
        }
    }
}

/// Writes the directories of this version. This is not a test.
#[tokio::test]
#[ignore = "writes the directories of a release"]
async fn write() {
    let Ok(version) = std::env::var("TARMEM_TEST_WRITE_DIRECTORY") else { return };
    let (to, scratch) = (folder().join(version), Scratch::new("written"));
    assert!(!to.exists(), "{} is written once", to.display());
    let (service, session) = start(&scratch.0, Limits::default().lease).await;
    let living = fill(&session).await;
    // It has not said that it has received this.
    let other = Session::connect(service.address()).await.expect("it connects");
    let guard = other.memoize("other lock", LockProxy::new()).await.expect("it is made").acquire().await.expect("free");
    let token = guard.token();
    // (The client has a single thread, which is here.)
    copy(&scratch.0, &to.join("killed"));
    let mut expected = found(&session, service.object_count()).await;
    expected.token = token;
    service.shutdown().await;
    copy(&scratch.0, &to.join("ended"));
    copy(&to.join("killed"), &scratch.0.join("again"));
    let tables: Vec<u8> = tables(&scratch.0.join("again")).into_keys().collect();
    assert_eq!(tables, [META, KEYS, OBJECTS, SESSIONS, HANDLES, RUNS, CALLS, OUTCOMES, UNDOS], "one of each kind");
    let text = serde_json::to_string_pretty(&expected).expect("it is encoded");
    std::fs::write(to.join("expected.json"), text).expect("there is room");
    drop((living, guard));
}

/// How many rows each table has.
fn tables(directory: &Path) -> BTreeMap<u8, usize> {
    let disk = Arc::new(RealDisk::exclusive(directory).expect("it is free"));
    let mut tables = BTreeMap::new();
    let loaded = LocalStorage::open(disk, options()).expect("it opens").load(&mut |table, _, _| {
        *tables.entry(table).or_default() += 1;
        Ok(())
    });
    loaded.expect("it is read");
    tables
}

/// Starts a service on a copy of a directory, and compares.
async fn opens(written: &Path, expected: &Expected) {
    let scratch = Scratch::new("directory");
    copy(written, &scratch.0);
    assert_eq!(tables(&scratch.0).contains_key(&CALLS), written.ends_with("killed"));
    let (service, session) = start(&scratch.0, Limits::default().lease).await;
    assert_eq!(service.object_count(), expected.objects);
    let there = found(&session, 0).await;
    assert_eq!(there.keys.keys().collect::<Vec<_>>(), expected.keys.keys().collect::<Vec<_>>());
    for (key, object) in &expected.keys {
        assert_eq!(there.keys[key], *object, "{key}");
    }
    // What is made now is above all that was made.
    let (_, info) = session.memoize("new", ListProxy::new(None)).with_info().await.expect("it is made");
    for (key, object) in &expected.keys {
        assert!(info.generation > object.generation && info.id.to_string() > object.id, "{key}: {info:?}");
    }
    // They are objects as any others.
    assert!(session.is_poisoned("spoiled order").await.expect("it is there"));
    session.clear_poison("spoiled order").await.expect("it is there");
    let list = session.get::<List>("long list").await.expect("it is there");
    list.append("new").await.expect("it appends");
    let outer = session.get::<List>("outer list").await.expect("it is there");
    let through: ListProxy = outer.get(1).await.expect("it is a list");
    assert_eq!(through.pop::<String>().await.as_deref(), Ok("new"));
    session.close().await;
    drop(service);

    // The session does not come again. What it held is given up, and what it had leased is put back.
    let (service, session) = start(&scratch.0, Duration::from_millis(300)).await;
    let lock = session.get::<Lock>("lock").await.expect("it is there");
    let guard = lock.acquire_timeout(Duration::from_secs(20)).await.expect("it is there").expect("it is given up");
    assert!(guard.abandoned() && guard.token() > expected.token, "{} {}", guard.token(), expected.token);
    let condition = session.get::<Condition>("condition").await.expect("it is there");
    condition.notify_all().await.expect("its lock is held");
    let jobs = session.get::<Queue>("jobs").await.expect("it is there");
    let items = [jobs.get::<i64>().await, jobs.get::<i64>().await, jobs.get::<i64>().await];
    assert_eq!(items, [Ok(0), Ok(1), Ok(2)]);
    session.close().await;
    service.shutdown().await;
}

#[tokio::test]
async fn directories_of_each_released_version_are_opened_with_everything_in_them() {
    let mut versions = 0;
    for version in std::fs::read_dir(folder()).expect("it is there") {
        let version = version.expect("it is there").path();
        if version.is_dir() {
            let expected = std::fs::read(version.join("expected.json")).expect("it is there");
            let expected = serde_json::from_slice(&expected).expect("it is as it was written");
            for how in ["killed", "ended"] {
                println!("{} {how}", version.display());
                opens(&version.join(how), &expected).await;
            }
            versions += 1;
        }
    }
    assert!(versions > 0);
}
