//! A file that takes changes without being changed: they are kept in memory.
//!
//! redb writes to its file whenever it opens it, if only to note that it is open. With this it can read a file that
//! must not be changed.

use crate::disk::DiskFile;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// In pieces of this size changes are kept.
const PIECE: u64 = 4096;

/// A file with changes that are only in memory.
#[derive(Debug)]
pub(crate) struct Scratch {
    below: Arc<dyn DiskFile>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    length: u64,
    /// The length up to which the file below counts: not what was cut off once.
    below: u64,
    /// Pieces that were changed, by their number.
    pieces: BTreeMap<u64, Box<[u8]>>,
}

impl Scratch {
    pub(crate) fn over(below: Arc<dyn DiskFile>) -> io::Result<Self> {
        let length = below.len()?;
        Ok(Scratch { below, state: Mutex::new(State { length, below: length, pieces: BTreeMap::new() }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads bytes of one piece.
    fn read(&self, state: &State, at: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(piece) = state.pieces.get(&(at / PIECE)) {
            let from = (at % PIECE) as usize;
            out.copy_from_slice(&piece[from..from + out.len()]);
            return Ok(());
        }
        let there = state.below.saturating_sub(at).min(out.len() as u64) as usize;
        let (read, beyond) = out.split_at_mut(there);
        beyond.fill(0);
        if read.is_empty() { Ok(()) } else { self.below.read_at(at, read) }
    }
}

/// The parts of `length` bytes from `at` on that are in one piece each: where they begin, and how long they are.
fn parts(at: u64, length: usize) -> impl Iterator<Item = (u64, usize)> {
    let (mut at, mut left) = (at, length);
    std::iter::from_fn(move || {
        let part = left.min((PIECE - at % PIECE) as usize);
        let begin = at;
        at += part as u64;
        left -= part;
        (part > 0).then_some((begin, part))
    })
}

impl DiskFile for Scratch {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().length)
    }

    fn taken(&self) -> io::Result<u64> {
        self.below.taken()
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        if length < state.length {
            // Should it become longer again, what was cut off is zeros.
            let last = length / PIECE;
            let mut piece = vec![0; PIECE as usize];
            let kept = (length % PIECE) as usize;
            self.read(&state, last * PIECE, &mut piece[..kept])?;
            state.pieces.split_off(&last);
            state.below = state.below.min(last * PIECE);
            if kept > 0 {
                state.pieces.insert(last, piece.into());
            }
        }
        state.length = length;
        Ok(())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > state.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut out = out;
        for (at, length) in parts(offset, out.len()) {
            let (part, rest) = std::mem::take(&mut out).split_at_mut(length);
            self.read(&state, at, part)?;
            out = rest;
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut bytes = bytes;
        for (at, length) in parts(offset, bytes.len()) {
            let (part, rest) = bytes.split_at(length);
            let (number, from) = (at / PIECE, (at % PIECE) as usize);
            let mut piece = match state.pieces.remove(&number) {
                Some(piece) => piece,
                None => {
                    let mut piece = vec![0; PIECE as usize];
                    self.read(&state, number * PIECE, &mut piece)?;
                    piece.into()
                }
            };
            piece[from..from + length].copy_from_slice(part);
            state.pieces.insert(number, piece);
            state.length = state.length.max(at + length as u64);
            bytes = rest;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk, RealDisk};
    use proptest::prelude::*;

    /// What a file comes to, one way or the other.
    fn contents(file: &dyn DiskFile) -> Vec<u8> {
        let mut bytes = vec![0; file.len().expect("a length") as usize];
        file.read_at(0, &mut bytes).expect("there");
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn changes_are_seen_as_in_a_file_and_the_file_below_stays_as_it_was(
            begin in prop::collection::vec(any::<u8>(), 0..20_000),
            changes in prop::collection::vec((any::<bool>(), 0_u64..25_000, 0_usize..9_000, any::<u8>()), 0..12),
        ) {
            let scratch = tempfile::tempdir().expect("made");
            let disk = RealDisk::new(scratch.path());
            let (below, model) = (disk.create("below").expect("made"), disk.create("model").expect("made"));
            for file in [&below, &model] {
                file.write_at(0, &begin).expect("written");
            }
            let over = Scratch::over(Arc::clone(&below)).expect("opened");
            for (is_write, at, length, byte) in changes {
                let bytes = vec![byte; length];
                for file in [&over as &dyn DiskFile, &*model] {
                    match is_write {
                        true => file.write_at(at, &bytes).expect("written"),
                        false => file.set_len(at).expect("set"),
                    }
                }
                prop_assert!(contents(&over) == contents(&*model));
            }
            prop_assert!(contents(&*below) == begin);
        }
    }
}
