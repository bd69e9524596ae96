//! Only `pub` functions are remote: none is left out silently.

use serde::{Deserialize, Serialize};
use tarmem_remote::remote;

mod shop {
    use super::*;

    #[remote(module = "shop")]
    #[derive(Serialize, Deserialize)]
    pub struct Till {
        cents: i64,
    }

    #[remote]
    impl Till {
        pub fn good(&self) -> i64 {
            self.count()
        }

        fn count(&self) -> i64 {
            self.cents
        }

        #[remote(skip)]
        pub(crate) fn ours(&self) {}

        pub(crate) fn for_the_crate(&self) {}

        pub(super) fn for_the_parent() {}

        pub(in crate::shop) fn for_the_shop(&mut self) {}
    }

    #[remote]
    impl Till {
        fn forgotten(&self) {}

        const CENTS: i64 = 1;
    }

    #[remote]
    impl Till {}
}

fn main() {}
