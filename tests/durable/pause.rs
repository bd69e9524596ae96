//! An orderly shutdown of a service that keeps its objects is a pause for its clients.

use super::detour::Detour;
use super::start_at;
use std::time::{Duration, Instant};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{Event, EventProxy, Lock, LockProxy};
use tarmem::storage::MemoryDisk;
use tarmem::{CallError, Error, RunningService, Session};
use tarmem_test_models::AccountProxy;
use tokio::net::TcpStream;

/// Much less than a shutdown would wait for calls that run.
const SOON: Duration = Duration::from_secs(5);

async fn start() -> (RunningService, u16, MemoryDisk) {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let port = service.local_addr().expect("it listens on TCP").port();
    (service, port, disk)
}

async fn session_at(address: String) -> Session {
    let builder = Session::builder(address).retry_delay(Duration::from_millis(50)).max_retry(200);
    builder.connect().await.expect("it connects")
}

async fn shut_down(service: RunningService) {
    let begun = Instant::now();
    service.shutdown().await;
    assert!(begun.elapsed() < SOON, "it waited for calls that wait: {:?}", begun.elapsed());
}

#[tokio::test]
async fn those_who_wait_keep_their_places() {
    let (service, port, disk) = start().await;
    let here = format!("127.0.0.1:{port}");
    let detour = Detour::to(([127, 0, 0, 1], port).into()).await;
    let (holder, first) = (session_at(here.clone()).await, session_at(detour.address.to_string()).await);
    let second = session_at(here).await;
    let lock = holder.memoize("lock", LockProxy::new()).await.expect("it is made");
    let jobs = holder.memoize("jobs", QueueProxy::new(None)).await.expect("it is made");
    let guard = lock.acquire().await.expect("nobody holds it");
    let wait = |session: &Session| {
        let lock = session.proxy::<Lock>("lock");
        tokio::spawn(async move { lock.acquire().await })
    };
    let first_waits = wait(&first);
    while lock.waiting().await != Ok(1) {}
    let second_waits = wait(&second);
    while lock.waiting().await != Ok(2) {}
    let getter = tokio::spawn({
        let jobs = second.proxy::<Queue>("jobs");
        async move { jobs.get::<i64>().await }
    });
    while jobs.waiting().await != Ok(1) {}
    shut_down(service).await;
    // The first in line is the last to come back.
    detour.close();
    let _service = start_at(port, &disk).await;
    assert_eq!((lock.waiting().await, jobs.waiting().await), (Ok(2), Ok(1)));
    assert_eq!(second.is_memoized("lock").await, Ok(true), "it is there again");
    guard.release().await.expect("it holds it");
    detour.lead_to(([127, 0, 0, 1], port).into());
    let guard = first_waits.await.expect("it does not panic").expect("its turn comes first");
    assert!(!second_waits.is_finished());
    guard.release().await.expect("it holds it");
    second_waits.await.expect("it does not panic").expect("its turn comes").release().await.expect("it holds it");
    jobs.put(7).await.expect("there is room");
    assert_eq!(getter.await.expect("it does not panic"), Ok(7));
}

#[tokio::test]
async fn patience_goes_on_where_it_was() {
    let (service, port, disk) = start().await;
    let session = session_at(format!("127.0.0.1:{port}")).await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    let _guard = lock.acquire().await.expect("nobody holds it");
    let begun = Instant::now();
    let waits = tokio::spawn({
        let lock = session_at(format!("127.0.0.1:{port}")).await.proxy::<Lock>("lock");
        async move { lock.acquire_timeout(Duration::from_secs(6)).await.map(|guard| guard.is_some()) }
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(lock.waiting().await, Ok(1));
    shut_down(service).await;
    let _service = start_at(port, &disk).await;
    assert_eq!(waits.await.expect("it does not panic"), Ok(false));
    assert!(begun.elapsed() < Duration::from_millis(9_500), "it began anew: {:?}", begun.elapsed());
}

#[tokio::test]
async fn calls_that_run_finish_and_those_made_meanwhile_go_to_the_next_service() {
    let (service, port, disk) = start().await;
    let session = session_at(format!("127.0.0.1:{port}")).await;
    let account = session.memoize("account", AccountProxy::open(0)).await.expect("it is made");
    let event = session.memoize("event", EventProxy::new()).await.expect("it is made");
    let waits = tokio::spawn({
        let event = session.proxy::<Event>("event");
        async move { event.wait().await }
    });
    while event.waiting().await != Ok(1) {}
    let running = account.deposit_slowly(5, 300).send().await;
    assert_eq!(session.is_memoized("account").await, Ok(true), "the call before has begun");
    let closing = tokio::spawn(shut_down(service));
    let meanwhile = tokio::spawn({
        let account = account.clone();
        async move {
            for _ in 0..20 {
                account.deposit(1).await.expect("it is made in the end");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    closing.await.expect("it does not panic");
    let _service = start_at(port, &disk).await;
    assert!(matches!(running.await, Ok(5..)));
    meanwhile.await.expect("it does not panic");
    assert_eq!(account.balance().await, Ok(25));
    event.set().await.expect("it is there");
    assert_eq!(waits.await.expect("it does not panic"), Ok(true));
}

/// Its item was put by the service that runs when it comes.
#[tokio::test]
async fn one_who_waited_and_comes_back_to_a_service_that_shuts_down_keeps_what_it_was_granted() {
    let (service, port, disk) = start().await;
    let detour = Detour::to(([127, 0, 0, 1], port).into()).await;
    let (told, mut reconnected) = tokio::sync::mpsc::unbounded_channel();
    let builder = Session::builder(detour.address.to_string()).retry_delay(Duration::from_millis(10)).max_retry(1_000);
    let builder = builder.on_reconnect(move |_| told.send(()).unwrap_or_default());
    let (near, far) = (session_at(format!("127.0.0.1:{port}")).await, builder.connect().await.expect("it connects"));
    let account = near.memoize("account", AccountProxy::open(0)).await.expect("it is made");
    let jobs = near.memoize("jobs", QueueProxy::new(Some(1))).await.expect("it is made");
    jobs.put(1).await.expect("there is room");
    let puts = tokio::spawn({
        let jobs = far.proxy::<Queue>("jobs");
        async move { jobs.put(2).await }
    });
    while jobs.waiting().await != Ok(1) {}
    detour.close();
    drop(service);
    let service = start_at(port, &disk).await;
    assert_eq!(jobs.get::<i64>().await, Ok(1), "which makes room");
    let running = account.deposit_slowly(5, 1_000).send().await;
    assert_eq!(near.is_memoized("account").await, Ok(true), "the call before has begun");
    let closing = tokio::spawn(shut_down(service));
    detour.lead_to(([127, 0, 0, 1], port).into());
    reconnected.recv().await.expect("it comes back");
    closing.await.expect("it does not panic");
    let _service = start_at(port, &disk).await;
    let put = tokio::time::timeout(SOON, puts).await.expect("it was put before, and is not put again");
    assert_eq!(put.expect("it does not panic"), Ok(()));
    assert_eq!(jobs.qsize().await, Ok(1));
    assert_eq!(jobs.get::<i64>().await, Ok(2));
    assert_eq!(running.await, Ok(5));
}

#[tokio::test]
async fn those_who_cannot_come_back_are_told_that_the_service_shuts_down() {
    let (service, port, _) = start().await;
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let over = Session::over(stream).await.expect("it opens");
    let inside = service.session();
    let lock = over.memoize("lock", LockProxy::new()).await.expect("it is made");
    let _guard = lock.acquire().await.expect("nobody holds it");
    let waits = |session: &Session| {
        let lock = session.proxy::<Lock>("lock");
        tokio::spawn(async move { lock.acquire().await.map(drop) })
    };
    let waiting = [waits(&over), waits(&inside)];
    while lock.waiting().await != Ok(2) {}
    shut_down(service).await;
    for waited in waiting {
        assert_eq!(waited.await.expect("it does not panic"), Err(CallError::Failed(Error::ShuttingDown)));
    }
}
