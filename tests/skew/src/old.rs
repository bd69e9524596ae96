//! The old build: `new.rs` before its changes.

#![allow(missing_docs, unreachable_pub, reason = "models of a test")]

mod common;

use common::{run, tell};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tarmem::{Error, Proxy, Session, remote};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    name: String,
    low: u32,
    high: u32,
}

impl Job {
    fn some() -> Self {
        Job { name: "job".into(), low: 1, high: 2 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Grown {
    a: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct GrownHard {
    a: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Renamed {
    size: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct SameOnTheWire {
    colour: String,
    weight: u8,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Level {
    Low,
    High(u8),
    Named { name: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Either {
    Number(i64),
    Text(String),
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("too small by {0}")]
    TooSmall(u8),
    #[error("too large by {by}")]
    TooLarge { by: u8 },
}

#[remote(module = "skew")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thing {
    log: Vec<String>,
    cents: i64,
}

#[remote]
impl Thing {
    pub fn open(cents: i64, label: String) -> Self {
        Thing { log: vec![label], cents }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.clone()
    }

    pub fn cents(&self) -> i64 {
        self.cents
    }

    pub fn tune(&mut self, ttl: u64, weight: u64) -> String {
        self.log.push(format!("ttl={ttl} weight={weight}"));
        format!("ttl={ttl} weight={weight}")
    }

    pub fn submit(&self, job: Job) -> String {
        format!("{} {}..{}", job.name, job.low, job.high)
    }

    pub fn submit_all(&self, jobs: Vec<Option<Job>>) -> Vec<Job> {
        jobs.into_iter().flatten().collect()
    }

    pub fn count(&self, value: i64) -> i64 {
        value
    }

    pub fn added_option(&self, a: u8) -> String {
        format!("{a} None")
    }

    pub fn added(&self, a: u8) -> u8 {
        a
    }

    pub fn renamed_param(&self, size: u8) -> u8 {
        size
    }

    pub fn narrower(&self, value: i64) -> i64 {
        value
    }

    pub fn to_float(&self, value: i64) -> f64 {
        value as f64
    }

    pub fn grown(&self, value: Grown) -> u8 {
        value.a
    }

    pub fn grown_hard(&self, value: GrownHard) -> u8 {
        value.a
    }

    pub fn renamed_field(&self, value: Renamed) -> u8 {
        value.size
    }

    pub fn same_on_the_wire(&self, value: SameOnTheWire) -> String {
        format!("{} {}", value.colour, value.weight)
    }

    pub fn level(&self, level: Level) -> String {
        format!("{level:?}")
    }

    pub fn refuse(&self, by: u8) -> Result<u8, Refusal> {
        if by < 100 { Err(Refusal::TooSmall(by)) } else { Err(Refusal::TooLarge { by }) }
    }

    pub fn may_fail(&self, fails: bool) -> u8 {
        u8::from(fails)
    }

    pub fn no_result(&mut self) {
        self.log.push("no_result".into());
    }

    pub fn another_result(&mut self) -> i64 {
        self.log.push("another_result".into());
        5
    }

    pub fn now_changes(&self) -> usize {
        self.log.len()
    }

    pub fn either(&self, either: Either) -> String {
        format!("{either:?}")
    }

    pub fn map(&self, prices: BTreeMap<String, u16>) -> u32 {
        prices.values().map(|price| u32::from(*price)).sum()
    }

    pub fn to_struct(&self, pair: (u8, u8)) -> u8 {
        pair.0
    }

    pub fn removed(&self) -> u8 {
        1
    }

    pub fn may_be_absent(&self) -> Option<i64> {
        None
    }
}

#[remote(module = "skew")]
pub trait Tuned {
    fn retune(&mut self, low: u32, high: u32) -> String;
}

#[remote]
impl Tuned for Thing {
    fn retune(&mut self, low: u32, high: u32) -> String {
        format!("low={low} high={high}")
    }
}

#[remote(module = "skew")]
pub fn pay(from: &mut Thing, to: &mut Thing, cents: i64, label: String) -> String {
    from.cents -= cents;
    to.cents += cents;
    format!("{label} {} {}", from.cents, to.cents)
}

#[remote(module = "skew")]
pub fn join(left: String, right: String) -> String {
    format!("left={left} right={right}")
}

#[remote(module = "skew")]
#[derive(Debug, Serialize, Deserialize)]
pub struct Moved {
    first: u32,
    second: u32,
}

#[remote]
impl Moved {
    pub fn show(&self) -> String {
        format!("first={} second={}", self.first, self.second)
    }
}

#[remote(module = "skew")]
#[derive(Debug, Serialize, Deserialize)]
pub struct Grows {
    first: u32,
}

async fn calls(session: Session) -> Result<(), Error> {
    let made = session.memoize("thing", ThingProxy::open(100, "made".into())).await;
    tell("generator", made.as_ref().map(|thing| thing.key().is_some()).map_err(Clone::clone));
    let thing = made?;
    tell("generator_args", thing.log().await.map(|log| log[0].clone()));
    tell("order", thing.tune(60, 1).await);
    tell("fields", thing.submit(Job::some()).await);
    tell("in_depth", thing.submit_all(vec![None, Some(Job::some())]).await.map(|jobs| (jobs[0].low, jobs[0].high)));
    tell("result_fits", thing.count(5).await);
    tell("result_does_not_fit", thing.count(-1).await);
    tell("added_option", thing.added_option(7).await);
    tell("added", thing.added(7).await);
    tell("renamed_param", thing.renamed_param(7).await);
    tell("narrower_fits", thing.narrower(7).await);
    tell("narrower_does_not_fit", thing.narrower(1 << 40).await);
    tell("to_float", thing.to_float(7).await);
    tell("grown", thing.grown(Grown { a: 7 }).await);
    tell("grown_hard", thing.grown_hard(GrownHard { a: 7 }).await);
    tell("renamed_field", thing.renamed_field(Renamed { size: 7 }).await);
    tell("same_on_the_wire", thing.same_on_the_wire(SameOnTheWire { colour: "red".into(), weight: 7 }).await);
    tell("variant", thing.level(Level::High(7)).await);
    tell("variant_with_fields", thing.level(Level::Named { name: "x".into() }).await);
    tell("variant_added", thing.level(Level::Low).await);
    tell("own_error", thing.refuse(7).await);
    tell("own_error_with_fields", thing.refuse(107).await);
    tell("may_fail", thing.may_fail(false).await);
    tell("fails", thing.may_fail(true).await);
    tell("no_result", thing.no_result().await);
    tell("another_result", thing.another_result().await);
    tell("now_changes", thing.now_changes().await.map(|entries| entries > 0));
    tell("untagged", thing.either(Either::Text("x".into())).await);
    tell("map", thing.map(BTreeMap::from([("tea".into(), 3), ("rum".into(), 9)])).await);
    tell("to_struct", thing.to_struct((7, 8)).await);
    tell("removed", thing.removed().await);
    tell("may_be_absent", thing.may_be_absent().await);
    tell("interface", thing.cast::<dyn Tuned>().retune(1, 2).await);
    tell("function", join::remote("a".into(), "b".into()).call(&session).await);
    let other = session.update("other", ThingProxy::open(0, "other".into())).await?;
    tell("over_objects", pay::remote(&thing, &other, 30, "paid".into()).call(&session).await);
    let moved = session.update("moved", Moved { first: 1, second: 2 }).await?;
    tell("value", moved.show().await);
    tell("value_grows", session.update("grows", Grows { first: 1 }).await.map(drop));
    let results = session.pipeline([thing.tune(1, 2), thing.tune(3, 4)]).await;
    tell("pipeline", results.into_iter().collect::<Result<Vec<_>, _>>());
    // Nobody hears the outcome of a detached call: the object's log shows whether it ran.
    let unheard = session.update("unheard", ThingProxy::open(0, "unheard".into())).await?;
    unheard.tune(5, 6).detach();
    tell("detached", unheard.log().await.map(|log| log[1..].to_vec()));
    Ok(())
}

#[tokio::main]
async fn main() {
    run(calls).await;
}
