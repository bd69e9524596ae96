//! The calls of a client for which it may have to wait for the others: for a lock, a permit, an item, room for one.

use super::client::{Client, Did, EACH};
use std::time::Duration;
use tarmem::CallError;
use tarmem::modules::Exception;
use tarmem::modules::builtins::{Dict, List};
use tarmem::modules::queue::Queue;
use tarmem::modules::threading::{BoundedSemaphore, Lock};

/// How many permits there are.
pub(crate) const PERMITS: i64 = 2;

/// How many items a queue has room for.
pub(crate) const ROOM: usize = 8;

/// How long a client waits before it looks whether to go on.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether the call has waited as long as it may.
fn has_waited<T>(called: &Result<T, CallError<Exception>>) -> bool {
    matches!(called, Err(CallError::Method(Exception::Empty(_) | Exception::Full(_))))
}

impl Client {
    /// Puts numbers into a queue that is often full.
    pub(super) async fn produce(self) -> Did {
        self.put("jobs").await
    }

    pub(super) async fn produce_for_lending(self) -> Did {
        self.put("lent").await
    }

    async fn put(self, name: &str) -> Did {
        let queue = self.session.get::<Queue>(name).await.expect("there");
        let mut n = 0;
        while self.goes_on() {
            let put = queue.put_timeout(self.item(n), PATIENCE).await;
            if !has_waited(&put) {
                put.expect("it puts");
                n += 1;
            }
        }
        vec![(format!("{name}_put"), n)]
    }

    /// Takes what any client has put.
    pub(super) async fn consume(self) -> Did {
        let queue = self.session.get::<Queue>("jobs").await.expect("there");
        let mut taken = Taken::default();
        while self.goes_on() {
            let item: Result<i64, _> = queue.get_timeout(PATIENCE).await;
            if !has_waited(&item) {
                taken.note(item.expect("it gets one"));
                queue.task_done().await.expect("it has one");
            }
        }
        taken.did("jobs")
    }

    /// Takes items by a lease, and acknowledges each, or gives it back.
    pub(super) async fn lend(self) -> Did {
        let queue = self.session.get::<Queue>("lent").await.expect("there");
        let (mut taken, mut n) = (Taken::default(), 0);
        while self.goes_on() {
            let item = queue.get_leased_timeout::<i64>(PATIENCE).await;
            if !has_waited(&item) {
                let item = item.expect("it gets one");
                n += 1;
                if n % 5 == 0 {
                    drop(item);
                    continue;
                }
                let number = *item;
                item.ack().await.expect("it has the lease");
                taken.count(number);
            }
        }
        taken.did("lent")
    }

    /// Reads a number, and writes the next one, with a lock; others would notice if they had it, too.
    pub(super) async fn lock(self) -> Did {
        let lock = self.session.get::<Lock>("lock").await.expect("there");
        let protected = self.session.get::<Dict>("protected").await.expect("there");
        let tokens = self.session.get::<List>("tokens").await.expect("there");
        let mut n = 0;
        while self.goes_on() {
            let guard = lock.acquire().await.expect("it gets it");
            assert!(!guard.abandoned(), "no client has ended");
            let number: i64 = protected.item("n").await.expect("there");
            protected.set("n", number + 1).await.expect("it is set");
            tokens.append(guard.token() as i64).await.expect("it appends");
            guard.release().await.expect("it holds it");
            n += 1;
        }
        vec![("locked".to_owned(), n)]
    }

    /// Is one of a few that are inside at one time.
    pub(super) async fn pass(self) -> Did {
        let gate = self.session.get::<BoundedSemaphore>("gate").await.expect("there");
        let protected = self.session.get::<Dict>("protected").await.expect("there");
        let mut n = 0;
        while self.goes_on() {
            let permit = gate.acquire().await.expect("it gets one");
            let inside: i64 = protected.incr("inside", 1).await.expect("it counts");
            assert!((1..=PERMITS).contains(&inside), "{inside} are inside");
            let _: i64 = protected.incr("inside", -1).await.expect("it counts");
            permit.release().await.expect("it has one");
            n += 1;
        }
        vec![("passed".to_owned(), n)]
    }
}

/// What a client got of each client's items.
#[derive(Default)]
struct Taken {
    last: Vec<i64>,
    counts: Vec<i64>,
    sums: Vec<i64>,
}

impl Taken {
    /// Items of one client come in the order in which it has put them.
    fn note(&mut self, item: i64) {
        self.count(item);
        let last = &mut self.last[(item / EACH) as usize];
        assert!(*last < item % EACH, "{item} came after {last}");
        *last = item % EACH;
    }

    fn count(&mut self, item: i64) {
        let client = (item / EACH) as usize;
        let clients = self.counts.len().max(client + 1);
        self.last.resize(clients, -1);
        self.counts.resize(clients, 0);
        self.sums.resize(clients, 0);
        self.counts[client] += 1;
        self.sums[client] += item % EACH;
    }

    fn did(self, name: &str) -> Did {
        let each = self.counts.into_iter().zip(self.sums).enumerate();
        each.flat_map(|(client, (count, sum))| {
            [(format!("{name}_taken_{client}"), count), (format!("{name}_sum_{client}"), sum)]
        })
        .collect()
    }
}
