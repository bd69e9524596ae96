//! The history of what a service keeps: the directory and the runs on it, and whether it has what a client has seen.
//!
//! Each start of a service on a directory begins a *run*, which has an id, and whose batches follow those of the run
//! before. A client remembers the last batch that it may have seen a change of, and in which run. A directory has that
//! if the run is among its own and goes on at least to that batch. An older copy of the directory, or one that lost its
//! end with the power, has either not heard of the run, or has begun another one before that batch. (PostgreSQL's
//! timelines and the leader epochs of Kafka, KIP-101, compare histories in the same way.)

use crate::journal::rows;
use crate::wire::handshake::{Known, Seen};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tarmem_storage::{Batch, Storage, StorageError};
use uuid::Uuid;

/// How many runs are kept.
const RUNS: usize = 1024;

/// The history of what a service keeps.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The id of what is kept.
    pub(crate) directory: Uuid,
    /// The id of this run.
    pub(crate) run: Uuid,
    /// The runs by their first batches, the last of which is this one.
    runs: BTreeMap<u64, Uuid>,
    /// The first batches of runs that are still written down, but are not there.
    gone: Vec<u64>,
}

/// What a client has seen is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It belongs to another directory.
    OtherDirectory,
    /// It was lost. The last batch that is there of the run in which the client saw it, or 0.
    Lost { recovered: u64 },
}

impl History {
    /// The history of a service that begins a new run on this directory, which has had these `runs`, up to batch
    /// `last`.
    pub(super) fn new(directory: Uuid, mut runs: BTreeMap<u64, Uuid>, last: u64) -> Self {
        let run = Uuid::new_v4();
        // Whoever has copied what is kept to where batches are numbered anew has made another history of it.
        let gone = runs.split_off(&(last + 1)).into_keys().collect();
        runs.insert(last + 1, run);
        History { directory, run, runs, gone }
    }

    /// Writes down that the run begins. It is on disk when this returns, so that no client hears of a run that is not.
    pub(super) fn begin(&mut self, storage: &mut dyn Storage) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        for first in self.gone.drain(..) {
            rows::remove_run(&mut batch, first);
        }
        while self.runs.len() > RUNS
            && let Some((first, _)) = self.runs.pop_first()
        {
            rows::remove_run(&mut batch, first);
        }
        if let Some((first, run)) = self.runs.last_key_value() {
            rows::put_run(&mut batch, *first, *run);
        }
        storage.commit(0, &batch)?;
        storage.sync()
    }

    /// Checks that what a client knows is there. If it knows nothing but the directory, that is enough.
    pub(super) fn check(&self, known: &Known) -> Result<(), Missing> {
        if known.directory != self.directory {
            return Err(Missing::OtherDirectory);
        }
        let Some(Seen { run, batch }) = known.seen else { return Ok(()) };
        let mut runs = self.runs.iter().skip_while(|(_, known)| **known != run);
        if runs.next().is_none() {
            return Err(Missing::Lost { recovered: 0 });
        }
        match runs.next() {
            Some((next, _)) if batch >= *next => Err(Missing::Lost { recovered: next - 1 }),
            _ => Ok(()),
        }
    }
}

/// The first of the numbers that a run gives, of which all below `reserved` may have been given before.
///
/// An older copy of the directory does not know what was reserved later. So the numbers begin at the microseconds since
/// 1970 at least: no run gives a million a second for as long as it lives.
pub(super) fn first_number(reserved: u64, now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    // A clock that is that far off says nothing. (Object numbers have 62 bits.)
    let by_clock = u64::try_from(since.as_micros()).ok().filter(|number| *number < 1 << 60).unwrap_or(0);
    reserved.max(by_clock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;
    use tarmem_storage::{MemoryDisk, MemoryStorage};

    const DIRECTORY: Uuid = Uuid::from_u128(1);

    fn run(number: u64) -> Uuid {
        Uuid::from_u128(u128::from(number) << 64 | 7)
    }

    /// A directory on which runs began at these batches.
    fn history(firsts: &[u64]) -> History {
        let runs: BTreeMap<_, _> = firsts.iter().map(|first| (*first, run(*first))).collect();
        let (_, last) = runs.last_key_value().expect("there is one");
        History { directory: DIRECTORY, run: *last, runs, gone: vec![] }
    }

    fn known(run: Uuid, batch: u64) -> Known {
        Known { directory: DIRECTORY, seen: Some(Seen { run, batch }) }
    }

    #[test]
    fn what_was_seen_is_there_if_its_run_is_known_and_goes_on_that_far() {
        let history = history(&[1, 11, 31]);
        for (first, batch, found) in [
            (1, 0, Ok(())),
            (1, 1, Ok(())),
            (1, 10, Ok(())),
            (1, 11, Err(Missing::Lost { recovered: 10 })),
            (1, 40, Err(Missing::Lost { recovered: 10 })),
            (11, 30, Ok(())),
            (11, 31, Err(Missing::Lost { recovered: 30 })),
            // The run that is under way.
            (31, 31, Ok(())),
            (31, u64::MAX, Ok(())),
            // Runs on another copy, of which this one has not heard.
            (12, 12, Err(Missing::Lost { recovered: 0 })),
            (41, 5, Err(Missing::Lost { recovered: 0 })),
        ] {
            assert_eq!(history.check(&known(run(first), batch)), found, "batch {batch} of the run from {first} on");
        }
    }

    #[test]
    fn another_directory_is_another_whatever_was_seen() {
        let history = history(&[1, 11]);
        for seen in [None, Some(Seen { run: run(1), batch: 3 })] {
            let other = Known { directory: Uuid::from_u128(2), seen };
            assert_eq!(history.check(&other), Err(Missing::OtherDirectory));
            assert_eq!(history.check(&Known { directory: DIRECTORY, ..other }), Ok(()));
        }
    }

    #[test]
    fn runs_that_begin_after_the_last_batch_are_not_there() {
        let disk = MemoryDisk::default();
        let mut storage = MemoryStorage::open(&disk);
        let mut batch = Batch::default();
        for first in [1, 2, 70] {
            rows::put_run(&mut batch, first, run(first));
        }
        storage.commit(0, &batch).expect("it is in memory");
        let runs = [1, 2, 70].map(|first| (first, run(first)));
        let mut history = History::new(DIRECTORY, runs.into(), storage.last());
        history.begin(&mut storage).expect("it is in memory");
        assert_eq!(history.check(&known(run(1), 1)), Ok(()));
        assert_eq!(history.check(&known(run(1), 2)), Err(Missing::Lost { recovered: 1 }));
        for lost in [2, 70] {
            assert_eq!(history.check(&known(run(lost), 90)), Err(Missing::Lost { recovered: 0 }));
        }
        let mut firsts = Vec::new();
        let read = storage.load(&mut |_, key, value| {
            firsts.push(rows::run(key, value).expect("it was written"));
            Ok(())
        });
        read.expect("it is in memory");
        assert_eq!(firsts, [(1, run(1)), (2, history.run)]);
    }

    #[test]
    fn the_newest_runs_are_kept() {
        let disk = MemoryDisk::default();
        for start in 0..RUNS as u64 + 10 {
            let mut storage = MemoryStorage::open(&disk);
            let mut runs = BTreeMap::new();
            let read = storage.load(&mut |table, key, value| {
                assert_eq!(table, rows::RUNS);
                let (first, id) = rows::run(key, value).expect("it was written");
                runs.insert(first, id);
                Ok(())
            });
            read.expect("it is in memory");
            assert_eq!(runs.len(), (start as usize).min(RUNS));
            let mut history = History::new(storage.id(), runs, storage.last());
            history.begin(&mut storage).expect("it is in memory");
            assert_eq!(history.runs.last_key_value(), Some((&storage.last(), &history.run)));
            assert_eq!(history.check(&Known { directory: storage.id(), seen: None }), Ok(()));
        }
    }

    proptest! {
        /// Directories that are copied, and go on each by itself: a client may go on with one if all that it has seen
        /// happened before the copy was made.
        #[test]
        fn a_copy_has_what_happened_before_it_was_made(
            before in prop::collection::vec(1_u64..5, 1..6),
            there in prop::collection::vec(1_u64..5, 1..6),
            here in prop::collection::vec(1_u64..5, 1..6),
            run in any::<prop::sample::Index>(),
            batch in any::<prop::sample::Index>(),
        ) {
            // The batches that there are, each with its run; a run has as many as it says.
            let grow = |batches: &mut Vec<Uuid>, runs: &[u64]| for length in runs {
                let run = Uuid::new_v4();
                batches.extend(std::iter::repeat_n(run, *length as usize));
            };
            let mut common = Vec::new();
            grow(&mut common, &before);
            let (mut original, mut copy) = (common.clone(), common.clone());
            // The run that was under way goes on in the original.
            let last = *common.last().expect("there is a run");
            original.extend(std::iter::repeat_n(last, run.index(5)));
            grow(&mut original, &there);
            grow(&mut copy, &here);
            let mut runs = BTreeMap::new();
            for (number, run) in (1..).zip(&copy) {
                if runs.values().all(|known| known != run) {
                    runs.insert(number, *run);
                }
            }
            let run = *copy.last().expect("there is one");
            let history = History { directory: DIRECTORY, run, runs, gone: vec![] };
            let seen = batch.index(original.len());
            let found = history.check(&known(original[seen], seen as u64 + 1));
            prop_assert_eq!(found.is_ok(), seen < common.len(), "{:?}", found);
            // And what is seen of the copy is there.
            let seen = batch.index(copy.len());
            prop_assert_eq!(history.check(&known(copy[seen], seen as u64 + 1)), Ok(()));
        }
    }

    #[test]
    fn numbers_begin_beyond_the_reserved_ones_and_at_the_time_at_least() {
        let at = |micros| UNIX_EPOCH + Duration::from_micros(micros);
        assert_eq!(first_number(7, at(1_800_000_000_000_000)), 1_800_000_000_000_000);
        assert_eq!(first_number(1_900_000_000_000_000, at(1_800_000_000_000_000)), 1_900_000_000_000_000);
        // Clocks that were never set, or are far off.
        assert_eq!(first_number(7, UNIX_EPOCH), 7);
        assert_eq!(first_number(7, UNIX_EPOCH - Duration::from_secs(1)), 7);
        assert_eq!(first_number(7, at(1 << 61)), 7);
    }
}
