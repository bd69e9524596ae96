//! The log: a row of segments, to whose last one batches are appended.

use crate::batch::Malformed;
use crate::directory::{missing, segment_name, spare_name};
use crate::disk::{Disk, DiskFile};
use crate::error::StorageError;
use crate::segment::{self, HEADER_BYTES, record_bytes};
use std::sync::Arc;
use uuid::Uuid;

/// How many bytes are written at once when a file is filled with zeros.
const ZEROS: usize = 1 << 20;

/// A segment that has no record yet.
#[derive(Debug)]
pub(crate) struct Fresh {
    file: Arc<dyn DiskFile>,
    number: u64,
    bytes: u64,
    salt: u64,
}

/// The segment to which batches are appended.
#[derive(Debug)]
pub(crate) struct Active {
    file: Arc<dyn DiskFile>,
    number: u64,
    bytes: u64,
    salt: u64,
    /// Where the next record goes.
    at: u64,
    /// The number of the last batch in it.
    last: Option<u64>,
    record: Vec<u8>,
}

/// A segment to which nothing more is appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    /// How many of these are used.
    pub(crate) used: u64,
    /// The last batch in it.
    pub(crate) last: u64,
}

/// What was found in the log.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The segments that have batches that are not in the states, with their contents.
    pub(crate) segments: Vec<(Sealed, Vec<u8>, Vec<segment::Record>)>,
    /// The segments all of whose batches are in the states.
    pub(crate) folded: Vec<u64>,
    /// The segments without any batch that counts, after the last one that has any.
    pub(crate) empty: Vec<u64>,
    /// The last batch.
    pub(crate) last: u64,
    /// The number of the next segment, which may be one of those that are empty.
    pub(crate) next: u64,
    /// Whether an end was dropped that was never finished.
    pub(crate) torn: bool,
}

impl Fresh {
    /// Makes a segment of a new file, or of a spare one. It is on disk when this returns.
    pub(crate) fn make(
        disk: &dyn Disk,
        directory: Uuid,
        number: u64,
        bytes: u64,
        spare: Option<u64>,
    ) -> Result<Self, StorageError> {
        let name = segment_name(number);
        let doing = || StorageError::io(format!("making {name}"));
        let (file, from) = match spare {
            Some(spare) => (disk.open(&spare_name(spare)).map_err(doing())?, spare_name(spare)),
            None => {
                let from = spare_name(number);
                let file = disk.create(&from).map_err(doing())?;
                // Written, not only made longer: so that a commit has no blocks to find and no length to note.
                let zeros = vec![0; ZEROS.min(bytes as usize)];
                let mut at = 0;
                while at < bytes {
                    let piece = (bytes - at).min(zeros.len() as u64) as usize;
                    file.write_at(at, &zeros[..piece]).map_err(doing())?;
                    at += piece as u64;
                }
                (file, from)
            }
        };
        let bytes = file.len().map_err(doing())?;
        let salt = Uuid::new_v4().as_u64_pair().0;
        file.write_at(0, &segment::header(directory, number, bytes, salt)).map_err(doing())?;
        file.sync().map_err(doing())?;
        disk.rename(&from, &name).map_err(doing())?;
        disk.sync_names().map_err(doing())?;
        Ok(Fresh { file, number, bytes, salt })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn activate(self) -> Active {
        let Fresh { file, number, bytes, salt } = self;
        Active { file, number, bytes, salt, at: HEADER_BYTES as u64, last: None, record: Vec::new() }
    }

    /// Whether a batch of this many bytes fits into it.
    pub(crate) fn has_room(&self, batch: usize) -> bool {
        HEADER_BYTES as u64 + record_bytes(batch) as u64 <= self.bytes
    }
}

impl Active {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes its file has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes have been written to it.
    pub(crate) fn length(&self) -> u64 {
        self.at
    }

    pub(crate) fn has_room(&self, batch: usize) -> bool {
        self.at + record_bytes(batch) as u64 <= self.bytes
    }

    /// Appends a batch, without syncing it.
    pub(crate) fn append(&mut self, number: u64, synced: u64, batch: &[u8]) -> Result<(), StorageError> {
        segment::write_record(&mut self.record, self.salt, number, synced, batch);
        let written = self.file.write_at(self.at, &self.record);
        written.map_err(|error| StorageError::io(format!("writing {}", segment_name(self.number)))(error))?;
        self.at += self.record.len() as u64;
        self.last = Some(number);
        if self.record.capacity() > 4 * ZEROS {
            self.record = Vec::new();
        }
        Ok(())
    }

    /// Makes sure that all that was appended is on disk.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        self.file.sync().map_err(|error| StorageError::io(format!("syncing {}", segment_name(self.number)))(error))
    }

    /// The same segment, when nothing more is appended to it. `None` if nothing was.
    pub(crate) fn seal(&self) -> Option<Sealed> {
        Some(Sealed { number: self.number, bytes: self.bytes, used: self.at, last: self.last? })
    }
}

/// Reads the log. `folded` is the last batch in the states, and `log_at` the first segment that has, or will have,
/// later ones. From there on, no number of a segment is left out.
pub(crate) fn recover(
    disk: &dyn Disk,
    directory: Uuid,
    segments: &[u64],
    (folded, log_at): (u64, u64),
) -> Result<Recovered, StorageError> {
    let last = segments.last().copied().unwrap_or(0).max(log_at);
    if let Some(gap) = (log_at..=last).find(|number| segments.binary_search(number).is_err()) {
        return Err(missing(&segment_name(gap), "the log went on there"));
    }
    let mut recovered =
        Recovered { segments: Vec::new(), folded: Vec::new(), empty: Vec::new(), last: 0, next: 0, torn: false };
    let mut dropping = false;
    for &number in segments {
        let name = segment_name(number);
        let bytes = read(disk, &name)?;
        segment::check_header(&name, &bytes, directory, number)?;
        let contents = segment::read(&bytes);
        // Everything up to here is known.
        let known = recovered.last.max(folded);
        let synced = contents.records.iter().map(|record| record.synced).max().max(contents.synced_beyond);
        let damaged = |what: &str| Err(StorageError::damaged(&name, contents.end as u64, what));
        if let Some(first) = contents.records.first().map(|record| record.number)
            && !dropping
        {
            if first > known + 1 && synced.is_none_or(|synced| synced <= known) {
                // What was before it was never finished, so this was never finished, either.
                dropping = true;
            } else if first > known + 1 {
                let why = format!("batches {} to {} are in no file that is there", known + 1, first - 1);
                return Err(missing(&format!("what precedes {name}"), &why));
            } else if first <= recovered.last {
                return damaged(&format!("it begins with batch {first}, which another file has"));
            }
        }
        let last = contents.records.last().map_or(recovered.last, |record| record.number);
        let known = last.max(folded);
        if contents.synced_beyond.is_some_and(|synced| synced > known) && !dropping {
            return damaged(&format!("batch {} is not readable, and later ones are", known + 1));
        }
        recovered.torn |= dropping || contents.is_torn;
        if dropping || contents.records.is_empty() {
            recovered.empty.push(number);
            continue;
        }
        recovered.last = last;
        // One that is empty and not at the end was too small for the batch in the next one.
        recovered.folded.extend(recovered.empty.drain(..).filter(|empty| *empty < log_at));
        let sealed = Sealed { number, bytes: bytes.len() as u64, used: contents.end as u64, last };
        if last <= folded {
            recovered.folded.push(number);
        } else {
            recovered.segments.push((sealed, bytes, contents.records));
        }
    }
    if recovered.last != 0 && recovered.last < folded {
        let why = format!("the states have all batches up to {folded}, and the log ends with {}", recovered.last);
        return Err(missing("the end of the log", &why));
    }
    recovered.last = recovered.last.max(folded);
    recovered.next = recovered.empty.iter().copied().find(|number| *number >= log_at).unwrap_or(last + 1);
    Ok(recovered)
}

/// Passes those batches of a segment to `change` that come after batch `folded`, the last one first.
pub(crate) fn backwards(
    number: u64,
    bytes: &[u8],
    records: &[segment::Record],
    folded: u64,
    mut change: impl FnMut(&[u8]) -> Result<(), Malformed>,
) -> Result<(), StorageError> {
    for record in records.iter().rev().take_while(|record| record.number > folded) {
        change(&bytes[record.batch.clone()]).map_err(|malformed| {
            let what = format!("batch {} is malformed at its byte {}", record.number, malformed.at);
            StorageError::damaged(&segment_name(number), record.batch.start as u64, what)
        })?;
    }
    Ok(())
}

/// Reads a file.
pub(crate) fn read(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, StorageError> {
    let doing = || StorageError::io(format!("reading {name}"));
    let file = disk.open(name).map_err(doing())?;
    let length =
        usize::try_from(file.len().map_err(doing())?).map_err(|error| doing()(std::io::Error::other(error)))?;
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes).map_err(doing())?;
    Ok(bytes)
}
