//! A service over a simulated disk, whose power fails while clients make calls: at every operation of the disk, the
//! very first ones included. A new service starts on what has survived, and the clients go on. They must not notice
//! more than that the service was slow for a moment.
//!
//! - [`callers`]: the clients, and what they check.
//! - [`settings`]: what becomes of replies and of what has changed, by the settings of the service.

mod callers;
mod settings;

use crate::faults::{PlantedFault, PlantedFaults};
use crate::server::state::Seams;
use crate::store::Sizes;
use crate::{Durability, OnStorageFailure, RunningService, Service};
use callers::Callers;
use std::sync::Arc;
use std::time::Duration;
use tarmem_storage::sim::{Dice, Fault, SimDisk};
use tarmem_storage::{Batch, Hooked, LocalOptions, LocalStorage};

/// How long a run may take, with all restarts.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the disk takes for a commit, so that calls gather meanwhile.
const COMMIT: Duration = Duration::from_micros(100);

/// A machine with a disk, on which the service is started again and again.
struct Machine {
    disk: SimDisk,
    dice: Dice,
    faults: PlantedFaults,
    in_background: bool,
    /// Whether states are written anew in the background.
    rewrites: bool,
    durability: Durability,
    on_storage_failure: OnStorageFailure,
    /// Chosen at the first start.
    port: u16,
    failures: u32,
}

impl Machine {
    fn new(seed: u64, fault: Option<PlantedFault>) -> Self {
        let faults = PlantedFaults::default();
        if let Some(fault) = fault {
            faults.plant(fault);
        }
        let in_background = seed % 2 == 1;
        Machine {
            disk: SimDisk::new(),
            dice: Dice::new(seed),
            faults,
            in_background,
            rewrites: false,
            durability: Durability::Always,
            on_storage_failure: OnStorageFailure::End,
            port: 0,
            failures: 0,
        }
    }

    fn power_cycle(&mut self) {
        self.failures += 1;
        self.disk.power_cycle(&mut self.dice);
    }

    /// Starts a service, however often the power fails meanwhile.
    async fn start(&mut self) -> Result<RunningService, String> {
        let mut patience = 1000;
        loop {
            match self.try_start().await {
                Ok(service) => {
                    self.port = service.local_addr().map_or(0, |address| address.port());
                    return Ok(service);
                }
                Err(_) if self.disk.is_off() => self.power_cycle(),
                // The previous service may have its port for a moment longer.
                Err(error) if error.contains("cannot listen") && patience > 0 => {
                    patience -= 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Err(error) => return Err(format!("the service does not start: {error}")),
            }
        }
    }

    async fn try_start(&self) -> Result<RunningService, String> {
        let mut options = LocalOptions::default();
        // Small, so that a short run fills, folds and reuses several segments.
        options.segment_bytes = 4 << 10;
        options.log_bytes = 12 << 10;
        options.fold_bytes = 1 << 10;
        options.in_background = self.in_background;
        options.sync_each = self.durability == Durability::Always;
        let storage = LocalStorage::open(Arc::new(self.disk.clone()), options).map_err(|error| error.to_string())?;
        let sizes = match self.rewrites {
            true => Sizes { piece: 300, rewritten: 1 << 10, meanwhile: 0 },
            false => Sizes::default(),
        };
        let seams = Seams { faults: self.faults.clone(), sizes, ..Seams::default() };
        let storage = Hooked::new(storage, |_: &Batch| {
            std::thread::sleep(COMMIT);
            Ok(())
        });
        let service = Service::new("127.0.0.1", self.port).workers(2).storage(storage).seams(seams);
        let service = service.durability(self.durability).on_storage_failure(self.on_storage_failure);
        service.start().await.map_err(|error| error.to_string())
    }

    /// Lets callers make their calls while the power fails as planted. Returns how often it failed.
    async fn run(mut self) -> Result<(u32, u64), String> {
        let mut service = self.start().await?;
        let mut calls = std::pin::pin!(Callers::new(self.port, self.rewrites).run());
        loop {
            tokio::select! {
                biased;
                made = &mut calls => {
                    made?;
                    break;
                }
                _ = service.storage_failure() => {
                    if !self.disk.is_off() {
                        return Err("the storage failed, but not the power".to_owned());
                    }
                    drop(service);
                    self.power_cycle();
                    service = self.start().await?;
                }
            }
        }
        // Everything was acknowledged by now.
        drop(service);
        self.power_cycle();
        let failures = self.failures - 1;
        let service = self.start().await?;
        Callers::new(self.port, self.rewrites).audit().await?;
        drop(service);
        Ok((failures, self.disk.operations()))
    }
}

/// A run in which the power fails at the `at`-th operation of the disk. `rewrites`: states are written anew.
async fn power_fails_at(at: u64, rewrites: bool, fault: Option<PlantedFault>) -> Result<(u32, u64), String> {
    let machine = Machine { rewrites, ..Machine::new(at, fault) };
    machine.disk.plant(at, Fault::PowerOff);
    let run = tokio::time::timeout(PATIENCE, machine.run()).await;
    run.unwrap_or_else(|_| Err(format!("it was not over after {PATIENCE:?}")))
}

/// Lets the power fail at every operation of a run, or at every `step`-th.
async fn power_fails_at_each(first: u64, step: u64, rewrites: bool) {
    let mut at = first;
    loop {
        let run = power_fails_at(at, rewrites, None).await;
        let (failures, operations) = run.unwrap_or_else(|why| panic!("the power failed at operation {at}: {why}"));
        if failures == 0 {
            println!("{at} of {operations} operations");
            break;
        }
        at += step;
    }
    assert!(at > 100, "{at} operations are a short run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_do_not_notice_that_the_power_fails_at_any_operation_of_the_disk() {
    power_fails_at_each(0, 1, false).await;
}

/// At every operation with `TARMEM_TEST_POWER_LOSS=all`, which takes minutes; at some of them, others each time,
/// without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_do_not_notice_that_the_power_fails_while_states_are_written_anew() {
    const SOME: u64 = 11;
    let all = std::env::var("TARMEM_TEST_POWER_LOSS").is_ok_and(|which| which == "all");
    let (first, step) = if all { (0, 1) } else { (uuid::Uuid::new_v4().as_u128() as u64 % SOME, SOME) };
    println!("from operation {first} on");
    power_fails_at_each(first, step, true).await;
}

/// Whether a service with this fault is found out.
async fn is_detected(fault: PlantedFault) -> bool {
    let rewrites = matches!(fault, PlantedFault::HeadFirst | PlantedFault::MissesStates);
    // Up to three times at each operation of a run, in another order than theirs.
    for at in (0..3 * 256).map(|turn| 40 + turn * 7 % 256) {
        match power_fails_at(at, rewrites, Some(fault)).await {
            Ok(_) => {}
            Err(why) => {
                println!("{fault:?}: the power failed at operation {at}: {why}");
                return true;
            }
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_leaves_before_it_is_on_disk_is_detected() {
    assert!(is_detected(PlantedFault::LeavesEarly).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_is_stored_after_its_effect_is_detected() {
    assert!(is_detected(PlantedFault::OutcomeLater).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "found by chance: it may take minutes, and several attempts"]
async fn a_state_that_is_encoded_after_a_later_call_is_detected() {
    assert!(is_detected(PlantedFault::EncodesLate).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_mapped_to_no_object_is_detected() {
    assert!(is_detected(PlantedFault::KeyWithoutObject).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_stay_on_disk_beside_the_state_after_them_are_detected() {
    assert!(is_detected(PlantedFault::KeepsCalls).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_body_of_a_method_that_is_made_again_is_detected() {
    assert!(is_detected(PlantedFault::OtherBody).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_on_disk_before_the_pieces_of_its_state_is_detected() {
    assert!(is_detected(PlantedFault::HeadFirst).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_was_written_while_an_older_one_takes_its_place_is_detected() {
    assert!(is_detected(PlantedFault::MissesStates).await);
}
