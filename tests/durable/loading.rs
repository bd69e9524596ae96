//! While a service loads what it keeps, its clients are told so, and wait.

use super::authority::Authority;
use super::{patiently, start_at};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::results::LoadingProgress;
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage, StorageError, Taken, Usage, Visit};
use tarmem::{
    ClientTls, Error, Proxy, RunningService, ServerTls, Service, ServiceState, Session, SessionBuilder, SessionState,
    Token, Tokens, memory,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A storage that is loaded when the test says so: after each entry it waits until there is a permit for the next.
struct Held {
    storage: MemoryStorage,
    go_on: Arc<Mutex<mpsc::Receiver<()>>>,
}

/// Lets a [`Held`] storage go on. Dropping it lets everything be loaded.
type GoOn = mpsc::Sender<()>;

impl Held {
    fn open(disk: &MemoryDisk) -> (Self, GoOn) {
        let (sender, go_on) = mpsc::channel();
        (Held { storage: MemoryStorage::open(disk), go_on: Arc::new(Mutex::new(go_on)) }, sender)
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
            let _ = go_on.lock().expect("whole").recv();
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
fn loading_at(port: u16, disk: &MemoryDisk) -> (JoinHandle<RunningService>, GoOn) {
    let (disk, (Held { go_on, .. }, sender)) = (disk.clone(), Held::open(disk));
    let service = async move {
        let held = || Held { storage: MemoryStorage::open(&disk), go_on: Arc::clone(&go_on) };
        patiently(|| Service::new("127.0.0.1", port).storage(held())).await
    };
    (tokio::spawn(service), sender)
}

/// Waits until the service has read its first entry.
async fn begins_to_load(address: &str) -> LoadingProgress {
    begins(|| Session::builder(address)).await
}

async fn begins(builder: impl Fn() -> SessionBuilder) -> LoadingProgress {
    loop {
        match builder().probe().await {
            Ok(ServiceState::Loading(progress)) if progress.entries > 0 => return progress,
            // The service before may not be quite gone.
            Ok(ServiceState::Loading(_)) | Err(Error::Unreachable { .. } | Error::Closed { .. }) => {}
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
    let _service = service.await.expect("it starts");
    appending.await.expect("no panic").expect("it is made in the end");
    assert_eq!(list.snapshot_as::<Vec<i64>>().await.expect("the same session"), [1, 2]);
    newcomer.await.expect("no panic").expect("it has waited");
    assert_eq!(Session::builder(address.to_string()).probe().await, Ok(ServiceState::Ready));
}

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound")
}

/// Whether a token is right is not asked.
#[tokio::test]
async fn a_service_that_loads_says_so_over_tls_and_a_unix_socket() {
    let (authority, clients, address) = (Authority::new(), Authority::new(), free());
    let identity = authority.identity("localhost");
    let socket = std::env::temp_dir().join(format!("tarmem-loading-{}.sock", std::process::id()));
    let tokens = Tokens::new().with(Token::new("alice", "a long random text")).expect("it is new");
    let disk = MemoryDisk::default();
    start_at(0, &disk).await.shutdown().await;
    let (storage, go_on) = Held::open(&disk);
    let tls = ServerTls::new(identity.cert, identity.key).client_ca(clients.root());
    let service = Service::new("127.0.0.1", address.port()).unix(&socket).tls(tls).tokens(tokens).storage(storage);
    let service = tokio::spawn(service.start());
    let known = clients.identity("client");
    let secure = || Session::builder(format!("tarmems://localhost:{}", address.port())).max_retry(0);
    let trusting = || ClientTls::new().ca_file(authority.root());
    let local = || Session::builder(format!("unix:{}", socket.display())).max_retry(0);
    while !socket.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begins(local).await;
    let probed = secure().tls(trusting().identity(&known.cert, &known.key)).probe().await;
    assert!(matches!(probed, Ok(ServiceState::Loading(_))), "{probed:?}");
    // Who has no certificate that the service asks for learns nothing.
    let probed = secure().tls(trusting()).probe().await;
    assert!(matches!(probed, Err(Error::Insecure { .. })), "{probed:?}");
    let plain = Session::builder(address.to_string()).probe().await.expect_err("it speaks only TLS");
    assert!(matches!(&plain, Error::Refused { reason } if reason.contains("tarmems://")), "{plain:?}");
    let wrong = tokio::spawn(local().token("a wrong one").connect());
    let right = secure().tls(trusting().identity(&known.cert, &known.key)).token("a long random text").connect();
    let right = tokio::spawn(right);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!wrong.is_finished() && !right.is_finished());
    drop(go_on);
    let _service = service.await.expect("no panic").expect("it starts");
    right.await.expect("no panic").expect("it has waited");
    assert!(matches!(wrong.await.expect("no panic"), Err(Error::Refused { .. })));
    assert_eq!(local().probe().await, Ok(ServiceState::Ready));
}

#[tokio::test]
async fn a_flood_of_connections_to_a_service_that_loads_is_bounded() {
    const FLOOD: usize = 600;
    let (disk, address) = (MemoryDisk::default(), free());
    start_at(0, &disk).await.shutdown().await;
    let (service, go_on) = loading_at(address.port(), &disk);
    begins_to_load(&address.to_string()).await;
    let mut streams = Vec::new();
    for _ in 0..FLOOD {
        streams.push(TcpStream::connect(address).await.expect("it is accepted, or waits"));
    }
    // One more is answered at once, and not when the time of the others is over.
    let begun = Instant::now();
    begins_to_load(&address.to_string()).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let is_open =
        |stream: &&TcpStream| matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let open = streams.iter().filter(is_open).count();
    assert!((1..=256).contains(&open), "{open} are open");
    drop(go_on);
    service.await.expect("it starts");
}

#[tokio::test]
async fn peers_of_other_protocols_are_told_where_they_are_while_the_service_loads() {
    let (disk, address) = (MemoryDisk::default(), free());
    start_at(0, &disk).await.shutdown().await;
    let (service, go_on) = loading_at(address.port(), &disk);
    begins_to_load(&address.to_string()).await;
    let mut stream = TcpStream::connect(address).await.expect("it is accepted");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("this is a tarmem service"), "{answer}");
    drop(go_on);
    service.await.expect("it starts");
}

/// It could not connect again.
#[tokio::test]
async fn a_session_over_a_stream_is_opened_when_the_service_is_ready() {
    let (disk, (listener, connector)) = (MemoryDisk::default(), memory());
    start_at(0, &disk).await.shutdown().await;
    let (storage, go_on) = Held::open(&disk);
    let service = tokio::spawn(Service::without_listener().listener(listener).storage(storage).start());
    let opening = tokio::spawn(Session::over(connector.connect().await.expect("there is room")));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!opening.is_finished());
    drop(go_on);
    let _service = service.await.expect("no panic").expect("it starts");
    let session = opening.await.expect("no panic").expect("it is opened");
    assert_eq!(session.is_memoized("k").await, Ok(false));
}

#[tokio::test]
async fn a_client_that_has_waited_for_long_enough_says_how_far_the_service_is() {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let address = service.local_addr().expect("it listens on TCP");
    let builder = || Session::builder(address.to_string()).loading_timeout(Duration::from_millis(300));
    let session = builder().retry_delay(Duration::from_millis(20)).connect().await.expect("it connects");
    drop(service);
    let (service, go_on) = loading_at(address.port(), &disk);
    begins_to_load(&address.to_string()).await;
    let error = builder().connect().await.expect_err("it is not ready");
    let Error::StillLoading { progress, .. } = &error else { panic!("{error}") };
    assert!(progress.entries > 0 && error.to_string().contains("entries read"), "{error}");
    session.wait_for(SessionState::Closed).await;
    assert!(matches!(session.ended(), Some(Error::StillLoading { .. })), "{:?}", session.ended());
    let late = builder().loading_timeout(Duration::MAX).connect_timeout(Duration::from_millis(300)).connect().await;
    assert!(matches!(late, Err(Error::StillLoading { .. })), "{late:?}");
    drop(go_on);
    let _service = service.await.expect("it starts");
    session.reconnect().await.expect("it is ready");
}

/// Five attempts, with a pause of a millisecond or two between them.
#[tokio::test]
async fn a_client_of_a_durable_service_goes_on_trying_unless_it_was_told_how_often() {
    let disk = MemoryDisk::default();
    let service = start_at(0, &disk).await;
    let address = service.local_addr().expect("it listens on TCP");
    let quick = |to: SocketAddr| Session::builder(to.to_string()).retry_delay(Duration::from_millis(1));
    let patient = quick(address).connect().await.expect("it connects");
    let (closed, explicit) = (quick(address).connect().await, quick(address).max_retry(4).connect().await);
    let (closed, explicit) = (closed.expect("it connects"), explicit.expect("it connects"));
    let in_memory = patiently(|| Service::new("127.0.0.1", 0)).await;
    let forgetful = quick(in_memory.local_addr().expect("TCP")).connect().await.expect("it connects");
    let list = patient.create(ListProxy::new(None)).await.expect("it is made");
    drop((service, in_memory));
    let appending = tokio::spawn({
        let list = list.clone();
        async move { list.append(1).await }
    });
    for session in [&explicit, &forgetful] {
        session.wait_for(SessionState::Closed).await;
        assert!(matches!(session.ended(), Some(Error::Unreachable { attempts: 5, .. })), "{:?}", session.ended());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((patient.state(), closed.state()), (SessionState::Reconnecting, SessionState::Reconnecting));
    // A call does not wait for longer than its own time, nor `close` for the service.
    let late = list.len().timeout(Duration::from_millis(50)).await;
    assert!(late.is_err_and(|error| error.is_timeout()));
    let closing = tokio::time::timeout(Duration::from_secs(2), closed.close()).await;
    assert!(closing.is_ok() && closed.state() == SessionState::Closed);
    let _service = start_at(address.port(), &disk).await;
    appending.await.expect("no panic").expect("it is made in the end");
    assert_eq!(list.snapshot_as::<Vec<i64>>().await.expect("the same session"), [1]);
}
