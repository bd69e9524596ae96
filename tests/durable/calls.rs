//! Calls that are kept in place of states, and made again after the service was killed.

use super::cut_off::CutOff;
use super::rows::{CALLS, all};
use tarmem::args::Args;
use tarmem::modules::builtins::ListProxy;
use tarmem::{DynamicProxy, Proxy, RunningService, Service, Session, Value, args};

type Running = (RunningService, Session);

async fn running(service: Service) -> Running {
    let service = service.start().await.expect("it starts");
    let session = Session::connect(service.address()).await.expect("it connects");
    (service, session)
}

async fn start(disk: &CutOff) -> Running {
    running(Service::new("127.0.0.1", 0).storage(disk.storage())).await
}

/// Ends a service as if it was killed.
fn kill(disk: &CutOff, running: Running) {
    disk.cut();
    drop(running);
}

/// How many calls there are to be made again.
fn calls(disk: &CutOff) -> usize {
    all(&disk.there).iter().filter(|(table, ..)| *table == CALLS).count()
}

/// Random numbers: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn scalar(&mut self) -> Value {
        match self.below(12) {
            0 => ["a", "b", "key 7", ""][self.below(4)].into(),
            1 => (self.below(9) as f64 / 2.0).into(),
            2 => (self.below(2) == 0).into(),
            3 => Value::Null,
            4 => Value::Tuple(vec![self.small(), self.small()]),
            5 => (self.below(400) as i64).into(),
            _ => self.small(),
        }
    }

    fn small(&mut self) -> Value {
        (self.below(12) as i64 - 3).into()
    }

    fn value(&mut self) -> Value {
        match self.below(8) {
            0 | 1 => Value::List((0..self.below(5)).map(|_| self.scalar()).collect()),
            2 => Value::List((0..self.below(3)).map(|_| Value::Tuple(vec![self.scalar(), self.small()])).collect()),
            _ => self.scalar(),
        }
    }
}

/// A module and a class, what its large objects are made of, and methods.
type Class = (&'static str, &'static str, fn() -> Value, &'static [&'static str]);

fn numbers() -> Value {
    Value::List((0..400_i64).map(Value::from).collect())
}

fn pairs() -> Value {
    let pair = |n: i64| Value::Tuple(vec![(n % 300).into(), (n * 7 % 11).into()]);
    Value::List((0..400).map(pair).collect())
}

fn bytes() -> Value {
    Value::Bytes((0..2000_u32).map(|n| n as u8).collect())
}

const CLASSES: [Class; 8] = [
    (
        "builtins",
        "list",
        numbers,
        &[
            "append",
            "append",
            "extend",
            "insert",
            "pop",
            "pop",
            "remove",
            "reverse",
            "sort",
            "__setitem__",
            "__delitem__",
            "__iadd__",
        ],
    ),
    (
        "builtins",
        "dict",
        pairs,
        &[
            "__setitem__",
            "__setitem__",
            "incr",
            "pop",
            "pop_or",
            "setdefault",
            "popitem",
            "update",
            "__ior__",
            "__delitem__",
            "compare_and_set",
        ],
    ),
    (
        "builtins",
        "set",
        numbers,
        &[
            "add",
            "discard",
            "remove",
            "pop",
            "update",
            "intersection_update",
            "difference_update",
            "symmetric_difference_update",
            "__ior__",
            "__isub__",
            "__ixor__",
        ],
    ),
    (
        "builtins",
        "bytearray",
        bytes,
        &["append", "extend", "insert", "pop", "remove", "reverse", "__setitem__", "__delitem__"],
    ),
    (
        "collections",
        "deque",
        numbers,
        &[
            "append",
            "appendleft",
            "extend",
            "extendleft",
            "pop",
            "popleft",
            "insert",
            "remove",
            "reverse",
            "rotate",
            "__setitem__",
            "__delitem__",
            "__iadd__",
        ],
    ),
    (
        "collections",
        "Counter",
        numbers,
        &["update", "subtract", "__iadd__", "__isub__", "__ior__", "__setitem__", "pop", "popitem", "incr"],
    ),
    (
        "collections",
        "OrderedDict",
        pairs,
        &["__setitem__", "popitem", "move_to_end", "pop", "setdefault", "update", "__delitem__"],
    ),
    ("collections", "defaultdict", || Value::Null, &["__setitem__", "incr", "pop", "setdefault", "update", "popitem"]),
];

/// Makes one large object of each class.
async fn fill(session: &Session) {
    for (module, class, contents, _) in CLASSES {
        let of = session.remote_import(module).await.expect("it is there");
        let made = match class {
            "defaultdict" => of.function(class, args!["int", pairs()]),
            _ => of.function(class, [contents()]),
        };
        session.memoize(class, made).await.expect("it is made");
    }
}

async fn outcome(session: &Session, class: &str, method: &str, args: &[Value]) -> Result<Value, String> {
    let object: DynamicProxy = session.proxy_dynamic(class);
    object.call(method, Args::from(args.to_vec())).await.map_err(|error| error.to_string())
}

async fn snapshots(session: &Session) -> Vec<String> {
    let mut snapshots = Vec::new();
    for (_, class, ..) in CLASSES {
        let snapshot = session.proxy_dynamic(class).snapshot().await.expect("it is there");
        snapshots.push(format!("{class}: {snapshot}"));
    }
    snapshots
}

/// Makes the same random calls to a service that is killed in between and to one that keeps nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_killed_has_what_one_that_is_not_killed_has() {
    let mut replayed = 0;
    for seed in 0..6 {
        let mut dice = Dice(seed);
        let (disk, model) = (CutOff::default(), running(Service::new("127.0.0.1", 0)).await);
        let mut kept = start(&disk).await;
        fill(&kept.1).await;
        fill(&model.1).await;
        for n in 0..300 {
            let (_, class, _, methods) = CLASSES[dice.below(CLASSES.len())];
            let method = methods[dice.below(methods.len())];
            let args: Vec<Value> = match method {
                "reverse" | "sort" | "popleft" => vec![],
                "pop" | "popitem" | "rotate" => (0..dice.below(2)).map(|_| dice.small()).collect(),
                "insert" | "__setitem__" | "incr" | "pop_or" => vec![dice.small(), dice.scalar()],
                "compare_and_set" => vec![dice.small(), dice.small(), dice.scalar()],
                _ => vec![dice.value()],
            };
            let call = format!("seed {seed}, call {n}: {class}.{method}{args:?}");
            let expected = outcome(&model.1, class, method, &args).await;
            assert_eq!(outcome(&kept.1, class, method, &args).await, expected, "{call}");
            if dice.below(60) == 0 {
                kill(&disk, kept);
                replayed += calls(&disk);
                kept = start(&disk).await;
                assert_eq!(snapshots(&kept.1).await, snapshots(&model.1).await, "{call}");
            }
        }
        kill(&disk, kept);
        let kept = start(&disk).await;
        assert_eq!(snapshots(&kept.1).await, snapshots(&model.1).await, "seed {seed}");
        drop(kept);
        assert_eq!(calls(&disk), 0, "a service that ends in order leaves states only");
    }
    assert!(replayed > 300, "{replayed} calls were made again");
}

#[tokio::test]
async fn an_append_writes_as_many_bytes_whatever_the_length_of_the_list() {
    let mut written = Vec::new();
    for length in [1_000, 10_000, 100_000_i64] {
        let disk = CutOff::default();
        let (service, session) = start(&disk).await;
        let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
        for from in (0..length).step_by(1_000) {
            list.extend(from..from + 1_000).await.expect("it extends");
        }
        // After the first of these the state is on disk, whatever the calls before it were.
        list.append(1).await.expect("it appends");
        let mut least = usize::MAX;
        for _ in 0..3 {
            let before = disk.written();
            list.append(1).await.expect("it appends");
            least = least.min(disk.written() - before);
        }
        assert!(least < 200, "{least} bytes at {length} elements");
        written.push(least);
        kill(&disk, (service, session));
    }
    assert!(written[2].abs_diff(written[0]) <= 8, "{written:?}");
}
