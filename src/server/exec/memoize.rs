//! From a source to an object: `memoize` and `update` map it to a key, `create` does not.

use super::checks::{check_fits, checked, quoted};
use super::engine::Engine;
use super::evaluation::Evaluated;
use super::request::Request;
use super::step::{Later, Step, Written, put};
use crate::store::{Cell, ChangedBy, Flight, FlightError, Joined, Mapping, WaitError};
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Reply, ReplyError, SourceRef};
use tarmem_remote::results::ObjectInfo;

impl Engine {
    /// The object under a key. If there is none, the source runs once for all who ask.
    ///
    /// A miss joins the key's flight. The first caller [flies](Self::fly); all of them wait until it has landed.
    pub(super) fn memoize(
        self: &Arc<Self>,
        request: &Request<'_>,
        key: &str,
        source: SourceRef<'_>,
        expect: &str,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        self.check_key(key)?;
        let expect = self.expected(source, expect)?;
        if let Some(mapping) = self.state.store.get(key) {
            return put(out, &checked(|| quoted(key), &mapping, expect)?);
        }
        let (flight, made) = match self.state.flights.join(key, || self.state.store.get(key)) {
            Joined::Mapped(mapping) => return put(out, &checked(|| quoted(key), &mapping, expect)?),
            Joined::Waiting(flight) => (flight, false),
            Joined::First(flight) => {
                self.fly(request, &flight, key, source);
                (flight, !matches!(source, SourceRef::Existing(_)))
            }
        };
        let engine = Arc::clone(self);
        let within = request.within.cloned();
        let (key, expect, encoding) = (key.to_owned(), expect.to_owned(), encoding_of(source));
        Ok(Step::Later(Later::new(async move {
            match engine.state.flights.wait(&flight, within.as_ref()).await {
                Ok(mapping) => {
                    checked(|| quoted(&key), &mapping, &expect).map(|info| Reply::done(&info.made(made))).into()
                }
                Err(WaitError::Flight(error)) => raised(error, encoding).into(),
                Err(WaitError::Late { limit }) => Reply::failed(ReplyError::GeneratorLate { limit }),
            }
        })))
    }

    /// What the first caller of a flight does: makes the object of `source`, maps `key` to it, and lands the flight,
    /// which wakes those who wait. What takes time goes on even if the caller leaves.
    fn fly(self: &Arc<Self>, request: &Request<'_>, flight: &Arc<Flight>, key: &str, source: SourceRef<'_>) {
        // From here on the flight lands, whatever happens.
        let landing = Landing { engine: Arc::clone(self), flight: Arc::clone(flight), by: request.by() };
        match self.evaluate(request, Some(flight), key, source) {
            Evaluated::Ready(made) => landing.land(key, made),
            Evaluated::Later(mut run) => {
                let (key, time) = (key.to_owned(), self.state.limits.generator_time);
                self.state.runtime.spawn(self.state.running.track_future(async move {
                    let made = match tokio::time::timeout(time, &mut run).await {
                        Ok(made) => made,
                        Err(_) => {
                            landing.give_up(time);
                            // A generator that is not async cannot be stopped. Until it ends, no other may start.
                            run.stop().await
                        }
                    };
                    landing.land(&key, made);
                }));
            }
        }
    }

    pub(super) fn update(
        self: &Arc<Self>,
        request: &Request<'_>,
        key: &str,
        source: SourceRef<'_>,
        generation: Option<u64>,
        expect: &str,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        self.check_key(key)?;
        if let Some(expected) = generation {
            // It is already too late, so the source need not run.
            let found = self.state.store.get(key).map_or(0, |mapping| mapping.generation);
            if expected != found {
                return Err(Error::WrongGeneration { key: key.to_owned(), expected, found });
            }
        }
        let (engine, name, expect) = (Arc::clone(self), key, expect.to_owned());
        let (key, by) = (key.to_owned(), request.by());
        self.with_object(request, name, source, out, move |cell| {
            check_fits(|| quoted(&key), &cell, &expect)?;
            let info = engine.state.store.swap(&key, &cell, generation, by)?.info();
            engine.state.suspects.loosen();
            Ok(info)
        })
    }

    pub(super) fn create(
        self: &Arc<Self>,
        request: &Request<'_>,
        source: SourceRef<'_>,
        expect: &str,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        let (session, sequence) = (Arc::clone(request.session), request.sequence());
        let expect = expect.to_owned();
        self.with_object(request, "", source, out, move |cell| {
            check_fits(|| "the new object".to_owned(), &cell, &expect)?;
            session.hold_for(sequence, &cell)?;
            Ok(Mapping { cell, generation: 0 }.info())
        })
    }

    /// Makes the object of `source`, under no lock, for the key `name` unless that is empty, and passes it to `then`.
    fn with_object(
        self: &Arc<Self>,
        request: &Request<'_>,
        name: &str,
        source: SourceRef<'_>,
        out: &mut Vec<u8>,
        then: impl FnOnce(Cell) -> Result<ObjectInfo, Error> + Send + 'static,
    ) -> Result<Step, Error> {
        let encoding = encoding_of(source);
        let made = !matches!(source, SourceRef::Existing(_));
        let then = move |cell| Ok(then(cell)?.made(made));
        match self.evaluate(request, None, name, source) {
            Evaluated::Later(run) => {
                let time = self.state.limits.generator_time;
                Ok(Step::Later(Later::new(async move {
                    match tokio::time::timeout(time, run).await {
                        Ok(Ok(cell)) => then(cell).map(|info| Reply::done(&info)).into(),
                        Ok(Err(error)) => raised(error, encoding).into(),
                        Err(_) => Reply::failed(ReplyError::GeneratorLate { limit: time }),
                    }
                })))
            }
            Evaluated::Ready(Ok(cell)) => put(out, &then(cell)?),
            Evaluated::Ready(Err(error)) => {
                let (message, body) = error.raised(encoding)?;
                out.extend_from_slice(&body);
                Ok(Written::Raised(message).into())
            }
        }
    }
}

/// A flight that this side has to land. If it is dropped first, it lands as cancelled, so that nobody waits for ever.
struct Landing {
    engine: Arc<Engine>,
    flight: Arc<Flight>,
    /// The call that asked first.
    by: ChangedBy,
}

impl Landing {
    /// Maps the key to the object that was made, and lands the flight, which wakes those who wait.
    fn land(self, key: &str, made: Result<Cell, FlightError>) {
        // The key's mapping and its object are in one batch.
        let _entered = self.engine.state.enter();
        // If an update came first, the key has that object, and this one is dropped.
        let mapped = made.and_then(|cell| Ok(self.engine.state.store.insert_if_absent(key, &cell, self.by)?));
        self.engine.state.flights.land(&self.flight, mapped);
    }

    /// Tells those who wait that they wait in vain; the flight goes on until it lands.
    fn give_up(&self, limit: Duration) {
        self.engine.state.flights.give_up(&self.flight, limit);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.engine.state.flights.land(&self.flight, Err(Error::Cancelled.into()));
    }
}

/// A reply with the error that a generator returned.
fn raised(error: FlightError, encoding: Encoding) -> Result<Reply, Error> {
    let (message, body) = error.raised(encoding)?;
    Ok(Reply::raised(message, body.into()))
}

/// The encoding in which the maker of a source expects the source's own error.
fn encoding_of(source: SourceRef<'_>) -> Encoding {
    match source {
        SourceRef::Generator { encoding, .. } => encoding,
        SourceRef::Value { .. } | SourceRef::ValueByNames { .. } | SourceRef::Existing(_) => Encoding::Typed,
    }
}
