//! Plain copies of an object's value, in which the objects it refers to take the place of the references.

use super::references::{SessionScope, live};
use crate::server::session::ServerSession;
use crate::server::state::panics;
use crate::store::{Cell, ReadGuard};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::ser::Error as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tarmem_remote::codec::CodecError;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::results::Snapshot;
use tarmem_remote::value::{self, Value};
use tarmem_remote::{Object, codec};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;
use uuid::Uuid;

/// References nested deeper than this stay references: a value has its own limit of 64 levels.
const DEEPEST_REFERENCE: usize = 48;

/// How long a snapshot runs on its thread before others have a turn.
const TURN: Duration = Duration::from_millis(1);

/// A request for a snapshot, from one session.
pub(in crate::server) struct SnapshotRequest<'a> {
    pub(in crate::server) session: &'a Arc<ServerSession>,
    /// Counts the handles to the objects that the snapshot still refers to.
    pub(in crate::server) scope: Arc<SessionScope>,
    /// The largest permitted size, in bytes.
    pub(in crate::server) limit: usize,
    /// Also say whether the objects are poisoned.
    pub(in crate::server) with_info: bool,
}

/// Makes a plain copy of an object's value.
///
/// The objects are read one after the other: the copy does not show all of them at one moment. A reference to an object
/// that is already being shown stays a reference, so that a cycle ends; so does a reference to an object of a resident
/// class, which does not keep the others from being shown.
pub(in crate::server) fn snapshot(
    cell: Cell,
    request: SnapshotRequest<'_>,
) -> impl Future<Output = Reply> + Send + use<> {
    let SnapshotRequest { session, scope, limit, with_info } = request;
    let queues = [Arc::clone(&session.snapshots), Arc::clone(&session.state().snapshots)];
    async move {
        let shown = async {
            let class = cell.class().entry().path;
            let mut walk = Walk {
                path: Vec::new(),
                left: limit,
                turn: Instant::now(),
                queues,
                places: None,
                poisoned: false,
                poisoned_inside: false,
            };
            let value = show(&cell, &mut walk, 0).await?;
            let Walk { poisoned, poisoned_inside, .. } = walk;
            let mut out = Vec::new();
            let encoded = value::with_scope(&*scope, || {
                if with_info {
                    codec::encode_into(&Snapshot::new(value, poisoned, poisoned_inside), &mut out, limit)
                } else {
                    codec::encode_into(&value, &mut out, limit)
                }
            });
            match encoded {
                Ok(()) => Ok(Reply::Done(out.into())),
                Err(error) => Err(Error::bad_result(format!("a snapshot of a {class}"), &error)),
            }
        };
        shown.await.into()
    }
}

/// The progress of a snapshot.
struct Walk {
    /// The objects that are being shown.
    path: Vec<Uuid>,
    /// How many more elements may be shown, in all objects together. Each takes at least one byte of the result, and an
    /// object that is referred to twice is shown twice: a few objects may stand for more than fits in memory.
    left: usize,
    /// When the snapshot began to use the connection's thread.
    turn: Instant,
    /// Where a snapshot that takes longer than a turn queues: after those of its session, then after those of all
    /// sessions.
    queues: [Arc<Semaphore>; 2],
    /// The permits, once it had to queue.
    places: Option<[OwnedSemaphorePermit; 2]>,
    /// Whether a method left this object, or one that it refers to, half changed.
    poisoned: bool,
    poisoned_inside: bool,
}

impl Walk {
    /// Lets others use the thread when the turn is over. A snapshot that takes longer than a turn waits for its
    /// permits: so only few hold much memory, however many are requested.
    async fn step(&mut self) {
        if self.turn.elapsed() < TURN {
            return;
        }
        if self.places.is_none() {
            let [of_session, of_all] = self.queues.clone();
            // Neither semaphore is ever closed.
            if let (Ok(first), Ok(second)) = (of_session.acquire_owned().await, of_all.acquire_owned().await) {
                self.places = Some([first, second]);
            }
        }
        yield_now().await;
        self.turn = Instant::now();
    }

    /// Locks the object for reading. While this waits for the lock, others may use the permits: the snapshot that it
    /// waits for may need them.
    async fn read(&mut self, cell: &Cell) -> Result<ReadGuard, Error> {
        let mut reading = pin!(cell.read_even_poisoned());
        let read = match futures::poll!(&mut reading) {
            Poll::Ready(read) => read,
            Poll::Pending => {
                self.places = None;
                reading.await
            }
        };
        read.map_err(|poisoned| cell.poisoned(poisoned))
    }
}

/// The value of an object at this `depth` of the whole.
fn show<'a>(cell: &'a Cell, walk: &'a mut Walk, depth: usize) -> BoxFuture<'a, Result<Value, Error>> {
    async move {
        walk.step().await;
        let class = cell.class().entry().path;
        let mut shown = {
            // An object that a method left half changed can be shown, too, and is marked.
            let object = walk.read(cell).await?;
            let mark = if walk.path.is_empty() { &mut walk.poisoned } else { &mut walk.poisoned_inside };
            *mark |= cell.is_poisoned();
            let object: &dyn Object = &*object;
            let snapshot = || format!("a snapshot of a {class}");
            panics::catch(|| value::to_value(object as &dyn erased_serde::Serialize))
                .map_err(|panic| panic.of(snapshot()))?
                .map_err(|error| Error::bad_result(snapshot(), &CodecError::custom(error)))?
        };
        // References are followed after the lock was released: they may lead back to this object, or to one that waits
        // for it. An object behind a reference may be shown many times: it is charged about as much as it takes in
        // memory meanwhile.
        let charge = if walk.path.is_empty() { 1 } else { 8 };
        walk.left = walk.left.checked_sub(charge * elements(&shown)).ok_or_else(|| {
            bad(class, "with everything that it refers to it exceeds the frame limit; request a part of it")
        })?;
        if has_references(&shown) {
            walk.path.push(cell.id());
            expand(&mut shown, walk, depth).await?;
            walk.path.pop();
        }
        Ok(shown)
    }
    .boxed()
}

/// Replaces references in `value` by the values of their objects.
fn expand<'a>(value: &'a mut Value, walk: &'a mut Walk, depth: usize) -> BoxFuture<'a, Result<(), Error>> {
    async move {
        match value {
            Value::List(items) | Value::Tuple(items) => {
                for item in items.iter_mut().filter(|item| has_references(item)) {
                    expand(item, walk, depth + 1).await?;
                }
            }
            Value::Map(pairs) => {
                for (_, item) in pairs.iter_mut().filter(|(_, item)| has_references(item)) {
                    expand(item, walk, depth + 1).await?;
                }
            }
            Value::Ref(reference) if depth < DEEPEST_REFERENCE && !walk.path.contains(&reference.id()) => {
                // An object of a resident class has no value; its reference says what it is.
                if let Some(cell) = live(reference).filter(|cell| cell.class().entry().encodable) {
                    *value = show(&cell, walk, depth).await?;
                }
            }
            _ => {}
        }
        Ok(())
    }
    .boxed()
}

/// How many elements a value has, itself included. Recurses no deeper than values can be nested.
fn elements(value: &Value) -> usize {
    1 + match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(elements).sum(),
        Value::Map(pairs) => pairs.iter().map(|(key, item)| elements(key) + elements(item)).sum(),
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Whether there are references in places where objects are shown. Keys of maps and elements of sets stay references:
/// an object could not stand there. Recurses no deeper than values can be nested.
fn has_references(value: &Value) -> bool {
    match value {
        Value::Ref(_) => true,
        Value::List(items) | Value::Tuple(items) => items.iter().any(has_references),
        Value::Map(pairs) => pairs.iter().any(|(_, item)| has_references(item)),
        _ => false,
    }
}

fn bad(class: &str, reason: impl ToString) -> Error {
    Error::BadResult { what: format!("a snapshot of a {class}"), reason: reason.to_string() }
}
