//! Single flight per key: a generator runs once however many callers race, and generators that wait for one another in
//! a cycle get an error instead of a deadlock.

use super::Mapping;
use bytes::Bytes;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tokio::sync::Notify;

/// How many keys of a cycle an error shows at most.
const LONGEST: usize = 32;

/// The generators that are running for `memoize`.
#[derive(Default)]
pub(crate) struct Flights {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_key: HashMap<Box<str>, Arc<Flight>, super::Seeded>,
    /// What the generator of each flight waits for: several flights, if it asks for several keys at one time.
    waits: HashMap<u64, Vec<Arc<Flight>>>,
    next: u64,
}

/// One generator that is running for a key.
pub(crate) struct Flight {
    id: u64,
    key: Box<str>,
    landed: OnceLock<Result<Mapping, WaitError>>,
    notify: Notify,
}

/// Why a generator made no object. Every caller that waited for it gets this.
#[derive(Clone, Debug)]
pub(crate) enum FlightError {
    /// The generator failed otherwise than by returning an error: it panicked, say, or its deadline passed.
    Failed(Error),
    /// The generator returned its own error, here in both encodings, since some callers may use one and some the other.
    Raised { message: String, typed: Bytes, dynamic: Bytes },
}

impl FlightError {
    /// The generator's own error: its message, and itself for a caller who uses this encoding.
    ///
    /// # Errors
    /// If the generator came to no result.
    pub(crate) fn raised(self, encoding: Encoding) -> Result<(String, Bytes), Error> {
        match self {
            FlightError::Failed(error) => Err(error),
            FlightError::Raised { message, typed, .. } if encoding == Encoding::Typed => Ok((message, typed)),
            FlightError::Raised { message, dynamic, .. } => Ok((message, dynamic)),
        }
    }
}

/// Why one who waited for a flight has no object.
#[derive(Clone, Debug)]
pub(crate) enum WaitError {
    /// The generator made none.
    Flight(FlightError),
    /// It is not done within this limit, and goes on.
    Late { limit: Duration },
}

impl From<Error> for WaitError {
    fn from(error: Error) -> Self {
        WaitError::Flight(FlightError::Failed(error))
    }
}

impl From<Error> for FlightError {
    fn from(error: Error) -> Self {
        FlightError::Failed(error)
    }
}

/// How a caller takes part in a flight.
pub(crate) enum Joined {
    /// Not at all: the key is already mapped.
    Mapped(Mapping),
    /// Nobody else is making this key: the caller must run the generator, and then [`land`](Flights::land) the flight.
    First(Arc<Flight>),
    /// Somebody else is making this key: the caller waits for the flight.
    Waiting(Arc<Flight>),
}

impl Flights {
    /// Takes part in the flight for `key`.
    ///
    /// `hit` looks the key up again, under the lock: a flight may have landed since the caller looked.
    pub(crate) fn join(&self, key: &str, hit: impl FnOnce() -> Option<Mapping>) -> Joined {
        let mut table = self.table.lock();
        if let Some(flight) = table.by_key.get(key) {
            return Joined::Waiting(Arc::clone(flight));
        }
        if let Some(mapping) = hit() {
            return Joined::Mapped(mapping);
        }
        table.next += 1;
        let flight =
            Arc::new(Flight { id: table.next, key: key.into(), landed: OnceLock::new(), notify: Notify::new() });
        table.by_key.insert(key.into(), Arc::clone(&flight));
        Joined::First(flight)
    }

    /// Ends a flight. All who wait get `result`, and the next caller of the key starts a new one.
    pub(crate) fn land(&self, flight: &Flight, result: Result<Mapping, FlightError>) {
        // The result first, then the table: a caller that finds no flight for the key must find its object in the
        // store, where the caller of `land` has put it.
        let _ = flight.landed.set(result.map_err(WaitError::Flight));
        let mut table = self.table.lock();
        if table.by_key.get(&flight.key).is_some_and(|current| current.id == flight.id) {
            table.by_key.remove(&flight.key);
        }
        drop(table);
        flight.notify.notify_waiters();
    }

    /// Tells those who wait that they wait in vain, without freeing the key: the generator has not ended yet.
    pub(crate) fn give_up(&self, flight: &Flight, limit: Duration) {
        let _ = flight.landed.set(Err(WaitError::Late { limit }));
        flight.notify.notify_waiters();
    }

    /// Waits for `flight` to land. `within` is the flight whose generator is waiting, if one is.
    ///
    /// # Errors
    /// [`Error::Cycle`] if `flight` waits for `within`, directly or through others.
    pub(crate) async fn wait(&self, flight: &Arc<Flight>, within: Option<&Arc<Flight>>) -> Result<Mapping, WaitError> {
        let _edge = match within {
            Some(within) => Some(self.edge(within, flight)?),
            None => None,
        };
        loop {
            let notified = flight.notify.notified();
            tokio::pin!(notified);
            // Registered before the result is read, so that a landing in between is not missed.
            notified.as_mut().enable();
            if let Some(result) = flight.landed.get() {
                return result.clone();
            }
            notified.await;
        }
    }

    /// Notes that `from` waits for `to`, unless that closes a cycle.
    fn edge(&self, from: &Arc<Flight>, to: &Arc<Flight>) -> Result<Edge<'_>, Error> {
        let mut table = self.table.lock();
        if let Some(chain) = table.way(to, from.id) {
            return Err(Error::Cycle { chain: shown(chain) });
        }
        table.waits.entry(from.id).or_default().push(Arc::clone(to));
        Ok(Edge { flights: self, from: from.id, to: to.id })
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let table = self.table.lock();
        table.by_key.is_empty() && table.waits.is_empty()
    }
}

impl Table {
    /// The path from `first` to the flight `goal` along flights that wait for one another, and back to `first`. `None`
    /// if `first` is not that flight and does not wait for it.
    ///
    /// Each flight is visited once, however many wait for it (a build asks for one thing in many ways), and without
    /// recursion, however deep generators are nested.
    fn way<'a>(&'a self, first: &'a Arc<Flight>, goal: u64) -> Option<Vec<&'a Flight>> {
        // Each flight, with the one that waits for it.
        let mut seen: HashMap<u64, (&'a Flight, Option<u64>)> = HashMap::from([(first.id, (&**first, None))]);
        let mut to_do = vec![&**first];
        while let Some(flight) = to_do.pop() {
            if flight.id == goal {
                let mut way = vec![&**first];
                let mut at = Some(goal);
                while let Some((flight, by)) = at.and_then(|at| seen.get(&at)) {
                    way.push(flight);
                    at = *by;
                }
                way.reverse();
                return Some(way);
            }
            for next in self.waits.get(&flight.id).into_iter().flatten() {
                if let Entry::Vacant(entry) = seen.entry(next.id) {
                    entry.insert((next, Some(flight.id)));
                    to_do.push(next);
                }
            }
        }
        None
    }
}

/// The keys on a path. Of a long one, only the first and the last.
fn shown(way: Vec<&Flight>) -> Vec<String> {
    let left_out = way.len().saturating_sub(LONGEST);
    let mut keys: Vec<String> = Vec::with_capacity(way.len().min(LONGEST) + 1);
    for (index, flight) in way.iter().enumerate() {
        if index == LONGEST / 2 && left_out > 0 {
            keys.push(format!("({left_out} more)"));
        }
        if index < LONGEST / 2 || index >= LONGEST / 2 + left_out {
            keys.push(flight.key.to_string());
        }
    }
    keys
}

/// Records that one flight waits for another, for as long as this lives.
struct Edge<'a> {
    flights: &'a Flights,
    from: u64,
    to: u64,
}

impl Drop for Edge<'_> {
    fn drop(&mut self) {
        let mut table = self.flights.table.lock();
        let Entry::Occupied(mut waits) = table.waits.entry(self.from) else { return };
        if let Some(index) = waits.get().iter().position(|to| to.id == self.to) {
            waits.get_mut().swap_remove(index);
        }
        if waits.get().is_empty() {
            waits.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn first(flights: &Flights, key: &str) -> Arc<Flight> {
        match flights.join(key, || None) {
            Joined::First(flight) => flight,
            _ => panic!("{key} is in flight already"),
        }
    }

    fn failure() -> Result<Mapping, FlightError> {
        Err(FlightError::Failed(Error::Cancelled))
    }

    #[tokio::test]
    async fn a_cycle_is_reported_and_leaves_nothing_behind() {
        let flights = Flights::default();
        let [a, b, c] = ["a", "b", "c"].map(|key| first(&flights, key));
        {
            let _ab = flights.edge(&a, &b).expect("no cycle");
            let _bc = flights.edge(&b, &c).expect("no cycle");
            for (from, to, chain) in [(&c, &a, "a b c a"), (&a, &a, "a a"), (&b, &a, "a b a")] {
                let Err(Error::Cycle { chain: found }) = flights.edge(from, to).map(drop) else { panic!("no cycle") };
                assert_eq!(found.join(" "), chain);
            }
        }
        flights.edge(&c, &a).map(drop).expect("the edges are gone");
        for flight in [a, b, c] {
            flights.land(&flight, failure());
        }
        assert!(flights.is_empty());
    }

    /// A build of which every step needs all steps of the layer below: 3^40 paths through it, and 120 flights.
    #[tokio::test]
    async fn each_flight_is_visited_once_however_many_wait_for_it() {
        let flights = Flights::default();
        let layers: Vec<[Arc<Flight>; 3]> =
            (0..40).map(|layer| [0, 1, 2].map(|step| first(&flights, &format!("{layer}:{step}")))).collect();
        let mut edges = Vec::new();
        for pair in layers.windows(2) {
            for (upper, lower) in pair[0].iter().flat_map(|upper| pair[1].iter().map(move |lower| (upper, lower))) {
                edges.push(flights.edge(upper, lower).expect("no cycle"));
            }
        }
        let late = first(&flights, "late");
        edges.push(flights.edge(&late, &layers[0][0]).expect("no cycle"));
        let Err(Error::Cycle { chain }) = flights.edge(&layers[39][0], &late).map(drop) else { panic!("no cycle") };
        assert!(chain.first() == chain.last() && chain.len() == LONGEST + 1, "{chain:?}");
        assert!(chain.iter().any(|key| key == "(10 more)"), "{chain:?}");
        drop(edges);
        assert!(flights.table.lock().waits.is_empty());
    }

    /// As deep as a client can make a recursive generator: the cycle is found without recursion.
    #[tokio::test]
    async fn a_cycle_of_any_length_is_found() {
        const LENGTH: usize = 200_000;
        let flights = Flights::default();
        let all: Vec<_> = (0..LENGTH).map(|n| first(&flights, &n.to_string())).collect();
        let edges: Vec<_> = all.windows(2).map(|pair| flights.edge(&pair[0], &pair[1]).expect("no cycle")).collect();
        let Err(Error::Cycle { chain }) = flights.edge(&all[LENGTH - 1], &all[0]).map(drop) else { panic!("none") };
        assert_eq!((chain[0].as_str(), chain[LONGEST].as_str()), ("0", "0"));
        drop(edges);
    }

    #[tokio::test]
    async fn landing_wakes_all_waiters_and_frees_the_key() {
        let flights = Arc::new(Flights::default());
        let flight = first(&flights, "k");
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let flights = Arc::clone(&flights);
                tokio::spawn(async move {
                    let Joined::Waiting(flight) = flights.join("k", || None) else { panic!("flew twice") };
                    flights.wait(&flight, None).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        flights.land(&flight, failure());
        for waiter in waiters {
            let result = tokio::time::timeout(Duration::from_secs(5), waiter).await.expect("woken").expect("joined");
            assert!(matches!(result, Err(WaitError::Flight(FlightError::Failed(Error::Cancelled)))));
        }
        first(&flights, "k");
    }
}
