//! One file of the log: a header, and records of batches one after the other.
//!
//! ```text
//! header   magic "tarmemlg", format u32, 0 u32, id of the directory 16 bytes, number of the segment u64, length of the
//!          file u64, salt u64, crc u32; 64 bytes in all
//! record   crc of the batch u32, length of the batch u32, number of the batch u64, synced u64, crc of what is before
//!          u32, 0 u32; the batch; filled up with 0 to a multiple of 8
//! ```
//!
//! Numbers are little-endian. A record's checksums begin with the salt, which is random for each life of a file: so
//! what an earlier life has left behind the last record is not taken for a record, nor is what a client has made up.
//! `synced` is the number of the last batch that was synced when the record was written. It tells an end that was never
//! finished (a record that was not synced is bad, and so may be those after it) from damage (a record that *was* synced
//! is bad): only the first is dropped. A file has its whole length before it is used, so one that is shorter was cut
//! off.
//!
//! Whether there is a good record behind the end is looked for at each multiple of 8, so the head has a checksum of its
//! own: that of the batch is only computed where there is a head.

use crate::error::StorageError;
use std::ops::Range;
use uuid::Uuid;

/// The format that this program writes.
pub(crate) const FORMAT: u32 = 1;

/// How many bytes precede the records.
pub(crate) const HEADER_BYTES: usize = 64;

/// How many bytes precede the batch in a record.
pub(crate) const RECORD_HEAD: usize = 32;

/// How many bytes of the head have its checksum behind them.
const HEAD_SUMMED: usize = 24;

const MAGIC: &[u8; 8] = b"tarmemlg";

/// Where records begin.
const ALIGNED: usize = 8;

/// The header of the segment with this number, in a file of this length.
pub(crate) fn header(directory: Uuid, segment: u64, length: u64, salt: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..32].copy_from_slice(directory.as_bytes());
    bytes[32..40].copy_from_slice(&segment.to_le_bytes());
    bytes[40..48].copy_from_slice(&length.to_le_bytes());
    bytes[48..56].copy_from_slice(&salt.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..56]);
    bytes[56..60].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The salt in a header that was checked.
pub(crate) fn salt(bytes: &[u8]) -> u64 {
    bytes.get(48..56).map_or(0, |salt| u64_at(salt, 0))
}

/// Checks the header of a file that should be this segment.
pub(crate) fn check_header(file: &str, bytes: &[u8], directory: Uuid, segment: u64) -> Result<(), StorageError> {
    let damaged = |what: &str| StorageError::damaged(file, 0, what);
    let header = bytes.get(..HEADER_BYTES).ok_or_else(|| damaged("it is shorter than its header"))?;
    if &header[..8] != MAGIC || crc32fast::hash(&header[..56]) != u32_at(header, 56) {
        return Err(damaged("its header is not one"));
    }
    let found = u32_at(header, 8);
    if found > FORMAT {
        return Err(StorageError::Version { file: file.to_owned(), found, known: FORMAT });
    }
    let mut id = [0; 16];
    id.copy_from_slice(&header[16..32]);
    let found = Uuid::from_bytes(id);
    if found != directory {
        return Err(StorageError::Foreign { file: file.to_owned(), found, expected: directory });
    }
    if u64_at(header, 32) != segment {
        return Err(damaged("it has the number of another file"));
    }
    let length = u64_at(header, 40);
    if (bytes.len() as u64) < length {
        let what = format!("it was cut off there, and had {length} bytes");
        return Err(StorageError::damaged(file, bytes.len() as u64, what));
    }
    Ok(())
}

/// How many bytes the record of a batch takes.
pub(crate) fn record_bytes(batch: usize) -> usize {
    (RECORD_HEAD + batch).next_multiple_of(ALIGNED)
}

/// Writes a record to `out`, which is emptied first.
pub(crate) fn write_record(out: &mut Vec<u8>, salt: u64, number: u64, synced: u64, batch: &[u8]) {
    out.clear();
    out.reserve(record_bytes(batch.len()));
    out.extend_from_slice(&crc_of(salt, batch).to_le_bytes());
    // A batch is bounded far below that; a longer one is refused before.
    out.extend_from_slice(&(batch.len() as u32).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    let crc = crc_of(salt, &out[..HEAD_SUMMED]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(batch);
    out.resize(record_bytes(batch.len()), 0);
}

/// One record of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) synced: u64,
    /// Where its batch is.
    pub(crate) batch: Range<usize>,
}

/// What is in a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Good records, with numbers that follow one another.
    pub(crate) records: Vec<Record>,
    /// Where the last of them ends.
    pub(crate) end: usize,
    /// Of the good records after the end, up to which batch they were synced, if there are any.
    pub(crate) synced_beyond: Option<u64>,
    /// There is the beginning of a record at the end, or a record without its beginning.
    pub(crate) is_torn: bool,
}

/// Reads the records of a segment, whose header was checked.
pub(crate) fn read(bytes: &[u8]) -> Contents {
    let salt = salt(bytes);
    let mut contents = Contents { end: HEADER_BYTES, ..Contents::default() };
    while let Some(record) = record_at(bytes, contents.end, salt) {
        if contents.records.last().is_some_and(|last| record.number != last.number + 1) {
            break;
        }
        contents.end += record_bytes(record.batch.len());
        contents.records.push(record);
    }
    contents.is_torn = head_at(bytes, contents.end, salt).is_some();
    let mut at = contents.end;
    while at + RECORD_HEAD <= bytes.len() {
        match record_at(bytes, at, salt) {
            Some(record) => {
                contents.synced_beyond = contents.synced_beyond.max(Some(record.synced));
                contents.is_torn = true;
                at += record_bytes(record.batch.len());
            }
            None => at += ALIGNED,
        }
    }
    contents
}

/// The record that begins at `at`, if there is a good one.
fn record_at(bytes: &[u8], at: usize, salt: u64) -> Option<Record> {
    let record = head_at(bytes, at, salt)?;
    let crc = u32_at(bytes, at);
    (crc_of(salt, bytes.get(record.batch.clone())?) == crc).then_some(record)
}

/// The record of which the head at `at` is good.
fn head_at(bytes: &[u8], at: usize, salt: u64) -> Option<Record> {
    let head = bytes.get(at..at + RECORD_HEAD)?;
    let (length, number) = (u32_at(head, 4) as usize, u64_at(head, 8));
    // Batches are numbered from 1 on: a region of zeros is no record.
    let is_good = || crc_of(salt, &head[..HEAD_SUMMED]) == u32_at(head, HEAD_SUMMED) && u32_at(head, 28) == 0;
    if number == 0 || !is_good() {
        return None;
    }
    let begin = at + RECORD_HEAD;
    Some(Record { number, synced: u64_at(head, 16), batch: begin..begin.checked_add(length)? })
}

fn crc_of(salt: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x0123_4567_89ab_cdef;

    fn segment(batches: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        let mut record = Vec::new();
        for (index, batch) in batches.iter().enumerate() {
            write_record(&mut record, SALT, index as u64 + 5, index as u64 + 4, batch);
            bytes.extend_from_slice(&record);
        }
        bytes.resize(bytes.len() + 100, 0);
        let header = header(Uuid::nil(), 7, bytes.len() as u64, SALT);
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        bytes
    }

    #[test]
    fn records_are_read_back() {
        let bytes = segment(&[b"one", b"", &[9; 1000]]);
        check_header("log.7", &bytes, Uuid::nil(), 7).expect("it is that segment");
        let read = read(&bytes);
        let batches: Vec<_> = read.records.iter().map(|record| (record.number, &bytes[record.batch.clone()])).collect();
        assert_eq!(batches, [(5, &b"one"[..]), (6, b""), (7, &[9; 1000])]);
        assert_eq!(read.synced_beyond, None);
    }

    #[test]
    fn a_torn_end_has_nothing_good_after_it() {
        let mut bytes = segment(&[b"one", b"two"]);
        let second = HEADER_BYTES + record_bytes(3);
        bytes[second + RECORD_HEAD] ^= 1;
        let read = read(&bytes);
        assert_eq!((read.records.len(), read.end, read.synced_beyond, read.is_torn), (1, second, None, true));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = segment(&[b"one", b"two", b"three"]);
        let first = HEADER_BYTES;
        for bit in 0..8 * record_bytes(3) {
            let mut bytes = good.clone();
            bytes[first + bit / 8] ^= 1 << (bit % 8);
            let read = read(&bytes);
            let is_filling = bit / 8 >= RECORD_HEAD + 3;
            if is_filling {
                assert_eq!(read.records.len(), 3, "bit {bit}");
            } else {
                assert_eq!((read.records.len(), read.synced_beyond), (0, Some(6)), "bit {bit}");
            }
        }
    }

    #[test]
    fn records_of_an_earlier_life_are_none() {
        let mut bytes = segment(&[b"one"]);
        let header = header(Uuid::nil(), 8, bytes.len() as u64, SALT + 1);
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        assert_eq!(read(&bytes), Contents { end: HEADER_BYTES, ..Contents::default() });
    }

    #[test]
    fn a_segment_that_was_cut_off_is_damaged() {
        let mut bytes = segment(&[b"one"]);
        bytes.pop();
        let error = check_header("log.7", &bytes, Uuid::nil(), 7).expect_err("it is shorter").to_string();
        assert!(error.contains("log.7") && error.contains("cut off"), "{error}");
    }

    /// Each place behind the last record looks like the head of a long one, except for its checksum.
    #[test]
    fn what_only_looks_like_a_head_behind_the_end_is_none_and_its_batch_is_not_summed() {
        let mut bytes = segment(&[b"one"]);
        bytes.truncate(HEADER_BYTES + record_bytes(3));
        let head: Vec<u8> = [1_u64 << 52, 6, 5, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        for _ in 0..20_000 {
            bytes.extend_from_slice(&head);
        }
        let header = header(Uuid::nil(), 7, bytes.len() as u64, SALT);
        bytes[..HEADER_BYTES].copy_from_slice(&header);
        let read = read(&bytes);
        assert_eq!((read.records.len(), read.synced_beyond, read.is_torn), (1, None, false));
        // Nobody has to look at a batch to find that.
        assert_eq!((read.end..bytes.len()).step_by(ALIGNED).filter_map(|at| head_at(&bytes, at, SALT)).count(), 0);
    }
}
