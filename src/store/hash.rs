//! How keys are hashed: quickly, and with seeds that nobody outside knows.
//!
//! Clients choose keys. A client that knew the seeds could choose many keys that collide, and so make each look-up go
//! through all of them. By default, foldhash takes its seeds from addresses of the process, which are the same in each
//! process where the system does not randomise them. So here the seeds come from the system's random numbers. Nothing
//! that a client can ask for reveals a hash or the order of a table: keys are listed in order.

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Hashes with its own random seeds.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(SeedableRandomState);

impl Default for Seeded {
    fn default() -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        // The standard library seeds each `RandomState` at random, so even its hash of `()` is random.
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

    /// The next test runs this in another process.
    #[test]
    #[ignore = "says something to the test that starts it"]
    fn role() {
        println!("hash: {}", Seeded::default().hash_one("a key"));
    }

    #[test]
    fn each_process_has_its_own_seeds_even_if_its_addresses_are_the_same() {
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
            return println!("not tested: setarch is missing here, or not permitted");
        };
        assert_ne!(one, other);
    }

    /// Keys that were chosen to share a bucket of 4,096 in one table are spread as evenly as any others in another
    /// table.
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
