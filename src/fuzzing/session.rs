//! The fuzz target `submit`: a service without sockets, and sessions that submit arbitrary operations.

use crate::config::Limits;
use crate::server::exec::engine::Engine;
use crate::server::refs::cycle_gc::collect;
use crate::server::session::{Carrier, ServerSession};
use crate::server::state::Seams;
use crate::store::ChangedBy;
use crate::wire::batch::{Answered, Outcome, Preamble, ReplyHead, Submission};
use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;
use futures::FutureExt;
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tarmem_remote::codec;
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{BackupFrom, FunctionRef, MethodRef, Operation, ReplyError, SourceRef, Target};
use tarmem_remote::payload::Payload;
use tarmem_remote::registry::Registry;
use tarmem_remote::results::ObjectInfo;
use tarmem_remote::value::{ObjectRef, Value};
use tokio::runtime::Runtime;
use uuid::Uuid;

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// The number of sessions.
const SESSIONS: usize = 2;

/// The names of all functions and methods.
struct Names {
    functions: Vec<(String, String)>,
    methods: Vec<String>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let registry = Registry::linked().expect("no names clash");
    let (mut functions, mut methods) = (Vec::new(), HashSet::new());
    for module in ["builtins", "collections", "types", "multiprocessing", "threading", "queue"] {
        let description = registry.describe_module(module).expect("it comes with tarmem");
        for member in description.members {
            methods.extend(member.methods.into_iter().map(|method| method.name));
            functions.push((module.to_owned(), member.name));
        }
    }
    functions.sort();
    let mut methods: Vec<String> = methods.into_iter().collect();
    methods.sort();
    Names { functions, methods }
});

/// One service for all inputs. Each input leaves it empty.
static SERVICE: LazyLock<(Runtime, Arc<Engine>)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limits = Limits {
        frame_bytes: 1 << 18,
        handles: 32,
        keys: 3,
        calls_in_flight: 16,
        batch_operations: 12,
        ..Limits::default()
    };
    let engine =
        Engine::new(Registry::linked().expect("no names clash"), limits, runtime.handle().clone(), Seams::default());
    (runtime, engine)
});

/// One client: what it has sent and received.
struct Client {
    session: Arc<ServerSession>,
    carrier: Carrier,
    next: u64,
    /// The numbers of calls that were started, and whether each has been answered.
    calls: BTreeMap<u64, bool>,
    /// Ranges of numbers of calls that may have been started.
    unknown: Vec<RangeInclusive<u64>>,
    /// The numbers of batches of replies that have arrived.
    heard: HashSet<u64>,
    received_below: u64,
    ended: bool,
}

/// Checks that, whatever is submitted, each call has at most one outcome, none of them is a panic, and nothing is left
/// when all sessions have ended and all keys have been removed.
pub fn submit(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let (runtime, engine) = &*SERVICE;
    runtime.block_on(async {
        let mut clients: Vec<Client> = (0..SESSIONS).map(|_| Client::new(engine)).collect();
        let mut ids = vec![Uuid::nil()];
        // Stops when the input is used up.
        while !input.is_empty() {
            let Ok(which) = input.int_in_range(0..=SESSIONS - 1) else { break };
            if clients[which].act(engine, &mut input, &mut ids).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        finish(engine, clients).await;
    });
}

async fn finish(engine: &Arc<Engine>, clients: Vec<Client>) {
    for client in &clients {
        client.session.end();
    }
    drop(clients);
    engine.state.running.close();
    tokio::time::timeout(Duration::from_secs(20), engine.state.running.wait())
        .await
        .expect("calls that were started end");
    engine.state.running.reopen();
    for key in KEYS {
        engine.state.store.remove(key, ChangedBy::default());
    }
    // The collector drops cycles of objects, and with them the objects that they refer to.
    for _ in 0..1000 {
        collect(&engine.state.suspects);
        if engine.state.store.objects() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(engine.state.store.objects(), 0, "unreachable objects are left");
    assert_eq!(engine.state.held_bytes.load(Ordering::Relaxed), 0, "held bytes are left");
    assert_eq!(engine.state.store.len(), 0);
}

impl Client {
    fn new(engine: &Arc<Engine>) -> Self {
        let session = engine.open_session(None);
        let (carrier, _) = session.attach(Arc::default(), &engine.state.heartbeat, 0).expect("it has not ended");
        let (calls, heard) = (BTreeMap::new(), HashSet::new());
        let unknown = Vec::new();
        Client { session, carrier, next: 1, calls, unknown, heard, received_below: 0, ended: false }
    }

    async fn act(&mut self, engine: &Arc<Engine>, input: &mut Unstructured<'_>, ids: &mut Vec<Uuid>) -> Result<()> {
        match input.int_in_range(0..=15)? {
            0 => {
                let batch = Bytes::copy_from_slice(<&[u8]>::arbitrary(input)?);
                // The batch is arbitrary bytes, so it is not known which calls it contains.
                let first = self.session.last();
                let answer = engine.submit(&self.session, self.carrier, &batch).await;
                self.next = self.next.max(self.session.last() + 1);
                self.unknown.push(first + 1..=self.session.last());
                if let Ok(answer) = answer {
                    self.hear(&answer, ids);
                }
            }
            1 => {
                let (session, carrier, below) = (Arc::clone(&self.session), self.carrier, self.received_below);
                if let Some(Ok(answer)) = session.collect(carrier, below).now_or_never() {
                    self.hear(&answer, ids);
                }
            }
            2 => {
                // A client may lie about what it has received. It then loses its own replies.
                let below = if input.ratio(1, 8)? { u64::arbitrary(input)? } else { self.received_below };
                match self.session.attach(Arc::default(), &engine.state.heartbeat, below) {
                    Some((carrier, begun)) => {
                        assert!(begun < self.next, "{begun} was begun, and {} not sent", self.next);
                        self.carrier = carrier;
                    }
                    None => assert!(self.ended),
                }
            }
            3 => {
                self.session.detach(self.carrier);
            }
            4 if input.ratio(1, 4)? => {
                self.session.end();
                self.ended = true;
            }
            5 if input.ratio(1, 2)? => {
                self.session.end();
                *self = Client::new(engine);
            }
            _ => self.submit(engine, input, ids).await?,
        }
        Ok(())
    }

    async fn submit(&mut self, engine: &Arc<Engine>, input: &mut Unstructured<'_>, ids: &mut Vec<Uuid>) -> Result<()> {
        let mut batch = Vec::new();
        Preamble { received_below: self.received_below }.put(&mut batch);
        let mut sent = Vec::new();
        for _ in 0..input.int_in_range(1..=6)? {
            let operation = self.operation(input, ids)?;
            let sequence = match self.calls.keys().next_back() {
                // The number of an earlier call, as if it were sent again.
                Some(last) if input.ratio(1, 16)? => *last,
                _ => self.next,
            };
            self.next = self.next.max(sequence + 1);
            let timeout_ms = match input.int_in_range(0..=7)? {
                0 => None,
                1 => Some(0),
                2 => Some(u64::MAX),
                _ => Some(60_000),
            };
            Submission { sequence, task: u64::from(u8::arbitrary(input)? & 1), timeout_ms, operation: &operation }
                .put(&mut batch);
            sent.push(sequence);
        }
        let answer = engine.submit(&self.session, self.carrier, &batch.into()).await;
        for sequence in sent {
            if sequence <= self.session.last() {
                self.calls.entry(sequence).or_insert(false);
            }
        }
        match answer {
            Ok(answer) => self.hear(&answer, ids),
            Err(_) => assert!(
                self.session
                    .attach(Arc::default(), &self.session.state().heartbeat, 0)
                    .map(|(c, _)| self.carrier = c)
                    .is_some()
                    || self.ended
            ),
        }
        Ok(())
    }

    /// Checks and records a batch of replies.
    fn hear(&mut self, batch: &[u8], ids: &mut Vec<Uuid>) {
        let (head, mut rest) = ReplyHead::take(batch).expect("the service writes it");
        if head.number != 0 && !self.heard.insert(head.number) {
            return;
        }
        while self.heard.contains(&(self.received_below.max(1))) {
            self.received_below = self.received_below.max(1) + 1;
        }
        while !rest.is_empty() {
            let (Answered { sequence, outcome }, more) = Answered::take(rest).expect("the service writes it");
            rest = more;
            if matches!(outcome, Outcome::Pending) {
                continue;
            }
            if self.unknown.iter().any(|range| range.contains(&sequence)) {
                self.calls.entry(sequence).or_insert(false);
            }
            let answered = self.calls.get_mut(&sequence).expect("only what was begun is answered");
            assert!(!*answered, "call {sequence} has two outcomes");
            *answered = true;
            match outcome {
                Outcome::Failed(error) => {
                    assert!(!matches!(*error, ReplyError::Complete(Error::Panicked { .. })), "{error:?}");
                }
                Outcome::Done(body) | Outcome::Provisional(body) => {
                    if let Ok(info) = codec::decode::<ObjectInfo>(body)
                        && ids.len() < 64
                    {
                        ids.push(info.id);
                    }
                }
                _ => {}
            }
        }
    }

    fn operation(&self, input: &mut Unstructured<'_>, ids: &[Uuid]) -> Result<Payload> {
        let key = *input.choose(&KEYS)?;
        let expect = if input.ratio(1, 16)? { "builtins.list" } else { "" };
        let (id, sequence) = (*input.choose(ids)?, u64::from(u8::arbitrary(input)?));
        let target = if input.ratio(2, 3)? { Target::Key(key) } else { Target::Id(id) };
        let names = &*NAMES;
        let (module, name) = input.choose(&names.functions)?;
        let function = FunctionRef::Name { module, name };
        let encoding = if input.ratio(1, 16)? { Encoding::Typed } else { Encoding::Dynamic };
        let args = arguments(input, ids)?;
        let class = format!("{module}.{name}");
        let source = match input.int_in_range(0..=7)? {
            0 => SourceRef::Existing(target),
            1 => SourceRef::Value { signature: sequence, object: &args },
            2 if sequence & 1 == 1 => SourceRef::ValueByNames { class: &class, value: &args },
            _ => SourceRef::Generator { function, encoding, args: &args },
        };
        let operation = match input.int_in_range(0..=23)? {
            0 | 1 => Operation::Memoize { key, source, expect },
            2 => Operation::Update { key, source, generation: None, expect },
            3 => Operation::Update { key, source, generation: Some(sequence & 3), expect },
            4 => Operation::Get { key, expect },
            5 => Operation::Delete { key },
            6 => Operation::Keys { prefix: "", after: key, limit: 2 },
            7 => Operation::Describe { target },
            8 => Operation::Import { module, package: None },
            9 | 10 => Operation::Create { source, expect },
            11 => Operation::Hold { target, expect },
            12 => Operation::Release { id, count: u32::from(sequence as u8 & 3) },
            13 if sequence & 1 == 1 => Operation::SnapshotWithInfo { target },
            13 => Operation::Snapshot { target },
            14 => Operation::Cancel { sequence: self.next.saturating_sub(sequence & 7) },
            15 => Operation::Acknowledge { sequence: self.next.saturating_sub(sequence & 7) },
            16 => Operation::Run { function, encoding, args: &args },
            17 if sequence == 0 => Operation::Goodbye,
            17 => Operation::ClearPoison { target },
            18 if sequence & 3 == 2 => Operation::Backup {
                from: (sequence & 4 == 4).then_some(BackupFrom {
                    table: id.as_bytes()[0],
                    key: key.as_bytes(),
                    offset: sequence,
                }),
            },
            18 if sequence & 1 == 1 => Operation::IsMemoized { key },
            18 => Operation::IsPoisoned { target },
            _ => {
                let method = MethodRef::Name(input.choose(&names.methods)?);
                Operation::Call { target, method, encoding, args: &args }
            }
        };
        Ok(operation.encode().expect("it is not deep"))
    }
}

fn arguments(input: &mut Unstructured<'_>, ids: &[Uuid]) -> Result<Vec<u8>> {
    if input.ratio(1, 16)? {
        return Ok(<&[u8]>::arbitrary(input)?.to_vec());
    }
    let args: Vec<Value> = (0..input.int_in_range(0..=3)?).map(|_| value(input, ids, 0)).collect::<Result<_>>()?;
    Ok(codec::encode(&args).expect("they are not deep"))
}

fn value(input: &mut Unstructured<'_>, ids: &[Uuid], depth: usize) -> Result<Value> {
    Ok(match input.int_in_range(0..=if depth < 4 { 13 } else { 8 })? {
        0 => Value::Null,
        1 => Value::Bool(bool::arbitrary(input)?),
        2 => Value::from(i128::arbitrary(input)?),
        3 | 4 => Value::from(i8::arbitrary(input)?),
        5 => Value::Float(f64::arbitrary(input)?),
        6 => Value::Text(<&str>::arbitrary(input)?.chars().take(64).collect()),
        7 => Value::Bytes(<&[u8]>::arbitrary(input)?.iter().take(64).copied().collect()),
        8 => Value::Ref(ObjectRef::new(*input.choose(ids)?, "")),
        9 | 10 => {
            Value::List((0..input.int_in_range(0..=4)?).map(|_| value(input, ids, depth + 1)).collect::<Result<_>>()?)
        }
        11 => {
            Value::Tuple((0..input.int_in_range(0..=4)?).map(|_| value(input, ids, depth + 1)).collect::<Result<_>>()?)
        }
        // Sometimes this has an element twice, or one that a set cannot contain.
        12 => Value::Set((0..input.int_in_range(0..=4)?).map(|_| value(input, ids, depth + 1)).collect::<Result<_>>()?),
        _ => Value::Map(
            (0..input.int_in_range(0..=3)?)
                .map(|_| Ok((value(input, ids, depth + 1)?, value(input, ids, depth + 1)?)))
                .collect::<Result<_>>()?,
        ),
    })
}
