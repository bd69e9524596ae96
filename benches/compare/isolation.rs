//! Whether callers notice what else a service does: the 99th percentile of their latency, with the disturbance and
//! without.

use super::contest::{Contest, Goal, Runner, Unit};
use super::options::Effort;
use super::peers::Served;
use super::support::current_thread;
use super::support::peer::Peer;
use super::support::process::PeerProcess;
use super::support::tarmem_peer::{Counter, CounterProxy};
use super::work::{BlobProxy, session};
use futures::future::join_all;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tarmem::modules::threading::LockProxy;
use tarmem::{Session, remote};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The callers that are disturbed: tasks on one session, each of which makes one call at a time.
const CALLERS: usize = 4;

/// How long the slow generator takes.
const SLOW: Duration = Duration::from_millis(20);

/// How many calls wait for a lock that its holder keeps.
const PARKED: usize = 8;

/// The size of a large reply, and the pause between two.
const LARGE: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Makes a counter while holding a thread.
#[remote(module = "bench")]
pub(crate) fn slow_counter(millis: u64) -> Counter {
    std::thread::sleep(Duration::from_millis(millis));
    Counter::new()
}

/// A disturbance.
#[derive(Clone, Copy)]
enum Disturbance {
    Generator,
    Lock,
    Reply,
}

impl Disturbance {
    const ALL: [Disturbance; 3] = [Disturbance::Generator, Disturbance::Lock, Disturbance::Reply];

    fn name(self) -> &'static str {
        match self {
            Disturbance::Generator => "a slow generator",
            Disturbance::Lock => "a parked lock",
            Disturbance::Reply => "large replies",
        }
    }

    /// Runs for ever.
    async fn go_on(self, session: Session) {
        match self {
            Disturbance::Generator => loop {
                let source = slow_counter::remote(SLOW.as_millis() as u64);
                session.memoize("slow", source).await.expect("made");
                session.delete("slow").await.expect("it is there");
            },
            Disturbance::Lock => {
                let lock = session.memoize("parked", LockProxy::new()).await.expect("a lock");
                let _held = lock.acquire().await.expect("nobody else holds it");
                let waits = (0..PARKED).map(|_| {
                    let lock = lock.clone();
                    async move { lock.acquire().await }
                });
                join_all(waits).await;
            }
            Disturbance::Reply => {
                let blob = session.memoize("large", BlobProxy::of_size(LARGE)).await.expect("a blob");
                loop {
                    assert_eq!(blob.get().await.expect("a value").len(), LARGE);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Each disturbance, on the callers' connection and on its own.
pub(crate) fn contests<'a>(runtime: &'a Runtime, effort: &'a Effort) -> Vec<Contest<'a>> {
    let service = Rc::new(Served::Calls(Peer::Tarmem).start());
    let mut contests = Vec::new();
    for same_connection in [false, true] {
        for disturbance in Disturbance::ALL {
            let place = if same_connection { "same connection" } else { "another connection" };
            let runner = |name, disturbance| {
                let service = service.clone();
                Runner::new(name, move || measure(runtime, &service, disturbance, same_connection, effort.turn))
            };
            contests.push(
                Contest::new(
                    format!("p99 beside {}, {place}", disturbance.name()),
                    Unit::Seconds,
                    runner("tarmem", Some(disturbance)),
                )
                .against(runner("without", None))
                .goal("without", Goal::AtMost(1.5)),
            );
        }
    }
    contests
}

/// The 99th percentile of the callers' latencies, in seconds.
fn measure(
    runtime: &Runtime,
    service: &PeerProcess,
    disturbance: Option<Disturbance>,
    same_connection: bool,
    turn: Duration,
) -> f64 {
    let port = service.port();
    let (stop, stopped) = oneshot::channel::<()>();
    // A disturbance on its own connection also has its own thread, so that it does not keep the callers' thread busy.
    let elsewhere = disturbance.filter(|_| !same_connection).map(|disturbance| {
        std::thread::spawn(move || {
            current_thread().block_on(async move {
                let session = session(port).await;
                tokio::select! {
                    () = disturbance.go_on(session.clone()) => {}
                    _ = stopped => {}
                }
                session.close().await;
            });
        })
    });
    let latencies = runtime.block_on(async {
        let session = session(port).await;
        let here = disturbance.filter(|_| same_connection).map(|it| tokio::spawn(it.go_on(session.clone())));
        let counter = session.memoize("disturbed", CounterProxy::new()).await.expect("a counter");
        // Until everything is under way.
        let _ = call_until(&counter, Instant::now() + turn / 8).await;
        let end = Instant::now() + turn;
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let counter = counter.clone();
                tokio::spawn(async move { call_until(&counter, end).await })
            })
            .collect();
        let mut latencies = Vec::new();
        for caller in callers {
            latencies.extend(caller.await.expect("no call fails"));
        }
        if let Some(here) = here {
            here.abort();
            // The disturbance must not end for a reason of its own.
            assert!(here.await.is_err_and(|error| error.is_cancelled()), "the disturbance failed");
        }
        session.close().await;
        latencies
    });
    drop(stop);
    if let Some(elsewhere) = elsewhere {
        elsewhere.join().expect("the disturbance goes on");
    }
    percentile(latencies, 0.99)
}

async fn call_until(counter: &CounterProxy, end: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut start = Instant::now();
    while start < end {
        assert!(counter.add(1).await.expect("a value") > 0);
        let done = Instant::now();
        latencies.push(done - start);
        start = done;
    }
    latencies
}

fn percentile(mut latencies: Vec<Duration>, share: f64) -> f64 {
    latencies.sort();
    let place = (latencies.len() as f64 * share) as usize;
    latencies.get(place).map_or(f64::NAN, Duration::as_secs_f64)
}
