//! Generated code under the lints of a strict crate: this file compiles, or it fails.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    missing_copy_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_results,
    unused_lifetimes,
    unnameable_types,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    let_underscore_drop,
    non_local_definitions,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]

use serde::{Deserialize, Serialize};

/// A module of models, as a library has it.
pub mod models {
    use super::{Deserialize, Serialize};
    use tarmem_remote::{Context, remote};

    /// A tank.
    #[remote(module = "strict")]
    #[derive(Serialize, Deserialize, Debug, Clone, Copy, Default)]
    pub struct Tank {
        litres: u32,
    }

    #[remote]
    impl Tank {
        /// A tank with so much in it.
        #[must_use]
        pub const fn new(litres: u32) -> Self {
            Self { litres }
        }

        /// How much is in it.
        #[must_use]
        pub const fn litres(&self) -> u32 {
            self.litres
        }

        /// Whether nothing is.
        #[must_use]
        pub const fn is_empty(&self) -> bool {
            self.litres == 0
        }

        /// Takes so much out.
        ///
        /// # Errors
        /// If there is less in it.
        pub fn take(&mut self, litres: u32, note: &str, ctx: &Context) -> Result<u32, String> {
            self.litres = self.litres.checked_sub(litres).ok_or_else(|| format!("{note}: {ctx:?}"))?;
            Ok(self.litres)
        }

        /// What is in it, in time.
        #[allow(clippy::unused_async)]
        pub async fn later(&self) -> u32 {
            self.litres
        }
    }

    /// Something that can be filled.
    #[remote(module = "strict")]
    pub trait Fill {
        /// Fills it.
        fn fill(&mut self, litres: u32);

        /// Fills it, in time.
        async fn fill_later(&mut self, litres: &[u32]) -> u32;
    }

    #[remote]
    impl Fill for Tank {
        fn fill(&mut self, litres: u32) {
            self.litres += litres;
        }

        async fn fill_later(&mut self, litres: &[u32]) -> u32 {
            self.litres += litres.iter().sum::<u32>();
            self.litres
        }
    }

    /// Not for everybody.
    #[remote(module = "strict", resident)]
    #[derive(Debug)]
    pub(crate) struct Hidden(#[allow(dead_code)] std::sync::Mutex<()>);

    #[remote]
    impl Hidden {
        /// Whether it is there.
        pub fn there(&self) -> bool {
            self.0.lock().is_ok()
        }
    }

    /// A tank with as much in it as there is.
    #[remote(module = "strict")]
    #[must_use]
    pub fn full(most: &[u32], name: &str) -> Tank {
        Tank::new(most.iter().max().copied().unwrap_or_default() + u32::from(name.is_empty()))
    }

    /// The most.
    #[remote(module = "strict")]
    pub const MOST: u32 = 7;
}

#[test]
fn it_is_linked() {
    let registry = tarmem_remote::Registry::linked().expect("no names clash");
    assert!(registry.class("strict.Tank").is_ok());
    assert!(registry.class("strict.Hidden").is_ok());
}
