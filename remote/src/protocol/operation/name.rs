//! The name of what a call calls, for messages, and whether the call is idempotent.

use super::Operation;
use crate::signature::Signature;
use std::fmt;

/// The name of what a call calls: the path of an interface or module, and a name in it.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Name {
    /// The path of the class, interface or module.
    pub scope: &'static str,
    /// The name in it.
    pub name: &'static str,
    /// Whether making the call twice is the same as making it once.
    pub idempotent: bool,
    /// The signature that this program was built with; `None` if there is none.
    pub signature: Option<fn() -> &'static Signature>,
}

impl Name {
    /// The name of a call whose name is known only at run time; the call's label shows it.
    pub(crate) const UNKNOWN: Name = Name::once("the call");

    pub(crate) const MEMOIZE: Name = Name::twice("memoize");
    pub(crate) const UPDATE: Name = Name::once("update");
    pub(crate) const UPDATE_IF: Name = Name::once("update_if");
    pub(crate) const GET: Name = Name::twice("get");
    pub(crate) const CREATE: Name = Name::once("create");
    pub(crate) const SIGNATURE: Name = Name::twice("signature");

    /// An operation that is not idempotent.
    const fn once(name: &'static str) -> Name {
        Name { scope: "", name, idempotent: false, signature: None }
    }

    /// An idempotent operation.
    const fn twice(name: &'static str) -> Name {
        Name { scope: "", name, idempotent: true, signature: None }
    }
}

impl Operation<'_> {
    /// The method with which clients request the operation, and whether it is idempotent. Operations that change
    /// nothing are, and so are `memoize`, which builds nothing twice, and `clear_poison`. Every variant is listed here,
    /// without a default.
    pub(crate) fn method(&self) -> &'static Name {
        match self {
            Operation::Memoize { .. } => &Name::MEMOIZE,
            Operation::Update { generation: None, .. } => &Name::UPDATE,
            Operation::Update { .. } => &Name::UPDATE_IF,
            Operation::Get { .. } => &Name::GET,
            Operation::Delete { .. } => const { &Name::once("delete") },
            Operation::IsMemoized { .. } => const { &Name::twice("is_memoized") },
            Operation::Keys { .. } => const { &Name::twice("keys") },
            Operation::Describe { .. } => const { &Name::twice("describe") },
            Operation::Import { .. } => const { &Name::twice("remote_import") },
            Operation::Version => const { &Name::twice("version") },
            Operation::Create { .. } => &Name::CREATE,
            Operation::Hold { .. } => const { &Name::twice("hold") },
            Operation::Release { .. } => const { &Name::once("release") },
            Operation::Call { .. } => const { &Name::once("call") },
            Operation::Run { .. } => const { &Name::once("run") },
            Operation::Snapshot { .. } | Operation::SnapshotWithInfo { .. } => const { &Name::twice("snapshot") },
            Operation::Cancel { .. } => const { &Name::once("cancel") },
            Operation::Acknowledge { .. } => const { &Name::once("acknowledge") },
            Operation::Goodbye => const { &Name::once("goodbye") },
            Operation::IsPoisoned { .. } => const { &Name::twice("is_poisoned") },
            Operation::ClearPoison { .. } => const { &Name::twice("clear_poison") },
            Operation::Backup { from: None } => const { &Name::once("backup") },
            Operation::Backup { from: Some(_) } => const { &Name::twice("backup") },
            Operation::Signature { .. } => &Name::SIGNATURE,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope.is_empty() { f.write_str(self.name) } else { write!(f, "{}.{}", self.scope, self.name) }
    }
}
