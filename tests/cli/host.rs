//! A service in the test's process.

use super::program::Client;
use tarmem::blocking::{self};
use tarmem::{Limits, RunningService, Service, Session};

/// A service in the test's process.
pub(crate) struct Host {
    service: Option<RunningService>,
    pub(crate) address: String,
}

impl Host {
    pub(crate) fn start(limits: Limits) -> Self {
        let service = blocking::start(Service::new("127.0.0.1", 0).limits(limits)).unwrap();
        let address = service.local_addr().unwrap().to_string();
        Host { service: Some(service), address }
    }

    pub(crate) fn session(&self) -> Session {
        self.service.as_ref().unwrap().session()
    }
}

impl Client for Host {
    fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            blocking::shutdown(service);
        }
    }
}
