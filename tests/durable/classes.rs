//! Objects that an earlier program has stored, whose class was another one then.

use super::rows::{Rows, all};
use super::start;
use serde_json::json;
use tarmem::storage::{MemoryDisk, MemoryStorage};
use tarmem::{RecoveryError, ServeError, Service, Unreadable};

/// Why a service does not start.
pub(crate) async fn refused(disk: &MemoryDisk) -> RecoveryError {
    match Service::without_listener().storage(MemoryStorage::open(disk)).start().await {
        Err(ServeError::Recovery(refused)) => refused,
        other => panic!("it is not refused: {other:?}"),
    }
}

/// What cannot be read.
pub(crate) async fn unreadable(disk: &MemoryDisk) -> Vec<Unreadable> {
    match refused(disk).await {
        RecoveryError::Unreadable(list) => list.named().to_vec(),
        other => panic!("it is refused otherwise: {other}"),
    }
}

#[tokio::test]
async fn everything_that_cannot_be_read_is_named_with_its_key_and_its_class() {
    let disk = MemoryDisk::default();
    Rows::on(&disk)
        .object(1, "bank.Missing", &json!({}))
        .key("missing", 1)
        .object(2, "bank.Account", &json!({ "cents": "a lot" }))
        .key("changed", 2)
        .key("changed too", 2)
        .bytes(3, b"\0no state")
        .bytes(4, b"")
        .object(5, "bank.Account", &json!({ "cents": 5 }))
        .key("kept", 5)
        .key("nowhere", 9)
        .write();
    let before = all(&disk);
    let found = unreadable(&disk).await;
    let named: Vec<(&str, &str)> = found.iter().map(|found| (&*found.what, &*found.class)).collect();
    let expected = [
        ("the object under \"missing\"", "bank.Missing"),
        ("the object under \"changed\"", "bank.Account"),
        ("object 3, which has no key", ""),
        ("object 4, which has no key", ""),
        ("the key \"nowhere\"", ""),
    ];
    assert_eq!(named, expected);
    assert!(found[0].reason.contains("bank.Missing"), "{}", found[0].reason);
    assert!(found[1].reason.contains("not one of the class as it is now"), "{}", found[1].reason);
    assert!(found[4].reason.contains("object, 9, is not there"), "{}", found[4].reason);
    assert_eq!(all(&disk), before, "nothing was changed");
}

#[tokio::test]
async fn a_long_list_of_what_cannot_be_read_is_cut_short() {
    let disk = MemoryDisk::default();
    let mut rows = Rows::on(&disk);
    for n in 1..=50 {
        rows = rows.object(n, "bank.Missing", &json!({})).key(&format!("key {n:02}"), n);
    }
    rows.write();
    let RecoveryError::Unreadable(list) = refused(&disk).await else { panic!("it is refused otherwise") };
    assert_eq!((list.named().len(), list.len()), (20, 50));
    let text = list.to_string();
    assert!(text.contains("under \"key 20\"") && text.contains("; and 30 more."), "{text}");
    assert!(!text.contains("key 21"), "{text}");
}

#[tokio::test]
async fn what_is_readable_is_read() {
    let disk = MemoryDisk::default();
    Rows::on(&disk).object(7, "bank.Account", &json!({ "cents": 7 })).key("kept", 7).write();
    assert_eq!(start(&disk).await.key_count(), 1);
}
