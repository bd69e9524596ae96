//! The cost of a call as something grows: keys, connections, bytes, callers, calls in a batch.

use super::bulk_peer;
use super::cells::Cells;
use super::contest::Runner;
use super::keys;
use super::peers::Served;
use super::support::cores::Cores;
use super::support::peer::{self, Load, Peer, Shape};
use super::support::statistics::median;
use super::work::{self, Getting};
use std::time::Duration;

/// How often each peer has a turn at each point, and for how long.
const TURNS: usize = 3;
pub(crate) const TURN: Duration = Duration::from_millis(120);

/// One curve per peer.
#[derive(serde::Serialize)]
pub(crate) struct Growth {
    /// What grows, in one word.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) curves: Vec<Curve>,
}

#[derive(serde::Serialize)]
pub(crate) struct Curve {
    pub(crate) peer: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Growth {
    fn new(name: &'static str, title: &'static str, x: &'static str, y: &'static str) -> Self {
        Growth { name, title, x, y, curves: Vec::new() }
    }

    /// Measures one point of each curve.
    fn point(&mut self, x: f64, runners: Vec<Runner>) {
        let mut figures: Vec<_> = runners.into_iter().map(|runner| (runner, Vec::new())).collect();
        for _ in 0..TURNS {
            for (runner, figures) in &mut figures {
                figures.push(runner.run());
            }
        }
        for (runner, figures) in &figures {
            let point = (x, median(figures));
            match self.curves.iter_mut().find(|curve| curve.peer == runner.name()) {
                Some(curve) => curve.points.push(point),
                None => self.curves.push(Curve { peer: runner.name(), points: vec![point] }),
            }
        }
    }
}

/// All charts. The turns of `cells` last [`TURN`].
pub(crate) fn all(cells: &Cells) -> Vec<Growth> {
    vec![keys(cells), connections(cells), payload(cells), callers(cells), batch(cells)]
}

fn shape(load: Load) -> Shape {
    Shape { name: "growing", load, cores: Cores::Any }
}

const CALLS: &str = "calls per second";

fn keys(cells: &Cells) -> Growth {
    const MANY: usize = 512;
    let mut growth = Growth::new("keys", "One of so many keys", "keys", CALLS);
    let (runtime, service) = (cells.runtime(), Served::Calls(Peer::Tarmem).start());
    let mut made = 0;
    for (count, command) in [
        (1_000, &["-r", "1000", "INCR", "key:__rand_int__"]),
        (10_000, &["-r", "10000", "INCR", "key:__rand_int__"]),
        (100_000, &["-r", "100000", "INCR", "key:__rand_int__"]),
        (1_000_000, &["-r", "1000000", "INCR", "key:__rand_int__"]),
    ] {
        runtime.block_on(async {
            let session = work::session(service.port()).await;
            keys::make(&session, made, count).await.expect("made");
            session.close().await;
        });
        made = count;
        let port = service.port();
        let tarmem = |name, in_flight| {
            Runner::timed(name, TURN, 1, move |calls| runtime.block_on(keys::call(port, count, in_flight, calls)))
        };
        let mut runners = vec![tarmem("tarmem, 512 at a time", MANY), tarmem("tarmem, one caller", 1)];
        let redis = |name, each| {
            let shape = shape(Load::Tasks { connections: 1, each });
            cells.redis(shape, &[], command).map(|runner| runner.called(name))
        };
        runners.extend(redis("Redis, 512 at a time", MANY));
        runners.extend(redis("Redis, one caller", 1));
        growth.point(count as f64, runners);
    }
    growth
}

/// The peers that add, each on one counter.
fn counters<'a>(cells: &Cells<'a>, load: Load, peers: &[Peer]) -> Vec<Runner<'a>> {
    let mut runners: Vec<_> = peers.iter().map(|peer| cells.common(*peer, shape(load))).collect();
    runners.extend(cells.redis(shape(load), &[], &["INCR", "counter"]));
    runners
}

fn connections(cells: &Cells) -> Growth {
    let mut growth = Growth::new("connections", "So many connections, one call each", "connections", CALLS);
    for connections in [1, 4, 16, 64, 256, 1000] {
        let load = Load::Tasks { connections, each: 1 };
        growth.point(connections as f64, counters(cells, load, &[Peer::Tarmem, Peer::TarpcInline, Peer::Echo]));
    }
    growth
}

fn callers(cells: &Cells) -> Growth {
    let mut growth = Growth::new("callers", "So many callers on one connection", "callers", CALLS);
    for each in [1, 2, 8, 32, 128, 512] {
        let load = Load::Tasks { connections: 1, each };
        growth.point(each as f64, counters(cells, load, &[Peer::Tarmem, Peer::TarpcInline]));
    }
    growth
}

fn batch(cells: &Cells) -> Growth {
    let mut growth = Growth::new("batch", "So many calls sent together, one connection", "calls in a batch", CALLS);
    for depth in [1, 2, 8, 32, 128, 512] {
        let load = Load::Pipeline { connections: 1, depth };
        growth.point(depth as f64, counters(cells, load, &[Peer::Tarmem, Peer::TarpcInline, Peer::Echo]));
    }
    growth
}

fn payload(cells: &Cells) -> Growth {
    let mut growth = Growth::new("payload", "A value of so many bytes, one caller", "bytes", "bytes per second");
    macro_rules! sizes {
        ($($size:literal),*) => {
            $({
                let name = concat!("payload:", $size);
                growth.point(f64::from($size), one_size::<$size>(cells, name, &["GET", name]));
            })*
        };
    }
    sizes!(8, 64, 512, 4096, 32768, 262144, 2097152, 8388608);
    growth
}

fn one_size<'a, const SIZE: usize>(cells: &Cells<'a>, key: &str, command: &'a [&'a str]) -> Vec<Runner<'a>> {
    let (runtime, peers) = (cells.runtime(), cells.peers());
    let shape = shape(Load::Tasks { connections: 1, each: 1 });
    let tarmem = Runner::timed("tarmem", TURN, SIZE as u64, move |rounds| {
        runtime.block_on(peer::measure::<Getting<SIZE>>(peers.tarmem.port(), shape.load, rounds))
    });
    let raw = Runner::timed("TCP, bulk", TURN, SIZE as u64, move |rounds| {
        runtime.block_on(bulk_peer::measure(peers.bulk.port(), shape.load, SIZE, rounds))
    });
    let redis = peers.redis.as_ref().map(|redis| {
        redis.tell(&["SET", key, &"x".repeat(SIZE)]).expect("Redis answers");
        redis.runner(TURN, shape, SIZE as u64, &[], command)
    });
    [tarmem, raw].into_iter().chain(redis).collect()
}
