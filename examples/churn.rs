//! How much memory a service gives back: a client makes a million lists and deletes them, and then another client does.
//!
//! The service is the `tarmem` program at PATH, in its own process. After each step, and again after some idle seconds
//! (ten by default), this prints the service's memory (`VmRSS` in `/proc/PID/status`). At the end it prints how fast
//! lists are made and called, so that one allocator can be compared with another.
//!
//! ```text
//! cargo build --release && cargo run --release --example churn -- target/release/tarmem [COUNT [SECONDS]]
//! ```

use futures::{StreamExt, TryStreamExt, stream};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::{Session, Value};

/// How many calls are in flight at one time.
const IN_FLIGHT: usize = 4096;

const USAGE: &str = "usage: churn PATH [COUNT [SECONDS]]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let program = args.next();
    let mut number = |otherwise| args.next().map_or(Ok(otherwise), |asked| asked.replace('_', "").parse::<u32>());
    let done = match (program, number(1_000_000), number(10)) {
        (Some(program), Ok(count @ 1..), Ok(seconds)) => run(&program, count as usize, seconds).await,
        (None, ..) => Err(format!("give the path of the tarmem program; {USAGE}").into()),
        (_, Ok(1..), _) => Err(format!("give how many seconds to leave it alone; {USAGE}").into()),
        _ => Err(format!("give how many lists to make, 1 or more; {USAGE}").into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("churn: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(program: &str, count: usize, idle: u32) -> Result<(), Box<dyn Error>> {
    let service = Service::start(program)?;
    // After this, the service has allocated everything that does not depend on the number of objects.
    let session = Session::connect(&service.address).await?;
    make(&session, count.min(1_000)).await?;
    delete(&session, count.min(1_000)).await?;
    println!("empty: {} MB", service.resident()?);
    let mut speeds = Vec::new();
    for client in ["the first", "a second"] {
        let session = Session::connect(&service.address).await?;
        let start = Instant::now();
        make(&session, count).await?;
        let made = count as f64 / start.elapsed().as_secs_f64();
        println!("{count} lists of {client} client: {} MB", service.resident()?);
        let calls = call(&session, count).await?;
        delete(&session, count).await?;
        session.close().await;
        println!("deleted: {} MB", service.resident()?);
        tokio::time::sleep(Duration::from_secs(idle.into())).await;
        println!("idle for {idle} s: {} MB", service.resident()?);
        speeds.push((made, calls));
    }
    for (made, calls) in speeds {
        println!("{made:.0} lists a second made, {calls:.0} calls a second on them");
    }
    Ok(())
}

/// A service in its own process, which is killed when this is dropped.
struct Service {
    child: Child,
    address: String,
}

impl Service {
    fn start(program: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(program);
        command.args(["serve", "--host", "127.0.0.1", "--port", "0"]).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("it has no output")?).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").ok_or("it does not say where it listens")?.to_owned();
        Ok(Service { child, address })
    }

    /// Its memory, in MB.
    fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("VmRSS is missing")?.parse::<u64>()? * 1024 / 1_000_000)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key(number: usize) -> String {
    format!("list:{number}")
}

/// Makes this many lists of two elements.
async fn make(session: &Session, count: usize) -> Result<(), tarmem::Error> {
    stream::iter(0..count)
        .map(|number| session.memoize(&key(number), ListProxy::new(Some(Value::from([number as i64, 1])))))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |_proxy| Ok(()))
        .await
        .map_err(tarmem::Error::from)
}

async fn delete(session: &Session, count: usize) -> Result<(), tarmem::Error> {
    stream::iter(0..count)
        .map(|number| session.delete(&key(number)))
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |()| Ok(()))
        .await
}

/// Appends an element to lists in a scattered order and removes it again. Returns the number of calls per second.
async fn call(session: &Session, count: usize) -> Result<f64, Box<dyn Error>> {
    let calls = 200_000.min(10 * count);
    let start = Instant::now();
    stream::iter(0..calls)
        .map(async |call| {
            let list = session.proxy::<List>(&key(call * 7_919 % count));
            list.append(call as i64).await?;
            list.pop::<Value>().await
        })
        .buffer_unordered(IN_FLIGHT)
        .try_for_each(async |_last| Ok(()))
        .await?;
    Ok(2.0 * calls as f64 / start.elapsed().as_secs_f64())
}
