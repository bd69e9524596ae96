//! A service that is killed again and again, and clients, in processes of their own, that do not notice.
//!
//! `TARMEM_TEST_KILLS` sets how often it is killed, and `TARMEM_TEST_SEED` repeats a run's moments:
//!
//! ```text
//! TARMEM_TEST_KILLS=1000 cargo test --test durable clients_do_not_notice -- --nocapture
//! ```

use super::client;
use super::contenders;
use super::other::{Other, Part, say};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tarmem::modules::builtins::{Dict, DictProxy, List, ListProxy};
use tarmem::modules::collections::{Counter, CounterProxy};
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{BoundedSemaphore, BoundedSemaphoreProxy, Lock, LockProxy};
use tarmem::storage::{LocalOptions, LocalStorage, RealDisk};
use tarmem::{Proxy, Service, Session};
use tarmem_test_models::{Account, AccountProxy};
use tokio::signal::unix::{SignalKind, signal};

/// The part of another process. This is not a test.
#[test]
#[ignore = "runs in processes that other tests start"]
fn role() {
    let Some(part) = Part::mine() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        match part.role.as_str() {
            "serve" => serve(&part).await,
            "client" => client::run(&part.address, &part.detail).await,
            other => panic!("no role {other}"),
        }
    });
}

/// Serves at the address, with the directory, until it is killed, or ends in order after SIGTERM. The detail has the
/// size of a segment of the log, or 0, and the directory.
async fn serve(part: &Part) {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler");
    let (host, port) = part.address.rsplit_once(':').expect("a host and a port");
    let (segment_bytes, directory) = part.detail.split_once(' ').expect("a size and a directory");
    let service = Service::new(host, port.parse().expect("a port")).workers(2);
    let service = match segment_bytes.parse().expect("a number") {
        0 => service.data(directory),
        // So small that it is folded into the states all the time.
        segment_bytes => {
            let mut options = LocalOptions::default();
            (options.segment_bytes, options.log_bytes, options.fold_rate) = (segment_bytes, 4 * segment_bytes, None);
            let disk = RealDisk::exclusive(directory).expect("it is free");
            service.storage(LocalStorage::open(Arc::new(disk), options).expect("it opens"))
        }
    };
    let service = service.start().await.expect("it starts");
    say(service.address());
    terminate.recv().await;
    service.shutdown().await;
}

/// Random numbers: xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_do_not_notice_that_the_service_is_killed() {
    let kills = setting("TARMEM_TEST_KILLS").unwrap_or(30);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let seed = setting("TARMEM_TEST_SEED").unwrap_or(now.as_micros() as u64 | 1);
    println!("TARMEM_TEST_SEED={seed}");
    let mut random = Random(seed);
    let scratch = Scratch::new("durable");
    let data = scratch.0.join("data").display().to_string();
    let stop = scratch.0.join("stop");

    let start = |address: &str, random: &mut Random| {
        let segment_bytes = [0, 16 << 10, 64 << 10][random.below(3) as usize];
        Other::start("serve", address, format!("{segment_bytes} {data}"))
    };
    let (mut service, address) = start("127.0.0.1:0", &mut random).hears().await;
    let address = address.expect("it has started");
    set_up(&address).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let detail = format!("{client} {} {}", random.below(u64::MAX) | 1, stop.display());
            Other::start("client", &address, detail)
        })
        .collect();
    for kill in 0..kills {
        // Sometimes during the recovery, before it serves anybody.
        let (lives, heard) = match random.below(4) {
            0 => (random.below(60), false),
            _ => (random.below(600), true),
        };
        if heard && kill > 0 {
            let said;
            (service, said) = service.hears().await;
            assert!(said.is_some(), "after {kill} kills it does not start: seed {seed}");
        }
        tokio::time::sleep(Duration::from_millis(lives)).await;
        if heard && random.below(4) == 0 {
            service.terminate();
            service.ends().await;
        } else {
            service.kill();
        }
        service = start(&address, &mut random);
    }
    let said;
    (service, said) = service.hears().await;
    assert!(said.is_some(), "it starts: seed {seed}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    std::fs::write(&stop, "").expect("written");
    let begun = Instant::now();
    let mut reports = Vec::new();
    for client in clients {
        reports.push(report_of(client).await);
    }
    reports.push(drain(&address).await);
    println!("{kills} kills; the clients ended {:?} after the last; {reports:?}", begun.elapsed());
    audit(&address, &reports).await;

    service.kill();
    let (service, said) = start(&address, &mut random).hears().await;
    assert!(said.is_some(), "it starts once more: seed {seed}");
    audit(&address, &reports).await;
    service.kill();
}

/// What a client says that it did, and was acknowledged; each under a name.
type Report = BTreeMap<String, i64>;

async fn report_of(mut client: Other) -> Report {
    let mut report = Report::new();
    loop {
        let said;
        (client, said) = client.hears().await;
        let Some(said) = said else { break };
        let (name, count) = said.split_once(' ').expect("a name and a number");
        report.insert(name.to_owned(), count.parse().expect("a number"));
    }
    client.ends().await;
    assert!(report.contains_key("done"), "a client ended early: {report:?}");
    report
}

async fn set_up(address: &str) {
    let session = Session::connect(address).await.expect("it connects");
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    session.memoize("pipelined", ListProxy::new(None)).await.expect("made");
    // More than a mebibyte.
    let texts: Vec<String> = (0..client::TEXTS).map(|_| client::text(-1)).collect();
    session.memoize("texts", ListProxy::new(texts)).await.expect("made");
    session.memoize("counter", CounterProxy::new(None)).await.expect("made");
    session.memoize("tokens", ListProxy::new(None)).await.expect("made");
    for name in ["jobs", "lent"] {
        session.memoize(name, QueueProxy::new(Some(contenders::ROOM as i64))).await.expect("made");
    }
    session.memoize("lock", LockProxy::new()).await.expect("made");
    session.memoize("gate", BoundedSemaphoreProxy::new(Some(contenders::PERMITS))).await.expect("made");
    let protected = session.memoize("protected", DictProxy::new(None)).await.expect("made");
    protected.set("n", 0).await.expect("it is set");
    for account in 0..client::ACCOUNTS {
        let key = client::account_key(account);
        session.memoize(&key, AccountProxy::open(client::OPENING)).await.expect("made");
    }
    session.close().await;
}

/// Takes what the clients have left in the queues, and says what that was.
async fn drain(address: &str) -> Report {
    let session = Session::connect(address).await.expect("it connects");
    let mut report = Report::new();
    for name in ["jobs", "lent"] {
        let queue = session.get::<Queue>(name).await.expect("there");
        assert_eq!(queue.leased().await, Ok(0), "all sessions have ended");
        while queue.qsize().await.expect("it answers") > 0 {
            let item: i64 = queue.get_nowait().await.expect("there is one");
            queue.task_done().await.expect("it has one");
            let (client, number) = (item / client::EACH, item % client::EACH);
            *report.entry(format!("{name}_taken_{client}")).or_default() += 1;
            *report.entry(format!("{name}_sum_{client}")).or_default() += number;
        }
        assert_eq!(queue.join_timeout(Duration::ZERO).await, Ok(true), "{name}");
    }
    session.close().await;
    report
}

/// Compares what contenders have done with what they were told.
async fn audit_contenders(session: &Session, reports: &[Report]) {
    let of_all = |name: &str| reports.iter().filter_map(|report| report.get(name)).sum::<i64>();
    for (client, report) in reports.iter().enumerate().take(CLIENTS) {
        for name in ["jobs", "lent"] {
            let put = report[&format!("{name}_put")];
            let taken = [of_all(&format!("{name}_taken_{client}")), of_all(&format!("{name}_sum_{client}"))];
            assert_eq!(taken, [put, put * (put - 1) / 2], "{name} of client {client}");
        }
    }
    let protected = session.get::<Dict>("protected").await.expect("there");
    let n: i64 = protected.item("n").await.expect("there");
    let inside: i64 = protected.item("inside").await.expect("there");
    assert_eq!((n, inside), (of_all("locked"), 0));
    let tokens: Vec<i64> = session.get::<List>("tokens").await.expect("there").snapshot_as().await.expect("shown");
    assert_eq!(tokens.len() as i64, n);
    assert!(tokens.is_sorted_by(|earlier, later| earlier < later), "{tokens:?}");
    assert!(!session.get::<Lock>("lock").await.expect("there").locked().await.expect("it answers"));
    let gate = session.get::<BoundedSemaphore>("gate").await.expect("there");
    assert_eq!(gate.value().await, Ok(contenders::PERMITS as u64));
}

/// Compares what is there with what the clients were told.
async fn audit(address: &str, reports: &[Report]) {
    let session = Session::connect(address).await.expect("it connects");
    audit_contenders(&session, reports).await;
    let reports = &reports[..CLIENTS];
    for name in ["list", "pipelined", "texts"] {
        let list = session.get::<List>(name).await.expect("there");
        let items: Vec<i64> = if name == "texts" {
            let texts: Vec<String> = list.snapshot_as().await.expect("shown");
            texts[client::TEXTS..].iter().map(|text| text.parse().expect("a number")).collect()
        } else {
            list.snapshot_as().await.expect("shown")
        };
        let mut of_client = vec![Vec::new(); reports.len()];
        for item in items {
            of_client[(item / client::EACH) as usize].push(item % client::EACH);
        }
        for (client, found) in of_client.iter().enumerate() {
            let expected: Vec<i64> = (0..reports[client][name]).collect();
            assert!(*found == expected, "{name} of client {client}: {} of {}", found.len(), expected.len());
        }
    }
    let counter = session.get::<Counter>("counter").await.expect("there");
    let counts: BTreeMap<String, i64> = counter.snapshot_as().await.expect("shown");
    for (client, report) in reports.iter().enumerate() {
        assert_eq!(counts.get(&format!("client {client}")).copied().unwrap_or(0), report["counted"], "{client}");
        let own = session.get::<Account>(&format!("own {client}")).await.expect("there");
        assert_eq!(own.balance().await, Ok(report["deposited"]));
        let slow = session.get::<Account>(&format!("slow {client}")).await.expect("there");
        assert_eq!(slow.balance().await, Ok(report["deposited_slowly"]));
        let replaced = session.get::<Account>(&format!("replaced {client}")).await;
        let balance = match replaced {
            Ok(account) => account.balance().await.expect("answers"),
            Err(_) => -1,
        };
        assert_eq!(balance, report["replaced"]);
    }
    let mut balances = Vec::new();
    for account in 0..client::ACCOUNTS {
        let key = client::account_key(account);
        let balance = session.get::<Account>(&key).await.expect("there").balance().await.expect("answers");
        let moved: i64 = reports.iter().map(|report| report[&key]).sum();
        assert_eq!(balance, client::OPENING + moved, "{key}");
        balances.push(balance);
    }
    assert_eq!(balances.iter().sum::<i64>(), client::OPENING * client::ACCOUNTS as i64);
    let mut stamps = BTreeMap::new();
    for (name, stamp) in reports.iter().flatten().filter(|(name, _)| name.starts_with("made")) {
        let known = *stamps.entry(name).or_insert(*stamp);
        assert_eq!(known, *stamp, "{name} was made twice");
    }
    for (name, stamp) in &stamps {
        let there = session.get::<Account>(name).await.expect("there").balance().await;
        assert_eq!(there, Ok(*stamp), "{name} was made anew");
    }
    assert!(!stamps.is_empty());
    session.close().await;
}

/// A directory that is removed at the end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(of: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tarmem-{of}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("made");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("what it left is in {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
