//! `tarmem data`: looks after the directory of a service that does not run.
//!
//! - [`check`]: reads everything. [`dump`]: writes it as lines of JSON, and [`restore`] makes a directory of these.
//! - [`lines`]: the lines of a dump. [`state`]: the state of an object as JSON, and back; [`tokens`]: the parts of its
//!   encoding.

mod check;
mod dump;
mod lines;
mod restore;
mod state;
mod tokens;

pub(super) use dump::DumpLines;

use super::arguments::path;
use super::output::{Failure, Output};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use tarmem_storage::{LocalReader, RealDisk};

const EXAMPLE: &str = "\
Example:
  tarmem data check /var/lib/tarmem
  tarmem data dump /var/lib/tarmem > dump.jsonl
  tarmem data restore /var/lib/tarmem-new < dump.jsonl";

/// Check, dump or restore the data directory of a service that does not run
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Data {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Check(Check),
    Dump(Dump),
    Restore(Restore),
}

/// Read everything in a data directory, verify it, and print what is there
///
/// Prints a line for each thing that this program cannot read, with its class and the reason, and then one line with
/// counts and sizes. Status 0 if a service of this program would start from it with everything, otherwise 1.
///
/// Nothing is changed, and the directory need not be writable. A directory that a service is using is refused: read a
/// copy of it, or stop the service.
#[derive(Args)]
struct Check {
    /// The data directory
    #[arg(value_name = "DIR", value_parser = path)]
    directory: PathBuf,
}

/// Print what is in a data directory, as lines of JSON
///
/// First a line with the version of the format, then one for each object: its number and id, its class, the keys that
/// lead to it with their generations, and its state. References are the ids of objects. The last line says that the
/// dump is complete. A dump has no sessions: locks are still held by those that held them, and are given up when a
/// service starts from a restored directory. Items of queues that had not reached their receivers are put back then.
///
/// Needs none of the classes. Nothing is changed, and the directory need not be writable. A directory that a service
/// is using is refused.
#[derive(Args)]
struct Dump {
    /// The data directory
    #[arg(value_name = "DIR", value_parser = path)]
    directory: PathBuf,
}

/// Make a data directory from a dump on standard input
///
/// The directory must not be there yet, or be empty. It gets an id of its own: clients of the service whose directory
/// was dumped do not go on with it. If the dump is not complete or malformed, a service refuses the directory.
#[derive(Args)]
struct Restore {
    /// The new data directory
    #[arg(value_name = "DIR", value_parser = path)]
    directory: PathBuf,
}

impl Data {
    pub(super) fn run(self) -> Result<(), Failure> {
        let output = &mut Output::new();
        let done = match self.what {
            What::Check(Check { directory }) => check::run(&directory, output),
            What::Dump(Dump { directory }) => dump::run(&open(&directory)?, output),
            What::Restore(Restore { directory }) => restore::run(&directory, &mut std::io::stdin().lock(), output),
        };
        output.flush()?;
        done
    }
}

/// Opens a directory to read it.
fn open(directory: &std::path::Path) -> Result<LocalReader, Failure> {
    Ok(LocalReader::open(&RealDisk::read_only(directory)?)?)
}
