//! A simulated disk, on which the power fails, writes tear, and syncs return errors.
//!
//! What is written is visible at once, and survives a power failure only if it was synced before. Otherwise each write
//! survives wholly, in part or not at all, independently of the others and of their order: this is what a disk with a
//! cache may do. The same holds for the names of files.

use crate::disk::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The unit in which writes tear.
const SECTOR: usize = 512;

/// A disk in memory.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// What becomes of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// From this operation on, every operation fails, this one before it does anything: the power is off.
    PowerOff,
    /// This write or sync, and no other, fails with an error of the system. Of a write, a part may have happened.
    Fails,
    /// From this operation on, the disk is full: files do not grow.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// What programs see.
    names: BTreeMap<String, usize>,
    /// What would be there after a power failure, if nothing that is not synced survived.
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the last sync.
    renames: Vec<NameChange>,
    files: Vec<Contents>,
    /// How many operations that write there have been.
    operations: u64,
    fault: Option<(u64, Fault)>,
    off: bool,
    full: bool,
    /// How many bytes fit on it, if that is limited.
    capacity: Option<usize>,
    /// The generation of the machine: files that were opened before a power failure are not valid any more.
    boots: u64,
}

#[derive(Clone, Debug)]
enum NameChange {
    Set(String, usize),
    Remove(String),
}

#[derive(Clone, Debug, Default)]
struct Contents {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync.
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
enum Pending {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// A simple generator of random numbers (xorshift64*), so that a seed repeats a run.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as this seed says.
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound.max(1)
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations that write there have been.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Plants a fault at operation `at`, counted from the first one of this disk.
    pub fn plant(&self, at: u64, fault: Fault) {
        self.lock().fault = Some((at, fault));
    }

    /// Whether the planted fault has happened.
    pub fn has_failed(&self) -> bool {
        let state = self.lock();
        state.fault.is_none() && (state.off || state.full || state.operations > 0)
    }

    /// Whether everything that was written would survive a power failure.
    pub fn is_synced(&self) -> bool {
        let state = self.lock();
        state.renames.is_empty() && state.files.iter().all(|file| file.pending.is_empty())
    }

    /// Whether the power is off.
    pub fn is_off(&self) -> bool {
        self.lock().off
    }

    /// Frees space on a disk that was full.
    pub fn make_room(&self) {
        self.lock().full = false;
    }

    /// Limits what fits on it: to what is there now, and so many bytes more.
    pub fn leave(&self, bytes: usize) {
        let mut state = self.lock();
        state.capacity = Some(state.taken() + bytes);
    }

    /// The power fails, and comes back: what was not synced survives as the dice say.
    pub fn power_cycle(&self, dice: &mut Dice) {
        let mut state = self.lock();
        let mut names = state.durable_names.clone();
        for change in std::mem::take(&mut state.renames) {
            // Names survive in order on a journalling file system: the first that is lost takes the later ones with it.
            if dice.below(2) == 0 {
                break;
            }
            change.apply(&mut names);
        }
        state.names = names.clone();
        state.durable_names = names;
        for file in &mut state.files {
            let mut kept = file.durable.clone();
            for pending in std::mem::take(&mut file.pending) {
                pending.survive(&mut kept, dice);
            }
            file.now = kept.clone();
            file.durable = kept;
        }
        state.off = false;
        state.fault = None;
        state.boots += 1;
    }

    /// The process is killed and started again: what was written stays, and what was open is closed.
    pub fn kill(&self) {
        let mut state = self.lock();
        state.off = false;
        state.fault = None;
        state.boots += 1;
    }

    /// Changes one bit of a file.
    ///
    /// # Panics
    /// If there is no such file, or it is shorter.
    pub fn flip(&self, name: &str, bit: u64) {
        let mut state = self.lock();
        let file = *state.names.get(name).unwrap_or_else(|| panic!("there is no {name}"));
        let (byte, mask) = ((bit / 8) as usize, 1 << (bit % 8));
        state.files[file].now[byte] ^= mask;
        state.files[file].durable[byte] ^= mask;
    }

    /// A copy of all that is on it, as a program sees it.
    pub fn copy(&self) -> SimDisk {
        let state = self.lock();
        let files = state.files.iter();
        let files =
            files.map(|file| Contents { durable: file.now.clone(), now: file.now.clone(), pending: Vec::new() });
        let copied = State {
            names: state.names.clone(),
            durable_names: state.names.clone(),
            files: files.collect(),
            ..State::default()
        };
        SimDisk { state: Arc::new(Mutex::new(copied)) }
    }
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            NameChange::Set(name, file) => {
                names.retain(|_, other| *other != file);
                names.insert(name, file);
            }
            NameChange::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

impl Pending {
    fn survive(self, kept: &mut Vec<u8>, dice: &mut Dice) {
        match self {
            Pending::Length(length) => {
                if dice.below(2) == 0 {
                    kept.resize(length, 0);
                }
            }
            Pending::Write(at, bytes) => {
                let all = dice.below(4);
                let mut done = 0;
                while done < bytes.len() {
                    let end = (done + SECTOR - (at + done) % SECTOR).min(bytes.len());
                    // Nothing, everything, or any of its sectors.
                    let survives = match all {
                        0 => false,
                        1 => true,
                        _ => dice.below(2) == 0,
                    };
                    if survives {
                        if kept.len() < at + end {
                            kept.resize(at + end, 0);
                        }
                        kept[at + done..at + end].copy_from_slice(&bytes[done..end]);
                    }
                    done = end;
                }
            }
        }
    }
}

impl State {
    /// Counts an operation that writes; fails if it is to fail.
    fn operate(&mut self) -> io::Result<()> {
        let here = self.operations;
        self.operations += 1;
        if self.off {
            return Err(power_is_off());
        }
        match self.fault {
            Some((at, fault)) if at == here => {
                self.fault = None;
                match fault {
                    Fault::PowerOff => {
                        self.off = true;
                        Err(power_is_off())
                    }
                    Fault::Fails => Err(io::Error::other("planted: the device reports an error")),
                    Fault::Full => {
                        self.full = true;
                        Ok(())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn grow(&self, file: usize, length: usize) -> io::Result<()> {
        let more = length.saturating_sub(self.files[file].now.len());
        if more > 0 && (self.full || self.free().is_some_and(|free| more > free)) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "planted: the disk is full"));
        }
        Ok(())
    }

    /// The bytes of all files.
    fn taken(&self) -> usize {
        self.names.values().map(|file| self.files[*file].now.len()).sum()
    }

    fn free(&self) -> Option<usize> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.taken()))
    }
}

fn power_is_off() -> io::Error {
    io::Error::other("planted: the power is off")
}

fn no_such(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {name}"))
}

impl Disk for SimDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let state = self.lock();
        let file = *state.names.get(name).ok_or_else(|| no_such(name))?;
        Ok(Arc::new(SimFile { disk: self.clone(), file, boot: state.boots }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.operate()?;
        if state.names.contains_key(name) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("there is a {name}")));
        }
        if state.full {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "planted: the disk is full"));
        }
        let file = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(name.to_owned(), file);
        state.renames.push(NameChange::Set(name.to_owned(), file));
        Ok(Arc::new(SimFile { disk: self.clone(), file, boot: state.boots }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.operate()?;
        let file = state.names.remove(from).ok_or_else(|| no_such(from))?;
        state.names.insert(to.to_owned(), file);
        state.renames.push(NameChange::Set(to.to_owned(), file));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.lock();
        state.operate()?;
        state.names.remove(name).ok_or_else(|| no_such(name))?;
        state.renames.push(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.operate()?;
        state.durable_names = state.names.clone();
        state.renames.clear();
        Ok(())
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(self.lock().free().map(|free| free as u64))
    }

    fn place(&self) -> String {
        "a simulated disk".to_owned()
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: usize,
    boot: u64,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.lock();
        if state.boots != self.boot { Err(power_is_off()) } else { Ok(state) }
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.files[self.file].now.len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.state()?;
        state.operate()?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        state.grow(self.file, length)?;
        let file = &mut state.files[self.file];
        file.now.resize(length, 0);
        file.pending.push(Pending::Length(length));
        Ok(())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state()?;
        if state.off {
            return Err(power_is_off());
        }
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = state.files[self.file].now.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state()?;
        state.operate()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        state.grow(self.file, start + bytes.len())?;
        let file = &mut state.files[self.file];
        if file.now.len() < start + bytes.len() {
            file.now.resize(start + bytes.len(), 0);
        }
        file.now[start..start + bytes.len()].copy_from_slice(bytes);
        file.pending.push(Pending::Write(start, bytes.to_vec()));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        state.operate()?;
        let file = &mut state.files[self.file];
        file.durable = file.now.clone();
        file.pending.clear();
        Ok(())
    }
}
