//! `tarmem backup`.

use crate::cli::arguments::path;
use crate::cli::data::DumpLines;
use crate::cli::output::{Failure, Output};
use crate::client::Session;
use clap::Args;
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use tarmem_remote::backup::{BackupPart, BackupRow};
use uuid::Uuid;

/// Write a consistent copy of everything that a running service keeps to a file
///
/// The file is a dump, as `tarmem data dump` writes it: `tarmem data restore DIR < FILE` makes a data directory of it.
/// It has everything that was changed before the command began, and each call wholly or not at all. The service goes on
/// meanwhile. Needs a token without restrictions.
///
/// Until it is complete, the file is called FILE.partial. A FILE that is there already is replaced then, and not
/// before. Prints what it has.
#[derive(Args)]
#[command(after_help = "\
Example:
  tarmem backup --addr localhost:18813 monday.dump
  tarmem data restore /var/lib/tarmem-monday < monday.dump")]
pub(in crate::cli) struct Backup {
    /// The file, which is readable for its owner only
    #[arg(value_parser = path)]
    file: PathBuf,
}

/// What the file has.
#[derive(Serialize)]
struct Summary {
    file: String,
    /// The id of the service's directory.
    directory: Uuid,
    /// The last batch of changes that is in it.
    batch: u64,
    objects: u64,
    keys: u64,
    bytes: u64,
}

impl Backup {
    pub(super) async fn run(self, session: &Session, output: &mut Output) -> Result<(), Failure> {
        let part = session.backup_part(None).await?;
        let program = env!("CARGO_PKG_VERSION");
        if part.service != program {
            return Err(Failure::failed(format!(
                "the service is of version {}, and this program of {program}; take the backup with a program of the \
                 service's version",
                part.service
            )));
        }
        let partial = PathBuf::from([self.file.as_os_str(), OsStr::new(".partial")].join(OsStr::new("")));
        let written = self.write(session, part, &partial).await;
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        output.line(&written?)
    }

    /// Writes the backup that begins with `part` to the file `partial`, and gives that its name.
    async fn write(&self, session: &Session, mut part: BackupPart, partial: &Path) -> Result<Summary, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("{} cannot be written: {error}", partial.display()));
        let file = create(partial).map_err(failed)?;
        let mut lines = Output::to(file.try_clone().map_err(failed)?, partial.display().to_string());
        let (directory, batch) = (part.directory, part.batch);
        let mut dump = DumpLines::new(directory, batch, &mut lines);
        // A row of which more is to come.
        let mut begun: Option<BackupRow> = None;
        loop {
            let goes_on = part.next.as_ref().is_some_and(|next| next.offset > 0);
            let last = if goes_on { part.rows.len().checked_sub(1) } else { None };
            for (n, mut row) in part.rows.into_iter().enumerate() {
                if let Some(mut before) = begun.take() {
                    before.value.append(&mut row.value);
                    row = before;
                }
                match last {
                    Some(last) if n == last => begun = Some(row),
                    _ => dump.row(row.table, &row.key, &row.value)?,
                }
            }
            let Some(next) = part.next else { break };
            part = session.backup_part(Some(&next)).await?;
        }
        let (objects, keys) = dump.end()?;
        lines.flush()?;
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        fs::rename(partial, &self.file).map_err(failed)?;
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let file = self.file.display().to_string();
        Ok(Summary { file, directory, batch, objects, keys, bytes })
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
