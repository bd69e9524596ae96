//! A service that keeps its objects is stopped and started again.

#[path = "support/authority.rs"]
mod authority;
#[path = "durable/backup.rs"]
mod backup;
#[path = "durable/calls.rs"]
mod calls;
#[path = "durable/classes.rs"]
mod classes;
#[path = "durable/client.rs"]
mod client;
#[path = "durable/contenders.rs"]
mod contenders;
#[allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#[path = "support/cut_off.rs"]
mod cut_off;
#[allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#[path = "support/detour.rs"]
mod detour;
#[path = "durable/directories.rs"]
mod directories;
#[path = "durable/history.rs"]
mod history;
#[path = "durable/in_process.rs"]
mod in_process;
#[path = "durable/large.rs"]
mod large;
#[path = "durable/loading.rs"]
mod loading;
#[allow(dead_code, unreachable_pub, reason = "each test uses its own part")]
#[path = "support/other.rs"]
mod other;
#[path = "durable/pause.rs"]
mod pause;
#[path = "durable/processes.rs"]
mod processes;
#[path = "durable/rewriting.rs"]
mod rewriting;
#[path = "durable/rows.rs"]
mod rows;
#[path = "durable/slow_disk.rs"]
mod slow_disk;
#[path = "durable/waiting.rs"]
mod waiting;

use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tarmem::modules::builtins::{Dict, DictProxy, List, ListProxy};
use tarmem::storage::{MemoryDisk, MemoryStorage};
use tarmem::{Proxy, RunningService, ServeError, Service, Session};
use tarmem_test_models::{Account, AccountProxy, transfer_blocking};

tarmem::link!(tarmem_test_models);

async fn start(disk: &MemoryDisk) -> RunningService {
    let service = Service::new("127.0.0.1", 0).storage(MemoryStorage::open(disk));
    service.start().await.expect("it starts")
}

#[tokio::test]
async fn objects_under_keys_are_there_after_a_restart() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = Session::connect(service.address()).await.expect("it connects");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    for n in 0..10 {
        list.append(n).await.expect("it appends");
    }
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("it is made");
    let by_id = list.hold().await.expect("it is there");
    dict.set("list", by_id.reference().expect("a proxy by id")).await.expect("it is set");
    session.delete("list").await.expect("it is there");
    let id = session.get::<Dict>("dict").with_info().await.expect("it is there").1;
    session.close().await;
    drop(service);

    let service = start(&disk).await;
    let session = Session::connect(service.address()).await.expect("it connects");
    let (dict, again) = session.get::<Dict>("dict").with_info().await.expect("it is there");
    assert_eq!((id.id, id.generation), (again.id, again.generation));
    assert_eq!(dict.snapshot().await.expect("it is shown").to_string(), r#"{"list":[0,1,2,3,4,5,6,7,8,9]}"#);
    assert!(session.get::<List>("list").await.is_err());
    assert_eq!(service.object_count(), 2);
}

/// Starts a service at a port that another one had. While nobody listens there, the system may give the port to a
/// client's connection, perhaps one to that very port, which is over soon.
async fn start_at(port: u16, disk: &MemoryDisk) -> RunningService {
    patiently(|| Service::new("127.0.0.1", port).storage(MemoryStorage::open(disk))).await
}

/// Starts a service, whose port another one had.
async fn patiently(service: impl Fn() -> Service) -> RunningService {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match service().start().await {
            Ok(service) => return service,
            Err(ServeError::Listen { cause, .. })
                if cause.kind() == ErrorKind::AddrInUse && Instant::now() < patience =>
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("it does not start: {error:?}"),
        }
    }
}

#[tokio::test]
async fn sessions_go_on_after_a_restart_and_each_call_is_made_once() {
    const CALLS: i64 = 2_000;
    let disk = MemoryDisk::default();
    let mut service = start_at(0, &disk).await;
    let port = service.local_addr().expect("it listens on TCP").port();
    let session = Session::connect(service.address()).await.expect("it connects");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    let held = session.create(ListProxy::new(None)).await.expect("it is made");
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (list, held) = (list.clone(), held.clone());
            tokio::spawn(async move {
                for n in 0..CALLS {
                    list.append(task * CALLS + n).await.expect("it appends");
                    if n % 100 == 0 {
                        held.append(task).await.expect("it appends");
                    }
                }
            })
        })
        .collect();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(service);
        service = start_at(port, &disk).await;
    }
    for task in tasks {
        task.await.expect("no call fails");
    }
    let items: Vec<i64> = list.snapshot_as().await.expect("it is shown");
    for task in 0..4 {
        let of_task: Vec<i64> = items.iter().copied().filter(|item| item / CALLS == task).collect();
        assert!(of_task == (task * CALLS..(task + 1) * CALLS).collect::<Vec<_>>(), "task {task}: {}", of_task.len());
    }
    assert_eq!(held.len().await.expect("it is there"), 80);
}

/// It makes no call between two restarts, and what it holds is still there.
#[tokio::test]
async fn an_idle_session_goes_on_after_any_number_of_restarts() {
    let disk = MemoryDisk::default();
    let mut service = start_at(0, &disk).await;
    let port = service.local_addr().expect("it listens on TCP").port();
    let (told, mut reconnected) = tokio::sync::mpsc::unbounded_channel();
    let session = Session::builder(service.address())
        .retry_delay(Duration::from_millis(20))
        .max_retry(1_000)
        .on_reconnect(move |how| told.send(how.resumed).unwrap_or_default())
        .connect()
        .await
        .expect("it connects");
    let held = session.create(ListProxy::new(None)).await.expect("it is made");
    held.append(1).await.expect("it appends");
    for restart in 1..=3 {
        service.shutdown().await;
        service = start_at(port, &disk).await;
        assert_eq!(reconnected.recv().await, Some(true), "restart {restart}");
    }
    held.append(2).await.expect("it is still there");
    assert_eq!(held.snapshot_as::<Vec<i64>>().await.expect("it is shown"), [1, 2]);
}

#[tokio::test]
async fn a_call_that_outlives_its_session_leaves_nothing_of_it() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = Session::connect(service.address()).await.expect("it connects");
    let account = session.memoize("account", AccountProxy::open(0)).await.expect("it is made");
    let other = session.memoize("other", AccountProxy::open(1)).await.expect("it is made");
    let running = transfer_blocking::remote(&other, &account, 1, 300).call(&session).send().await;
    session.is_memoized("account").await.expect("the call before has begun");
    session.close().await;
    drop(running);
    let session = Session::connect(service.address()).await.expect("it connects");
    // It waits for the one that runs.
    assert_eq!(session.get::<Account>("account").await.expect("there").deposit(10).await, Ok(11));
    session.close().await;
    drop(service);
    let service = start(&disk).await;
    let session = Session::connect(service.address()).await.expect("it connects");
    assert_eq!(session.get::<Account>("account").await.expect("there").balance().await, Ok(11));
}
