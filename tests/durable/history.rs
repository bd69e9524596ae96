//! Clients that come back to a service on an older copy of what it kept, on something else, or on nothing.

use super::{patiently, start_at};
use std::path::Path;
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{Lock, LockProxy};
use tarmem::storage::{MemoryDisk, MemoryStorage, Storage};
use tarmem::{CallError, Error, Proxy, RunningService, Service, Session, SessionState};
use tokio::sync::mpsc;
use uuid::Uuid;

fn id_of(disk: &MemoryDisk) -> Uuid {
    MemoryStorage::open(disk).id()
}

fn last_of(disk: &MemoryDisk) -> u64 {
    MemoryStorage::open(disk).last()
}

fn port_of(service: &RunningService) -> u16 {
    service.local_addr().expect("it listens on TCP").port()
}

/// A session, and whether it went on each time that it has reconnected.
async fn session_at(port: u16) -> (Session, mpsc::UnboundedReceiver<bool>) {
    let (told, reconnected) = mpsc::unbounded_channel();
    let session = Session::builder(format!("127.0.0.1:{port}"))
        .retry_delay(Duration::from_millis(50))
        .max_retry(200)
        .on_reconnect(move |how| told.send(how.resumed).unwrap_or_default())
        .connect()
        .await
        .expect("it connects");
    (session, reconnected)
}

async fn numbers(list: &ListProxy) -> Vec<i64> {
    list.snapshot_as().await.expect("it is shown")
}

/// The error with which the session has ended, which all its calls get.
async fn ended(session: &Session, list: &ListProxy) -> Error {
    let closed = session.wait_for(SessionState::Closed);
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("it ends");
    let error = session.ended().expect("it has ended");
    assert_eq!(list.append(0).await, Err(CallError::Failed(error.clone())));
    assert_eq!(session.is_memoized("list").await, Err(error.clone()));
    error
}

#[tokio::test]
async fn client_that_has_seen_more_than_an_older_copy_has_is_refused_by_name() {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let port = port_of(&service);
    let (session, _) = session_at(port).await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    list.append(1).await.expect("it appends");
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    let guard = lock.acquire().await.expect("nobody holds it");
    let jobs = session.memoize("jobs", QueueProxy::new(None)).await.expect("it is made");
    let waiting = tokio::spawn(async move { jobs.get::<i64>().await });
    while session.proxy::<Queue>("jobs").waiting().await != Ok(1) {}
    let copy = disk.copy();
    let left = last_of(&copy);
    // In the life that is lost, this is given to others.
    guard.release().await.expect("it holds it");
    let later = lock.acquire().await.expect("nobody holds it");
    list.append(2).await.expect("it appends");
    session.update("made", ListProxy::new(None)).await.expect("it is made");
    let (_, given) = session.get::<List>("made").with_info().await.expect("it is there");
    let token = later.token();
    drop(service);

    let service = start_at(port, &copy).await;
    let error = ended(&session, &list).await;
    let Error::HistoryLost { directory, seen, recovered, .. } = error else { panic!("{error}") };
    assert_eq!((directory, recovered), (id_of(&disk), left));
    assert!(left < seen && seen <= last_of(&disk), "{left} {seen}");
    assert_eq!(waiting.await.expect("it does not panic"), Err(CallError::Failed(error)), "the call that waited");
    std::mem::forget(later);

    // A new session sees what is there, and the lock as abandoned.
    session.reconnect().await.expect("the service is there");
    assert_eq!(numbers(&list).await, [1]);
    let again = session.proxy::<Lock>("lock").try_acquire().await.expect("it is there");
    let again = again.expect("nobody holds it any more");
    assert!(again.abandoned());
    // No number is given again.
    assert!(again.token() > token, "{} {token}", again.token());
    session.update("made", ListProxy::new(None)).await.expect("it is made");
    let (_, info) = session.get::<List>("made").with_info().await.expect("it is there");
    assert!(info.generation > given.generation, "{} {}", info.generation, given.generation);
    assert!(info.id > given.id, "{} {}", info.id, given.id);
    again.release().await.expect("it holds it");
    // The new session goes on as any other.
    drop(service);
    let _service = start_at(port, &copy).await;
    list.append(3).await.expect("it appends");
    assert_eq!(numbers(&list).await, [1, 3]);
}

#[tokio::test]
async fn client_that_has_seen_nothing_beyond_an_older_copy_goes_on_with_it() {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let port = port_of(&service);
    let (early, mut how_early) = session_at(port).await;
    let ((late, _), (reader, _)) = (session_at(port).await, session_at(port).await);
    let (silent, mut how_silent) = session_at(port).await;
    let list = early.memoize("list", ListProxy::new(None)).await.expect("it is made");
    let held = early.create(ListProxy::new(None)).await.expect("it is made");
    held.append(7).await.expect("it appends");
    let theirs = late.get::<List>("list").await.expect("it is there");
    let copy = disk.copy();
    theirs.append(1).await.expect("it appends");
    // It changes nothing, and nothing was on its way to the disk when it looked.
    let read = reader.proxy::<List>("list");
    for _ in 0..100 {
        assert_eq!(theirs.len().await, Ok(1));
    }
    assert_eq!(read.len().await, Ok(1));
    drop(service);

    let service = start_at(port, &copy).await;
    assert_eq!(how_early.recv().await, Some(true));
    assert_eq!(numbers(&held).await, [7], "its handles are there");
    list.append(2).await.expect("it appends");
    assert_eq!(numbers(&list).await, [2]);
    // It has never made a call, so it has nothing to lose.
    assert_eq!(how_silent.recv().await, Some(true));
    assert_eq!(silent.is_memoized("list").await, Ok(true));
    assert!(matches!(ended(&late, &theirs).await, Error::HistoryLost { .. }));
    assert!(matches!(ended(&reader, &read).await, Error::HistoryLost { .. }), "it has read what is lost");

    // What happened on the copy is no part of the original, and of a later copy it is.
    let later = copy.copy();
    drop(service);
    let service = start_at(port, &later).await;
    assert_eq!(how_early.recv().await, Some(true));
    assert_eq!(numbers(&list).await, [2]);
    drop(service);
    let _service = start_at(port, &disk).await;
    assert!(matches!(ended(&early, &list).await, Error::HistoryLost { recovered: 0, .. }));
}

#[tokio::test]
async fn older_copy_of_a_directory_is_found_out() {
    let scratch = std::env::temp_dir().join(format!("tarmem-history-{}", std::process::id()));
    let (directory, copy) = (scratch.join("data"), scratch.join("copy"));
    let start = async |port: u16, on: &Path| patiently(|| Service::new("127.0.0.1", port).data(on)).await;
    let service = start(0, &directory).await;
    let port = port_of(&service);
    let (session, mut reconnected) = session_at(port).await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    list.append(1).await.expect("it appends");
    drop(service);
    std::fs::create_dir(&copy).expect("it is not there");
    for file in std::fs::read_dir(&directory).expect("it is there") {
        let file = file.expect("it is there");
        std::fs::copy(file.path(), copy.join(file.file_name())).expect("there is room");
    }
    let service = start(port, &directory).await;
    assert_eq!(reconnected.recv().await, Some(true));
    list.append(2).await.expect("it appends");
    drop(service);
    let service = start(port, &copy).await;
    let error = ended(&session, &list).await;
    assert!(matches!(error, Error::HistoryLost { recovered: 0, .. }), "{error}");
    session.reconnect().await.expect("the service is there");
    assert_eq!(numbers(&list).await, [1]);
    drop(service);
    std::fs::remove_dir_all(scratch).expect("it is there");
}

#[tokio::test]
async fn client_does_not_begin_anew_on_an_empty_directory_or_on_none() {
    for is_empty in [true, false] {
        let (disk, empty) = (MemoryDisk::default(), MemoryDisk::default());
        let service = start_at(0, &disk).await;
        let port = port_of(&service);
        let ((session, _), (silent, _)) = (session_at(port).await, session_at(port).await);
        let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
        list.append(1).await.expect("it appends");
        drop(service);
        let service = match is_empty {
            true => start_at(port, &empty).await,
            false => Service::new("127.0.0.1", port).start().await.expect("it starts"),
        };
        let address = format!("127.0.0.1:{port}");
        let (expected, found) = (id_of(&disk), is_empty.then(|| id_of(&empty)));
        let refused = Error::OtherHistory { address, expected, found };
        assert_eq!(ended(&session, &list).await, refused);
        // This one has not seen anything, but it was told of the directory.
        assert_eq!(silent.is_memoized("list").await, Err(refused));
        session.reconnect().await.expect("the service is there");
        assert_eq!(session.is_memoized("list").await, Ok(false));
        let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
        list.append(2).await.expect("it appends");
        drop(service);
        // And the other way: what it has now is what it goes on with, or not.
        let _service = start_at(port, &disk).await;
        if is_empty {
            let (expected, found) = (id_of(&empty), Some(id_of(&disk)));
            let Error::OtherHistory { expected: belongs, found: other, .. } = ended(&session, &list).await else {
                panic!("{:?}", session.ended())
            };
            assert_eq!((belongs, other), (expected, found));
        } else {
            // A service that keeps nothing has promised nothing: a new session starts by itself.
            assert_eq!(numbers(&list).await, [1]);
        }
    }
}

#[tokio::test]
async fn client_of_a_service_that_kept_nothing_knows_that_its_session_is_another_one() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("it starts");
    let port = port_of(&service);
    let (session, mut reconnected) = session_at(port).await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    std::mem::forget(lock.acquire().await.expect("nobody holds it"));
    drop(service);
    let _service = start_at(port, &MemoryDisk::default()).await;
    assert_eq!(reconnected.recv().await, Some(false), "its lock is gone, so it must not believe that it goes on");
    assert_eq!(session.is_memoized("lock").await, Ok(false));
}

#[tokio::test]
async fn numbers_go_on_higher_even_if_nothing_was_reserved() {
    let disk = MemoryDisk::default();
    let empty = disk.copy();
    let mut last = None;
    for start in 0..4 {
        // Each on a copy that has not heard of the others.
        let service = start_at(0, &empty.copy()).await;
        let (session, _) = session_at(port_of(&service)).await;
        let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
        let token = lock.acquire().await.expect("nobody holds it").token();
        let (_, info) = session.get::<Lock>("lock").with_info().await.expect("it is there");
        let numbers = (info.generation, info.id.as_u128(), token);
        assert!(info.generation > 1_700_000_000_000_000 && info.generation < 1 << 53, "{}", info.generation);
        if let Some((generation, id, before)) = last.replace(numbers) {
            assert!(numbers.0 > generation && numbers.1 > id && numbers.2 > before, "start {start}");
        }
    }
}
