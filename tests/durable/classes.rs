//! Objects that an earlier program has stored, whose class was another one then.

use super::rows::{OBJECTS, Rows, UNREADABLE, all, rename};
use super::start;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::object::Object;
use tarmem::storage::{MemoryDisk, MemoryStorage};
use tarmem::{Error, Proxy, RecoveryError, RunningService, ServeError, Service, Session, Unreadable, remote};

/// Worth nothing later.
#[remote(module = "kept", volatile)]
#[derive(Serialize, Deserialize)]
pub(crate) struct Cache {
    hits: i64,
}

#[remote]
impl Cache {
    pub fn new() -> Self {
        Cache { hits: 0 }
    }

    pub fn hit(&mut self) -> i64 {
        self.hits += 1;
        self.hits
    }
}

/// Does not say how it is kept.
#[remote(module = "kept", resident)]
pub(crate) struct Socket;

#[remote]
impl Socket {
    pub fn new() -> Self {
        Socket
    }
}

/// Has had other names.
#[remote(module = "kept", name = "KontoNow", was = "kept.KontoOld", was = "kept.KontoPre")]
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Konto {
    cents: i64,
}

#[remote]
impl Konto {
    pub fn cents(&self) -> i64 {
        self.cents
    }

    pub fn break_down(&mut self) {
        self.cents = -1;
        panic!("it came to pieces");
    }
}

/// Has an object in it.
#[remote(module = "kept")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Safe {
    inside: Box<dyn Object>,
}

#[remote]
impl Safe {
    pub fn class(&self) -> String {
        self.inside.class().to_owned()
    }
}

/// Refers to something.
#[remote(module = "kept")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Holder {
    held: tarmem::Value,
}

#[remote]
impl Holder {
    pub fn held(&self) -> tarmem::Value {
        self.held.clone()
    }
}

/// What it is now. It was `{ name, weight, color }`.
#[remote(module = "kept")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Parcel {
    #[serde(alias = "name")]
    title: String,
    weight: u64,
    #[serde(default = "nowhere")]
    destination: String,
}

fn nowhere() -> String {
    "nowhere".to_owned()
}

#[remote]
impl Parcel {
    pub fn shown(&self) -> (String, u64, String) {
        (self.title.clone(), self.weight, self.destination.clone())
    }
}

async fn connect(service: &RunningService) -> Session {
    Session::connect(service.address()).await.expect("it connects")
}

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

#[tokio::test]
async fn objects_of_volatile_classes_end_with_the_service() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let cache = session.memoize("cache", CacheProxy::new()).await.expect("it is made");
    assert_eq!(cache.hit().await, Ok(1));
    session.memoize("socket", SocketProxy::new()).await.expect("it is made");
    session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    for (key, durable) in [("cache", false), ("socket", false), ("list", true)] {
        assert_eq!(session.describe(key).await.expect("it is there").durable, durable, "{key}");
    }
    let module = session.remote_import("kept").await.expect("it is there");
    for (class, durable) in
        [("Cache", Some(false)), ("Socket", Some(false)), ("KontoNow", Some(true)), ("Cache.new", None)]
    {
        assert_eq!(module.member(class).expect("it is there").durable, durable, "{class}");
    }
    session.close().await;
    drop(service);

    let service = start(&disk).await;
    let session = connect(&service).await;
    assert_eq!(session.keys("", "", 0).await.expect("they are listed").keys, ["list"]);
    let cache = session.memoize("cache", CacheProxy::new()).await.expect("it is made anew");
    assert_eq!(cache.hit().await, Ok(1));
}

/// As deep as it is.
#[remote(module = "kept")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Shaft {
    below: Option<Box<Shaft>>,
}

#[remote]
impl Shaft {
    pub fn of_depth(depth: u64) -> Self {
        (0..depth).fold(Shaft { below: None }, |shaft, _| Shaft { below: Some(Box::new(shaft)) })
    }

    pub fn depth(&self) -> u64 {
        std::iter::successors(self.below.as_ref(), |shaft| shaft.below.as_ref()).count() as u64
    }
}

#[tokio::test]
async fn an_object_that_is_nested_deeply_is_there_after_a_restart() {
    const DEPTH: u64 = 450;
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    session.memoize("shaft", ShaftProxy::of_depth(DEPTH)).await.expect("it is made");
    session.close().await;
    drop(service);
    let service = start(&disk).await;
    let shaft = connect(&service).await.get::<Shaft>("shaft").await.expect("it is there");
    assert_eq!(shaft.depth().await, Ok(DEPTH));
}

#[tokio::test]
async fn a_reference_to_what_was_not_kept_is_loaded_and_leads_nowhere() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let cache = session.memoize("cache", CacheProxy::new()).await.expect("it is made").hold().await.expect("there");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    list.append(cache.reference().expect("a proxy by id")).await.expect("it appends");
    list.append(7).await.expect("it appends");
    let before = list.get::<tarmem::Value>(0).await.expect("it is there");
    let reference = before.as_object().expect("a reference").clone();
    session.close().await;
    drop(service);

    for _ in 0..2 {
        let service = start(&disk).await;
        let session = connect(&service).await;
        let list = session.get::<List>("list").await.expect("it is there");
        let shown = list.snapshot().await.expect("it is shown").to_string();
        assert!(shown.contains(&reference.id().to_string()) && shown.ends_with(",7]"), "{shown}");
        let gone = list.get::<CacheProxy>(0).await.expect("the reference is there");
        assert_eq!(gone.hit().await, Err(Error::NoSuchObject { id: reference.id() }));
        // It can be stored elsewhere as long as nobody uses it. Then the list is written anew.
        list.append(8).await.expect("it appends");
        list.pop::<i64>().await.expect("it is there");
        let other = list.append(before.clone()).await;
        assert!(other.expect_err("there is no such object").to_string().contains("no object"), "{reference}");
        session.close().await;
    }
}

#[tokio::test]
async fn what_is_stored_of_a_class_that_has_become_volatile_is_removed() {
    let disk = MemoryDisk::default();
    Rows::on(&disk).object(1, "kept.Cache", &json!({ "hits": 1 })).key("cache", 1).write();
    let service = start(&disk).await;
    assert_eq!((service.key_count(), service.object_count()), (0, 0));
    service.shutdown().await;
    // What is left are numbers, and the runs.
    assert!(all(&disk).iter().all(|(table, ..)| [0, 9].contains(table)), "{:?}", all(&disk));
}

#[tokio::test]
async fn a_renamed_class_is_found_under_its_former_paths() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let konto = session.memoize("konto", Konto { cents: 5 }).await.expect("it is made").hold().await.expect("there");
    session.memoize("safe", Safe { inside: Box::new(Konto { cents: 6 }) }).await.expect("it is made");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    list.append(konto.reference().expect("a proxy by id")).await.expect("it appends");
    session.close().await;
    drop(service);

    let mut stored = "kept.KontoNow";
    for former in ["kept.KontoOld", "kept.KontoPre"] {
        rename(&disk, stored, former);
        stored = former;
        let service = start(&disk).await;
        let session = connect(&service).await;
        assert_eq!(session.get::<Konto>("konto").await.expect("it is there").cents().await, Ok(5));
        assert_eq!(
            session.get::<Safe>("safe").await.expect("it is there").class().await.as_deref(),
            Ok("kept.KontoNow")
        );
        let list = session.get::<List>("list").await.expect("it is there");
        assert_eq!(list.get::<KontoProxy>(0).await.expect("it is there").cents().await, Ok(5));
        session.close().await;
    }
    rename(&disk, stored, "kept.KontoNot");
    let found = unreadable(&disk).await;
    let classes: Vec<&str> = found.iter().map(|found| &*found.class).collect();
    assert_eq!(classes, ["kept.KontoNot", "kept.Safe"], "{found:?}");
    assert!(found[1].reason.contains("kept.KontoNot"), "{found:?}");
}

#[tokio::test]
async fn fields_may_be_added_with_a_default_and_removed_and_renamed_with_an_alias() {
    let disk = MemoryDisk::default();
    let old = json!({ "name": "a present", "weight": 3, "color": "red" });
    Rows::on(&disk).object(1, "kept.Parcel", &old).key("parcel", 1).write();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let parcel = session.get::<Parcel>("parcel").await.expect("it is there");
    assert_eq!(parcel.shown().await, Ok(("a present".to_owned(), 3, "nowhere".to_owned())));
}

#[tokio::test]
async fn a_field_that_is_missing_or_of_another_type_refuses_the_start() {
    for (state, why) in
        [(json!({ "title": "a present" }), "weight"), (json!({ "title": 7, "weight": 3 }), "expected a string")]
    {
        let disk = MemoryDisk::default();
        Rows::on(&disk).object(1, "kept.Parcel", &state).key("parcel", 1).write();
        let found = unreadable(&disk).await;
        assert_eq!((found.len(), &*found[0].what, &*found[0].class), (1, "the object under \"parcel\"", "kept.Parcel"));
        assert!(found[0].reason.contains(why), "{}", found[0].reason);
        assert!(all(&disk).iter().any(|(table, ..)| *table == OBJECTS), "it is still there");
    }
}

async fn start_without_unreadable(disk: &MemoryDisk) -> RunningService {
    let service = Service::new("127.0.0.1", 0).storage(MemoryStorage::open(disk)).skip_unreadable(true);
    service.start().await.expect("it starts")
}

/// The lines about what was moved aside.
fn moved_aside(disk: &MemoryDisk) -> Vec<serde_json::Value> {
    let lines = all(disk).into_iter().filter(|(table, ..)| *table == UNREADABLE);
    lines.map(|(.., line)| serde_json::from_slice(&line).expect("it is JSON")).collect()
}

#[tokio::test]
async fn what_cannot_be_read_is_moved_aside_with_what_only_it_refers_to() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    // Of a session in process, no proxies are kept.
    let session = service.session();
    let list = session.memoize("list", ListProxy::new(None)).await.expect("it is made");
    let konto = session.memoize("konto", Konto { cents: 5 }).await.expect("it is made").hold().await.expect("there");
    list.append(konto.reference().expect("a proxy by id")).await.expect("it appends");
    for (key, cents) in [("konto", 6), ("other", 7)] {
        let safe = Safe { inside: Box::new(Konto { cents }) };
        session.update(key, safe).await.expect("it is made");
    }
    // Two lists that nothing refers to but what cannot be read.
    let (outer, inner) = (ListProxy::new(None), ListProxy::new(None));
    let (outer, inner) = (session.create(outer).await.expect("made"), session.create(inner).await.expect("made"));
    inner.append("precious").await.expect("it appends");
    outer.append(inner.reference().expect("a proxy by id")).await.expect("it appends");
    let holder = Holder { held: outer.reference().expect("a proxy by id").into() };
    session.memoize("holder", holder).await.expect("it is made");
    session.close().await;
    drop(service);
    rename(&disk, "kept.KontoNow", "kept.KontoNot");
    rename(&disk, "kept.Holder", "kept.Hidden");

    let service = start_without_unreadable(&disk).await;
    let session = connect(&service).await;
    assert_eq!(session.keys("", "", 0).await.expect("they are listed").keys, ["list"]);
    let list = session.get::<List>("list").await.expect("it is there");
    let gone = list.get::<KontoProxy>(0).await.expect("the reference is there");
    assert_eq!(gone.cents().await, Err(Error::NoSuchObject { id: gone.id().expect("a proxy by id") }));
    session.close().await;
    service.shutdown().await;

    let lines = moved_aside(&disk);
    let about = |key: &str, value: &str| lines.iter().filter(|line| line[key] == value).count();
    assert_eq!(
        (about("class", "kept.KontoNot"), about("class", "kept.Safe"), about("class", "kept.Hidden")),
        (1, 2, 1)
    );
    assert_eq!((about("table", "keys"), about("class", "builtins.list")), (3, 2));
    let inner = lines.iter().find(|line| is_precious(line));
    assert_eq!(inner.expect("it is there")["reason"], "nothing refers to it but what cannot be read");
    // It can be read from now on.
    let service = start(&disk).await;
    assert_eq!((service.key_count(), service.object_count()), (1, 1));
    assert_eq!(moved_aside(&disk).len(), lines.len());
}

/// Whether the row has the text `precious`.
fn is_precious(line: &serde_json::Value) -> bool {
    let digits: String = "precious".bytes().map(|byte| format!("{byte:02x}")).collect();
    line["row"].as_str().is_some_and(|row| row.contains(&digits))
}

#[tokio::test]
async fn poison_is_kept_and_so_is_that_it_was_cleared() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let konto = session.memoize("konto", Konto { cents: 5 }).await.expect("it is made");
    assert!(konto.break_down().await.is_err());
    session.close().await;
    drop(service);

    let service = start(&disk).await;
    let session = connect(&service).await;
    let konto = session.get::<Konto>("konto").await.expect("it is there");
    assert_eq!(konto.cents().await, Err(Error::Poisoned { target: "\"konto\"".to_owned() }));
    session.clear_poison("konto").await.expect("it is there");
    assert_eq!(konto.cents().await, Ok(-1));
    session.close().await;
    drop(service);

    let service = start(&disk).await;
    let session = connect(&service).await;
    assert!(!session.is_poisoned("konto").await.expect("it is there"));
    assert_eq!(session.get::<Konto>("konto").await.expect("it is there").cents().await, Ok(-1));
}

#[tokio::test]
async fn what_only_sessions_still_have_is_copied_when_something_is_moved_aside() {
    let disk = MemoryDisk::default();
    let service = start(&disk).await;
    let session = connect(&service).await;
    let list = session.create(ListProxy::new(None)).await.expect("it is made");
    list.append("precious").await.expect("it appends");
    let holder = Holder { held: list.reference().expect("a proxy by id").into() };
    session.memoize("holder", holder).await.expect("it is made");
    drop(service);
    rename(&disk, "kept.Holder", "kept.Hidden");
    let service = start_without_unreadable(&disk).await;
    assert_eq!((service.key_count(), service.object_count()), (0, 1));
    // What was moved aside is in the first batch, which is committed now at the latest.
    service.shutdown().await;
    let lines = moved_aside(&disk);
    let copy = lines.iter().find(|line| is_precious(line)).expect("it is copied");
    assert!(copy["reason"].as_str().is_some_and(|reason| reason.contains("sessions")), "{copy}");
}
