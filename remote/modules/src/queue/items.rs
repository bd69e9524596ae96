//! The state of a queue: its items, and the callers that wait for items, for room, or for the end of the work.

use super::store::Store;
use crate::Exception;
use crate::python::check_depth;
use crate::waiting::{
    Attempt, Door, KeptState, Line, Monitor, Patience, Woken, deliver, enter, haunt, next_token, undo_unless_received,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use tarmem_remote::context::{Context, SessionEnded};
use tarmem_remote::object::Sessions;
use tarmem_remote::value::Value;
use uuid::Uuid;

/// An item, with the lease under which the caller's session holds it.
///
/// # Examples
///
/// ```
/// use tarmem_modules::queue::{Lease, QueueProxy};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let jobs = session.memoize("jobs", QueueProxy::default()).await?;
/// jobs.put("a.png").await?;
/// let lease: Lease = jobs.get_leased_value(None, None).await?;
/// assert_eq!(lease.item, "a.png".into());
/// jobs.ack(lease.token).await?;
/// assert_eq!(jobs.leased().await?, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lease {
    /// The item.
    pub item: Value,
    /// The token by which it is acknowledged. It is higher than all earlier tokens of any queue or lock.
    pub token: u64,
}

/// The items of a queue, and the callers that wait.
///
/// Whenever the state is not locked: if a caller waits for an item, there is no item; if a caller waits for room, there
/// is no room.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Items {
    store: Store,
    /// `None` if the queue is unbounded.
    capacity: Option<usize>,
    /// How many items were put and have not been reported as done.
    unfinished: u64,
    leases: BTreeMap<u64, Leased>,
    getters: Line<(), Result<Value, Exception>>,
    putters: Line<Value, Result<(), Exception>>,
    joiners: Line<(), ()>,
    /// The sessions that have closed it.
    #[serde(default)]
    closed: BTreeSet<Uuid>,
}

/// What is given back if it does not reach the caller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Delivered {
    Item(Value),
    Lease(Uuid, u64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Leased {
    session: Uuid,
    item: Value,
}

pub(crate) enum Getters {}

impl Door for Getters {
    type State = Items;
    type Want = ();
    type Admission = Result<Value, Exception>;

    fn line(state: &mut Items) -> &mut Line<(), Self::Admission> {
        &mut state.getters
    }

    fn pass_on(state: &mut Items, granted: Self::Admission, woken: &mut Woken) {
        if let Ok(item) = granted {
            state.put_back(item, woken);
        }
    }
}

pub(crate) enum Putters {}

impl Door for Putters {
    type State = Items;
    type Want = Value;
    type Admission = Result<(), Exception>;

    fn line(state: &mut Items) -> &mut Line<Value, Self::Admission> {
        &mut state.putters
    }

    /// Does nothing: the item is in the queue, or was refused, whether or not the caller hears of it.
    fn pass_on(_: &mut Items, _: Self::Admission, _: &mut Woken) {}
}

pub(crate) enum Joiners {}

impl Door for Joiners {
    type State = Items;
    type Want = ();
    type Admission = ();

    fn line(state: &mut Items) -> &mut Line<(), ()> {
        &mut state.joiners
    }

    fn pass_on(_: &mut Items, (): (), _: &mut Woken) {}
}

impl Items {
    pub(crate) fn new(store: Store, maxsize: Option<i64>) -> Arc<Monitor<Self>> {
        Monitor::new(Items {
            store,
            capacity: maxsize.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0),
            unfinished: 0,
            leases: BTreeMap::new(),
            getters: Line::default(),
            putters: Line::default(),
            joiners: Line::default(),
            closed: BTreeSet::new(),
        })
    }

    /// Calls `visit` with all items, including leased ones.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&Value)) {
        self.store.iter().for_each(&mut *visit);
        self.leases.values().for_each(|leased| visit(&leased.item));
    }

    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.capacity.is_some_and(|capacity| self.store.len() >= capacity)
    }

    pub(crate) fn leased(&self) -> usize {
        self.leases.len()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.getters.len() + self.putters.len()
    }

    /// The session has closed it: it can neither put nor get any more.
    pub(crate) fn close(&mut self, session: Uuid) {
        self.closed.insert(session);
    }

    pub(crate) fn open(&mut self, session: Uuid) {
        self.closed.remove(&session);
    }

    pub(crate) fn is_closed_by(&self, session: Uuid) -> bool {
        self.closed.contains(&session)
    }

    fn attempt_put(&mut self, item: Value, woken: &mut Woken) -> Attempt<Putters> {
        if self.is_full() {
            return Attempt::Wait(item);
        }
        let put = self.store.push(item);
        self.unfinished += u64::from(put.is_ok());
        self.settle(woken);
        Attempt::Granted(put)
    }

    fn attempt_get(&mut self, woken: &mut Woken) -> Attempt<Getters> {
        match self.store.pop().transpose() {
            Some(got) => {
                self.settle(woken);
                Attempt::Granted(got)
            }
            None => Attempt::Wait(()),
        }
    }

    /// Hands items to the callers that wait for one, and room to those that wait for room, until none can go on.
    fn settle(&mut self, woken: &mut Woken) {
        loop {
            if !self.getters.is_empty()
                && let Some(got) = self.store.pop().transpose()
            {
                self.getters.grant_first(woken, |()| got);
            } else if !self.putters.is_empty() && !self.is_full() {
                let (store, unfinished) = (&mut self.store, &mut self.unfinished);
                self.putters.grant_first(woken, |item| {
                    let put = store.push(item);
                    *unfinished += u64::from(put.is_ok());
                    put
                });
            } else {
                return;
            }
        }
    }

    /// Puts an item back, as the next one to be taken.
    fn put_back(&mut self, item: Value, woken: &mut Woken) {
        self.store.put_back(item);
        self.settle(woken);
    }

    fn lease(&mut self, session: Uuid, item: Value) -> u64 {
        let token = next_token();
        self.leases.insert(token, Leased { session, item });
        token
    }

    fn end_lease(&mut self, session: Uuid, token: u64) -> Result<Value, Exception> {
        if self.leases.get(&token).is_none_or(|lease| lease.session != session) {
            let message = format!("this session has no lease {token}: it has ended, or belongs to another session");
            return Err(Exception::ValueError(message));
        }
        Ok(self.leases.remove(&token).map(|lease| lease.item).unwrap_or_default())
    }

    /// Ends a lease: its item is done.
    pub(crate) fn acknowledge(&mut self, session: Uuid, token: u64, woken: &mut Woken) -> Result<Value, Exception> {
        let item = self.end_lease(session, token)?;
        if self.unfinished > 0 {
            self.finish(woken);
        }
        // The item is returned so that the caller drops it after unlocking.
        Ok(item)
    }

    /// Ends a lease: others can take its item.
    pub(crate) fn give_back(&mut self, session: Uuid, token: u64, woken: &mut Woken) -> Result<(), Exception> {
        let item = self.end_lease(session, token)?;
        self.put_back(item, woken);
        Ok(())
    }

    pub(crate) fn task_done(&mut self, woken: &mut Woken) -> Result<(), Exception> {
        if self.unfinished == 0 {
            return Err(Exception::value("task_done() called too many times"));
        }
        self.finish(woken);
        Ok(())
    }

    fn finish(&mut self, woken: &mut Woken) {
        self.unfinished -= 1;
        if self.unfinished == 0 {
            self.joiners.grant_all(woken, |()| ());
        }
    }
}

impl KeptState for Items {
    type Done = Delivered;

    fn undo(&mut self, done: Delivered, woken: &mut Woken) {
        match done {
            Delivered::Item(item) => self.put_back(item, woken),
            Delivered::Lease(session, token) => {
                // The item may have gone back already.
                let _ = self.give_back(session, token, woken);
            }
        }
    }

    fn last_token(&self) -> u64 {
        self.leases.keys().next_back().copied().unwrap_or(0)
    }

    fn resume(monitor: &Arc<Monitor<Self>>, sessions: &mut dyn Sessions) {
        haunt::<Getters>(monitor, sessions);
        haunt::<Putters>(monitor, sessions);
        haunt::<Joiners>(monitor, sessions);
        let holders: BTreeSet<Uuid> = monitor.read(|items| {
            items.leases.values().map(|lease| lease.session).chain(items.closed.iter().copied()).collect()
        });
        for session in holders {
            let monitor: Weak<Monitor<Self>> = Arc::downgrade(monitor);
            sessions.watch(session, monitor);
        }
    }
}

impl SessionEnded for Monitor<Items> {
    fn session_ended(&self, session: Uuid) {
        self.with(|items, woken| {
            items.open(session);
            let ended: Vec<u64> =
                items.leases.iter().filter(|(_, lease)| lease.session == session).map(|(token, _)| *token).collect();
            // From last to first, so that the first item ends up in front.
            for token in ended.into_iter().rev() {
                if let Some(lease) = items.leases.remove(&token) {
                    items.store.put_back(lease.item);
                }
            }
            items.settle(woken);
        });
    }
}

/// Puts an item. `Full` if there is no room until `patience` runs out.
pub(crate) async fn put(
    items: &Arc<Monitor<Items>>,
    ctx: &Context,
    patience: Patience,
    item: Value,
) -> Result<(), Exception> {
    check_depth(&item)?;
    let put = enter::<Putters>(ctx, items, patience, |items, woken| Ok(items.attempt_put(item, woken))).await?;
    put.unwrap_or_else(|| Err(Exception::Full(String::new())))
}

/// As [`put`], without waiting.
pub(crate) fn put_nowait(items: &Monitor<Items>, item: Value) -> Result<(), Exception> {
    check_depth(&item)?;
    match items.with(|items, woken| items.attempt_put(item, woken)) {
        Attempt::Granted(put) => put,
        Attempt::Wait(_) => Err(Exception::Full(String::new())),
    }
}

/// Takes an item, which goes back if it does not reach the caller. `Empty` if there is none until `patience` runs out.
pub(crate) async fn get(items: &Arc<Monitor<Items>>, ctx: &Context, patience: Patience) -> Result<Value, Exception> {
    let item = take(items, ctx, patience).await?;
    returning(items, ctx, &item);
    Ok(item)
}

/// As [`get`], without waiting.
pub(crate) fn get_nowait(items: &Arc<Monitor<Items>>, ctx: &Context) -> Result<Value, Exception> {
    match items.with(Items::attempt_get) {
        Attempt::Granted(got) => {
            let item = got?;
            returning(items, ctx, &item);
            Ok(item)
        }
        Attempt::Wait(()) => Err(Exception::Empty(String::new())),
    }
}

/// Takes an item under a lease of the caller's session.
pub(crate) async fn get_leased(
    items: &Arc<Monitor<Items>>,
    ctx: &Context,
    patience: Patience,
) -> Result<Lease, Exception> {
    let item = take(items, ctx, patience).await?;
    let session = ctx.session();
    let token = items.with(|items, _| items.lease(session, item.clone()));
    deliver(ctx, items, Delivered::Lease(session, token))?;
    Ok(Lease { item, token })
}

/// Waits until all items that were put are reported as done.
pub(crate) async fn join(items: &Arc<Monitor<Items>>, ctx: &Context, patience: Patience) -> Result<bool, Exception> {
    let attempt = |items: &mut Items, _: &mut Woken| {
        Ok(if items.unfinished == 0 { Attempt::Granted(()) } else { Attempt::Wait(()) })
    };
    Ok(enter::<Joiners>(ctx, items, patience, attempt).await?.is_some())
}

async fn take(items: &Arc<Monitor<Items>>, ctx: &Context, patience: Patience) -> Result<Value, Exception> {
    let got = enter::<Getters>(ctx, items, patience, |items, woken| Ok(items.attempt_get(woken))).await?;
    got.unwrap_or_else(|| Err(Exception::Empty(String::new())))
}

/// Puts an item back, as the next one to be taken, if it does not reach its caller.
fn returning(items: &Arc<Monitor<Items>>, ctx: &Context, item: &Value) {
    undo_unless_received(ctx, items, Delivered::Item(item.clone()));
}
