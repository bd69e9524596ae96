//! Locks and queues: the code of docs/guide/04-locks-and-queues.md.
//!
//! ```text
//! cargo run --release --example guide_locks
//! ```

use std::error::Error;
use std::time::Duration;
use tarmem::modules::builtins::DictProxy;
use tarmem::modules::queue::QueueProxy;
use tarmem::modules::threading::LockProxy;
use tarmem::{Service, Session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::new("127.0.0.1", 0).start().await?;
    let (one, two) = (Session::connect(service.address()).await?, Session::connect(service.address()).await?);

    // One call is atomic: this needs no lock.
    let hits = one.memoize("hits", DictProxy::default()).await?;
    let total: i64 = hits.incr("/index.html", 1).await?;
    println!("{total} hit");

    // Several calls that belong together do.
    let lock = one.memoize("prices/lock", LockProxy::new()).await?;
    let guard = lock.acquire().await?;
    let elsewhere = two.memoize("prices/lock", LockProxy::new()).await?;
    assert!(elsewhere.try_acquire().await?.is_none(), "the other session has it");
    let token = guard.token();
    drop(guard);

    let guard = elsewhere.acquire_timeout(Duration::from_secs(5)).await?.ok_or("nobody let go")?;
    println!("a later holder has a higher token: {}", guard.token() > token);
    guard.release().await?;

    // A job is given to one worker, and comes back unless that worker acknowledges it.
    let jobs = one.memoize("jobs", QueueProxy::default()).await?;
    jobs.put("resize cat.png").await?;
    let worker = two.memoize("jobs", QueueProxy::default()).await?;
    let job = worker.get_leased::<String>().await?;
    println!("the first worker gets {:?}, and gives up", *job);
    drop(job);
    let job = worker.get_leased::<String>().await?;
    println!("the second worker gets {:?}, and does it", *job);
    job.ack().await?;
    jobs.join().await?;
    println!("{} jobs left", jobs.qsize().await?);

    two.close().await;
    one.close().await;
    service.shutdown().await;
    Ok(())
}
