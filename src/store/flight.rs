//! Single flight per key: a generator runs once however many callers race, and a circle of generators that need one
//! another is an error, not a deadlock.

use super::Mapping;
use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::OnceLock;
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tokio::sync::Notify;

/// The generators that are running for `memoize`.
#[derive(Default)]
pub(crate) struct Flights {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_key: HashMap<Box<str>, Arc<Flight>>,
    /// Which flights wait for which: an edge for each generator that is itself waiting for a `memoize`.
    waits: Vec<(u64, Arc<Flight>)>,
    next: u64,
}

/// One generator that is running for a key.
pub(crate) struct Flight {
    id: u64,
    key: Box<str>,
    landed: OnceLock<Result<Mapping, FlightError>>,
    notify: Notify,
}

/// Why a generator made no object; every caller that waited for it gets this.
#[derive(Clone, Debug)]
pub(crate) enum FlightError {
    /// It came to no result.
    Failed(Error),
    /// It returned an error of its own, in both encodings: its callers may not all be of one kind.
    Raised { message: String, typed: Bytes, dynamic: Bytes },
}

impl FlightError {
    pub(crate) fn into_reply(self, encoding: Encoding) -> Reply {
        match self {
            FlightError::Failed(error) => Reply::Failed(error),
            FlightError::Raised { message, typed, dynamic } => Reply::Raised {
                message,
                body: match encoding {
                    Encoding::Typed => typed.into(),
                    Encoding::Dynamic => dynamic.into(),
                },
            },
        }
    }
}

impl From<Error> for FlightError {
    fn from(error: Error) -> Self {
        FlightError::Failed(error)
    }
}

/// How a caller takes part in a flight.
pub(crate) enum Joined {
    /// Nobody else was making this key: the caller must run the generator, and [`land`](Flights::land).
    First(Arc<Flight>),
    /// Somebody was: wait for it.
    Waiting(Arc<Flight>),
}

impl Flights {
    /// Takes part in the flight for `key`, as the generator of flight `within` if the caller is one.
    ///
    /// `hit` is asked again under the lock: a flight may have landed since the caller looked.
    pub(crate) fn join(&self, key: &str, hit: impl FnOnce() -> Option<Mapping>) -> Result<Joined, Mapping> {
        let mut table = self.table.lock();
        if let Some(flight) = table.by_key.get(key) {
            return Ok(Joined::Waiting(Arc::clone(flight)));
        }
        if let Some(mapping) = hit() {
            return Err(mapping);
        }
        table.next += 1;
        let flight =
            Arc::new(Flight { id: table.next, key: key.into(), landed: OnceLock::new(), notify: Notify::new() });
        table.by_key.insert(key.into(), Arc::clone(&flight));
        Ok(Joined::First(flight))
    }

    /// Ends a flight: whoever waits gets `result`, and the next caller of the key starts anew.
    pub(crate) fn land(&self, flight: &Flight, result: Result<Mapping, FlightError>) {
        // First the result, then the table: who finds the key free must find the object in the store, which the caller
        // of this put there.
        let _ = flight.landed.set(result);
        let mut table = self.table.lock();
        if table.by_key.get(&flight.key).is_some_and(|current| current.id == flight.id) {
            table.by_key.remove(&flight.key);
        }
        drop(table);
        flight.notify.notify_waiters();
    }

    /// Tells those who wait that they wait in vain, without freeing the key: the generator has not ended.
    pub(crate) fn tell(&self, flight: &Flight, error: FlightError) {
        let _ = flight.landed.set(Err(error));
        flight.notify.notify_waiters();
    }

    /// Waits for `flight` to land. `within` is the flight whose generator is waiting, if one is.
    ///
    /// # Errors
    /// [`Error::Cycle`] if `flight` waits for `within`, directly or through others.
    pub(crate) async fn wait(
        &self,
        flight: &Arc<Flight>,
        within: Option<&Arc<Flight>>,
    ) -> Result<Mapping, FlightError> {
        let _edge = match within {
            Some(within) => Some(self.edge(within, flight)?),
            None => None,
        };
        loop {
            let notified = flight.notify.notified();
            tokio::pin!(notified);
            // Registered before the result is looked at: it cannot land unnoticed in between.
            notified.as_mut().enable();
            if let Some(result) = flight.landed.get() {
                return result.clone();
            }
            notified.await;
        }
    }

    /// Notes that `from` waits for `to`, unless that closes a circle.
    fn edge(&self, from: &Arc<Flight>, to: &Arc<Flight>) -> Result<Edge<'_>, Error> {
        let mut table = self.table.lock();
        let mut chain = Vec::new();
        if table.leads(to, from.id, &mut chain) {
            chain.push(to.key.to_string());
            return Err(Error::Cycle { chain });
        }
        table.waits.push((from.id, Arc::clone(to)));
        Ok(Edge { flights: self, from: from.id, to: to.id })
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let table = self.table.lock();
        table.by_key.is_empty() && table.waits.is_empty()
    }
}

impl Table {
    /// Whether `flight` is, or waits for, the flight `goal`; if so, the keys on the way are in `chain`.
    ///
    /// There is no circle among the edges yet, so this ends; it is as deep as generators are nested, which the chain
    /// shows, and a generator's stack is its own.
    fn leads(&self, flight: &Flight, goal: u64, chain: &mut Vec<String>) -> bool {
        chain.push(flight.key.to_string());
        let found = flight.id == goal
            || self.waits.iter().filter(|(from, _)| *from == flight.id).any(|(_, to)| self.leads(to, goal, chain));
        if !found {
            chain.pop();
        }
        found
    }
}

/// One flight waits for another, for as long as this lives.
struct Edge<'a> {
    flights: &'a Flights,
    from: u64,
    to: u64,
}

impl Drop for Edge<'_> {
    fn drop(&mut self) {
        let mut table = self.flights.table.lock();
        if let Some(index) = table.waits.iter().position(|(from, to)| *from == self.from && to.id == self.to) {
            table.waits.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn first(flights: &Flights, key: &str) -> Arc<Flight> {
        match flights.join(key, || None) {
            Ok(Joined::First(flight)) => flight,
            _ => panic!("{key} is in flight already"),
        }
    }

    fn failure() -> Result<Mapping, FlightError> {
        Err(FlightError::Failed(Error::Cancelled))
    }

    #[tokio::test]
    async fn a_circle_is_named_and_leaves_nothing_behind() {
        let flights = Flights::default();
        let [a, b, c] = ["a", "b", "c"].map(|key| first(&flights, key));
        {
            let _ab = flights.edge(&a, &b).expect("no circle");
            let _bc = flights.edge(&b, &c).expect("no circle");
            for (from, to, chain) in [(&c, &a, "a b c a"), (&a, &a, "a a"), (&b, &a, "a b a")] {
                let Err(Error::Cycle { chain: found }) = flights.edge(from, to).map(drop) else { panic!("no circle") };
                assert_eq!(found.join(" "), chain);
            }
        }
        flights.edge(&c, &a).map(drop).expect("the edges are gone");
        for flight in [a, b, c] {
            flights.land(&flight, failure());
        }
        assert!(flights.is_empty());
    }

    #[tokio::test]
    async fn a_landing_wakes_all_and_frees_the_key() {
        let flights = Arc::new(Flights::default());
        let flight = first(&flights, "k");
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move {
                    let Ok(Joined::Waiting(flight)) = flights.join("k", || None) else { panic!("flew twice") };
                    flights.wait(&flight, None).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        flights.land(&flight, failure());
        for waiter in waiters {
            let result = tokio::time::timeout(Duration::from_secs(5), waiter).await.expect("woken").expect("joined");
            assert!(matches!(result, Err(FlightError::Failed(Error::Cancelled))));
        }
        first(&flights, "k");
    }
}
