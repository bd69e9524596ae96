//! A million named counters: how much memory each takes, and whether it is found as fast as one of a thousand.

use super::contest::{Contest, Finding, Goal, Runner, Unit};
use super::options::Effort;
use super::peers::Served;
use super::support::cores::Cores;
use super::support::peer::Peer;
use super::support::process::PeerProcess;
use super::support::tarmem_peer::{Counter, CounterProxy};
use super::work::session;
use futures::{StreamExt, TryStreamExt, stream};
use std::time::{Duration, Instant};
use tarmem::Session;
use tokio::runtime::Runtime;

/// How many calls are in flight while the counters are made.
const IN_FLIGHT: usize = 4096;

const FEW: u64 = 1_000;

/// The names of the cells, without the count.
pub(crate) const LATENCY: &str = "add: one of so many keys";
pub(crate) const MEMORY: &str = "named counters, each";

/// A service with many counters, and one with few.
pub(crate) struct Keys {
    many: PeerProcess,
    few: PeerProcess,
    count: u64,
    /// The memory that each counter takes, with its key.
    bytes: f64,
}

impl Keys {
    /// Makes the counters.
    pub(crate) fn fill(runtime: &Runtime, effort: &Effort) -> Self {
        let [many, few] = [(); 2].map(|()| Served::Calls(Peer::Tarmem).start());
        let count = effort.keys;
        let bytes = runtime.block_on(async {
            make(&session(few.port()).await, 0, FEW).await.expect("made");
            let session = session(many.port()).await;
            // After the first thousand, the service has allocated everything that does not depend on the number of
            // objects.
            make(&session, 0, FEW).await.expect("made");
            let before = many.resident_bytes();
            make(&session, FEW, count).await.expect("made");
            let taken = many.resident_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
            session.close().await;
            taken.map_or(f64::NAN, |taken| taken as f64 / (count - FEW) as f64)
        });
        Keys { many, few, count, bytes }
    }

    pub(crate) fn finding(&self) -> Finding {
        Finding::alone(format!("{} {MEMORY}", self.count), Unit::Bytes, self.bytes, Some(Goal::Within(120.0)))
    }

    /// One caller, who calls all counters in a scattered order.
    pub(crate) fn contest<'a>(&'a self, runtime: &'a Runtime, effort: &Effort) -> Contest<'a> {
        let runner = |name, process: &'a PeerProcess, count| {
            Runner::timed(name, effort.turn, 1, move |calls| {
                let _pinned = Cores::Shared.pin(process.id());
                runtime.block_on(call(process.port(), count, 1, calls))
            })
        };
        let many = runner("tarmem", &self.many, self.count);
        Contest::new(LATENCY, Unit::CallsPerSecond, many)
            .against(runner("tarmem, 1000 keys", &self.few, FEW))
            .goal("tarmem, 1000 keys", Goal::AtMost(1.3))
    }
}

pub(crate) fn key(number: u64) -> String {
    format!("counter:{number}")
}

/// Makes the counters from `first` up to `end`.
pub(crate) async fn make(session: &Session, first: u64, end: u64) -> Result<(), tarmem::Error> {
    stream::iter(first..end)
        .map(|number| session.memoize(&key(number), CounterProxy::new()))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |_proxy| Ok(()))
        .await
}

/// How long this many calls take, spread over the first `count` counters.
pub(crate) async fn call(port: u16, count: u64, in_flight: usize, calls: u64) -> Duration {
    let session = session(port).await;
    let mut start = Instant::now();
    // The first calls are not counted.
    for calls in [in_flight as u64, calls] {
        start = Instant::now();
        stream::iter(0..calls)
            // A step that has no factor in common with the count visits all counters, in a scattered order.
            .map(|call| session.proxy::<Counter>(&key(call.wrapping_mul(2_654_435_761) % count)).add(1))
            .buffer_unordered(in_flight)
            .try_for_each(async |_value| Ok(()))
            .await
            .expect("a value");
    }
    let elapsed = start.elapsed();
    session.close().await;
    elapsed
}
