//! `tarmem version`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;
use serde::Serialize;

/// Print the versions of the service (crate and protocol) and of this client
#[derive(Args)]
pub(in crate::cli) struct Version {}

impl Version {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let version = session.version().await?;
        let client = env!("CARGO_PKG_VERSION");
        output.line(&VersionLine { service: &version.service, protocol: version.protocol, client })
    }
}

/// Versions, as they are printed.
#[derive(Serialize)]
struct VersionLine<'a> {
    service: &'a str,
    protocol: u32,
    client: &'static str,
}
