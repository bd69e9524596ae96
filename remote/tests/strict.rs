//! Generated code passes the lints of a strict crate: this file compiles, or the test fails.
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

/// A module of models, as in a library.
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
        /// Makes a tank that contains `litres`.
        #[must_use]
        pub const fn new(litres: u32) -> Self {
            Self { litres }
        }

        /// How much the tank contains.
        #[must_use]
        pub const fn litres(&self) -> u32 {
            self.litres
        }

        /// Whether the tank is empty.
        #[must_use]
        pub const fn is_empty(&self) -> bool {
            self.litres == 0
        }

        /// Takes `litres` out.
        ///
        /// # Errors
        /// The tank contains less.
        pub fn take(&mut self, litres: u32, note: &str, ctx: &Context) -> Result<u32, String> {
            self.litres = self.litres.checked_sub(litres).ok_or_else(|| format!("{note}: {ctx:?}"))?;
            Ok(self.litres)
        }

        /// How much the tank contains, asynchronously.
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

        /// Fills it asynchronously.
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

    /// Cannot be sent.
    #[remote(module = "strict", resident)]
    #[derive(Debug)]
    pub(crate) struct Hidden(#[allow(dead_code)] std::sync::Mutex<()>);

    #[remote]
    impl Hidden {
        /// Whether it exists.
        pub fn there(&self) -> bool {
            self.0.lock().is_ok()
        }
    }

    /// Makes a tank with the largest content.
    #[remote(module = "strict")]
    #[must_use]
    pub fn full(most: &[u32], name: &str) -> Tank {
        Tank::new(most.iter().max().copied().unwrap_or_default() + u32::from(name.is_empty()))
    }

    /// The largest content.
    #[remote(module = "strict")]
    pub const MOST: u32 = 7;
}

#[test]
fn classes_of_a_strict_crate_are_registered() {
    let registry = tarmem_remote::Registry::linked().expect("no names clash");
    assert!(registry.class("strict.Tank").is_ok());
    assert!(registry.class("strict.Hidden").is_ok());
}
