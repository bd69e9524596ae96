//! A million small objects under their own keys: how fast they are made, and how much memory each takes.
//!
//! The service and its client are in one process here, joined by a TCP connection, so the reported memory includes the
//! client's share, which is small. 4,096 `memoize` calls are in flight at a time; the session sends them in batches.
//! Then the keys are called in a scattered order, to show that the last of a million is found as fast as the first of a
//! thousand.
//!
//! ```text
//! cargo run --release --example million [COUNT]
//! ```

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;
use tarmem::{Service, Session, remote};

/// How many calls are in flight at one time.
const IN_FLIGHT: usize = 4096;

/// The smallest object that does something useful.
#[remote(module = "million")]
#[derive(Serialize, Deserialize)]
struct Counter {
    value: i64,
}

#[remote]
impl Counter {
    /// A counter that begins with `value`. It is so little work that it runs where the call arrives, and not on a
    /// thread for generators.
    #[remote(inline)]
    pub fn new(value: i64) -> Self {
        Counter { value }
    }

    /// Adds `n` and returns the new value.
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match count(std::env::args().nth(1)) {
        Ok(count) => run(count).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("million: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many to make: a million, or the number on the command line.
fn count(asked: Option<String>) -> Result<i64, String> {
    const USAGE: &str = "give how many objects to make, 2 or more; usage: million [COUNT]";
    let Some(asked) = asked else { return Ok(1_000_000) };
    match asked.replace('_', "").parse() {
        Ok(count) if count >= 2 => Ok(count),
        Ok(count) => Err(format!("{count} is too few: {USAGE}")),
        Err(_) => Err(format!("{asked:?} is none: {USAGE}")),
    }
}

async fn run(count: i64) -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let address = service.local_addr().ok_or("no address")?;
    let session = Session::connect(address.to_string()).await?;

    // The first thousand are not counted: after them, the service has allocated everything that does not depend on the
    // number of objects.
    let first = (count / 2).min(1_000);
    make(&session, 0, first).await?;
    call(&session, first).await?;
    let few = call(&session, first).await?;
    let before = resident_bytes()?;
    let start = Instant::now();
    make(&session, first, count).await?;
    let (made, took) = (count - first, start.elapsed());
    let each = resident_bytes()?.saturating_sub(before) as f64 / made as f64;
    let many = call(&session, count).await?;

    println!(
        "{} keys; {made} made in {:.1} s: {:.0} a second",
        service.key_count(),
        took.as_secs_f64(),
        made as f64 / took.as_secs_f64()
    );
    println!("{each:.0} bytes of resident memory each, its key included");
    println!("calls a second: {:.0} on {first} keys, {:.0} on {count}", few.a_second, many.a_second);
    println!("processor time a call, both ends: {:.0} ns on {first} keys, {:.0} ns on {count}", few.ns, many.ns);
    service.shutdown().await;
    Ok(())
}

fn key(number: i64) -> String {
    format!("counter:{number}")
}

/// Makes the counters from `first` up to `end`.
async fn make(session: &Session, first: i64, end: i64) -> Result<(), tarmem::Error> {
    stream::iter(first..end)
        .map(|number| session.memoize(&key(number), CounterProxy::new(number)))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |_proxy| Ok(()))
        .await
}

/// The speed of calls.
struct Speed {
    a_second: f64,
    /// The processor time of one call, on all threads. It hardly depends on what else the machine does.
    ns: f64,
}

/// Calls counters among the first `count`, in a scattered order.
async fn call(session: &Session, count: i64) -> Result<Speed, Box<dyn Error>> {
    const CALLS: i64 = 200_000;
    let (start, used) = (Instant::now(), processor_ns()?);
    stream::iter(0..CALLS)
        // A step that has no factor in common with the count visits all counters, in a scattered order.
        .map(|call| session.proxy::<Counter>(&key(call.wrapping_mul(2_654_435_761).rem_euclid(count))).add(0))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |_value| Ok(()))
        .await?;
    let ns = processor_ns()?.saturating_sub(used) as f64 / CALLS as f64;
    Ok(Speed { a_second: CALLS as f64 / start.elapsed().as_secs_f64(), ns })
}

/// The processor time of this process's threads (`/proc/self/task/*/schedstat`, the first field, in nanoseconds).
fn processor_ns() -> Result<u64, Box<dyn Error>> {
    let mut used = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        used += schedstat.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(used)
}

/// The memory of this process (`/proc/self/statm`, the second field, in pages).
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("/proc/self/statm is too short")?.parse()?;
    Ok(pages * PAGE)
}
