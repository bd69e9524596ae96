//! A client of a service that is killed again and again. Any error ends it.

use super::other::say;
use super::processes::Random;
use futures::future::join_all;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::collections::Counter;
use tarmem::{CallError, Proxy, Session};
use tarmem_test_models::{Account, AccountProxy, BankError, stamped_account, transfer};

/// More items than a client appends to a list.
pub(crate) const EACH: i64 = 1_000_000_000;
/// How many accounts there are, between which something is transferred.
pub(crate) const ACCOUNTS: usize = 6;
/// What is in each of them in the beginning.
pub(crate) const OPENING: i64 = 1_000;
/// How many calls are on their way at one time.
const PIPELINE: usize = 16;

/// How many texts there are in the beginning.
pub(crate) const TEXTS: usize = 120;
/// How many texts a client appends, at most.
const MOST_TEXTS: i64 = 300;

/// A large text with a number.
pub(crate) fn text(number: i64) -> String {
    format!("{number:010000}")
}

pub(crate) fn account_key(account: usize) -> String {
    format!("account_{account}")
}

/// What a task did, and was acknowledged: each under a name.
pub(crate) type Did = Vec<(String, i64)>;

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) session: Session,
    number: i64,
    stop: PathBuf,
}

/// Makes calls until there is a file, and then says what it did. `detail` has the client's number, a seed, and the
/// path of the file.
pub(crate) async fn run(address: &str, detail: &str) {
    let mut detail = detail.splitn(3, ' ');
    let mut next = || detail.next().expect("three words");
    let number = next().parse().expect("a number");
    let seed: u64 = next().parse().expect("a number");
    let stop = PathBuf::from(next());
    let session = Session::builder(address)
        .max_retry(10_000)
        .retry_delay(Duration::from_millis(50))
        .call_timeout(Some(Duration::from_secs(60)))
        .connect()
        .await
        .expect("it connects");
    let client = Client { session: session.clone(), number, stop };
    let tasks = [
        tokio::spawn(client.clone().append()),
        tokio::spawn(client.clone().append_many_at_a_time()),
        tokio::spawn(client.clone().append_texts()),
        tokio::spawn(client.clone().count()),
        tokio::spawn(client.clone().deposit()),
        tokio::spawn(client.clone().transfer(Random(seed))),
        tokio::spawn(client.clone().make(Random(seed ^ 0x5555))),
        tokio::spawn(client.clone().hold()),
        tokio::spawn(client.clone().deposit_slowly()),
        tokio::spawn(client.clone().replace()),
        tokio::spawn(client.clone().produce()),
        tokio::spawn(client.clone().consume()),
        tokio::spawn(client.clone().produce_for_lending()),
        tokio::spawn(client.clone().lend()),
        tokio::spawn(client.clone().lock()),
        tokio::spawn(client.clone().pass()),
    ];
    for did in join_all(tasks).await {
        for (name, count) in did.expect("no call fails") {
            say(format!("{name} {count}"));
        }
    }
    session.close().await;
    say("done 1");
}

impl Client {
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.exists()
    }

    pub(crate) fn item(&self, n: i64) -> i64 {
        self.number * EACH + n
    }

    async fn append(self) -> Did {
        let list = self.session.get::<List>("list").await.expect("there");
        let mut n = 0;
        while self.goes_on() {
            list.append(self.item(n)).await.expect("it appends");
            n += 1;
        }
        vec![("list".to_owned(), n)]
    }

    async fn append_many_at_a_time(self) -> Did {
        let list = self.session.get::<List>("pipelined").await.expect("there");
        let mut on_their_way = VecDeque::new();
        let mut n = 0;
        while self.goes_on() {
            while on_their_way.len() < PIPELINE {
                on_their_way.push_back(list.append(self.item(n)).send().await);
                n += 1;
            }
            on_their_way.pop_front().expect("it is not empty").await.expect("it appends");
        }
        for call in on_their_way {
            call.await.expect("it appends");
        }
        vec![("pipelined".to_owned(), n)]
    }

    /// Appends to a large list, whose state is written anew in the background again and again.
    async fn append_texts(self) -> Did {
        let list = self.session.get::<List>("texts").await.expect("there");
        let mut n = 0;
        while self.goes_on() && n < MOST_TEXTS {
            list.append(text(self.item(n))).await.expect("it appends");
            n += 1;
            // Not so many that a start takes long.
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        vec![("texts".to_owned(), n)]
    }

    async fn count(self) -> Did {
        let counter = self.session.get::<Counter>("counter").await.expect("there");
        let mut n = 0;
        while self.goes_on() {
            counter.count([format!("client {}", self.number)]).await.expect("it counts");
            n += 1;
        }
        vec![("counted".to_owned(), n)]
    }

    /// Each deposit tells the new balance.
    async fn deposit(self) -> Did {
        let own = self.session.memoize(&format!("own {}", self.number), AccountProxy::open(0)).await.expect("made");
        let mut n = 0;
        while self.goes_on() {
            n += 1;
            assert_eq!(own.deposit(1).await, Ok(n));
        }
        vec![("deposited".to_owned(), n)]
    }

    /// A method that others run beside while it waits.
    async fn deposit_slowly(self) -> Did {
        let slow = self.session.memoize(&format!("slow {}", self.number), AccountProxy::open(0)).await.expect("made");
        let mut n = 0;
        while self.goes_on() {
            n += 1;
            assert_eq!(slow.deposit_slowly(1, 3).await, Ok(n));
        }
        vec![("deposited_slowly".to_owned(), n)]
    }

    /// Each object takes the place of the one before, or there is none for a moment.
    async fn replace(self) -> Did {
        let key = format!("replaced {}", self.number);
        let mut balance = -1;
        let mut n = 0;
        while self.goes_on() {
            n += 1;
            if n % 3 == 0 {
                self.session.delete(&key).await.expect("it was there");
                balance = -1;
            } else {
                let account = self.session.update(&key, AccountProxy::open(n)).await.expect("made");
                assert_eq!(account.balance().await, Ok(n));
                balance = n;
            }
        }
        vec![("replaced".to_owned(), balance)]
    }

    async fn transfer(self, mut random: Random) -> Did {
        let mut accounts = Vec::new();
        let mut moved = BTreeMap::new();
        for account in 0..ACCOUNTS {
            accounts.push(self.session.get::<Account>(&account_key(account)).await.expect("there"));
            moved.insert(account, 0);
        }
        while self.goes_on() {
            let from = random.below(ACCOUNTS as u64) as usize;
            let to = (from + 1 + random.below(ACCOUNTS as u64 - 1) as usize) % ACCOUNTS;
            let cents = random.below(300) as i64;
            match transfer::remote(&accounts[from], &accounts[to], cents).call(&self.session).await {
                Ok(()) => {
                    *moved.entry(from).or_default() -= cents;
                    *moved.entry(to).or_default() += cents;
                }
                Err(CallError::Method(BankError::Overdrawn { .. })) => {}
                Err(other) => panic!("{other}"),
            }
        }
        moved.into_iter().map(|(account, cents)| (account_key(account), cents)).collect()
    }

    /// Makes objects under keys at which the other clients make theirs, too.
    async fn make(self, mut random: Random) -> Did {
        let mut stamps = Vec::new();
        while self.goes_on() {
            let key = format!("made_{}", stamps.len());
            let source = stamped_account::remote(key.clone(), random.below(20));
            let account = self.session.memoize(&key, source).await.expect("made");
            stamps.push((key, account.balance().await.expect("it answers")));
        }
        stamps
    }

    /// Has an object that nobody else can reach.
    async fn hold(self) -> Did {
        let mut n = 0;
        let mut held = self.session.create(ListProxy::new(None)).await.expect("made");
        while self.goes_on() {
            held.append(n).await.expect("it appends");
            n += 1;
            if n % 100 == 0 {
                let items: Vec<i64> = held.snapshot_as().await.expect("shown");
                assert!(items == (n - 100..n).collect::<Vec<_>>(), "{n}: {items:?}");
                held = self.session.create(ListProxy::new(None)).await.expect("made");
            }
        }
        vec![("held".to_owned(), n)]
    }
}
