//! Money is moved among 50 accounts from 8 processes, with failures and panics half way: none is lost, none is made.

use super::support::{Fixture, Way};
use futures::future::join_all;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tarmem::{CallError, Error, Proxy, Session, args};
use tarmem_test_models::{
    Account, AccountProxy, Mishap, sum_of, total_of, transfer, transfer_blocking, transfer_half, transfer_slowly,
};

const ACCOUNTS: u64 = 50;
const EACH: i64 = 1_000;
const PROCESSES: u64 = 8;
const TASKS: u64 = 6;
const STEPS: u64 = 150;

/// Nothing here takes longer, unless somebody waits for ever.
const TIME: Duration = Duration::from_secs(120);

const ADDRESS: &str = "TARMEM_TRADE_ADDRESS";
const SEED: &str = "TARMEM_TRADE_SEED";

fn key(index: u64) -> String {
    format!("account-{index:02}")
}

/// Numbers from a seed (splitmix64; Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Another process that runs [`trader`]; killed when dropped.
struct Trader(Child);

impl Trader {
    fn start(address: &str, seed: u64) -> Self {
        let child = Command::new(std::env::current_exe().expect("this executable"))
            .args(["trade::trader", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ADDRESS, address)
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        Trader(child)
    }

    /// How many transfers it made, and how many came to grief; `None` if it did not come to its end.
    fn says(&mut self) -> Option<(u64, u64)> {
        // To the end, or the test harness there would complain.
        let lines = BufReader::new(self.0.stdout.take()?).lines().map_while(Result::ok);
        let said = lines.filter_map(|line| Some(line.split_once("traded: ")?.1.to_owned())).last()?;
        let (made, failed) = said.split_once(' ')?;
        Some((made.parse().ok()?, failed.parse().ok()?))
    }
}

impl Drop for Trader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What another process does. Not a test of its own: see [`Trader`].
#[tokio::test]
#[ignore = "runs in processes that another test starts"]
async fn trader() {
    let (Ok(address), Ok(seed)) = (std::env::var(ADDRESS), std::env::var(SEED)) else { return };
    let seed: u64 = seed.parse().expect("a number");
    let session = Session::connect(address).await.expect("connects");
    let tasks = (0..TASKS).map(|task| tokio::spawn(trade(session.clone(), Random(seed ^ (task << 32)))));
    let (mut made, mut failed) = (0, 0);
    for done in join_all(tasks).await {
        let (more_made, more_failed) = done.expect("no panic");
        made += more_made;
        failed += more_failed;
    }
    println!("traded: {made} {failed}");
}

async fn trade(session: Session, mut random: Random) -> (u64, u64) {
    let (mut made, mut failed) = (0, 0);
    for _ in 0..STEPS {
        let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
        let cents = random.below(EACH as u64 / 2) as i64;
        let (from_key, to_key) = (key(from), key(to));
        let mut proxies = [session.proxy::<Account>(&from_key), session.proxy::<Account>(&to_key)];
        for proxy in &mut proxies {
            if random.below(3) == 0 {
                *proxy = proxy.hold().await.expect("it is there");
            }
        }
        let [from, to] = &proxies;
        let mishap = [None, Some(Mishap::Error), Some(Mishap::Panic)][random.below(3) as usize];
        let outcome = match random.below(12) {
            0..=3 => transfer::remote(from, to, cents).call(&session).await.map_err(|e| e.to_string()),
            4..=5 => {
                let then = mishap.unwrap_or(Mishap::Panic);
                transfer_half::remote(from, to, cents, then).call(&session).await.map(drop).map_err(|e| e.to_string())
            }
            6..=7 => {
                let call = transfer_slowly::remote(from, to, cents, random.below(3), mishap).call(&session);
                call.await.map(drop).map_err(|e| e.to_string())
            }
            8 => transfer_blocking::remote(from, to, cents, 1).call(&session).await.map_err(|e| e.to_string()),
            // Not waited for: it may be made, or not.
            9 => {
                drop(transfer_slowly::remote(from, to, cents, 1, mishap).call(&session).send().await);
                Err("dropped".to_owned())
            }
            10 => {
                let call = transfer_slowly::remote(from, to, cents, 1, mishap).call(&session);
                call.timeout(Duration::from_millis(random.below(4))).await.map(drop).map_err(|e| e.to_string())
            }
            _ => {
                let args = args![from_key.as_str(), to_key.as_str(), cents];
                let call = tarmem::DynamicFunctionCall::new("bank", "transfer", args).call(&session);
                call.await.map(drop).map_err(|e| e.to_string())
            }
        };
        match outcome {
            Ok(()) => made += 1,
            Err(_) => failed += 1,
        }
        // Ordinary calls among them.
        from.deposit(0).await.expect("it is never poisoned");
        sum_of::remote(from, to).call(&session).await.expect("it may be looked at twice, too");
    }
    (made, failed)
}

/// All 50 balances, at one moment.
async fn total(session: &Session) -> Result<i64, CallError<Error>> {
    let first: Vec<AccountProxy> = (0..10).map(|index| session.proxy::<Account>(&key(index))).collect();
    let [a, b, c, d, e, f, g, h, i, j] = &first[..] else { panic!("ten") };
    let more = (10..ACCOUNTS).map(key).collect();
    total_of::remote(a, b, c, d, e, f, g, h, i, j, more).call(session).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_total_never_changes() {
    quiet();
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |now| now.as_nanos() as u64)
    });
    println!("seed {seed}: repeat with {SEED}={seed}");
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    for index in 0..ACCOUNTS {
        // In this order, which is that of their ids: see `total_of`.
        session.memoize(&key(index), AccountProxy::open(EACH)).await.expect("made");
    }
    let address = fixture.address();
    let begun = Instant::now();
    let trading = tokio::task::spawn_blocking(move || {
        let mut traders: Vec<Trader> =
            (0..PROCESSES).map(|process| Trader::start(&address, seed.wrapping_add(process))).collect();
        traders.iter_mut().map(Trader::says).collect::<Vec<_>>()
    });
    let mut audits = 0;
    let audit = async {
        while !trading.is_finished() {
            assert_eq!(total(&session).await, Ok(ACCOUNTS as i64 * EACH), "seed {seed}, audit {audits}");
            audits += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(TIME, audit).await.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever"));
    let said = trading.await.expect("no panic");
    println!("{said:?} in {:?}, {audits} audits", begun.elapsed());
    let traded: Option<Vec<(u64, u64)>> = said.into_iter().collect();
    let traded = traded.unwrap_or_else(|| panic!("seed {seed}: a trader did not come to its end"));
    let (made, failed) = traded.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(made + failed, PROCESSES * TASKS * STEPS, "seed {seed}");
    assert!(made > 1000 && failed > 1000, "seed {seed}: {made} made, {failed} failed");
    assert!(audits > 5, "seed {seed}: {audits} audits");
    assert_eq!(total(&session).await, Ok(ACCOUNTS as i64 * EACH), "seed {seed}, at the end");
}

/// The service runs in this process, and its panics are meant.
fn quiet() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let said = info.payload().downcast_ref::<&str>();
        if !said.is_some_and(|said| said.starts_with("the courier")) {
            default(info);
        }
    }));
}
