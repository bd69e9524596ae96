//! `tarmem backup` of a service, in a process of its own, while others change what it keeps.

use super::other::Other;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::{CallError, Proxy, Session, Value, remote};
use tarmem_test_models::{Account, AccountProxy, BankError, transfer};

const ACCOUNTS: usize = 6;
const OPENING: i64 = 1000;

/// Changes a list and an account together.
#[remote(module = "backups")]
fn note(list: &mut List, account: &mut Account) -> i64 {
    let count = account.deposit(1);
    list.append(Value::Int(count.into())).expect("there is room");
    count
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tarmem-backup-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("made");
        Scratch(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn tarmem(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tarmem"));
    command.args(words).env_remove("TARMEM_ADDR").env_remove("TARMEM_TOKEN").stdin(Stdio::null());
    command
}

async fn finish(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().expect("it starts")).await.expect("no panic")
}

#[track_caller]
fn printed(output: &Output) -> Json {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[track_caller]
fn failed(output: &Output, part: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && message.contains(part), "{part:?} is not in {output:?}");
}

async fn serve(directory: &str) -> (Other, String) {
    let (service, address) = Other::start("serve", "127.0.0.1:0", format!("16384 {directory}")).hears().await;
    (service, address.expect("it starts"))
}

async fn set_up(session: &Session) {
    for n in 0..ACCOUNTS {
        session.memoize(&format!("account {n}"), AccountProxy::open(OPENING)).await.expect("made");
    }
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    session.memoize("count", AccountProxy::open(0)).await.expect("made");
}

/// Transfers between accounts, until it is told to stop.
async fn transfers(session: Session, first: usize, stop: Arc<AtomicBool>) {
    let mut accounts = Vec::new();
    for n in 0..ACCOUNTS {
        accounts.push(session.get::<Account>(&format!("account {n}")).await.expect("there"));
    }
    for n in first.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let (from, to) = (&accounts[n % ACCOUNTS], &accounts[(n + 1 + n % (ACCOUNTS - 1)) % ACCOUNTS]);
        let moved = transfer::remote(from, to, 1 + n as i64 % 7).call(&session).await;
        assert!(matches!(moved, Ok(()) | Err(CallError::Method(BankError::Overdrawn { .. }))), "{moved:?}");
    }
}

/// Changes the list and the account together, until it is told to stop.
async fn notes(session: Session, stop: Arc<AtomicBool>) {
    let list = session.get::<List>("list").await.expect("there");
    let count = session.get::<Account>("count").await.expect("there");
    while !stop.load(Ordering::Relaxed) {
        note::remote(&list, &count).call(&session).await.expect("it is noted");
    }
}

/// What is in a restored backup: the total of the accounts, the length of the list, and the count.
async fn restored(dump: &str, directory: &str) -> (i64, i64, i64) {
    let mut restore = tarmem(&["data", "restore", directory]);
    restore.stdin(fs::File::open(dump).expect("there is a backup"));
    printed(&finish(restore).await);
    let (service, address) = serve(directory).await;
    let session = Session::connect(&address).await.expect("it connects");
    let mut total = 0;
    for n in 0..ACCOUNTS {
        let account = session.get::<Account>(&format!("account {n}")).await.expect("there");
        total += account.balance().await.expect("it answers");
    }
    let items: Vec<i64> = session.get::<List>("list").await.expect("there").snapshot_as().await.expect("shown");
    assert!(items.iter().copied().eq(1..=items.len() as i64), "{items:?}");
    let count = session.get::<Account>("count").await.expect("there").balance().await.expect("it answers");
    session.close().await;
    service.kill();
    (total, items.len() as i64, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_taken_while_others_write_is_of_one_moment() {
    let scratch = Scratch::new("moment");
    let (service, address) = serve(&scratch.path("data")).await;
    let session = Session::connect(&address).await.expect("it connects");
    set_up(&session).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = vec![tokio::spawn(notes(session.clone(), Arc::clone(&stop)))];
    writers.extend((0..3).map(|n| tokio::spawn(transfers(session.clone(), n, Arc::clone(&stop)))));
    let mut before = 0;
    for round in 0..4 {
        let count = session.get::<Account>("count").await.expect("there");
        let file = scratch.path(&format!("{round}.dump"));
        let known = count.balance().await.expect("it answers");
        let summary = printed(&finish(tarmem(&["backup", "--addr", &address, &file])).await);
        let then = count.balance().await.expect("it answers");
        assert_eq!((&summary["keys"], &summary["file"]), (&(ACCOUNTS + 2).into(), &file.as_str().into()), "{summary}");
        assert_eq!(summary["bytes"], fs::metadata(&file).expect("it is there").len(), "{summary}");
        assert!(!Path::new(&format!("{file}.partial")).exists());
        let (total, length, count) = restored(&file, &scratch.path(&format!("{round}"))).await;
        assert_eq!((total, length), (OPENING * ACCOUNTS as i64, count));
        // All that was acknowledged before, and nothing that came after.
        assert!((known..=then).contains(&count) && count > before, "{known} <= {count} <= {then}, after {before}");
        before = known;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no call fails");
    }
    session.close().await;
    service.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_backup_is_taken_at_a_time_and_ends_with_its_client() {
    let scratch = Scratch::new("one");
    let (service, address) = serve(&scratch.path("data")).await;
    let session = Session::connect(&address).await.expect("it connects");
    set_up(&session).await;
    // So much that a backup has many parts, and objects that fill several.
    for n in 0..40 {
        let text = "x".repeat(if n % 10 == 0 { 1 << 20 } else { 100_000 });
        session.memoize(&format!("large {n}"), ListProxy::new(vec![Value::from(text)])).await.expect("made");
    }
    let (file, partial) = (scratch.path("dump"), scratch.path("dump.partial"));
    let mut child = tarmem(&["backup", "--addr", &address, &file]).spawn().expect("it starts");
    while !Path::new(&partial).exists() {
        assert!(child.try_wait().expect("it runs").is_none(), "it ended before it was killed");
        tokio::task::yield_now().await;
    }
    child.kill().expect("it runs");
    child.wait().expect("it has ended");
    assert!(!Path::new(&file).exists(), "there is a file of a backup that is not complete");
    failed(&finish(tarmem(&["backup", "--addr", &address, &file])).await, "no backup: another one is being taken");
    // The lease of its session is ten seconds.
    let begun = Instant::now();
    let taken = loop {
        let output = finish(tarmem(&["backup", "--addr", &address, &file])).await;
        if output.status.success() || begun.elapsed() > Duration::from_secs(30) {
            break output;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(printed(&taken)["keys"], ACCOUNTS + 2 + 40);
    assert!(Path::new(&file).exists() && !Path::new(&partial).exists());
    assert_eq!(restored(&file, &scratch.path("restored")).await, (OPENING * ACCOUNTS as i64, 0, 0));
    session.close().await;
    service.kill();
}
