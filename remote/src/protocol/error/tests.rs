//! Tests of error messages.

use super::*;

#[test]
fn messages_contain_no_control_characters() {
    let bad = || "a\u{9b}31m\u{202e}\u{7f}\u{2028}\u{1b}[2J\n".to_owned();
    let (what, reason, message, address, cause) = (bad(), bad(), bad(), bad(), bad());
    let errors = [
        Error::NoSuchKey { key: bad() },
        Error::NoSuchMethod { class: "a.B".into(), method: bad(), near: vec![bad()] },
        Error::NoSuchModule { module: bad(), near: Vec::new() },
        Error::BadImport { name: bad(), reason: bad() },
        Error::NotAModule { name: bad(), kind: bad() },
        Error::NoConstructor { class: bad(), constructors: vec![] },
        Error::NoConstructor { class: bad(), constructors: vec![bad(), bad()] },
        Error::BadArguments { signature: bad(), reason: bad() },
        Error::BadValue { class: bad(), reason: bad() },
        Error::BadResult { what: bad(), reason: bad() },
        Error::UnexpectedResult { what: bad(), reason: bad(), value: None, undone: true },
        Error::Panicked { what: bad(), message: bad() },
        Error::Raised { what, message, error: None },
        Error::Cycle { chain: vec![bad(), bad()] },
        Error::BadKey { reason: bad() },
        Error::Malformed { what: bad(), reason: bad() },
        Error::NotPermitted { what: bad(), reason },
        Error::Insecure { address, reason: cause },
        Error::Refused { reason: bad() },
        Error::StorageFailed { reason: bad() },
        Error::NoBackup { reason: bad() },
    ];
    for error in errors {
        let text = error.to_string();
        assert!(!text.contains(|c| crate::escape::is_unsafe(c) && c != '\n'), "{text:?}");
    }
    let raised = Error::Raised { what: "f".into(), message: "two\nlines\u{1b}".into(), error: None };
    assert_eq!(raised.to_string(), "f failed: two\nlines\\u{1b}");
}

#[test]
fn a_missing_module_of_tarmem_is_not_looked_for_in_other_crates() {
    let said = |module: &str| Error::NoSuchModule { module: module.into(), near: Vec::new() }.to_string();
    assert_eq!(said(""), "the service offers no module \"\"; name one, such as builtins");
    assert_eq!(
        said("builtins.nope"),
        "the service offers no module \"builtins.nope\"; import builtins to see what it offers"
    );
    assert!(said("bank").contains("link!") && said("bank.nope").contains("link!"));
}

/// The variants in the order of their numbers on the wire. A new variant is added at the end, and none is moved: an
/// older client would take one error for another.
const ON_THE_WIRE: &[&str] = &[
    "NoSuchKey",
    "NoSuchObject",
    "NoSuchClass",
    "NoSuchMethod",
    "AmbiguousMethod",
    "NoSuchModule",
    "NoSuchMember",
    "BadImport",
    "NotAGenerator",
    "WrongClass",
    "WrongGeneration",
    "BadArguments",
    "BadValue",
    "BadResult",
    "UnexpectedResult",
    "Poisoned",
    "Panicked",
    "Raised",
    "Cycle",
    "HeldByCaller",
    "DeadlineExceeded",
    "GeneratorLate",
    "Cancelled",
    "LimitExceeded",
    "BadKey",
    "ProtocolMismatch",
    "Refused",
    "Unreachable",
    "NotAService",
    "OutcomeUnknown",
    "Closed",
    "SessionExpired",
    "ShuttingDown",
    "Malformed",
    "NotPermitted",
    "SignatureChanged",
    "SignatureUnknown",
    "Insecure",
    "Forked",
    "NotAModule",
    "NoConstructor",
    "StorageFailed",
    "OtherHistory",
    "HistoryLost",
    "NoBackup",
    "StillLoading",
];

#[test]
fn variants_keep_their_numbers_on_the_wire() {
    let table = verdict::tests::table();
    for (error, _) in &table {
        let bytes = crate::codec::encode(error).expect("it fits");
        let debug = format!("{error:?}");
        let name = debug.split(' ').next().expect("a name");
        assert_eq!(ON_THE_WIRE.get(usize::from(bytes[0])), Some(&name), "{name} is number {}", bytes[0]);
    }
    for name in ON_THE_WIRE {
        assert!(table.iter().any(|(error, _)| format!("{error:?}").split(' ').next() == Some(name)), "no {name}");
    }
}

#[test]
fn what_is_missing_of_a_history_is_named_with_the_remedy() {
    let (expected, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let elsewhere = |found| Error::OtherHistory { address: "there:1".to_owned(), expected, found }.to_string();
    assert_eq!(
        elsewhere(None),
        format!(
            "the session with there:1 belongs to directory {expected}, but the service there keeps nothing; start it \
             on that directory (is its volume mounted?), or reconnect to begin anew with what is there"
        )
    );
    assert!(elsewhere(Some(other)).contains(&format!("keeps its objects in directory {other}; start")));
    let address = || "there:1".to_owned();
    let lost =
        |recovered| Error::HistoryLost { address: address(), directory: expected, seen: 9, recovered }.to_string();
    assert_eq!(
        lost(7),
        format!(
            "the directory {expected} of the service at there:1 has lost changes that this session may have seen: of \
             the service's run at that time, it has what was changed up to batch 7, and the session has seen batch 9; \
             start the service on the newest copy, or reconnect and look at what is there"
        )
    );
    assert!(lost(0).contains("nothing is there of the service's run at that time, and the session has seen batch 9"));
}
