//! How keys are hashed: quickly, and by what nobody outside knows.
//!
//! Clients choose keys. Whoever knew the seed could choose many that fall together, and make each look-up go through
//! all of them. Left to itself, foldhash takes its seeds from the addresses that the process has, which are the same in
//! each where the system does not randomise them; so here they come from the system's own random numbers. Nothing that
//! a client can ask for shows a hash or the order of a table: keys are listed in order.

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Hashes with seeds of its own.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(SeedableRandomState);

impl Default for Seeded {
    fn default() -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        // The standard library's keys are random; what they make of nothing is, too.
        let random = || RandomState::new().hash_one(());
        Seeded(SeedableRandomState::with_seed(random(), SHARED.get_or_init(|| SharedSeed::from_u64(random()))))
    }
}

impl BuildHasher for Seeded {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> FoldHasher<'static> {
        self.0.build_hasher()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// What another process is asked for, below.
    #[test]
    #[ignore = "says something to the test that starts it"]
    fn role() {
        println!("hash: {}", Seeded::default().hash_one("a key"));
    }

    #[test]
    fn each_process_has_seeds_of_its_own_although_its_addresses_are_the_same() {
        let hash = || {
            let run = Command::new("setarch")
                .arg("-R")
                .arg(std::env::current_exe().expect("this executable"))
                .args(["store::hash::tests::role", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
                .stdin(Stdio::null())
                .output()
                .ok()?;
            let said = String::from_utf8_lossy(&run.stdout).into_owned();
            said.lines().find_map(|line| Some(line.split_once("hash: ")?.1.to_owned()))
        };
        let (Some(one), Some(other)) = (hash(), hash()) else {
            return println!("not tested: there is no setarch here, or it may not do that");
        };
        assert_ne!(one, other);
    }

    /// Keys that were chosen to share a bucket of 4,096, in one table, are spread in another as any others are.
    #[test]
    fn keys_that_were_chosen_for_one_table_are_spread_in_another() {
        let (known, own) = (Seeded::default(), Seeded::default());
        let bucket = |by: &Seeded, key: &str| by.hash_one(key) % 4096;
        let chosen = (0..).map(|n| format!("app/key/{n}")).filter(|key| bucket(&known, key) == 0).take(256);
        let mut counts = std::collections::HashMap::new();
        for key in chosen {
            *counts.entry(bucket(&own, &key)).or_insert(0) += 1;
        }
        let most = counts.values().max().copied().unwrap_or(0);
        println!("of 256 chosen keys, {most} at most share a bucket of 4,096");
        assert!(most <= 6, "{most} of 256 chosen keys share a bucket");
    }
}
