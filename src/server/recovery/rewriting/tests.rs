//! Random calls of a large object, whose state is written anew all the time, and a service that is cut off again and
//! again.

use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::rows::pieces::Head;
use crate::journal::rows::{self, OBJECTS};
use crate::server::state::Seams;
use crate::store::Sizes;
use crate::{Proxy, RunningService, Service, Session, remote};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tarmem_storage::sim::Dice;
use tarmem_storage::{Batch, Hooked, MemoryDisk, MemoryStorage, Storage, StorageError};

#[remote(module = "rewritten")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Pile {
    height: i64,
    filling: String,
}

#[remote]
impl Pile {
    #[remote(inline)]
    pub fn of(height: i64) -> Self {
        Pile { height, filling: "x".repeat(3_000) }
    }

    pub fn height(&self) -> i64 {
        self.height
    }

    #[remote(replay)]
    pub fn raise(&mut self, by: i64, _note: String) -> i64 {
        self.height += by;
        self.height
    }

    pub fn lower(&mut self, by: i64) -> i64 {
        self.height -= by;
        self.height
    }

    #[remote(replay)]
    pub fn spoil(&mut self) {
        self.height += 1;
        panic!("it is spoiled");
    }
}

/// A disk in memory that takes a moment for each commit, and can be cut off.
#[derive(Clone, Default)]
struct Disk {
    there: MemoryDisk,
    is_off: Arc<AtomicBool>,
    faults: PlantedFaults,
}

impl Disk {
    async fn start(&self, seed: u64) -> Result<(RunningService, Session), String> {
        self.is_off.store(false, Ordering::SeqCst);
        let (is_off, mut dice) = (Arc::clone(&self.is_off), Dice::new(seed));
        let storage = Hooked::new(MemoryStorage::open(&self.there), move |_: &Batch| {
            std::thread::sleep(Duration::from_micros(dice.below(300)));
            match is_off.load(Ordering::SeqCst) {
                true => Err(StorageError::Refused("it is off".to_owned())),
                false => Ok(()),
            }
        });
        let sizes = Sizes { piece: 400, rewritten: 1_500, meanwhile: 0 };
        let seams = Seams { sizes, faults: self.faults.clone(), ..Seams::default() };
        let service = Service::without_listener().storage(storage).seams(seams).start().await;
        let service = service.map_err(|error| error.to_string())?;
        let session = service.session();
        Ok((service, session))
    }

    /// The versions of states that were written in the background.
    fn versions(&self) -> BTreeSet<u64> {
        let mut versions = BTreeSet::new();
        let loaded = MemoryStorage::open(&self.there).load(&mut |table, _, value| {
            if table == OBJECTS
                && let Ok(Some(head)) = Head::read(value)
                && head.version != rows::pieces::IN_ONE_BATCH
            {
                versions.insert(head.version);
            }
            Ok(())
        });
        loaded.expect("it is loaded");
        versions
    }
}

async fn pile(session: &Session) -> PileProxy {
    session.memoize("pile", PileProxy::of(0)).await.expect("it is there")
}

/// Makes so many calls. Returns the height that they come to, from this one on.
async fn calls(session: &Session, dice: &mut Dice, disk: &Disk, mut height: i64, versions: &mut BTreeSet<u64>) -> i64 {
    let mut of = pile(session).await;
    for _ in 0..30 {
        match dice.below(40) {
            0..34 => {
                height += 3;
                let note = "n".repeat(dice.below(700) as usize);
                assert_eq!(of.raise(3, note).await, Ok(height));
            }
            34..37 => {
                height -= 1;
                assert_eq!(of.lower(1).await, Ok(height));
            }
            37 => {
                assert!(of.spoil().await.is_err());
                of.clear_poison().await.expect("it is poisoned");
                height += 1;
            }
            38 => {
                height = dice.below(1_000) as i64;
                of = session.update("pile", PileProxy::of(height)).await.expect("it is made");
            }
            _ => {
                session.delete("pile").await.expect("it is there");
                height = 0;
                of = pile(session).await;
            }
        }
        if dice.below(4) == 0 {
            tokio::time::sleep(Duration::from_micros(dice.below(3_000))).await;
        }
        versions.extend(disk.versions());
    }
    height
}

/// Starts a service again and again, so often. Returns how many states were written anew.
async fn rounds(seed: u64, times: u64, disk: &Disk) -> Result<usize, String> {
    let (mut dice, mut height, mut versions) = (Dice::new(seed), 0, BTreeSet::new());
    for round in 0..times {
        let (service, session) = disk.start(seed + round).await?;
        let found = pile(&session).await.height().await.map_err(|error| error.to_string())?;
        if found != height {
            return Err(format!("{found} instead of {height}, in round {round}"));
        }
        height = calls(&session, &mut dice, disk, height, &mut versions).await;
        // Mostly it is cut off; sometimes it ends in order.
        disk.is_off.store(dice.below(4) > 0, Ordering::SeqCst);
        drop((service, session));
    }
    Ok(versions.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_between_the_object_is_what_it_was_after_each_restart() {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros() as u64;
    println!("seed {seed}");
    let written = rounds(seed, 40, &Disk::default()).await.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    println!("{written} states were written anew");
    assert!(written >= 10, "seed {seed}: {written} states were written anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewriting_that_misses_a_state_is_detected_by_these_calls() {
    for seed in 0..30 {
        let disk = Disk::default();
        disk.faults.plant(PlantedFault::MissesStates);
        if let Err(why) = rounds(seed, 40, &disk).await {
            println!("seed {seed}: {why}");
            return;
        }
    }
    panic!("it is not detected");
}
