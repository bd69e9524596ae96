//! Clients that know what each of their calls must come to.

use crate::{CallError, Error, Proxy, Session, remote};
use futures::future::{join_all, try_join, try_join_all, try_join4, try_join5};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tarmem_modules::builtins::{Dict, DictProxy, List, ListProxy};

/// How often each client makes its calls.
const ROUNDS: i64 = 6;

/// How many calls change the same value at one time.
const AT_ONCE: i64 = 4;

/// So large that calls are kept in place of its state.
const LARGE: i64 = 200;

/// How many bytes a call takes of which a few are as much as a state, and how many of these there are.
const NOTE: usize = 400;
const HEAPED: i64 = 12;

/// After so many of them comes a change that is kept by the state.
const LOWERED: i64 = 6;

/// What they and a slow call add in a round, from two sessions.
const ADDED: i64 = 2 * (AT_ONCE + 1);

/// What is moved from one tally to the other in a round.
const MOVED: i64 = 7;

#[remote(module = "power")]
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tally {
    value: i64,
}

#[remote]
impl Tally {
    #[remote(inline)]
    pub fn starting_at(value: i64) -> Self {
        Tally { value }
    }

    pub fn value(&self) -> i64 {
        self.value
    }

    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }

    /// Holds the object while it waits, so that others wait for the object.
    pub async fn add_slowly(&mut self, by: i64) -> i64 {
        let value = self.value;
        tokio::time::sleep(Duration::from_micros(300)).await;
        self.value = value + by;
        self.value
    }
}

/// Something large, whose changes are kept by calls, or by states.
#[remote(module = "power")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Tower {
    height: i64,
    stones: Vec<i64>,
}

#[remote]
impl Tower {
    #[remote(inline)]
    pub fn of_stones() -> Self {
        Tower { height: 0, stones: vec![i64::MAX; 200] }
    }

    pub fn height(&self) -> i64 {
        self.height
    }

    #[remote(replay)]
    pub fn raise(&mut self, by: i64) -> i64 {
        self.height += by;
        self.height
    }

    /// Kept by a call that takes some room.
    #[remote(replay)]
    pub fn raise_with(&mut self, by: i64, _note: String) -> i64 {
        self.raise(by)
    }

    pub fn lower(&mut self, by: i64) -> i64 {
        self.height -= by;
        self.height
    }
}

/// Fails after it has changed one of the objects.
#[remote(module = "power")]
pub(crate) fn move_over(from: &mut Tally, to: &mut Tally, amount: i64) -> Result<(i64, i64), String> {
    to.value += amount;
    if amount > from.value {
        return Err("too little".to_owned());
    }
    from.value -= amount;
    Ok((from.value, to.value))
}

/// Takes a moment, so that other calls come in between.
#[remote(module = "power")]
pub(crate) async fn slowly(value: i64) -> Tally {
    tokio::time::sleep(Duration::from_micros(300)).await;
    Tally { value }
}

fn numbers(from: i64, to: i64) -> Vec<i64> {
    (from..to).collect()
}

fn texts(from: i64, to: i64) -> Vec<String> {
    (from..to).map(|n| format!("{n:0NOTE$}")).collect()
}

/// The clients of the service at this port.
pub(super) struct Callers {
    port: u16,
    /// Whether some of them change objects whose states are written anew.
    rewrites: bool,
    are_done: AtomicBool,
}

/// Says which call went wrong.
trait During<T> {
    fn during(self, what: &str) -> Result<T, String>;
}

impl<T, E: Debug> During<T> for Result<T, E> {
    fn during(self, what: &str) -> Result<T, String> {
        self.map_err(|error| format!("{what}: {error:?}"))
    }
}

fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}

impl Callers {
    pub(super) fn new(port: u16, rewrites: bool) -> Self {
        Callers { port, rewrites, are_done: AtomicBool::new(false) }
    }

    pub(super) async fn session(&self) -> Result<Session, String> {
        let builder = Session::builder(format!("127.0.0.1:{}", self.port));
        let builder = builder.retry_delay(Duration::from_millis(2)).max_retry(10_000);
        loop {
            match builder.clone().connect().await {
                // A service that has just ended hangs up on those that come.
                Err(Error::Closed { .. }) => {}
                connected => return connected.during("connecting"),
            }
        }
    }

    /// Makes all calls.
    ///
    /// # Errors
    /// If one of them comes to something else than it must.
    pub(super) async fn run(self) -> Result<(), String> {
        let callers = async {
            let large = async {
                match self.rewrites {
                    true => try_join4(self.append(), self.build(), self.heap_up(), self.extend()).await.map(|_| ()),
                    false => try_join(self.append(), self.build()).await.map(|_| ()),
                }
            };
            let made = try_join5(large, self.map_keys(), self.refer(), self.move_amounts(), self.at_once()).await;
            self.are_done.store(true, Ordering::Relaxed);
            made
        };
        let (made, seen) = futures::future::join(callers, self.watch()).await;
        made?;
        seen
    }

    /// Appends numbers to a large list, and counts them in a dict, and in a large one.
    async fn append(&self) -> Result<(), String> {
        let session = self.session().await?;
        let list = session.memoize("list", ListProxy::new(numbers(-LARGE, 0))).await.during("making the list")?;
        let entries = (0..LARGE).map(|n| (n.to_string(), n)).collect::<BTreeMap<_, _>>();
        let large = session.memoize("large", DictProxy::new(entries)).await.during("making the large dict")?;
        let dict = session.memoize("dict", DictProxy::new(None)).await.during("making the dict")?;
        for n in 0..ROUNDS {
            let (appended, counted, large) =
                futures::join!(list.append(n), dict.incr("n", 1), async { large.incr("0", 1).await });
            appended.during("appending")?;
            same("counting", counted.during("counting")?, n + 1)?;
            same("counting in the large dict", large.during("counting in the large dict")?, n + 1)?;
        }
        session.close().await;
        Ok(())
    }

    /// Raises and lowers a tower.
    async fn build(&self) -> Result<(), String> {
        let session = self.session().await?;
        let tower = session.memoize("tower", TowerProxy::of_stones()).await.during("making the tower")?;
        for n in 0..ROUNDS {
            same("raising", tower.raise(3).await.during("raising")?, 2 * n + 3)?;
            same("lowering", tower.lower(1).await.during("lowering")?, 2 * n + 2)?;
        }
        session.close().await;
        Ok(())
    }

    /// Raises a tower so that its state is written anew now and then, and lowers it meanwhile.
    async fn heap_up(&self) -> Result<(), String> {
        let session = self.session().await?;
        let heap = session.memoize("heap", TowerProxy::of_stones()).await.during("making the heap")?;
        let mut height = 0;
        for n in 0..HEAPED {
            height += 1;
            let raised = heap.raise_with(1, "n".repeat(NOTE)).await;
            same("raising the heap", raised.during("raising the heap")?, height)?;
            if n % LOWERED == LOWERED - 1 {
                height -= 2;
                same("lowering the heap", heap.lower(2).await.during("lowering the heap")?, height)?;
            }
        }
        session.close().await;
        Ok(())
    }

    /// Appends to a list whose state is written anew now and then.
    async fn extend(&self) -> Result<(), String> {
        let session = self.session().await?;
        let list = session.memoize("texts", ListProxy::new(texts(0, 3))).await.during("making the list of texts")?;
        for text in texts(3, 3 + HEAPED) {
            list.append(text).await.during("appending a text")?;
        }
        session.close().await;
        Ok(())
    }

    /// Maps a key to objects whose generator takes a moment, and removes it now and then.
    async fn map_keys(&self) -> Result<(), String> {
        let session = self.session().await?;
        let (mut at, mut last) = (0, 0);
        for n in 0..ROUNDS {
            let what = format!("mapping the key in round {n}");
            let (tally, info) = session.update_if("key", at, slowly::remote(n)).with_info().await.during(&what)?;
            if info.generation <= last {
                return Err(format!("generation {} came after {last}", info.generation));
            }
            (at, last) = (info.generation, info.generation);
            same("adding", tally.add(100).await.during("adding")?, n + 100)?;
            if n % 3 == 1 {
                session.delete("key").await.during("removing the key")?;
                match session.get::<Tally>("key").await {
                    Err(Error::NoSuchKey { .. }) => {}
                    other => return Err(format!("the key was removed, and is there: {:?}", other.is_ok())),
                }
                at = 0;
            }
        }
        session.close().await;
        Ok(())
    }

    /// Makes objects without keys, and refers to them from a dict.
    async fn refer(&self) -> Result<(), String> {
        let session = self.session().await?;
        let dict = session.memoize("references", DictProxy::new(None)).await.during("making the dict")?;
        for n in 0..ROUNDS {
            let held = session.create(ListProxy::new(None)).await.during("making a list")?;
            held.append(n).await.during("appending to a list without a key")?;
            let reference = held.reference().ok_or("the list has no reference")?;
            dict.set(n.to_string(), reference).await.during("referring")?;
            held.append(n + 100).await.during("appending to a list that is referred to")?;
            same("its length", held.len().await.during("asking for its length")?, 2)?;
        }
        session.close().await;
        Ok(())
    }

    /// Moves something from one object to another, and tries to move too much.
    async fn move_amounts(&self) -> Result<(), String> {
        let session = self.session().await?;
        let from = session.memoize("from", TallyProxy::starting_at(100)).await.during("making a tally")?;
        let to = session.memoize("to", slowly::remote(0)).await.during("making a tally")?;
        for n in 0..ROUNDS {
            let moved = move_over::remote(&from, &to, MOVED).call(&session).await.during("moving")?;
            same("moving", moved, (100 - MOVED * (n + 1), MOVED * (n + 1)))?;
            let moved = move_over::remote(&to, &from, 1000).call(&session).await;
            same("moving too much", moved, Err(CallError::Method("too little".to_owned())))?;
        }
        session.close().await;
        Ok(())
    }

    /// Several calls at a time on the same object, some of which wait for it.
    async fn at_once(&self) -> Result<(), String> {
        let (session, other) = (self.session().await?, self.session().await?);
        let hot = session.memoize("hot", TallyProxy::starting_at(0)).await.during("making a tally")?;
        let proxies = [hot, other.proxy::<Tally>("hot")];
        for n in 0..ROUNDS {
            let calls = proxies.iter().map(async |hot| {
                let fast = join_all((0..AT_ONCE).map(|_| hot.add(1))).await;
                let slow = hot.add_slowly(1).await;
                fast.into_iter().chain([slow]).collect::<Result<Vec<i64>, _>>()
            });
            let mut all = try_join_all(calls).await.during("adding")?.concat();
            all.sort_unstable();
            same("adding", all, (n * ADDED + 1..=(n + 1) * ADDED).collect())?;
        }
        session.close().await;
        other.close().await;
        Ok(())
    }

    /// Looks at what the others do: nothing that was seen is taken back.
    async fn watch(&self) -> Result<(), String> {
        let session = self.session().await?;
        let mut last = [0; 5];
        loop {
            let is_over = self.are_done.load(Ordering::Relaxed);
            let (dict, list) = (session.proxy::<Dict>("dict"), session.proxy::<List>("list"));
            let (hot, to) = (session.proxy::<Tally>("hot"), session.proxy::<Tally>("to"));
            let generation = async {
                match session.get::<Tally>("key").with_info().await {
                    Ok((_, info)) => Ok(info.generation as i64),
                    Err(error) => Err(error),
                }
            };
            let count = async {
                let count: Result<i64, _> = dict.item("n").await;
                count
            };
            let length = async { list.len().await.map(|length| length as i64) };
            let seen = futures::join!(count, length, hot.value(), to.value(), generation);
            let seen = [seen.0.ok(), seen.1.ok(), seen.2.ok(), seen.3.ok(), seen.4.ok()];
            for (index, (seen, last)) in seen.iter().zip(&mut last).enumerate() {
                let Some(seen) = *seen else { continue };
                if seen < *last {
                    return Err(format!("{last} was seen, and then {seen} (value {index})"));
                }
                *last = seen;
            }
            if is_over {
                break;
            }
        }
        session.close().await;
        Ok(())
    }

    /// Checks what is there when all calls were made.
    pub(super) async fn audit(&self) -> Result<(), String> {
        let session = self.session().await?;
        let list = session.proxy::<List>("list");
        let [dict, large, references] = ["dict", "large", "references"].map(|key| session.proxy::<Dict>(key));
        let found: Vec<i64> = list.snapshot_as().await.during("looking at the list")?;
        same("the list", found, numbers(-LARGE, ROUNDS))?;
        if self.rewrites {
            let texts_found = session.proxy::<List>("texts").snapshot_as::<Vec<String>>().await;
            same("the list of texts", texts_found.during("looking at the list of texts")?, texts(0, 3 + HEAPED))?;
            let height = session.proxy::<Tower>("heap").height().await.during("looking at the heap")?;
            same("the heap", height, HEAPED - HEAPED / LOWERED * 2)?;
        }
        let height = session.proxy::<Tower>("tower").height().await.during("looking at the tower")?;
        same("the tower", height, 2 * ROUNDS)?;
        let found: i64 = large.item("0").await.during("looking at the large dict")?;
        same("the large dict", found, ROUNDS)?;
        same(
            "the dict",
            dict.snapshot().await.during("looking at the dict")?.to_string(),
            format!("{{\"n\":{ROUNDS}}}"),
        )?;
        let lists: Vec<String> = (0..ROUNDS).map(|n| format!("\"{n}\":[{n},{}]", n + 100)).collect();
        let found = references.snapshot().await.during("looking at the references")?.to_string();
        same("the references", found, format!("{{{}}}", lists.join(",")))?;
        let [from, to, hot, key] = ["from", "to", "hot", "key"].map(|key| session.proxy::<Tally>(key).value());
        let (from, to, hot, key) = try_join4(from, to, hot, key).await.during("looking at the tallies")?;
        let moved = MOVED * ROUNDS;
        same("the tallies", [from, to, hot, key], [100 - moved, moved, ROUNDS * ADDED, ROUNDS - 1 + 100])?;
        session.close().await;
        Ok(())
    }
}
