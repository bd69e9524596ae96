//! Worker processes take jobs from a shared queue: they hash each file of a folder. One worker is killed in the middle
//! of a job, and still the result has every file exactly once.
//!
//! ```text
//! cargo run --release --example job_queue [FOLDER]
//! ```
//!
//! A job is taken from the queue under a *lease*, and acknowledged once its result is in the shared dict. When a worker
//! disappears, its leased job goes back into the queue, so each job is done at least once; `setdefault` keeps only the
//! first result, so it counts once.

use sha2::{Digest, Sha256};
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tarmem::modules::builtins::{Dict, DictProxy};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::{Service, Session, blocking, blocking::Wait};

const WORKERS: usize = 3;
/// Files larger than this are left out, in bytes.
const LARGEST: u64 = 16 << 20;
/// The beginning of the result for a file that cannot be read.
const UNREADABLE: &str = "unreadable: ";

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("--worker") => work(&args.next().ok_or("no address")?, args.next().as_deref() == Some("unlucky")),
        folder => share_out(Path::new(folder.unwrap_or(env!("CARGO_MANIFEST_DIR")))),
    }
}

/// Fills the queue, starts the workers, kills one, and checks the results.
fn share_out(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (files, unnamed) = files_of(folder)?;
    if files.is_empty() {
        return Err(format!("there is nothing to hash in {}; give a folder with files", folder.display()).into());
    }
    println!("{} files in {} ({unnamed} left out: their names are no text)", files.len(), folder.display());
    let service = blocking::start(Service::new("127.0.0.1", 0))?;
    let session = blocking::Session::connect(service.address())?;
    let jobs = session.memoize("jobs", QueueProxy::default()).wait()?;
    let hashes = session.memoize("hashes", DictProxy::default()).wait()?;
    for file in &files {
        jobs.put(file.as_str()).wait()?;
    }
    let begun = Instant::now();
    // This worker takes a job and says so. It is killed while it holds the job.
    let mut unlucky = Worker::start(&service.address(), true)?;
    let job = unlucky.says()?;
    drop(unlucky);
    println!("killed a worker that was hashing {job}");
    let workers: Vec<Worker> =
        (0..WORKERS).map(|_| Worker::start(&service.address(), false)).collect::<Result<_, _>>()?;
    jobs.join().wait()?;
    println!(
        "{WORKERS} workers did the rest in {:.0?}: the killed one's job came back with the end of its lease",
        begun.elapsed()
    );
    drop(workers);

    let found: Vec<(String, String)> = hashes.items().wait()?;
    let mut hashed: Vec<&String> = found.iter().map(|(file, _)| file).collect();
    hashed.sort();
    if hashed != files.iter().collect::<Vec<_>>() {
        return Err(format!("{} files, but {} hashes", files.len(), found.len()).into());
    }
    for (file, hash) in &found {
        if *hash != digest(Path::new(file)) {
            return Err(format!("{file} was hashed wrongly").into());
        }
    }
    let unread = found.iter().filter(|(_, hash)| hash.starts_with(UNREADABLE)).count();
    println!("every file is hashed exactly once: {} hashes ({unread} files cannot be read)", found.len() - unread);
    blocking::shutdown(service);
    Ok(())
}

/// Takes jobs for as long as there is a service.
#[tokio::main(flavor = "current_thread")]
async fn work(address: &str, unlucky: bool) -> Result<(), Box<dyn Error>> {
    let session = Session::connect(address).await?;
    let (jobs, hashes) = (session.proxy::<Queue>("jobs"), session.proxy::<Dict>("hashes"));
    while let Ok(job) = jobs.get_leased::<String>().await {
        if unlucky {
            println!("{}", *job);
            // Until it is killed.
            std::future::pending::<()>().await;
        }
        let hash = digest(Path::new(&*job));
        hashes.setdefault::<String>(job.as_str(), hash).await?;
        job.ack().await?;
    }
    Ok(())
}

/// The hash of a file, or why there is none. A job that fails has a result, too; otherwise it would come back for ever.
fn digest(file: &Path) -> String {
    match std::fs::read(file) {
        Ok(bytes) => Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(error) => format!("{UNREADABLE}{error}"),
    }
}

/// The files below `folder`, in order, without hidden files, build results and links. Also the number of files whose
/// names are not valid UTF-8, which cannot be jobs.
fn files_of(folder: &Path) -> Result<(Vec<String>, usize), Box<dyn Error>> {
    let (mut folders, mut files, mut unnamed) = (vec![PathBuf::from(folder)], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            if name.to_string_lossy().starts_with('.') || name == "target" {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.metadata()?.len() <= LARGEST {
                match entry.path().into_os_string().into_string() {
                    Ok(file) => files.push(file),
                    Err(_) => unnamed += 1,
                }
            }
        }
    }
    files.sort();
    Ok((files, unnamed))
}

/// A worker process; killed when dropped.
struct Worker(Child);

impl Worker {
    fn start(address: &str, unlucky: bool) -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--worker", address]).stdout(Stdio::piped()).stdin(Stdio::null());
        if unlucky {
            command.arg("unlucky");
        }
        command.spawn().map(Worker)
    }

    /// The next line it prints.
    fn says(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        let stdout = self.0.stdout.as_mut().ok_or("its output is not ours")?;
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() { Err("a worker ended without a word".into()) } else { Ok(line.trim_end().to_owned()) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
