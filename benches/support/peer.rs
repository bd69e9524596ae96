//! The peers, and the shapes of load.

use super::cores::Cores;
use super::process::PeerProcess;
use super::tarpc_peer::{self, Handlers};
use super::{echo_peer, tarmem_peer};
use futures::future::join_all;
use std::time::{Duration, Instant};

/// How many callers there are at one time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Tasks, each of which makes one call at a time.
    Tasks { connections: usize, each: usize },
    /// One task per connection, which sends this many calls and then awaits them all.
    Pipeline { connections: usize, depth: usize },
}

impl Load {
    /// How many calls one round has: one per caller.
    pub(crate) fn calls(self) -> u64 {
        let (Load::Tasks { connections, each } | Load::Pipeline { connections, depth: each }) = self;
        (connections * each) as u64
    }
}

/// A load with its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    /// Where both processes run.
    pub(crate) cores: Cores,
}

/// All shapes that this machine can run, from one caller to many.
pub(crate) fn shapes() -> impl Iterator<Item = &'static Shape> {
    SHAPES.iter().filter(|shape| shape.cores.are_here())
}

const SHAPES: &[Shape] = &[
    Shape { name: "one caller, a core for each", load: Load::Tasks { connections: 1, each: 1 }, cores: Cores::Own },
    Shape {
        name: "one caller, one core for both",
        load: Load::Tasks { connections: 1, each: 1 },
        cores: Cores::Shared,
    },
    Shape { name: "50 connections, one call each", load: Load::Tasks { connections: 50, each: 1 }, cores: Cores::Any },
    Shape { name: "8 connections, 64 tasks each", load: Load::Tasks { connections: 8, each: 64 }, cores: Cores::Any },
    Shape { name: "512 tasks, one connection", load: Load::Tasks { connections: 1, each: 512 }, cores: Cores::Any },
    Shape {
        name: "pipeline of 64, one connection",
        load: Load::Pipeline { connections: 1, depth: 64 },
        cores: Cores::Any,
    },
    Shape {
        name: "pipeline of 64, 8 connections",
        load: Load::Pipeline { connections: 8, depth: 64 },
        cores: Cores::Any,
    },
];

/// A peer that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// `add` on a counter found by its key.
    Tarmem,
    /// A tarpc request per call, run on the connection's task.
    TarpcInline,
    /// A tarpc request per call, a task for each, as tarpc's own examples do.
    TarpcSpawned,
    /// 40 bytes in each direction: the upper bound. Many callers on one connection are one batch at a time.
    Echo,
}

impl Peer {
    pub(crate) const ALL: [Peer; 4] = [Peer::Tarmem, Peer::TarpcInline, Peer::TarpcSpawned, Peer::Echo];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Peer::Tarmem => "tarmem",
            Peer::TarpcInline => "tarpc, inline",
            Peer::TarpcSpawned => "tarpc, spawned",
            Peer::Echo => "TCP echo",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Peer::ALL.into_iter().find(|peer| peer.name() == name)
    }

    /// Serves for ever on a free port of this host, which it passes to `ready`.
    pub(crate) async fn serve(self, ready: impl FnOnce(u16)) {
        match self {
            Peer::Tarmem => tarmem_peer::serve(ready).await,
            Peer::TarpcInline => tarpc_peer::serve(ready, Handlers::Inline).await,
            Peer::TarpcSpawned => tarpc_peer::serve(ready, Handlers::Spawned).await,
            Peer::Echo => echo_peer::serve(ready).await,
        }
    }

    /// How long `rounds` of a load take over new connections to a port. Connecting, and one round before, are not
    /// counted.
    pub(crate) async fn measure(self, port: u16, load: Load, rounds: u64) -> Duration {
        match self {
            Peer::Tarmem => measure::<tarmem_peer::Client>(port, load, rounds).await,
            Peer::TarpcInline | Peer::TarpcSpawned => measure::<tarpc_peer::Client>(port, load, rounds).await,
            Peer::Echo => echo_peer::measure(port, load, rounds).await,
        }
    }
}

/// Every peer, each serving in its own process.
pub(crate) struct Peers(Vec<(Peer, PeerProcess)>);

impl Peers {
    pub(crate) fn start() -> Self {
        Peers(Peer::ALL.into_iter().map(|peer| (peer, PeerProcess::start(peer.name(), None))).collect())
    }

    /// The process that serves `peer`.
    pub(crate) fn process(&self, peer: Peer) -> &PeerProcess {
        let process = self.0.iter().find(|(candidate, _)| *candidate == peer).map(|(_, process)| process);
        process.expect("all of them run")
    }

    /// How long `rounds` of a shape take over new connections. Connecting, and one round before, are not counted.
    pub(crate) async fn measure(&self, peer: Peer, shape: &Shape, rounds: u64) -> Duration {
        let process = self.process(peer);
        let _pinned = shape.cores.pin(process.id());
        peer.measure(process.port(), shape.load, rounds).await
    }
}

/// A connection to a peer, which makes calls.
pub(crate) trait Connection: Clone + Send + 'static {
    async fn connect(port: u16) -> Self;

    /// Makes one call.
    fn call(&self) -> impl Future<Output = ()> + Send;

    /// Makes this many calls, sent together.
    fn pipeline(&self, depth: usize) -> impl Future<Output = ()> + Send;

    async fn close(self);
}

pub(crate) async fn measure<C: Connection>(port: u16, load: Load, rounds: u64) -> Duration {
    let (Load::Tasks { connections, .. } | Load::Pipeline { connections, .. }) = load;
    let connections = join_all((0..connections).map(|_| C::connect(port))).await;
    drive(&connections, load, 1).await;
    let start = Instant::now();
    drive(&connections, load, rounds).await;
    let elapsed = start.elapsed();
    join_all(connections.into_iter().map(C::close)).await;
    elapsed
}

async fn drive<C: Connection>(connections: &[C], load: Load, rounds: u64) {
    let mut tasks = Vec::new();
    for connection in connections {
        match load {
            Load::Tasks { each, .. } => tasks.extend((0..each).map(|_| {
                let connection = connection.clone();
                tokio::spawn(async move {
                    for _ in 0..rounds {
                        connection.call().await;
                    }
                })
            })),
            Load::Pipeline { depth, .. } => {
                let connection = connection.clone();
                tasks.push(tokio::spawn(async move {
                    for _ in 0..rounds {
                        connection.pipeline(depth).await;
                    }
                }));
            }
        }
    }
    for task in tasks {
        task.await.expect("no call fails");
    }
}
