//! When changes are on disk, and what a service answers whose disk has failed.

use super::Machine;
use super::callers::Callers;
use crate::{CallError, Durability, Error, OnStorageFailure, Proxy, RunningService, Session};
use std::time::Duration;
use tarmem_modules::builtins::{List, ListProxy};
use tarmem_storage::sim::Fault;

async fn started(machine: &mut Machine) -> (RunningService, Session) {
    let service = machine.start().await.expect("it starts");
    let session = Callers::new(machine.port, false).session().await.expect("it connects");
    (service, session)
}

/// A service that has answered three calls.
async fn answered(machine: &mut Machine) -> (RunningService, Session) {
    let (service, session) = started(machine).await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    for n in 0..3 {
        list.append(n).await.expect("it appends");
    }
    (service, session)
}

async fn numbers(session: &Session) -> Vec<i64> {
    session.proxy::<List>("list").snapshot_as().await.expect("it is shown")
}

async fn until_synced(machine: &Machine) {
    while !machine.disk.is_synced() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_time_replies_leave_at_once_and_are_synced_when_nothing_else_comes() {
    let mut machine = Machine::new(2, None);
    machine.durability = Durability::Within(Duration::from_millis(300));
    let (service, session) = answered(&mut machine).await;
    assert!(!machine.disk.is_synced(), "the replies waited for the disk");
    until_synced(&machine).await;
    machine.power_cycle();
    drop(service);
    let _service = machine.start().await.expect("it starts");
    assert_eq!(numbers(&session).await, [0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncs_everything_is_on_disk_when_the_service_has_ended() {
    let mut machine = Machine::new(2, None);
    machine.durability = Durability::Never;
    let (service, session) = answered(&mut machine).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!machine.disk.is_synced(), "nobody asked for it");
    drop(service);
    assert!(machine.disk.is_synced());
    machine.power_cycle();
    let _service = machine.start().await.expect("it starts");
    assert_eq!(numbers(&session).await, [0, 1, 2]);
}

/// What it had not seen in time for the disk is lost, or is still there: the client knows which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_has_seen_what_the_power_took_back_is_told_so() {
    let (mut lost, mut kept) = (0, 0);
    for (seed, durability) in (0..).zip([Durability::Within(Duration::from_millis(500)), Durability::Never].repeat(10))
    {
        let mut machine = Machine::new(seed, None);
        machine.durability = durability;
        // All of this is on disk when the service has ended.
        let (service, early) = answered(&mut machine).await;
        drop(service);
        assert!(machine.disk.is_synced());
        let service = machine.start().await.expect("it starts");
        let late = Callers::new(machine.port, false).session().await.expect("it connects");
        let list = late.proxy::<List>("list");
        for n in 3..6 {
            list.append(n).await.expect("it appends");
        }
        machine.power_cycle();
        drop(service);
        let _service = machine.start().await.expect("it starts");
        let there = numbers(&early).await;
        assert!(there.starts_with(&[0, 1, 2]) && [0, 1, 2, 3, 4, 5].starts_with(&there), "{there:?}");
        match list.append(6).await {
            Ok(()) => {
                kept += 1;
                assert_eq!(numbers(&early).await, [0, 1, 2, 3, 4, 5, 6]);
            }
            Err(CallError::Failed(Error::HistoryLost { seen, recovered, .. })) => {
                lost += 1;
                assert!(seen > recovered, "{seen} {recovered}");
                // The last batch need not be one of an append.
                late.reconnect().await.expect("it is there");
                assert_eq!(numbers(&late).await, there);
            }
            Err(other) => panic!("seed {seed}, {durability:?}: {other}"),
        }
    }
    println!("{lost} have lost what they had seen, {kept} have not");
    assert!(lost > 0, "the power takes nothing back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stays_without_its_disk_shows_only_what_is_on_it() {
    let mut machine = Machine::new(2, None);
    machine.on_storage_failure = OnStorageFailure::Refuse;
    let (service, session) = started(&mut machine).await;
    let clean = session.memoize("clean", ListProxy::new(None)).await.expect("it is made");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    clean.append(7).await.expect("it appends");
    // (What is on disk already is not written again.)
    machine.disk.plant(machine.disk.operations(), Fault::Fails);
    let appending = tokio::spawn({
        let list = list.clone();
        async move { list.append(1).await }
    });
    let failed = service.storage_failure().await;
    assert!(matches!(&failed, Error::StorageFailed { reason } if reason.contains("planted")), "{failed}");
    assert_eq!(clean.len().await, Ok(1), "it is on disk");
    assert_eq!(clean.append(8).await, Err(CallError::Failed(failed.clone())));
    assert_eq!(clean.len().await, Err(failed.clone()), "its last change is not on disk");
    assert_eq!(session.memoize("new", ListProxy::new(None)).await.err(), Some(failed.clone().into()));
    drop(service);
    machine.disk.kill();
    let _service = machine.start().await.expect("it starts");
    let appended = match appending.await.expect("it does not panic") {
        Ok(()) => vec![1],
        Err(error) => {
            // It came later than the failure.
            assert_eq!(error, CallError::Failed(failed));
            vec![]
        }
    };
    assert_eq!(numbers(&session).await, appended);
    let clean: Vec<i64> = clean.snapshot_as().await.expect("it is shown");
    assert_eq!(clean, [7]);
}
