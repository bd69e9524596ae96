//! `tarmem ping`.

use crate::cli::connect::Connect;
use crate::cli::output::{Failure, Output};
use crate::client::ServiceState;
use clap::Args;
use serde::Serialize;
use tarmem_remote::error::Error;
use tarmem_remote::results::LoadingProgress;

/// Print whether the service is ready, loading what it keeps, or failed, or cannot be reached
///
/// Makes one attempt, within --timeout (5 seconds), and prints a line of JSON. Needs no token: with one, `reason` says
/// why a service has failed.
#[derive(Args)]
#[command(after_help = "\
States, and the exit status of each:
  ready        0  it serves clients
  loading      1  it loads what it keeps; clients that connect wait for it
  failed       3  its disk has failed, and it refuses what needs the disk (--on-disk-failure refuse)
  unreachable  4  nothing answers within the time, or what answers lets no client in from here; see `reason`
The status is 2 if nothing was asked, since the command line or a file that it names is wrong.

Example:
  until tarmem ping --addr localhost:18813 --timeout 1; do sleep 1; done")]
pub(in crate::cli) struct Ping {}

/// The status if nothing was asked.
const NOT_ASKED: u8 = 2;

/// A state, as it is printed.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum StateLine {
    Ready,
    Loading {
        entries: u64,
        made: u64,
        objects: u64,
        seconds: f64,
    },
    Failed {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    Unreachable {
        reason: String,
    },
}

impl StateLine {
    fn of(probed: Result<ServiceState, Error>) -> Self {
        match probed {
            Ok(ServiceState::Ready) => StateLine::Ready,
            Ok(ServiceState::Loading(LoadingProgress { entries, made, objects, elapsed, .. })) => {
                // A progress in milliseconds is exact enough.
                let seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
                StateLine::Loading { entries, made, objects, seconds }
            }
            Ok(ServiceState::Failed { reason }) => StateLine::Failed { reason },
            Err(error) => StateLine::Unreachable { reason: error.to_string() },
        }
    }

    /// The exit status.
    fn status(&self) -> u8 {
        match self {
            StateLine::Ready => 0,
            StateLine::Loading { .. } => 1,
            StateLine::Failed { .. } => 3,
            StateLine::Unreachable { .. } => 4,
        }
    }
}

impl Ping {
    pub(in crate::cli) async fn run(self, connect: Connect) -> Result<(), Failure> {
        let probed = connect.probe().await.map_err(|failure| failure.with_status(NOT_ASKED))?;
        let line = StateLine::of(probed);
        let mut output = Output::new();
        output.line(&line)?;
        output.flush()?;
        match line.status() {
            0 => Ok(()),
            status => Err(Failure::Printed(status)),
        }
    }
}
