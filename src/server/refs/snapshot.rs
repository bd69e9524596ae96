//! A plain copy of an object's value, with the objects that it refers to in the places of the references.

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

/// References deeper than this stay references: a value has its own limit of 64 levels.
const DEEPEST_REFERENCE: usize = 48;

/// How long a snapshot holds its thread before others have a turn.
const TURN: Duration = Duration::from_millis(1);

/// A snapshot that a session asks for.
pub(in crate::server) struct SnapshotRequest<'a> {
    pub(in crate::server) session: &'a Arc<ServerSession>,
    /// Counts the handles to what it shows.
    pub(in crate::server) scope: Arc<SessionScope>,
    /// The most bytes that it may have.
    pub(in crate::server) limit: usize,
    /// With whether the objects are poisoned.
    pub(in crate::server) with_info: bool,
}

/// A plain copy of an object's value.
///
/// Each object is read on its own, one after the other: the copy is not one moment of all of them. A reference to an
/// object that is being shown already stays a reference, so that a circle ends; and so does one to an object of a
/// resident class, which hides nothing of the others.
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
                    codec::encode_into(&Snapshot { value, poisoned, poisoned_inside }, &mut out, limit)
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

/// How far a snapshot has come.
struct Walk {
    /// The objects that are being shown.
    path: Vec<Uuid>,
    /// The elements that may still be shown, of all objects together. Each takes a byte of the result at least, and an
    /// object that is referred to twice is shown twice: a few objects may stand for more than there is memory.
    left: usize,
    /// When it began to hold the connection's thread.
    turn: Instant,
    /// Where one that takes more than a turn queues: behind those of its session, then behind those of all.
    queues: [Arc<Semaphore>; 2],
    /// Its places, once it had to queue.
    places: Option<[OwnedSemaphorePermit; 2]>,
    /// Whether a method left the object half changed, or one of those that it refers to.
    poisoned: bool,
    poisoned_inside: bool,
}

impl Walk {
    /// Lets others have the thread when the turn is over. What has more than one turn waits for its place: so there are
    /// few that hold much, however many are asked for.
    async fn step(&mut self) {
        if self.turn.elapsed() < TURN {
            return;
        }
        if self.places.is_none() {
            let [of_session, of_all] = self.queues.clone();
            // Neither is ever closed.
            if let (Ok(first), Ok(second)) = (of_session.acquire_owned().await, of_all.acquire_owned().await) {
                self.places = Some([first, second]);
            }
        }
        yield_now().await;
        self.turn = Instant::now();
    }

    /// The object, to be read. While it waits for that, others have its places: it may be one of them that is waited
    /// for.
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

/// The value of an object; `depth` is where it stands in the whole.
fn show<'a>(cell: &'a Cell, walk: &'a mut Walk, depth: usize) -> BoxFuture<'a, Result<Value, Error>> {
    async move {
        walk.step().await;
        let class = cell.class().entry().path;
        let mut shown = {
            // What a method left half changed can be looked at, too, and is marked.
            let object = walk.read(cell).await?;
            let mark = if walk.path.is_empty() { &mut walk.poisoned } else { &mut walk.poisoned_inside };
            *mark |= cell.is_poisoned();
            let object: &dyn Object = &*object;
            let snapshot = || format!("a snapshot of a {class}");
            panics::catch(|| value::to_value(object as &dyn erased_serde::Serialize))
                .map_err(|panic| panic.of(snapshot()))?
                .map_err(|error| Error::bad_result(snapshot(), &CodecError::custom(error)))?
        };
        // Its references are followed with its lock free: they may lead back to it, or to who waits for it.
        // What is referred to may be shown many times: it is charged by what it takes in memory meanwhile, nearly.
        let charge = if walk.path.is_empty() { 1 } else { 8 };
        walk.left = walk
            .left
            .checked_sub(charge * elements(&shown))
            .ok_or_else(|| bad(class, "with all that it refers to it is over the frame limit; take a part of it"))?;
        if has_references(&shown) {
            walk.path.push(cell.id());
            expand(&mut shown, walk, depth).await?;
            walk.path.pop();
        }
        Ok(shown)
    }
    .boxed()
}

/// Puts objects in the places of the references to them.
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
                // A resident one has no value: what it is says its reference.
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

/// How many elements a value has, itself included. No deeper than a value can be.
fn elements(value: &Value) -> usize {
    1 + match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(elements).sum(),
        Value::Map(pairs) => pairs.iter().map(|(key, item)| elements(key) + elements(item)).sum(),
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Whether there are references in the places where objects are shown. Keys of maps and elements of sets stay
/// references: the objects could be neither. No deeper than a value can be.
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
