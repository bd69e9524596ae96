//! A worker: a process that gets the index and searches it as fast as it can; and how the main process sees its
//! workers.

use crate::index::{IndexProxy, build_index};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tarmem::Session;
use tokio::sync::oneshot;

/// The key of the shared index.
pub(crate) const KEY: &str = "index";

/// The number of different queries per worker.
const QUERIES: u32 = 500;

/// The number of hits that one query asks for.
const HITS: u32 = 10;

/// A worker's command line.
pub(crate) struct Task {
    pub(crate) number: u32,
    pub(crate) address: String,
    pub(crate) folder: String,
    /// How long to search.
    pub(crate) seconds: f64,
    /// How many queries are on their way at one time.
    pub(crate) in_flight: u32,
}

/// The result of a worker.
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

/// The life of a worker. It prints `ready` or `failed …`, searches when a line on its standard input tells it to,
/// prints `done …`, and stays until the main process closes its standard input.
pub(crate) async fn work(task: Task) -> Result<(), Box<dyn Error>> {
    let go = go_or_exit();
    match share(&task).await {
        Err(error) => println!("failed {error}"),
        Ok((session, index)) => {
            println!("ready");
            go.await?;
            let Done { queries, hits, took } = search(&task, &index).await?;
            session.close().await;
            println!("done {queries} {hits} {}", took.as_micros());
        }
    }
    std::future::pending().await
}

/// Gets the index. All workers do this at the same time: one generator runs, and the others wait for it and get the
/// same index.
async fn share(task: &Task) -> Result<(Session, IndexProxy), Box<dyn Error>> {
    let session = Session::connect(&task.address).await?;
    let source = build_index::remote(task.folder.clone(), format!("worker {}", task.number));
    // A large folder may take longer than the default timeout.
    let index = session.memoize(KEY, source).no_timeout().await?;
    Ok((session, index))
}

/// Searches for as long as the task says.
async fn search(task: &Task, index: &IndexProxy) -> Result<Done, tarmem::Error> {
    let queries = index.sample_queries(QUERIES, u64::from(task.number)).await?;
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(task.seconds);
    // Each of these waits only for its own answer; queries made at about the same time travel together.
    let askers = (0..task.in_flight as usize).map(|first| ask(index, &queries, first, end));
    let results = futures::future::try_join_all(askers).await?;
    let (queries, hits) = results.iter().fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    Ok(Done { queries, hits, took: begun.elapsed() })
}

/// Makes one query after the other until `end`. Returns how many, and how many hits they had.
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

/// Ready at the first line on standard input. When that ends, the main process is gone, and this process ends too.
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

/// The workers' processes, as the main process sees them. They are killed when this is dropped.
pub(crate) struct Workers {
    processes: Vec<Child>,
    /// A worker's number, and a line that it printed; `None` once it has ended.
    said: mpsc::Receiver<(u32, Option<String>)>,
}

impl Workers {
    /// Starts this program again for each task, as a worker.
    pub(crate) fn start(tasks: impl IntoIterator<Item = Task>) -> Result<Self, Box<dyn Error>> {
        let (say, said) = mpsc::channel();
        let mut workers = Workers { processes: Vec::new(), said };
        for task in tasks {
            let mut process = Command::new(std::env::current_exe()?)
                .args(["--worker", &task.number.to_string(), "--address", &task.address])
                .args(["--seconds", &task.seconds.to_string(), "--in-flight", &task.in_flight.to_string()])
                .args(["--", &task.folder])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let output = process.stdout.take();
            println!("worker {}: process {}", task.number, process.id());
            workers.processes.push(process);
            let lines = BufReader::new(output.ok_or("no standard output")?).lines();
            let say = say.clone();
            std::thread::spawn(move || {
                let lines = lines.map_while(Result::ok).map(Some).chain([None]);
                // Sending fails if nobody waits any more.
                lines.map(|line| say.send((task.number, line))).all(|sent| sent.is_ok())
            });
        }
        Ok(workers)
    }

    /// Waits until all have the index.
    pub(crate) fn ready(&self) -> Result<(), Box<dyn Error>> {
        for (_, line) in self.hear()? {
            if line != "ready" {
                return Err(line.trim_start_matches("failed ").into());
            }
        }
        Ok(())
    }

    /// Lets all of them search at the same time, and waits for their results.
    pub(crate) fn search(&mut self) -> Result<Vec<(u32, Done)>, Box<dyn Error>> {
        for process in &mut self.processes {
            writeln!(process.stdin.as_mut().ok_or("no standard input")?, "go")?;
        }
        let parse = |(worker, line): (u32, String)| {
            let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
            match numbers[..] {
                [queries, hits, micros] => Ok((worker, Done { queries, hits, took: Duration::from_micros(micros) })),
                _ => Err(format!("worker {worker} said {line:?}").into()),
            }
        };
        self.hear()?.into_iter().map(parse).collect()
    }

    /// One line from each, in the order of their numbers. Fails as soon as any of them ends.
    fn hear(&self) -> Result<Vec<(u32, String)>, Box<dyn Error>> {
        let mut lines = Vec::new();
        for _ in &self.processes {
            let (worker, line) = self.said.recv()?;
            lines.push((worker, line.ok_or_else(|| format!("worker {worker} ended too early"))?));
        }
        lines.sort();
        Ok(lines)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // Both fail only if it has already ended.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
