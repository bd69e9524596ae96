//! While a service loads what it keeps, its clients are told so, and wait.

use super::start_at;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;
use tarmem::modules::builtins::ListProxy;
use tarmem::results::LoadingProgress;
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage, StorageError, Taken, Usage, Visit};
use tarmem::{Error, Proxy, RunningService, ServeError, Service, ServiceState, Session, SessionState};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A storage that is loaded when the test says so: after each entry it waits until there is a permit for the next.
pub(super) struct Held {
    storage: MemoryStorage,
    go_on: mpsc::Receiver<()>,
}

/// Lets a [`Held`] storage go on. Dropping it lets everything be loaded.
pub(super) type GoOn = mpsc::Sender<()>;

impl Held {
    pub(super) fn open(disk: &MemoryDisk) -> (Self, GoOn) {
        let (sender, go_on) = mpsc::channel();
        (Held { storage: MemoryStorage::open(disk), go_on }, sender)
    }
}

impl Storage for Held {
    fn id(&self) -> Uuid {
        self.storage.id()
    }

    fn last(&self) -> u64 {
        self.storage.last()
    }

    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        let go_on = &self.go_on;
        self.storage.load(&mut |table, key, value| {
            each(table, key, value)?;
            let _ = go_on.recv();
            Ok(())
        })
    }

    fn commit(&mut self, epoch: u64, batch: &Batch) -> Result<u64, StorageError> {
        self.storage.commit(epoch, batch)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.storage.sync()
    }

    fn settle(&mut self) -> Result<(), StorageError> {
        self.storage.settle()
    }

    fn snapshot(&mut self, taken: Taken) -> Result<(), StorageError> {
        self.storage.snapshot(taken)
    }

    fn usage(&self) -> Usage {
        self.storage.usage()
    }
}

/// A service that loads at this port, and does not go on until it is told to.
pub(super) fn loading_at(port: u16, disk: &MemoryDisk) -> (JoinHandle<Result<RunningService, ServeError>>, GoOn) {
    let (storage, go_on) = Held::open(disk);
    (tokio::spawn(Service::new("127.0.0.1", port).storage(storage).start()), go_on)
}

/// Waits until the service has read its first entry.
pub(super) async fn begins_to_load(address: &str) -> LoadingProgress {
    loop {
        match Session::builder(address).probe().await {
            Ok(ServiceState::Loading(progress)) if progress.entries > 0 => return progress,
            Ok(ServiceState::Loading(_)) | Err(Error::Unreachable { .. }) => {}
            other => panic!("it is not loading: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_session_goes_on_with_a_service_that_loads_for_longer_than_its_attempts_last() {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let address: SocketAddr = service.local_addr().expect("it listens on TCP");
    let impatient = || Session::builder(address.to_string()).max_retry(1).retry_delay(Duration::from_millis(1));
    // While the port is free, attempts fail.
    let session = Session::builder(address.to_string()).retry_delay(Duration::from_millis(20)).connect().await;
    let session = session.expect("it connects");
    let list = session.create(ListProxy::new(None)).await.expect("it is made");
    list.append(1).await.expect("it appends");
    drop(service);
    let (service, go_on) = loading_at(address.port(), &disk);
    let before = begins_to_load(&address.to_string()).await;
    let newcomer = tokio::spawn(impatient().connect());
    let appending = tokio::spawn({
        let list = list.clone();
        async move { list.append(2).await }
    });
    session.wait_for(SessionState::Reconnecting).await;
    // Many times as long as two attempts take.
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!((session.state(), newcomer.is_finished()), (SessionState::Reconnecting, false));
    go_on.send(()).expect("it waits");
    let now = begins_to_load(&address.to_string()).await;
    assert!(now.elapsed > before.elapsed && now.entries >= before.entries, "{before:?}, then {now:?}");
    drop(go_on);
    let _service = service.await.expect("no panic").expect("it starts");
    appending.await.expect("no panic").expect("it is made in the end");
    assert_eq!(list.snapshot_as::<Vec<i64>>().await.expect("the same session"), [1, 2]);
    newcomer.await.expect("no panic").expect("it has waited");
    assert_eq!(Session::builder(address.to_string()).probe().await, Ok(ServiceState::Ready));
}
