//! The cells of the table: who does what, and the goals that tarmem has beside them.

use super::contest::{Contest, Goal, Runner, Unit};
use super::keys::Keys;
use super::options::Effort;
use super::peers::Peers;
use super::ractor_peer::Asked;
use super::remoc_peer;
use super::support::cores::Cores;
use super::support::peer::{self, Load, Peer, Shape};
use super::support::process::PeerProcess;
use super::support::tarmem_peer::{self, InProcess};
use super::work::{Appending, ELEMENT, Getting, Locking, Memoizing};
use super::{bulk_peer, isolation};
use Goal::{AtLeast, AtMost, Within};
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::Runtime;

const ALONE: Shape = Shape { name: "one caller, one core for both", load: tasks(1, 1), cores: Cores::Shared };
pub(crate) const FREE: Shape = Shape { name: "one caller, free cores", load: tasks(1, 1), cores: Cores::Any };
const OWN: Shape = Shape { name: "one caller, a core for each", load: tasks(1, 1), cores: Cores::Own };
pub(crate) const FIFTY: Shape = Shape { name: "50 connections, one call each", load: tasks(50, 1), cores: Cores::Any };
pub(crate) const EIGHT: Shape = Shape {
    name: "pipeline of 64, 8 connections",
    load: Load::Pipeline { connections: 8, depth: 64 },
    cores: Cores::Any,
};
pub(crate) const CROWD: Shape = Shape { name: "512 tasks, one session", load: tasks(1, 512), cores: Cores::Any };

/// With one caller on free cores, the rate is 20,000 or 70,000 calls a second, depending on whether the scheduler puts
/// both ends on one core.
fn contest<'a>(what: &str, shape: Shape, tarmem: Runner<'a>) -> Contest<'a> {
    let contest = Contest::new(format!("{what}: {}", shape.name), Unit::CallsPerSecond, tarmem);
    if shape == FREE { contest.by_luck() } else { contest }
}

const fn tasks(connections: usize, each: usize) -> Load {
    Load::Tasks { connections, each }
}

/// 64 KiB.
const LARGE: usize = 1 << 16;

/// A number of threads that is large for Python: more are no faster.
const MANY: usize = 16;

/// All cells that measure time.
pub(crate) fn all<'a>(cells: &Cells<'a>, keys: Option<&'a Keys>, effort: &'a Effort) -> Vec<Contest<'a>> {
    let mut contests = Vec::new();
    contests.extend([ALONE, FREE, OWN, FIFTY, EIGHT, CROWD].into_iter().filter_map(|shape| cells.add(shape)));
    contests.extend(cells.others());
    contests.extend([1, 8].map(|in_flight| cells.large(in_flight)));
    contests.extend(cells.in_process());
    contests.extend(cells.python());
    contests.extend(cells.locks());
    contests.extend(keys.map(|keys| keys.contest(cells.runtime, effort)));
    contests.extend(isolation::contests(cells.runtime, effort));
    contests
}

/// The peers, and how long their turns are.
pub(crate) struct Cells<'a> {
    runtime: &'a Runtime,
    peers: &'a Peers,
    turn: Duration,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(runtime: &'a Runtime, peers: &'a Peers, turn: Duration) -> Self {
        Cells { runtime, peers, turn }
    }

    pub(crate) fn runtime(&self) -> &'a Runtime {
        self.runtime
    }

    pub(crate) fn peers(&self) -> &'a Peers {
        self.peers
    }

    /// A peer in its own process. `measure` gets the port, the load and the number of rounds.
    fn runner(
        &self,
        name: &'static str,
        process: &'a PeerProcess,
        shape: Shape,
        measure: impl AsyncFn(u16, Load, u64) -> Duration + 'a,
    ) -> Runner<'a> {
        let runtime = self.runtime;
        Runner::timed(name, self.turn, shape.load.calls(), move |rounds| {
            let _pinned = shape.cores.pin(process.id());
            runtime.block_on(measure(process.port(), shape.load, rounds))
        })
    }

    fn tarmem<C: peer::Connection>(&self, name: &'static str, shape: Shape) -> Runner<'a> {
        self.runner(name, &self.peers.tarmem, shape, peer::measure::<C>)
    }

    /// A command of `redis-benchmark`, if Redis is installed.
    pub(crate) fn redis(&self, shape: Shape, before: &'a [&'a str], command: &'a [&'a str]) -> Option<Runner<'a>> {
        Some(self.peers.redis.as_ref()?.runner(self.turn, shape, 1, before, command))
    }

    /// One of the peers that `calls` compares, too.
    pub(crate) fn common(&self, peer: Peer, shape: Shape) -> Runner<'a> {
        let process = match peer {
            Peer::Tarmem => &self.peers.tarmem,
            Peer::TarpcInline => &self.peers.tarpc_inline,
            Peer::TarpcSpawned => &self.peers.tarpc_spawned,
            Peer::Echo => &self.peers.echo,
        };
        self.runner(peer.name(), process, shape, async move |port, load, rounds| peer.measure(port, load, rounds).await)
    }

    /// `add` on a counter found by its key.
    fn add(&self, shape: Shape) -> Option<Contest<'a>> {
        if !shape.cores.are_here() {
            return None;
        }
        let contest = contest("add", shape, self.common(Peer::Tarmem, shape))
            .against(self.redis(shape, &[], &["INCR", "counter"]))
            .against(self.common(Peer::Echo, shape))
            .against(self.common(Peer::TarpcInline, shape));
        let remoc = || self.runner("remoc", &self.peers.remoc, shape, peer::measure::<remoc_peer::Client>);
        Some(match shape {
            ALONE => contest.goal("Redis", AtLeast(1.0)).goal("TCP echo", AtMost(1.35)).against(remoc()),
            FREE => contest.goal("Redis", AtLeast(1.0)).goal("TCP echo", AtMost(1.15)),
            OWN => contest.goal("TCP echo", AtMost(1.15)),
            FIFTY => contest.goal("Redis", AtLeast(1.4)),
            EIGHT => contest.goal("Redis", AtLeast(1.5)),
            _ => contest
                .against(self.common(Peer::TarpcSpawned, shape))
                .against(remoc())
                .goal("Redis", AtLeast(0.8))
                .goal("tarpc, inline", AtLeast(4.0))
                .goal("tarpc, spawned", AtLeast(4.0))
                .goal("remoc", AtLeast(50.0)),
        })
    }

    /// `append` on a list, `get` of a small value, and a `memoize` that hits, in the same shapes.
    fn others(&self) -> Vec<Contest<'a>> {
        const SMALL: usize = 64;
        const SMALL_TEXT: &str = match std::str::from_utf8(&[b'x'; SMALL]) {
            Ok(text) => text,
            Err(_) => "",
        };
        if let Some(redis) = &self.peers.redis {
            redis.tell(&["SET", "small", SMALL_TEXT]).expect("Redis answers");
        }
        let mut contests = Vec::new();
        for shape in [ALONE, FREE, FIFTY, EIGHT, CROWD] {
            if !shape.cores.are_here() {
                continue;
            }
            let append = self.tarmem::<Appending>("tarmem", shape);
            contests.push(
                contest("append", shape, append)
                    .against(self.redis(shape, &["DEL", "list"], &["RPUSH", "list", ELEMENT]))
                    .goal("Redis", AtLeast(1.0)),
            );
            let get = self.tarmem::<Getting<SMALL>>("tarmem", shape);
            contests.push(
                contest("get 64 B", shape, get)
                    .against(self.redis(shape, &[], &["GET", "small"]))
                    .goal("Redis", AtLeast(1.0)),
            );
        }
        contests.sort_by_key(|contest| contest.cell().starts_with("get"));
        let hit = self.tarmem::<Memoizing>("tarmem", CROWD);
        contests.push(Contest::new(format!("memoize, a hit: {}", CROWD.name), Unit::CallsPerSecond, hit));
        contests
    }

    /// 64 KiB at a time, over one connection.
    fn large(&self, in_flight: usize) -> Contest<'a> {
        let shape = Shape { name: "large", load: tasks(1, in_flight), cores: Cores::Any };
        let (runtime, peers, turn) = (self.runtime, self.peers, self.turn);
        let amount = LARGE as u64 * shape.load.calls();
        let tarmem = Runner::timed("tarmem", turn, amount, move |rounds| {
            runtime.block_on(peer::measure::<Getting<LARGE>>(peers.tarmem.port(), shape.load, rounds))
        });
        let raw = Runner::timed("TCP, bulk", turn, amount, move |rounds| {
            runtime.block_on(bulk_peer::measure(peers.bulk.port(), shape.load, LARGE, rounds))
        });
        let redis = peers.redis.as_ref().map(|redis| {
            redis.tell(&["SET", "large", &"x".repeat(LARGE)]).expect("Redis answers");
            redis.runner(turn, shape, LARGE as u64, &[], &["GET", "large"])
        });
        let contest = Contest::new(format!("get 64 KiB: {in_flight} in flight"), Unit::BytesPerSecond, tarmem);
        let contest = contest.against(raw).against(redis);
        // With one call in flight, the turn-around counts more than the bytes, so this cell is shown and not judged.
        if in_flight > 1 { contest.goal("TCP, bulk", AtLeast(0.8)) } else { contest }
    }

    /// One caller, without a socket.
    fn in_process(&self) -> [Contest<'a>; 2] {
        let (runtime, turn) = (self.runtime, self.turn);
        let tarmem = Rc::new(runtime.block_on(InProcess::start()));
        let asked = runtime.block_on(Asked::start());
        let ask = Runner::timed("ractor", turn, 1, move |calls| runtime.block_on(asked.ask(calls)));
        let dynamic = tarmem.clone();
        let dynamic = Runner::timed("tarmem", turn, 1, move |calls| runtime.block_on(dynamic.dynamic(calls)));
        let typed = Runner::timed("tarmem", turn, 1, move |calls| runtime.block_on(tarmem.typed(calls)));
        [
            Contest::new("in process, typed", Unit::CallsPerSecond, typed).against(ask).goal("ractor", AtLeast(1.0)),
            Contest::new("in process, dynamic", Unit::CallsPerSecond, dynamic).goal("tarmem", Within(2e-6)),
        ]
    }

    /// Beside Python's libraries. Their shared objects run one call at a time, however many connections there are.
    fn python(&self) -> Vec<Contest<'a>> {
        let (peers, turn) = (self.peers, self.turn);
        let runner = |cores, callers| {
            let rpyc = peers.rpyc.as_ref().map(|rpyc| rpyc.runner("RPyC, by name", turn, cores, callers));
            let managers = peers.managers.as_ref().map(|managers| managers.runner("managers", turn, cores, callers));
            (rpyc, managers)
        };
        let mut contests = Vec::new();
        let alone = if ALONE.cores.are_here() { ALONE } else { FREE };
        for (cell, shape, callers, least) in [
            (format!("beside Python: {}", alone.name), alone, 1, 10.0),
            ("beside Python: 512 tasks, 16 threads there".to_owned(), CROWD, MANY, 500.0),
        ] {
            let (rpyc, managers) = runner(shape.cores, callers);
            if rpyc.is_some() || managers.is_some() {
                let contest = Contest::new(cell, Unit::CallsPerSecond, self.common(Peer::Tarmem, shape));
                contests.push(contest.against(rpyc).against(managers).goal("RPyC, by name", AtLeast(least)));
            }
        }
        contests
    }

    /// In round trips, on one core where possible, so that no core has to be woken.
    fn locks(&self) -> Option<Contest<'a>> {
        let shape = if ALONE.cores.are_here() { ALONE } else { FREE };
        let contest = Contest::new(
            format!("lock and unlock: {}", shape.name),
            Unit::CallsPerSecond,
            self.tarmem::<Locking>("tarmem", shape),
        );
        let round_trip = self.tarmem::<tarmem_peer::Client>("tarmem, add", shape);
        Some(contest.against(round_trip).goal("tarmem, add", AtMost(2.2)))
    }
}
