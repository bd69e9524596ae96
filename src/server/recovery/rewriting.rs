//! Writes large states anew, in the background: see [`store`](crate::store) for what that takes the place of.
//!
//! A new state is made as a start makes it: the last state is read from a snapshot of the storage and decoded, and the
//! calls since are made again, with their results compared. Nobody else sees the object that this gives, so no lock is
//! held. It is encoded, and its pieces are noted one after the other, at a bounded rate, since everybody's changes wait
//! for the same disk.

use super::progress::Progress;
use super::replay::Replay;
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::rows;
use crate::journal::rows::calls::{self, KEY_BYTES};
use crate::journal::rows::pieces::{self, Gathered, Gathering, Head};
use crate::server::state::panics;
use crate::store::{Committed, Instead, Keeping, NewState, Rewriting, state};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tarmem_remote::value::with_scope;
use tarmem_storage::{Snapshot, StorageError, Table, yield_to_others};
use tokio::runtime::Handle;

/// How many pieces are noted at once.
const PIECES_AT_ONCE: usize = 1;

/// How many bytes are noted per second, at most.
const RATE: u64 = 32 << 20;

/// How many bytes are read from a snapshot at once, while which it cannot be ended.
const READ_AT_ONCE: usize = 256 << 10;

/// How often it is asked whether what is waited for is still of use.
const ASKING: Duration = Duration::from_millis(20);

/// The stack of the thread: that of one that loads.
const STACK_BYTES: usize = 512 << 20;

/// The thread that writes states anew. Dropping this ends it.
pub(crate) struct Rewriter {
    keeping: Arc<Keeping>,
    thread: Option<JoinHandle<()>>,
}

impl Rewriter {
    /// Starts to write states anew. `runtime`: that in which methods are called.
    pub(crate) fn start(keeping: &Arc<Keeping>, faults: PlantedFaults, runtime: Handle) -> io::Result<Self> {
        let mut rewriter = Rewriter { keeping: Arc::clone(keeping), thread: None };
        let keeping = Arc::clone(keeping);
        let thread = thread::Builder::new().name("tarmem-rewrite".to_owned()).stack_size(STACK_BYTES);
        // Before it asks whether there is anything to do.
        rewriter.keeping.rewrites(true);
        let run = move || {
            yield_to_others();
            let _entered = runtime.enter();
            while let Some(mut rewriting) = keeping.next_rewriting() {
                Writer { keeping: &keeping, faults: &faults }.rewrite(&mut rewriting);
            }
        };
        rewriter.thread = Some(thread.spawn(run)?);
        Ok(rewriter)
    }
}

impl Drop for Rewriter {
    fn drop(&mut self) {
        self.keeping.rewrites(false);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Why a state was not written anew.
enum Left {
    /// It is of no use any more, or the service ends.
    Unwanted,
    /// There is little room on the disk.
    NoRoom,
    /// It could not be read.
    Unread(String),
    /// It could not be made: the calls would refuse a start.
    NotMade(String),
}

impl From<StorageError> for Left {
    fn from(error: StorageError) -> Self {
        Left::Unread(error.to_string())
    }
}

/// A state that was made anew.
struct Made {
    state: Vec<u8>,
    next_call: u64,
    call_bytes: usize,
}

/// Writes one state anew.
struct Writer<'a> {
    keeping: &'a Keeping,
    faults: &'a PlantedFaults,
}

impl Writer<'_> {
    fn rewrite(&self, rewriting: &mut Rewriting) {
        let begun = Instant::now();
        let written = panics::catch(|| {
            let made = self.make(rewriting)?;
            self.write(rewriting, &made)?;
            Ok(made.state.len())
        });
        let written =
            written.unwrap_or_else(|panic| Err(Left::NotMade(format!("it panicked: {}", panic.into_message()))));
        let (key, object, class) = (&*rewriting.key, rewriting.object, rewriting.class.entry().path);
        let instead = match written {
            Ok(bytes) => {
                tracing::debug!(key, object, class, bytes, "a state was written anew in {:.1?}", begun.elapsed());
                return;
            }
            Err(Left::Unwanted) => Instead::WhenFull,
            Err(Left::NoRoom) => {
                let why = "there is little room on the disk, so a large state is written at once when its calls take \
                           as many bytes";
                tracing::warn!(key, object, class, "{why}");
                Instead::WhenFull
            }
            Err(Left::Unread(why)) => {
                tracing::warn!(key, object, class, "a state cannot be written anew in the background: {why}");
                Instead::WhenFull
            }
            Err(Left::NotMade(why)) => {
                let what = "the calls of an object cannot be made again, so its state is written with its next change, \
                            and until then a service that was killed would not start";
                tracing::error!(key, object, class, "{what}: {why}");
                Instead::Next
            }
        };
        self.keeping.abandon_rewriting(rewriting, instead);
    }

    /// Makes the state that the object had at some moment after this is called.
    fn make(&self, rewriting: &Rewriting) -> Result<Made, Left> {
        let snapshot = self.snapshot(rewriting)?;
        let (stored, first_call) = self.stored(rewriting, &*snapshot)?;
        let progress = Progress::default();
        let (class, replay) = (&rewriting.class, Replay::new(self.faults, &progress));
        let decoded = with_scope(replay.scope(), || state::decode(class.entry(), &stored));
        let (mut object, _) = decoded.map_err(Left::NotMade)?;
        drop(stored);
        let (mut next_call, mut call_bytes) = (first_call, 0);
        loop {
            self.check(rewriting)?;
            let from = calls::key(rewriting.object, next_call);
            let rows = rows_of(&*snapshot, rewriting.object, calls::CALLS, &from)?;
            if rows.is_empty() {
                break;
            }
            let mut some = Vec::with_capacity(rows.len());
            for (key, value) in rows {
                call_bytes += KEY_BYTES + value.len();
                let (_, first) = calls::object_and_number(&key).map_err(|error| Left::NotMade(error.to_string()))?;
                some.extend((first..).zip(calls::each(&value)));
            }
            for call in some.chunks(1) {
                self.check(rewriting)?;
                let made = replay.make_again(&mut *object, class, next_call, call);
                made.map_err(|refused| Left::NotMade(refused.of(&rewriting.key, rewriting.object).to_string()))?;
                next_call += 1;
            }
        }
        drop(snapshot);
        let (state, refers) = state::encode(&*object, 0);
        drop(object);
        match refers || state.is_empty() {
            true => Err(Left::NotMade("it cannot be encoded, or refers to others".to_owned())),
            false => Ok(Made { state, next_call, call_bytes }),
        }
    }

    /// A snapshot that has everything that was noted so far.
    fn snapshot(&self, rewriting: &Rewriting) -> Result<Box<dyn Snapshot>, Left> {
        self.check(rewriting)?;
        let (sender, taken) = mpsc::channel();
        self.keeping.journal().snapshot(Box::new(move |snapshot| drop(sender.send(snapshot))));
        loop {
            match taken.recv_timeout(ASKING) {
                Ok(snapshot) => return Ok(snapshot?),
                Err(RecvTimeoutError::Timeout) => self.check(rewriting)?,
                Err(RecvTimeoutError::Disconnected) => return Err(Left::Unwanted),
            }
        }
    }

    /// The last state of the object, and the number of the first call after it.
    fn stored(&self, rewriting: &Rewriting, snapshot: &dyn Snapshot) -> Result<(Vec<u8>, u64), Left> {
        let (object, unread) = (rewriting.object, |why: &dyn ToString| Left::Unread(why.to_string()));
        let row = rows_of(snapshot, object, rows::OBJECTS, &object.to_be_bytes())?.into_iter().next();
        let (_, value) = row.ok_or(Left::Unwanted)?;
        let Some(head) = Head::read(&value).map_err(|error| unread(&error))? else { return Ok((value, 0)) };
        let mut gathering = Gathering::default();
        gathering.head(object, head);
        for index in 0..head.pieces {
            self.check(rewriting)?;
            let from = pieces::key(object, head.version, index);
            let piece = piece_at(snapshot, &from)?;
            match gathering.piece((object, head.version, index), &piece).map_err(|error| unread(&error))? {
                Gathered::State(head, state) => return Ok((state, head.first_call)),
                Gathered::Part | Gathered::LeftOver => {}
            }
        }
        Err(unread(&"its pieces are not all there"))
    }

    /// Writes a state, and lets it take the place of the last one.
    fn write(&self, rewriting: &mut Rewriting, made: &Made) -> Result<(), Left> {
        let new = NewState { state: &made.state, next_call: made.next_call, call_bytes: made.call_bytes };
        let finish = |rewriting: &Rewriting| wait(self.keeping.finish_rewriting(rewriting, &new));
        let pieces: Vec<_> = pieces::cut(&made.state, self.keeping.piece_bytes()).collect();
        for (n, some) in pieces.chunks(PIECES_AT_ONCE).enumerate() {
            if n > 0 && self.faults.has(PlantedFault::HeadFirst) {
                return finish(rewriting).and_then(|()| {
                    // Others write meanwhile.
                    self.keeping.pause_rewriting(ASKING);
                    pieces[n * PIECES_AT_ONCE..]
                        .iter()
                        .try_for_each(|piece| wait(self.keeping.note_pieces(rewriting, &[*piece])))
                });
            }
            self.check(rewriting)?;
            let begun = Instant::now();
            wait(self.keeping.note_pieces(rewriting, some))?;
            // Others have the disk for as long as this had it, at least.
            let (took, bytes) = (begun.elapsed(), some.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
            let least = Duration::from_micros(bytes * 1_000_000 / RATE);
            if !self.keeping.pause_rewriting(took.max(least.saturating_sub(took))) {
                return Err(Left::Unwanted);
            }
        }
        finish(rewriting)
    }

    /// Whether it goes on.
    fn check(&self, rewriting: &Rewriting) -> Result<(), Left> {
        if !self.keeping.is_wanted(rewriting) {
            return Err(Left::Unwanted);
        }
        if self.keeping.room().is_scarce() { Err(Left::NoRoom) } else { Ok(()) }
    }
}

fn wait(committed: Option<Committed>) -> Result<(), Left> {
    if committed.is_some_and(Committed::wait) { Ok(()) } else { Err(Left::Unwanted) }
}

type Row = (Vec<u8>, Vec<u8>);

/// The rows of an object in a table, from this key on: the first of them.
fn rows_of(snapshot: &dyn Snapshot, object: u64, table: Table, from: &[u8]) -> Result<Vec<Row>, StorageError> {
    let (mut rows, mut left) = (Vec::new(), READ_AT_ONCE);
    snapshot.each_from(table, from, &mut |found, key, value| {
        if found != table || !key.starts_with(&object.to_be_bytes()) || left == 0 {
            return ControlFlow::Break(());
        }
        left = left.saturating_sub(key.len() + value.len());
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// The piece with this key; empty if there is none.
fn piece_at(snapshot: &dyn Snapshot, at: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut piece = Vec::new();
    snapshot.each_from(pieces::PIECES, at, &mut |table, key, value| {
        if (table, key) == (pieces::PIECES, at) {
            piece = value.to_vec();
        }
        ControlFlow::Break(())
    })?;
    Ok(piece)
}

#[cfg(all(test, feature = "client"))]
mod tests;
