//! What is kept on disk: tarmem with a data directory beside Redis with an append-only file, on the same disk.

use super::cells::{CROWD, Cells, EIGHT, FIFTY, FREE};
use super::contest::{Contest, Goal, Runner, Unit};
use super::keys;
use super::options::Effort;
use super::peers::Served;
use super::redis::Redis;
use super::support::peer::{self, Connection, Shape};
use super::support::process::{PeerProcess, data_directory};
use super::support::tarmem_peer;
use super::work::{self, ELEMENT};
use futures::future::join_all;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::{Durability, Service, Session};
use tokio::runtime::Runtime;

/// What the names of these cells begin with.
pub(crate) const CELLS: &str = "kept";

/// How many items of a long list are sent at once.
const AT_ONCE: usize = 50_000;

/// How many callers append while the slowest calls are looked for.
const CALLERS: usize = 50;

/// A large list: how many bytes an item has, and how many there are.
const LARGE_PART: usize = 64 << 10;
const LARGE_PARTS: usize = 512;

/// How long it takes at most until its state is written anew.
const REWRITTEN: Duration = Duration::from_secs(5);

/// How many calls are made while the bytes are counted that are written for them, at least.
const COUNTED: u64 = 4_000;

/// When what was changed is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syncs {
    /// Before a reply leaves.
    Always,
    /// A second later.
    Later,
}

impl Syncs {
    pub(crate) const ALL: [Syncs; 2] = [Syncs::Always, Syncs::Later];

    /// The name of the peer.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Syncs::Always => "tarmem, kept at once",
            Syncs::Later => "tarmem, kept within a second",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Syncs::Always => "kept at once",
            Syncs::Later => "kept within 1 s",
        }
    }

    /// Redis's word for it.
    fn appendfsync(self) -> &'static str {
        match self {
            Syncs::Always => "always",
            Syncs::Later => "everysec",
        }
    }

    pub(crate) async fn serve(self, ready: impl FnOnce(u16)) {
        let durability = match self {
            Syncs::Always => Durability::Always,
            Syncs::Later => Durability::Within(Duration::from_secs(1)),
        };
        let directory = data_directory().expect("it was told");
        let service = Service::new("127.0.0.1", 0).workers(1).data(directory).durability(durability);
        let service = service.bind().await.expect("a free port, and a directory that can be used");
        ready(service.local_addr().expect("a TCP listener").port());
        let _ = service.run_until(std::future::pending()).await;
    }
}

/// A folder beside what cargo builds, so on the disk of the project; removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kept-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder can be made");
        Scratch(path)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).expect("a folder can be made");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The peers that keep what they have.
pub(crate) struct Durable {
    pairs: Vec<(Syncs, PeerProcess, Option<Redis>)>,
    scratch: Scratch,
}

fn redis(folder: &Path, arguments: &[&str]) -> Option<Redis> {
    let folder = folder.to_str()?;
    Redis::started_with(&[&["--dir", folder, "--save", ""], arguments].concat())
}

impl Durable {
    pub(crate) fn start() -> Self {
        let scratch = Scratch::new();
        let pairs = Syncs::ALL.map(|syncs| {
            let tarmem = Served::Kept(syncs).start_with(&scratch.folder(syncs.peer()));
            let append = ["--appendonly", "yes", "--appendfsync", syncs.appendfsync()];
            (syncs, tarmem, redis(&scratch.folder(syncs.appendfsync()), &append))
        });
        Durable { pairs: pairs.into(), scratch }
    }

    pub(crate) fn contests<'a>(&'a self, cells: &Cells<'a>, effort: &Effort) -> Vec<Contest<'a>> {
        let mut contests = Vec::new();
        for (syncs, process, redis) in &self.pairs {
            let pair = Pair { syncs: *syncs, process, redis: redis.as_ref(), cells, turn: effort.turn };
            contests.extend([FREE, FIFTY, EIGHT, CROWD].map(|shape| pair.add(shape)));
            contests.extend([FREE, CROWD].map(|shape| pair.append(shape, effort.keys as usize)));
            let shapes = if *syncs == Syncs::Always { &[FREE, CROWD][..] } else { &[CROWD] };
            contests.extend(shapes.iter().map(|shape| pair.bytes(*shape)));
            contests.push(pair.slowest(effort));
            contests.push(pair.slowest_beside(effort));
        }
        contests.push(self.start_again(cells.runtime(), effort.keys));
        contests
    }

    /// How long it takes until a service answers that has this many keys, after it was killed.
    fn start_again<'a>(&'a self, runtime: &'a Runtime, count: u64) -> Contest<'a> {
        let folder = self.scratch.folder("start");
        let mut is_filled = false;
        let tarmem = Runner::new("tarmem", move || {
            if !is_filled {
                // At once: it is killed when the last key is there.
                let service = Served::Kept(Syncs::Always).start_with(&folder);
                runtime.block_on(async {
                    let session = work::session(service.port()).await;
                    keys::make(&session, 0, count).await.expect("made");
                    session.close().await;
                });
                is_filled = true;
            }
            let begun = Instant::now();
            let service = Served::Kept(Syncs::Always).start_with(&folder);
            runtime.block_on(async {
                let session = work::session(service.port()).await;
                assert!(session.is_memoized(&keys::key(count - 1)).await.expect("it answers"));
                begun.elapsed().as_secs_f64()
            })
        });
        let contest = Contest::new(format!("{CELLS}: start with {count} counters"), Unit::Seconds, tarmem);
        contest.against(self.redis_again("Redis, AOF", count)).against(self.redis_again("Redis, RDB", count))
    }

    fn redis_again<'a>(&'a self, name: &'static str, count: u64) -> Option<Runner<'a>> {
        self.pairs[0].2.as_ref()?;
        let folder = self.scratch.folder(name);
        let kept = if name == "Redis, AOF" { ["--appendonly", "yes"] } else { ["--appendonly", "no"] };
        let mut is_filled = false;
        Some(Runner::new(name, move || {
            if !is_filled {
                let redis = redis(&folder, &kept).expect("it has started before");
                let fill = format!("for i = 1, {count} do redis.call('INCR', 'counter:' .. i) end");
                redis.tell(&["EVAL", &fill, "0"]).expect("Redis answers");
                if name == "Redis, RDB" {
                    redis.tell(&["SAVE"]).expect("Redis answers");
                } else {
                    // It writes what it has appended before it waits for more.
                    redis.tell(&["PING"]).expect("Redis answers");
                }
                is_filled = true;
            }
            let begun = Instant::now();
            let redis = redis(&folder, &kept).expect("it has started before");
            let elapsed = begun.elapsed();
            assert!(redis.tell(&["DBSIZE"]).is_some_and(|size| size.trim() == format!(":{count}")), "it has all keys");
            elapsed.as_secs_f64()
        }))
    }
}

/// Two that do the same.
struct Pair<'a, 'c> {
    syncs: Syncs,
    process: &'a PeerProcess,
    redis: Option<&'a Redis>,
    cells: &'c Cells<'a>,
    turn: Duration,
}

impl<'a> Pair<'a, '_> {
    fn tarmem<C: Connection>(&self, shape: Shape) -> Runner<'a> {
        let (runtime, process) = (self.cells.runtime(), self.process);
        Runner::timed("tarmem", self.turn, shape.load.calls(), move |rounds| {
            runtime.block_on(peer::measure::<C>(process.port(), shape.load, rounds))
        })
    }

    fn redis(&self, shape: Shape, command: &'a [&'a str]) -> Option<Runner<'a>> {
        Some(self.redis?.runner(self.turn, shape, 1, &[], command))
    }

    fn cell(&self, what: &str, shape: Shape) -> String {
        format!("{}: {what}: {}", self.syncs.name(), shape.name)
    }

    fn add(&self, shape: Shape) -> Contest<'a> {
        let least = if shape == EIGHT { 1.3 } else { 1.0 };
        Contest::new(self.cell("add", shape), Unit::CallsPerSecond, self.tarmem::<tarmem_peer::Client>(shape))
            .against(self.redis(shape, &["INCR", "counter"]))
            .goal("Redis", Goal::AtLeast(least))
    }

    fn append(&self, shape: Shape, length: usize) -> Contest<'a> {
        self.cells.runtime().block_on(make_long(self.process.port(), length));
        if let Some(redis) = self.redis {
            let fill = "if redis.call('LLEN', 'long') == 0 then \
                        for i = 1, ARGV[1] do redis.call('RPUSH', 'long', ARGV[2]) end end";
            redis.tell(&["EVAL", fill, "0", &length.to_string(), ELEMENT]).expect("Redis answers");
        }
        let what = format!("append to {length}");
        Contest::new(self.cell(&what, shape), Unit::CallsPerSecond, self.tarmem::<AppendingToLong>(shape))
            .against(self.redis(shape, &["RPUSH", "long", ELEMENT]))
            .goal("Redis", Goal::AtLeast(1.0))
    }

    /// How long the slowest thousandth of many appends to a long list take, whose state is written now and then.
    fn slowest(&self, effort: &Effort) -> Contest<'a> {
        let (runtime, port, each) = (self.cells.runtime(), self.process.port(), effort.keys / 1_000);
        let tarmem = Runner::new("tarmem", move || runtime.block_on(slowest_of::<AppendingToLong>(port, each)));
        let name = format!("{}: append to {}, 99.9th percentile: {}", self.syncs.name(), effort.keys, FIFTY.name);
        Contest::new(name, Unit::Seconds, tarmem)
    }

    /// How long the slowest thousandth of small calls take while the state of a large list is written anew in the
    /// background, and how long while nothing else happens.
    fn slowest_beside(&self, effort: &Effort) -> Contest<'a> {
        let (runtime, port, each) = (self.cells.runtime(), self.process.port(), effort.keys / 1_000);
        let beside = Runner::new("tarmem", move || {
            runtime.block_on(async {
                outgrow(port).await;
                slowest_of::<tarmem_peer::Client>(port, each).await
            })
        });
        let alone = Runner::new("tarmem, alone", move || {
            runtime.block_on(async {
                // The one before may still be written.
                tokio::time::sleep(REWRITTEN).await;
                slowest_of::<tarmem_peer::Client>(port, each).await
            })
        });
        let what = "add while a list is written anew, 99.9th percentile";
        let name = format!("{}: {what}: {}", self.syncs.name(), FIFTY.name);
        Contest::new(name, Unit::Seconds, beside).against(Some(alone))
    }

    /// How many bytes are written to the disk for each call.
    fn bytes(&self, shape: Shape) -> Contest<'a> {
        let (calls, rest) = match self.syncs {
            Syncs::Always => (COUNTED, Duration::ZERO),
            // Until both have synced, twice.
            Syncs::Later => (100 * COUNTED, Duration::from_millis(2_100)),
        };
        let rounds = (calls / shape.load.calls()).max(1);
        let each = move |run: &dyn Fn()| {
            let before = written();
            run();
            thread::sleep(rest);
            (written() - before) / (rounds * shape.load.calls()) as f64
        };
        let (runtime, process) = (self.cells.runtime(), self.process);
        let tarmem = Runner::new("tarmem", move || {
            each(&|| {
                runtime.block_on(peer::measure::<tarmem_peer::Client>(process.port(), shape.load, rounds));
            })
        });
        let redis = self.redis.map(|redis| {
            Runner::new("Redis", move || {
                each(&|| {
                    redis.measure(shape.load, rounds, &["INCR", "counter"]);
                })
            })
        });
        Contest::new(self.cell("written for an add", shape), Unit::Bytes, tarmem).against(redis)
    }
}

/// How long the slowest thousandth takes of the calls of many callers, each of which makes so many, in seconds.
async fn slowest_of<C: Connection>(port: u16, each: u64) -> f64 {
    let callers = (0..CALLERS).map(async |_| {
        let calling = C::connect(port).await;
        let mut times = Vec::new();
        for _ in 0..each {
            let begun = Instant::now();
            calling.call().await;
            times.push(begun.elapsed());
        }
        calling.close().await;
        times
    });
    let mut times = join_all(callers).await.concat();
    times.sort_unstable();
    times[times.len() - 1 - times.len() / 1_000].as_secs_f64()
}

/// Makes calls of a large list until they take more than half of its state, which is written anew then. The list is as
/// long as before.
async fn outgrow(port: u16) {
    let session = work::session(port).await;
    let list = session.memoize("large", ListProxy::new(None)).await.expect("a list");
    let part = "x".repeat(LARGE_PART);
    while list.len().await.expect("it answers") < LARGE_PARTS + LARGE_PARTS / 2 {
        list.append(&*part).await.expect("room");
    }
    while list.len().await.expect("it answers") > LARGE_PARTS {
        list.pop::<String>().await.expect("there is one");
    }
    session.close().await;
}

/// How many bytes have been written to the disk on which the peers keep what they have, by whomever. (What the system
/// counts for a process is in whole folios of the page cache, which may be a megabyte large.) Not a number if the
/// system does not say.
fn written() -> f64 {
    let device = fs::metadata(env!("CARGO_TARGET_TMPDIR")).map_or(0, |folder| folder.dev());
    let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00));
    let counts = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).unwrap_or_default();
    let sectors = counts.split_whitespace().nth(6).and_then(|sectors| sectors.parse::<u64>().ok());
    sectors.map_or(f64::NAN, |sectors| (sectors * 512) as f64)
}

/// Makes the list to which is appended.
async fn make_long(port: u16, length: usize) {
    let session = work::session(port).await;
    let list = session.memoize("long", ListProxy::new(None)).await.expect("a list");
    while list.len().await.expect("it answers") < length {
        list.extend(vec![ELEMENT; AT_ONCE]).await.expect("room");
    }
    session.close().await;
}

/// Appends to a long list.
#[derive(Clone)]
struct AppendingToLong {
    session: Session,
    list: ListProxy,
}

impl Connection for AppendingToLong {
    async fn connect(port: u16) -> Self {
        let session = work::session(port).await;
        let list = session.memoize("long", ListProxy::new(None)).await.expect("a list");
        AppendingToLong { session, list }
    }

    async fn call(&self) {
        self.list.append(ELEMENT).await.expect("room");
    }

    async fn pipeline(&self, depth: usize) {
        for done in self.session.pipeline((0..depth).map(|_| self.list.append(ELEMENT))).await {
            done.expect("room");
        }
    }

    async fn close(self) {
        self.session.close().await;
    }
}
