//! Tests of what holds for each operation.

use super::*;

/// An operation of each variant in the order of their numbers on the wire, with its name and whether it is idempotent.
/// A variant without a row does not compile.
macro_rules! table {
    ($($variant:ident $({ $($field:ident: $value:expr),* })? $name:literal $times:ident;)*) => {
        fn table() -> Vec<(Operation<'static>, &'static str, bool)> {
            vec![$((Operation::$variant $({ $($field: $value),* })?, $name, stringify!($times) == "twice")),*]
        }

        #[allow(dead_code)]
        fn has_a_row(operation: &Operation<'_>) {
            match operation {
                $(Operation::$variant { .. } => {})*
            }
        }
    };
}

const KEY: Target<'static> = Target::Key("k");
const LIST: FunctionRef<'static> = FunctionRef::Name { module: "builtins", name: "list" };

table! {
    Memoize { key: "k", source: SourceRef::Existing(KEY), expect: "" } "memoize" twice;
    Update { key: "k", source: SourceRef::Existing(KEY), generation: None, expect: "" } "update" once;
    Get { key: "k", expect: "bank.Account" } "get" twice;
    Delete { key: "k" } "delete" once;
    IsMemoized { key: "k" } "is_memoized" twice;
    Keys { prefix: "k", after: "", limit: 7 } "keys" twice;
    Describe { target: KEY } "describe" twice;
    Import { module: "builtins", package: None } "remote_import" twice;
    Version "version" twice;
    Create { source: SourceRef::Existing(KEY), expect: "" } "create" once;
    Hold { target: KEY, expect: "" } "hold" twice;
    Release { id: Uuid::nil(), count: 1 } "release" once;
    Run { function: LIST, encoding: Encoding::Dynamic, args: b"" } "run" once;
    Snapshot { target: KEY } "snapshot" twice;
    Cancel { sequence: 7 } "cancel" once;
    Acknowledge { sequence: 7 } "acknowledge" once;
    Goodbye "goodbye" once;
    IsPoisoned { target: KEY } "is_poisoned" twice;
    ClearPoison { target: KEY } "clear_poison" twice;
    Signature { of: SignatureRef::Class { path: "bank.Account" } } "signature" twice;
    SnapshotWithInfo { target: KEY } "snapshot" twice;
    Backup { from: None } "backup" once;
    // It has an encoding of its own, and no number.
    Call { target: KEY, method: MethodRef::Name("len"), encoding: Encoding::Typed, args: b"" } "call" once;
}

#[test]
fn variants_keep_their_numbers_on_the_wire() {
    // A new variant is added at the end, before `Call`, and none is moved: an older service would take one operation
    // for another.
    for (number, (operation, name, _)) in table().into_iter().enumerate() {
        let bytes = operation.encode().expect("it fits");
        let is_call = matches!(operation, Operation::Call { .. });
        assert!(call::is_call(&bytes) == is_call && (is_call || usize::from(bytes[0]) == number), "{name}: {bytes:?}");
        assert_eq!(Operation::decode(&bytes).expect("it was encoded"), operation);
    }
}

#[test]
fn each_operation_has_the_name_of_its_method_and_knows_whether_it_is_idempotent() {
    let conditional = Operation::Update { key: "k", source: SourceRef::Existing(KEY), generation: Some(1), expect: "" };
    for (operation, name, is_idempotent) in table().into_iter().chain([(conditional, "update_if", false)]) {
        assert_eq!((operation.name(), operation.method().idempotent), (name, is_idempotent), "{operation:?}");
    }
}
