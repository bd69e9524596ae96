//! Threads and blocking: code of docs/guide/07-threads-blocking-and-frameworks.md.
//!
//! ```text
//! cargo run --release --example guide_threads
//! ```

use std::error::Error;
use std::thread;
use tarmem::blocking::{self, Wait, WaitEach};
use tarmem::modules::builtins::{DictProxy, ListProxy};
use tarmem::{CallError, Service, Session, modules::Exception};

/// What each task is given: a clone, and still one session.
#[derive(Clone)]
struct Shared {
    session: Session,
}

/// Counts a request. The runtime runs it on any of its threads.
async fn page(shared: Shared, path: &str) -> Result<i64, CallError<Exception>> {
    let hits = shared.session.memoize("hits", DictProxy::default()).await?;
    hits.incr(path, 1).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let service = blocking::start(Service::new("127.0.0.1", 0))?;
    from_threads(&service.address())?;
    from_tasks(&service.address())?;
    blocking::shutdown(service);
    Ok(())
}

fn from_threads(address: &str) -> Result<(), Box<dyn Error>> {
    let session = blocking::Session::connect(address)?;
    let list = session.memoize("list", ListProxy::default()).wait()?;
    thread::scope(|scope| {
        let append = |n| {
            scope.spawn({
                let list = &list;
                move || list.append(n).wait()
            })
        };
        let threads: Vec<_> = (0..4).map(append).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    let sum: i64 = list.iter::<i64>().wait_each().sum::<Result<i64, _>>()?;
    println!("four threads appended numbers with the sum {sum}");
    session.close();
    Ok(())
}

#[tokio::main]
async fn from_tasks(address: &str) -> Result<(), Box<dyn Error>> {
    let shared = Shared { session: Session::connect(address).await? };
    let requests: Vec<_> = (0..100).map(|_| tokio::spawn(page(shared.clone(), "/index.html"))).collect();
    for request in requests {
        request.await??;
    }
    println!("the next request is number {}", page(shared.clone(), "/index.html").await?);
    shared.session.close().await;
    Ok(())
}
