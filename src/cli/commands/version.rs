//! `tarmem version`.

use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;
use serde::Serialize;
use tarmem_remote::results::DataInfo;

/// Print the versions of the service (crate and protocol) and of this client, and how the service keeps its data
///
/// If the service has a data directory, `data` says when changes are on disk (`fsync`), what the service does when the
/// disk fails (`on_disk_failure`), and how many bytes are kept, in files of how many, with how many left on the disk.
#[derive(Args)]
pub(in crate::cli) struct Version {}

impl Version {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let version = session.version().await?;
        let client = env!("CARGO_PKG_VERSION");
        output.line(&VersionLine {
            service: &version.service,
            protocol: version.protocol,
            client,
            data: version.data.as_ref(),
        })
    }
}

/// Versions, as they are printed.
#[derive(Serialize)]
struct VersionLine<'a> {
    service: &'a str,
    protocol: u32,
    client: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a DataInfo>,
}
