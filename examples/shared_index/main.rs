//! Worker processes that share one full-text index of a folder, built once, by whichever asks first.
//!
//! ```text
//! cargo run --release --example shared_index                  # this repository
//! cargo run --release --example shared_index -- ~/notes --workers 8 --query "shopping list"
//! ```
//!
//! This process runs the service, and starts itself again as each of the workers. Every worker memoizes the index with
//! the same generator: the service runs one of them, and the other workers wait for the result. Then all of them search
//! the one index at the same time.
//!
//! - [`index`]: the index, an ordinary type with an attribute, and its generator.
//! - [`files`]: reading a folder within bounds.
//! - [`worker`]: what a worker does.

mod files;
mod index;
mod worker;

use clap::Parser;
use index::{Index, IndexProxy, Report, builds};
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tarmem::Service;
use worker::{KEY, Task, Workers};

/// Worker processes that share one full-text index of a folder.
#[derive(Parser)]
#[command(name = "shared_index")]
struct Options {
    /// The folder to index: its text files of up to 1 MiB, without folders named `target` and `.git`. Default: this
    /// repository.
    folder: Option<PathBuf>,
    /// Worker processes.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// How long they search.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Queries that each worker has on their way at one time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    in_flight: u32,
    /// The query whose best hits are shown: words that must all be there.
    #[arg(long)]
    query: Option<String>,
    /// Work as worker N for the service at `--address`.
    #[arg(long, hide = true, requires = "address")]
    worker: Option<u32>,
    #[arg(long, hide = true)]
    address: Option<String>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds from 0 to 3600".to_owned()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let result = match (options.worker, &options.address) {
        (Some(number), Some(address)) => match options.task(number, address.clone()) {
            Ok(task) => worker::work(task).await,
            Err(error) => Err(error),
        },
        _ => run(&options).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shared_index: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn task(&self, number: u32, address: String) -> Result<Task, Box<dyn Error>> {
        let folder = match &self.folder {
            Some(folder) => std::path::absolute(folder)?,
            None => PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        };
        let folder = folder.into_os_string().into_string().map_err(|folder| format!("{folder:?} is not UTF-8"))?;
        Ok(Task { number, address, folder, seconds: self.seconds, in_flight: self.in_flight })
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let address = service.local_addr().ok_or("the service has no address")?.to_string();

    let begun = Instant::now();
    let tasks: Result<Vec<Task>, _> =
        (1..=options.workers).map(|number| options.task(number, address.clone())).collect();
    let mut workers = Workers::start(tasks?)?;
    // The service runs on its own threads, so this one may block.
    workers.ready()?;
    let all_ready = begun.elapsed();

    // This process may use the index as well: the same calls, without a socket.
    let session = service.session();
    let index = session.get::<Index>(KEY).await?;
    let report = index.report().await?;
    print_report(&options.task(0, address)?.folder, &report);
    let times = match builds::remote().call(&session).await? {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    println!("built: {times}, by {}, in {:.1?}", report.built_by, report.took);
    println!("shared: all {} workers had it {all_ready:.1?} after the first was started", options.workers);

    let done = workers.search()?;
    for (number, done) in &done {
        println!("worker {number}: {:.0} queries/s, {:.1} hits each", done.per_second(), done.hits_each());
    }
    let all: f64 = done.iter().map(|(_, done)| done.per_second()).sum();
    println!("all workers: {all:.0} queries/s, {} in flight each", options.in_flight);

    print_hits(options, &index).await?;
    drop(workers);
    service.shutdown().await;
    Ok(())
}

fn print_report(folder: &str, report: &Report) {
    println!("folder: {folder}");
    println!(
        "index: {} files, {} bytes, {} words, {} different (skipped: {})",
        report.files, report.bytes, report.words, report.different_words, report.skipped
    );
}

/// Shows the best hits of one query.
async fn print_hits(options: &Options, index: &IndexProxy) -> Result<(), Box<dyn Error>> {
    let query = match (&options.query, &options.folder) {
        (Some(query), _) => query.clone(),
        (None, None) => "memoize generator".to_owned(),
        // A query that finds something, whatever the folder is about.
        (None, Some(_)) => index.sample_queries(1, 0).await?.pop().ok_or("no line has two words; give a --query")?,
    };
    let hits = index.search(&query, 5).await?;
    println!("query: {query:?}, {}", if hits.is_empty() { "no file has all of these words" } else { "best hits:" });
    for hit in hits {
        println!("  {:5.2}  {}:{}  {}", hit.score, hit.file, hit.line, hit.snippet);
    }
    Ok(())
}
