//! A worker: a process that gets at the index, and asks it as fast as it can. And how the main process sees one.

use crate::index::{IndexProxy, build_index};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tarmem::Session;
use tokio::sync::oneshot;

/// The key that the index is shared under.
pub(crate) const KEY: &str = "index";

/// Different queries of one worker.
const QUERIES: u32 = 500;

/// The hits that one query asks for.
const HITS: u32 = 10;

/// What a worker is told on its command line.
pub(crate) struct Task {
    pub(crate) number: u32,
    pub(crate) address: String,
    pub(crate) folder: String,
    /// How long to ask.
    pub(crate) seconds: f64,
    /// Queries that are on their way at one time.
    pub(crate) in_flight: u32,
}

/// What a worker has done.
pub(crate) struct Done {
    pub(crate) queries: u64,
    pub(crate) hits: u64,
    pub(crate) took: Duration,
}

impl Done {
    pub(crate) fn per_second(&self) -> f64 {
        self.queries as f64 / self.took.as_secs_f64()
    }

    pub(crate) fn hits_each(&self) -> f64 {
        self.hits as f64 / self.queries.max(1) as f64
    }
}

/// A worker's whole life. It says `ready` or `failed …` on its standard output, asks once it is told to on its standard
/// input, and says `done …`.
pub(crate) async fn work(task: Task) -> Result<(), Box<dyn Error>> {
    let go = go_or_exit();
    let (session, index) = match share(&task).await {
        Ok(shared) => shared,
        Err(error) => {
            println!("failed {error}");
            return Ok(());
        }
    };
    println!("ready");
    go.await?;
    let queries = index.sample_queries(QUERIES, u64::from(task.number)).await?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(task.seconds);
    // Each of these waits for its own answer only; what they ask at about one time travels together.
    let askers = (0..task.in_flight as usize).map(|first| ask(&index, &queries, first, end));
    let (mut asked, mut hits) = (0, 0);
    for result in futures::future::join_all(askers).await {
        let (more_asked, more_hits) = result?;
        (asked, hits) = (asked + more_asked, hits + more_hits);
    }
    let took = begun.elapsed().as_micros();
    session.close().await;
    println!("done {asked} {hits} {took}");
    Ok(())
}

/// Gets at the index. All workers do this at once: one generator runs, the others wait for it and get the same index.
async fn share(task: &Task) -> Result<(Session, IndexProxy), Box<dyn Error>> {
    let session = Session::connect(&task.address).await?;
    let source = build_index::remote(task.folder.clone(), format!("worker {}", task.number));
    // A large folder may take longer than calls usually may.
    let index = session.memoize(KEY, source).no_timeout().await?;
    Ok((session, index))
}

/// Asks one query after the other until `end`; gives how many, and how many hits they had.
async fn ask(index: &IndexProxy, queries: &[String], first: usize, end: Instant) -> Result<(u64, u64), tarmem::Error> {
    let (mut asked, mut hits) = (0, 0);
    for query in queries.iter().cycle().skip(first) {
        if Instant::now() >= end {
            break;
        }
        hits += index.search(query, HITS).await?.len() as u64;
        asked += 1;
    }
    Ok((asked, hits))
}

/// Ready at the first line on standard input. At its end the main process is gone, and this one ends too.
fn go_or_exit() -> oneshot::Receiver<()> {
    let (go, gone) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lines();
        if let Some(Ok(_)) = lines.next() {
            // Nobody waits for it if the worker has failed.
            let _ = go.send(());
        }
        while let Some(Ok(_)) = lines.next() {}
        std::process::exit(1);
    });
    gone
}

/// A worker's process, as the main process sees it. It ends with this value.
pub(crate) struct Worker {
    pub(crate) number: u32,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts this very program again, in the part of a worker.
    pub(crate) fn start(task: &Task) -> Result<Self, Box<dyn Error>> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--worker", &task.number.to_string(), "--address", &task.address])
            .args(["--seconds", &task.seconds.to_string(), "--in-flight", &task.in_flight.to_string(), "--"])
            .arg(Path::new(&task.folder))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (input, output) = (input.ok_or("no standard input")?, output.ok_or("no standard output")?);
        Ok(Worker { number: task.number, process, input, output: BufReader::new(output) })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has the index.
    pub(crate) fn ready(&mut self) -> Result<(), Box<dyn Error>> {
        let line = self.line()?;
        match line.strip_prefix("failed ") {
            None if line == "ready" => Ok(()),
            reason => Err(reason.unwrap_or(&line).into()),
        }
    }

    /// Lets it begin to ask.
    pub(crate) fn go(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(writeln!(self.input, "go")?)
    }

    /// Waits until it has asked.
    pub(crate) fn done(&mut self) -> Result<Done, Box<dyn Error>> {
        let line = self.line()?;
        let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [queries, hits, micros] => Ok(Done { queries, hits, took: Duration::from_micros(micros) }),
            _ => Err(format!("worker {} said {line:?}", self.number).into()),
        }
    }

    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.strip_suffix('\n') {
            Some(line) => Ok(line.to_owned()),
            None => Err(format!("worker {} ended too early", self.number).into()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
