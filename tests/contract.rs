//! Each rule of the contract, over each way to reach a service.

mod support;

#[path = "contract/calls.rs"]
mod calls;
#[path = "contract/deadlines.rs"]
mod deadlines;
#[path = "contract/generators.rs"]
mod generators;
#[path = "contract/holding.rs"]
mod holding;
#[path = "contract/keys.rs"]
mod keys;
