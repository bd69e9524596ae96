//! The everyday methods of a [`Session`], at the top of its page: each asks the service what its [`ClientApi`] asks.

// In the order in which the page shows them.
mod objects;

mod keys;

mod service;

use super::Session;
use tarmem_remote::client_api::ClientApi;

impl Session {
    fn api(&self) -> &ClientApi {
        self
    }
}
