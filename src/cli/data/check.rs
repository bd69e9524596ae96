//! `tarmem data check`.

use super::open;
use crate::cli::output::{Failure, Output};
use crate::server::recovery::checked::Checked;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use tarmem_remote::registry::Registry;
use uuid::Uuid;

pub(super) fn run(directory: &Path, output: &mut Output) -> Result<(), Failure> {
    let reader = open(directory)?;
    let (id, batches, usage, is_torn) = (reader.id(), reader.last(), reader.usage(), reader.was_torn());
    let registry = Registry::linked().map_err(|error| Failure::failed(error.to_string()))?;
    let checked = Checked::of(reader, registry).map_err(|error| Failure::failed(error.to_string()))?;
    for unreadable in &checked.unreadable {
        let (class, reason) = (&*unreadable.class, &*unreadable.reason);
        output.line(&UnreadableLine { unreadable: &unreadable.what, class, reason })?;
    }
    output.line(&Summary {
        directory: &directory.display().to_string(),
        id,
        batches,
        is_torn,
        used_bytes: usage.used_bytes(),
        file_bytes: usage.file_bytes(),
        keys: checked.keys,
        objects: checked.objects,
        sessions: checked.sessions,
        unreadable: checked.unreadable.len(),
        lost_references: checked.lost_references,
        classes: checked.classes,
    })?;
    match checked.unreadable.len() {
        0 => Ok(()),
        count => {
            let what = match count {
                1 => "one thing cannot be read by this program".to_owned(),
                count => format!("{count} things cannot be read by this program"),
            };
            Err(Failure::failed(format!(
                "{}: {what}, for the reasons above, so it would not start with this directory; start a program that \
                 can read everything, or this one with --skip-unreadable, which moves the rest aside",
                directory.display()
            )))
        }
    }
}

/// What cannot be read.
#[derive(Serialize)]
struct UnreadableLine<'a> {
    unreadable: &'a str,
    class: &'a str,
    reason: &'a str,
}

/// What is there.
#[derive(Serialize)]
struct Summary<'a> {
    directory: &'a str,
    id: Uuid,
    batches: u64,
    /// Whether the log has an end that was never finished, and that does not count.
    #[serde(rename = "torn_end")]
    is_torn: bool,
    used_bytes: u64,
    file_bytes: u64,
    keys: usize,
    objects: usize,
    sessions: usize,
    unreadable: usize,
    lost_references: usize,
    /// How many objects there are of each class.
    classes: BTreeMap<String, usize>,
}
